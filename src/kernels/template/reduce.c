/* Reductions inside a row: rule 4 of docs/numerics.md, sixteen partial values folded 8, 4, 2, 1. */
#include "kernels/fill.h"
#include "kernels/v16_math.h"

#include <math.h>

static float reduce_sum(const float *x, size_t n)
{
    v16f sum = v16f_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sum = v16f_add(sum, v16f_load(x + i));
    }
    if (i < n) { /* a sum that began at +0 is never -0, so the zeros of the missing lanes change nothing */
        sum = v16f_add(sum, v16f_load_n(x + i, n - i));
    }
    return v16f_fold_add(sum);
}

/* p = fma(x, x, p) */
static float reduce_squares(const float *x, size_t n)
{
    v16f sum = v16f_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f v = v16f_load(x + i);
        sum = v16f_fma(v, v, sum);
    }
    if (i < n) {
        const v16f v = v16f_load_n(x + i, n - i);
        sum = v16f_fma(v, v, sum);
    }
    return v16f_fold_add(sum);
}

static void reduce_rms_norm(const float *x, const float *weight, float eps, size_t n, float *out)
{
    const float mean = reduce_squares(x, n) / (float)n;
    const v16f factor = v16f_div(v16f_set1(1.0f), v16f_sqrt(v16f_set1(mean + eps)));
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f v = v16f_mul(v16f_load(x + i), factor);
        v16f_store(out + i, weight == NULL ? v : v16f_mul(v, v16f_load(weight + i)));
    }
    if (i < n) {
        const v16f v = v16f_mul(v16f_load_n(x + i, n - i), factor);
        v16f_store_n(out + i, weight == NULL ? v : v16f_mul(v, v16f_load_n(weight + i, n - i)), n - i);
    }
}

/* sum of (x - mean)^2 */
static float reduce_deviations(const float *x, float mean, size_t n)
{
    const v16f middle = v16f_set1(mean);
    v16f sum = v16f_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const v16f d = v16f_sub(v16f_load(x + i), middle);
        sum = v16f_fma(d, d, sum);
    }
    if (i < n) {
        const v16m there = v16i_gt(v16i_set1((int32_t)(n - i)), v16i_iota());
        const v16f d = v16f_select(there, v16f_sub(v16f_load_n(x + i, n - i), middle), v16f_zero());
        sum = v16f_fma(d, d, sum);
    }
    return v16f_fold_add(sum);
}

static void reduce_layer_norm(const float *x, const float *weight, const float *bias, float eps, size_t n, float *out)
{
    const float mean = reduce_sum(x, n) / (float)n;
    const float variance = reduce_deviations(x, mean, n) / (float)n;
    const v16f middle = v16f_set1(mean);
    const v16f factor = v16f_div(v16f_set1(1.0f), v16f_sqrt(v16f_set1(variance + eps)));
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f v = v16f_mul(v16f_sub(v16f_load_n(x + i, count), middle), factor);
        v = weight == NULL ? v : v16f_mul(v, v16f_load_n(weight + i, count));
        v = bias == NULL ? v : v16f_add(v, v16f_load_n(bias + i, count));
        v16f_store_n(out + i, v, count);
    }
}

/* x > best ? x : best: a NaN never gets in. */
static float reduce_max(const float *x, size_t n)
{
    const v16f least = v16f_set1(-INFINITY);
    v16f best = least;
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        best = v16f_max(v16f_load(x + i), best);
    }
    if (i < n) {
        const v16m there = v16i_gt(v16i_set1((int32_t)(n - i)), v16i_iota());
        best = v16f_max(v16f_select(there, v16f_load_n(x + i, n - i), least), best);
    }
    return v16f_fold_max(best);
}

/* The lowest index of the largest value; 0 when all are NaN. */
static size_t reduce_argmax(const float *x, size_t n)
{
    const v16f best = v16f_set1(reduce_max(x, n));
    size_t i = 0;
    for (; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        const v16f v = count == 16 ? v16f_load(x + i) : v16f_load_n(x + i, count);
        const unsigned equal = v16m_bits(v16f_eq(v, best)) & ((1u << count) - 1u);
        if (equal != 0) {
            return i + (size_t)__builtin_ctz(equal);
        }
    }
    return 0;
}

static float reduce_exp_sum(const float *x, float max, size_t n, float *out)
{
    const v16f top = v16f_set1(max);
    v16f sum = v16f_zero();
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        v16f e[2] = {v16f_sub(v16f_load(x + i), top), v16f_sub(v16f_load(x + i + 16), top)};
        v16_exp_of(e, 2);
        v16f_store(out + i, e[0]);
        v16f_store(out + i + 16, e[1]);
        sum = v16f_add(v16f_add(sum, e[0]), e[1]);
    }
    for (; i < n; i += 16) {
        const size_t left = n - i < 16 ? n - i : 16;
        const v16m there = v16i_gt(v16i_set1((int32_t)left), v16i_iota());
        const v16f e = v16_exp(v16f_sub(v16f_load_n(x + i, left), top));
        v16f_store_n(out + i, e, left);
        sum = v16f_add(sum, v16f_select(there, e, v16f_zero()));
    }
    return v16f_fold_add(sum);
}

void V16_NAME(kernels_fill_reduce)(kernel_table *table)
{
    table->rms_norm = reduce_rms_norm;
    table->layer_norm = reduce_layer_norm;
    table->max = reduce_max;
    table->sum = reduce_sum;
    table->argmax = reduce_argmax;
    table->exp_sum = reduce_exp_sum;
}
