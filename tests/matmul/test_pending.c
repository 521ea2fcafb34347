/* Matrices that are packed when they are first used: the same bits as packed ones before, while and after, with any
 * split, also when several threads want the same panels at once; and the file's pages are let go of afterwards. */
#include "pending.h"

#include <stdlib.h>
#include <unistd.h>

#define ROWS 183 /* 12 panels, the last one ragged */
#define COLS 512
#define TOKENS 11 /* more than are multiplied panel by panel */

static const dtype formats[] = {DTYPE_Q4_0, DTYPE_Q8_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q6_K, DTYPE_BF16, DTYPE_F32};
#define FORMATS (sizeof formats / sizeof formats[0])

static uint32_t next_random(void)
{
    static uint32_t state = 99;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* Bytes of which any format reads small finite numbers. */
static uint8_t *random_source(dtype type, size_t *ret_bytes)
{
    const dtype_info *info = dtype_get_info(type);
    *ret_bytes = (size_t)ROWS * (COLS / info->block_values) * info->block_bytes;
    uint8_t *bytes = mem_alloc(*ret_bytes);
    assert_non_null(bytes);
    for (size_t i = 0; i < *ret_bytes; i++) {
        bytes[i] = (uint8_t)(next_random() & 0x3F);
    }
    return bytes;
}

/* One part alone packs its share; then all parts of another split; rows alone in between. */
static void packed_in_part(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    for (size_t i = 0; i < 2 * FORMATS; i++) {
        const dtype type = formats[i / 2];
        const size_t tokens = i % 2 == 0 ? 1 : TOKENS;
        size_t bytes = 0;
        uint8_t *source = random_source(type, &bytes);
        matrix m = matrix_over(type, ROWS, COLS, source, NULL);
        float *expected = expected_of(&m, tokens, pool);
        matrix loose = m;
        work w;
        assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
        assert_int_equal(matrix_packed_panels(&m), 0);
        work_begin(&w, &m, tokens);
        w.parts = PARTS;
        multiply_part(&w, 1, PARTS);
        const thread_range own = matrix_share(&m, 1, PARTS);
        assert_int_equal(matrix_packed_panels(&m), (own.end - own.begin) / PANEL_ROWS);
        assert_rows(&m, w.y[0], expected, tokens, own.begin, own.end);
        for (size_t r = 0; r < ROWS; r++) {
            float got[COLS];
            float plain[COLS];
            matrix_row(w.k, &m, r, got, w.scratch[0]);
            matrix_row(w.k, &loose, r, plain, w.scratch[1]);
            assert_memory_equal(got, plain, sizeof got);
        }
        w.parts = 2;
        multiply_part(&w, 0, 2);
        multiply_part(&w, 1, 2);
        assert_rows(&m, w.y[0], expected, tokens, 0, ROWS);
        assert_int_equal(matrix_packed_panels(&m), (ROWS + PANEL_ROWS - 1) / PANEL_ROWS);
        memset(source, 0xFF, bytes); /* nobody reads it any more */
        multiply_part(&w, 0, 2);
        assert_rows(&m, w.y[0], expected, tokens, 0, ROWS);
        work_end(&w);
        matrix_free(&m);
        mem_free(expected);
        mem_free(source);
    }
    thread_pool_destroy(pool);
}

/* Three threads multiply the whole matrix at once, each for itself: some panels are being packed by another. */
static void wanted_at_once(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    size_t bytes = 0;
    uint8_t *source = random_source(DTYPE_Q4_K, &bytes);
    const matrix whole = matrix_over(DTYPE_Q4_K, ROWS, COLS, source, NULL);
    float *expected = expected_of(&whole, TOKENS, pool);
    for (int round = 0; round < 100; round++) {
        const size_t tokens = round % 2 == 0 ? 1 : TOKENS;
        matrix m = whole;
        work w;
        assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
        work_begin(&w, &m, tokens);
        w.parts = 1;
        thread_pool_run(pool, multiply_part, &w);
        for (int part = 0; part < PARTS; part++) {
            assert_rows(&m, w.y[part], expected, tokens, 0, ROWS);
        }
        assert_int_equal(matrix_packed_panels(&m), (ROWS + PANEL_ROWS - 1) / PANEL_ROWS);
        work_end(&w);
        matrix_free(&m);
    }
    mem_free(expected);
    mem_free(source);
    thread_pool_destroy(pool);
}

static void pages_let_go(void **state)
{
    (void)state;
    char path[] = "/tmp/hearth_pending_XXXXXX";
    const int file = mkstemp(path);
    size_t bytes = 0;
    uint8_t *source = random_source(DTYPE_F32, &bytes);
    assert_true(file >= 0 && write(file, source, bytes) == (ssize_t)bytes);
    close(file);
    file_map map = {0};
    assert_int_equal(file_map_open(path, &map, NULL), HEARTH_OK);
    unlink(path);
    matrix m = matrix_over(DTYPE_F32, ROWS, COLS, map.data, NULL);
    work w;
    assert_int_equal(matrix_pack_later(&m, &map, NULL), HEARTH_OK);
    work_begin(&w, &m, 1);
    w.parts = 2;
    multiply_part(&w, 0, 2);
    assert_true(resident_kilobytes(map.data) >= (long)(bytes / 2 / 1024));
    multiply_part(&w, 1, 2);
    assert_true(resident_kilobytes(map.data) <= 8); /* a page that is another tensor's, too */
    work_end(&w);
    matrix_free(&m);
    file_map_close(&map);
    mem_free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_in_part),
        cmocka_unit_test(wanted_at_once),
        cmocka_unit_test(pages_let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
