/* The words of AVX-512 with products of bf16 pairs (VDPBF16PS), over the emulated intrinsics: SIMDe's own rounds in
 * another way. Each step is AVX2's multiply-add with subnormals as zeros, as the instruction is specified. */
#ifndef TESTS_AVX512_BF16_EMULATED_H
#define TESTS_AVX512_BF16_EMULATED_H

#include "kernels/avx512/v16.h"

#define V16_DOT2_BF16 1

/* Volatile, so that it stays between the changes of the mode. */
static inline __m256 emulated_bf16_step(__m256 acc, __m256 a, __m256 b)
{
    __asm__ volatile("vfmadd231ps %2, %1, %0" : "+x"(acc) : "x"(a), "x"(b));
    return acc;
}

static __m256i emulated_dot2_half(__m256i acc, __m256i a, __m256i b)
{
    const __m256i odd = _mm256_set1_epi32((int32_t)0xffff0000);
    __m256 sum = _mm256_castsi256_ps(acc);
    sum = emulated_bf16_step(sum, _mm256_castsi256_ps(_mm256_and_si256(a, odd)),
                             _mm256_castsi256_ps(_mm256_and_si256(b, odd)));
    sum = emulated_bf16_step(sum, _mm256_castsi256_ps(_mm256_slli_epi32(a, 16)),
                             _mm256_castsi256_ps(_mm256_slli_epi32(b, 16)));
    return _mm256_castps_si256(sum);
}

/* A call: inlined at every place, it takes the compiler minutes. */
static __attribute__((noinline)) void emulated_dot2(emulated_halves *acc, const emulated_halves *a,
                                                    const emulated_halves *b)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u); /* results: flush to zero; operands: denormals are zeros */
    acc->low = emulated_dot2_half(acc->low, a->low, b->low);
    acc->high = emulated_dot2_half(acc->high, a->high, b->high);
    _mm_setcsr(before);
}

V16_INLINE v16f v16f_dot2_bf16(v16f acc, v16i a, v16i b)
{
    emulated_halves sum = emulated_split(emulated_bits(acc));
    const emulated_halves x = emulated_split(a);
    const emulated_halves y = emulated_split(b);
    emulated_dot2(&sum, &x, &y);
    return emulated_floats(emulated_join(sum.low, sum.high));
}

#endif
