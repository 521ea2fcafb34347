/* Packing the quantised formats from the file's rows (the block structures of the GGUF specification) to panels.
 * Bits move, nothing is rounded; the layouts are drawn in quantized.h. */
#include "kernels/quantized_pack.h"

#include "kernels/quantized.h"

#include <string.h>

/* One block of 32 values of one row, spread out: q as bytes, four (a group) in a word, the first one lowest. All
 * machines that this runs on are little endian. */
typedef struct spread {
    uint32_t q[8];
} spread;

static inline uint32_t read_u32(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* A nibble of each of the four bytes. */
static inline uint32_t nibbles_at(const uint8_t *p, unsigned shift)
{
    return (read_u32(p) >> shift) & 0x0F0F0F0Fu;
}

/* Bits 0..3, one to each byte. */
static inline uint32_t bit_to_byte(uint32_t bits)
{
    return (bits & 15u) * 0x00204081u & 0x01010101u;
}

static inline void put_word(uint8_t out[4], uint32_t word)
{
    memcpy(out, &word, sizeof word);
}

/* The low 4 bits of 32 values into a row's lanes. */
static inline void put_nibbles(uint8_t out[4][16][4], unsigned row, const spread *s)
{
    for (unsigned g = 0; g < 4; g++) {
        put_word(out[g][row], (s->q[g] & 0x0F0F0F0Fu) | (s->q[g + 4] & 0x0F0F0F0Fu) << 4);
    }
}

static inline void put_fifth(uint8_t out[16][4], unsigned row, const spread *s)
{
    uint32_t bits = 0;
    for (unsigned g = 0; g < 8; g++) {
        bits |= ((s->q[g] >> 4) & 0x01010101u) << g;
    }
    put_word(out[row], bits);
}

static inline void put_two_high(uint8_t out[2][16][4], unsigned row, const spread *s)
{
    for (unsigned half = 0; half < 2; half++) {
        uint32_t bits = 0;
        for (unsigned g = 0; g < 4; g++) {
            bits |= ((s->q[4 * half + g] >> 4) & 0x03030303u) << (2 * g);
        }
        put_word(out[half][row], bits);
    }
}

/* 16 bytes of nibbles: value j low, value j + 16 high (the files of Q5_0 and Q5_1); a fifth bit each. */
static inline spread spread_nibbles(const uint8_t *qs, uint32_t fifth)
{
    spread s;
    for (unsigned g = 0; g < 4; g++) {
        s.q[g] = nibbles_at(qs + 4 * g, 0) | bit_to_byte(fifth >> (4 * g)) << 4;
        s.q[g + 4] = nibbles_at(qs + 4 * g, 4) | bit_to_byte(fifth >> (16 + 4 * g)) << 4;
    }
    return s;
}

/* ---- blocks of 32: d, (m), (fifth bits), values ---- */

static void put_q8_0(const uint8_t *block, unsigned row, void *panel)
{
    panel_q8_0 *out = panel;
    out->d[row] = read_u16(block);
    for (unsigned g = 0; g < 8; g++) {
        memcpy(out->q[g][row], block + 2 + 4 * g, 4);
    }
}

void quantized_put_q4_0(const uint8_t *block, unsigned row, void *panel)
{
    panel_q4_0 *out = panel;
    out->d[row] = read_u16(block);
    for (unsigned g = 0; g < 4; g++) { /* the file's byte order is the panel's */
        memcpy(out->q[g][row], block + 2 + 4 * g, 4);
    }
}

static void put_mxfp4(const uint8_t *block, unsigned row, void *panel)
{
    panel_mxfp4 *out = panel;
    out->e[row] = block[0];
    for (unsigned g = 0; g < 4; g++) {
        memcpy(out->q[g][row], block + 1 + 4 * g, 4);
    }
}

static void put_q4_1(const uint8_t *block, unsigned row, void *panel)
{
    panel_q4_1 *out = panel;
    out->d[row] = read_u16(block);
    out->m[row] = read_u16(block + 2);
    for (unsigned g = 0; g < 4; g++) {
        memcpy(out->q[g][row], block + 4 + 4 * g, 4);
    }
}

static void put_q5_0(const uint8_t *block, unsigned row, void *panel)
{
    panel_q5_0 *out = panel;
    out->d[row] = read_u16(block);
    const spread s = spread_nibbles(block + 6, read_u32(block + 2));
    put_nibbles(out->q, row, &s);
    put_fifth(out->h, row, &s);
}

static void put_q5_1(const uint8_t *block, unsigned row, void *panel)
{
    panel_q5_1 *out = panel;
    out->d[row] = read_u16(block);
    out->m[row] = read_u16(block + 2);
    const spread s = spread_nibbles(block + 8, read_u32(block + 4));
    put_nibbles(out->q, row, &s);
    put_fifth(out->h, row, &s);
}

/* ---- blocks of 256 ---- */

/* The 12 bytes of Q4_K and Q5_K: blocks 0..3 have 6 bits in bytes b (sc) and b + 4 (mn); blocks 4..7 have their low 4
 * bits in byte b + 4 (sc low nibble, mn high) and the 2 high bits on top of bytes b - 4 (sc) and b (mn). */
static void put_k_head(panel_k_head *out, unsigned row, const uint8_t *block)
{
    const uint8_t *scales = block + 4;
    out->d[row] = read_u16(block);
    out->dmin[row] = read_u16(block + 2);
    for (unsigned b = 0; b < 4; b++) {
        const unsigned sc = scales[b] & 63u;
        const unsigned mn = scales[b + 4] & 63u;
        const unsigned sc4 = (scales[b + 8] & 15u) | (scales[b] >> 6) << 4;
        const unsigned mn4 = (scales[b + 8] >> 4) | (scales[b + 4] >> 6) << 4;
        out->low[b][row] = (uint8_t)((sc & 15u) | (mn & 15u) << 4);
        out->low[b + 4][row] = (uint8_t)((sc4 & 15u) | (mn4 & 15u) << 4);
        out->high[b][row] = (uint8_t)(sc >> 4 | (mn >> 4) << 2 | (sc4 >> 4) << 4 | (mn4 >> 4) << 6);
    }
}

/* Each 32 bytes of nibbles are two blocks: low nibbles, then high ones. Bit b of fifth[l]: block b, value l. */
static inline spread spread_k(const uint8_t *qs, const uint8_t *fifth, unsigned b)
{
    spread s;
    for (unsigned g = 0; g < 8; g++) {
        const uint32_t high = fifth == NULL ? 0u : (read_u32(fifth + 4 * g) >> b) & 0x01010101u;
        s.q[g] = nibbles_at(qs + 32 * (b / 2) + 4 * g, 4 * (b % 2)) | high << 4;
    }
    return s;
}

static void put_q4_k(const uint8_t *block, unsigned row, void *panel)
{
    panel_q4_k *out = panel;
    put_k_head(&out->head, row, block);
    for (unsigned b = 0; b < 8; b++) {
        const spread s = spread_k(block + 16, NULL, b);
        put_nibbles(out->q[b], row, &s);
    }
}

static void put_q5_k(const uint8_t *block, unsigned row, void *panel)
{
    panel_q5_k *out = panel;
    put_k_head(&out->head, row, block);
    for (unsigned b = 0; b < 8; b++) {
        const spread s = spread_k(block + 48, block + 16, b);
        put_nibbles(out->block[b].q, row, &s);
        put_fifth(out->block[b].h, row, &s);
    }
}

/* Each half (4 blocks) has 64 bytes of nibbles (blocks 0 and 1 low, 2 and 3 high) and 32 bytes of 2-bit fields. */
static inline spread spread_q6_k(const uint8_t *block, unsigned b)
{
    const uint8_t *low = block + 64 * (b / 4) + 32 * (b % 2);
    const uint8_t *high = block + 128 + 32 * (b / 4);
    spread s;
    for (unsigned g = 0; g < 8; g++) {
        const uint32_t two = (read_u32(high + 4 * g) >> (2 * (b % 4))) & 0x03030303u;
        s.q[g] = nibbles_at(low + 4 * g, 4 * (b % 4 / 2)) | two << 4;
    }
    return s;
}

void quantized_put_q6_k(const uint8_t *block, unsigned row, void *panel)
{
    panel_q6_k *out = panel;
    out->d[row] = read_u16(block + 208);
    for (unsigned i = 0; i < 16; i++) {
        out->sc[i][row] = (int8_t)block[192 + i];
    }
    for (unsigned b = 0; b < 8; b++) {
        const spread s = spread_q6_k(block, b);
        put_nibbles(out->block[b].q, row, &s);
        put_two_high(out->block[b].h, row, &s);
    }
}

/* d, 8 pairs of high bits, 8 low nibbles of sc, then 8 blocks of nibbles in the panel's order. */
static void put_iq4_xs(const uint8_t *block, unsigned row, void *panel)
{
    panel_iq4_xs *out = panel;
    const unsigned high = read_u16(block + 2);
    out->d[row] = read_u16(block);
    for (unsigned b = 0; b < 4; b++) {
        const unsigned first = block[4 + b / 2] >> (4 * (b % 2)) & 15u;
        const unsigned second = block[6 + b / 2] >> (4 * (b % 2)) & 15u;
        out->low[b][row] = (uint8_t)(first | second << 4);
    }
    for (unsigned b = 0; b < 2; b++) {
        unsigned bits = 0;
        for (unsigned i = 0; i < 4; i++) {
            bits |= (high >> (2 * (2 * i + b)) & 3u) << (2 * i);
        }
        out->high[b][row] = (uint8_t)bits;
    }
    for (unsigned b = 0; b < 8; b++) {
        for (unsigned g = 0; g < 4; g++) {
            memcpy(out->q[b][g][row], block + 8 + 16 * b + 4 * g, 4);
        }
    }
}

/* ---- panels ---- */

/* The bytes of one panel; a multiple of 64. */
static size_t bytes_of(dtype type, size_t cols)
{
    const dtype_info *info = dtype_get_info(type);
    return (cols / info->block_values * info->block_bytes * PANEL_ROWS + 63) / 64 * 64;
}

static inline void pack_with(dtype type, void (*put)(const uint8_t *block, unsigned row, void *panel), size_t cols,
                             const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    const dtype_info *info = dtype_get_info(type);
    const size_t block_bytes = info->block_bytes;
    const size_t blocks = cols / info->block_values;
    const size_t bytes = bytes_of(type, cols);
    const size_t used = blocks * block_bytes * PANEL_ROWS;
    memset(panel + used, 0, bytes - used);
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *out = panel + b * block_bytes * PANEL_ROWS;
        if (count < PANEL_ROWS) {
            memset(out, 0, block_bytes * PANEL_ROWS);
        }
        for (unsigned row = 0; row < count; row++) {
            put(rows[row] + b * block_bytes, row, out);
        }
    }
}

static size_t bytes_q8_0(size_t cols)
{
    return bytes_of(DTYPE_Q8_0, cols);
}
static size_t bytes_q4_0(size_t cols)
{
    return bytes_of(DTYPE_Q4_0, cols);
}
static size_t bytes_q4_1(size_t cols)
{
    return bytes_of(DTYPE_Q4_1, cols);
}
static size_t bytes_iq4_nl(size_t cols)
{
    return bytes_of(DTYPE_IQ4_NL, cols);
}
static size_t bytes_q5_0(size_t cols)
{
    return bytes_of(DTYPE_Q5_0, cols);
}
static size_t bytes_q5_1(size_t cols)
{
    return bytes_of(DTYPE_Q5_1, cols);
}
static size_t bytes_q4_k(size_t cols)
{
    return bytes_of(DTYPE_Q4_K, cols);
}
static size_t bytes_q5_k(size_t cols)
{
    return bytes_of(DTYPE_Q5_K, cols);
}
static size_t bytes_q6_k(size_t cols)
{
    return bytes_of(DTYPE_Q6_K, cols);
}

static size_t bytes_iq4_xs(size_t cols)
{
    return bytes_of(DTYPE_IQ4_XS, cols);
}
static void pack_iq4_xs(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_IQ4_XS, put_iq4_xs, cols, rows, count, panel);
}

static size_t bytes_mxfp4(size_t cols)
{
    return bytes_of(DTYPE_MXFP4, cols);
}
static void pack_mxfp4(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_MXFP4, put_mxfp4, cols, rows, count, panel);
}

static void pack_q8_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q8_0, put_q8_0, cols, rows, count, panel);
}
static void pack_q4_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q4_0, quantized_put_q4_0, cols, rows, count, panel);
}
static void pack_q4_1(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q4_1, put_q4_1, cols, rows, count, panel);
}
static void pack_iq4_nl(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_IQ4_NL, quantized_put_q4_0, cols, rows, count, panel);
}
static void pack_q5_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q5_0, put_q5_0, cols, rows, count, panel);
}
static void pack_q5_1(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q5_1, put_q5_1, cols, rows, count, panel);
}
static void pack_q4_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q4_K, put_q4_k, cols, rows, count, panel);
}
static void pack_q5_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q5_K, put_q5_k, cols, rows, count, panel);
}
static void pack_q6_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q6_K, quantized_put_q6_k, cols, rows, count, panel);
}

const panel_format panel_format_q8_0 = {bytes_q8_0, pack_q8_0};
const panel_format panel_format_q4_0 = {bytes_q4_0, pack_q4_0};
const panel_format panel_format_q4_1 = {bytes_q4_1, pack_q4_1};
const panel_format panel_format_iq4_nl = {bytes_iq4_nl, pack_iq4_nl};
const panel_format panel_format_q5_0 = {bytes_q5_0, pack_q5_0};
const panel_format panel_format_q5_1 = {bytes_q5_1, pack_q5_1};
const panel_format panel_format_q4_k = {bytes_q4_k, pack_q4_k};
const panel_format panel_format_q5_k = {bytes_q5_k, pack_q5_k};
const panel_format panel_format_q6_k = {bytes_q6_k, pack_q6_k};
const panel_format panel_format_iq4_xs = {bytes_iq4_xs, pack_iq4_xs};
const panel_format panel_format_mxfp4 = {bytes_mxfp4, pack_mxfp4};
