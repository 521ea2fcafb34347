/* Sixteen lanes as two YMM registers (AVX2, FMA, F16C). */
#ifndef KERNELS_AVX2_V16_H
#define KERNELS_AVX2_V16_H

#include <immintrin.h>

/* Accumulators that a tile may keep in registers: 12 of 16 registers. */
#define V16_TILE 6u

typedef struct v16f {
    __m256 lo, hi;
} v16f;
typedef struct v16i {
    __m256i lo, hi;
} v16i;
typedef struct v16b {
    __m256i lo, hi;
} v16b;
typedef struct v16m {
    __m256 lo, hi; /* all bits of a lane set, or none */
} v16m;

/* ---- binary32 ---- */

V16_INLINE v16f v16f_load(const float *p)
{
    return (v16f){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
V16_INLINE void v16f_store(float *p, v16f a)
{
    _mm256_storeu_ps(p, a.lo);
    _mm256_storeu_ps(p + 8, a.hi);
}
V16_INLINE v16i v16_first_n(size_t n)
{
    const __m256i count = _mm256_set1_epi32((int)n);
    return (v16i){_mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)),
                  _mm256_cmpgt_epi32(count, _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15))};
}
/* Masked stores take as long as ten others on some CPUs: the half that is whole is stored as such. */
V16_INLINE v16f v16f_load_n(const float *p, size_t n)
{
    if (n >= 16) {
        return v16f_load(p);
    }
    const v16i m = v16_first_n(n);
    return (v16f){_mm256_maskload_ps(p, m.lo), _mm256_maskload_ps(p + 8, m.hi)};
}
V16_INLINE void v16f_store_n(float *p, v16f a, size_t n)
{
    if (n >= 16) {
        v16f_store(p, a);
    } else if (n > 8) {
        _mm256_storeu_ps(p, a.lo);
        _mm256_maskstore_ps(p + 8, v16_first_n(n).hi, a.hi);
    } else if (n == 8) {
        _mm256_storeu_ps(p, a.lo);
    } else {
        _mm256_maskstore_ps(p, v16_first_n(n).lo, a.lo);
    }
}
V16_INLINE v16f v16f_set1(float x)
{
    return (v16f){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
V16_INLINE v16f v16f_zero(void)
{
    return (v16f){_mm256_setzero_ps(), _mm256_setzero_ps()};
}
V16_INLINE v16f v16f_fma(v16f a, v16f b, v16f c)
{
    return (v16f){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
V16_INLINE v16f v16f_fnma(v16f a, v16f b, v16f c)
{
    return (v16f){_mm256_fnmadd_ps(a.lo, b.lo, c.lo), _mm256_fnmadd_ps(a.hi, b.hi, c.hi)};
}
V16_INLINE v16f v16f_add(v16f a, v16f b)
{
    return (v16f){_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)};
}
V16_INLINE v16f v16f_sub(v16f a, v16f b)
{
    return (v16f){_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)};
}
V16_INLINE v16f v16f_mul(v16f a, v16f b)
{
    return (v16f){_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)};
}
V16_INLINE v16f v16f_div(v16f a, v16f b)
{
    return (v16f){_mm256_div_ps(a.lo, b.lo), _mm256_div_ps(a.hi, b.hi)};
}
V16_INLINE v16f v16f_sqrt(v16f a)
{
    return (v16f){_mm256_sqrt_ps(a.lo), _mm256_sqrt_ps(a.hi)};
}
V16_INLINE v16f v16f_neg(v16f a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16f){_mm256_xor_ps(a.lo, sign), _mm256_xor_ps(a.hi, sign)};
}
V16_INLINE v16f v16f_abs(v16f a)
{
    const __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16f){_mm256_andnot_ps(sign, a.lo), _mm256_andnot_ps(sign, a.hi)};
}
V16_INLINE v16f v16f_min(v16f a, v16f b)
{
    return (v16f){_mm256_min_ps(a.lo, b.lo), _mm256_min_ps(a.hi, b.hi)};
}
V16_INLINE v16f v16f_max(v16f a, v16f b)
{
    return (v16f){_mm256_max_ps(a.lo, b.lo), _mm256_max_ps(a.hi, b.hi)};
}
V16_INLINE v16m v16f_lt(v16f a, v16f b)
{
    return (v16m){_mm256_cmp_ps(a.lo, b.lo, _CMP_LT_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LT_OQ)};
}
V16_INLINE v16m v16f_le(v16f a, v16f b)
{
    return (v16m){_mm256_cmp_ps(a.lo, b.lo, _CMP_LE_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_LE_OQ)};
}
V16_INLINE v16m v16f_eq(v16f a, v16f b)
{
    return (v16m){_mm256_cmp_ps(a.lo, b.lo, _CMP_EQ_OQ), _mm256_cmp_ps(a.hi, b.hi, _CMP_EQ_OQ)};
}
V16_INLINE v16m v16f_unordered(v16f a, v16f b)
{
    return (v16m){_mm256_cmp_ps(a.lo, b.lo, _CMP_UNORD_Q), _mm256_cmp_ps(a.hi, b.hi, _CMP_UNORD_Q)};
}
V16_INLINE v16f v16f_select(v16m m, v16f a, v16f b)
{
    return (v16f){_mm256_blendv_ps(b.lo, a.lo, m.lo), _mm256_blendv_ps(b.hi, a.hi, m.hi)};
}
V16_INLINE float v16f_fold_add(v16f a)
{
    const __m256 eight = _mm256_add_ps(a.lo, a.hi);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
V16_INLINE float v16f_fold_max(v16f a)
{
    const __m256 eight = _mm256_max_ps(a.lo, a.hi);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* ---- int32 ---- */

V16_INLINE v16i v16i_load(const int32_t *p)
{
    return (v16i){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}
V16_INLINE void v16i_store(int32_t *p, v16i a)
{
    _mm256_storeu_si256((__m256i *)p, a.lo);
    _mm256_storeu_si256((__m256i *)(p + 8), a.hi);
}
V16_INLINE v16i v16i_set1(int32_t x)
{
    return (v16i){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
V16_INLINE v16i v16i_zero(void)
{
    return (v16i){_mm256_setzero_si256(), _mm256_setzero_si256()};
}
V16_INLINE v16i v16i_iota(void)
{
    return (v16i){_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_epi32(8, 9, 10, 11, 12, 13, 14, 15)};
}
V16_INLINE v16i v16i_add(v16i a, v16i b)
{
    return (v16i){_mm256_add_epi32(a.lo, b.lo), _mm256_add_epi32(a.hi, b.hi)};
}
V16_INLINE v16i v16i_sub(v16i a, v16i b)
{
    return (v16i){_mm256_sub_epi32(a.lo, b.lo), _mm256_sub_epi32(a.hi, b.hi)};
}
V16_INLINE v16i v16i_mul(v16i a, v16i b)
{
    return (v16i){_mm256_mullo_epi32(a.lo, b.lo), _mm256_mullo_epi32(a.hi, b.hi)};
}
V16_INLINE v16i v16i_and(v16i a, v16i b)
{
    return (v16i){_mm256_and_si256(a.lo, b.lo), _mm256_and_si256(a.hi, b.hi)};
}
V16_INLINE v16i v16i_or(v16i a, v16i b)
{
    return (v16i){_mm256_or_si256(a.lo, b.lo), _mm256_or_si256(a.hi, b.hi)};
}
V16_INLINE v16i v16i_xor(v16i a, v16i b)
{
    return (v16i){_mm256_xor_si256(a.lo, b.lo), _mm256_xor_si256(a.hi, b.hi)};
}
V16_INLINE v16i v16i_min(v16i a, v16i b)
{
    return (v16i){_mm256_min_epi32(a.lo, b.lo), _mm256_min_epi32(a.hi, b.hi)};
}
V16_INLINE v16i v16i_max(v16i a, v16i b)
{
    return (v16i){_mm256_max_epi32(a.lo, b.lo), _mm256_max_epi32(a.hi, b.hi)};
}
V16_INLINE v16i v16i_shl(v16i a, int count)
{
    return (v16i){_mm256_slli_epi32(a.lo, count), _mm256_slli_epi32(a.hi, count)};
}
V16_INLINE v16i v16i_shr(v16i a, int count)
{
    return (v16i){_mm256_srli_epi32(a.lo, count), _mm256_srli_epi32(a.hi, count)};
}
V16_INLINE v16i v16i_sar(v16i a, int count)
{
    return (v16i){_mm256_srai_epi32(a.lo, count), _mm256_srai_epi32(a.hi, count)};
}
V16_INLINE v16m v16i_eq(v16i a, v16i b)
{
    return (v16m){_mm256_castsi256_ps(_mm256_cmpeq_epi32(a.lo, b.lo)),
                  _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.hi, b.hi))};
}
V16_INLINE v16m v16i_gt(v16i a, v16i b)
{
    return (v16m){_mm256_castsi256_ps(_mm256_cmpgt_epi32(a.lo, b.lo)),
                  _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.hi, b.hi))};
}
V16_INLINE v16i v16i_select(v16m m, v16i a, v16i b)
{
    return (v16i){_mm256_blendv_epi8(b.lo, a.lo, _mm256_castps_si256(m.lo)),
                  _mm256_blendv_epi8(b.hi, a.hi, _mm256_castps_si256(m.hi))};
}
V16_INLINE v16i v16i_load_s8(const int8_t *p)
{
    return (v16i){_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)),
                  _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8)))};
}
V16_INLINE v16i v16i_load_u8(const uint8_t *p)
{
    return (v16i){_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)),
                  _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p + 8)))};
}
V16_INLINE void v16i_store_s8(int8_t *p, v16i a)
{
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.lo, a.hi), 0xD8);
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
V16_INLINE int32_t v16i_fold_max(v16i a)
{
    const __m256i eight = _mm256_max_epi32(a.lo, a.hi);
    const __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
V16_INLINE int32_t v16i_sum(v16i a)
{
    const __m256i eight = _mm256_add_epi32(a.lo, a.hi);
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

/* ---- truth values ---- */

V16_INLINE v16m v16m_and(v16m a, v16m b)
{
    return (v16m){_mm256_and_ps(a.lo, b.lo), _mm256_and_ps(a.hi, b.hi)};
}
V16_INLINE v16m v16m_or(v16m a, v16m b)
{
    return (v16m){_mm256_or_ps(a.lo, b.lo), _mm256_or_ps(a.hi, b.hi)};
}
V16_INLINE unsigned v16m_bits(v16m a)
{
    return (unsigned)_mm256_movemask_ps(a.lo) | (unsigned)_mm256_movemask_ps(a.hi) << 8;
}

/* ---- conversions ---- */

V16_INLINE v16i v16f_to_int(v16f a)
{
    return (v16i){_mm256_cvtps_epi32(a.lo), _mm256_cvtps_epi32(a.hi)};
}
V16_INLINE v16f v16i_to_float(v16i a)
{
    return (v16f){_mm256_cvtepi32_ps(a.lo), _mm256_cvtepi32_ps(a.hi)};
}
V16_INLINE v16i v16f_bits(v16f a)
{
    return (v16i){_mm256_castps_si256(a.lo), _mm256_castps_si256(a.hi)};
}
V16_INLINE v16f v16i_as_float(v16i a)
{
    return (v16f){_mm256_castsi256_ps(a.lo), _mm256_castsi256_ps(a.hi)};
}
V16_INLINE v16f v16f_load_f16(const uint16_t *p)
{
    return (v16f){_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                  _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8)))};
}
V16_INLINE void v16f_store_f16(uint16_t *p, v16f a)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(a.lo, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(a.hi, _MM_FROUND_TO_NEAREST_INT));
}
V16_INLINE v16f v16f_load_bf16(const uint16_t *p)
{
    const __m256i lo = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    const __m256i hi = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p + 8)));
    return (v16f){_mm256_castsi256_ps(_mm256_slli_epi32(lo, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(hi, 16))};
}
/* The bf16 of each lane, in its low 16 bits. */
V16_INLINE __m256i v16_avx2_bf16(__m256 a)
{
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
}
V16_INLINE void v16f_store_bf16(uint16_t *p, v16f a)
{
    const __m256i words = _mm256_packus_epi32(v16_avx2_bf16(a.lo), v16_avx2_bf16(a.hi));
    _mm256_storeu_si256((__m256i *)p, _mm256_permute4x64_epi64(words, 0xD8));
}

/* ---- bytes ---- */

V16_INLINE v16b v16b_load(const void *p)
{
    const __m256i *bytes = p;
    return (v16b){_mm256_loadu_si256(bytes), _mm256_loadu_si256(bytes + 1)};
}
V16_INLINE v16b v16b_set4(const void *p)
{
    int32_t four;
    memcpy(&four, p, 4);
    return (v16b){_mm256_set1_epi32(four), _mm256_set1_epi32(four)};
}
V16_INLINE v16i v16i_lookup(const int8_t table[16], v16i index)
{
    const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)table));
    return (v16i){_mm256_shuffle_epi8(both, index.lo), _mm256_shuffle_epi8(both, index.hi)};
}
V16_INLINE v16i v16i_dot4_u8s8(v16i acc, v16b a, v16b b)
{
    const __m256i ones = _mm256_set1_epi16(1);
    return (v16i){_mm256_add_epi32(acc.lo, _mm256_madd_epi16(_mm256_maddubs_epi16(a.lo, b.lo), ones)),
                  _mm256_add_epi32(acc.hi, _mm256_madd_epi16(_mm256_maddubs_epi16(a.hi, b.hi), ones))};
}
V16_INLINE v16i v16i_dot4_s8s8(v16i acc, v16b a, v16b b)
{
    return v16i_dot4_u8s8(acc, (v16b){_mm256_abs_epi8(a.lo), _mm256_abs_epi8(a.hi)},
                          (v16b){_mm256_sign_epi8(b.lo, a.lo), _mm256_sign_epi8(b.hi, a.hi)});
}

/* ---- subnormals as zeros ---- */

enum { V16_REGISTERS = 8 };

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
