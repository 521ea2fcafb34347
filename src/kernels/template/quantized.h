/* Blocks of quantised panels unpacked over sixteen lanes, and a product's operands: shared by the products of every
 * instruction set (template/quantized.c) and by those that override them. */
#ifndef KERNELS_TEMPLATE_QUANTIZED_H
#define KERNELS_TEMPLATE_QUANTIZED_H

#include "kernels/quantized.h"
#include "kernels/v16.h"

/* A product's operands, as the table's matmul has them. */
typedef struct product {
    const uint8_t *panels;
    size_t panel_bytes;
    size_t rows;
    size_t blocks; /* of 32 values, along k */
    const activation_q8 *x;
    size_t tokens;
    float *y;
    size_t ldy;
} product;

/* How many of the panel's 16 rows there are. */
V16_INLINE size_t rows_of(const product *p, size_t panel)
{
    const size_t left = p->rows - panel * PANEL_ROWS;
    return left < PANEL_ROWS ? left : PANEL_ROWS;
}

/* Formats whose unpacked bytes are signed numbers. */
V16_INLINE bool signed_bytes(dtype type)
{
    return type == DTYPE_Q8_0 || quantized_table(type) != NULL || type == DTYPE_WIDE || type == DTYPE_WIDE_MIN;
}

/* Where unsigned bytes of any size can be multiplied, signed bytes are unpacked with 128 added; elsewhere they stay so.
 */
V16_INLINE bool unpacked_signed(dtype type)
{
#ifdef V16_DOT4_U8_FULL
    (void)type;
    return false;
#else
    return signed_bytes(type);
#endif
}

/* What unpacked bytes have too much: the format's offset, or a signed byte's 128. */
V16_INLINE int unpacked_offset(dtype type)
{
    return signed_bytes(type) && !unpacked_signed(type) ? 128 : quantized_offset(type);
}

/* One block of 32 values of k of a panel, spread out. */
typedef struct unpacked {
    v16i q[8]; /* q of group g, a byte each, plus unpacked_offset; signed where unpacked_signed */
    v16f scale;
    v16f minimum; /* where quantized_minimum(type) != 0; WIDE_MIN: dmin */
    v16i sc[2];   /* where quantized_halves(type): of the first and the second 16 values; WIDE_MIN: mn << 16 | sc */
} unpacked;

/* Of half a block, where quantized_halves(type). */
V16_INLINE v16i unpacked_scale(dtype type, const unpacked *u, int half)
{
    return type == DTYPE_WIDE_MIN ? v16i_and(u->sc[half], v16i_set1(0xFFFF)) : u->sc[half];
}
V16_INLINE v16i unpacked_half_minimum(const unpacked *u, int half)
{
    return v16i_shr(u->sc[half], 16);
}

/* Plain C gains nothing from a copy for every format and number of tokens, and takes a minute to compile them. */
#ifdef KERNELS_SCALAR_V16_H
#define QUANTIZED_INLINE static __attribute__((noinline))
#else
#define QUANTIZED_INLINE V16_INLINE
#endif

#define STRETCH_BLOCKS 32u

_Static_assert(STRETCH_BLOCKS * sizeof(unpacked) <= MATMUL_SCRATCH_BYTES, "a stretch of k fits into the scratch");

V16_INLINE v16b as_bytes(v16i a)
{
    v16b r;
    memcpy(&r, &a, sizeof r);
    return r;
}

V16_INLINE v16i load_lanes(const void *p)
{
    return v16i_load(p);
}

/* ---- unpacking ---- */

/* Of a panel, 32 values of k; in formats of 256 values with their part of the scales. */
V16_INLINE size_t panel_block_bytes(dtype type)
{
    return type == DTYPE_Q8_0       ? sizeof(panel_q8_0)
           : type == DTYPE_Q4_1     ? sizeof(panel_q4_1)
           : type == DTYPE_Q5_0     ? sizeof(panel_q5_0)
           : type == DTYPE_Q5_1     ? sizeof(panel_q5_1)
           : type == DTYPE_Q5_K     ? sizeof(panel_q5_k) / 8
           : type == DTYPE_Q6_K     ? sizeof(panel_q6_k) / 8
           : type == DTYPE_IQ4_XS   ? sizeof(panel_iq4_xs) / 8
           : type == DTYPE_MXFP4    ? sizeof(panel_mxfp4)
           : type == DTYPE_WIDE     ? sizeof(panel_wide) / 8
           : type == DTYPE_WIDE_MIN ? sizeof(panel_wide_min) / 8
                                    : sizeof(panel_q4_0);
}

V16_INLINE void unpack_nibbles(const uint8_t q[4][16][4], v16i ret[8])
{
    const v16i mask = v16i_set1(0x0F0F0F0F);
    for (int g = 0; g < 4; g++) {
        const v16i both = load_lanes(q[g]);
        ret[g] = v16i_and(both, mask);
        ret[g + 4] = v16i_and(v16i_shr(both, 4), mask);
    }
}

V16_INLINE void unpack_fifth(const uint8_t h[16][4], v16i q[8])
{
    const v16i mask = v16i_set1(0x10101010);
    const v16i bits = load_lanes(h);
    for (int g = 0; g < 8; g++) {
        const v16i moved = g < 4 ? v16i_shl(bits, 4 - g) : v16i_shr(bits, g - 4);
        q[g] = v16i_or(q[g], v16i_and(moved, mask));
    }
}

V16_INLINE void unpack_two_high(const uint8_t h[2][16][4], v16i q[8])
{
    const v16i mask = v16i_set1(0x30303030);
    for (int half = 0; half < 2; half++) {
        const v16i bits = load_lanes(h[half]);
        for (int g = 0; g < 4; g++) {
            const v16i moved = g < 3 ? v16i_shl(bits, 4 - 2 * g) : v16i_shr(bits, 2);
            q[4 * half + g] = v16i_or(q[4 * half + g], v16i_and(moved, mask));
        }
    }
}

/* Of block b (0..7): d sc and dmin mn, both exact (11 + 6 bits). */
V16_INLINE void k_scales(const panel_k_head *head, size_t b, v16f *scale, v16f *minimum)
{
    const v16i low = v16i_load_u8(head->low[b]);
    const v16i high = v16i_shr(v16i_load_u8(head->high[b % 4]), b < 4 ? 0 : 4);
    const v16i two = v16i_set1(0x30);
    const v16i sc = v16i_or(v16i_and(low, v16i_set1(15)), v16i_and(v16i_shl(high, 4), two));
    const v16i mn = v16i_or(v16i_shr(low, 4), v16i_and(v16i_shl(high, 2), two));
    *scale = v16f_mul(v16f_load_f16(head->d), v16i_to_float(sc));
    *minimum = v16f_mul(v16f_load_f16(head->dmin), v16i_to_float(mn));
}

/* d sc of block b (0..7), sc 6 bits less 32: exact. */
V16_INLINE v16f iq4_xs_scale(const panel_iq4_xs *p, size_t b)
{
    const v16i low = v16i_and(v16i_shr(v16i_load_u8(p->low[b % 4]), b < 4 ? 0 : 4), v16i_set1(15));
    const v16i high = v16i_and(v16i_shr(v16i_load_u8(p->high[b % 2]), 2 * (int)(b / 2)), v16i_set1(3));
    const v16i sc = v16i_sub(v16i_or(low, v16i_shl(high, 4)), v16i_set1(32));
    return v16f_mul(v16f_load_f16(p->d), v16i_to_float(sc));
}

/* 2^(e - 128): also where it is subnormal or would pass through an infinity, as a product of two halves. */
V16_INLINE v16f mxfp4_scale(const uint8_t e[16])
{
    const v16i whole = v16i_load_u8(e);
    const v16i half = v16i_shr(whole, 1);
    const v16i bias = v16i_set1(63);
    return v16f_mul(v16i_as_float(v16i_shl(v16i_add(half, bias), 23)),
                    v16i_as_float(v16i_shl(v16i_add(v16i_sub(whole, half), bias), 23)));
}

/* Nibbles that name a signed byte of a table. */
V16_INLINE void unpack_named(dtype type, const uint8_t nibbles[4][16][4], v16i q[8])
{
    const v16i signs = v16i_set1(unpacked_signed(type) ? 0 : (int32_t)0x80808080u);
    unpack_nibbles(nibbles, q);
    for (int g = 0; g < 8; g++) {
        q[g] = v16i_xor(v16i_lookup(quantized_table(type), q[g]), signs);
    }
}

/* Block b (0..7) of 32 signed bytes. */
V16_INLINE void unpack_wide(dtype type, const panel_wide *panel, size_t b, v16i q[8], unpacked *u)
{
    const v16i signs = v16i_set1(unpacked_signed(type) ? 0 : (int32_t)0x80808080u);
    for (int g = 0; g < 8; g++) {
        q[g] = v16i_xor(load_lanes(panel->q[b][g]), signs);
    }
    u->scale = v16f_load(panel->d);
    for (size_t half = 0; half < 2; half++) {
        u->sc[half] = v16i_load_s8(panel->sc[2 * b + half]);
    }
}

/* Block b (32 values) of a panel. */
QUANTIZED_INLINE void unpack(dtype type, const uint8_t *panel, size_t b, unpacked *u)
{
    v16i q[8];
    if (type == DTYPE_Q8_0) {
        const panel_q8_0 *block = (const panel_q8_0 *)panel + b;
        for (int g = 0; g < 8; g++) {
            const v16i signs = v16i_set1(unpacked_signed(type) ? 0 : (int32_t)0x80808080u);
            q[g] = v16i_xor(load_lanes(block->q[g]), signs);
        }
        u->scale = v16f_load_f16(block->d);
    } else if (type == DTYPE_Q4_0) {
        const panel_q4_0 *block = (const panel_q4_0 *)panel + b;
        unpack_nibbles(block->q, q);
        u->scale = v16f_load_f16(block->d);
    } else if (type == DTYPE_IQ4_NL) {
        const panel_q4_0 *block = (const panel_q4_0 *)panel + b;
        unpack_named(type, block->q, q);
        u->scale = v16f_load_f16(block->d);
    } else if (type == DTYPE_IQ4_XS) {
        const panel_iq4_xs *block = (const panel_iq4_xs *)panel + b / 8;
        unpack_named(type, block->q[b % 8], q);
        u->scale = iq4_xs_scale(block, b % 8);
    } else if (type == DTYPE_MXFP4) {
        const panel_mxfp4 *block = (const panel_mxfp4 *)panel + b;
        unpack_named(type, block->q, q);
        u->scale = mxfp4_scale(block->e);
    } else if (type == DTYPE_WIDE) {
        unpack_wide(type, (const panel_wide *)panel + b / 8, b % 8, q, u);
    } else if (type == DTYPE_WIDE_MIN) {
        const panel_wide_min *block = (const panel_wide_min *)panel + b / 8;
        unpack_wide(type, &block->wide, b % 8, q, u);
        u->minimum = v16f_load(block->dmin);
        for (size_t half = 0; half < 2; half++) {
            u->sc[half] = v16i_or(u->sc[half], v16i_shl(v16i_load_u8(block->mn[2 * (b % 8) + half]), 16));
        }
    } else if (type == DTYPE_Q4_1) {
        const panel_q4_1 *block = (const panel_q4_1 *)panel + b;
        unpack_nibbles(block->q, q);
        u->scale = v16f_load_f16(block->d);
        u->minimum = v16f_load_f16(block->m);
    } else if (type == DTYPE_Q5_0) {
        const panel_q5_0 *block = (const panel_q5_0 *)panel + b;
        unpack_nibbles(block->q, q);
        unpack_fifth(block->h, q);
        u->scale = v16f_load_f16(block->d);
    } else if (type == DTYPE_Q5_1) {
        const panel_q5_1 *block = (const panel_q5_1 *)panel + b;
        unpack_nibbles(block->q, q);
        unpack_fifth(block->h, q);
        u->scale = v16f_load_f16(block->d);
        u->minimum = v16f_load_f16(block->m);
    } else if (type == DTYPE_Q4_K) {
        const panel_q4_k *block = (const panel_q4_k *)panel + b / 8;
        unpack_nibbles(block->q[b % 8], q);
        k_scales(&block->head, b % 8, &u->scale, &u->minimum);
    } else if (type == DTYPE_Q5_K) {
        const panel_q5_k *block = (const panel_q5_k *)panel + b / 8;
        unpack_nibbles(block->block[b % 8].q, q);
        unpack_fifth(block->block[b % 8].h, q);
        k_scales(&block->head, b % 8, &u->scale, &u->minimum);
    } else { /* DTYPE_Q6_K */
        const panel_q6_k *block = (const panel_q6_k *)panel + b / 8;
        unpack_nibbles(block->block[b % 8].q, q);
        unpack_two_high(block->block[b % 8].h, q);
        u->scale = v16f_load_f16(block->d);
        u->sc[0] = v16i_load_s8(block->sc[2 * (b % 8)]);
        u->sc[1] = v16i_load_s8(block->sc[2 * (b % 8) + 1]);
    }
    for (int g = 0; g < 8; g++) {
        u->q[g] = q[g];
    }
}

/* ---- asking for what comes next ---- */

/* How far ahead of what is multiplied few tokens ask for their panels: two streams together have as many lines under
 * way as hide the memory's latency. (Half of it leaves a tenth of the bandwidth; twice as much gains nothing: Zen 3.)
 */
#define FETCH_AHEAD_BYTES 1024u

/* The lines of the block that lies so far ahead of block b of a panel; behind a panel lies the next one. */
V16_INLINE void fetch_ahead(dtype type, const uint8_t *panel, size_t b)
{
    const uint8_t *at = panel + b * panel_block_bytes(type) + FETCH_AHEAD_BYTES;
#pragma GCC unroll 16
    for (size_t line = 0; line < panel_block_bytes(type); line += 64) {
        __builtin_prefetch(at + line);
    }
}

/* Many tokens: what the stretch that is unpacked next begins with, and how many lines of it each block of a tile asks
 * for. Few tiles bring it from memory while they compute; of many, each brings little, and the last ones nothing. */
typedef struct tile_ahead {
    const uint8_t *bytes;
    const uint8_t *end;
    size_t lines;
} tile_ahead;

/* While blocks [begin, end) of `panel` are computed in about `tiles` tiles. */
V16_INLINE tile_ahead tile_ahead_of(dtype type, const product *p, size_t panel, size_t panel_begin, size_t panel_end,
                                    size_t begin, size_t end, size_t tiles)
{
    const size_t after = panel + 1 < panel_end ? panel + 1 : panel_begin;
    const size_t then = panel + 1 < panel_end ? begin : end < p->blocks ? end : 0;
    const size_t bytes = (end - begin) * panel_block_bytes(type);
    const size_t steps = tiles * (end - begin);
    const uint8_t *next = p->panels + after * p->panel_bytes + then * panel_block_bytes(type);
    return (tile_ahead){next, next + bytes, (bytes / 64 + steps - 1) / steps};
}

V16_INLINE void tile_ask(tile_ahead *ahead)
{
    for (size_t i = 0; i < ahead->lines; i++, ahead->bytes += 64) {
        __builtin_prefetch(ahead->bytes, 0, 2);
    }
}

/* After a tile: nothing is left to ask for once the stretch's end is reached. */
V16_INLINE void tile_asked(tile_ahead *ahead)
{
    ahead->lines = ahead->bytes < ahead->end ? ahead->lines : 0;
}

#endif
