/* What the AVX2 products of the quantised formats have in common. */
#ifndef KERNELS_AVX2_QUANTIZED_WORDS_H
#define KERNELS_AVX2_QUANTIZED_WORDS_H

#include "kernels/v16.h"

#include <immintrin.h>

/* Holds the compiler to the order in which sums are written: left alone it delays additions and spills. */
V16_INLINE void in_order(__m256i *sum)
{
    __asm__ volatile("" : "+x"(*sum));
}

/* 4 bytes, in all lanes of 32 bits. */
V16_INLINE __m256i broadcast4(const void *p)
{
    int32_t word;
    memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

/* A step of the chain: fma(scale d, isum, acc). */
V16_INLINE __m256 add_scaled(__m256 acc, __m256i isum, __m256 scale, float d)
{
    return _mm256_fmadd_ps(_mm256_mul_ps(scale, _mm256_set1_ps(d)), _mm256_cvtepi32_ps(isum), acc);
}

#endif
