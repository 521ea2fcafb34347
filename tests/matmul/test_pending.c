/* Matrices that are packed when they are first used: the same bits as packed ones before, while and after, with any
 * split, also when several threads want the same panels at once; and the file's pages are let go of afterwards. */
#include "base/memory.h"
#include "kernels/activation.h"
#include "model/engine.h"
#include "tensor/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS 183 /* 12 panels, the last one ragged */
#define COLS 512
#define TOKENS 11 /* more than are multiplied panel by panel */
#define PARTS 3

static const dtype formats[] = {DTYPE_Q4_0, DTYPE_Q8_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q6_K, DTYPE_BF16, DTYPE_F32};
#define FORMATS (sizeof formats / sizeof formats[0])

typedef struct work {
    const kernel_table *k;
    const matrix *m;
    void *activation;
    void *scratch[PARTS];
    float *y[PARTS];
    size_t tokens;
    int parts; /* of the split; 1: every thread multiplies everything */
} work;

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

static void work_begin(work *w, const matrix *m, size_t tokens)
{
    const activation_kind kind = activation_for(m->type, COMPUTE_NATIVE);
    float *x = mem_alloc(tokens * COLS * sizeof *x);
    *w = (work){.k = engine_best_kernels(), .m = m, .tokens = tokens};
    w->activation = mem_alloc_aligned(activation_bytes(kind, tokens, COLS), 64);
    assert_true(x != NULL && w->activation != NULL);
    for (size_t i = 0; i < tokens * COLS; i++) {
        x[i] = (float)((i * 7919) % 2003) / 1001.0f - 1.0f;
    }
    w->k->activation_prepare[kind](x, COLS, tokens, COLS, 0, tokens, w->activation);
    mem_free(x);
    for (int part = 0; part < PARTS; part++) {
        w->scratch[part] = mem_alloc_aligned(matrix_scratch_bytes(m), 64);
        w->y[part] = mem_calloc(tokens * ROWS, sizeof **w->y);
        assert_true(w->scratch[part] != NULL && w->y[part] != NULL);
    }
}

static void work_end(work *w)
{
    mem_free(w->activation);
    for (int part = 0; part < PARTS; part++) {
        mem_free(w->scratch[part]);
        mem_free(w->y[part]);
    }
}

/* Part `part` of the split into y[0], or everything into the thread's own y. */
static void multiply_part(void *context, int part, int parts)
{
    const work *w = context;
    (void)parts;
    const bool all = w->parts == 1;
    matrix_multiply(w->k, w->m, COMPUTE_NATIVE, w->activation, w->tokens, w->y[all ? part : 0], ROWS, all ? 0 : part,
                    w->parts, w->scratch[part]);
}

/* What a packed matrix gives: [TOKENS, ROWS]. */
static float *expected_of(dtype type, const uint8_t *source, size_t tokens, thread_pool *pool)
{
    matrix packed = matrix_over(type, ROWS, COLS, source, NULL);
    work w;
    assert_int_equal(matrix_pack(&packed, pool, NULL), HEARTH_OK);
    work_begin(&w, &packed, tokens);
    w.parts = 1;
    multiply_part(&w, 0, 1);
    float *y = w.y[0];
    w.y[0] = NULL;
    work_end(&w);
    matrix_free(&packed);
    return y;
}

static void assert_rows(const float *got, const float *expected, size_t tokens, size_t begin, size_t end)
{
    for (size_t t = 0; t < tokens; t++) {
        assert_memory_equal(got + t * ROWS + begin, expected + t * ROWS + begin, (end - begin) * sizeof *got);
    }
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
        float *expected = expected_of(type, source, tokens, pool);
        matrix m = matrix_over(type, ROWS, COLS, source, NULL);
        matrix loose = m;
        work w;
        assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
        assert_int_equal(matrix_packed_panels(&m), 0);
        work_begin(&w, &m, tokens);
        w.parts = PARTS;
        multiply_part(&w, 1, PARTS);
        const thread_range own = matrix_share(&m, 1, PARTS);
        assert_int_equal(matrix_packed_panels(&m), (own.end - own.begin) / PANEL_ROWS);
        assert_rows(w.y[0], expected, tokens, own.begin, own.end);
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
        assert_rows(w.y[0], expected, tokens, 0, ROWS);
        assert_int_equal(matrix_packed_panels(&m), (ROWS + PANEL_ROWS - 1) / PANEL_ROWS);
        memset(source, 0xFF, bytes); /* nobody reads it any more */
        multiply_part(&w, 0, 2);
        assert_rows(w.y[0], expected, tokens, 0, ROWS);
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
    float *expected = expected_of(DTYPE_Q4_K, source, TOKENS, pool);
    for (int round = 0; round < 100; round++) {
        const size_t tokens = round % 2 == 0 ? 1 : TOKENS;
        matrix m = matrix_over(DTYPE_Q4_K, ROWS, COLS, source, NULL);
        work w;
        assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
        work_begin(&w, &m, tokens);
        w.parts = 1;
        thread_pool_run(pool, multiply_part, &w);
        for (int part = 0; part < PARTS; part++) {
            assert_rows(w.y[part], expected, tokens, 0, ROWS);
        }
        assert_int_equal(matrix_packed_panels(&m), (ROWS + PANEL_ROWS - 1) / PANEL_ROWS);
        work_end(&w);
        matrix_free(&m);
    }
    mem_free(expected);
    mem_free(source);
    thread_pool_destroy(pool);
}

/* Kilobytes of a mapping that are in this process's memory. */
static long resident_kilobytes(const void *at)
{
    char line[512];
    long kilobytes = -1;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    bool here = false;
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin = 0;
        unsigned long end = 0;
        if (sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
            here = begin <= (uintptr_t)at && (uintptr_t)at < end;
        } else if (here && sscanf(line, "Rss: %ld", &kilobytes) == 1) {
            break;
        }
    }
    fclose(maps);
    return kilobytes;
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
