/* The search for one block's scale, and the formats of 32 values. */
#include "convert/quantize_blocks.h"

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define CANDIDATES 3 /* on each side of the plain scale */
#define STEP 0.25f   /* of the range's end from one to the next */

static float weight_of(const quantize_group *g, size_t i)
{
    return g->w == NULL ? 1.0f : g->w[i];
}

static int nearest(float value, int least, int most)
{
    const float clipped = value > -1024.0f ? value < 1024.0f ? value : 1024.0f : -1024.0f; /* NaN: the least */
    const float rounded = clipped + 12582912.0f - 12582912.0f; /* half to even, without a call */
    /* written so that NaN gives the least */
    return rounded >= (float)most ? most : rounded > (float)least ? (int)rounded : least;
}

static float stored(float value, bool half)
{
    const float most = 65504.0f;
    const float clipped = value > most ? most : value < -most ? -most : value;
    return half ? f16_to_f32(f16_from_f32(clipped)) : value;
}

/* ---- x = d q ---- */

static double try_symmetric(const quantize_group *g, float d, int least, int most, int8_t q[QUANTIZE_MOST])
{
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    double error = 0;
    for (size_t i = 0; i < g->count; i++) {
        q[i] = (int8_t)nearest(g->x[i] * inverse, least, most);
        const double off = (double)g->x[i] - (double)d * q[i];
        error += (double)weight_of(g, i) * off * off;
    }
    return error;
}

/* The d of least error for these integers. */
static float fit_symmetric(const quantize_group *g, const int8_t q[QUANTIZE_MOST])
{
    double xq = 0;
    double qq = 0;
    for (size_t i = 0; i < g->count; i++) {
        const double w = (double)weight_of(g, i);
        xq += w * (double)g->x[i] * q[i];
        qq += w * (double)q[i] * q[i];
    }
    return qq > 0 ? (float)(xq / qq) : 0.0f;
}

double quantize_symmetric(const quantize_group *g, int least, int most, bool half, float *ret_d,
                          int8_t ret_q[QUANTIZE_MOST])
{
    float extreme = 0;
    for (size_t i = 0; i < g->count; i++) {
        extreme = fabsf(g->x[i]) > fabsf(extreme) ? g->x[i] : extreme;
    }
    *ret_d = 0;
    memset(ret_q, 0, QUANTIZE_MOST);
    double best = try_symmetric(g, 0.0f, 0, 0, ret_q);
    const float ends[2] = {(float)least, (float)most};
    for (int side = 0; side < 2 && extreme != 0.0f; side++) { /* the largest value on either end */
        for (int step = -CANDIDATES; step <= CANDIDATES && best > 0; step++) {
            int8_t q[QUANTIZE_MOST];
            float d = stored(extreme / (ends[side] + STEP * (float)step), half);
            for (int round = 0; round < 2; round++) {
                const double error = try_symmetric(g, d, least, most, q);
                if (error < best) {
                    best = error;
                    *ret_d = d;
                    memcpy(ret_q, q, sizeof q);
                }
                d = stored(fit_symmetric(g, q), half);
            }
        }
    }
    return best;
}

/* ---- x = d q + m ---- */

static double try_affine(const quantize_group *g, float d, float m, int most, uint8_t q[QUANTIZE_MOST])
{
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    double error = 0;
    for (size_t i = 0; i < g->count; i++) {
        q[i] = (uint8_t)nearest((g->x[i] - m) * inverse, 0, most);
        const double off = (double)g->x[i] - ((double)d * q[i] + (double)m);
        error += (double)weight_of(g, i) * off * off;
    }
    return error;
}

static void fit_affine(const quantize_group *g, const uint8_t q[QUANTIZE_MOST], bool negative, float *ret_d,
                       float *ret_m)
{
    double sw = 0, sq = 0, sqq = 0, sx = 0, sxq = 0;
    for (size_t i = 0; i < g->count; i++) {
        const double w = (double)weight_of(g, i);
        sw += w;
        sq += w * q[i];
        sqq += w * q[i] * q[i];
        sx += w * (double)g->x[i];
        sxq += w * (double)g->x[i] * q[i];
    }
    const double determinant = sw * sqq - sq * sq;
    if (determinant <= 0) {
        return;
    }
    double d = (sw * sxq - sq * sx) / determinant;
    double m = (sqq * sx - sq * sxq) / determinant;
    if (negative && m > 0) {
        m = 0;
        d = sqq > 0 ? sxq / sqq : 0;
    }
    if (d > 0) {
        *ret_d = (float)d;
        *ret_m = (float)m;
    }
}

double quantize_affine(const quantize_group *g, int most, bool half, bool negative, float *ret_d, float *ret_m,
                       uint8_t ret_q[QUANTIZE_MOST])
{
    float low = g->x[0];
    float high = g->x[0];
    for (size_t i = 1; i < g->count; i++) {
        low = g->x[i] < low ? g->x[i] : low;
        high = g->x[i] > high ? g->x[i] : high;
    }
    low = negative && low > 0 ? 0 : low;
    *ret_d = 0;
    *ret_m = stored(low, half);
    memset(ret_q, 0, QUANTIZE_MOST);
    double best = try_affine(g, 0.0f, *ret_m, 0, ret_q);
    for (int step = -CANDIDATES; step <= CANDIDATES && high > low && best > 0; step++) {
        uint8_t q[QUANTIZE_MOST];
        float d = (high - low) / ((float)most + STEP * (float)step);
        float m = low;
        for (int round = 0; round < 3; round++) {
            d = stored(d, half);
            m = stored(m, half);
            const double error = try_affine(g, d, m, most, q);
            if (error < best) {
                best = error;
                *ret_d = d;
                *ret_m = m;
                memcpy(ret_q, q, sizeof q);
            }
            fit_affine(g, q, negative, &d, &m);
        }
    }
    return best;
}

/* ---- blocks of 32 ---- */

static uint8_t *put_half(uint8_t *out, float value)
{
    const uint16_t bits = f16_from_f32(value);
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
    return out + 2;
}

/* Fifth bits (where there are some), then nibbles: value j low, value j + 16 high. */
static void put_nibbles(uint8_t *out, const uint8_t q[32], bool fifth)
{
    uint32_t bits = 0;
    for (int j = 0; j < 32; j++) {
        bits |= (uint32_t)(q[j] >> 4) << j;
    }
    if (fifth) {
        for (int i = 0; i < 4; i++) {
            *out++ = (uint8_t)(bits >> (8 * i));
        }
    }
    for (int j = 0; j < 16; j++) {
        out[j] = (uint8_t)((q[j] & 15) | (q[j + 16] & 15) << 4);
    }
}

/* Q4_0 and Q5_0: q is stored with an offset. */
static void symmetric_block(const quantize_group *g, int offset, uint8_t *out)
{
    int8_t q[QUANTIZE_MOST];
    uint8_t shifted[QUANTIZE_MOST];
    float d = 0;
    (void)quantize_symmetric(g, -offset, offset - 1, true, &d, q);
    for (int i = 0; i < 32; i++) {
        shifted[i] = (uint8_t)(q[i] + offset);
    }
    put_nibbles(put_half(out, d), shifted, offset == 16);
}

static void affine_block(const quantize_group *g, int most, uint8_t *out)
{
    uint8_t q[QUANTIZE_MOST];
    float d = 0;
    float m = 0;
    (void)quantize_affine(g, most, true, false, &d, &m, q);
    put_nibbles(put_half(put_half(out, d), m), q, most == 31);
}

static void q8_block(const quantize_group *g, uint8_t *out)
{
    int8_t q[QUANTIZE_MOST];
    float d = 0;
    (void)quantize_symmetric(g, -128, 127, true, &d, q);
    memcpy(put_half(out, d), q, 32);
}

bool quantize_known(dtype type)
{
    switch (type) {
    case DTYPE_Q8_0:
    case DTYPE_Q4_0:
    case DTYPE_Q4_1:
    case DTYPE_Q5_0:
    case DTYPE_Q5_1:
    case DTYPE_Q4_K:
    case DTYPE_Q5_K:
    case DTYPE_Q6_K:
        return true;
    default:
        return false;
    }
}

static void quantize_block(dtype type, const float *values, const float *weights, uint8_t *out)
{
    const quantize_group g = {values, weights, 32};
    switch (type) {
    case DTYPE_Q8_0:
        q8_block(&g, out);
        break;
    case DTYPE_Q4_0:
        symmetric_block(&g, 8, out);
        break;
    case DTYPE_Q5_0:
        symmetric_block(&g, 16, out);
        break;
    case DTYPE_Q4_1:
        affine_block(&g, 15, out);
        break;
    case DTYPE_Q5_1:
        affine_block(&g, 31, out);
        break;
    default:
        quantize_super(type, values, weights, out);
        break;
    }
}

void quantize_row(dtype type, const float *values, const float *weights, size_t cols, uint8_t *out)
{
    const dtype_info *info = dtype_get_info((uint32_t)type);
    for (size_t at = 0; at < cols; at += info->block_values) {
        quantize_block(type, values + at, weights == NULL ? NULL : weights + at, out);
        out += info->block_bytes;
    }
}
