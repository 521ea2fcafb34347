/* Element-wise operations, reductions and activations: variants against scalar, scalar against plain loops. */
#include "kernels/activation.h"
#include "kernels/half.h"
#include "kernels/kernel_test.h"

#include <math.h>
#include <string.h>

#define MOST 300

static const size_t lengths[] = {1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 127, 128, 255, 299};
#define LENGTHS (sizeof lengths / sizeof lengths[0])

typedef struct inputs {
    float a[MOST], b[MOST];
    size_t n;
    float factor;
} inputs;

#define ROWS 23

/* Every element-wise operation of a table, into out[operation]; the guard after n must survive. */
static void run_elementwise(const kernel_table *k, const inputs *in, float out[ROWS][MOST])
{
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t i = 0; i < MOST; i++) {
            out[r][i] = 12345.0f;
        }
    }
    k->add(in->a, in->b, in->n, out[0]);
    k->mul(in->a, in->b, in->n, out[1]);
    k->scale(in->a, in->factor, in->n, out[2]);
    k->silu_mul(in->a, in->b, in->n, out[3]);
    k->exp(in->a, in->n, out[4]);
    k->log(in->a, in->n, out[5]);
    k->sin(in->a, in->n, out[6]);
    k->cos(in->a, in->n, out[7]);
    k->tanh(in->a, in->n, out[8]);
    k->rms_norm(in->a, in->b, 1e-5f, in->n, out[9]);
    memcpy(out[10], in->a, in->n * sizeof(float));
    k->rope(out[10], in->b, in->b + in->n / 2, in->n / 2 * 2);
    k->exp_sum(in->a, in->factor, in->n, out[11]);
    k->erf(in->a, in->n, out[12]);
    k->layer_norm(in->a, in->b, in->b + 1, 1e-5f, in->n, out[13]);
    k->layer_norm(in->a, NULL, NULL, 1e-5f, in->n, out[14]);
    const float parameters[] = {0.8f, 1.3f, 0.5f, -1e-6f};
    for (size_t kind = ACTIVATE_GELU; kind < ACTIVATE_KINDS; kind++) { /* 15 to 20 */
        k->activate[kind](in->a, parameters, in->n, out[14 + kind]);
    }
    k->swiglu_clamped(in->a, in->b, 2.5f, in->n, out[21]);
    k->clamp(in->a, 1.5f, in->n, out[22]);
}

static float plain_fold(float p[16])
{
    for (size_t w = 8; w > 0; w /= 2) {
        for (size_t i = 0; i < w; i++) {
            p[i] = p[i] + p[i + w];
        }
    }
    return p[0];
}

/* Sums as rule 4 has them, then each step rounded. */
static void plain_layer_norm(const inputs *in, float *weighted, float *bare)
{
    float p[16] = {0};
    for (size_t i = 0; i < in->n; i++) {
        p[i % 16] = p[i % 16] + in->a[i];
    }
    const float mean = plain_fold(p) / (float)in->n;
    memset(p, 0, sizeof p);
    for (size_t i = 0; i < in->n; i++) {
        p[i % 16] = fmaf(in->a[i] - mean, in->a[i] - mean, p[i % 16]);
    }
    const float inverse = 1.0f / sqrtf(plain_fold(p) / (float)in->n + 1e-5f);
    for (size_t i = 0; i < in->n; i++) {
        bare[i] = (in->a[i] - mean) * inverse;
        const float scaled = bare[i] * in->b[i];
        weighted[i] = scaled + in->b[i + 1];
    }
}

/* The same by plain loops, where arithmetic alone defines it. */
static void plain_elementwise(const inputs *in, float out[ROWS][MOST])
{
    const size_t half = in->n / 2;
    for (size_t i = 0; i < in->n; i++) {
        out[0][i] = in->a[i] + in->b[i];
        out[1][i] = in->a[i] * in->b[i];
        out[2][i] = in->a[i] * in->factor;
        out[22][i] = in->a[i] > 1.5f ? 1.5f : in->a[i] < -1.5f ? -1.5f : in->a[i];
    }
    float p[16] = {0};
    for (size_t i = 0; i < in->n; i++) {
        p[i % 16] = fmaf(in->a[i], in->a[i], p[i % 16]);
    }
    for (size_t w = 8; w > 0; w /= 2) {
        for (size_t i = 0; i < w; i++) {
            p[i] = p[i] + p[i + w];
        }
    }
    const float inverse = 1.0f / sqrtf(p[0] / (float)in->n + 1e-5f);
    for (size_t i = 0; i < in->n; i++) {
        out[9][i] = in->a[i] * inverse * in->b[i];
    }
    plain_layer_norm(in, out[13], out[14]);
    memcpy(out[10], in->a, in->n * sizeof(float));
    for (size_t i = 0; i < half; i++) {
        const float c = in->b[i];
        const float s = in->b[in->n / 2 + i];
        out[10][i] = fmaf(in->a[i], c, -(in->a[half + i] * s));
        out[10][half + i] = fmaf(in->a[half + i], c, in->a[i] * s);
    }
}

void check_elementwise(void **state)
{
    (void)state;
    static float expected[ROWS][MOST];
    static float found[ROWS][MOST];
    static inputs in;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(21);
    for (unsigned round = 0; round < 40 * VALUES_COUNT; round++) {
        const input_kind kind = round % VALUES_COUNT;
        in.n = lengths[round % LENGTHS];
        in.factor = test_uniform(-2, 2);
        test_fill(in.a, MOST, kind);
        test_fill(in.b, MOST, kind);
        run_elementwise(variants[0], &in, expected);
        memcpy(found, expected, sizeof found);
        plain_elementwise(&in, found);
        for (size_t v = 0; v < count; v++) {
            for (size_t r = 0; r < ROWS; r++) {
                char label[48];
                (void)snprintf(label, sizeof label, "element-wise %zu, n %zu, kind %d", r, in.n, (int)kind);
                assert_same(expected[r], found[r], MOST, label, v == 0 ? "plain" : variants[v]->name);
            }
            if (v + 1 < count) {
                run_elementwise(variants[v + 1], &in, found);
            }
        }
    }
}

/* silu against binary64, and in place: out may be an input. */
static void check_silu(const kernel_table *k)
{
    float gate[100];
    float up[100];
    float out[100];
    test_fill(gate, 100, VALUES_USUAL);
    test_fill(up, 100, VALUES_USUAL);
    k->silu_mul(gate, up, 100, out);
    for (size_t i = 0; i < 100; i++) {
        const double g = (double)gate[i];
        const double expected = g / (1.0 + exp(-g)) * (double)up[i];
        assert_true(fabs((double)out[i] - expected) <= 4e-7 * fabs(expected));
    }
    float same[100];
    memcpy(same, gate, sizeof same);
    k->silu_mul(same, up, 100, same);
    assert_same(out, same, 100, "silu in the gate's place", k->name);
    memcpy(same, up, sizeof same);
    k->silu_mul(gate, same, 100, same);
    assert_same(out, same, 100, "silu in the other's place", k->name);
}

/* Activations against binary64; in place. */
static void check_activate(const kernel_table *k)
{
    static const float parameters[] = {0.8f, 1.3f, 0.5f, -1e-6f};
    float x[200];
    float out[200];
    test_fill(x, 200, VALUES_USUAL);
    for (size_t kind = 0; kind < ACTIVATE_KINDS; kind++) {
        k->activate[kind](x, parameters, 200, out);
        for (size_t i = 0; i < 200; i++) {
            const double v = (double)x[i];
            const double relu = v > 0 ? v : 0;
            const double low = v < -1e-6 ? v : -1e-6;
            const double expected[] = {v / (1 + exp(-v)),
                                       0.5 * v * (1 + erf(v * sqrt(0.5))),
                                       0.5 * v * (1 + tanh(0.79788456080286535588 * (v + 0.044715 * v * v * v))),
                                       v / (1 + exp(-1.702 * v)),
                                       relu,
                                       relu * relu,
                                       v > 0 ? 0.8f * v * v + 0.5 * v : 1.3f * (expm1(low) - v) + 0.5 * v};
            assert_true(fabs((double)out[i] - expected[kind]) <= 1e-6 * (1 + fabs(expected[kind])));
        }
        float same[200];
        memcpy(same, x, sizeof same);
        k->activate[kind](same, parameters, 200, same);
        assert_same(out, same, 200, "activation in place", k->name);
    }
    float up[200];
    test_fill(up, 200, VALUES_USUAL);
    k->swiglu_clamped(x, up, 2.5f, 200, out);
    for (size_t i = 0; i < 200; i++) {
        const double g = fmin((double)x[i], 2.5);
        const double expected = (fmax(-2.5, fmin((double)up[i], 2.5)) + 1) * (g / (1 + exp(-1.702 * g)));
        assert_true(fabs((double)out[i] - expected) <= 2e-6 * (1 + fabs(expected)));
    }
}

static float plain_sum(const float *x, size_t n)
{
    float p[16] = {0};
    for (size_t i = 0; i < n; i++) {
        p[i % 16] = p[i % 16] + x[i];
    }
    return plain_fold(p);
}

void check_reductions(void **state)
{
    (void)state;
    static float x[2000];
    static float out[2000];
    static float same[2000];
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(22);
    for (unsigned round = 0; round < 600; round++) {
        const size_t n = 1 + test_bits() % (round % 10 == 0 ? 2000 : 70);
        test_fill(x, n, round % VALUES_COUNT);
        if (round % 9 == 0) { /* ties, and runs of NaN */
            for (size_t i = 0; i < n; i++) {
                x[i] = test_bits() % 3 == 0 ? NAN : (float)(test_bits() % 3);
            }
        }
        float max = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            max = x[i] > max ? x[i] : max;
        }
        size_t best = 0;
        while (best < n && !(x[best] == max)) {
            best++;
        }
        best = best == n ? 0 : best;
        const float sum = plain_sum(x, n);
        for (size_t v = 0; v < count; v++) {
            const kernel_table *k = variants[v];
            assert_true(k->max(x, n) == max);
            assert_int_equal(k->argmax(x, n), best);
            const float found = k->sum(x, n);
            assert_same(&sum, &found, 1, "sum", k->name);
            const float total = k->exp_sum(x, max, n, out);
            const float again = plain_sum(out, n);
            assert_same(&again, &total, 1, "exp_sum", k->name);
            memcpy(same, x, n * sizeof(float));
            assert_true(k->exp_sum(same, max, n, same) == total || isnan(total));
            assert_same(out, same, n, "exp_sum in place", k->name);
        }
    }
    for (size_t v = 0; v < count; v++) {
        check_silu(variants[v]);
        check_activate(variants[v]);
    }
}

/* ---- activations ---- */

static void plain_q8(const float *x, activation_q8 *to)
{
    float amax = 0;
    bool nan = false;
    for (unsigned i = 0; i < 32; i++) {
        amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
        nan = nan || isnan(x[i]);
    }
    amax = nan ? NAN : amax;
    const float inverse = 127.0f / amax;
    const bool usable = isfinite(amax) && isfinite(inverse);
    int sums[4] = {0};
    for (unsigned i = 0; i < 32; i++) {
        to->q[i] = (int8_t)(usable ? lrintf(x[i] * inverse) : 0);
        sums[i / 16 * 2 + i % 4 / 2] += to->q[i];
    }
    to->d = amax / 127.0f;
    to->s = to->d * (float)(sums[0] + sums[1] + sums[2] + sums[3]);
    to->half_sum[0] = (int16_t)sums[0];
    to->half_sum[1] = (int16_t)sums[1];
    to->block_sum[0] = (int16_t)(sums[0] + sums[2]);
    to->block_sum[1] = (int16_t)(sums[1] + sums[3]);
}

static void check_q8(const kernel_table *k, const float *x, size_t blocks)
{
    activation_q8 found[8];
    memset(found, 0x55, sizeof found);
    k->activation_prepare[ACTIVATION_Q8](x, blocks * 32, 2, blocks * 32, 1, 2, found);
    assert_int_equal(((uint8_t *)found)[blocks * sizeof(activation_q8) - 1], 0x55); /* token 0 was not asked for */
    for (size_t b = 0; b < blocks; b++) {
        activation_q8 expected;
        plain_q8(x + (blocks + b) * 32, &expected);
        const activation_q8 *f = &found[blocks + b];
        assert_memory_equal(expected.q, f->q, 32);
        assert_same(&expected.d, &f->d, 1, "q8 d", k->name);
        assert_same(&expected.s, &f->s, 1, "q8 s", k->name);
        assert_memory_equal(expected.half_sum, f->half_sum, 4);
        assert_memory_equal(expected.block_sum, f->block_sum, 4);
    }
}

static void check_rows(const kernel_table *k, const float *x, size_t n)
{
    static float found[2 * (MOST + 32)];
    const size_t stride = activation_row_floats(n);
    k->activation_prepare[ACTIVATION_F32](x, n, 2, n, 0, 2, found);
    assert_same(x, found, n, "f32 activation", k->name);
    assert_same(x + n, found + stride, n, "f32 activation, second row", k->name);
    memset(found, 0x55, sizeof found);
    k->activation_prepare[ACTIVATION_BF16](x, n, 2, n, 0, 2, found);
    const bool pairs = strstr(k->name, "bf16") != NULL; /* bf16 side by side, where one instruction multiplies pairs */
    for (size_t i = 0; i < 2 * stride; i++) {
        const size_t at = i % stride;
        if (pairs) {
            uint16_t half = 0;
            memcpy(&half, (const char *)(found + i / stride * stride) + 2 * at, 2);
            const float expected_half = half_bf16_to_f32(half_bf16_from_f32(at < n ? x[i / stride * n + at] : 0.0f));
            const float found_half = half_bf16_to_f32(half);
            if (at < n + n % 2) {
                assert_same(&expected_half, &found_half, 1, "bf16 activation in pairs", k->name);
            }
            continue;
        }
        float expected = at < n ? half_bf16_to_f32(half_bf16_from_f32(x[i / stride * n + at])) : 0.0f;
        expected = fabsf(expected) < 0x1p-126f ? copysignf(0.0f, expected) : expected;
        assert_same(&expected, found + i, 1, "bf16 activation", k->name);
    }
}

void check_activations(void **state)
{
    (void)state;
    static float x[2 * MOST];
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(23);
    for (unsigned round = 0; round < 300; round++) {
        test_fill(x, 2 * MOST, round % VALUES_COUNT);
        if (round % 5 == 0) { /* whole blocks of zeros and of tiny values */
            for (size_t i = 0; i < 2 * MOST; i++) {
                x[i] *= i % 96 < 32 ? 0.0f : i % 96 < 64 ? 1e-37f : 1.0f;
            }
        }
        for (size_t v = 0; v < count; v++) {
            check_q8(variants[v], x, 1 + round % 4);
            check_rows(variants[v], x, lengths[round % LENGTHS]);
        }
    }
}
