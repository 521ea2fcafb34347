/* Optimisers, value by value (kernels/optimize.h). */
#include "kernels/optimize.h"
#include "kernels/fill.h"

V16_INLINE size_t optimize_lanes(size_t left)
{
    return left < 16 ? left : 16;
}

static void optimize_adamw_step(const optimize_adamw *o, const float *gradient, float *mean, float *square,
                                float *values, size_t n)
{
    const v16f clip = v16f_set1(o->clip);
    const v16f beta1 = v16f_set1(o->beta1);
    const v16f rest1 = v16f_set1(o->rest1);
    const v16f beta2 = v16f_set1(o->beta2);
    const v16f rest2 = v16f_set1(o->rest2);
    const v16f root = v16f_set1(o->root);
    const v16f eps = v16f_set1(o->eps);
    const v16f rate = v16f_set1(o->rate);
    const v16f keep = v16f_set1(o->keep);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = optimize_lanes(n - i);
        const v16f g = v16f_mul(v16f_load_n(gradient + i, count), clip);
        const v16f m = v16f_fma(beta1, v16f_load_n(mean + i, count), v16f_mul(rest1, g));
        const v16f s = v16f_fma(beta2, v16f_load_n(square + i, count), v16f_mul(v16f_mul(rest2, g), g));
        const v16f direction = v16f_div(m, v16f_fma(v16f_sqrt(s), root, eps));
        const v16f w = v16f_mul(v16f_load_n(values + i, count), keep);
        v16f_store_n(mean + i, m, count);
        v16f_store_n(square + i, s, count);
        v16f_store_n(values + i, v16f_fnma(rate, direction, w), count);
    }
}

static void optimize_momentum(float clip, float momentum, const float *gradient, float *mean, float *out, size_t n)
{
    const v16f by = v16f_set1(clip);
    const v16f keep = v16f_set1(momentum);
    const v16f rest = v16f_set1(1.0f - momentum);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = optimize_lanes(n - i);
        const v16f g = v16f_mul(rest, v16f_mul(v16f_load_n(gradient + i, count), by));
        const v16f m = v16f_fma(keep, v16f_load_n(mean + i, count), g);
        v16f_store_n(mean + i, m, count);
        v16f_store_n(out + i, v16f_fma(keep, m, g), count);
    }
}

static void optimize_descend(float rate, float keep, const float *direction, float *values, size_t n)
{
    const v16f by = v16f_set1(rate);
    const v16f shrink = v16f_set1(keep);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = optimize_lanes(n - i);
        const v16f w = v16f_mul(v16f_load_n(values + i, count), shrink);
        v16f_store_n(values + i, v16f_fnma(by, v16f_load_n(direction + i, count), w), count);
    }
}

static void optimize_blend(float a, const float *x, float b, const float *y, size_t n, float *out)
{
    const v16f by_a = v16f_set1(a);
    const v16f by_b = v16f_set1(b);
    for (size_t i = 0; i < n; i += 16) {
        const size_t count = optimize_lanes(n - i);
        const v16f second = v16f_mul(by_b, v16f_load_n(y + i, count));
        v16f_store_n(out + i, v16f_fma(by_a, v16f_load_n(x + i, count), second), count);
    }
}

static const optimize_table optimize_operations = {
    .adamw = optimize_adamw_step,
    .momentum = optimize_momentum,
    .descend = optimize_descend,
    .blend = optimize_blend,
};

void V16_NAME(kernels_fill_optimize)(kernel_table *table)
{
    table->optimize = &optimize_operations;
}
