/* hearth quantize's texts: statistics of importance before, divergence after. */
#ifndef CLI_QUANTIZE_TEXT_H
#define CLI_QUANTIZE_TEXT_H

#include "cli/open.h"
#include "convert/importance.h"
#include "generate/divergence.h"

typedef struct quantize_texts {
    const cli *c;
    engine *engine;
    const char *source;         /* the model's path */
    const char *importance;     /* --importance: a text or a file of statistics; NULL: none */
    const char *importance_out; /* --importance-out; NULL: none */
    const char *kl;             /* --kl: a text; NULL: what was held out */
    size_t tokens;              /* of each text at most */
    /* found */
    importance *statistics; /* NULL: none */
    token_list held_out;    /* what divergence is measured on; empty: it is not */
    int32_t first;          /* the token that begins a window, or -1 */
} quantize_texts;

/* Reads, collects, saves. */
hearth_status quantize_texts_before(quantize_texts *t, hearth_error *error);
/* Compares the file at `out` with the source; *ret_measured is false where there is nothing to measure on. */
hearth_status quantize_texts_after(quantize_texts *t, const char *out, divergence_result *ret, bool *ret_measured,
                                   hearth_error *error);
void quantize_texts_free(quantize_texts *t);

/* A model's tokens of a text, at most `most`, and the token that begins every window of it (-1: none). */
hearth_status quantize_tokens(const model *m, const buffer *text, size_t most, token_list *ret, int32_t *ret_first,
                              hearth_error *error);

#endif
