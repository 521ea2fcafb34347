/* The lossless form of BF16, packed when panels are first used: the same bits as BF16 before, while and after, whatever
 * fits, with any split, when several threads want a panel at once, and where there is no memory for it; what is told of
 * it; what a file stores is copied, and its pages are let go of. */
#include "pending.h"
#include "tensor/lossless.h"

#include <stdlib.h>
#include <unistd.h>

#define ROWS 647 /* 41 panels, more than lie side by side; the last one ragged */
#define PANELS 41
#define COLS 200  /* three blocks, and eight k more */
#define TOKENS 11 /* more than are multiplied panel by panel */

typedef enum source_kind { FITTING, SOME_WILD, WILD, SOURCE_KINDS } source_kind;

static uint32_t next_random(void)
{
    static uint32_t state = 99;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

/* Of wild rows every exponent below 2 is there: no block fits. Of SOME_WILD each fifth panel is wild. */
static uint16_t *make_source(source_kind kind)
{
    uint16_t *values = mem_alloc((size_t)ROWS * COLS * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < (size_t)ROWS * COLS; i++) {
        const bool wild = kind == WILD || (kind == SOME_WILD && i / COLS / 16 % 5 == 0);
        const uint32_t drawn = next_random();
        values[i] = (uint16_t)(wild ? drawn & 0xBFFF : 0x3C00 | (drawn & 0x83FF));
    }
    return values;
}

static matrix over(const uint16_t *source)
{
    return matrix_over(DTYPE_BF16, ROWS, COLS, (const uint8_t *)source, NULL);
}

/* What the panels must take, measured one by one. */
static lossless_report measured(const matrix *m)
{
    lossless_report all = {.panels = PANELS, .packed = PANELS, .values = (uint64_t)ROWS * COLS};
    for (size_t panel = 0; panel < PANELS; panel++) {
        const uint8_t *rows[PANEL_ROWS];
        const unsigned count = matrix_panel_rows(m, panel, NULL, rows);
        all.bytes += lossless_measure(rows, COLS, count, &all.met);
    }
    all.beyond = all.bytes - PANELS * lossless_panel_least(COLS);
    return all;
}

static void assert_report(const matrix *m, const lossless_report *expected)
{
    lossless_report got = {0};
    lossless_add_report(m, &got);
    assert_int_equal(got.panels, expected->panels);
    assert_int_equal(got.packed, expected->packed);
    assert_int_equal(got.values, expected->values);
    assert_int_equal(got.bytes, expected->bytes);
    assert_int_equal(got.beyond, expected->beyond);
    assert_int_equal(got.met.blocks, expected->met.blocks);
    assert_int_equal(got.met.fitting, expected->met.fitting);
    assert_int_equal(matrix_panels_bytes(m), lossless_expected_bytes(m) + expected->beyond);
}

static void assert_all_rows(const work *w, const matrix *loose)
{
    for (size_t r = 0; r < ROWS; r++) {
        float got[COLS];
        float plain[COLS];
        matrix_row(w->k, w->m, r, got, w->scratch[0]);
        matrix_row(w->k, loose, r, plain, w->scratch[1]);
        assert_memory_equal(got, plain, sizeof got);
    }
}

static void multiply_split(work *w, int parts, const float *expected)
{
    memset(w->y[0], 0, w->tokens * ROWS * sizeof **w->y);
    w->parts = parts;
    for (int part = 0; part < parts; part++) {
        multiply_part(w, part, parts);
    }
    assert_rows(w->m, w->y[0], expected, w->tokens, 0, ROWS);
}

/* One part alone, rows, all parts of another split, everything once more; `beyond` for blocks that do not fit, which is
 * enough or not. */
static void check_packing(thread_pool *pool, source_kind kind, size_t tokens, uint64_t beyond, bool all_fit)
{
    uint16_t *source = make_source(kind);
    matrix m = over(source);
    const matrix loose = m;
    const lossless_report all = measured(&m);
    float *expected = expected_of(&m, tokens, pool);
    work w;
    assert_int_equal(lossless_reserve(&m, beyond, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
    assert_report(&m, &(lossless_report){.panels = PANELS});
    work_begin(&w, &m, tokens);
    w.parts = PARTS;
    multiply_part(&w, 1, PARTS);
    const thread_range own = matrix_share(&m, 1, PARTS);
    assert_rows(&m, w.y[0], expected, tokens, own.begin, own.end);
    assert_all_rows(&w, &loose);
    multiply_split(&w, 2, expected);
    if (all_fit) {
        assert_report(&m, &all);
        assert_int_equal(matrix_packed_panels(&m), PANELS);
        memset(source, 0xFF, sizeof *source * ROWS * COLS); /* nobody reads it any more */
    } else {
        const size_t packed = matrix_packed_panels(&m);
        assert_true(packed < PANELS && packed >= (kind == WILD ? 0 : PANELS * 4 / 5));
        assert_all_rows(&w, &loose);
    }
    multiply_split(&w, 2, expected);
    multiply_split(&w, PARTS, expected);
    work_end(&w);
    matrix_free(&m);
    mem_free(expected);
    mem_free(source);
}

static void packed_in_part(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    const uint64_t some = 3 * lossless_panel_most(COLS);
    for (source_kind kind = FITTING; kind < SOURCE_KINDS; kind++) {
        for (int t = 0; t < 3; t++) {
            const size_t tokens = t == 0 ? 1 : t == 1 ? 5 : TOKENS;
            check_packing(pool, kind, tokens, UINT64_MAX, true);
            check_packing(pool, kind, tokens, some, kind != WILD);
            check_packing(pool, kind, tokens, 0, kind == FITTING);
        }
    }
    thread_pool_destroy(pool);
}

/* Three threads multiply the whole matrix at once, each for itself: some panels are being packed by another. */
static void wanted_at_once(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    for (source_kind kind = FITTING; kind < SOURCE_KINDS; kind++) {
        uint16_t *source = make_source(kind);
        const matrix whole = over(source);
        const lossless_report all = measured(&whole);
        float *expected = expected_of(&whole, TOKENS, pool);
        for (int round = 0; round < 30; round++) {
            const bool enough = round % 3 != 0;
            matrix m = whole;
            work w;
            assert_int_equal(lossless_reserve(&m, enough ? UINT64_MAX : lossless_panel_most(COLS), NULL), HEARTH_OK);
            assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
            work_begin(&w, &m, round % 2 == 0 ? 1 : TOKENS);
            w.parts = 1;
            thread_pool_run(pool, multiply_part, &w);
            for (int part = 0; part < PARTS; part++) {
                assert_rows(&m, w.y[part], expected, w.tokens, 0, ROWS);
            }
            if (enough) {
                assert_report(&m, &all);
            }
            work_end(&w);
            matrix_free(&m);
        }
        mem_free(expected);
        mem_free(source);
    }
    thread_pool_destroy(pool);
}

static void packed_without_products(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    uint16_t *source = make_source(SOME_WILD);
    matrix m = over(source);
    const lossless_report all = measured(&m);
    assert_int_equal(lossless_reserve(&m, UINT64_MAX, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_rest(&m, pool, NULL), HEARTH_OK);
    assert_report(&m, &all);
    matrix_free(&m);
    mem_free(source);
    thread_pool_destroy(pool);
}

static void chosen(void **state)
{
    (void)state;
    static const bool taken[SOURCE_KINDS][3] = {
        [FITTING] = {true, true, false}, [SOME_WILD] = {true, true, false}, [WILD] = {false, true, false}};
    for (source_kind kind = FITTING; kind < SOURCE_KINDS; kind++) {
        uint16_t *source = make_source(kind);
        for (lossless_choice choice = LOSSLESS_AUTO; choice <= LOSSLESS_OFF; choice++) {
            const matrix m = over(source);
            const matrix narrow = matrix_over(DTYPE_BF16, ROWS, 63, (const uint8_t *)source, NULL);
            const matrix other = matrix_over(DTYPE_F16, ROWS, COLS, (const uint8_t *)source, NULL);
            bool is = true;
            assert_int_equal(lossless_is_for(&m, choice, &is, NULL), HEARTH_OK);
            assert_int_equal(is, taken[kind][choice]);
            assert_int_equal(lossless_is_for(&narrow, choice, &is, NULL), HEARTH_OK);
            assert_false(is);
            assert_int_equal(lossless_is_for(&other, choice, &is, NULL), HEARTH_OK);
            assert_false(is);
        }
        mem_free(source);
    }
}

/* ---- what a file stores ---- */

/* The matrix as a file has it, in `path`; its bytes. */
static size_t write_stored(const matrix *m, thread_pool *pool, char *path)
{
    const size_t head = lossless_places_bytes(PANELS);
    const lossless_report all = measured(m);
    uint8_t *file = mem_alloc_aligned(head + all.bytes, 64);
    matrix packed = *m;
    assert_non_null(file);
    assert_int_equal(lossless_reserve(&packed, UINT64_MAX, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_later(&packed, NULL, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_rest(&packed, pool, NULL), HEARTH_OK);
    memset(file, 0, head);
    uint8_t *at = file + head;
    for (size_t panel = 0; panel <= PANELS; panel++) {
        lossless_set_place(file, panel, at);
        if (panel < PANELS) {
            const uint8_t *from = lossless_panel(packed.panels, panel);
            memcpy(at, from, lossless_panel_bytes(from, COLS));
            at += lossless_panel_bytes(from, COLS);
        }
    }
    matrix_free(&packed);
    assert_true(lossless_places_fit(file, head + all.bytes, PANELS, COLS));
    const int out = mkstemp(path);
    assert_true(out >= 0 && write(out, file, head + all.bytes) == (ssize_t)(head + all.bytes));
    close(out);
    mem_free(file);
    return head + all.bytes;
}

/* Whole panels are copied; rows in another order are made of them and packed again. */
static void check_stored(thread_pool *pool, source_kind kind, bool mapped)
{
    char path[] = "/tmp/hearth_lossless_XXXXXX";
    uint16_t *source = make_source(kind);
    const matrix plain = over(source);
    const size_t bytes = write_stored(&plain, pool, path);
    file_map map = {0};
    assert_int_equal(file_map_open(path, &map, NULL), HEARTH_OK);
    unlink(path);
    uint32_t *order = mapped ? mem_alloc(ROWS * sizeof *order) : NULL;
    for (uint32_t r = 0; mapped && r < ROWS; r++) {
        order[r] = r ^ (r < 640 ? 1 : 0);
    }
    const lossless_reader reader = {
        .reader = {lossless_reader_row}, .panels = map.data, .rows_each = ROWS, .cols = COLS};
    matrix m = lossless_matrix(&reader, ROWS, order);
    matrix ordered = plain;
    ordered.row_map = order;
    float *expected = expected_of(&ordered, TOKENS, pool);
    bool is = !(kind == WILD);
    assert_int_equal(lossless_is_for(&m, LOSSLESS_AUTO, &is, NULL), HEARTH_OK);
    assert_int_equal(is, kind != WILD);
    assert_int_equal(lossless_reserve(&m, mapped ? UINT64_MAX : 0, NULL), HEARTH_OK);
    assert_int_equal(matrix_pack_later(&m, &map, NULL), HEARTH_OK);
    work w;
    work_begin(&w, &m, TOKENS);
    multiply_split(&w, PARTS, expected);
    assert_int_equal(matrix_packed_panels(&m), PANELS);
    lossless_report told = {0};
    lossless_add_report(&m, &told);
    if (!mapped) {
        assert_int_equal(told.bytes + lossless_places_bytes(PANELS), bytes);
        assert_int_equal(matrix_panels_bytes(&m), bytes);
        assert_true(resident_kilobytes(map.data) <= 12); /* pages of the places, and one at each end */
    }
    multiply_split(&w, 1, expected);
    work_end(&w);
    matrix_free(&m);
    mem_free(expected);
    file_map_close(&map);
    mem_free(source);
}

static void stored(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    for (source_kind kind = FITTING; kind < SOURCE_KINDS; kind++) {
        check_stored(pool, kind, false);
        check_stored(pool, kind, true);
    }
    thread_pool_destroy(pool);
}

/* ---- long rows, experts ---- */

#define WIDE_COLS 8192
#define WIDE_ROWS 45 /* of each of the experts: three panels, the last one ragged */
#define EXPERTS 3

static uint16_t *make_wide(void)
{
    uint16_t *values = mem_alloc(sizeof *values * EXPERTS * WIDE_ROWS * WIDE_COLS);
    assert_non_null(values);
    for (size_t i = 0; i < (size_t)EXPERTS * WIDE_ROWS * WIDE_COLS; i++) {
        const uint32_t drawn = next_random();
        values[i] = (uint16_t)(i / 64 % 37 == 0 ? drawn & 0xBFFF : 0x3C00 | (drawn & 0x83FF));
    }
    return values;
}

static matrix wide_over(const uint16_t *source, size_t expert)
{
    const uint16_t *first = source + expert * WIDE_ROWS * WIDE_COLS;
    return matrix_over(DTYPE_BF16, WIDE_ROWS, WIDE_COLS, (const uint8_t *)first, NULL);
}

/* Packed while it is used, then used packed: with few tokens, and with so many that BF16 panels are made of it. */
static void check_wide(thread_pool *pool, matrix m, const matrix *plain)
{
    static const size_t tokens[] = {1, 4, 5, 33};
    assert_int_equal(matrix_pack_later(&m, NULL, NULL), HEARTH_OK);
    for (size_t t = 0; t < sizeof tokens / sizeof tokens[0]; t++) {
        float *expected = expected_of(plain, tokens[t], pool);
        work w;
        work_begin(&w, &m, tokens[t]);
        for (w.parts = 2; w.parts <= PARTS; w.parts++) {
            memset(w.y[0], 0, tokens[t] * m.rows * sizeof **w.y);
            for (int part = 0; part < w.parts; part++) {
                multiply_part(&w, part, w.parts);
            }
            assert_rows(&m, w.y[0], expected, tokens[t], 0, m.rows);
        }
        work_end(&w);
        mem_free(expected);
    }
    lossless_report told = {0};
    lossless_add_report(&m, &told);
    assert_true(told.packed == 3 && told.met.fitting < told.met.blocks && told.met.fitting > told.met.blocks / 4);
    matrix_free(&m);
}

/* What a file stores of several matrices: the panels of each after the other. */
static uint8_t *store_experts(const uint16_t *source)
{
    const size_t each = (WIDE_ROWS + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t most = lossless_panel_most(WIDE_COLS);
    uint8_t *raw = mem_alloc_aligned(panel_bytes(DTYPE_BF16, WIDE_COLS), 64);
    uint8_t *file = mem_alloc_aligned(lossless_places_bytes(EXPERTS * each) + EXPERTS * each * most, 64);
    uint8_t *at = file + lossless_places_bytes(EXPERTS * each);
    assert_true(raw != NULL && file != NULL);
    for (size_t i = 0; i < EXPERTS * each; i++) {
        const matrix m = wide_over(source, i / each);
        const uint8_t *rows[PANEL_ROWS];
        const unsigned count = matrix_panel_rows(&m, i % each, NULL, rows);
        panel_pack(DTYPE_BF16, WIDE_COLS, rows, count, raw);
        lossless_set_place(file, i, at);
        at += lossless_pack(raw, WIDE_COLS, count, at);
    }
    lossless_set_place(file, EXPERTS * each, at);
    mem_free(raw);
    return file;
}

static void wide_rows_and_experts(void **state)
{
    (void)state;
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(PARTS, &pool, NULL), HEARTH_OK);
    uint16_t *source = make_wide();
    uint8_t *file = store_experts(source);
    for (size_t expert = 0; expert < EXPERTS; expert++) {
        const matrix plain = wide_over(source, expert);
        matrix m = plain;
        assert_int_equal(lossless_reserve(&m, UINT64_MAX, NULL), HEARTH_OK);
        check_wide(pool, m, &plain);
        const lossless_reader reader = {.reader = {lossless_reader_row},
                                        .panels = file,
                                        .rows_each = WIDE_ROWS,
                                        .cols = WIDE_COLS,
                                        .first = expert * WIDE_ROWS};
        m = lossless_matrix(&reader, WIDE_ROWS, NULL);
        assert_non_null(m.stored);
        assert_int_equal(lossless_reserve(&m, 0, NULL), HEARTH_OK);
        check_wide(pool, m, &plain);
    }
    mem_free(file);
    mem_free(source);
    thread_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_in_part), cmocka_unit_test(wanted_at_once), cmocka_unit_test(packed_without_products),
        cmocka_unit_test(chosen),         cmocka_unit_test(stored),         cmocka_unit_test(wide_rows_and_experts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
