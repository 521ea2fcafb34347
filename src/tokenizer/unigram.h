/* The unigram language model (Kudo 2018): of all ways to cut a text into tokens, the one whose scores add up highest
 * (Viterbi). Adds and compares as SentencePiece does (binary32 totals) or as Hugging Face tokenizers (binary64), so
 * that equal sums are resolved as they are there: the token that begins first wins. */
#ifndef TOKENIZER_UNIGRAM_H
#define TOKENIZER_UNIGRAM_H

#include "tokenizer/bpe.h"
#include "tokenizer/double_array.h"

typedef struct unigram {
    double_array trie;
    const double *scores; /* [tokens] */
    double unknown_score;
    bool binary32;      /* SentencePiece's sums */
    bool byte_fallback; /* characters without a token become <0xNN> */
    int32_t unknown;    /* -1: none; such characters are then left out */
    const int32_t *byte_ids;
    const vocab *words;
} unigram;

typedef struct unigram_node {
    double score;   /* of the best way that ends here */
    uint32_t start; /* where its last token begins; UINT32_MAX: nothing ends here yet */
    int32_t id;
} unigram_node;

typedef struct unigram_scratch {
    unigram_node *nodes; /* by byte of the stretch in work */
    size_t capacity;
    uint32_t *ends; /* of the tokens of its best way, last first */
    size_t end_capacity;
} unigram_scratch;

void unigram_scratch_free(unigram_scratch *s);

/* `scores` and `words` must outlive `u`; so must byte_ids. `skip`: [count], what is no token for text. */
hearth_status unigram_create(unigram *u, const token_text *texts, const uint8_t *skip, size_t count,
                             hearth_error *error);
void unigram_free(unigram *u);

/* Appends a piece's ids. `text` is valid UTF-8, length < 2^31. */
hearth_status unigram_encode(const unigram *u, unigram_scratch *s, const char *text, size_t length, token_list *out,
                             hearth_error *error);

#endif
