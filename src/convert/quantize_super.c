/* Q4_K, Q5_K and Q6_K: 256 values, whose blocks' scales are quantised too. */
#include "convert/quantize_blocks.h"

#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

static uint16_t half_of(float value)
{
    return f16_from_f32(value > 65504.0f ? 65504.0f : value < -65504.0f ? -65504.0f : value);
}

static void put_half(uint8_t *out, uint16_t bits)
{
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
}

static int nearest(float value, int least, int most)
{
    const float clipped = value > -1024.0f ? value < 1024.0f ? value : 1024.0f : -1024.0f; /* NaN: the least */
    const float rounded = clipped + 12582912.0f - 12582912.0f; /* half to even, without a call */
    return rounded >= (float)most ? most : rounded > (float)least ? (int)rounded : least;
}

/* ---- Q4_K and Q5_K: eight blocks of 32, x = (d sc) q - dmin mn ---- */

typedef struct affine_super {
    float d, dmin;
    uint8_t sc[8], mn[8];
    uint8_t q[256];
} affine_super;

/* Integers for the scale and minimum that a block really gets; their squared error. */
static double settle_affine(const quantize_group *g, float d, float m, int most, uint8_t *q)
{
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    double error = 0;
    for (size_t i = 0; i < g->count; i++) {
        q[i] = (uint8_t)nearest((g->x[i] + m) * inverse, 0, most);
        const double off = (double)g->x[i] - ((double)d * q[i] - (double)m);
        error += (g->w == NULL ? 1.0 : (double)g->w[i]) * off * off;
    }
    return error;
}

/* The 6-bit scale and minimum next to the wanted ones that have the least error together. */
static void choose_affine(const quantize_group *g, affine_super *s, size_t b, float scale, float minimum, int most)
{
    const int sc = nearest(s->d != 0.0f ? scale / s->d : 0.0f, 0, 63);
    const int mn = nearest(s->dmin != 0.0f ? minimum / s->dmin : 0.0f, 0, 63);
    double best = INFINITY;
    for (int i = sc > 0 ? sc - 1 : 0; i <= sc + 1 && i <= 63; i++) {
        for (int j = mn > 0 ? mn - 1 : 0; j <= mn + 1 && j <= 63; j++) {
            uint8_t q[QUANTIZE_MOST];
            const double error = settle_affine(g, s->d * (float)i, s->dmin * (float)j, most, q);
            if (error < best) {
                best = error;
                s->sc[b] = (uint8_t)i;
                s->mn[b] = (uint8_t)j;
                memcpy(s->q + 32 * b, q, sizeof q);
            }
        }
    }
}

static void search_affine(const float *x, const float *w, int most, affine_super *s)
{
    float scales[8];
    float minima[8];
    float most_scale = 0;
    float most_minimum = 0;
    memset(s, 0, sizeof *s);
    for (size_t b = 0; b < 8; b++) {
        const quantize_group g = {x + 32 * b, w == NULL ? NULL : w + 32 * b, 32};
        uint8_t q[QUANTIZE_MOST];
        float m = 0;
        (void)quantize_affine(&g, most, false, true, &scales[b], &m, q);
        minima[b] = -m;
        most_scale = scales[b] > most_scale ? scales[b] : most_scale;
        most_minimum = minima[b] > most_minimum ? minima[b] : most_minimum;
    }
    s->d = f16_to_f32(half_of(most_scale / 63.0f));
    s->dmin = f16_to_f32(half_of(most_minimum / 63.0f));
    for (size_t b = 0; b < 8; b++) {
        const quantize_group g = {x + 32 * b, w == NULL ? NULL : w + 32 * b, 32};
        choose_affine(&g, s, b, scales[b], minima[b], most);
    }
}

static void put_scales(const affine_super *s, uint8_t out[12])
{
    for (int b = 0; b < 4; b++) {
        out[b] = (uint8_t)(s->sc[b] | (s->sc[b + 4] >> 4) << 6);
        out[b + 4] = (uint8_t)(s->mn[b] | (s->mn[b + 4] >> 4) << 6);
        out[b + 8] = (uint8_t)((s->sc[b + 4] & 15) | (s->mn[b + 4] & 15) << 4);
    }
}

static void affine_block(const float *x, const float *w, bool fifth, uint8_t *out)
{
    affine_super s;
    search_affine(x, w, fifth ? 31 : 15, &s);
    put_half(out, half_of(s.d));
    put_half(out + 2, half_of(s.dmin));
    put_scales(&s, out + 4);
    out += 16;
    if (fifth) {
        for (int l = 0; l < 32; l++) {
            uint8_t bits = 0;
            for (int b = 0; b < 8; b++) {
                bits |= (uint8_t)((s.q[32 * b + l] >> 4) << b);
            }
            out[l] = bits;
        }
        out += 32;
    }
    for (int i = 0; i < 4; i++) {
        for (int l = 0; l < 32; l++) {
            out[32 * i + l] = (uint8_t)((s.q[64 * i + l] & 15) | (s.q[64 * i + 32 + l] & 15) << 4);
        }
    }
}

/* ---- Q6_K: sixteen blocks of 16, x = (d sc) (q - 32) ---- */

typedef struct symmetric_super {
    float d;
    int8_t sc[16];
    int8_t q[256];
} symmetric_super;

static double settle_symmetric(const quantize_group *g, float d, int8_t *q)
{
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    double error = 0;
    for (size_t i = 0; i < g->count; i++) {
        q[i] = (int8_t)nearest(g->x[i] * inverse, -32, 31);
        const double off = (double)g->x[i] - (double)d * q[i];
        error += (g->w == NULL ? 1.0 : (double)g->w[i]) * off * off;
    }
    return error;
}

static void search_symmetric(const float *x, const float *w, symmetric_super *s)
{
    float scales[16];
    float most = 0;
    memset(s, 0, sizeof *s);
    for (size_t b = 0; b < 16; b++) {
        const quantize_group g = {x + 16 * b, w == NULL ? NULL : w + 16 * b, 16};
        int8_t q[QUANTIZE_MOST];
        (void)quantize_symmetric(&g, -32, 31, false, &scales[b], q);
        most = fabsf(scales[b]) > fabsf(most) ? scales[b] : most;
    }
    s->d = f16_to_f32(half_of(most / -128.0f)); /* the largest takes the end that has one more */
    for (size_t b = 0; b < 16; b++) {
        const quantize_group g = {x + 16 * b, w == NULL ? NULL : w + 16 * b, 16};
        const int sc = nearest(s->d != 0.0f ? scales[b] / s->d : 0.0f, -128, 127);
        double best = INFINITY;
        for (int i = sc > -128 ? sc - 1 : -128; i <= sc + 1 && i <= 127; i++) {
            int8_t q[16];
            const double error = settle_symmetric(&g, s->d * (float)i, q);
            if (error < best) {
                best = error;
                s->sc[b] = (int8_t)i;
                memcpy(s->q + 16 * b, q, sizeof q);
            }
        }
    }
}

static void q6_block(const float *x, const float *w, uint8_t *out)
{
    symmetric_super s;
    search_symmetric(x, w, &s);
    memset(out, 0, 192);
    for (int i = 0; i < 256; i++) {
        const int half = i / 128;
        const int c = i % 128 / 32;
        const int l = i % 32;
        const int q = s.q[i] + 32;
        out[64 * half + 32 * (c % 2) + l] |= (uint8_t)((q & 15) << (c < 2 ? 0 : 4));
        out[128 + 32 * half + l] |= (uint8_t)((q >> 4) << (2 * c));
    }
    memcpy(out + 192, s.sc, 16);
    put_half(out + 208, half_of(s.d));
}

void quantize_super(dtype type, const float *values, const float *weights, uint8_t *out)
{
    if (type == DTYPE_Q6_K) {
        q6_block(values, weights, out);
    } else {
        affine_block(values, weights, type == DTYPE_Q5_K, out);
    }
}
