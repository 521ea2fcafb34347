/* Optimisers' operations: variants against plain loops written from kernels/optimize.h, bit for bit. */
#include "kernels/gradient.h"
#include "kernels/kernel_test.h"
#include "kernels/optimize.h"

#include <math.h>
#include <string.h>

#define MOST 300

typedef struct values {
    float gradient[MOST], mean[MOST], square[MOST], w[MOST], out[MOST];
    float sum;
} values;

static void plain_adamw(const optimize_adamw *o, size_t n, values *v)
{
    for (size_t i = 0; i < n; i++) {
        const float g = v->gradient[i] * o->clip;
        const float first = o->rest1 * g;
        const float second = o->rest2 * g * g;
        v->mean[i] = fmaf(o->beta1, v->mean[i], first);
        v->square[i] = fmaf(o->beta2, v->square[i], second);
        const float direction = v->mean[i] / fmaf(sqrtf(v->square[i]), o->root, o->eps);
        const float kept = v->w[i] * o->keep;
        v->w[i] = fmaf(-o->rate, direction, kept);
    }
}

static void plain_muon(const optimize_adamw *o, size_t n, values *v)
{
    for (size_t i = 0; i < n; i++) {
        const float g = (1.0f - o->beta1) * (v->gradient[i] * o->clip);
        v->mean[i] = fmaf(o->beta1, v->mean[i], g);
        v->out[i] = fmaf(o->beta1, v->mean[i], g);
        const float kept = v->w[i] * o->keep;
        v->w[i] = fmaf(-o->rate, v->out[i], kept);
        const float scaled = o->beta2 * v->square[i];
        v->square[i] = fmaf(o->beta1, v->gradient[i], scaled);
    }
    float p[16] = {0};
    for (size_t i = 0; i < n; i++) {
        p[i % 16] = fmaf(v->gradient[i], v->gradient[i], p[i % 16]);
    }
    for (size_t w = 8; w > 0; w /= 2) {
        for (size_t i = 0; i < w; i++) {
            p[i] = p[i] + p[i + w];
        }
    }
    v->sum = p[0];
}

static void table_muon(const kernel_table *k, const optimize_adamw *o, size_t n, values *v)
{
    const optimize_table *t = k->optimize;
    t->momentum(o->clip, o->beta1, v->gradient, v->mean, v->out, n);
    t->descend(o->rate, o->keep, v->out, v->w, n);
    t->blend(o->beta1, v->gradient, o->beta2, v->square, n, v->square);
    v->sum = k->gradient->dot(v->gradient, v->gradient, n);
}

static void fill(values *v, input_kind kind)
{
    test_fill(v->gradient, MOST, kind);
    test_fill(v->mean, MOST, kind);
    test_fill(v->square, MOST, kind);
    test_fill(v->w, MOST, kind);
    test_fill(v->out, MOST, kind);
    for (size_t i = 0; i < MOST; i++) {
        v->square[i] = kind == VALUES_USUAL ? fabsf(v->square[i]) : v->square[i];
    }
}

static void compare(const values *a, const values *b, const char *label, const char *variant)
{
    assert_same(a->mean, b->mean, MOST, label, variant);
    assert_same(a->square, b->square, MOST, label, variant);
    assert_same(a->w, b->w, MOST, label, variant);
    assert_same(a->out, b->out, MOST, label, variant);
    assert_same(&a->sum, &b->sum, 1, label, variant);
}

void check_optimize(void **state)
{
    (void)state;
    static values begin, expected, found;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(31);
    for (unsigned round = 0; round < 300; round++) {
        const size_t n = round < 40 ? round : test_bits() % MOST; /* what lies beyond n must survive */
        const float beta = test_uniform(0.5f, 1.0f);
        const optimize_adamw o = {.clip = round % 3 == 0 ? 1.0f : test_uniform(0.0f, 1.0f),
                                  .beta1 = beta,
                                  .rest1 = 1.0f - beta,
                                  .beta2 = 0.95f,
                                  .rest2 = 0.05f,
                                  .root = test_uniform(1.0f, 5.0f),
                                  .eps = 1e-8f,
                                  .rate = test_uniform(0.0f, 0.1f),
                                  .keep = test_uniform(0.9f, 1.0f)};
        fill(&begin, round % VALUES_COUNT);
        for (size_t v = 0; v < count; v++) {
            expected = found = begin;
            plain_adamw(&o, n, &expected);
            variants[v]->optimize->adamw(&o, found.gradient, found.mean, found.square, found.w, n);
            compare(&expected, &found, "AdamW", variants[v]->name);
            expected = found = begin;
            plain_muon(&o, n, &expected);
            table_muon(variants[v], &o, n, &found);
            compare(&expected, &found, "Muon", variants[v]->name);
        }
    }
}
