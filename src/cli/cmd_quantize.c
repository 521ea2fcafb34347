/* hearth quantize: a GGUF file's matrices in fewer bits. */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/quantize_report.h"
#include "cli/quantize_text.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "convert/quantize.h"
#include "platform/cpu.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OVERRIDES 64u
#define KIND_LOSSLESS (-2)

typedef struct quantize_settings {
    option_list tensors;
    const char *importance, *importance_out, *kl;
    size_t tokens;
    bool lossless;
} quantize_settings;

static const option options[] = {
    {.name = "lossless",
     .type = OPTION_FLAG,
     .offset = offsetof(quantize_settings, lossless),
     .help = "Without TYPE: BF16 matrices in about 12.2 bits a weight, every bit kept; hearth opens it as it is, other "
             "programs after hearth convert (docs/formats/lossless.md)."},
    {.name = "tensor",
     .type = OPTION_LIST,
     .offset = offsetof(quantize_settings, tensors),
     .argument = "PATTERN=TYPE",
     .help = "Give tensors whose names match the shell pattern this format (f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, "
             "q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4, tq1_0, tq2_0). May be given many times; the "
             "first that matches counts."},
    {.name = "importance",
     .type = OPTION_TEXT,
     .offset = offsetof(quantize_settings, importance),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Run this text through MODEL first, and weight each column's errors by the mean square of what goes into "
             "it. A GGUF file is read as such statistics: what --importance-out wrote, or llama.cpp's llama-imatrix."},
    {.name = "importance-out",
     .type = OPTION_TEXT,
     .offset = offsetof(quantize_settings, importance_out),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Keep the statistics in FILE, in llama.cpp's GGUF form."},
    {.name = "kl",
     .type = OPTION_TEXT,
     .offset = offsetof(quantize_settings, kl),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "Compare OUT with MODEL on this text: mean KL divergence of the predictions, share of the same most "
             "probable tokens, both perplexities. Default: the last tenth of the text that --importance names, which "
             "then is left out of the statistics; nothing without --importance."},
    {.name = "tokens",
     .type = OPTION_COUNT,
     .offset = offsetof(quantize_settings, tokens),
     .argument = "N",
     .least = 4,
     .most = 1 << 30,
     .help = "Take at most the first N tokens of each text. Default: 16384."},
    {.name = NULL},
};

static const quantize_settings defaults = {.tokens = 16384};

/* The overrides, in copies whose patterns end where their texts had the sign. */
typedef struct overrides {
    quantize_override list[OVERRIDES];
    char patterns[OVERRIDES][LIMIT_TENSOR_NAME_BYTES + 1];
    size_t count;
} overrides;

/* NULL, or what is wrong. */
static const char *read_overrides(const quantize_settings *s, overrides *ret)
{
    ret->count = 0;
    for (size_t i = 0; i < s->tensors.count; i++) {
        const char *text = s->tensors.items[i];
        const char *sign = strrchr(text, '=');
        if (sign == NULL || (size_t)(sign - text) > LIMIT_TENSOR_NAME_BYTES || ret->count == OVERRIDES) {
            return text;
        }
        snprintf(ret->patterns[ret->count], sizeof ret->patterns[0], "%.*s", (int)(sign - text), text);
        ret->list[ret->count].pattern = ret->patterns[ret->count];
        if (!quantize_format(sign + 1, &ret->list[ret->count].type)) {
            return text;
        }
        ret->count++;
    }
    return NULL;
}

static int find_kind(const char *name)
{
    for (int i = 0; quantize_names[i] != NULL; i++) {
        if (strcasecmp(quantize_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A pattern that is mistyped would otherwise do nothing without a word. */
static void tell_of_unmatched(const cli *c, const overrides *over, const quantize_result *result)
{
    for (size_t i = 0; i < over->count; i++) {
        size_t t = 0;
        while (t < result->count && fnmatch(over->list[i].pattern, result->tensors[t].name, 0) != 0) {
            t++;
        }
        if (t == result->count) {
            cli_note(c, "--tensor %s: no tensor has such a name", over->list[i].pattern);
        }
    }
}

/* A file of few bits is no good source: what its first rounding lost stays lost, and the second loses more. */
static void tell_of_rounding_twice(const cli *c, const quantize_result *result)
{
    bool grown = false;
    const size_t again = quantize_again(result, &grown);
    if (again > 0) {
        cli_note(
            c,
            "%zu of %zu tensors were quantised in MODEL already: rounding them again loses more%s; take the F16 or "
            "BF16 file where there is one",
            again, result->count, grown ? ", and they take more bytes than before" : "");
    }
}

static hearth_status quantize(quantize_texts *t, int kind, const char *out, const overrides *over, quantize_report *ret,
                              quantize_result *result, divergence_result *divergence, hearth_error *error)
{
    terminal_progress bar = {.quiet = t->c->quiet};
    bool measured = false;
    TRY(quantize_texts_before(t, error));
    const quantize_options how = {.kernels = t->engine->kernels,
                                  .pool = t->engine->pool,
                                  .overrides = over->list,
                                  .override_count = over->count,
                                  .importance = t->statistics,
                                  .progress = terminal_progress_step,
                                  .progress_context = &bar};
    const double began = time_seconds();
    const hearth_status status = kind == KIND_LOSSLESS ? quantize_lossless(t->source, out, &how, result, error)
                                                       : quantize_model(t->source, kind, out, &how, result, error);
    terminal_progress_end(&bar);
    if (status != HEARTH_OK) {
        return status;
    }
    tell_of_unmatched(t->c, over, result);
    tell_of_rounding_twice(t->c, result);
    *ret = (quantize_report){.out = out,
                             .kind = kind == KIND_LOSSLESS ? "lossless" : quantize_names[kind],
                             .result = result,
                             .seconds = time_seconds() - began};
    TRY(quantize_texts_after(t, out, divergence, &measured, error));
    ret->divergence = measured ? divergence : NULL;
    return HEARTH_OK;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    static overrides over;
    const quantize_settings *s = settings;
    const char *const out = operands[count - 1];
    hearth_error error = {0};
    quantize_result result = {0};
    divergence_result divergence = {0};
    quantize_report report = {0};
    char *path = NULL;
    opened o = {0};
    const int kind = s->lossless ? KIND_LOSSLESS : count == 3 ? find_kind(operands[1]) : -1;
    const char *wrong = read_overrides(s, &over);
    if (s->lossless ? count != 2 : count != 3) {
        return cli_usage(c, "expected MODEL TYPE OUT, or MODEL OUT with --lossless");
    }
    if (s->lossless && s->tensors.count + (s->importance != NULL) != 0) {
        return cli_usage(c, "--lossless rounds nothing: --tensor and --importance have no place beside it");
    }
    if (!s->lossless && kind < 0) {
        return cli_usage(c, "unknown type \"%.40s\"; see hearth help quantize", operands[1]);
    }
    if (strcmp(out, "-") == 0) {
        return cli_usage(c, "OUT: expected a file (./- for one of that name), found -");
    }
    if (wrong != NULL) {
        return cli_usage(c, "--tensor: expected PATTERN=TYPE, found \"%.80s\"", wrong);
    }
    if (s->importance_out != NULL && s->importance == NULL) {
        return cli_usage(c, "--importance-out wants --importance");
    }
    quantize_texts texts = {.c = c,
                            .importance = s->importance,
                            .importance_out = s->importance_out,
                            .kl = s->kl,
                            .tokens = s->tokens,
                            .first = -1};
    const char *const first = s->importance != NULL ? s->importance : s->kl;
    const char *const texts_read[] = {first, s->importance != NULL ? s->kl : NULL, NULL};
    const char *const written[] = {out, s->importance_out, NULL};
    hearth_status status = confine_to_files(operands[0], texts_read, written, &path, &error);
    status = status != HEARTH_OK ? status : open_engine(c, &o, &error);
    if (status == HEARTH_OK) {
        texts.engine = o.engine;
        texts.source = path;
        (void)signals_leave_at_once(false);
        status = quantize(&texts, kind, out, &over, &report, &result, &divergence, &error);
    }
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = quantize_print_json(c, &report);
    } else {
        quantize_print(&report);
    }
    quantize_texts_free(&texts);
    quantize_result_free(&result);
    mem_free(path);
    open_close(&o);
    return code;
}

const cli_command command_quantize = {
    .name = "quantize",
    .operands = "MODEL [TYPE] OUT",
    .least = 2,
    .most = 3,
    .summary = "write a GGUF file's matrices in fewer bits",
    .text =
        "TYPE is f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q6_k, mxfp4, tq1_0, tq2_0, or a mixture: q2_k, q2_k_s, "
        "q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m, iq4_nl, iq4_xs. "
        "Each block's scale is searched for the least squared error, and the same bytes come out with any number of "
        "threads. Vectors, norms and routers stay as they are; the output matrix gets Q6_K. Rows that a format's "
        "blocks of 256 do not divide get blocks of 32 (Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K).\n\n"
        "Prints what each tensor became and its relative error (the root of the mean squared error over the root of "
        "the mean square), how many tensors and bytes each format got, sizes and bits per weight, and, where there is "
        "a text for it, how far OUT's predictions are from MODEL's. Says on standard error when tensors of MODEL were "
        "quantised already: another rounding loses more. OUT must not be there yet, and it appears when it "
        "is whole.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth quantize model-bf16.gguf q4_k_m model-q4_k_m.gguf",
                                       "Four bits for most weights, six where it matters."},
                                      {"hearth quantize model-f16.gguf iq4_xs small.gguf --importance text.txt",
                                       "With statistics from a text, and what it cost on the text's end."},
                                      {"hearth quantize model.gguf q4_0 small.gguf --tensor 'blk.*.attn_v.weight=q8_0'",
                                       "Eight bits for the values of attention."},
                                      {"hearth quantize model-bf16.gguf --lossless model-lossless.gguf",
                                       "A quarter smaller and faster to decode, with the same bits."},
                                      {NULL, NULL}},
    .run = run,
};
