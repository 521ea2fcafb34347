/* A cache for kernels' tests. */
#ifndef TESTS_KERNELS_TEST_CACHE_H
#define TESTS_KERNELS_TEST_CACHE_H

#include "kernels/attention.h"

typedef struct test_cache {
    cache_view view;
    uint8_t *memory; /* of all pages, the last one first, and of each the values before the keys */
    size_t page_bytes, bytes;
} test_cache;

/* For `length` positions. */
test_cache test_cache_make(cache_shape shape, size_t length);
void test_cache_free(test_cache *cache);

#endif
