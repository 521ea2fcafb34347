/* The IQ formats, spread out into signed bytes with integer scales (a wide_block). 8 or 4 values together are a name in
 * a table (iq_grids.h), signs lie beside them, and a few bits are an odd scale. Nothing is rounded: d is binary16 times
 * a power of two, kept in binary32. The fields are those of ggml's block structures; docs/formats/number-formats.md. */
#include "kernels/iq_grids.h"
#include "kernels/kernels.h"
#include "kernels/quantized.h"
#include "kernels/quantized_pack.h"

#include <string.h>

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)read_u16(p) | (uint32_t)read_u16(p + 2) << 16;
}

static int nibble_at(const uint8_t *p, unsigned i)
{
    return p[i / 2] >> (4 * (i % 2)) & 15;
}

/* 7 bits of signs; the eighth makes their number even. */
static unsigned even_signs(uint32_t bits)
{
    const unsigned seven = bits & 127u;
    return seven | (unsigned)(__builtin_popcount(seven) & 1) << 7;
}

/* 8 magnitudes of 2 bits. Bit i of signs: value i is negative. */
static void put_eight(int8_t *q, uint16_t name, unsigned signs)
{
    static const int8_t magnitude[4] = {8, 25, 43, 0};
    for (unsigned i = 0; i < 8; i++) {
        const int8_t value = magnitude[name >> (2 * i) & 3u];
        q[i] = (int8_t)(signs >> i & 1u ? -value : value);
    }
}

static void put_four(int8_t *q, uint16_t name, const int8_t magnitude[8], unsigned signs)
{
    for (unsigned i = 0; i < 4; i++) {
        const int8_t value = magnitude[name >> (3 * i) & 7u];
        q[i] = (int8_t)(signs >> i & 1u ? -value : value);
    }
}

/* 8 values -1, 0, 1, moved by an eighth up or down; in eighths. */
static void put_eighths(int8_t *q, uint16_t name, bool down)
{
    for (unsigned i = 0; i < 8; i++) {
        q[i] = (int8_t)(8 * ((int)(name >> (2 * i) & 3u) - 1) + (down ? -1 : 1));
    }
}

static void put_scale(wide_block *out, unsigned sixteen, int s)
{
    out->sc[sixteen] = (int8_t)(2 * s + 1);
}

/* d; for each 32 values 4 names of a byte and a word: 4 x 7 signs, s on top. w = d (0.5 + s) / 4 grid. */
void iq_spread_iq2_xxs(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block)) * 0.125f;
    for (unsigned b = 0; b < 8; b++) {
        const uint8_t *names = block + 2 + 8 * b;
        const uint32_t word = read_u32(names + 4);
        put_scale(out, 2 * b, (int)(word >> 28));
        put_scale(out, 2 * b + 1, (int)(word >> 28));
        for (unsigned i = 0; i < 4; i++) {
            put_eight(out->q + 32 * b + 8 * i, iq_grid_2xxs[names[i]], even_signs(word >> (7 * i)));
        }
    }
}

/* d; 32 words of 9 bits name and 7 signs; 16 nibbles s, one for each 16 values. */
void iq_spread_iq2_xs(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block)) * 0.125f;
    for (unsigned i = 0; i < 16; i++) {
        put_scale(out, i, nibble_at(block + 66, i));
    }
    for (unsigned i = 0; i < 32; i++) {
        const unsigned word = read_u16(block + 2 + 2 * i);
        put_eight(out->q + 8 * i, iq_grid_2xs[word & 511u], even_signs(word >> 9));
    }
}

/* d; 32 bytes of names, 32 of signs, 8 with two more bits of each name, 16 nibbles s. */
void iq_spread_iq2_s(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block)) * 0.125f;
    for (unsigned i = 0; i < 16; i++) {
        put_scale(out, i, nibble_at(block + 74, i));
    }
    for (unsigned i = 0; i < 32; i++) {
        const unsigned high = block[66 + i / 4] >> (2 * (i % 4)) & 3u;
        put_eight(out->q + 8 * i, iq_grid_2s[block[2 + i] | high << 8], block[34 + i]);
    }
}

/* d; 64 names of 4 values; for each 32 values a word: 4 x 7 signs, s on top. w = d (0.5 + s) / 2 grid. */
void iq_spread_iq3_xxs(const uint8_t *block, void *ret)
{
    static const int8_t magnitude[8] = {4, 12, 20, 28, 36, 44, 52, 62};
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block)) * 0.25f;
    for (unsigned b = 0; b < 8; b++) {
        const uint32_t word = read_u32(block + 66 + 4 * b);
        put_scale(out, 2 * b, (int)(word >> 28));
        put_scale(out, 2 * b + 1, (int)(word >> 28));
        for (unsigned i = 0; i < 8; i++) {
            const unsigned signs = even_signs(word >> (7 * (i / 2))) >> (4 * (i % 2));
            put_four(out->q + 32 * b + 4 * i, iq_grid_3xxs[block[2 + 8 * b + i]], magnitude, signs);
        }
    }
}

/* d; 64 names, 8 bytes with a ninth bit of each, 32 bytes of signs, 8 nibbles s. w = d (1 + 2 s) grid. */
void iq_spread_iq3_s(const uint8_t *block, void *ret)
{
    static const int8_t magnitude[8] = {1, 3, 5, 7, 9, 11, 13, 15};
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block));
    for (unsigned i = 0; i < 16; i++) {
        put_scale(out, i, nibble_at(block + 106, i / 2));
    }
    for (unsigned i = 0; i < 64; i++) {
        const unsigned ninth = block[66 + i / 8] >> (i % 8) & 1u;
        const unsigned signs = (unsigned)block[74 + i / 2] >> (4 * (i % 2));
        put_four(out->q + 4 * i, iq_grid_3s[block[2 + i] | ninth << 8], magnitude, signs);
    }
}

/* d; 32 names; for each 32 values a word: 4 x 3 more bits of names, 3 bits s, the direction of the eighth. */
void iq_spread_iq1_s(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block)) * 0.125f;
    for (unsigned b = 0; b < 8; b++) {
        const unsigned word = read_u16(block + 34 + 2 * b);
        put_scale(out, 2 * b, (int)(word >> 12 & 7u));
        put_scale(out, 2 * b + 1, (int)(word >> 12 & 7u));
        for (unsigned i = 0; i < 4; i++) {
            const unsigned name = block[2 + 4 * b + i] | (word >> (3 * i) & 7u) << 8;
            put_eighths(out->q + 32 * b + 8 * i, iq_grid_1s[name], (word & 0x8000u) != 0);
        }
    }
}

/* 32 names; 32 nibbles: 3 more bits and the direction; 4 words of 4 x 3 bits s with a nibble of d on top of each. */
void iq_spread_iq1_m(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    unsigned d = 0;
    for (unsigned i = 0; i < 4; i++) {
        d |= (unsigned)(read_u16(block + 48 + 2 * i) >> 12) << (4 * i);
    }
    out->d = f16_to_f32((uint16_t)d) * 0.125f;
    for (unsigned i = 0; i < 16; i++) {
        put_scale(out, i, read_u16(block + 48 + 2 * (i / 4)) >> (3 * (i % 4)) & 7);
    }
    for (unsigned i = 0; i < 32; i++) {
        const unsigned more = (unsigned)nibble_at(block + 32, i);
        put_eighths(out->q + 8 * i, iq_grid_1s[block[i] | (more & 7u) << 8], (more & 8u) != 0);
    }
}
