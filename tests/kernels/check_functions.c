/* Elementary functions: errors in ulp over dense sets against the C library's binary64 (whose own error is far below
 * a binary32 ulp; for math64, against binary128), special values, and the bits of every variant. */
#include "kernels/kernel_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 4096

typedef struct function_row {
    const char *name;
    double limit_ulp;
    float widest; /* |x| up to which the limit holds */
    double (*reference)(double);
} function_row;

static const function_row functions[] = {{"exp", 2, INFINITY, exp},   {"log", 2, INFINITY, log},
                                         {"sin", 2, INFINITY, sin},   {"cos", 2, INFINITY, cos},
                                         {"tanh", 2, INFINITY, tanh}, {"erf", 2, INFINITY, erf}};
#define FUNCTIONS (sizeof functions / sizeof functions[0])

static void apply(const kernel_table *k, size_t function, const float *x, size_t n, float *out)
{
    void (*const all[])(const float *, size_t, float *) = {k->exp, k->log, k->sin, k->cos, k->tanh, k->erf};
    all[function](x, n, out);
}

/* The distance in units of the last place of the binary32 result. */
static double ulp_error(float found, double expected)
{
    const float rounded = (float)expected;
    if (isnan(expected) || isnan(found)) {
        return isnan(expected) && isnan(found) ? 0 : INFINITY;
    }
    if (isinf(rounded) || isinf(found)) {
        return rounded == found ? 0 : INFINITY;
    }
    const float size = fabsf(rounded);
    const double ulp = (double)nextafterf(size, INFINITY) - (double)size;
    return isinf(ulp) ? 0 : fabs((double)found - expected) / ulp;
}

/* Every 4,001st binary32 bit pattern of both signs (more with HEARTH_DENSE), and 400,000 in [-16, 16]. */
void check_function_errors(void **state)
{
    (void)state;
    static float x[BATCH];
    static float expected[BATCH];
    static float found[BATCH];
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    const uint64_t step = getenv("HEARTH_DENSE") != NULL ? 61 : 4001;
    test_seed(41);
    for (size_t f = 0; f < FUNCTIONS; f++) {
        double worst = 0;
        float worst_at = 0;
        uint64_t bits = 0;
        for (unsigned near = 0; bits <= UINT32_MAX || near < 400000 / BATCH;) {
            for (size_t i = 0; i < BATCH; i++, bits += step) {
                const uint32_t pattern = (uint32_t)bits;
                memcpy(&x[i], &pattern, sizeof pattern);
                if (bits > UINT32_MAX) {
                    x[i] = test_uniform(-16, 16);
                }
            }
            near += bits > UINT32_MAX;
            apply(variants[0], f, x, BATCH, expected);
            for (size_t v = 1; v < count; v++) {
                apply(variants[v], f, x, BATCH, found);
                assert_same(expected, found, BATCH, functions[f].name, variants[v]->name);
            }
            for (size_t i = 0; i < BATCH; i++) {
                const double error = ulp_error(expected[i], functions[f].reference((double)x[i]));
                worst_at = error > worst ? x[i] : worst_at;
                worst = error > worst ? error : worst;
            }
        }
        print_message("# %s: largest error %.3f ulp, at %a\n", functions[f].name, worst, (double)worst_at);
        assert_true(worst <= functions[f].limit_ulp);
    }
}

void check_function_corners(void **state)
{
    (void)state;
    const struct {
        size_t function;
        float x, y;
    } rows[] = {{0, 0.0f, 1.0f},
                {0, -0.0f, 1.0f},
                {0, INFINITY, INFINITY},
                {0, -INFINITY, 0.0f},
                {0, 88.73f, INFINITY},
                {0, -104.0f, 0.0f},
                {0, -103.5f, 0x1p-149f},
                {0, 0x1p-149f, 1.0f},
                {1, 1.0f, 0.0f},
                {1, 0.0f, -INFINITY},
                {1, -0.0f, -INFINITY},
                {1, INFINITY, INFINITY},
                {1, -1.0f, NAN},
                {1, -INFINITY, NAN},
                {2, 0.0f, 0.0f},
                {2, -0.0f, -0.0f},
                {2, 0x1p-149f, 0x1p-149f},
                {2, INFINITY, NAN},
                {3, 0.0f, 1.0f},
                {3, -INFINITY, NAN},
                {4, 0.0f, 0.0f},
                {4, -0.0f, -0.0f},
                {4, -0x1p-149f, -0x1p-149f},
                {4, INFINITY, 1.0f},
                {4, -INFINITY, -1.0f},
                {4, 50.0f, 1.0f},
                {4, NAN, NAN},
                {5, 0.0f, 0.0f},
                {5, -0.0f, -0.0f},
                {5, INFINITY, 1.0f},
                {5, -INFINITY, -1.0f},
                {5, 5.0f, 1.0f},
                {5, NAN, NAN},
                {0, NAN, NAN}};
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    for (size_t v = 0; v < count; v++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            float y;
            apply(variants[v], rows[i].function, &rows[i].x, 1, &y);
            assert_same(&rows[i].y, &y, 1, functions[rows[i].function].name, variants[v]->name);
        }
    }
}

/* ---- binary64 ---- */

static double ulp64(double found, long double expected)
{
    const double size = fabs((double)expected);
    return (double)(fabsl((long double)found - expected) / (long double)(nextafter(size, INFINITY) - size));
}

static double uniform64(double low, double high)
{
    return low + (high - low) * ((double)test_bits() * 0x1p-32 + (double)test_bits() * 0x1p-64);
}

void check_math64(void **state)
{
    (void)state;
    double worst[4] = {0};
    double worst_angle = 0;
    test_seed(42);
    for (unsigned i = 0; i < 300000; i++) {
        const double y = uniform64(-700, 700);
        const double big = exp(uniform64(-700, 700));
        const double base = exp(uniform64(0, 20));
        const double power = uniform64(-1, 1);
        const double angle = i % 2 ? uniform64(-1e6, 1e6) : uniform64(-8, 8);
        worst[0] = fmax(worst[0], ulp64(math64_exp(y), expl((long double)y)));
        worst[1] = fmax(worst[1], ulp64(math64_log(big), logl((long double)big)));
        worst[2] = fmax(worst[2], ulp64(math64_pow(base, power), powl((long double)base, (long double)power)));
        worst[3] = fmax(worst[3], ulp64(math64_sin(angle), sinl((long double)angle)));
        worst[3] = fmax(worst[3], ulp64(math64_cos(angle), cosl((long double)angle)));
        worst_angle = fmax(worst_angle, fabs((double)((long double)math64_sin(angle) - sinl((long double)angle))));
        const double far = ldexp(uniform64(0.5, 1), 25 + (int)(test_bits() % 990));
        assert_true(fabs(math64_sin(far) - sin(far)) < 1e-15 && fabs(math64_cos(-far) - cos(far)) < 1e-15);
    }
    print_message("# math64, ulp: exp %.3f, log %.3f, pow %.3f, sin and cos %.3f (absolute %.1e)\n", worst[0], worst[1],
                  worst[2], worst[3], worst_angle);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(worst[i] < 2.0);
    }
    assert_true(worst_angle < 1e-13);
    assert_true(isnan(math64_sin(INFINITY)) && isnan(math64_cos(NAN)) && isnan(math64_log(-1.0)));
    assert_true(math64_exp(-1000) == 0 && isinf(math64_exp(1000)) && math64_exp(0) == 1 && math64_log(1) == 0);
    assert_true(math64_pow(10000, 0) == 1 && math64_pow(2, 10) == 1024 && math64_pow(0, 2) == 0);
    assert_true(math64_log(0x1p-1074) == log(0x1p-1074) && math64_cos(0) == 1 && signbit(math64_sin(-0.0)));
}
