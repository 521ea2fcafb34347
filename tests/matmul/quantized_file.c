#include "quantized_file.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

const dtype quantized_formats[QUANTIZED_FORMATS] = {DTYPE_Q8_0,  DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0,   DTYPE_Q5_1,
                                                    DTYPE_Q4_K,  DTYPE_Q5_K, DTYPE_Q6_K, DTYPE_IQ4_NL, DTYPE_IQ4_XS,
                                                    DTYPE_MXFP4, DTYPE_Q2_K, DTYPE_Q3_K, DTYPE_WIDE};

static float half_at(const uint8_t *p)
{
    const unsigned bits = p[0] | (unsigned)p[1] << 8;
    const unsigned exponent = bits >> 10 & 31;
    const float fraction = (float)(bits & 1023);
    const float sign = bits & 0x8000 ? -1.0f : 1.0f;
    if (exponent == 31) {
        return bits & 1023 ? NAN : sign * INFINITY;
    }
    return exponent == 0 ? sign * ldexpf(fraction, -24) : sign * ldexpf(1024.0f + fraction, (int)exponent - 25);
}

/* Value k (0..31) of 16 bytes whose low nibbles come first. */
static int nibble(const uint8_t *qs, size_t k)
{
    return k < 16 ? qs[k] & 15 : qs[k - 16] >> 4;
}

static const int iq4_nl[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

static const int mxfp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static int bit32(const uint8_t *bits, size_t k)
{
    return bits[k / 8] >> (k % 8) & 1;
}

/* Scale and minimum j (0..7) of the 12 bytes of Q4_K and Q5_K. */
static void k_scale(const uint8_t *s, size_t j, int *sc, int *mn)
{
    if (j < 4) {
        *sc = s[j] & 63;
        *mn = s[j + 4] & 63;
    } else {
        *sc = (s[j + 4] & 15) + 16 * (s[j - 4] >> 6);
        *mn = (s[j + 4] >> 4) + 16 * (s[j] >> 6);
    }
}

static file_value small_block(dtype type, const uint8_t *block, size_t k)
{
    file_value v = {.d = half_at(block), .sub = 1};
    switch (type) {
    case DTYPE_Q8_0:
        v.q = (int8_t)block[2 + k];
        break;
    case DTYPE_Q4_0:
        v.q = nibble(block + 2, k) - 8;
        break;
    case DTYPE_IQ4_NL:
        v.q = iq4_nl[nibble(block + 2, k)];
        break;
    case DTYPE_MXFP4:
        v.q = mxfp4[nibble(block + 1, k)];
        v.d = ldexpf(1.0f, block[0] - 128);
        break;
    case DTYPE_Q4_1:
        v.q = nibble(block + 4, k);
        v.min_d = half_at(block + 2);
        break;
    case DTYPE_Q5_0:
        v.q = nibble(block + 6, k) + 16 * bit32(block + 2, k) - 16;
        break;
    default: /* DTYPE_Q5_1 */
        v.q = nibble(block + 8, k) + 16 * bit32(block + 4, k);
        v.min_d = half_at(block + 2);
        break;
    }
    return v;
}

static file_value rare_block(dtype type, const uint8_t *block, size_t k)
{
    file_value v = {.sub = 1};
    const size_t quarter = k / 32 % 4;
    if (type == DTYPE_IQ4_XS) {
        const size_t b = k / 32;
        v.d = half_at(block);
        v.sub = (block[4 + b / 2] >> (b % 2 * 4) & 15) + 16 * ((block[2] + 256 * block[3]) >> (2 * b) & 3) - 32;
        v.q = iq4_nl[nibble(block + 8 + 16 * b, k % 32)];
    } else if (type == DTYPE_Q2_K) {
        v.d = half_at(block + 80);
        v.min_d = half_at(block + 82);
        v.sub = block[k / 16] & 15;
        v.min_sub = block[k / 16] >> 4;
        v.q = block[16 + k / 128 * 32 + k % 32] >> (2 * quarter) & 3;
    } else if (type == DTYPE_Q3_K) {
        const size_t i = k / 16;
        const uint8_t *s = block + 96;
        v.d = half_at(block + 108);
        v.sub = (i < 8 ? s[i] & 15 : s[i - 8] >> 4) + 16 * (s[8 + i % 4] >> (i / 4 * 2) & 3) - 32;
        v.q = (block[32 + k / 128 * 32 + k % 32] >> (2 * quarter) & 3) - (block[k % 32] >> (k / 32) & 1 ? 0 : 4);
    } else { /* DTYPE_WIDE: a float, one not used, 16 scales, 16 bytes not used, 256 values */
        memcpy(&v.d, block, sizeof v.d);
        v.sub = (int8_t)block[8 + k / 16];
        v.q = (int8_t)block[40 + k];
    }
    return v;
}

/* Where each 16 values have an integer scale, which is in the sum. */
static bool by_sixteen(dtype type)
{
    return type == DTYPE_Q6_K || type == DTYPE_Q2_K || type == DTYPE_Q3_K || type == DTYPE_WIDE;
}

/* k in 0..255. */
static file_value large_block(dtype type, const uint8_t *block, size_t k)
{
    file_value v = {.sub = 1};
    if (type == DTYPE_Q6_K) {
        const size_t half = k / 128;
        const size_t quarter = k % 128 / 32;
        const size_t l = k % 32;
        const int low = block[64 * half + 32 * (quarter % 2) + l] >> (quarter < 2 ? 0 : 4) & 15;
        const int high = block[128 + 32 * half + l] >> (2 * quarter) & 3;
        v.d = half_at(block + 208);
        v.sub = (int8_t)block[192 + k / 16];
        v.q = low + 16 * high - 32;
        return v;
    }
    if (type == DTYPE_IQ4_XS || type == DTYPE_Q2_K || type == DTYPE_Q3_K || type == DTYPE_WIDE) {
        return rare_block(type, block, k);
    }
    const uint8_t *qs = block + (type == DTYPE_Q5_K ? 48 : 16);
    v.d = half_at(block);
    v.min_d = half_at(block + 2);
    k_scale(block + 4, k / 32, &v.sub, &v.min_sub);
    v.q = qs[32 * (k / 64) + k % 32] >> (k / 32 % 2 * 4) & 15;
    if (type == DTYPE_Q5_K) {
        v.q += 16 * (block[16 + k % 32] >> (k / 32) & 1);
    }
    return v;
}

file_value file_value_get(dtype type, const uint8_t *row, size_t k)
{
    const dtype_info *info = dtype_get_info(type);
    const uint8_t *block = row + k / info->block_values * info->block_bytes;
    return info->block_values == 32 ? small_block(type, block, k % 32) : large_block(type, block, k % 256);
}

float file_value_weight(dtype type, file_value v)
{
    switch (type) {
    case DTYPE_Q4_1:
    case DTYPE_Q5_1:
        return v.d * (float)v.q + v.min_d;
    case DTYPE_Q2_K:
    case DTYPE_Q4_K:
    case DTYPE_Q5_K:
        return v.d * (float)v.sub * (float)v.q - v.min_d * (float)v.min_sub;
    case DTYPE_Q3_K:
    case DTYPE_Q6_K:
    case DTYPE_IQ4_XS:
    case DTYPE_WIDE:
        return v.d * (float)v.sub * (float)v.q;
    default:
        return v.d * (float)v.q;
    }
}

float file_row_product(dtype type, const uint8_t *row, size_t cols, const activation_q8 *x)
{
    float acc = 0.0f;
    for (size_t k = 0; k < cols; k += 32, x++) {
        const file_value first = file_value_get(type, row, k);
        int isum = 0;
        int msum = 0;
        for (size_t i = 0; i < 32; i++) {
            const file_value v = file_value_get(type, row, k + i);
            isum += v.q * x->q[i] * (by_sixteen(type) ? v.sub : 1);
            msum += v.min_sub * x->q[i];
        }
        if (type == DTYPE_Q4_K || type == DTYPE_Q5_K) {
            const float scale = first.d * (float)first.sub * x->d;
            acc = fmaf(scale, (float)isum, acc);
            acc = fmaf(-(first.min_d * (float)first.min_sub), x->s, acc);
        } else if (type == DTYPE_IQ4_XS) {
            acc = fmaf(first.d * (float)first.sub * x->d, (float)isum, acc);
        } else {
            acc = fmaf(first.d * x->d, (float)isum, acc);
            if (type == DTYPE_Q2_K) {
                acc = fmaf(-(first.min_d * x->d), (float)msum, acc);
            }
            if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1) {
                acc = fmaf(first.min_d, x->s, acc);
            }
        }
    }
    return acc;
}
