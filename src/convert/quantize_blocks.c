/* The formats of 32 values. */
#include "convert/quantize_blocks.h"

#include <string.h>

uint8_t *quantize_put_half(uint8_t *out, float value)
{
    const uint16_t bits = f16_from_f32(value);
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
    return out + 2;
}

void quantize_put_nibbles(uint8_t *out, const int8_t q[32])
{
    const uint64_t nibbles = UINT64_C(0x0F0F0F0F0F0F0F0F);
    for (int j = 0; j < 16; j += 8) { /* eight bytes at once */
        uint64_t low = 0;
        uint64_t high = 0;
        memcpy(&low, q + j, 8);
        memcpy(&high, q + j + 16, 8);
        low = (low & nibbles) | (high & nibbles) << 4;
        memcpy(out + j, &low, 8);
    }
}

/* Fifth bits: bit j belongs to value j. */
static uint8_t *put_fifth(uint8_t *out, const int8_t q[32])
{
    for (int j = 0; j < 32; j += 8) {
        uint64_t eight = 0;
        memcpy(&eight, q + j, 8);
        /* bit 8 i goes to bit 56 + i */
        *out++ = (uint8_t)(((eight >> 4 & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080)) >> 56);
    }
    return out;
}

/* The exponent of a power of two, as MXFP4 keeps it: 2^(e - 128). */
static uint8_t exponent_of(float power)
{
    uint32_t bits = 0;
    memcpy(&bits, &power, sizeof bits);
    return bits == 0 ? 0 : (uint8_t)((bits >> 23) + 1);
}

static void put_block(dtype type, float d, float m, int8_t q[32], uint8_t *out)
{
    const int offset = type == DTYPE_Q4_0 ? 8 : type == DTYPE_Q5_0 ? 16 : 0;
    for (int i = 0; i < 32; i++) {
        q[i] = (int8_t)(q[i] + offset);
    }
    if (type == DTYPE_MXFP4) {
        *out++ = exponent_of(d);
    } else {
        out = quantize_put_half(out, d);
    }
    if (type == DTYPE_Q8_0) {
        memcpy(out, q, 32);
        return;
    }
    if (type == DTYPE_Q4_1 || type == DTYPE_Q5_1) {
        out = quantize_put_half(out, m);
    }
    if (type == DTYPE_Q5_0 || type == DTYPE_Q5_1) {
        out = put_fifth(out, q);
    }
    quantize_put_nibbles(out, q);
}

static void search_small_block(const search_table *s, dtype type, const search_tile *t, search_small *ret)
{
    switch (type) {
    case DTYPE_Q8_0:
        s->symmetric(t, -128, 127, ret);
        break;
    case DTYPE_Q4_0:
        s->symmetric(t, -8, 7, ret);
        break;
    case DTYPE_Q5_0:
        s->symmetric(t, -16, 15, ret);
        break;
    case DTYPE_Q4_1:
        s->affine(t, 15, ret);
        break;
    case DTYPE_Q5_1:
        s->affine(t, 31, ret);
        break;
    case DTYPE_IQ4_NL:
        s->iq4(t, ret);
        break;
    default:
        s->mxfp4(t, ret);
        break;
    }
}

static bool is_small(dtype type)
{
    return type == DTYPE_Q8_0 || type == DTYPE_Q4_0 || type == DTYPE_Q5_0 || type == DTYPE_Q4_1 || type == DTYPE_Q5_1 ||
           type == DTYPE_IQ4_NL || type == DTYPE_MXFP4;
}

bool quantize_known(dtype type)
{
    return is_small(type) || quantize_super_known(type);
}

void quantize_blocks(const search_table *s, dtype type, const quantize_tile *tile, double error[SEARCH_LANES])
{
    if (!is_small(type)) {
        quantize_super(s, type, tile, error);
        return;
    }
    const size_t bytes = dtype_get_info((uint32_t)type)->block_bytes;
    search_small found;
    int8_t q[SEARCH_LANES * 32] __attribute__((aligned(64)));
    for (size_t at = 0; at < tile->n; at += 32) {
        const search_tile t = {tile->x + at * SEARCH_LANES, tile->w == NULL ? NULL : tile->w + at * SEARCH_LANES};
        search_small_block(s, type, &t, &found);
        s->scatter(found.q, 32, q);
        for (unsigned r = 0; r < tile->count; r++) {
            put_block(type, found.d[r], found.m[r], q + 32 * r, tile->out[r] + at / 32 * bytes);
            error[r] += (double)found.error[r];
        }
    }
}
