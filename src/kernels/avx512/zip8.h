/* The words of kernels/zip8.h in AVX-512BW. */
#ifndef KERNELS_AVX512_ZIP8_H
#define KERNELS_AVX512_ZIP8_H

#include "kernels/v16.h"

V16_INLINE v16i v16i_zip8_low(v16i a, v16i b)
{
    return _mm512_unpacklo_epi8(a, b);
}
V16_INLINE v16i v16i_zip8_high(v16i a, v16i b)
{
    return _mm512_unpackhi_epi8(a, b);
}

#endif
