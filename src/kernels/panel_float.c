/* Panels of F32, F16 and BF16.
 *
 *   F32   for each k: 16 rows x 4 bytes = 64 bytes
 *   F16   for each k: 16 rows x 2 bytes = 32 bytes; an odd number of columns gets one more of zeros
 *   BF16  for each pair of k: 16 rows x (value k, value k + 1) = 64 bytes; an odd number of columns gets a zero
 *
 * All three are one operation on 32-bit words: a transpose of 16 rows of words (F32: a word is a value, BF16: a word
 * is a pair, F16: a word is a pair that is then split into its two halves). It is written over 16-byte vectors of the
 * compiler's own kind, which every 64-bit machine has. */
#include "kernels/panel.h"
#include "kernels/word4.h"

/* The words w, …, w + 3 of all 16 rows: ret[i * 16 + row]. Missing rows are zeros. */
static inline void gather4(const uint8_t *const *rows, unsigned count, size_t w, uint32_t ret[64])
{
    for (unsigned group = 0; group < 4; group++) {
        word4 in[4] = {{0}};
        word4 out[4];
        for (unsigned i = 0; i < 4; i++) {
            if (group * 4 + i < count) {
                memcpy(&in[i], rows[group * 4 + i] + w * 4, 16);
            }
        }
        word4_transpose(in, out);
        for (unsigned i = 0; i < 4; i++) {
            memcpy(ret + i * 16 + group * 4, &out[i], 16);
        }
    }
}

/* Word w of all 16 rows, of which only `bytes` (1..4) exist; the rest is zero. */
static void gather1(const uint8_t *const *rows, unsigned count, size_t w, size_t bytes, uint32_t ret[16])
{
    memset(ret, 0, 64);
    for (unsigned row = 0; row < count; row++) {
        memcpy(ret + row, rows[row] + w * 4, bytes);
    }
}

/* Rows of `bytes` bytes to panels of words. */
static void pack_words(size_t bytes, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    const size_t words = bytes / 4;
    uint32_t block[64];
    size_t w = 0;
    for (; w + 4 <= words; w += 4) {
        gather4(rows, count, w, block);
        memcpy(panel + w * 64, block, sizeof block);
    }
    for (; w * 4 < bytes; w++) {
        gather1(rows, count, w, w < words ? 4 : bytes % 4, block);
        memcpy(panel + w * 64, block, 64);
    }
}

/* 16 words, each a pair of halves, to the 16 first halves and then the 16 second ones. */
static inline void split_halves(const uint32_t words[16], uint8_t *out)
{
    uint16_t first[16];
    uint16_t second[16];
    for (unsigned row = 0; row < 16; row++) {
        first[row] = (uint16_t)words[row];
        second[row] = (uint16_t)(words[row] >> 16);
    }
    memcpy(out, first, 32);
    memcpy(out + 32, second, 32);
}

static size_t bytes_f32(size_t cols)
{
    return cols * 64;
}

static size_t bytes_16(size_t cols)
{
    return (cols + 1) / 2 * 64;
}

static void pack_f32(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_words(cols * 4, rows, count, panel);
}

static void pack_bf16(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    pack_words(cols * 2, rows, count, panel);
}

static void pack_f16(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    const size_t words = cols / 2;
    uint32_t block[64];
    size_t w = 0;
    for (; w + 4 <= words; w += 4) {
        gather4(rows, count, w, block);
        for (unsigned i = 0; i < 4; i++) {
            split_halves(block + i * 16, panel + (w + i) * 64);
        }
    }
    for (; w * 2 < cols; w++) {
        gather1(rows, count, w, w < words ? 4 : 2, block);
        split_halves(block, panel + w * 64);
    }
}

const panel_format panel_format_f32 = {bytes_f32, pack_f32};
const panel_format panel_format_f16 = {bytes_16, pack_f16};
const panel_format panel_format_bf16 = {bytes_16, pack_bf16};
