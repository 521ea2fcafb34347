/* Gradients of layers, row by row, and products of rows as they lie in memory (kernels/gradient.h). */
#include "kernels/gradient.h"
#include "kernels/fill.h"
#include "kernels/template/gradient_dot2.h"
#include "kernels/v16_math.h"

static void gradient_product_rows(const gradient_product *p, void *scratch)
{
    gradient_multiply(p, scratch);
}

static void gradient_product_pairs(const gradient_product *p, void *scratch)
{
#ifdef V16_DOT2_BF16
    gradient_multiply_dot2(p, scratch);
#else
    gradient_multiply_as(p, true, scratch);
#endif
}

static float gradient_dot(const float *a, const float *b, size_t n)
{
    v16f sum = v16f_zero();
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        sum = v16f_fma(v16f_load(a + i), v16f_load(b + i), sum);
    }
    if (i < n) { /* zero times zero on a sum that began at +0 changes nothing */
        sum = v16f_fma(v16f_load_n(a + i, n - i), v16f_load_n(b + i, n - i), sum);
    }
    return v16f_fold_add(sum);
}

static float gradient_rms_factor(const float *x, float eps, size_t n)
{
    const float mean = gradient_dot(x, x, n) / (float)n;
    return 1.0f / __builtin_sqrtf(mean + eps); /* as the vector's: both are rounded to the last bit */
}

/* n values at i: u and g. */
V16_INLINE void gradient_norm_terms(const float *x, const float *weight, v16f factor, const float *dy, size_t n,
                                    v16f *u, v16f *g)
{
    *u = v16f_mul(n == 16 ? v16f_load(x) : v16f_load_n(x, n), factor);
    *g = v16f_mul(n == 16 ? v16f_load(dy) : v16f_load_n(dy, n), n == 16 ? v16f_load(weight) : v16f_load_n(weight, n));
}

static void gradient_rms_norm_input(const float *x, const float *weight, float factor, const float *dy,
                                    const float *add, size_t n, float *dx)
{
    const v16f f = v16f_set1(factor);
    v16f sum = v16f_zero();
    v16f u;
    v16f g;
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        gradient_norm_terms(x + i, weight + i, f, dy + i, count, &u, &g);
        if (count < 16) { /* a lane that is not there is 0 * f, which is NaN where f is not finite */
            const v16m there = v16i_gt(v16i_set1((int32_t)count), v16i_iota());
            u = v16f_select(there, u, v16f_zero());
        }
        sum = v16f_fma(g, u, sum);
    }
    const v16f mean = v16f_set1(v16f_fold_add(sum) / (float)n);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        gradient_norm_terms(x + i, weight + i, f, dy + i, count, &u, &g);
        v16f d = v16f_mul(f, v16f_fnma(u, mean, g));
        d = add == NULL ? d : v16f_add(v16f_load_n(add + i, count), d);
        v16f_store_n(dx + i, d, count);
    }
}

static void gradient_rms_norm_weight(const float *x, float factor, const float *dy, size_t n, float *dw)
{
    const v16f f = v16f_set1(factor);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        const v16f u = v16f_mul(v16f_load_n(x + i, count), f);
        v16f_store_n(dw + i, v16f_fma(v16f_load_n(dy + i, count), u, v16f_load_n(dw + i, count)), count);
    }
}

static void gradient_rope(float *d, const float *cos, const float *sin, size_t rotary_dim)
{
    const size_t half = rotary_dim / 2;
    for (size_t i = 0; i < half; i += 16) {
        const size_t count = half - i < 16 ? half - i : 16;
        const v16f d0 = v16f_load_n(d + i, count);
        const v16f d1 = v16f_load_n(d + half + i, count);
        const v16f c = v16f_load_n(cos + i, count);
        const v16f s = v16f_load_n(sin + i, count);
        v16f_store_n(d + i, v16f_fma(d0, c, v16f_mul(d1, s)), count);
        v16f_store_n(d + half + i, v16f_fma(d1, c, v16f_neg(v16f_mul(d0, s))), count);
    }
}

static void gradient_silu_mul(const float *gate, const float *up, const float *d, size_t n, float *dgate, float *dup)
{
    const v16f one = v16f_set1(1.0f);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        const v16f g = v16f_load_n(gate + i, count);
        const v16f u = v16f_load_n(up + i, count);
        const v16f by = v16f_load_n(d + i, count);
        const v16f r = v16f_div(one, v16f_add(one, v16_exp(v16f_neg(g))));
        const v16f slope = v16f_fma(g, v16f_sub(one, r), one);
        v16f_store_n(dup + i, v16f_mul(by, v16f_mul(g, r)), count);
        v16f_store_n(dgate + i, v16f_mul(v16f_mul(v16f_mul(by, u), r), slope), count);
    }
}

static const gradient_table gradient_operations = {
    .product = gradient_product_rows,
    .product_bf16 = gradient_product_pairs,
    .attention = V16_NAME(gradient_attention_heads),
    .dot = gradient_dot,
    .rms_factor = gradient_rms_factor,
    .rms_norm_input = gradient_rms_norm_input,
    .rms_norm_weight = gradient_rms_norm_weight,
    .rope = gradient_rope,
    .silu_mul = gradient_silu_mul,
};

void V16_NAME(kernels_fill_gradient)(kernel_table *table)
{
    table->gradient = &gradient_operations;
}
