/* Formats that are packed into another format's panels (panel_layout): block by block into blocks of that format's
 * file, which hold the same values, and then as those. Nothing is rounded. */
#include "kernels/kernels.h"
#include "kernels/panel.h"
#include "kernels/quantized.h"
#include "kernels/quantized_pack.h"

#include <string.h>

/* How a block becomes blocks of the layout. */
typedef struct translation {
    dtype type;
    /* `out`: `blocks` blocks of the layout's file, of block_bytes each; zeros before. */
    void (*translate)(const uint8_t *block, void *out);
    quantized_put put;
    size_t blocks;
    size_t block_bytes; /* of the layout's file */
    size_t panel_bytes; /* of the layout's 16 rows of a block */
} translation;

enum { TRANSLATED_MOST = sizeof(wide_block) };

static size_t translated_bytes(const translation *t, size_t cols)
{
    return (cols / dtype_get_info(t->type)->block_values * t->blocks * t->panel_bytes + 63) / 64 * 64;
}

static void translated_pack(const translation *t, size_t cols, const uint8_t *const *rows, unsigned count,
                            uint8_t *panel)
{
    const dtype_info *info = dtype_get_info(t->type);
    _Alignas(8) uint8_t out[TRANSLATED_MOST];
    memset(panel, 0, translated_bytes(t, cols));
    for (size_t b = 0; b < cols / info->block_values; b++) {
        for (unsigned row = 0; row < count; row++) {
            memset(out, 0, sizeof out);
            t->translate(rows[row] + b * info->block_bytes, out);
            for (size_t i = 0; i < t->blocks; i++) {
                t->put(out + i * t->block_bytes, row, panel + (b * t->blocks + i) * t->panel_bytes);
            }
        }
    }
}

/* ---- WIDE ---- */

static void put_wide(const uint8_t *block, unsigned row, void *panel)
{
    panel_wide *out = panel;
    wide_block in;
    memcpy(&in, block, sizeof in);
    out->d[row] = in.d;
    for (unsigned i = 0; i < 16; i++) {
        out->sc[i][row] = in.sc[i];
    }
    for (unsigned i = 0; i < 256; i += 4) {
        memcpy(out->q[i / 32][i % 32 / 4][row], in.q + i, 4);
    }
}

static void put_wide_min(const uint8_t *block, unsigned row, void *panel)
{
    panel_wide_min *out = panel;
    wide_block in;
    memcpy(&in, block, sizeof in);
    put_wide(block, row, &out->wide);
    out->dmin[row] = in.dmin;
    for (unsigned i = 0; i < 16; i++) {
        out->mn[i][row] = in.mn[i];
    }
}

static void copy_wide(const uint8_t *block, void *out)
{
    memcpy(out, block, sizeof(wide_block));
}

/* Value k (0..255) of 64 bytes of 2-bit fields: each 32 bytes hold four times 32 values, from the lowest bits up. */
static unsigned two_bits(const uint8_t *qs, unsigned k)
{
    return qs[32 * (k / 128) + k % 32] >> (2 * (k % 128 / 32)) & 3u;
}

/* 16 bytes mn << 4 | sc, 64 bytes of 2-bit q, d, dmin. */
static void wide_of_q2_k(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    out->d = f16_to_f32(read_u16(block + 80));
    out->dmin = f16_to_f32(read_u16(block + 82));
    for (unsigned i = 0; i < 16; i++) {
        out->sc[i] = (int8_t)(block[i] & 15);
        out->mn[i] = block[i] >> 4;
    }
    for (unsigned k = 0; k < 256; k++) {
        out->q[k] = (int8_t)two_bits(block + 16, k);
    }
}

/* d in binary32, 256 signed bytes (sums of them follow). */
static void wide_of_q8_k(const uint8_t *block, void *ret)
{
    wide_block *out = ret;
    memcpy(&out->d, block, sizeof out->d);
    memset(out->sc, 1, sizeof out->sc);
    memcpy(out->q, block + 4, sizeof out->q);
}

/* ---- Q6_K ---- */

/* 32 bytes of third bits, 64 bytes of 2-bit fields, 12 bytes with 16 scales of 6 bits, d. q - 4 is here q + 28 - 32. */
static void q6_k_of_q3_k(const uint8_t *block, void *ret)
{
    uint8_t *out = ret;
    const uint8_t *scales = block + 96;
    for (unsigned i = 0; i < 16; i++) {
        const int low = scales[i % 8] >> (4 * (i / 8)) & 15;
        const int high = scales[8 + i % 4] >> (2 * (i / 4)) & 3;
        out[192 + i] = (uint8_t)(low + 16 * high - 32);
    }
    for (unsigned k = 0; k < 256; k++) {
        const unsigned third = block[k % 32] >> (k / 32) & 1u;
        const unsigned q = two_bits(block + 32, k) + 4 * third + 28;
        const unsigned part = k % 128 / 32;
        out[64 * (k / 128) + 32 * (part % 2) + k % 32] |= (uint8_t)((q & 15u) << (part < 2 ? 0 : 4));
        out[128 + 32 * (k / 128) + k % 32] |= (uint8_t)(q >> 4 << (2 * part));
    }
    memcpy(out + 208, block + 108, 2);
}

/* ---- Q4_0: -1, 0, 1 and 2 times d ---- */

enum { Q4_0_BYTES = 18 };

/* Value k is q - 1, in blocks of 32 with a d each. */
static void put_ternary(uint8_t *out, unsigned k, unsigned q, const uint8_t *d)
{
    uint8_t *block = out + (size_t)k / 32 * Q4_0_BYTES;
    memcpy(block, d, 2);
    block[2 + k % 16] |= (uint8_t)((q + 7) << (k % 32 < 16 ? 0 : 4));
}

/* A byte holds 5 (or 4) ternary digits as a fraction of 256: three times it, the whole part is the first digit. */
static unsigned ternary_digit(uint8_t byte, unsigned digit)
{
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    return (unsigned)(uint8_t)(byte * power[digit]) * 3 >> 8;
}

/* 32 bytes of 5 x 32 values, 16 of 5 x 16, 4 of 4 x 4, d. */
static void q4_0_of_tq1_0(const uint8_t *block, void *out)
{
    for (unsigned k = 0; k < 256; k++) {
        const unsigned q = k < 160   ? ternary_digit(block[k % 32], k / 32)
                           : k < 240 ? ternary_digit(block[32 + k % 16], (k - 160) / 16)
                                     : ternary_digit(block[48 + k % 4], (k - 240) / 4);
        put_ternary(out, k, q, block + 52);
    }
}

static void q4_0_of_tq2_0(const uint8_t *block, void *out)
{
    for (unsigned k = 0; k < 256; k++) {
        put_ternary(out, k, two_bits(block, k), block + 64);
    }
}

/* d, a bit a value: -d or d. */
static void q4_0_of_q1_0(const uint8_t *block, void *out)
{
    for (unsigned k = 0; k < 128; k++) {
        put_ternary(out, k, (block[2 + k / 8] >> (k % 8) & 1u) * 2, block);
    }
}

/* d, 2 bits a value. */
static void q4_0_of_q2_0(const uint8_t *block, void *out)
{
    for (unsigned k = 0; k < 64; k++) {
        put_ternary(out, k, block[2 + k / 4] >> (2 * (k % 4)) & 3u, block);
    }
}

/* ---- BF16 ---- */

/* Half of an unsigned E4M3; 127, no number, counts as 0, and the top bit is not looked at. */
static float half_of_ue4m3(uint8_t byte)
{
    return byte == 127 ? 0.0f : byte == 255 ? 240.0f : 0.5f * e4m3_to_f32(byte & 127u);
}

/* 4 scales, then for each 16 values 8 bytes: value j low, j + 8 high. 4 bits of scale times 2 of the value fit bf16. */
static void bf16_of_nvfp4(const uint8_t *block, uint16_t out[64])
{
    for (unsigned k = 0; k < 64; k++) {
        const float d = half_of_ue4m3(block[k / 16]);
        const uint8_t byte = block[4 + 8 * (k / 16) + k % 8];
        out[k] = bf16_from_f32(d * (float)quantized_mxfp4[byte >> (k % 16 < 8 ? 0 : 4) & 15]);
    }
}

static size_t bytes_nvfp4(size_t cols)
{
    return panel_format_bf16.bytes(cols);
}

static void pack_nvfp4(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    enum { VALUES = 64, BYTES = 36 };
    uint16_t values[PANEL_ROWS][VALUES];
    const uint8_t *sources[PANEL_ROWS];
    for (size_t b = 0; b < cols / VALUES; b++) {
        for (unsigned row = 0; row < count; row++) {
            bf16_of_nvfp4(rows[row] + b * BYTES, values[row]);
            sources[row] = (const uint8_t *)values[row];
        }
        panel_format_bf16.pack(VALUES, sources, count, panel + b * panel_format_bf16.bytes(VALUES));
    }
}

const panel_format panel_format_nvfp4 = {bytes_nvfp4, pack_nvfp4};

/* ---- one row a format ---- */

enum translation_row {
    ROW_WIDE,
    ROW_WIDE_MIN,
    ROW_Q2_K,
    ROW_Q8_K,
    ROW_IQ1_S,
    ROW_IQ1_M,
    ROW_IQ2_XXS,
    ROW_IQ2_XS,
    ROW_IQ2_S,
    ROW_IQ3_XXS,
    ROW_IQ3_S,
    ROW_Q3_K,
    ROW_TQ1_0,
    ROW_TQ2_0,
    ROW_Q1_0,
    ROW_Q2_0
};

static const translation translations[] = {
    [ROW_WIDE] = {DTYPE_WIDE, copy_wide, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_WIDE_MIN] = {DTYPE_WIDE_MIN, copy_wide, put_wide_min, 1, sizeof(wide_block), sizeof(panel_wide_min)},
    [ROW_Q2_K] = {DTYPE_Q2_K, wide_of_q2_k, put_wide_min, 1, sizeof(wide_block), sizeof(panel_wide_min)},
    [ROW_Q8_K] = {DTYPE_Q8_K, wide_of_q8_k, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ1_S] = {DTYPE_IQ1_S, iq_spread_iq1_s, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ1_M] = {DTYPE_IQ1_M, iq_spread_iq1_m, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ2_XXS] = {DTYPE_IQ2_XXS, iq_spread_iq2_xxs, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ2_XS] = {DTYPE_IQ2_XS, iq_spread_iq2_xs, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ2_S] = {DTYPE_IQ2_S, iq_spread_iq2_s, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ3_XXS] = {DTYPE_IQ3_XXS, iq_spread_iq3_xxs, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_IQ3_S] = {DTYPE_IQ3_S, iq_spread_iq3_s, put_wide, 1, sizeof(wide_block), sizeof(panel_wide)},
    [ROW_Q3_K] = {DTYPE_Q3_K, q6_k_of_q3_k, quantized_put_q6_k, 1, 210, sizeof(panel_q6_k)},
    [ROW_TQ1_0] = {DTYPE_TQ1_0, q4_0_of_tq1_0, quantized_put_q4_0, 8, Q4_0_BYTES, sizeof(panel_q4_0)},
    [ROW_TQ2_0] = {DTYPE_TQ2_0, q4_0_of_tq2_0, quantized_put_q4_0, 8, Q4_0_BYTES, sizeof(panel_q4_0)},
    [ROW_Q1_0] = {DTYPE_Q1_0, q4_0_of_q1_0, quantized_put_q4_0, 4, Q4_0_BYTES, sizeof(panel_q4_0)},
    [ROW_Q2_0] = {DTYPE_Q2_0, q4_0_of_q2_0, quantized_put_q4_0, 2, Q4_0_BYTES, sizeof(panel_q4_0)},
};

static size_t bytes_wide(size_t cols)
{
    return translated_bytes(&translations[ROW_WIDE], cols);
}
static void pack_wide(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_WIDE], cols, rows, count, panel);
}
static size_t bytes_wide_min(size_t cols)
{
    return translated_bytes(&translations[ROW_WIDE_MIN], cols);
}
static void pack_wide_min(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_WIDE_MIN], cols, rows, count, panel);
}
static size_t bytes_q2_k(size_t cols)
{
    return translated_bytes(&translations[ROW_Q2_K], cols);
}
static void pack_q2_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_Q2_K], cols, rows, count, panel);
}
static size_t bytes_q8_k(size_t cols)
{
    return translated_bytes(&translations[ROW_Q8_K], cols);
}
static void pack_q8_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_Q8_K], cols, rows, count, panel);
}
static size_t bytes_iq1_s(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ1_S], cols);
}
static void pack_iq1_s(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ1_S], cols, rows, count, panel);
}
static size_t bytes_iq1_m(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ1_M], cols);
}
static void pack_iq1_m(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ1_M], cols, rows, count, panel);
}
static size_t bytes_iq2_xxs(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ2_XXS], cols);
}
static void pack_iq2_xxs(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ2_XXS], cols, rows, count, panel);
}
static size_t bytes_iq2_xs(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ2_XS], cols);
}
static void pack_iq2_xs(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ2_XS], cols, rows, count, panel);
}
static size_t bytes_iq2_s(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ2_S], cols);
}
static void pack_iq2_s(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ2_S], cols, rows, count, panel);
}
static size_t bytes_iq3_xxs(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ3_XXS], cols);
}
static void pack_iq3_xxs(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ3_XXS], cols, rows, count, panel);
}
static size_t bytes_iq3_s(size_t cols)
{
    return translated_bytes(&translations[ROW_IQ3_S], cols);
}
static void pack_iq3_s(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_IQ3_S], cols, rows, count, panel);
}
static size_t bytes_q3_k(size_t cols)
{
    return translated_bytes(&translations[ROW_Q3_K], cols);
}
static void pack_q3_k(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_Q3_K], cols, rows, count, panel);
}
static size_t bytes_tq1_0(size_t cols)
{
    return translated_bytes(&translations[ROW_TQ1_0], cols);
}
static void pack_tq1_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_TQ1_0], cols, rows, count, panel);
}
static size_t bytes_tq2_0(size_t cols)
{
    return translated_bytes(&translations[ROW_TQ2_0], cols);
}
static void pack_tq2_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_TQ2_0], cols, rows, count, panel);
}
static size_t bytes_q1_0(size_t cols)
{
    return translated_bytes(&translations[ROW_Q1_0], cols);
}
static void pack_q1_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_Q1_0], cols, rows, count, panel);
}
static size_t bytes_q2_0(size_t cols)
{
    return translated_bytes(&translations[ROW_Q2_0], cols);
}
static void pack_q2_0(size_t cols, const uint8_t *const *rows, unsigned count, uint8_t *panel)
{
    translated_pack(&translations[ROW_Q2_0], cols, rows, count, panel);
}

const panel_format panel_format_wide = {bytes_wide, pack_wide};
const panel_format panel_format_wide_min = {bytes_wide_min, pack_wide_min};
const panel_format panel_format_q2_k = {bytes_q2_k, pack_q2_k};
const panel_format panel_format_q8_k = {bytes_q8_k, pack_q8_k};
const panel_format panel_format_iq1_s = {bytes_iq1_s, pack_iq1_s};
const panel_format panel_format_iq1_m = {bytes_iq1_m, pack_iq1_m};
const panel_format panel_format_iq2_xxs = {bytes_iq2_xxs, pack_iq2_xxs};
const panel_format panel_format_iq2_xs = {bytes_iq2_xs, pack_iq2_xs};
const panel_format panel_format_iq2_s = {bytes_iq2_s, pack_iq2_s};
const panel_format panel_format_iq3_xxs = {bytes_iq3_xxs, pack_iq3_xxs};
const panel_format panel_format_iq3_s = {bytes_iq3_s, pack_iq3_s};
const panel_format panel_format_q3_k = {bytes_q3_k, pack_q3_k};
const panel_format panel_format_tq1_0 = {bytes_tq1_0, pack_tq1_0};
const panel_format panel_format_tq2_0 = {bytes_tq2_0, pack_tq2_0};
const panel_format panel_format_q1_0 = {bytes_q1_0, pack_q1_0};
const panel_format panel_format_q2_0 = {bytes_q2_0, pack_q2_0};
