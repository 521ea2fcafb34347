/* platform/pages: blocks are zeroed, aligned, apart from one another, and freed in any order. */
#include "platform/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BLOCKS 64

static const size_t sizes[] = {
    1, 64, 1000, 4096, 100000, (size_t)1 << 20, ((size_t)4 << 20) - 1, ((size_t)4 << 20) + 1};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void check_block(const uint8_t *block, size_t size, uint8_t value)
{
    assert_true(block[0] == value && block[size / 2] == value && block[size - 1] == value);
}

static void blocks_live_apart(void **state)
{
    (void)state;
    uint32_t random = 7;
    uint8_t *blocks[BLOCKS] = {NULL};
    size_t block_sizes[BLOCKS] = {0};
    for (int round = 0; round < 400; round++) {
        const uint32_t i = next_random(&random) % BLOCKS;
        if (blocks[i] != NULL) {
            check_block(blocks[i], block_sizes[i], (uint8_t)(i + 1));
            pages_free(blocks[i], block_sizes[i]);
            blocks[i] = NULL;
            continue;
        }
        block_sizes[i] = sizes[next_random(&random) % (sizeof sizes / sizeof sizes[0])];
        blocks[i] = pages_alloc(block_sizes[i]);
        assert_non_null(blocks[i]);
        assert_true(((uintptr_t)blocks[i] & 63) == 0);
        check_block(blocks[i], block_sizes[i], 0);
        memset(blocks[i], (int)(i + 1), block_sizes[i]);
    }
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i] != NULL) {
            check_block(blocks[i], block_sizes[i], (uint8_t)(i + 1));
        }
        pages_free(blocks[i], block_sizes[i]);
    }
}

static void impossible_sizes(void **state)
{
    (void)state;
    assert_null(pages_alloc(0));
    assert_null(pages_alloc(SIZE_MAX));
    pages_free(NULL, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_live_apart),
        cmocka_unit_test(impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
