/* The products with binary32 accumulators: F32, F16 and BF16 in both computations, the quantised formats in
 * COMPUTE_F32, through the tensor room. Every variant is compared bit for bit (any NaN equals any NaN) with a chain
 * written here in plain loops over the file's rows, and that with a sum in binary64. --bench measures them. */
#include "matmul_bench.h"
#include "quantized_file.h"

#include "base/memory.h"
#include "kernels/activation.h"
#include "kernels/fp8.h"
#include "kernels/half_reference.h"
#include "kernels/variants.h"
#include "platform/cpu.h"
#include "tensor/matrix.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state = 0x2545F4914F6CDD1Du;

static uint32_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static size_t random_below(size_t n)
{
    return random_bits() % n;
}

static bool same_float(float a, float b)
{
    return (a != a && b != b) || memcmp(&a, &b, sizeof a) == 0;
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

static float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- content ---- */

typedef enum content {
    CONTENT_USUAL,   /* about -1..1 */
    CONTENT_TINY,    /* products and sums about the smallest normal number */
    CONTENT_SPECIAL, /* zeros of both signs, subnormals, infinities, NaN and huge values among usual ones */
    CONTENTS,
} content;

static float random_value(content how)
{
    static const float specials[] = {0.0f,        -0.0f,           0x1p-149f, -0x1p-130f,     0x1.8p-127f, 0x1p-126f,
                                     -0x1.8p127f, 0x1.fffffep127f, INFINITY,  -INFINITY,      NAN,         0x1p-63f,
                                     0x1p64f,     -0x1p-75f,       1.0f,      0x1.fffffcp-64f};
    const float usual = ((float)random_below(1 << 24) * 0x1p-23f) - 1.0f;
    if (how == CONTENT_USUAL || (how == CONTENT_SPECIAL && random_below(40) != 0)) {
        return usual;
    }
    return how == CONTENT_TINY ? usual * ldexpf(1.0f, -60 - (int)random_below(8)) : specials[random_below(16)];
}

/* Any bf16 or binary16 that the content may have. */
static uint16_t random_16(dtype type, content how)
{
    if (type == DTYPE_BF16) {
        return (uint16_t)(bits_from_float(random_value(how)) >> 16);
    }
    const uint16_t sign = (uint16_t)(random_bits() & 0x8000u);
    if (how == CONTENT_SPECIAL && random_below(40) == 0) {
        static const uint16_t specials[] = {0, 1, 0x3FF, 0x400, 0x7BFF, 0x7C00, 0x7E00, 0x3C00};
        return (uint16_t)(sign | specials[random_below(8)]);
    }
    return (uint16_t)(sign | (how == CONTENT_TINY ? random_below(0x800) : random_below(0x3C00)));
}

static void random_rows(dtype type, content how, uint8_t *bytes, size_t size)
{
    if (type == DTYPE_F32) {
        for (size_t i = 0; i < size; i += 4) {
            const float value = random_value(how);
            memcpy(bytes + i, &value, 4);
        }
        return;
    }
    if (type == DTYPE_F16 || type == DTYPE_BF16) {
        for (size_t i = 0; i < size; i += 2) {
            const uint16_t value = random_16(type, how);
            memcpy(bytes + i, &value, 2);
        }
        return;
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)random_bits();
    }
}

/* Scales of 128 values each, over the bytes that are there; NaN bytes stay in few places, or every output is NaN. */
static void random_fp8_row(content how, uint8_t *row, size_t cols)
{
    static const float specials[] = {0.0f, -0x1p-149f, 0x1p-130f, 0x1p118f, INFINITY, NAN};
    float scale = 0;
    for (size_t k = 0; k < cols; k += 32, row += 36) {
        if (k % 128 == 0) {
            scale = how == CONTENT_TINY                               ? random_value(how) * 0x1p-60f
                    : how == CONTENT_SPECIAL && random_below(12) == 0 ? specials[random_below(6)]
                                                                      : random_value(CONTENT_USUAL);
        }
        memcpy(row, &scale, sizeof scale);
        for (size_t i = 4; i < 36; i++) {
            const bool nan = (row[i] & 0x7F) == 0x7F;
            row[i] = (uint8_t)(nan && !(how == CONTENT_SPECIAL && random_below(20) == 0) ? row[i] - 1 : row[i]);
        }
    }
}

/* ---- the expected values ---- */

/* Open Compute Project's FP8: bias 7, no infinities, 127 is NaN. */
static float e4m3(uint8_t byte)
{
    const int exponent = byte >> 3 & 15;
    const float whole = (float)((byte & 7) + (exponent > 0 ? 8 : 0));
    const float value = ldexpf(whole, (exponent > 0 ? exponent : 1) - 10);
    return (byte & 0x7F) == 0x7F ? NAN : byte & 0x80 ? -value : value;
}

static float row_weight(dtype type, const uint8_t *row, size_t k)
{
    if (type == DTYPE_F32) {
        float value;
        memcpy(&value, row + k * 4, 4);
        return value;
    }
    if (type == DTYPE_F16) {
        uint16_t bits;
        memcpy(&bits, row + k * 2, 2);
        return half_reference_value(bits);
    }
    if (type == DTYPE_BF16) {
        uint16_t bits;
        memcpy(&bits, row + k * 2, 2);
        return float_from_bits((uint32_t)bits << 16);
    }
    if (type == DTYPE_F8_SCALED) {
        float scale;
        memcpy(&scale, row + k / 32 * 36, sizeof scale);
        return e4m3(row[k / 32 * 36 + 4 + k % 32]) * scale;
    }
    return file_value_weight(type, file_value_get(type, row, k));
}

static float flushed(float value)
{
    return fabsf(value) < 0x1p-126f ? copysignf(0.0f, value) : value;
}

/* Rule 3's step, decided in binary80 or wider where that is what a long double is: 2^-126 is as far as 24 bits reach,
 * and a result just below it counts as below when rounding to 24 bits leaves it there. */
static float flushing_step(float a, float b, float c)
{
    const float sum = fmaf(flushed(a), flushed(b), flushed(c));
    if (fabsf(sum) == 0x1p-126f) {
        /* exact: the factors have 8 bits each and c has 24, within 64 bits of one another */
        const long double exact = (long double)flushed(a) * (long double)flushed(b) + (long double)flushed(c);
        /* halfway between 2^-126 - 2^-150 and 2^-126 goes to the even 2^-126 */
        return fabsl(exact) < 0x1p-126L - 0x1p-151L ? copysignf(0.0f, sum) : sum;
    }
    return flushed(sum);
}

static float bf16_rounded(float x)
{
    const uint32_t bits = bits_from_float(x);
    if (x != x) {
        return x;
    }
    return flushed(float_from_bits((bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u));
}

static float expected_value(dtype type, compute how, const uint8_t *row, size_t cols, const float *x)
{
    float acc = 0;
    if (type == DTYPE_BF16 && how == COMPUTE_NATIVE) {
        for (size_t k = 0; k < cols; k += 2) {
            const bool pair = k + 1 < cols;
            acc = flushing_step(pair ? row_weight(type, row, k + 1) : 0.0f, pair ? bf16_rounded(x[k + 1]) : 0.0f, acc);
            acc = flushing_step(row_weight(type, row, k), bf16_rounded(x[k]), acc);
        }
        return acc;
    }
    for (size_t k = 0; k < cols; k++) {
        acc = fmaf(row_weight(type, row, k), x[k], acc);
    }
    return acc;
}

/* ---- a problem, and its products ---- */

typedef struct problem {
    dtype type;
    compute how;
    size_t rows;
    size_t cols;
    size_t tokens;
    size_t row_bytes;
    uint8_t *source;
    float *x;        /* [tokens, cols] */
    float *expected; /* [tokens, rows] */
} problem;

static problem problem_make(dtype type, compute how, size_t rows, size_t cols, size_t tokens, content what)
{
    const dtype_info *info = dtype_get_info(type);
    problem p = {type, how, rows, cols, tokens, cols / info->block_values * info->block_bytes, NULL, NULL, NULL};
    p.source = mem_alloc(rows * p.row_bytes);
    p.x = mem_alloc(tokens * cols * sizeof *p.x);
    p.expected = mem_alloc(tokens * rows * sizeof *p.expected);
    assert_true(p.source != NULL && p.x != NULL && p.expected != NULL);
    random_rows(type, what, p.source, rows * p.row_bytes);
    for (size_t r = 0; type == DTYPE_F8_SCALED && r < rows; r++) {
        random_fp8_row(what, p.source + r * p.row_bytes, cols);
    }
    for (size_t i = 0; i < tokens * cols; i++) {
        p.x[i] = random_value(what);
    }
    for (size_t t = 0; t < tokens; t++) {
        for (size_t r = 0; r < rows; r++) {
            p.expected[t * rows + r] = expected_value(type, how, p.source + r * p.row_bytes, cols, p.x + t * cols);
        }
    }
    return p;
}

static void problem_free(problem *p)
{
    mem_free(p->source);
    mem_free(p->x);
    mem_free(p->expected);
}

static void compare(const problem *p, const char *variant, const char *what, const float *y, size_t ldy)
{
    for (size_t t = 0; t < p->tokens; t++) {
        for (size_t r = 0; r < ldy; r++) {
            const float got = y[t * ldy + r];
            if (r < p->rows ? same_float(got, p->expected[t * p->rows + r]) : bits_from_float(got) == 0x5A5A5A5Au) {
                continue;
            }
            fail_msg("%s %s compute %d, %s, %zu x %zu, %zu tokens: token %zu row %zu is %a, expected %a", variant,
                     dtype_get_info(p->type)->name, (int)p->how, what, p->rows, p->cols, p->tokens, t, r, (double)got,
                     r < p->rows ? (double)p->expected[t * p->rows + r] : 0.0);
        }
    }
}

/* One matrix (packed or not) times the problem's activations, split into `parts`. */
static void multiply(const problem *p, const kernel_table *k, const matrix *m, int parts)
{
    const activation_kind kind = activation_for(p->type, p->how);
    const size_t ldy = p->rows + 3;
    void *activation = mem_alloc_aligned(activation_bytes(kind, p->tokens, p->cols), 64);
    void *scratch = mem_alloc_aligned(matrix_scratch_bytes(m), 64);
    float *y = mem_alloc(p->tokens * ldy * sizeof *y);
    assert_true(activation != NULL && scratch != NULL && y != NULL);
    memset(activation, 0xFF, activation_bytes(kind, p->tokens, p->cols));
    memset(y, 0x5A, p->tokens * ldy * sizeof *y);
    for (int part = 0; part < parts; part++) {
        const thread_range range = thread_split(p->tokens, 1, part, parts);
        k->activation_prepare[kind](p->x, p->cols, p->tokens, p->cols, range.begin, range.end, activation);
    }
    for (int part = 0; part < parts; part++) {
        memset(scratch, 0xFF, matrix_scratch_bytes(m));
        matrix_multiply(k, m, p->how, activation, p->tokens, y, ldy, part, parts, scratch);
    }
    compare(p, k->name, m->panels != NULL ? "packed" : "on the fly", y, ldy);
    mem_free(activation);
    mem_free(scratch);
    mem_free(y);
}

static void check_problem(problem *p, thread_pool *pool)
{
    const kernel_table *variants[8];
    const size_t count = variants_list(variants);
    matrix packed = matrix_over(p->type, p->rows, p->cols, p->source, NULL);
    assert_int_equal(matrix_pack(&packed, pool, NULL), HEARTH_OK);
    const matrix loose = matrix_over(p->type, p->rows, p->cols, p->source, NULL);
    for (size_t v = 0; v < count; v++) {
        multiply(p, variants[v], &packed, 1);
        multiply(p, variants[v], &packed, 2 + (int)random_below(4));
        multiply(p, variants[v], &loose, 1 + (int)random_below(5));
    }
    matrix_free(&packed);
    problem_free(p);
}

static thread_pool *make_pool(int parts)
{
    thread_pool *pool = NULL;
    assert_int_equal(thread_pool_create(parts, &pool, NULL), HEARTH_OK);
    return pool;
}

/* ---- tests ---- */

static const dtype float_formats[] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};

static void float_products(void **state)
{
    (void)state;
    thread_pool *pool = make_pool(2);
    for (size_t tokens = 1; tokens <= 18; tokens++) {
        for (int f = 0; f < 3; f++) {
            for (compute how = COMPUTE_NATIVE; how <= COMPUTE_F32; how++) {
                for (content what = 0; what < CONTENTS; what++) {
                    const size_t cols = 1 + random_below(tokens % 4 == 0 ? 600 : 80);
                    problem p = problem_make(float_formats[f], how, 1 + random_below(90), cols, tokens, what);
                    check_problem(&p, pool);
                }
            }
        }
    }
    thread_pool_destroy(pool);
}

/* More panels, tokens and chunks of k than a group holds. */
static void large_float_products(void **state)
{
    (void)state;
    thread_pool *pool = make_pool(3);
    for (int f = 0; f < 3; f++) {
        for (compute how = COMPUTE_NATIVE; how <= COMPUTE_F32; how++) {
            problem wide = problem_make(float_formats[f], how, 35, 1031, 13, CONTENT_USUAL);
            check_problem(&wide, pool);
            problem many = problem_make(float_formats[f], how, 16 * 19 + 7, 261, 43, CONTENT_SPECIAL);
            check_problem(&many, pool);
            problem long_one = problem_make(float_formats[f], how, 33, 513, 2 * 128 + 5, CONTENT_TINY);
            check_problem(&long_one, pool);
        }
    }
    thread_pool_destroy(pool);
}

static void dequantized_products(void **state)
{
    (void)state;
    thread_pool *pool = make_pool(1);
    static const size_t token_counts[] = {1, 2, 3, 5, 8, 13, 131};
    for (int f = 0; f < QUANTIZED_FORMATS; f++) {
        const size_t block = dtype_get_info(quantized_formats[f])->block_values;
        for (size_t i = 0; i < 7; i++) {
            const size_t cols = block * (1 + random_below(block == 32 ? 19 : 3));
            const size_t rows = 1 + random_below(i == 6 ? 33 : 70);
            problem p = problem_make(quantized_formats[f], COMPUTE_F32, rows, cols, token_counts[i], CONTENT_USUAL);
            check_problem(&p, pool);
        }
    }
    thread_pool_destroy(pool);
}

static void fp8_products(void **state)
{
    (void)state;
    thread_pool *pool = make_pool(2);
    static const size_t token_counts[] = {1, 2, 3, 4, 5, 8, 13, 131};
    for (size_t i = 0; i < 8; i++) {
        for (content what = 0; what < CONTENTS; what++) {
            const size_t rows = 1 + random_below(i == 7 ? 33 : 70);
            problem p = problem_make(DTYPE_F8_SCALED, (compute)(i % 2), rows, 32 * (1 + random_below(19)),
                                     token_counts[i], what);
            check_problem(&p, pool);
        }
    }
    thread_pool_destroy(pool);
}

/* Every byte, as a part of a panel and as a row. */
static void fp8_bytes(void **state)
{
    (void)state;
    static const float scales[] = {1.0f, -0.3f, 0x1.234p-130f};
    const kernel_table *variants[8];
    const size_t count = variants_list(variants);
    for (size_t i = 0; i < 3; i++) {
        uint8_t row[8 * 36];
        const uint8_t *rows[1] = {row};
        uint8_t *panel = mem_alloc_aligned(panel_bytes(DTYPE_F8_SCALED, 256), 64);
        assert_non_null(panel);
        for (size_t k = 0; k < 256; k++) {
            row[k / 32 * 36 + 4 + k % 32] = (uint8_t)k;
            memcpy(row + k / 32 * 36, &scales[i], sizeof scales[i]);
        }
        panel_pack(DTYPE_F8_SCALED, 256, rows, 1, panel);
        for (size_t v = 0; v < count; v++) {
            float out[256 * PANEL_ROWS];
            float one[256];
            variants[v]->panel_dequantize[DTYPE_F8_SCALED](panel, 256, 0, 256, out);
            variants[v]->panel_row[DTYPE_F8_SCALED](panel, 256, 0, one);
            for (size_t k = 0; k < 256; k++) {
                assert_true(same_float(out[k * PANEL_ROWS], row_weight(DTYPE_F8_SCALED, row, k)));
                assert_true(same_float(one[k], row_weight(DTYPE_F8_SCALED, row, k)));
            }
        }
        mem_free(panel);
    }
}

/* The chain against a sum in binary64: the expected values of this file are products, not noise. */
static void close_to_binary64(void **state)
{
    (void)state;
    for (int f = 0; f < 3; f++) {
        for (compute how = COMPUTE_NATIVE; how <= COMPUTE_F32; how++) {
            problem p = problem_make(float_formats[f], how, 20, 700, 3, CONTENT_USUAL);
            for (size_t i = 0; i < p.tokens * p.rows; i++) {
                const uint8_t *row = p.source + i % p.rows * p.row_bytes;
                const float *x = p.x + i / p.rows * p.cols;
                double sum = 0;
                double absolute = 0;
                for (size_t k = 0; k < p.cols; k++) {
                    const double product = (double)row_weight(p.type, row, k) * (double)x[k];
                    sum += product;
                    absolute += fabs(product);
                }
                const bool rounds_x = p.type == DTYPE_BF16 && how == COMPUTE_NATIVE;
                const double allowed = absolute * (700 * 0x1p-24 + (rounds_x ? 0x1p-9 : 0));
                assert_true(fabs(sum - (double)p.expected[i]) <= allowed);
            }
            problem_free(&p);
        }
    }
}

/* Sums next to 2^-126, by hand: which are flushed depends on rounding to 24 bits, not to the spacing of subnormals. */
static void flushing_at_the_edge(void **state)
{
    (void)state;
    const struct {
        float w[4];
        float x[4];
        float expected;
    } cases[] = {
        /* the order of a step is k = 1, 0, 3, 2 */
        {{0x1p-63f, 0, 0, 0}, {0x1p-63f, 0, 0, 0}, 0x1p-126f},
        {{0x1p-63f, 0, 0, 0x1p-75f}, {0x1p-63f, 0, 0, -0x1p-75f}, 0.0f},        /* 2^-126 - 2^-150 */
        {{-0x1p-63f, 0, 0x1p-75f, 0}, {0x1p-63f, 0, 0x1p-75f, 0}, -0.0f},       /* its negative */
        {{0x1p-63f, 0, 0, 0x1p-75f}, {0x1p-63f, 0, 0, -0x1p-76f}, 0x1p-126f},   /* 2^-126 - 2^-151, a tie to even */
        {{0x1p-63f, 0, 0, 0x1.8p-75f}, {0x1p-63f, 0, 0, -0x1p-76f}, 0.0f},      /* 2^-126 - 1.5 * 2^-151 */
        {{0x1p-63f, 0, 0, 0x1.8p-76f}, {0x1p-63f, 0, 0, -0x1p-76f}, 0x1p-126f}, /* 2^-126 - 1.5 * 2^-152 */
        {{0x1p-64f, 0, 0, 0}, {0x1p-63f, 0, 0, 0}, 0.0f},                       /* flushed */
        {{0, 0, -0x1p-64f, 0}, {0, 0, 0x1p-63f, 0}, -0.0f},                     /* with its sign */
        {{0x1p-64f, 0x1p-64f, 0, 0}, {0x1p-63f, 0x1p-63f, 0, 0}, 0.0f},         /* after each step */
        {{0x1p-130f, 0, 0, 0}, {0x1p120f, 0, 0, 0}, 0.0f},                      /* operands read as zero */
        {{0x1p120f, 0, 0, 0}, {-0x1p-130f, 0, 0, 0}, 0.0f},                     /* -0 + 0 */
        {{0x1p-130f, 0, 0, 0}, {INFINITY, 0, 0, 0}, NAN},                       /* so this is zero times infinity */
        {{0x1p-62f, 0x1p-62f, 0, 0}, {-0x1p-63f, 0x1.8p-63f, 0, 0}, 0x1p-126f}, /* 2^-125 * 1.5 - 2^-125 */
        {{0x1p-62f, 0x1p-62f, 0, 0}, {-0x1p-63f, 0x1.4p-63f, 0, 0}, 0.0f},      /* 2^-127 left of them */
    };
    const kernel_table *variants[8];
    const size_t count = variants_list(variants);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        problem p = {DTYPE_BF16, COMPUTE_NATIVE, 1, 4, 1, 8, NULL, NULL, NULL};
        uint16_t row[4];
        float x[4];
        float expected = cases[i].expected;
        for (int k = 0; k < 4; k++) {
            row[k] = (uint16_t)(bits_from_float(cases[i].w[k]) >> 16);
            x[k] = cases[i].x[k];
        }
        p.source = (uint8_t *)row;
        p.x = x;
        p.expected = &expected;
        assert_true(same_float(expected, expected_value(DTYPE_BF16, COMPUTE_NATIVE, p.source, 4, x)));
        const matrix m = matrix_over(DTYPE_BF16, 1, 4, p.source, NULL);
        for (size_t v = 0; v < count; v++) {
            multiply(&p, variants[v], &m, 1);
        }
    }
}

/* Rows come out exactly as they went in, mapped or not; the modes of the CPU are left as they were. */
static void rows_and_maps(void **state)
{
    (void)state;
    thread_pool *pool = make_pool(2);
    const kernel_table *variants[8];
    const size_t count = variants_list(variants);
    for (int f = 0; f < 3 + QUANTIZED_FORMATS; f++) {
        const dtype type = f < 3 ? float_formats[f] : quantized_formats[f - 3];
        const size_t rows = 37;
        const size_t cols = f < 3 ? 77 : 512;
        problem p = problem_make(type, COMPUTE_F32, rows, cols, 1, f < 3 ? CONTENT_SPECIAL : CONTENT_USUAL);
        for (int packed = 0; packed < 2; packed++) {
            uint32_t *map = mem_alloc(rows * sizeof *map);
            assert_non_null(map);
            for (size_t r = 0; r < rows; r++) {
                map[r] = (uint32_t)((r * 5 + 3) % rows);
            }
            matrix m = matrix_over(type, rows, cols, p.source, map);
            assert_int_equal(packed ? matrix_pack(&m, pool, NULL) : HEARTH_OK, HEARTH_OK);
            float *out = mem_alloc(cols * sizeof *out);
            void *scratch = mem_alloc_aligned(matrix_scratch_bytes(&m), 64);
            assert_true(out != NULL && scratch != NULL);
            for (size_t v = 0; v < count; v++) {
                for (size_t r = 0; r < rows; r++) {
                    matrix_row(variants[v], &m, r, out, scratch);
                    for (size_t k = 0; k < cols; k++) {
                        assert_true(same_float(out[k], row_weight(type, p.source + map[r] * p.row_bytes, k)));
                    }
                }
            }
            mem_free(out);
            mem_free(scratch);
            matrix_free(&m);
        }
        problem_free(&p);
    }
    volatile float subnormal = 0x1p-140f;
    assert_true(subnormal * 2.0f == 0x1p-139f);
    thread_pool_destroy(pool);
}

static void dequantized_ranges(void **state)
{
    (void)state;
    const kernel_table *variants[8];
    const size_t count = variants_list(variants);
    for (int f = 0; f < 3; f++) {
        problem p = problem_make(float_formats[f], COMPUTE_F32, 11, 51, 1, CONTENT_SPECIAL);
        const uint8_t *rows[PANEL_ROWS];
        uint8_t panel[64 * 51];
        float out[16 * 51];
        for (size_t r = 0; r < 11; r++) {
            rows[r] = p.source + r * p.row_bytes;
        }
        assert_true(panel_bytes(p.type, 51) <= sizeof panel);
        memset(panel, 0xA5, sizeof panel);
        panel_pack(p.type, 51, rows, 11, panel);
        for (size_t v = 0; v < count; v++) {
            for (size_t begin = 0; begin < 51; begin += 7) {
                variants[v]->panel_dequantize[p.type](panel, 51, begin, 51, out);
                for (size_t i = begin * 16; i < 51 * 16; i++) {
                    const float expected = i % 16 < 11 ? row_weight(p.type, rows[i % 16], i / 16) : 0.0f;
                    assert_true(same_float(out[i - begin * 16], expected));
                }
            }
        }
        problem_free(&p);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--bench") == 0) {
        return matmul_bench(this_cpu(), argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_to_binary64),
        cmocka_unit_test(flushing_at_the_edge),
        cmocka_unit_test(float_products),
        cmocka_unit_test(large_float_products),
        cmocka_unit_test(dequantized_products),
        cmocka_unit_test(fp8_products),
        cmocka_unit_test(fp8_bytes),
        cmocka_unit_test(rows_and_maps),
        cmocka_unit_test(dequantized_ranges),
        cmocka_unit_test(check_every_float_product_called),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
