/* The quantised formats: panels against the file's blocks, dequantisation against the `gguf` package's, the native
 * products of every variant against plain arithmetic, bit for bit (any NaN equals any NaN). --bench measures them. */
#include "quantized_bench.h"
#include "quantized_file.h"
#include "random_bits.h"

#include "base/memory.h"
#include "kernels/kernels.h"
#include "kernels/variants.h"
#include "platform/cpu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t random_below(size_t n)
{
    return random_bits() % n;
}

static bool same_float(float a, float b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
}

/* What a random matrix is like. */
typedef enum content {
    CONTENT_USUAL,   /* scales as models have them */
    CONTENT_EXTREME, /* also zero, subnormal, huge, infinite and NaN scales; q at its ends */
    CONTENTS,
} content;

static uint16_t random_half(content how)
{
    const uint16_t sign = (uint16_t)(random_bits() & 0x8000u);
    if (how == CONTENT_USUAL) {
        return (uint16_t)(sign | (5u + random_below(8)) << 10 | random_below(1024));
    }
    static const uint16_t extremes[] = {0, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0x7E00, 0x3C00};
    return (uint16_t)(sign | (random_bits() & 1 ? extremes[random_below(8)] : random_below(0x7C00)));
}

static void put_half(uint8_t *p, uint16_t bits)
{
    p[0] = (uint8_t)bits;
    p[1] = (uint8_t)(bits >> 8);
}

static void random_block(dtype type, content how, uint8_t *block)
{
    const size_t bytes = dtype_get_info(type)->block_bytes;
    const unsigned fill = how == CONTENT_USUAL ? 0 : random_bits() % 8;
    for (size_t i = 0; i < bytes; i++) {
        /* 0x80: the -128 of Q8_0 and of Q6_K's scales; 0x00, 0xFF: the ends of the unsigned ones */
        block[i] = (uint8_t)(fill == 1 ? 0x80u : fill == 2 ? 0xFFu : fill == 3 ? 0u : random_bits());
    }
    /* Where a block has its binary16 fields; 0, 0: the first two bytes. */
    static const struct {
        dtype type;
        size_t halves[2];
    } places[] = {{DTYPE_Q4_1, {0, 2}}, {DTYPE_Q5_1, {0, 2}},   {DTYPE_Q4_K, {0, 2}}, {DTYPE_Q5_K, {0, 2}},
                  {DTYPE_Q6_K, {208}},  {DTYPE_Q2_K, {80, 82}}, {DTYPE_Q3_K, {108}}};
    size_t first = 0;
    size_t second = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i].type == type) {
            first = places[i].halves[0];
            second = places[i].halves[1];
        }
    }
    if (type == DTYPE_WIDE) {
        const float d = f16_to_f32(random_half(how));
        memcpy(block, &d, sizeof d);
        return;
    }
    if (type == DTYPE_MXFP4) {
        block[0] = (uint8_t)(how == CONTENT_USUAL ? 112 + random_below(16) : random_bits());
        return;
    }
    put_half(block + first, random_half(how));
    if (second > first) {
        put_half(block + second, random_half(how));
    }
}

typedef struct weights {
    dtype type;
    size_t rows;
    size_t cols;
    size_t row_bytes;
    uint8_t *file;
    uint8_t *panels;
} weights;

static weights weights_make(dtype type, size_t rows, size_t cols, content how)
{
    const dtype_info *info = dtype_get_info(type);
    const size_t panels = (rows + PANEL_ROWS - 1) / PANEL_ROWS;
    weights w = {type, rows, cols, cols / info->block_values * info->block_bytes, NULL, NULL};
    w.file = mem_alloc(rows * w.row_bytes);
    w.panels = mem_alloc_aligned(panels * panel_bytes(type, cols), 64);
    assert_true(w.file != NULL && w.panels != NULL);
    for (size_t i = 0; i < rows * w.row_bytes; i += info->block_bytes) {
        random_block(type, how, w.file + i);
    }
    for (size_t p = 0; p < panels; p++) {
        const uint8_t *sources[PANEL_ROWS];
        const size_t count = rows - p * PANEL_ROWS < PANEL_ROWS ? rows - p * PANEL_ROWS : PANEL_ROWS;
        for (size_t i = 0; i < count; i++) {
            sources[i] = w.file + (p * PANEL_ROWS + i) * w.row_bytes;
        }
        uint8_t *panel = w.panels + p * panel_bytes(type, cols);
        memset(panel, 0xA5, panel_bytes(type, cols)); /* packing must write every byte */
        panel_pack(type, cols, sources, (unsigned)count, panel);
    }
    return w;
}

static void weights_free(weights *w)
{
    mem_free(w->file);
    mem_free(w->panels);
}

/* Records as activation_prepare makes them; `extreme` adds zeros, the ends of q, and scales that are no numbers. */
static activation_q8 *random_activation(size_t records, content how)
{
    activation_q8 *x = mem_alloc_aligned(records * sizeof *x, 64);
    assert_non_null(x);
    for (size_t i = 0; i < records; i++) {
        const unsigned kind = how == CONTENT_USUAL ? 9 : random_bits() % 10;
        x[i] = (activation_q8){.d = (float)random_below(1 << 20) * 0x1p-24f};
        x[i].d = kind == 0 ? 0.0f : kind == 1 ? 0x1p-149f : kind == 2 ? 0x1p120f : kind == 3 ? (float)1e39 : x[i].d;
        int sum = 0;
        for (int j = 0; j < 32; j++) {
            const int q = kind == 4 ? 127 : kind == 5 ? -127 : kind == 0 ? 0 : (int)random_below(255) - 127;
            x[i].q[j] = (int8_t)q;
            x[i].block_sum[j % 4 / 2] = (int16_t)(x[i].block_sum[j % 4 / 2] + q);
            x[i].half_sum[j % 4 / 2] = (int16_t)(x[i].half_sum[j % 4 / 2] + (j < 16 ? q : 0));
            sum += q;
        }
        x[i].s = x[i].d * (float)sum;
    }
    return x;
}

static kernel_cpu this_cpu(void)
{
    const cpu_features *f = cpu_get_features();
    return (kernel_cpu){.avx2 = f->avx2_fma_f16c,
                        .avx512 = f->avx512,
                        .vnni = f->avx512_vnni,
                        .bf16 = f->avx512_bf16,
                        .neon = f->neon,
                        .dotprod = f->neon_dotprod};
}

/* All variants' products of one matrix, compared with `expected` [tokens, rows]; and nothing else of y is touched. */
static void check_products(const weights *w, const activation_q8 *x, size_t tokens, const float *expected)
{
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const size_t panels = (w->rows + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t ldy = w->rows + 3;
    float *y = mem_alloc(tokens * ldy * sizeof *y);
    void *scratch = mem_alloc_aligned(MATMUL_SCRATCH_BYTES, 64);
    assert_true(y != NULL && scratch != NULL);
    for (size_t v = 0; v < count; v++) {
        const size_t middle = random_below(panels + 1);
        memset(y, 0x5A, tokens * ldy * sizeof *y);
        memset(scratch, 0xFF, MATMUL_SCRATCH_BYTES);
        for (int part = 0; part < 2; part++) {
            variants[v]->matmul[COMPUTE_NATIVE][w->type](w->panels, w->rows, w->cols, x, tokens, y, ldy,
                                                         part == 0 ? 0 : middle, part == 0 ? middle : panels, scratch);
        }
        for (size_t t = 0; t < tokens; t++) {
            for (size_t r = 0; r < ldy; r++) {
                uint32_t bits;
                memcpy(&bits, y + t * ldy + r, sizeof bits);
                if (r < w->rows ? same_float(y[t * ldy + r], expected[t * w->rows + r]) : bits == 0x5A5A5A5Au) {
                    continue;
                }
                fail_msg("%s %s, %zu x %zu, %zu tokens: token %zu row %zu is %a, expected %a", variants[v]->name,
                         dtype_get_info(w->type)->name, w->rows, w->cols, tokens, t, r, (double)y[t * ldy + r],
                         r < w->rows ? (double)expected[t * w->rows + r] : 0.0);
            }
        }
    }
    mem_free(y);
    mem_free(scratch);
}

static void check_shape(dtype type, size_t rows, size_t cols, size_t tokens, content how)
{
    weights w = weights_make(type, rows, cols, how);
    activation_q8 *x = random_activation(tokens * cols / 32, how);
    float *expected = mem_alloc(tokens * rows * sizeof *expected);
    assert_non_null(expected);
    for (size_t t = 0; t < tokens; t++) {
        for (size_t r = 0; r < rows; r++) {
            expected[t * rows + r] = file_row_product(type, w.file + r * w.row_bytes, cols, x + t * (cols / 32));
        }
    }
    check_products(&w, x, tokens, expected);
    mem_free(expected);
    mem_free(x);
    weights_free(&w);
}

static void test_products(void **state)
{
    (void)state;
    static const size_t token_counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33, 34, 64, 71, 128};
    for (int f = 0; f < QUANTIZED_FORMATS; f++) {
        const dtype type = quantized_formats[f];
        const size_t block = dtype_get_info(type)->block_values;
        for (size_t i = 0; i < sizeof token_counts / sizeof token_counts[0]; i++) {
            for (content how = CONTENT_USUAL; how < CONTENTS; how++) {
                const size_t rows = 1 + random_below(100);
                const size_t cols = block * (1 + random_below(block == 32 ? 24 : 4));
                check_shape(type, rows, cols, token_counts[i], how);
            }
        }
    }
}

/* Enough values of k for several stretches, enough tokens for several rounds. */
static void test_large_products(void **state)
{
    (void)state;
    for (int f = 0; f < QUANTIZED_FORMATS; f++) {
        check_shape(quantized_formats[f], 19, 256 * 11, 7, CONTENT_USUAL);
        check_shape(quantized_formats[f], 17, 512, 259, CONTENT_EXTREME);
        check_shape(quantized_formats[f], 35, 256 * 5, 15, CONTENT_EXTREME);
        check_shape(quantized_formats[f], 16 * 9 + 5, 256, 1, CONTENT_EXTREME);
        if (dtype_get_info(quantized_formats[f])->block_values == 32) { /* no whole number of stretches */
            check_shape(quantized_formats[f], 19, 32 * 19, 67, CONTENT_EXTREME);
        }
    }
}

static void check_dequantized(const weights *w, const kernel_table *k)
{
    const size_t block = dtype_get_info(w->type)->block_values;
    const size_t begin = random_below(w->cols / block) * block;
    float *out = mem_alloc((w->cols - begin) * PANEL_ROWS * sizeof *out);
    float *one = mem_alloc(w->cols * sizeof *one);
    assert_true(out != NULL && one != NULL);
    for (size_t r = 0; r < w->rows; r++) {
        const uint8_t *panel = w->panels + r / PANEL_ROWS * panel_bytes(w->type, w->cols);
        if (r % PANEL_ROWS == 0) {
            k->panel_dequantize[w->type](panel, w->cols, begin, w->cols, out);
        }
        k->panel_row[w->type](panel, w->cols, (unsigned)(r % PANEL_ROWS), one);
        for (size_t i = 0; i < w->cols; i++) {
            const float expected = file_value_weight(w->type, file_value_get(w->type, w->file + r * w->row_bytes, i));
            if (!same_float(one[i], expected) ||
                (i >= begin && !same_float(out[(i - begin) * PANEL_ROWS + r % PANEL_ROWS], expected))) {
                fail_msg("%s %s row %zu value %zu: not %a", k->name, dtype_get_info(w->type)->name, r, i,
                         (double)expected);
            }
        }
    }
    mem_free(out);
    mem_free(one);
}

static void test_dequantize(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    for (int f = 0; f < QUANTIZED_FORMATS; f++) {
        for (content how = CONTENT_USUAL; how < CONTENTS; how++) {
            const size_t block = dtype_get_info(quantized_formats[f])->block_values;
            weights w = weights_make(quantized_formats[f], 1 + random_below(40), block * (1 + random_below(5)), how);
            for (size_t v = 0; v < count; v++) {
                check_dequantized(&w, variants[v]);
            }
            weights_free(&w);
        }
    }
}

/* The missing rows of the last panel dequantise to zeros. */
static void test_missing_rows(void **state)
{
    (void)state;
    const kernel_table *k = kernels_select("scalar", this_cpu());
    for (int f = 0; f < QUANTIZED_FORMATS; f++) {
        weights w = weights_make(quantized_formats[f], 3, 512, CONTENT_USUAL);
        float out[512];
        for (unsigned row = 3; row < PANEL_ROWS; row++) {
            k->panel_row[w.type](w.panels, w.cols, row, out);
            for (size_t i = 0; i < 512; i++) {
                assert_true(out[i] == 0.0f);
            }
        }
        weights_free(&w);
    }
}

/* Blocks and values made by the `gguf` package (make_quantized_golden.py). */
static void test_golden(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/matmul/quantized.golden", getenv("HEARTH_SOURCE"));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    int formats = 0;
    uint32_t header[3]; /* type, values, bytes */
    while (fread(header, sizeof header, 1, file) == 1) {
        const dtype type = (dtype)header[0];
        uint8_t *blocks = mem_alloc(header[2]);
        float *expected = mem_alloc(header[1] * sizeof *expected);
        float *got = mem_alloc(header[1] * sizeof *got);
        uint8_t *panel = mem_alloc_aligned(panel_bytes(type, header[1]), 64);
        assert_true(blocks != NULL && expected != NULL && got != NULL && panel != NULL);
        assert_true(fread(blocks, 1, header[2], file) == header[2]);
        assert_true(fread(expected, sizeof *expected, header[1], file) == header[1]);
        const uint8_t *rows[1] = {blocks};
        panel_pack(type, header[1], rows, 1, panel);
        kernels_select("scalar", this_cpu())->panel_row[type](panel, header[1], 0, got);
        assert_memory_equal(got, expected, header[1] * sizeof *got);
        mem_free(blocks);
        mem_free(expected);
        mem_free(got);
        mem_free(panel);
        formats++;
    }
    fclose(file);
    assert_int_equal(formats, 26);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        return quantized_bench(this_cpu(), argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),         cmocka_unit_test(test_dequantize),
        cmocka_unit_test(test_missing_rows),   cmocka_unit_test(test_products),
        cmocka_unit_test(test_large_products), cmocka_unit_test(check_every_quantized_product_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
