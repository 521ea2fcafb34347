/* Normalisers: a text through the steps of a spec. */
#ifndef TOKENIZER_NORMALIZE_H
#define TOKENIZER_NORMALIZE_H

#include "tokenizer/normalize_spm.h"
#include "tokenizer/regex.h"

typedef struct normalizer {
    normalizer_step *steps;  /* texts inside belong to the tokenizer's arena */
    regex **regexes;         /* [count], NULL where a step has none */
    charsmap *maps;          /* [count], empty where a step has none */
    added_trie user_defined; /* SentencePiece's symbols that no rule changes */
    size_t count;
} normalizer;

/* Two buffers that steps write in turn. */
typedef struct normalizer_scratch {
    buffer buffers[2];
    buffer codes;
} normalizer_scratch;

void normalizer_scratch_init(normalizer_scratch *s);
void normalizer_scratch_free(normalizer_scratch *s);

/* *ret points to `text` itself or into the scratch, until the next call. `text`: valid UTF-8, and so is the result. */
hearth_status normalizer_apply(const normalizer *n, normalizer_scratch *s, const char *text, size_t length,
                               token_text *ret, hearth_error *error);

#endif
