/* A cache whose pages lie in an order of their own. */
#include "kernels/test_cache.h"

#include "base/memory.h"
#include "kernels/kernel_test.h"

test_cache test_cache_make(cache_shape shape, size_t length)
{
    const size_t pages = (length + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
    const size_t values = size_round_up(cache_values_bytes(shape), 64);
    test_cache cache = {.page_bytes = values + size_round_up(cache_keys_bytes(shape), 64)};
    uint8_t **table = mem_calloc(pages, sizeof *table);
    cache.bytes = pages * cache.page_bytes;
    cache.memory = mem_alloc_aligned(cache.bytes, 64);
    assert_true(table != NULL && cache.memory != NULL);
    for (size_t i = 0; i < pages; i++) {
        table[i] = cache.memory + (pages - 1 - i) * cache.page_bytes;
    }
    cache.view = (cache_view){.pages = table, .keys = values, .values = 0};
    return cache;
}

void test_cache_free(test_cache *cache)
{
    mem_free((void *)(uintptr_t)cache->view.pages);
    mem_free(cache->memory);
}
