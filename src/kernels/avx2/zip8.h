/* The words of kernels/zip8.h in AVX2. */
#ifndef KERNELS_AVX2_ZIP8_H
#define KERNELS_AVX2_ZIP8_H

#include "kernels/v16.h"

V16_INLINE v16i v16i_zip8_low(v16i a, v16i b)
{
    return (v16i){_mm256_unpacklo_epi8(a.lo, b.lo), _mm256_unpacklo_epi8(a.hi, b.hi)};
}
V16_INLINE v16i v16i_zip8_high(v16i a, v16i b)
{
    return (v16i){_mm256_unpackhi_epi8(a.lo, b.lo), _mm256_unpackhi_epi8(a.hi, b.hi)};
}

#endif
