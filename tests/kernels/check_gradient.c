/* The kernels of gradients: plain loops against scalar, scalar against the variants, over ragged shapes. */
#include "kernels/attention.h"
#include "kernels/gradient.h"

#include "kernels/half.h"
#include "kernels/kernel_test.h"
#include "kernels/test_cache.h"
#include "kernels/scalar/lossless.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST 300

static void *scratch_of(size_t bytes)
{
    void *scratch = NULL;
    assert_int_equal(posix_memalign(&scratch, 64, bytes), 0);
    return scratch;
}

static float *floats(size_t count)
{
    float *x = malloc(count * sizeof *x);
    assert_non_null(x);
    return x;
}

/* ---- products ---- */

/* An operand of rule 2. */
static float rounded(float x)
{
    const float y = half_bf16_to_f32(half_bf16_from_f32(x));
    return fabsf(y) < 0x1p-126f ? copysignf(0.0f, y) : y;
}

/* Rule 2: pairs, the odd one first. */
static void plain_product_bf16(const gradient_product *p)
{
    for (size_t i = 0; i < p->rows; i++) {
        for (size_t j = 0; j < p->cols; j++) {
            float acc = p->resume ? p->c[i * p->ldc + j] : 0.0f;
            for (size_t k = 0; k < p->steps; k += 2) {
                for (size_t odd = 2; odd-- > 0;) {
                    const bool there = k + odd < p->steps;
                    const float a = there ? rounded(p->a[i * p->a_row + (k + odd) * p->a_step]) : 0.0f;
                    const float b = there ? rounded(p->b[(k + odd) * p->ldb + j]) : 0.0f;
                    acc = matmul_bf16_step(a, b, acc);
                }
            }
            p->c[i * p->ldc + j] = acc;
        }
    }
}

static void plain_product(const gradient_product *p)
{
    for (size_t i = 0; i < p->rows; i++) {
        for (size_t j = 0; j < p->cols; j++) {
            float acc = p->resume ? p->c[i * p->ldc + j] : 0.0f;
            for (size_t k = 0; k < p->steps; k++) {
                acc = fmaf(p->a[i * p->a_row + k * p->a_step], p->b[k * p->ldb + j], acc);
            }
            p->c[i * p->ldc + j] = acc;
        }
    }
}

/* rows, cols, steps: below, at and above a tile, a vector, a block of rows, a chunk of steps */
static const size_t product_shapes[][3] = {{1, 1, 1},    {5, 3, 7},     {6, 16, 2},     {7, 17, 31},  {11, 15, 0},
                                           {12, 33, 64}, {13, 48, 255}, {96, 16, 256},  {97, 5, 257}, {103, 40, 300},
                                           {2, 130, 70}, {200, 1, 513}, {25, 100, 100}, {4, 64, 9}};

static void check_shape(const size_t shape[3], bool columns, bool resume, bool bf16, input_kind kind)
{
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const size_t lda = (columns ? shape[0] : shape[2]) + 3;
    const size_t ldb = shape[1] + 1;
    const size_t ldc = shape[1] + 2;
    const size_t a_count = lda * (columns ? shape[2] : shape[0]) + 1;
    float *a = floats(a_count);
    float *b = floats(ldb * shape[2] + 1);
    float *before = floats(ldc * shape[0]);
    float *expected = floats(ldc * shape[0]);
    float *found = floats(ldc * shape[0]);
    void *scratch = scratch_of(GRADIENT_SCRATCH_BYTES);
    test_fill(a, a_count, kind);
    test_fill(b, ldb * shape[2] + 1, kind);
    test_fill(before, ldc * shape[0], VALUES_USUAL);
    gradient_product p = {.a = a,
                          .a_row = columns ? 1 : lda,
                          .a_step = columns ? lda : 1,
                          .b = b,
                          .ldb = ldb,
                          .c = expected,
                          .ldc = ldc,
                          .rows = shape[0],
                          .cols = shape[1],
                          .steps = shape[2],
                          .resume = resume};
    memcpy(expected, before, ldc * shape[0] * sizeof *expected);
    (bf16 ? plain_product_bf16 : plain_product)(&p);
    p.c = found;
    for (size_t v = 0; v < count; v++) {
        memcpy(found, before, ldc * shape[0] * sizeof *found);
        (bf16 ? variants[v]->gradient->product_bf16 : variants[v]->gradient->product)(&p, scratch);
        assert_same(expected, found, ldc * shape[0], "product", variants[v]->name);
    }
    free(a);
    free(b);
    free(before);
    free(expected);
    free(found);
    free(scratch);
}

void check_gradient_products(void **state)
{
    (void)state;
    test_seed(61);
    for (size_t i = 0; i < sizeof product_shapes / sizeof product_shapes[0]; i++) {
        for (unsigned form = 0; form < 8; form++) {
            check_shape(product_shapes[i], form % 2 != 0, form / 2 % 2 != 0, form >= 4, VALUES_USUAL);
        }
        for (unsigned bf16 = 0; bf16 < 2; bf16++) {
            check_shape(product_shapes[i], true, true, bf16 != 0, VALUES_WIDE);
            check_shape(product_shapes[i], false, true, bf16 != 0, VALUES_WIDE);
            check_shape(product_shapes[i], false, false, bf16 != 0, VALUES_CORNERS);
        }
    }
}

/* ---- rows ---- */

#define ROWS 10

typedef struct row_inputs {
    float x[MOST], weight[MOST], dy[MOST], add[MOST];
    float factor;
    size_t n;
} row_inputs;

static void run_rows(const kernel_table *k, const row_inputs *in, float out[ROWS][MOST])
{
    const gradient_table *g = k->gradient;
    const size_t half = in->n / 2;
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < MOST; i++) {
            out[r][i] = 12345.0f;
        }
    }
    out[0][0] = g->dot(in->x, in->dy, in->n);
    out[0][1] = g->rms_factor(in->x, 1e-5f, in->n);
    g->rms_norm_input(in->x, in->weight, in->factor, in->dy, NULL, in->n, out[1]);
    memcpy(out[2], in->add, in->n * sizeof(float)); /* in place */
    g->rms_norm_input(in->x, in->weight, in->factor, in->dy, out[2], in->n, out[2]);
    memcpy(out[3], in->dy, in->n * sizeof(float));
    g->rms_norm_input(in->x, in->weight, in->factor, out[3], NULL, in->n, out[3]);
    memcpy(out[4], in->add, in->n * sizeof(float));
    g->rms_norm_weight(in->x, in->factor, in->dy, in->n, out[4]);
    memcpy(out[5], in->x, in->n * sizeof(float));
    g->rope(out[5], in->weight, in->weight + half, half * 2);
    g->silu_mul(in->x, in->weight, in->dy, in->n, out[6], out[7]);
    memcpy(out[8], in->dy, in->n * sizeof(float));
    g->silu_mul(in->x, in->weight, out[8], in->n, out[9], out[8]);
}

static float plain_sum(const float *a, const float *b, size_t n)
{
    float p[16] = {0};
    for (size_t i = 0; i < n; i++) {
        p[i % 16] = fmaf(a[i], b[i], p[i % 16]);
    }
    for (size_t w = 8; w > 0; w /= 2) {
        for (size_t i = 0; i < w; i++) {
            p[i] = p[i] + p[i + w];
        }
    }
    return p[0];
}

static void plain_rows(const kernel_table *k, const row_inputs *in, float out[ROWS][MOST])
{
    float u[MOST] = {0};
    float g[MOST] = {0};
    float e[MOST] = {0};
    const size_t half = in->n / 2;
    out[0][0] = plain_sum(in->x, in->dy, in->n);
    out[0][1] = 1.0f / sqrtf(plain_sum(in->x, in->x, in->n) / (float)in->n + 1e-5f);
    for (size_t i = 0; i < in->n; i++) {
        u[i] = in->x[i] * in->factor;
        g[i] = in->dy[i] * in->weight[i];
        e[i] = -in->x[i];
    }
    const float mean = plain_sum(g, u, in->n) / (float)in->n;
    k->exp(e, in->n, e); /* the functions themselves are tested elsewhere */
    for (size_t i = 0; i < in->n; i++) {
        const float d = in->factor * fmaf(-u[i], mean, g[i]);
        const float r = 1.0f / (1.0f + e[i]);
        out[1][i] = d;
        out[2][i] = in->add[i] + d;
        out[3][i] = d;
        out[4][i] = fmaf(in->dy[i], u[i], in->add[i]);
        out[5][i] = in->x[i];
        out[7][i] = in->dy[i] * (in->x[i] * r);
        out[6][i] = in->dy[i] * in->weight[i] * r * fmaf(in->x[i], 1.0f - r, 1.0f);
    }
    for (size_t i = 0; i < half; i++) {
        const float c = in->weight[i];
        const float s = in->weight[half + i];
        out[5][i] = fmaf(in->x[i], c, in->x[half + i] * s);
        out[5][half + i] = fmaf(in->x[half + i], c, -(in->x[i] * s));
    }
    memcpy(out[8], out[7], in->n * sizeof(float));
    memcpy(out[9], out[6], in->n * sizeof(float));
}

void check_gradient_rows(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 7, 15, 16, 17, 31, 32, 33, 64, 100, 255, 299};
    static float expected[ROWS][MOST];
    static float found[ROWS][MOST];
    static row_inputs in;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(62);
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++) {
        for (input_kind kind = 0; kind < VALUES_COUNT; kind++) {
            in.n = lengths[l];
            test_fill(in.x, MOST, kind);
            test_fill(in.weight, MOST, kind);
            test_fill(in.dy, MOST, kind);
            test_fill(in.add, MOST, kind);
            test_fill(&in.factor, 1, kind);
            run_rows(variants[0], &in, expected);
            memcpy(found, expected, sizeof found);
            plain_rows(variants[0], &in, found); /* what lies behind n stays */
            assert_same(&expected[0][0], &found[0][0], ROWS * (size_t)MOST, "rows", "plain");
            for (size_t v = 1; v < count; v++) {
                run_rows(variants[v], &in, found);
                assert_same(&expected[0][0], &found[0][0], ROWS * (size_t)MOST, "rows", variants[v]->name);
            }
        }
    }
}

/* ---- attention ---- */

typedef struct heads {
    size_t tokens, group, dim, ldq, ldkv, ldo;
    float *q, *k, *v, *d_out, *max, *sum, *dots, *dq, *dk, *dv;
    float scale;
} heads;

static float chain(const float *a, const float *b, size_t n)
{
    float acc = 0.0f;
    for (size_t i = 0; i < n; i++) {
        acc = fmaf(a[i], b[i], acc);
    }
    return acc;
}

/* By the header's formulas, one pair of positions after the other. */
static void plain_attention(const kernel_table *k, const heads *h)
{
    memset(h->dq, 0, h->tokens * h->ldq * sizeof(float));
    memset(h->dk, 0, h->tokens * h->ldkv * sizeof(float));
    memset(h->dv, 0, h->tokens * h->ldkv * sizeof(float));
    for (size_t block = 0; block < h->tokens; block += GRADIENT_BLOCK) {
        for (size_t head = 0; head < h->group; head++) {
            for (size_t t = block; t < h->tokens; t++) {
                for (size_t j = block; j < block + GRADIENT_BLOCK && j < h->tokens; j++) {
                    const float *q = h->q + t * h->ldq + head * h->dim;
                    const float *d_out = h->d_out + t * h->ldo + head * h->dim;
                    const size_t at = t * h->group + head;
                    float p = h->scale * chain(q, h->k + j * h->ldkv, h->dim) - h->max[at];
                    k->exp(&p, 1, &p);
                    p = p * (1.0f / h->sum[at]);
                    float g = p * (chain(d_out, h->v + j * h->ldkv, h->dim) - h->dots[at]) * h->scale;
                    if (j > t && t < block + GRADIENT_BLOCK) {
                        p = 0.0f;
                        g = 0.0f;
                    }
                    for (size_t d = 0; d < h->dim; d++) {
                        float *dq = h->dq + t * h->ldq + head * h->dim + d;
                        float *dk = h->dk + j * h->ldkv + d;
                        float *dv = h->dv + j * h->ldkv + d;
                        *dq = fmaf(g, h->k[j * h->ldkv + d], *dq);
                        *dk = fmaf(g, q[d], *dk);
                        *dv = fmaf(p, d_out[d], *dv);
                    }
                }
            }
        }
    }
}

static void run_attention(const kernel_table *k, const heads *h, void *scratch)
{
    const gradient_attention a = {.tokens = h->tokens,
                                  .group = (uint32_t)h->group,
                                  .head_dim = (uint32_t)h->dim,
                                  .scale = h->scale,
                                  .q = h->q,
                                  .ldq = h->ldq,
                                  .k = h->k,
                                  .v = h->v,
                                  .ldkv = h->ldkv,
                                  .d_out = h->d_out,
                                  .ldo = h->ldo,
                                  .max = h->max,
                                  .sum = h->sum,
                                  .dots = h->dots,
                                  .ld_stat = h->group,
                                  .dq = h->dq,
                                  .dk = h->dk,
                                  .dv = h->dv};
    k->gradient->attention(&a, scratch);
}

static float *filled(size_t count, input_kind kind)
{
    float *x = floats(count);
    test_fill(x, count, kind);
    return x;
}

static void compare_attention(const heads *expected, const heads *found, const char *name)
{
    for (size_t t = 0; t < expected->tokens; t++) {
        assert_same(expected->dq + t * expected->ldq, found->dq + t * expected->ldq, expected->group * expected->dim,
                    "dq", name);
        assert_same(expected->dk + t * expected->ldkv, found->dk + t * expected->ldkv, expected->dim, "dk", name);
        assert_same(expected->dv + t * expected->ldkv, found->dv + t * expected->ldkv, expected->dim, "dv", name);
    }
}

static void check_attention_of(size_t tokens, size_t group, size_t dim, input_kind kind)
{
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    heads h = {.tokens = tokens, .group = group, .dim = dim, .ldq = group * dim + 5, .ldkv = dim + 3};
    h.ldo = group * dim + 2;
    h.scale = 1.0f / sqrtf((float)dim);
    h.q = filled(tokens * h.ldq, kind);
    h.k = filled(tokens * h.ldkv, kind);
    h.v = filled(tokens * h.ldkv, kind);
    h.d_out = filled(tokens * h.ldo, kind);
    h.max = filled(tokens * group, kind);
    h.sum = filled(tokens * group, kind);
    h.dots = filled(tokens * group, kind);
    heads found = h;
    h.dq = floats(tokens * h.ldq);
    h.dk = floats(tokens * h.ldkv);
    h.dv = floats(tokens * h.ldkv);
    found.dq = floats(tokens * h.ldq);
    found.dk = floats(tokens * h.ldkv);
    found.dv = floats(tokens * h.ldkv);
    void *scratch = scratch_of(gradient_attention_bytes(dim));
    plain_attention(variants[0], &h);
    for (size_t v = 0; v < count; v++) {
        run_attention(variants[v], &found, scratch);
        compare_attention(&h, &found, variants[v]->name);
    }
    float *all[] = {h.q, h.k, h.v, h.d_out, h.max, h.sum, h.dots, h.dq, h.dk, h.dv, found.dq, found.dk, found.dv};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]);
    }
    free(scratch);
}

void check_gradient_attention(void **state)
{
    (void)state;
    test_seed(63);
    static const size_t tokens[] = {1, 3, 16, 63, 64, 65, 130};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        check_attention_of(tokens[i], 1 + i % 3, 6 + 10 * (i % 4), VALUES_USUAL);
    }
    check_attention_of(70, 2, 16, VALUES_CORNERS);
    check_attention_of(20, 1, 17, VALUES_WIDE);
}

/* attend's m and l: the stored ones are those that the definition of attention has (numerics.md). */
void check_attention_statistics(void **state)
{
    (void)state;
    enum { TOKENS = 70, HEADS = 4, GROUP = 2, DIM = 10 };
    const cache_shape shape = {CACHE_F32, HEADS / GROUP, DIM};
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    static float q[TOKENS * HEADS * DIM], k[TOKENS * HEADS * DIM], v[TOKENS * HEADS * DIM], out[TOKENS * HEADS * DIM];
    static float max[TOKENS * HEADS], sum[TOKENS * HEADS];
    test_seed(64);
    test_fill(q, TOKENS * HEADS * DIM, VALUES_USUAL);
    test_fill(k, TOKENS * HEADS * DIM, VALUES_USUAL);
    test_fill(v, TOKENS * HEADS * DIM, VALUES_USUAL);
    test_cache cache = test_cache_make(shape, TOKENS);
    void *scratch = scratch_of(ATTENTION_SCRATCH_BYTES);
    const attention_form form = {.max = max, .sum = sum};
    for (size_t n = 0; n < count; n++) {
        const attention_table *a = variants[n]->attention;
        for (uint32_t t = 0; t < TOKENS; t++) {
            a->store(shape, cache.view, t, k + (size_t)t * HEADS * DIM, v + (size_t)t * HEADS * DIM, 0, HEADS / GROUP);
        }
        a->attend(shape, cache.view, 0, TOKENS, q, HEADS * DIM, HEADS, 0, HEADS, 0.5f, &form, out, HEADS * DIM,
                  scratch);
        for (size_t t = 0; t < TOKENS; t++) {
            for (size_t h = 0; h < HEADS; h++) {
                double largest = -INFINITY;
                double total = 0;
                for (size_t j = 0; j <= t; j++) {
                    const double s =
                        0.5 * (double)chain(q + (t * HEADS + h) * DIM, k + j * HEADS * DIM + h / GROUP * DIM, DIM);
                    largest = s > largest ? s : largest;
                }
                for (size_t j = 0; j <= t; j++) {
                    total +=
                        exp(0.5 * (double)chain(q + (t * HEADS + h) * DIM, k + j * HEADS * DIM + h / GROUP * DIM, DIM) -
                            largest);
                }
                assert_true((double)max[t * HEADS + h] == largest); /* half of a binary32: exact */
                assert_true(fabs((double)sum[t * HEADS + h] / total - 1) < 1e-5);
            }
        }
    }
    test_cache_free(&cache);
    free(scratch);
}
