/* hearth score: how probable a text is to a model. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/pieces.h"
#include "cli/quantize_report.h"
#include "cli/quantize_text.h"
#include "cli/signals.h"

#include "base/json.h"
#include "generate/score.h"

#include <stdio.h>
#include <string.h>

typedef struct score_settings {
    size_t window, stride;
    bool per_token;
    bool no_bos;
    int compute, cache;
    const char *memory;
    int lossless;
    const char *reference;
} score_settings;

static const option options[] = {
    {.name = "window",
     .type = OPTION_COUNT,
     .offset = offsetof(score_settings, window),
     .argument = "N",
     .least = 2,
     .most = LIMIT_CONTEXT,
     .help = "Compute long texts in windows of N tokens. Default: the model's context, at most 2048."},
    {.name = "stride",
     .type = OPTION_COUNT,
     .offset = offsetof(score_settings, stride),
     .argument = "N",
     .least = 1,
     .most = LIMIT_CONTEXT,
     .help = "Move the window on by N tokens. Each token is scored once, with at least window - stride tokens before "
             "it (but at the text's beginning). Default: half the window."},
    {.name = "per-token",
     .type = OPTION_FLAG,
     .offset = offsetof(score_settings, per_token),
     .help = "Print each token with its log-probability (natural logarithm)."},
    {.name = "no-bos",
     .type = OPTION_FLAG,
     .offset = offsetof(score_settings, no_bos),
     .help = "Leave out the token that begins a text; the text's own first token is then context and has no score."},
    {.name = "compute",
     .type = OPTION_CHOICE,
     .offset = offsetof(score_settings, compute),
     .argument = "HOW",
     .choices = open_compute_names,
     .help = "How products are computed: native (the number format's fast rule) or f32 (exactly dequantised weights, "
             "binary32 activations). Default: native."},
    {.name = "cache",
     .type = OPTION_CHOICE,
     .offset = offsetof(score_settings, cache),
     .argument = "FORMAT",
     .choices = cache_type_names,
     .help = OPEN_CACHE_HELP},
    {.name = "lossless",
     .type = OPTION_CHOICE,
     .offset = offsetof(score_settings, lossless),
     .argument = "WHEN",
     .choices = open_lossless_names,
     .help = OPEN_LOSSLESS_HELP},
    {.name = "memory",
     .type = OPTION_TEXT,
     .offset = offsetof(score_settings, memory),
     .argument = "SIZE",
     .help = OPEN_MEMORY_HELP},
    {.name = "reference",
     .type = OPTION_TEXT,
     .offset = offsetof(score_settings, reference),
     .argument = "MODEL",
     .hint = HINT_FILE,
     .help =
         "Compare the predictions with those of this model, computed in f32, in windows of --window tokens (default: "
         "512) that know nothing of each other, of which the second half counts: mean KL divergence, share of the "
         "same most probable tokens, both perplexities."},
    {.name = NULL},
};

static const score_settings defaults = {.cache = -1};

static json_t *per_token_json(const tokenizer *t, const token_list *list, const score_result *r)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *value = i > 0 ? json_door_float(r->log_probabilities[i]) : json_null();
        rows = json_door_append(rows, json_door_put(pieces_json_one(t, list->ids[i]), "log_probability", value));
    }
    return rows;
}

static int print_json(const cli *c, const score_settings *s, const opened *o, const token_list *list, size_t bytes,
                      const score_result *r)
{
    json_t *value = json_pack(
        "{s:I, s:I, s:I, s:o, s:o, s:o, s:I, s:I, s:f, s:s, s:s, s:s, s:s, s:i}", "tokens", (json_int_t)list->count,
        "scored", (json_int_t)r->scored, "bytes", (json_int_t)bytes, "log_probability", json_door_number(r->sum),
        "perplexity", json_door_number(r->perplexity), "bits_per_byte", json_door_number(r->bits_per_byte), "window",
        (json_int_t)r->window, "stride", (json_int_t)r->stride, "seconds", r->seconds, "hash", r->hash, "compute",
        open_compute_names[s->compute], "cache", cache_type_names[kv_cache_choose((compute)s->compute, s->cache)],
        "isa", o->engine->kernels->name, "threads", o->engine->threads);
    if (s->per_token) {
        value = json_door_put(value, "per_token", per_token_json(o->model->tokenizer, list, r));
    }
    return cli_print_json(c, value);
}

static hearth_status print_text(const score_settings *s, const opened *o, const token_list *list, size_t bytes,
                                const score_result *r, hearth_error *error)
{
    for (size_t i = 0; s->per_token && i < list->count; i++) {
        if (i > 0) {
            printf("%11.5f  ", (double)r->log_probabilities[i]);
        } else {
            printf("%11s  ", "context");
        }
        TRY(pieces_print(o->model->tokenizer, list->ids[i], stdout, error));
        putchar('\n');
    }
    char tokens[32], scored[32], size[32];
    printf(
        "%stokens          %s (%s scored), %s bytes\nlog-probability %.4f\nperplexity      %.4f\n"
        "bits per byte   %.4f\nwindow          %zu tokens, stride %zu\ncomputed        %s in %.2f s (%.0f tokens/s)\n",
        s->per_token ? "\n" : "", terminal_number(list->count, tokens), terminal_number(r->scored, scored),
        terminal_number(bytes, size), r->sum, r->perplexity, r->bits_per_byte, r->window, r->stride,
        open_compute_names[s->compute], r->seconds, r->seconds > 0 ? (double)r->scored / r->seconds : 0);
    return HEARTH_OK;
}

/* Bytes of the text that the ids after the first stand for. */
static hearth_status scored_bytes(const tokenizer *t, const token_list *list, size_t text_bytes, size_t *ret,
                                  hearth_error *error)
{
    *ret = text_bytes;
    if (list->count == 0 || list->ids[0] == tokenizer_bos(t)) {
        return HEARTH_OK;
    }
    buffer piece;
    buffer_init(&piece, 0);
    const hearth_status status = tokenizer_decode(t, list->ids, 1, DECODE_PLAIN, &piece, error);
    *ret = text_bytes > piece.length ? text_bytes - piece.length : 0;
    buffer_free(&piece);
    return status;
}

static hearth_status score_text(const cli *c, const score_settings *s, const opened *o, const buffer *text,
                                int *ret_code, hearth_error *error)
{
    token_list list = {0};
    score_result result = {0};
    size_t bytes = 0;
    terminal_progress bar = {.quiet = c->quiet};
    const score_options how = {.window = s->window,
                               .stride = s->stride,
                               .cache = s->cache,
                               .progress = terminal_progress_step,
                               .progress_context = &bar};
    (void)signals_leave_at_once(true);
    hearth_status status = tokenizer_encode(o->model->tokenizer, buffer_text(text), text->length,
                                            s->no_bos ? ENCODE_PLAIN : ENCODE_ADD_BOS, &list, error);
    if (status == HEARTH_OK && list.count < 2) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "a text of at least two tokens", "%zu", list.count);
    }
    if (status == HEARTH_OK) {
        status = scored_bytes(o->model->tokenizer, &list, text->length, &bytes, error);
    }
    if (status == HEARTH_OK) {
        (void)signals_leave_at_once(false);
        status = score_tokens(o->model, list.ids, list.count, bytes, &how, &result, error);
        if (status == HEARTH_E_ARGUMENT && strcmp(error->place, "stride") == 0) {
            snprintf(error->place, sizeof error->place, "--stride");
        }
        terminal_progress_end(&bar);
    }
    if (status != HEARTH_E_CANCELLED) {
        (void)signals_leave_at_once(true);
    }
    if (status == HEARTH_OK && c->json) {
        *ret_code = print_json(c, s, o, &list, bytes, &result);
    } else if (status == HEARTH_OK) {
        status = print_text(s, o, &list, bytes, &result, error);
    }
    score_result_free(&result);
    token_list_free(&list);
    return status;
}

/* --reference: in place of the score. */
static hearth_status compare(const cli *c, const score_settings *s, const opened *o, const buffer *text, int *ret_code,
                             hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    const model_options exact = {.compute = COMPUTE_F32, .progress = terminal_progress_step, .progress_context = &bar};
    divergence_options how = {.window = s->window, .progress = terminal_progress_step, .progress_context = &bar};
    model *reference = NULL;
    token_list list = {0};
    divergence_result result = {0};
    (void)signals_leave_at_once(false);
    hearth_status status = model_open(o->engine, s->reference, &exact, &reference, error);
    terminal_progress_end(&bar);
    if (status == HEARTH_OK) {
        status = quantize_tokens(o->model, text, SIZE_MAX, &list, &how.first, error);
    }
    if (status == HEARTH_OK) {
        status = divergence_measure(reference, o->model, list.ids, list.count, &how, &result, error);
        terminal_progress_end(&bar);
    }
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, divergence_json(&result));
    } else if (status == HEARTH_OK) {
        divergence_print(&result);
    }
    token_list_free(&list);
    model_close(reference);
    return status;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const score_settings *s = settings;
    if (s->window > 0 && s->stride >= s->window) {
        return cli_usage(c, "--stride must be smaller than --window");
    }
    hearth_error error = {0};
    opened o = {.memory = s->memory, .lossless = s->lossless, .confined = true};
    buffer text;
    buffer_init(&text, 0);
    int code = EXIT_DONE;
    hearth_status status = open_text(c, count > 1 ? operands[1] : NULL, &text, &error);
    if (status == HEARTH_OK) {
        status = open_model(c, operands[0], s->compute, &o, &error);
    }
    if (status == HEARTH_OK) {
        status = open_needs_tokenizer(&o, &error);
    }
    if (status == HEARTH_OK && s->window > o.model->config.context) {
        status = error_set(&error, HEARTH_E_ARGUMENT, "--window", "at most the model's context", "%zu of %u", s->window,
                           o.model->config.context);
    }
    if (status == HEARTH_OK) {
        status =
            s->reference != NULL ? compare(c, s, &o, &text, &code, &error) : score_text(c, s, &o, &text, &code, &error);
    }
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    }
    buffer_free(&text);
    open_close(&o);
    return code;
}

const cli_command command_score = {
    .name = "score",
    .operands = "MODEL [FILE]",
    .least = 1,
    .most = 2,
    .summary = "tell how probable a text is to a model",
    .text =
        "Reads FILE, or standard input, and prints the sum of the tokens' log-probabilities, the perplexity (e to the "
        "power of the mean negative log-probability per token) and the bits per byte (which can be compared between "
        "models with different tokenizers). The first token, the model's own mark for the beginning of a text where "
        "it has one, is context and is not scored.\n\n"
        "A text that is longer than the window is computed in windows that overlap: --window and --stride say how, "
        "and both are printed with the result.\n\n"
        "The hash that --json prints is the SHA-256 of all log-probabilities: it is equal on every machine.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth score model.gguf README.md", "Perplexity of a file."},
                                      {"echo 'The sky is blue.' | hearth score model.gguf --per-token",
                                       "Which words surprise the model."},
                                      {"hearth score model.gguf book.txt --window 1024 --stride 256 --json",
                                       "More context for each token, for a program."},
                                      {NULL, NULL}},
    .run = run,
};
