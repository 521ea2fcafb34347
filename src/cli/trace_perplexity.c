/* hearth trace perplexity: how well the ∞-gram foresees a text, alone and mixed with a model. */
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/trace_command.h"

#include "base/json.h"
#include "base/memory.h"
#include "generate/score.h"
#include "trace/trace_infinigram.h"

#include <math.h>
#include <stdio.h>

typedef struct comparing {
    token_list ids;       /* of the text */
    trace_guess *guesses; /* [ids.count] */
    float *model;         /* [ids.count] log-probabilities; NULL: no model */
    size_t first;         /* the first that is counted: a model may have none for it */
    size_t bytes;
} comparing;

static void comparing_free(comparing *g)
{
    token_list_free(&g->ids);
    mem_free(g->guesses);
    mem_free(g->model);
}

/* ---- the model ---- */

/* The model must see the same tokens: behind what it puts before a text. */
static hearth_status check_ids(const comparing *g, const token_list *ids, size_t *ret_before, hearth_error *error)
{
    const size_t before = ids->count >= g->ids.count ? ids->count - g->ids.count : 0;
    bool same = ids->count >= g->ids.count && before <= 1;
    for (size_t i = 0; same && i < g->ids.count; i++) {
        same = ids->ids[before + i] == g->ids.ids[i];
    }
    *ret_before = before;
    return same ? HEARTH_OK
                : error_set(error, HEARTH_E_ARGUMENT, "--model", "a model with the index's tokenizer",
                            "one that makes other tokens of this text");
}

static hearth_status score_all(const cli *c, opened *o, comparing *g, const token_list *ids, size_t before,
                               hearth_error *error)
{
    score_result result = {0};
    terminal_progress bar = {.quiet = c->quiet};
    const score_options how = {.cache = -1, .progress = terminal_progress_step, .progress_context = &bar};
    const hearth_status status = score_tokens(o->model, ids->ids, ids->count, g->bytes, &how, &result, error);
    terminal_progress_end(&bar);
    TRY(status);
    g->model = mem_calloc(g->ids.count, sizeof *g->model);
    for (size_t i = 0; g->model != NULL && i < g->ids.count; i++) {
        g->model[i] = result.log_probabilities[before + i];
    }
    score_result_free(&result);
    g->first = before == 0 ? 1 : 0;
    return g->model != NULL ? HEARTH_OK : error_memory(error, g->ids.count * sizeof *g->model);
}

static hearth_status ask_model(const cli *c, const char *name, const buffer *text, comparing *g, hearth_error *error)
{
    opened o = {.confined = true};
    token_list ids = {0};
    size_t before = 0;
    hearth_status status = open_model(c, name, COMPUTE_NATIVE, &o, error);
    status = status == HEARTH_OK ? open_needs_tokenizer(&o, error) : status;
    if (status == HEARTH_OK) {
        status = tokenizer_encode(o.model->tokenizer, buffer_text(text), text->length, ENCODE_ADD_BOS, &ids, error);
    }
    status = status == HEARTH_OK ? check_ids(g, &ids, &before, error) : status;
    status = status == HEARTH_OK ? score_all(c, &o, g, &ids, before, error) : status;
    token_list_free(&ids);
    open_close(&o);
    return status;
}

/* ---- results ---- */

static json_t *sums_json(const trace_perplexity *p)
{
    return json_pack("{s:o, s:o}", "perplexity", json_door_number(p->perplexity), "bits_per_byte",
                     json_door_number(p->bits_per_byte));
}

static int print_json(const cli *c, const trace_settings *s, const comparing *g, const trace_perplexity sums[3])
{
    const trace_perplexity *own = &sums[0];
    json_t *root = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "tokens", (json_int_t)g->ids.count, "counted",
                             (json_int_t)own->tokens, "bytes", (json_int_t)g->bytes, "foreseen", (json_int_t)own->hit,
                             "sure", (json_int_t)own->sure, "mean_context", json_door_number(own->context));
    root = json_door_put(root, "infinigram", sums_json(own));
    if (g->model != NULL) {
        root = json_door_put(root, "model", sums_json(&sums[1]));
        root = json_door_put(root, "mixed", json_door_put(sums_json(&sums[2]), "share", json_real(s->mix)));
    }
    return cli_print_json(c, root);
}

static void print_sums(const char *name, const trace_perplexity *p)
{
    if (isfinite(p->perplexity)) {
        printf("%-22s %14.4f %14.4f\n", name, p->perplexity, p->bits_per_byte);
    } else {
        printf("%-22s %14s %14s\n", name, "infinite", "infinite");
    }
}

static void print_text(const trace_settings *s, const comparing *g, const trace_perplexity sums[3])
{
    char a[32], b[32], name[48];
    const trace_perplexity *own = &sums[0];
    printf("%s tokens, %s of them foreseen by the infinite n-gram (%.1f%%), %.1f%% as the only one that ever follows; "
           "context of %.1f tokens on average\n\n%-22s %14s %14s\n",
           terminal_number(own->tokens, a), terminal_number(own->hit, b),
           100 * (double)own->hit / (double)(own->tokens > 0 ? own->tokens : 1),
           100 * (double)own->sure / (double)(own->tokens > 0 ? own->tokens : 1), own->context, "", "perplexity",
           "bits per byte");
    print_sums("infinite n-gram", own);
    if (g->model != NULL) {
        (void)snprintf(name, sizeof name, "mixed, %g of it", s->mix);
        print_sums("model", &sums[1]);
        print_sums(name, &sums[2]);
    }
}

static void tell(const cli *c, const trace_settings *s, const comparing *g, int *ret_code)
{
    const trace_guess *guesses = g->guesses + g->first;
    const float *logs = g->model != NULL ? g->model + g->first : NULL;
    const size_t count = g->ids.count - g->first;
    trace_perplexity sums[3] = {trace_infinigram_sum(guesses, count, NULL, 1, g->bytes)};
    if (logs != NULL) {
        sums[1] = trace_infinigram_sum(guesses, count, logs, 0, g->bytes);
        sums[2] = trace_infinigram_sum(guesses, count, logs, s->mix, g->bytes);
    }
    if (c->json) {
        *ret_code = print_json(c, s, g, sums);
    } else {
        print_text(s, g, sums);
    }
}

static hearth_status look_up(const cli *c, const trace_index *x, const buffer *text, comparing *g, hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    const tokenizer *t = trace_index_tokenizer(x);
    if (t == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "perplexity", "an index by tokens", "one by bytes alone");
    }
    g->bytes = text->length;
    TRY(tokenizer_encode(t, buffer_text(text), text->length, ENCODE_PLAIN, &g->ids, error));
    if (g->ids.count < 2) {
        return error_set(error, HEARTH_E_ARGUMENT, NULL, "a text of at least two tokens", "%zu", g->ids.count);
    }
    g->guesses = mem_calloc(g->ids.count, sizeof *g->guesses);
    if (g->guesses == NULL) {
        return error_memory(error, g->ids.count * sizeof *g->guesses);
    }
    const hearth_status status =
        trace_infinigram(x, g->ids.ids, g->ids.count, 0, terminal_progress_step, &bar, g->guesses, error);
    terminal_progress_end(&bar);
    return status;
}

hearth_status trace_verb_perplexity(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                    int *ret_code, hearth_error *error)
{
    trace_index *x = NULL;
    comparing g = {0};
    buffer text;
    buffer_init(&text, LIMIT_TEXT_BYTES);
    hearth_status status = open_text(c, count > 1 ? operands[1] : NULL, &text, error);
    if (status == HEARTH_OK) { /* the model's files are named later: this process gives up the rest then */
        status = s->model != NULL ? trace_index_open(operands[0], 1, &x, error)
                                  : trace_open(c, operands[0], NULL, NULL, &x, error);
    }
    status = status == HEARTH_OK ? look_up(c, x, &text, &g, error) : status;
    status = status == HEARTH_OK && s->model != NULL ? ask_model(c, s->model, &text, &g, error) : status;
    if (status == HEARTH_OK) {
        tell(c, s, &g, ret_code);
    }
    trace_index_close(x);
    comparing_free(&g);
    buffer_free(&text);
    return status;
}
