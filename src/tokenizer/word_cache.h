/* Words that were encoded before, with their ids, and pairs that were looked up before: most of a text comes again. One
 * cache serves one encoding at a time; the tokenizer keeps a few for the encodings to come, so that they begin warm. */
#ifndef TOKENIZER_WORD_CACHE_H
#define TOKENIZER_WORD_CACHE_H

#include "tokenizer/vocab.h"

#include <stdatomic.h>

#define WORD_CACHE_BYTES 30
#define WORD_CACHE_IDS 6

typedef struct cached_word { /* 64 bytes */
    uint64_t hash;
    uint8_t length, count; /* count 0: empty */
    char text[WORD_CACHE_BYTES];
    int32_t ids[WORD_CACHE_IDS];
} cached_word;

/* What two neighbours merge into. */
typedef struct cached_pair {
    uint32_t left_and_one; /* the left id + 1; 0: empty */
    int32_t right;
    uint32_t key; /* as in bpe_symbol */
    int32_t result;
} cached_pair;

#define CACHED_PAIRS 32768u
#define CACHED_WORDS 8192u
typedef struct word_cache {
    cached_word words[CACHED_WORDS];
    cached_pair pairs[CACHED_PAIRS];
} word_cache;

#define WORD_CACHES_KEPT 8
typedef struct word_caches {
    _Atomic(word_cache *) spare[WORD_CACHES_KEPT];
} word_caches;

/* One that is kept, or a new one where the text is long enough to gain by it, or NULL: going without is no failure. */
word_cache *word_cache_take(word_caches *kept, size_t text_length);
void word_cache_give(word_caches *kept, word_cache *cache);
void word_caches_free(word_caches *kept);

/* NULL: not there. */
const cached_word *word_cache_find(const word_cache *cache, uint64_t hash, const char *word, size_t length);
/* Longer words, and such of more ids, are not kept. */
void word_cache_put(word_cache *cache, uint64_t hash, const char *word, size_t length, const int32_t *ids,
                    size_t count);

#endif
