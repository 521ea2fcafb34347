/* A table without chains: a word's place is its hash's, and the last word there stays. */
#include "tokenizer/word_cache.h"

#include "base/memory.h"

#include <string.h>

#define WORTH_A_CACHE 512

word_cache *word_cache_take(word_caches *kept, size_t text_length)
{
    for (size_t i = 0; i < WORD_CACHES_KEPT; i++) {
        word_cache *cache = atomic_exchange_explicit(&kept->spare[i], NULL, memory_order_acquire);
        if (cache != NULL) {
            return cache;
        }
    }
    return text_length < WORTH_A_CACHE ? NULL : mem_calloc(1, sizeof(word_cache));
}

void word_cache_give(word_caches *kept, word_cache *cache)
{
    for (size_t i = 0; i < WORD_CACHES_KEPT && cache != NULL; i++) {
        word_cache *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&kept->spare[i], &none, cache, memory_order_release,
                                                    memory_order_relaxed)) {
            return;
        }
    }
    mem_free(cache);
}

void word_caches_free(word_caches *kept)
{
    for (size_t i = 0; i < WORD_CACHES_KEPT; i++) {
        mem_free(atomic_exchange_explicit(&kept->spare[i], NULL, memory_order_acquire));
    }
}

const cached_word *word_cache_find(const word_cache *cache, uint64_t hash, const char *word, size_t length)
{
    const cached_word *slot = &cache->words[(hash >> 32) & (CACHED_WORDS - 1)];
    return slot->hash == hash && slot->count > 0 && slot->length == length && memcmp(slot->text, word, length) == 0
               ? slot
               : NULL;
}

void word_cache_put(word_cache *cache, uint64_t hash, const char *word, size_t length, const int32_t *ids, size_t count)
{
    if (length > WORD_CACHE_BYTES || count > WORD_CACHE_IDS) {
        return;
    }
    cached_word *slot = &cache->words[(hash >> 32) & (CACHED_WORDS - 1)];
    slot->hash = hash;
    slot->length = (uint8_t)length;
    slot->count = (uint8_t)count;
    memcpy(slot->text, word, length);
    memcpy(slot->ids, ids, count * sizeof *ids);
}
