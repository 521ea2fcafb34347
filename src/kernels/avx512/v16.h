/* Sixteen lanes as one ZMM register (AVX-512 F, BW, VL, DQ). */
#ifndef KERNELS_AVX512_V16_H
#define KERNELS_AVX512_V16_H

#include "kernels/avx512/intrinsics.h"

/* Accumulators that a tile may keep in registers: 24 of 32 registers. */
#define V16_TILE 24u

typedef __m512 v16f;
typedef __m512i v16i;
typedef __m512i v16b;
typedef __mmask16 v16m;

/* ---- binary32 ---- */

V16_INLINE v16f v16f_load(const float *p)
{
    return _mm512_loadu_ps(p);
}
V16_INLINE void v16f_store(float *p, v16f a)
{
    _mm512_storeu_ps(p, a);
}
V16_INLINE v16m v16_first_n(size_t n)
{
    return (v16m)((1u << n) - 1u);
}
V16_INLINE v16f v16f_load_n(const float *p, size_t n)
{
    return _mm512_maskz_loadu_ps(v16_first_n(n), p);
}
V16_INLINE void v16f_store_n(float *p, v16f a, size_t n)
{
    _mm512_mask_storeu_ps(p, v16_first_n(n), a);
}
V16_INLINE v16f v16f_set1(float x)
{
    return _mm512_set1_ps(x);
}
V16_INLINE v16f v16f_zero(void)
{
    return _mm512_setzero_ps();
}
V16_INLINE v16f v16f_fma(v16f a, v16f b, v16f c)
{
    return _mm512_fmadd_ps(a, b, c);
}
V16_INLINE v16f v16f_fnma(v16f a, v16f b, v16f c)
{
    return _mm512_fnmadd_ps(a, b, c);
}
V16_INLINE v16f v16f_add(v16f a, v16f b)
{
    return _mm512_add_ps(a, b);
}
V16_INLINE v16f v16f_sub(v16f a, v16f b)
{
    return _mm512_sub_ps(a, b);
}
V16_INLINE v16f v16f_mul(v16f a, v16f b)
{
    return _mm512_mul_ps(a, b);
}
V16_INLINE v16f v16f_div(v16f a, v16f b)
{
    return _mm512_div_ps(a, b);
}
V16_INLINE v16f v16f_sqrt(v16f a)
{
    return _mm512_sqrt_ps(a);
}
V16_INLINE v16f v16f_neg(v16f a)
{
    return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f));
}
V16_INLINE v16f v16f_abs(v16f a)
{
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
V16_INLINE v16f v16f_min(v16f a, v16f b)
{
    return _mm512_min_ps(a, b);
}
V16_INLINE v16f v16f_max(v16f a, v16f b)
{
    return _mm512_max_ps(a, b);
}
V16_INLINE v16m v16f_lt(v16f a, v16f b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
V16_INLINE v16m v16f_le(v16f a, v16f b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
V16_INLINE v16m v16f_eq(v16f a, v16f b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
V16_INLINE v16m v16f_unordered(v16f a, v16f b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_UNORD_Q);
}
V16_INLINE v16f v16f_select(v16m m, v16f a, v16f b)
{
    return _mm512_mask_blend_ps(m, b, a);
}
V16_INLINE float v16f_fold_add(v16f a)
{
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
V16_INLINE float v16f_fold_max(v16f a)
{
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* ---- int32 ---- */

V16_INLINE v16i v16i_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}
V16_INLINE void v16i_store(int32_t *p, v16i a)
{
    _mm512_storeu_si512(p, a);
}
V16_INLINE v16i v16i_set1(int32_t x)
{
    return _mm512_set1_epi32(x);
}
V16_INLINE v16i v16i_zero(void)
{
    return _mm512_setzero_si512();
}
V16_INLINE v16i v16i_iota(void)
{
    return _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
}
V16_INLINE v16i v16i_add(v16i a, v16i b)
{
    return _mm512_add_epi32(a, b);
}
V16_INLINE v16i v16i_sub(v16i a, v16i b)
{
    return _mm512_sub_epi32(a, b);
}
V16_INLINE v16i v16i_mul(v16i a, v16i b)
{
    return _mm512_mullo_epi32(a, b);
}
V16_INLINE v16i v16i_and(v16i a, v16i b)
{
    return _mm512_and_si512(a, b);
}
V16_INLINE v16i v16i_or(v16i a, v16i b)
{
    return _mm512_or_si512(a, b);
}
V16_INLINE v16i v16i_xor(v16i a, v16i b)
{
    return _mm512_xor_si512(a, b);
}
V16_INLINE v16i v16i_min(v16i a, v16i b)
{
    return _mm512_min_epi32(a, b);
}
V16_INLINE v16i v16i_max(v16i a, v16i b)
{
    return _mm512_max_epi32(a, b);
}
V16_INLINE v16i v16i_shl(v16i a, int count)
{
    return _mm512_sllv_epi32(a, _mm512_set1_epi32(count));
}
V16_INLINE v16i v16i_shr(v16i a, int count)
{
    return _mm512_srlv_epi32(a, _mm512_set1_epi32(count));
}
V16_INLINE v16i v16i_sar(v16i a, int count)
{
    return _mm512_srav_epi32(a, _mm512_set1_epi32(count));
}
V16_INLINE v16m v16i_eq(v16i a, v16i b)
{
    return _mm512_cmpeq_epi32_mask(a, b);
}
V16_INLINE v16m v16i_gt(v16i a, v16i b)
{
    return _mm512_cmpgt_epi32_mask(a, b);
}
V16_INLINE v16i v16i_select(v16m m, v16i a, v16i b)
{
    return _mm512_mask_blend_epi32(m, b, a);
}
V16_INLINE v16i v16i_load_s8(const int8_t *p)
{
    return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p));
}
V16_INLINE v16i v16i_load_u8(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
V16_INLINE void v16i_store_s8(int8_t *p, v16i a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(a));
}
V16_INLINE int32_t v16i_fold_max(v16i a)
{
    const __m256i eight = _mm256_max_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
V16_INLINE int32_t v16i_sum(v16i a)
{
    const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

/* ---- truth values ---- */

V16_INLINE v16m v16m_and(v16m a, v16m b)
{
    return (v16m)(a & b);
}
V16_INLINE v16m v16m_or(v16m a, v16m b)
{
    return (v16m)(a | b);
}
V16_INLINE unsigned v16m_bits(v16m a)
{
    return a;
}

/* ---- conversions ---- */

V16_INLINE v16i v16f_to_int(v16f a)
{
    return _mm512_cvtps_epi32(a);
}
V16_INLINE v16f v16i_to_float(v16i a)
{
    return _mm512_cvtepi32_ps(a);
}
V16_INLINE v16i v16f_bits(v16f a)
{
    return _mm512_castps_si512(a);
}
V16_INLINE v16f v16i_as_float(v16i a)
{
    return _mm512_castsi512_ps(a);
}
V16_INLINE v16f v16f_load_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
V16_INLINE void v16f_store_f16(uint16_t *p, v16f a)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
V16_INLINE v16f v16f_load_bf16(const uint16_t *p)
{
    const __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(words, 16));
}
V16_INLINE void v16f_store_bf16(uint16_t *p, v16f a)
{
    const __m512i bits = _mm512_castps_si512(a);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
    const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
    const __m512i both = _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), rounded, quiet);
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(_mm512_srli_epi32(both, 16)));
}

/* ---- bytes ---- */

V16_INLINE v16b v16b_load(const void *p)
{
    return _mm512_loadu_si512(p);
}
V16_INLINE v16b v16b_set4(const void *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
}
#if defined(__AVX512VNNI__) || defined(KERNELS_VNNI)
#define V16_DOT4_U8_FULL 1 /* v16i_dot4_u8s8 is exact for all of 0..255 */
#endif
V16_INLINE v16i v16i_dot4_u8s8(v16i acc, v16b a, v16b b)
{
#ifdef V16_DOT4_U8_FULL
    return _mm512_dpbusd_epi32(acc, a, b);
#else
    return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)));
#endif
}
V16_INLINE v16i v16i_lookup(const int8_t table[16], v16i index)
{
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)table)), index);
}
V16_INLINE v16i v16i_dot4_s8s8(v16i acc, v16b a, v16b b)
{
    const __m512i signed_b = _mm512_mask_sub_epi8(b, _mm512_movepi8_mask(a), _mm512_setzero_si512(), b);
    return v16i_dot4_u8s8(acc, _mm512_abs_epi8(a), signed_b);
}

/* ---- pairs of bf16 ---- */

#ifdef __AVX512BF16__
#define V16_DOT2_BF16 1
V16_INLINE v16f v16f_dot2_bf16(v16f acc, v16i a, v16i b)
{
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
}
#endif

/* ---- subnormals as zeros ---- */

enum { V16_REGISTERS = 32 };

typedef unsigned v16_flush_state;

V16_INLINE v16_flush_state v16_flush_begin(void)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u); /* results: flush to zero; operands: denormals are zeros */
    __asm__ volatile("" : : : "memory");
    return before;
}
V16_INLINE bool v16_flush_end(v16_flush_state before)
{
    __asm__ volatile("" : : : "memory");
    _mm_setcsr(before);
    return true;
}

#endif
