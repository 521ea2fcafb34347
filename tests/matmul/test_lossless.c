/* BF16 in the lossless form (kernels/lossless.h): every bit comes back, products are those of BF16 panels bit for bit
 * in every variant, and what no packer writes is refused. */
#include "kernels/variants.h"
#include "random_bits.h"

#include "base/memory.h"
#include "kernels/activation.h"
#include "kernels/half.h"
#include "kernels/lossless.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- weights ---- */

typedef enum content {
    CONTENT_NORMAL,  /* about what trained weights look like: nearly every block fits */
    CONTENT_BITS,    /* any 16 bits: no block fits; NaN, infinities, subnormals */
    CONTENT_MIXED,   /* normal, with some blocks of any bits */
    CONTENT_SPECIAL, /* zeros of both signs, subnormals, infinities, NaN among normal ones */
    CONTENT_EDGE,    /* 16 or 17 different high bytes a block */
    CONTENT_LAST,    /* the high byte 255 alone: NaN and minus infinity */
    CONTENTS,
} content;

static uint16_t normal_weight(void)
{
    float sum = 0;
    for (int i = 0; i < 12; i++) {
        sum += (float)(random_bits() >> 8) * 0x1p-24f;
    }
    return half_bf16_from_f32((sum - 6.0f) * 0.02f);
}

static uint16_t weight(content how, size_t row, size_t k)
{
    static const uint16_t specials[] = {0, 0x8000, 1, 0x807F, 0x7F80, 0xFF80, 0x7FC0, 0xFFFF};
    const size_t block = row / 16 * 31 + k / 64;
    const uint16_t any = (uint16_t)random_bits();
    switch (how) {
    case CONTENT_BITS:
        return any;
    case CONTENT_MIXED:
        return block % 3 == 1 ? any : normal_weight();
    case CONTENT_SPECIAL:
        return random_bits() % 100 == 0 ? specials[random_bits() % 8] : normal_weight();
    case CONTENT_EDGE: {
        const size_t place = row % 16 * 64 + k % 64;
        const size_t different = block % 2 == 0 ? 16 : 17;
        return (uint16_t)((place < different ? place : any % different) * 11 << 8 | (any & 255));
    }
    case CONTENT_LAST:
        return (uint16_t)(0xFF00 | (any & 255));
    default:
        return normal_weight();
    }
}

/* ---- a matrix in both forms ---- */

typedef struct forms {
    size_t rows, cols, panels;
    uint16_t *source; /* [rows, cols] */
    uint8_t *bf16, *lossless;
    size_t lossless_bytes;
    lossless_count met;
} forms;

static forms forms_make(size_t rows, size_t cols, content how)
{
    forms m = {.rows = rows, .cols = cols, .panels = (rows + 15) / 16};
    const size_t panel = panel_bytes(DTYPE_BF16, cols);
    const size_t most = lossless_places_bytes(m.panels) + m.panels * lossless_panel_most(cols);
    m.source = mem_alloc(rows * cols * sizeof *m.source);
    m.bf16 = mem_alloc_aligned(m.panels * panel, 64);
    m.lossless = mem_alloc_aligned(most, 64);
    assert_true(m.source != NULL && m.bf16 != NULL && m.lossless != NULL);
    for (size_t i = 0; i < rows * cols; i++) {
        m.source[i] = weight(how, i / cols, i % cols);
    }
    memset(m.lossless, 0, lossless_places_bytes(m.panels));
    uint8_t *at = m.lossless + lossless_places_bytes(m.panels);
    for (size_t p = 0; p < m.panels; p++) {
        const uint8_t *from[16];
        const unsigned count = rows - 16 * p < 16 ? (unsigned)(rows - 16 * p) : 16;
        for (unsigned i = 0; i < count; i++) {
            from[i] = (const uint8_t *)(m.source + (16 * p + i) * cols);
        }
        panel_pack(DTYPE_BF16, cols, from, count, m.bf16 + p * panel);
        lossless_set_place(m.lossless, p, at);
        const size_t size = lossless_pack(m.bf16 + p * panel, cols, count, at);
        assert_int_equal(lossless_measure(from, cols, count, &m.met), size);
        assert_true(size <= lossless_panel_most(cols) && size >= lossless_panel_least(cols));
        assert_int_equal(size, lossless_panel_bytes(at, cols));
        at += size;
    }
    lossless_set_place(m.lossless, m.panels, at);
    m.lossless_bytes = (size_t)(at - m.lossless);
    return m;
}

static void forms_free(forms *m)
{
    mem_free(m->source);
    mem_free(m->bf16);
    mem_free(m->lossless);
}

/* ---- bits come back ---- */

static void check_bits(const forms *m)
{
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const size_t panel = panel_bytes(DTYPE_BF16, m->cols);
    uint16_t *row = mem_alloc(m->cols * sizeof *row);
    float *values = mem_alloc(m->cols * sizeof *values);
    uint8_t *wide = mem_alloc_aligned(panel, 64);
    assert_true(row != NULL && values != NULL && wide != NULL);
    for (size_t r = 0; r < m->rows; r++) {
        const uint8_t *from = lossless_panel(m->lossless, r / 16);
        lossless_row(from, m->cols, r % 16, (uint8_t *)row);
        assert_memory_equal(row, m->source + r * m->cols, m->cols * sizeof *row);
        for (size_t v = 0; v < count; v++) {
            variants[v]->panel_row[DTYPE_BF16_LOSSLESS](from, m->cols, r % 16, values);
            for (size_t k = 0; k < m->cols; k++) {
                const uint32_t bits = half_float_bits(values[k]);
                assert_int_equal(bits, (uint32_t)row[k] << 16);
            }
        }
    }
    for (size_t v = 0; v < count; v++) {
        for (size_t p = 0; p < m->rows / 16; p++) { /* rows that are missing may be anything */
            memset(wide, 0x55, panel);
            variants[v]->panel_dequantize[DTYPE_BF16_LOSSLESS](lossless_panel(m->lossless, p), m->cols, 0, m->cols,
                                                               (float *)(void *)wide);
            assert_memory_equal(wide, m->bf16 + p * panel, panel);
        }
    }
    mem_free(row);
    mem_free(values);
    mem_free(wide);
}

/* ---- products ---- */

static bool same_float(float a, float b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

/* y of one variant, from panel `first` on. */
static void multiply(const kernel_table *k, const forms *m, dtype type, compute how, const float *x, size_t tokens,
                     size_t first, float *y)
{
    const activation_kind kind = activation_for(type, how);
    void *activation = mem_alloc_aligned(activation_bytes(kind, tokens, m->cols), 64);
    void *scratch = mem_alloc_aligned(MATMUL_SCRATCH_BYTES, 64);
    assert_true(activation != NULL && scratch != NULL);
    k->activation_prepare[kind](x, m->cols, tokens, m->cols, 0, tokens, activation);
    const uint8_t *panels = type == DTYPE_BF16 ? m->bf16 : m->lossless;
    k->matmul[how][type](panels, m->rows, m->cols, activation, tokens, y, m->rows, first, m->panels, scratch);
    mem_free(activation);
    mem_free(scratch);
}

static void check_products(const forms *m, content how_x, size_t tokens)
{
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const size_t outputs = tokens * m->rows;
    float *x = mem_alloc(tokens * m->cols * sizeof *x);
    float *expected = mem_alloc(outputs * sizeof *expected);
    float *y = mem_alloc(outputs * sizeof *y);
    assert_true(x != NULL && expected != NULL && y != NULL);
    for (size_t i = 0; i < tokens * m->cols; i++) {
        const bool tiny = how_x == CONTENT_SPECIAL && i % 3 == 0;
        x[i] = ((float)(random_bits() >> 8) * 0x1p-23f - 1.0f) * (tiny ? 0x1p-124f : 1.0f);
    }
    for (compute how = COMPUTE_NATIVE; how <= COMPUTE_F32; how++) {
        assert_int_equal(activation_for(DTYPE_BF16, how), activation_for(DTYPE_BF16_LOSSLESS, how));
        multiply(variants[0], m, DTYPE_BF16, how, x, tokens, 0, expected);
        for (size_t v = 0; v < count; v++) {
            for (size_t first = 0; first < m->panels; first += 1 + m->panels / 2) {
                memset(y, 0x7B, outputs * sizeof *y);
                multiply(variants[v], m, DTYPE_BF16_LOSSLESS, how, x, tokens, first, y);
                for (size_t i = 0; i < outputs; i++) {
                    const bool touched = i % m->rows >= 16 * first;
                    if (touched ? !same_float(y[i], expected[i]) : half_float_bits(y[i]) != 0x7B7B7B7B) {
                        fail_msg("%s, %s, %zu x %zu, %zu tokens, output %zu: %a, not %a", variants[v]->name,
                                 how == COMPUTE_F32 ? "f32" : "native", m->rows, m->cols, tokens, i, (double)y[i],
                                 (double)expected[i]);
                    }
                }
            }
        }
    }
    mem_free(x);
    mem_free(expected);
    mem_free(y);
}

static void test_every_bit(void **state)
{
    (void)state;
    static const size_t cols[] = {1, 2, 5, 63, 64, 65, 127, 128, 192, 200, 257, 576};
    static const size_t rows[] = {1, 16, 17, 31, 64};
    for (content how = 0; how < CONTENTS; how++) {
        for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++) {
            for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
                forms m = forms_make(rows[r], cols[c], how);
                assert_true(lossless_places_fit(m.lossless, m.lossless_bytes, m.panels, m.cols));
                assert_int_equal(lossless_find_wrong(m.lossless, m.panels, m.cols), m.panels);
                check_bits(&m);
                forms_free(&m);
            }
        }
    }
}

static void test_products(void **state)
{
    (void)state;
    static const size_t cols[] = {1, 2, 63, 65, 128, 199, 320};
    static const size_t rows[] = {1, 16, 40, 79, 176};
    static const size_t tokens[] = {1, 2, 3, 4, 5, 7};
    for (content how = 0; how < CONTENTS; how++) {
        for (size_t c = 0; c < sizeof cols / sizeof cols[0]; c++) {
            for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
                forms m = forms_make(rows[r], cols[c], how);
                check_products(&m, how, tokens[(c + r + how) % 6]);
                check_products(&m, how, 1);
                forms_free(&m);
            }
        }
    }
}

/* How many blocks fit, and what that takes, is what the form promises. */
static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        content how;
        uint64_t fitting; /* of 4 panels of 4 blocks */
    } cases[] = {{CONTENT_NORMAL, 16}, {CONTENT_BITS, 0}, {CONTENT_EDGE, 8}, {CONTENT_LAST, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forms m = forms_make(64, 256, cases[i].how);
        assert_int_equal(m.met.blocks, 16);
        assert_int_equal(m.met.fitting, cases[i].fitting);
        const size_t expected = 64 + 16 * 16 + 1536 * cases[i].fitting + 2048 * (16 - cases[i].fitting);
        assert_int_equal(m.lossless_bytes, expected);
        forms_free(&m);
    }
}

/* Each of a matrix's places, moved. */
static void test_wrong_places(void **state)
{
    (void)state;
    forms m = forms_make(70, 130, CONTENT_MIXED);
    static const int64_t moves[] = {-64, 64, 1, -1, 1 << 20, INT64_MIN, INT64_MAX, -4096, 32};
    for (size_t p = 0; p <= m.panels; p++) {
        for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
            uint64_t away = 0;
            memcpy(&away, m.lossless + 8 * p, 8);
            const uint64_t moved = away + (uint64_t)moves[i];
            memcpy(m.lossless + 8 * p, &moved, 8);
            const bool fits = lossless_places_fit(m.lossless, m.lossless_bytes, m.panels, m.cols);
            assert_true(!fits || lossless_find_wrong(m.lossless, m.panels, m.cols) < m.panels);
            memcpy(m.lossless + 8 * p, &away, 8);
        }
    }
    assert_false(lossless_places_fit(m.lossless, m.lossless_bytes - 64, m.panels, m.cols));
    assert_false(lossless_places_fit(m.lossless, m.lossless_bytes + 64, m.panels, m.cols));
    assert_false(lossless_places_fit(m.lossless, m.lossless_bytes, m.panels + 1, m.cols));
    assert_false(lossless_places_fit(m.lossless, m.lossless_bytes, m.panels - 1, m.cols));
    assert_false(lossless_places_fit(m.lossless, 16, m.panels, m.cols));
    assert_false(lossless_places_fit(m.lossless, m.lossless_bytes, UINT64_MAX, m.cols));
    forms_free(&m);
}

/* A table that says raw where the block is packed, and the other way. */
static void test_wrong_tables(void **state)
{
    (void)state;
    forms m = forms_make(64, 256, CONTENT_EDGE);
    for (size_t p = 0; p < m.panels; p++) {
        uint8_t *panel = m.lossless + (lossless_panel(m.lossless, p) - m.lossless);
        for (size_t block = 0; block < 4; block++) {
            uint8_t before[16];
            uint8_t *table = panel + 16 * block;
            memcpy(before, table, 16);
            memset(table, lossless_is_raw(table) ? 7 : 255, 16);
            assert_int_equal(lossless_find_wrong(m.lossless, m.panels, m.cols), p);
            memcpy(table, before, 16);
        }
    }
    forms_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),    cmocka_unit_test(test_products),
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_wrong_places),
        cmocka_unit_test(test_wrong_tables), cmocka_unit_test(check_every_lossless_product_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
