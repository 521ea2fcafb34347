/* Inputs and comparison for the kernel tests. */
#include "kernels/kernel_test.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

static uint64_t seed_now = 1;
static uint64_t seed_index;

void test_seed(uint64_t seed)
{
    seed_now = seed;
    seed_index = 0;
}

uint32_t test_bits(void)
{
    uint32_t words[4];
    random_philox(seed_now, RANDOM_TEST, 0, seed_index++, words);
    return words[0];
}

float test_uniform(float low, float high)
{
    return low + (high - low) * ((float)(test_bits() >> 8) * 0x1p-24f);
}

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

void test_fill(float *x, size_t n, input_kind kind)
{
    static const uint32_t corners[] = {0x00000000u, 0x80000000u, 0x00000001u, 0x807FFFFFu, 0x00800000u, 0x7F7FFFFFu,
                                       0xFF7FFFFFu, 0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x3F800000u, 0x7F800001u};
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = test_bits();
        if (kind == VALUES_WIDE) {
            x[i] = from_bits(bits);
        } else if (kind == VALUES_CORNERS && bits % 8 == 0) {
            x[i] = from_bits(corners[(bits >> 8) % 12]);
        } else {
            x[i] = test_uniform(-4.0f, 4.0f);
        }
    }
}

static bool same_float(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

bool same_floats(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!same_float(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

void assert_same(const float *expected, const float *found, size_t n, const char *label, const char *variant)
{
    for (size_t i = 0; i < n; i++) {
        if (!same_float(expected[i], found[i])) {
            fail_msg("%s, %s: value %zu of %zu is %a, expected %a", label, variant, i, n, (double)found[i],
                     (double)expected[i]);
        }
    }
}
