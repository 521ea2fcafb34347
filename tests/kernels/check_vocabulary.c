/* The vocabulary: every word gives scalar's bits; and the scalar conversions against the compiler's own. */
#include "kernels/half.h"
#include "kernels/half_reference.h"
#include "kernels/kernel_test.h"
#include "kernels/v16_probe.h"

#include <math.h>
#include <string.h>

void v16_probe_scalar(const v16_probe_input *in, v16_probe_output *out);
#if defined(__x86_64__)
void v16_probe_avx2(const v16_probe_input *in, v16_probe_output *out);
void v16_probe_avx512(const v16_probe_input *in, v16_probe_output *out);
#ifdef KERNELS_EMULATED
void v16_probe_avx512_emulated(const v16_probe_input *in, v16_probe_output *out);
#endif
#elif defined(__aarch64__)
void v16_probe_neon(const v16_probe_input *in, v16_probe_output *out);
#endif

v16_probe_function v16_probe_of(const char *variant)
{
#if defined(__x86_64__)
    if (strncmp(variant, "avx2", 4) == 0) {
        return v16_probe_avx2;
    }
#ifdef KERNELS_EMULATED
    if (strstr(variant, "emulated") != NULL) {
        return v16_probe_avx512_emulated;
    }
#endif
#ifndef KERNELS_WITHOUT_AVX512
    if (strncmp(variant, "avx512", 6) == 0) {
        return v16_probe_avx512;
    }
#endif
#elif defined(__aarch64__)
    if (strncmp(variant, "neon", 4) == 0) {
        return v16_probe_neon;
    }
#endif
    return strcmp(variant, "scalar") == 0 ? v16_probe_scalar : NULL;
}

static void fill_probe(v16_probe_input *in, input_kind kind, unsigned round)
{
    test_fill(in->a, 16, kind);
    test_fill(in->b, 16, kind);
    test_fill(in->c, 16, kind);
    static const float halves[] = {0.5f,        1.5f,     2.5f,    -0.5f,          -1.5f,           -2.5f,
                                   0x1p31f,     -0x1p31f, 0x1p30f, 0x1.fffffep30f, -0x1.000002p31f, 8388609.f,
                                   0.49999997f, 3e9f,     -3e9f,   65519.9f};
    if (round % 7 == 0) {
        memcpy(in->a, halves, sizeof in->a);
    }
    for (unsigned k = 0; k < 16; k++) {
        in->i[k] = (int32_t)test_bits();
        in->j[k] = test_bits() % 4 == 0 ? in->i[k] : (int32_t)test_bits();
        in->half[k] = (uint16_t)test_bits();
    }
    for (unsigned k = 0; k < 64; k++) {
        const uint32_t bits = test_bits();
        in->bytes[k] = (uint8_t)(round % 5 == 0 ? 127 : bits & 127u);
        in->wide[k] = (int8_t)(round % 5 == 0 ? -128 : (int)(bits >> 8 & 255u) - 128);
        in->narrow[k] = (int8_t)(round % 5 == 0 ? (round % 2 ? 127 : -127) : (int)((bits >> 16) % 255u) - 127);
    }
    in->n = round % 17;
    in->shift = (int)(round % 32);
}

void check_vocabulary(void **state)
{
    (void)state;
    const kernel_table *variants[VARIANTS_MAX];
    const size_t count = variants_list(variants);
    test_seed(11);
    for (unsigned round = 0; round < 3000; round++) {
        v16_probe_input in;
        v16_probe_output expected;
        v16_probe_output found;
        fill_probe(&in, round % VALUES_COUNT, round);
        v16_probe_scalar(&in, &expected);
        for (size_t v = 1; v < count; v++) {
            v16_probe_of(variants[v]->name)(&in, &found);
            for (size_t k = 0; k < V16_PROBE_FLOATS; k++) {
                char label[32];
                (void)snprintf(label, sizeof label, "float word %zu", k);
                assert_same(expected.f[k], found.f[k], 16, label, variants[v]->name);
            }
            for (size_t k = 0; k < V16_PROBE_INTS; k++) {
                const bool bits = k == 1; /* the bits of a NaN are any */
                if (!bits && memcmp(expected.i[k], found.i[k], sizeof found.i[k]) != 0) {
                    fail_msg("int word %zu differs on %s, round %u", k, variants[v]->name, round);
                }
            }
            for (size_t k = 0; k < 16; k++) {
                const bool nan16 =
                    isnan(half_f16_to_f32(expected.half[0][k])) && isnan(half_f16_to_f32(found.half[0][k]));
                const bool nanb =
                    isnan(half_bf16_to_f32(expected.half[1][k])) && isnan(half_bf16_to_f32(found.half[1][k]));
                assert_true(nan16 || expected.half[0][k] == found.half[0][k]);
                assert_true(nanb || expected.half[1][k] == found.half[1][k]);
            }
            assert_memory_equal(expected.bytes, found.bytes, 16);
        }
    }
}

/* Against another binary16 and against the midpoint rule for bfloat16. */
void check_halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const uint16_t bits = (uint16_t)h;
        const float wide = half_reference_value(bits);
        const float found = f16_to_f32(bits);
        assert_true(same_floats(&wide, &found, 1));
        const uint16_t back = f16_from_f32(found);
        assert_true(isnan(found) ? isnan(f16_to_f32(back)) : back == bits);
    }
    test_seed(12);
    for (uint32_t n = 0; n < 2000000; n++) {
        const uint32_t bits = n < 1000000 ? test_bits() : 0x33000000u - 1000u + (n - 1000000u) * 0x150u; /* all edges */
        float x;
        memcpy(&x, &bits, sizeof x);
        const uint16_t expected = half_reference_bits(x);
        const uint16_t found = f16_from_f32(x);
        assert_true(isnan(x) ? isnan(f16_to_f32(found)) : found == expected);
        const float b = bf16_to_f32(bf16_from_f32(x));
        if (isnan(x)) {
            assert_true(isnan(b));
            continue;
        }
        const double below = (double)bf16_to_f32((uint16_t)(bits >> 16));
        const double above = isinf(bf16_to_f32((uint16_t)((bits >> 16) + 1)))
                                 ? copysign(0x1p128, (double)x)
                                 : (double)bf16_to_f32((uint16_t)((bits >> 16) + 1));
        const double to_below = fabs((double)x - below);
        const double to_above = fabs(above - (double)x);
        const bool up = isinf(x) ? false : to_above < to_below || (to_above == to_below && (bits >> 16 & 1u));
        assert_true(bf16_from_f32(x) == (uint16_t)((bits >> 16) + (up ? 1u : 0u)));
    }
}
