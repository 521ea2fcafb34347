/* Two words beside the vocabulary (kernels/v16.h), which one template needs:
 *
 *   v16i_zip8_low(a, b), v16i_zip8_high(a, b)   of each 16 bytes the first (last) 8 of a and of b in turn, a's first */
#ifndef KERNELS_ZIP8_H
#define KERNELS_ZIP8_H

#include "kernels/v16.h"

#if defined(KERNELS_AVX512_V16_H)
#include "kernels/avx512/zip8.h"
#elif defined(KERNELS_AVX2_V16_H)
#include "kernels/avx2/zip8.h"
#elif defined(KERNELS_NEON_V16_H)
#include "kernels/neon/zip8.h"
#else
#include "kernels/scalar/zip8.h"
#endif

#endif
