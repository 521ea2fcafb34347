/* The AVX-512 intrinsics. The test variant "avx512-emulated" hands in a header that emulates them (tests/kernels). */
#ifndef KERNELS_AVX512_INTRINSICS_H
#define KERNELS_AVX512_INTRINSICS_H

#ifdef KERNELS_INTRINSICS
#include KERNELS_INTRINSICS
#else
#include <immintrin.h>
#endif

#endif
