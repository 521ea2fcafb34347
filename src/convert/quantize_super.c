/* The formats of 256 values, whose blocks have integer scales. */
#include "convert/quantize_blocks.h"

#include <string.h>

static const struct super_row {
    dtype type;
    search_super_form form;
} super_rows[] = {
    {DTYPE_Q2_K, {SEARCH_EVEN, 16, 0, 3, 0, 15, true}},
    {DTYPE_Q3_K, {SEARCH_EVEN, 16, -4, 3, -32, 31, false}},
    {DTYPE_Q4_K, {SEARCH_EVEN, 8, 0, 15, 0, 63, true}},
    {DTYPE_Q5_K, {SEARCH_EVEN, 8, 0, 31, 0, 63, true}},
    {DTYPE_Q6_K, {SEARCH_EVEN, 16, -32, 31, -128, 127, false}},
    {DTYPE_IQ4_XS, {SEARCH_IQ4, 8, -127, 113, -32, 31, false}},
    {DTYPE_TQ1_0, {SEARCH_EVEN, 1, -1, 1, -1, 1, false}},
    {DTYPE_TQ2_0, {SEARCH_EVEN, 1, -1, 1, -1, 1, false}},
};

static const search_super_form *form_of(dtype type)
{
    for (size_t i = 0; i < sizeof super_rows / sizeof super_rows[0]; i++) {
        if (super_rows[i].type == type) {
            return &super_rows[i].form;
        }
    }
    return NULL;
}

bool quantize_super_known(dtype type)
{
    return form_of(type) != NULL;
}

/* One row's block. */
typedef struct super_block {
    float d, dmin;
    int8_t scale[16], minimum[16];
    int8_t *q; /* [256] */
} super_block;

/* 2-bit fields: value 128 h + 32 i + l in bits 2 i of byte 32 h + l. */
static void put_pairs(uint8_t out[64], const int8_t *q)
{
    for (int half = 0; half < 2; half++) {
        for (int l = 0; l < 32; l++) {
            const int8_t *at = q + 128 * half + l;
            out[32 * half + l] = (uint8_t)((at[0] & 3) | (at[32] & 3) << 2 | (at[64] & 3) << 4 | (at[96] & 3) << 6);
        }
    }
}

static void put_q2_k(super_block *b, uint8_t *out)
{
    for (int i = 0; i < 16; i++) {
        out[i] = (uint8_t)(b->scale[i] | b->minimum[i] << 4);
    }
    put_pairs(out + 16, b->q);
    (void)quantize_put_half(quantize_put_half(out + 80, b->d), b->dmin);
}

static void put_q3_k(super_block *b, uint8_t *out)
{
    memset(out, 0, 110);
    for (int i = 0; i < 256; i++) {
        b->q[i] = (int8_t)(b->q[i] + 4);
        out[i % 32] |= (uint8_t)((b->q[i] >> 2) << (i / 32));
    }
    put_pairs(out + 32, b->q);
    for (int i = 0; i < 16; i++) {
        const int scale = b->scale[i] + 32;
        out[96 + i % 8] |= (uint8_t)((scale & 15) << (i < 8 ? 0 : 4));
        out[104 + i % 4] |= (uint8_t)((scale >> 4) << (2 * (i / 4)));
    }
    (void)quantize_put_half(out + 108, b->d);
}

static void put_scales(const super_block *b, uint8_t out[12])
{
    const int8_t *sc = b->scale;
    const int8_t *mn = b->minimum;
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(sc[i] | (sc[i + 4] >> 4) << 6);
        out[i + 4] = (uint8_t)(mn[i] | (mn[i + 4] >> 4) << 6);
        out[i + 8] = (uint8_t)((sc[i + 4] & 15) | (mn[i + 4] & 15) << 4);
    }
}

/* Q4_K and Q5_K. */
static void put_affine(super_block *b, bool fifth, uint8_t *out)
{
    (void)quantize_put_half(quantize_put_half(out, b->d), b->dmin);
    put_scales(b, out + 4);
    out += 16;
    if (fifth) {
        for (int l = 0; l < 32; l++) {
            int bits = 0;
            for (int i = 0; i < 8; i++) {
                bits |= (b->q[32 * i + l] >> 4) << i;
            }
            out[l] = (uint8_t)bits;
        }
        out += 32;
    }
    for (int i = 0; i < 4; i++) {
        for (int l = 0; l < 32; l++) {
            out[32 * i + l] = (uint8_t)((b->q[64 * i + l] & 15) | (b->q[64 * i + 32 + l] & 15) << 4);
        }
    }
}

static void put_q6_k(super_block *b, uint8_t *out)
{
    for (int i = 0; i < 256; i++) {
        b->q[i] = (int8_t)(b->q[i] + 32);
    }
    for (int half = 0; half < 2; half++) {
        const int8_t *q = b->q + 128 * half;
        for (int l = 0; l < 64; l++) {
            out[64 * half + l] = (uint8_t)((q[l] & 15) | (q[l + 64] & 15) << 4);
        }
        for (int l = 0; l < 32; l++) {
            out[128 + 32 * half + l] =
                (uint8_t)(q[l] >> 4 | (q[l + 32] >> 4) << 2 | (q[l + 64] >> 4) << 4 | (q[l + 96] >> 4) << 6);
        }
    }
    memcpy(out + 192, b->scale, 16);
    (void)quantize_put_half(out + 208, b->d);
}

static void put_iq4_xs(super_block *b, uint8_t *out)
{
    unsigned high = 0;
    (void)quantize_put_half(out, b->d);
    memset(out + 4, 0, 4);
    for (int i = 0; i < 8; i++) {
        const int scale = b->scale[i] + 32;
        high |= (unsigned)(scale >> 4) << (2 * i);
        out[4 + i / 2] |= (uint8_t)((scale & 15) << (4 * (i % 2)));
        quantize_put_nibbles(out + 8 + 16 * i, b->q + 32 * i);
    }
    out[2] = (uint8_t)high;
    out[3] = (uint8_t)(high >> 8);
}

/* Ternary digits, one every `stride` values, as a fraction of 256, rounded up. */
static uint8_t five_digits(const int8_t *q, int stride, int digits)
{
    int value = 0;
    for (int n = 0; n < 5; n++) {
        value = 3 * value + (n < digits ? q[n * stride] : 0);
    }
    return (uint8_t)((value * 256 + 242) / 243);
}

static void put_ternary(super_block *b, dtype type, uint8_t *out)
{
    for (int i = 0; i < 256; i++) {
        b->q[i] = (int8_t)(b->q[i] * b->scale[0] + 1); /* the scale is 1, -1 or 0 */
    }
    if (type == DTYPE_TQ2_0) {
        put_pairs(out, b->q);
        out += 64;
    } else {
        for (int l = 0; l < 32; l++) {
            out[l] = five_digits(b->q + l, 32, 5);
        }
        for (int l = 0; l < 16; l++) {
            out[32 + l] = five_digits(b->q + 160 + l, 16, 5);
        }
        for (int l = 0; l < 4; l++) {
            out[48 + l] = five_digits(b->q + 240 + l, 4, 4);
        }
        out += 52;
    }
    (void)quantize_put_half(out, b->d);
}

static void put_super(dtype type, super_block *b, uint8_t *out)
{
    switch (type) {
    case DTYPE_Q2_K:
        put_q2_k(b, out);
        break;
    case DTYPE_Q3_K:
        put_q3_k(b, out);
        break;
    case DTYPE_Q6_K:
        put_q6_k(b, out);
        break;
    case DTYPE_IQ4_XS:
        put_iq4_xs(b, out);
        break;
    case DTYPE_TQ1_0:
    case DTYPE_TQ2_0:
        put_ternary(b, type, out);
        break;
    default:
        put_affine(b, type == DTYPE_Q5_K, out);
        break;
    }
}

void quantize_super(const search_table *s, dtype type, const quantize_tile *tile, double error[SEARCH_LANES])
{
    const search_super_form *form = form_of(type);
    const size_t bytes = dtype_get_info((uint32_t)type)->block_bytes;
    search_super found;
    int8_t q[SEARCH_LANES * 256] __attribute__((aligned(64)));
    for (size_t at = 0; at < tile->n; at += 256) {
        const search_tile t = {tile->x + at * SEARCH_LANES, tile->w == NULL ? NULL : tile->w + at * SEARCH_LANES};
        s->super(&t, form, &found);
        s->scatter(found.q, 256, q);
        for (unsigned r = 0; r < tile->count; r++) {
            super_block b = {.d = found.d[r], .dmin = found.dmin[r], .q = q + 256 * r};
            for (unsigned i = 0; i < form->count; i++) {
                b.scale[i] = found.scale[i * SEARCH_LANES + r];
                b.minimum[i] = found.minimum[i * SEARCH_LANES + r];
            }
            put_super(type, &b, tile->out[r] + at / 256 * bytes);
            error[r] += (double)found.error[r];
        }
    }
}
