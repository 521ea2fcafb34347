/* binary16 by somebody else than base/ and kernels/: the compiler's _Float16, or where it has none (clang before 15 on
 * x86-64) the format's definition in double arithmetic. */
#ifndef TESTS_KERNELS_HALF_REFERENCE_H
#define TESTS_KERNELS_HALF_REFERENCE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __FLT16_MANT_DIG__
static inline float half_reference_value(uint16_t bits)
{
    _Float16 half;
    memcpy(&half, &bits, sizeof half);
    return (float)half;
}

static inline uint16_t half_reference_bits(float x)
{
    const _Float16 half = (_Float16)x;
    uint16_t bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}
#else
static inline float half_reference_value(uint16_t bits)
{
    const int exponent = bits >> 10 & 31;
    const double fraction = bits & 1023;
    double size = 0;
    if (exponent == 31) {
        size = bits & 1023 ? NAN : INFINITY;
    } else {
        size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
    }
    return (float)copysign(size, bits >> 15 ? -1.0 : 1.0);
}

/* Rounds to the nearest multiple of the step at x, ties to even; 65,520 is where that leaves the format. */
static inline uint16_t half_reference_bits(float x)
{
    const unsigned sign = signbit(x) ? 0x8000u : 0u;
    const double size = fabs((double)x);
    if (isnan(x) || size >= 65520.0) {
        return (uint16_t)(sign | (isnan(x) ? 0x7e00u : 0x7c00u));
    }
    const int exponent = size < 0x1p-14 ? -14 : ilogb(size);
    const unsigned steps = (unsigned)nearbyint(ldexp(size, 10 - exponent));
    /* At exponent -14 the steps are the bits; above, the leading one is the exponent's lowest bit, and a carry of the
     * rounding goes where it must. */
    return (uint16_t)(sign | (steps + ((unsigned)(exponent + 14) << 10)));
}
#endif

#endif
