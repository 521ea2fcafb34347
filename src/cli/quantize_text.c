/* Texts through the source model, and through both. */
#include "cli/quantize_text.h"
#include "cli/signals.h"

#include "base/memory.h"

#include <string.h>

#define HELD_OUT 10 /* of the importance text's tokens, one part in so many is kept for the comparison */

static bool is_statistics(const buffer *text)
{
    return text->length >= 4 && memcmp(text->data, "GGUF", 4) == 0;
}

hearth_status quantize_tokens(const model *m, const buffer *text, size_t most, token_list *ret, int32_t *ret_first,
                              hearth_error *error)
{
    if (m->tokenizer == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tokenizer", NULL, "this model comes without one");
    }
    TRY(tokenizer_encode(m->tokenizer, buffer_text(text), text->length, ENCODE_ADD_BOS, ret, error));
    const int32_t bos = tokenizer_bos(m->tokenizer);
    *ret_first = ret->count > 0 && ret->ids[0] == bos ? bos : -1;
    ret->count = ret->count < most ? ret->count : most;
    return HEARTH_OK;
}

static hearth_status open_for(quantize_texts *t, const char *path, compute how, model **ret, hearth_error *error)
{
    terminal_progress bar = {.quiet = t->c->quiet};
    const model_options options = {.compute = how, .progress = terminal_progress_step, .progress_context = &bar};
    const hearth_status status = model_open(t->engine, path, &options, ret, error);
    terminal_progress_end(&bar);
    return status;
}

/* The last part of the tokens goes to held_out, unless there is a text for that or too little of this one. */
static hearth_status hold_out(quantize_texts *t, token_list *ids, hearth_error *error)
{
    const size_t kept = ids->count / HELD_OUT;
    if (t->kl != NULL) {
        return HEARTH_OK;
    }
    if (kept < DIVERGENCE_WINDOW / 4) {
        cli_note(t->c, "%s: a tenth of %zu tokens is too little to compare on; --kl FILE compares", t->importance,
                 ids->count);
        return HEARTH_OK;
    }
    ids->count -= kept;
    for (size_t i = 0; i < kept; i++) {
        TRY(token_list_append(&t->held_out, ids->ids[ids->count + i], error));
    }
    return HEARTH_OK;
}

static hearth_status collect(quantize_texts *t, model *m, const buffer *text, hearth_error *error)
{
    terminal_progress bar = {.quiet = t->c->quiet};
    token_list ids = {0};
    importance_options o = {.progress = terminal_progress_step, .progress_context = &bar};
    hearth_status status = quantize_tokens(m, text, t->tokens, &ids, &o.first, error);
    t->first = o.first;
    if (status == HEARTH_OK) {
        status = hold_out(t, &ids, error);
    }
    if (status == HEARTH_OK) {
        status = importance_collect(m, ids.ids, ids.count, &o, &t->statistics, error);
    }
    terminal_progress_end(&bar);
    token_list_free(&ids);
    return status;
}

/* --kl's text, or none. */
static hearth_status read_kl(quantize_texts *t, const model *m, hearth_error *error)
{
    buffer text;
    if (t->kl == NULL) {
        return HEARTH_OK;
    }
    buffer_init(&text, 0);
    hearth_status status = open_text(t->c, t->kl, &text, error);
    if (status == HEARTH_OK) {
        status = quantize_tokens(m, &text, t->tokens, &t->held_out, &t->first, error);
    }
    if (status == HEARTH_OK && t->held_out.count < 4) {
        status =
            error_set(error, HEARTH_E_ARGUMENT, "--kl", "a text of at least four tokens", "%zu", t->held_out.count);
    }
    buffer_free(&text);
    return status;
}

static hearth_status collect_importance(quantize_texts *t, model *m, const buffer *text, hearth_error *error)
{
    if (t->importance == NULL || is_statistics(text)) {
        return HEARTH_OK;
    }
    TRY(collect(t, m, text, error));
    return t->importance_out == NULL ? HEARTH_OK
                                     : importance_save(t->statistics, t->importance, t->importance_out, error);
}

static hearth_status before(quantize_texts *t, buffer *text, hearth_error *error)
{
    model *m = NULL;
    if (t->importance != NULL) {
        TRY(open_text(t->c, t->importance, text, error));
    }
    if (t->importance != NULL && is_statistics(text)) {
        TRY(importance_load(t->importance, &t->statistics, error));
    }
    if (t->kl == NULL && (t->importance == NULL || t->statistics != NULL)) {
        return HEARTH_OK;
    }
    if (t->statistics != NULL || t->importance == NULL) { /* the tokenizer alone */
        const model_options options = {.without_weights = true};
        TRY(model_open(t->engine, t->source, &options, &m, error));
    } else {
        TRY(open_for(t, t->source, COMPUTE_F32, &m, error));
    }
    hearth_status status = read_kl(t, m, error);
    if (status == HEARTH_OK) {
        status = collect_importance(t, m, text, error);
    }
    model_close(m);
    return status;
}

hearth_status quantize_texts_before(quantize_texts *t, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    const hearth_status status = before(t, &text, error);
    buffer_free(&text);
    return status;
}

static hearth_status measure(quantize_texts *t, model *reference, model *m, divergence_result *ret, hearth_error *error)
{
    terminal_progress bar = {.quiet = t->c->quiet};
    const divergence_options o = {.first = t->first, .progress = terminal_progress_step, .progress_context = &bar};
    const hearth_status status = divergence_measure(reference, m, t->held_out.ids, t->held_out.count, &o, ret, error);
    terminal_progress_end(&bar);
    return status;
}

hearth_status quantize_texts_after(quantize_texts *t, const char *out, divergence_result *ret, bool *ret_measured,
                                   hearth_error *error)
{
    model *reference = NULL;
    model *m = NULL;
    *ret_measured = t->held_out.count != 0;
    if (!*ret_measured) {
        return HEARTH_OK;
    }
    hearth_status status = open_for(t, t->source, COMPUTE_F32, &reference, error);
    if (status == HEARTH_OK) {
        status = open_for(t, out, COMPUTE_NATIVE, &m, error);
    }
    if (status == HEARTH_OK) {
        status = measure(t, reference, m, ret, error);
    }
    model_close(m);
    model_close(reference);
    return status;
}

void quantize_texts_free(quantize_texts *t)
{
    importance_free(t->statistics);
    token_list_free(&t->held_out);
    t->statistics = NULL;
}
