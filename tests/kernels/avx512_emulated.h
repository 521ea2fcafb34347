/* The AVX-512 intrinsics out of SIMDe (https://github.com/simd-everywhere/simde), for a CPU that has none, and those
 * that its version 0.7.4 lacks. Takes the place of <immintrin.h> in the test variant "avx512-emulated". */
#ifndef TESTS_AVX512_EMULATED_H
#define TESTS_AVX512_EMULATED_H

#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wundef"
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#pragma GCC diagnostic pop

/* 0.7.4 names the masked form here. */
#undef _mm512_madd_epi16
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)

/* What 0.7.4 lacks: halves through AVX2, or lanes in memory. */
typedef struct emulated_halves {
    __m256i low, high;
} emulated_halves;

static inline emulated_halves emulated_split(simde__m512i a)
{
    emulated_halves h;
    memcpy(&h, &a, sizeof h);
    return h;
}

static inline simde__m512i emulated_join(__m256i low, __m256i high)
{
    const emulated_halves h = {low, high};
    simde__m512i a;
    memcpy(&a, &h, sizeof a);
    return a;
}

static inline simde__m512i emulated_bits(simde__m512 a)
{
    simde__m512i bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}

static inline simde__m512 emulated_floats(simde__m512i a)
{
    simde__m512 x;
    memcpy(&x, &a, sizeof x);
    return x;
}

static inline simde__m512i emulated_cvtepi8_epi32(__m128i a)
{
    return emulated_join(_mm256_cvtepi8_epi32(a), _mm256_cvtepi8_epi32(_mm_srli_si128(a, 8)));
}

static inline simde__m512i emulated_cvtepu8_epi32(__m128i a)
{
    return emulated_join(_mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8)));
}

static inline simde__m512i emulated_cvtepu16_epi32(__m256i a)
{
    return emulated_join(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(a)),
                         _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1)));
}

static inline __m256i emulated_cvtepi32_epi16(simde__m512i a)
{
    int32_t from[16];
    int16_t to[16];
    memcpy(from, &a, sizeof from);
    for (int i = 0; i < 16; i++) {
        to[i] = (int16_t)from[i];
    }
    return _mm256_loadu_si256((const __m256i *)to);
}

static inline __m128i emulated_cvtepi32_epi8(simde__m512i a)
{
    int32_t from[16];
    int8_t to[16];
    memcpy(from, &a, sizeof from);
    for (int i = 0; i < 16; i++) {
        to[i] = (int8_t)from[i];
    }
    return _mm_loadu_si128((const __m128i *)to);
}

static inline simde__m512 emulated_cvtepi32_ps(simde__m512i a)
{
    const emulated_halves h = emulated_split(a);
    return emulated_floats(
        emulated_join(_mm256_castps_si256(_mm256_cvtepi32_ps(h.low)), _mm256_castps_si256(_mm256_cvtepi32_ps(h.high))));
}

static inline simde__m512i emulated_cvtps_epi32(simde__m512 a)
{
    const emulated_halves h = emulated_split(emulated_bits(a));
    return emulated_join(_mm256_cvtps_epi32(_mm256_castsi256_ps(h.low)),
                         _mm256_cvtps_epi32(_mm256_castsi256_ps(h.high)));
}

static inline simde__m512 emulated_cvtph_ps(__m256i a)
{
    return emulated_floats(emulated_join(_mm256_castps_si256(_mm256_cvtph_ps(_mm256_castsi256_si128(a))),
                                         _mm256_castps_si256(_mm256_cvtph_ps(_mm256_extracti128_si256(a, 1)))));
}

static inline __m256i emulated_cvtps_ph(simde__m512 a)
{
    const emulated_halves h = emulated_split(emulated_bits(a));
    return _mm256_set_m128i(_mm256_cvtps_ph(_mm256_castsi256_ps(h.high), _MM_FROUND_TO_NEAREST_INT),
                            _mm256_cvtps_ph(_mm256_castsi256_ps(h.low), _MM_FROUND_TO_NEAREST_INT));
}

static inline __m256 emulated_extractf32x8(simde__m512 a, int which)
{
    const emulated_halves h = emulated_split(emulated_bits(a));
    return _mm256_castsi256_ps(which == 0 ? h.low : h.high);
}

static inline simde__m512 emulated_maskz_loadu_ps(uint16_t mask, const void *from)
{
    float lanes[16] = {0};
    for (int i = 0; i < 16; i++) {
        if (mask >> i & 1) {
            memcpy(lanes + i, (const char *)from + 4 * i, 4);
        }
    }
    return simde_mm512_loadu_ps(lanes);
}

static inline void emulated_mask_storeu_ps(void *to, uint16_t mask, simde__m512 a)
{
    float lanes[16];
    memcpy(lanes, &a, sizeof lanes);
    for (int i = 0; i < 16; i++) {
        if (mask >> i & 1) {
            memcpy((char *)to + 4 * i, lanes + i, 4);
        }
    }
}

static inline simde__m512i emulated_srav_epi32(simde__m512i a, simde__m512i by)
{
    const emulated_halves h = emulated_split(a);
    const emulated_halves n = emulated_split(by);
    return emulated_join(_mm256_srav_epi32(h.low, n.low), _mm256_srav_epi32(h.high, n.high));
}

#define _mm512_cvtepi8_epi32(a) emulated_cvtepi8_epi32(a)
#define _mm512_cvtepu8_epi32(a) emulated_cvtepu8_epi32(a)
#define _mm512_cvtepu16_epi32(a) emulated_cvtepu16_epi32(a)
#define _mm512_cvtepi32_epi16(a) emulated_cvtepi32_epi16(a)
#define _mm512_cvtepi32_epi8(a) emulated_cvtepi32_epi8(a)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#define _mm512_cvtps_epi32(a) emulated_cvtps_epi32(a)
#define _mm512_cvtph_ps(a) emulated_cvtph_ps(a)
#define _mm512_cvtps_ph(a, mode) emulated_cvtps_ph(a)
#define _mm512_extractf32x8_ps(a, which) emulated_extractf32x8(a, which)
#define _mm512_maskz_loadu_ps(mask, from) emulated_maskz_loadu_ps(mask, from)
#define _mm512_mask_storeu_ps(to, mask, a) emulated_mask_storeu_ps(to, mask, a)
#define _mm512_srav_epi32(a, by) emulated_srav_epi32(a, by)

#endif
