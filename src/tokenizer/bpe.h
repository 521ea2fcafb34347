/* Merging a word's symbols into tokens: byte pair encoding by ranked merges (Sennrich et al. 2016, GPT-2) and
 * SentencePiece's by scores (Kudo 2018). The best pair first, the leftmost of equals; short words scan, long ones keep
 * a heap, so a megabyte of one letter takes n log n. */
#ifndef TOKENIZER_BPE_H
#define TOKENIZER_BPE_H

#include "tokenizer/word_cache.h"

typedef struct bpe_merge {
    int32_t left, right; /* left -1: an empty slot */
    uint32_t rank;
    int32_t result;
} bpe_merge;

typedef struct bpe {
    tokenizer_model model;
    bool byte_level, byte_fallback, fuse_unknown, ignore_merges;
    int32_t unknown;
    int32_t byte_ids[256];             /* byte level: the byte's token; else <0xNN>; -1 where there is none */
    int32_t ascii_ids[128], marker_id; /* of these characters' tokens in `words`, -1: none */
    vocab words;                       /* what a symbol or a word may be: no token with TOKEN_OUTSIDE */
    bpe_merge *merges;                 /* TOKENIZER_BPE: [merge_mask + 1] */
    size_t merge_mask;
    uint32_t *score_keys; /* TOKENIZER_SENTENCEPIECE: [tokens], smaller is better; TOKENIZER_RANKS: NULL, by id */
    _Atomic uint8_t
        *whole; /* [tokens] what encoding a token's own text gives: 0 not known yet, 1 the token, 2 another */
} bpe;

typedef struct bpe_symbol {
    int32_t id; /* -1: a character without a token */
    uint32_t start;
    uint32_t length; /* 0: merged away */
    int32_t previous, next;
    uint32_t key; /* of the pair with `next`; UINT32_MAX: it does not merge */
    int32_t result;
} bpe_symbol;

/* One encoding's working memory. */
typedef struct bpe_scratch {
    bpe_symbol *symbols;
    size_t symbol_capacity;
    uint64_t *heap; /* key << 32 | position */
    size_t heap_count, heap_capacity;
    cached_pair *pairs; /* [CACHED_PAIRS] or NULL */
} bpe_scratch;

void bpe_scratch_free(bpe_scratch *s);

/* Appends a word's ids. length < 2^31. HEARTH_E_MEMORY is the only failure. */
hearth_status bpe_encode(const bpe *b, bpe_scratch *s, const char *word, size_t length, token_list *out,
                         hearth_error *error);

#endif
