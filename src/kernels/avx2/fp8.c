/* FP8 with scales for AVX2: 32 bytes become 32 binary16 by a few operations on bytes, and those binary32 by F16C. */
#include "kernels/avx2/fp8.h"
#include "kernels/fp8.h"
#include "kernels/v16.h"

/* High bytes: the sign, then exponent and the fraction's two upper bits one to the right, with the top bit of the
 * exponent for a NaN (127, which adding 1 shows). Low bytes: the fraction's last bit on top. */
V16_INLINE void fp8_two(const uint8_t *bytes, v16f scale, v16f ret[2])
{
    const __m256i byte = _mm256_loadu_si256((const __m256i *)bytes);
    const __m256i magnitude = _mm256_and_si256(byte, _mm256_set1_epi8(0x7F));
    const __m256i nan = _mm256_and_si256(_mm256_cmpeq_epi8(magnitude, _mm256_set1_epi8(0x7F)), _mm256_set1_epi8(0x40));
    const __m256i half = _mm256_and_si256(_mm256_srli_epi16(byte, 1), _mm256_set1_epi8(0x3F));
    const __m256i sign = _mm256_andnot_si256(_mm256_set1_epi8(0x7F), byte);
    const __m256i high = _mm256_or_si256(_mm256_or_si256(sign, nan), half);
    const __m256i low = _mm256_and_si256(_mm256_slli_epi16(byte, 7), _mm256_set1_epi8((char)0x80));
    const __m256i first = _mm256_unpacklo_epi8(low, high); /* rows 0 to 7 of both k */
    const __m256i last = _mm256_unpackhi_epi8(low, high);
    ret[0].lo = _mm256_mul_ps(scale.lo, _mm256_cvtph_ps(_mm256_castsi256_si128(first)));
    ret[0].hi = _mm256_mul_ps(scale.hi, _mm256_cvtph_ps(_mm256_castsi256_si128(last)));
    ret[1].lo = _mm256_mul_ps(scale.lo, _mm256_cvtph_ps(_mm256_extracti128_si256(first, 1)));
    ret[1].hi = _mm256_mul_ps(scale.hi, _mm256_cvtph_ps(_mm256_extracti128_si256(last, 1)));
}

#include "kernels/template/fp8.h"

void kernels_fill_fp8_avx2_halves(kernel_table *table)
{
    fp8_fill(table);
}
