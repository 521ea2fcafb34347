/* Operations on each value by itself, and RoPE. */
#include "kernels/fill.h"
#include "kernels/v16_math.h"

static void elementwise_add(const float *a, const float *b, size_t n, float *out)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16f_store(out + i, v16f_add(v16f_load(a + i), v16f_load(b + i)));
    }
    if (i < n) {
        v16f_store_n(out + i, v16f_add(v16f_load_n(a + i, n - i), v16f_load_n(b + i, n - i)), n - i);
    }
}

static void elementwise_mul(const float *a, const float *b, size_t n, float *out)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16f_store(out + i, v16f_mul(v16f_load(a + i), v16f_load(b + i)));
    }
    if (i < n) {
        v16f_store_n(out + i, v16f_mul(v16f_load_n(a + i, n - i), v16f_load_n(b + i, n - i)), n - i);
    }
}

static void elementwise_scale(const float *a, float factor, size_t n, float *out)
{
    const v16f by = v16f_set1(factor);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        v16f_store(out + i, v16f_mul(v16f_load(a + i), by));
    }
    if (i < n) {
        v16f_store_n(out + i, v16f_mul(v16f_load_n(a + i, n - i), by), n - i);
    }
}

static void elementwise_clamp(const float *a, float limit, size_t n, float *out)
{
    const v16f most = v16f_set1(limit);
    const v16f least = v16f_set1(-limit);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16f_min(most, v16f_max(least, v16f_load_n(a + i, count))), count);
    }
}

/* g / (1 + exp(-g)) * u, of `count` vectors */
V16_INLINE void elementwise_silu_mul_of(const v16f *gate, const v16f *up, const unsigned count, v16f *out)
{
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        out[i] = v16f_neg(gate[i]);
    }
    v16_exp_of(out, count);
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; i++) {
        out[i] = v16f_mul(v16f_div(gate[i], v16f_add(v16f_set1(1.0f), out[i])), up[i]);
    }
}

static void elementwise_silu_mul(const float *gate, const float *up, size_t n, float *out)
{
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const v16f g[2] = {v16f_load(gate + i), v16f_load(gate + i + 16)};
        const v16f u[2] = {v16f_load(up + i), v16f_load(up + i + 16)};
        v16f made[2];
        elementwise_silu_mul_of(g, u, 2, made);
        v16f_store(out + i, made[0]);
        v16f_store(out + i + 16, made[1]);
    }
    for (; i < n; i += 16) {
        const size_t left = n - i < 16 ? n - i : 16;
        const v16f g = v16f_load_n(gate + i, left);
        const v16f u = v16f_load_n(up + i, left);
        v16f made;
        elementwise_silu_mul_of(&g, &u, 1, &made);
        v16f_store_n(out + i, made, left);
    }
}

static void elementwise_exp(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_exp(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_log(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_log(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_sin(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_sin(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_cos(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_cos(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_tanh(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_tanh(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_erf(const float *x, size_t n, float *out)
{
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = n - i < 16 ? n - i : 16;
        v16f_store_n(out + i, v16_erf(v16f_load_n(x + i, count)), count);
    }
}

static void elementwise_rope(float *x, const float *cos, const float *sin, size_t rotary_dim)
{
    const size_t half = rotary_dim / 2;
    for (size_t i = 0; i < half; i += 16) {
        const size_t count = half - i < 16 ? half - i : 16;
        const v16f x0 = v16f_load_n(x + i, count);
        const v16f x1 = v16f_load_n(x + half + i, count);
        const v16f c = v16f_load_n(cos + i, count);
        const v16f s = v16f_load_n(sin + i, count);
        v16f_store_n(x + i, v16f_fma(x0, c, v16f_neg(v16f_mul(x1, s))), count);
        v16f_store_n(x + half + i, v16f_fma(x1, c, v16f_mul(x0, s)), count);
    }
}

void V16_NAME(kernels_fill_elementwise)(kernel_table *table)
{
    table->add = elementwise_add;
    table->mul = elementwise_mul;
    table->scale = elementwise_scale;
    table->clamp = elementwise_clamp;
    table->silu_mul = elementwise_silu_mul;
    table->exp = elementwise_exp;
    table->log = elementwise_log;
    table->sin = elementwise_sin;
    table->cos = elementwise_cos;
    table->tanh = elementwise_tanh;
    table->erf = elementwise_erf;
    table->rope = elementwise_rope;
}
