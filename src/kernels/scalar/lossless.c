/* The definition of products over BF16 in the lossless form: where a weight's two bytes lie, and then the steps of
 * scalar/matmul_float.c. Every other variant gives these bits, and so do BF16 panels of the same weights. */
#include "kernels/scalar/lossless.h"

#include "kernels/activation.h"
#include "kernels/half.h"
#include "kernels/lossless.h"

#include <math.h>

static float raw_weight(const uint8_t *lines, size_t k, size_t row)
{
    uint16_t bits = 0;
    memcpy(&bits, lines + k / 2 * LOSSLESS_LINE_BYTES + row * 4 + k % 2 * 2, sizeof bits);
    return half_bf16_to_f32(bits);
}

static float packed_weight(const uint8_t *block, const uint8_t *table, size_t k, size_t row)
{
    const uint8_t *group = block + k / 8 * LOSSLESS_GROUP_BYTES;
    const size_t place = row / 4 * 16 + k / 2 % 2 * 8 + row % 4 * 2 + k % 2;
    const unsigned half = k / 4 % 2;
    const unsigned code = group[128 + place] >> (4 * half) & 15u;
    return half_bf16_to_f32((uint16_t)(group[64 * half + place] | table[code] << 8));
}

/* Weights k and k + 1 (zero behind the end) of a row. `at`: the block that k is in, `table`: its table. */
static void pair_at(const uint8_t *at, const uint8_t *table, size_t cols, size_t k, size_t row, float ret[2])
{
    const bool tail = k / LOSSLESS_VALUES == cols / LOSSLESS_VALUES;
    for (size_t i = 0; i < 2; i++) {
        const size_t in_block = k % LOSSLESS_VALUES + i;
        ret[i] =
            tail || lossless_is_raw(table) ? raw_weight(at, in_block, row) : packed_weight(at, table, in_block, row);
    }
}

static float row_product(const uint8_t *panel, size_t cols, size_t row, const float *x, compute how)
{
    const uint8_t *table = panel;
    const uint8_t *at = panel + lossless_tables_bytes(cols);
    float acc = 0;
    for (size_t k = 0; k < cols; k += 2) {
        if (k != 0 && k % LOSSLESS_VALUES == 0) {
            at += lossless_is_raw(table) ? LOSSLESS_RAW_BYTES : LOSSLESS_BLOCK_BYTES;
            table += LOSSLESS_TABLE;
        }
        float w[2];
        pair_at(at, table, cols, k, row, w);
        if (how == COMPUTE_NATIVE) {
            acc = matmul_bf16_step(w[1], x[k + 1], acc);
            acc = matmul_bf16_step(w[0], x[k], acc);
        } else {
            acc = fmaf(w[0], x[k], acc);
            acc = k + 1 < cols ? fmaf(w[1], x[k + 1], acc) : acc;
        }
    }
    return acc;
}

static void multiply(compute how, const uint8_t *panels, size_t rows, size_t cols, const float *x, size_t tokens,
                     float *y, size_t ldy, size_t panel_begin, size_t panel_end)
{
    for (size_t t = 0; t < tokens; t++) {
        for (size_t r = panel_begin * PANEL_ROWS; r < panel_end * PANEL_ROWS && r < rows; r++) {
            const uint8_t *panel = lossless_panel(panels, r / PANEL_ROWS);
            y[t * ldy + r] = row_product(panel, cols, r % PANEL_ROWS, x + t * activation_row_floats(cols), how);
        }
    }
}

void matmul_lossless_defined(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                             float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply(COMPUTE_NATIVE, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end);
}

static void multiply_as_f32(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                            float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    (void)scratch;
    multiply(COMPUTE_F32, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end);
}

void kernels_fill_lossless_definition(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_BF16_LOSSLESS] = matmul_lossless_defined;
    table->matmul[COMPUTE_F32][DTYPE_BF16_LOSSLESS] = multiply_as_f32;
}
