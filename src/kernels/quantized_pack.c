/* Packing the quantised formats from the file's rows (the block structures of the GGUF specification) to panels.
 * Bits move, nothing is rounded; the layouts are drawn in quantized.h.
 *
 * Four rows at a time: a vector holds 16 bytes of a row, or a word of each of the four rows; a transpose of words leads
 * from one to the other. Packing then takes about as long as the memory needs for reading and writing. */
#include "kernels/quantized_pack.h"

#include "kernels/quantized.h"
#include "kernels/word4.h"

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

/* ---- four rows ---- */

#define LOW 0x0F0F0F0Fu
#define HIGH 0xF0F0F0F0u

/* 16 bytes of each of four rows, at `offset` of their blocks. */
static inline void load_rows(const uint8_t *const block[4], size_t offset, word4 ret[4])
{
    for (unsigned i = 0; i < 4; i++) {
        ret[i] = word4_load(block[i] + offset);
    }
}

/* Four words of each of four rows to the lanes of four groups. */
static inline void put_rows(uint8_t (*out)[16][4], unsigned row, const word4 rows[4])
{
    word4 groups[4];
    word4_transpose(rows, groups);
    for (unsigned g = 0; g < 4; g++) {
        word4_store(out[g][row], groups[g]);
    }
}

/* 16 bytes that the file has as the panel has them; `out`: lanes of four groups, bytes with or without a sign. */
static inline void move_rows(const uint8_t *const block[4], size_t offset, void *out, unsigned row)
{
    word4 rows[4];
    load_rows(block, offset, rows);
    put_rows(out, row, rows);
}

static inline void move_halves(const uint8_t *const block[4], size_t offset, uint16_t *out)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = read_u16(block[i] + offset);
    }
}

/* 32 bytes whose low nibbles are one block and whose high nibbles another. */
static inline void split_rows(const uint8_t *const block[4], size_t offset, uint8_t (*low)[16][4],
                              uint8_t (*high)[16][4], unsigned row)
{
    word4 first[4];
    word4 second[4];
    word4 out[4];
    load_rows(block, offset, first);
    load_rows(block, offset + 16, second);
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (first[i] & LOW) | (second[i] & LOW) << 4;
    }
    put_rows(low, row, out);
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (first[i] >> 4 & LOW) | (second[i] & HIGH);
    }
    put_rows(high, row, out);
}

/* Even bits to the low half, odd ones to the high half, both in order. */
static inline word4 unshuffle(word4 bits)
{
    static const uint32_t masks[4] = {0x22222222u, 0x0C0C0C0Cu, 0x00F000F0u, 0x0000FF00u};
    for (int i = 0; i < 4; i++) {
        const word4 differ = (bits ^ bits >> (1 << i)) & masks[i];
        bits ^= differ ^ differ << (1 << i);
    }
    return bits;
}

/* Bit 4 g + j of the file to bit g of byte j. */
static inline void put_fifth_bits(const uint8_t *const block[4], size_t offset, uint8_t out[4][4])
{
    const word4 bits = {read_u32(block[0] + offset), read_u32(block[1] + offset), read_u32(block[2] + offset),
                        read_u32(block[3] + offset)};
    word4_store(out, unshuffle(unshuffle(bits)));
}

/* ---- blocks of 32: d, (m), (fifth bits), values ---- */

static inline void put_q8_0(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q8_0 *out = panel;
    move_halves(block, 0, out->d + row);
    move_rows(block, 2, out->q, row);
    move_rows(block, 18, out->q + 4, row);
}

static inline void put_q4_0(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q4_0 *out = panel;
    move_halves(block, 0, out->d + row);
    move_rows(block, 2, out->q, row);
}

static inline void put_mxfp4(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_mxfp4 *out = panel;
    for (unsigned i = 0; i < 4; i++) {
        out->e[row + i] = block[i][0];
    }
    move_rows(block, 1, out->q, row);
}

static inline void put_q4_1(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q4_1 *out = panel;
    move_halves(block, 0, out->d + row);
    move_halves(block, 2, out->m + row);
    move_rows(block, 4, out->q, row);
}

static inline void put_q5_0(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q5_0 *out = panel;
    move_halves(block, 0, out->d + row);
    put_fifth_bits(block, 2, out->h + row);
    move_rows(block, 6, out->q, row);
}

static inline void put_q5_1(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q5_1 *out = panel;
    move_halves(block, 0, out->d + row);
    move_halves(block, 2, out->m + row);
    put_fifth_bits(block, 4, out->h + row);
    move_rows(block, 8, out->q, row);
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

static inline void put_q4_k(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q4_k *out = panel;
    for (unsigned i = 0; i < 4; i++) {
        put_k_head(&out->head, row + i, block[i]);
    }
    for (unsigned b = 0; b < 8; b += 2) {
        split_rows(block, 16 + 16 * (size_t)b, out->q[b], out->q[b + 1], row);
    }
}

/* Bit b of byte l of the file's 32 is of block b, value l: words by bits, turned. */
static inline void put_fifth_k(const uint8_t *const block[4], unsigned row, panel_q5_k *out)
{
    word4 rows[4];
    word4 w[8];
    load_rows(block, 16, rows);
    word4_transpose(rows, w);
    load_rows(block, 32, rows);
    word4_transpose(rows, w + 4);
    for (unsigned i = 0; i < 8; i += 2) {
        word4_exchange(&w[i], &w[i + 1], 0x55555555u, 1);
    }
    for (unsigned i = 0; i < 8; i += i % 2 == 0 ? 1 : 3) {
        word4_exchange(&w[i], &w[i + 2], 0x33333333u, 2);
    }
    for (unsigned i = 0; i < 4; i++) {
        word4_exchange(&w[i], &w[i + 4], LOW, 4);
    }
    for (unsigned b = 0; b < 8; b++) {
        word4_store(out->block[b].h[row], w[b]);
    }
}

static inline void put_q5_k(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q5_k *out = panel;
    for (unsigned i = 0; i < 4; i++) {
        put_k_head(&out->head, row + i, block[i]);
    }
    put_fifth_k(block, row, out);
    for (unsigned b = 0; b < 8; b += 2) {
        split_rows(block, 48 + 16 * (size_t)b, out->block[b].q, out->block[b + 1].q, row);
    }
}

/* ---- one row, for formats that are spread out into these ---- */

void quantized_put_q4_0(const uint8_t *block, unsigned row, void *panel)
{
    panel_q4_0 *out = panel;
    out->d[row] = read_u16(block);
    for (unsigned g = 0; g < 4; g++) { /* the file's byte order is the panel's */
        memcpy(out->q[g][row], block + 2 + 4 * g, 4);
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

/* Fields of two bits of four words, of file half `half` and the panel's groups 4 f and above: words by fields, turned.
 */
static inline void put_two_bits(const uint8_t *const block[4], unsigned row, unsigned half, unsigned f, panel_q6_k *out)
{
    word4 rows[4];
    word4 w[4];
    load_rows(block, 128 + 32 * (size_t)half + 16 * (size_t)f, rows);
    word4_transpose(rows, w);
    word4_exchange(&w[0], &w[1], 0x33333333u, 2);
    word4_exchange(&w[2], &w[3], 0x33333333u, 2);
    word4_exchange(&w[0], &w[2], LOW, 4);
    word4_exchange(&w[1], &w[3], LOW, 4);
    for (unsigned b = 0; b < 4; b++) {
        word4_store(out->block[4 * half + b].h[f][row], w[b]);
    }
}

static inline void put_q6_k(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_q6_k *out = panel;
    move_halves(block, 208, out->d + row);
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned k = 0; k < 16; k++) {
            out->sc[k][row + i] = (int8_t)block[i][192 + k];
        }
    }
    for (unsigned half = 0; half < 2; half++) {
        for (unsigned p = 0; p < 2; p++) {
            panel_q6_k_block *low = &out->block[4 * half + p];
            split_rows(block, 64 * (size_t)half + 32 * (size_t)p, low->q, low[2].q, row);
            put_two_bits(block, row, half, p, out);
        }
    }
}

/* d, 8 pairs of high bits, 8 low nibbles of sc, then 8 blocks of nibbles in the panel's order. */
static inline void put_iq4_xs_head(const uint8_t *block, unsigned row, panel_iq4_xs *out)
{
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
}

static inline void put_iq4_xs(const uint8_t *const block[4], unsigned row, void *panel)
{
    panel_iq4_xs *out = panel;
    for (unsigned i = 0; i < 4; i++) {
        put_iq4_xs_head(block[i], row + i, out);
    }
    for (unsigned b = 0; b < 8; b++) {
        move_rows(block, 8 + 16 * (size_t)b, out->q[b], row);
    }
}

/* ---- panels ---- */

/* The bytes of one panel; a multiple of 64. */
static size_t bytes_of(dtype type, size_t cols)
{
    const dtype_info *info = dtype_get_info(type);
    return (cols / info->block_values * info->block_bytes * PANEL_ROWS + 63) / 64 * 64;
}

/* `put`: a block of four rows. Rows that are missing are zeros. */
static inline __attribute__((always_inline)) void
pack_with(dtype type, void (*put)(const uint8_t *const block[4], unsigned row, void *panel), size_t cols,
          const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    static const uint8_t zeros[256];
    const dtype_info *info = dtype_get_info(type);
    const size_t block_bytes = info->block_bytes;
    const size_t blocks = cols / info->block_values;
    const size_t bytes = bytes_of(type, cols);
    const size_t used = blocks * block_bytes * PANEL_ROWS;
    memset(panel + used, 0, bytes - used);
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *out = panel + b * block_bytes * PANEL_ROWS;
        for (unsigned row = 0; row < PANEL_ROWS; row += 4) {
            const uint8_t *block[4];
            for (unsigned i = 0; i < 4; i++) {
                block[i] = row + i < count ? rows[row + i] + b * block_bytes : zeros;
            }
            put(block, row, out);
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
    pack_with(DTYPE_Q4_0, put_q4_0, cols, rows, count, panel);
}
static void pack_q4_1(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_Q4_1, put_q4_1, cols, rows, count, panel);
}
static void pack_iq4_nl(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_with(DTYPE_IQ4_NL, put_q4_0, cols, rows, count, panel);
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
    pack_with(DTYPE_Q6_K, put_q6_k, cols, rows, count, panel);
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
