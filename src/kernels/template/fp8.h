/* The products of FP8 with scales (kernels/fp8.h). A file that includes this says before how bytes are read:
 *
 *   fp8_two(bytes, scale, ret)   ret[i] = scale * e4m3(bytes[16 i ...]) / 256 for the 16 rows, i = 0, 1: the quotient
 * is exact, the product is rounded once
 *
 * Few tokens stream panels from memory, one by one or, for a single token, two side by side; more tokens multiply
 * stretches of k dequantised in the scratch, as F32 does. Each output is one chain, k ascending. */
#ifndef KERNELS_TEMPLATE_FP8_H
#define KERNELS_TEMPLATE_FP8_H

#include "kernels/activation.h"
#include "kernels/fp8.h"
#include "kernels/template/matmul_float.h"

#define FP8_TOKENS_STREAMED 4u

static void fp8_dequantize(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    for (size_t k = k_begin; k < k_end;) {
        const size_t block = k / FP8_SCALED_VALUES;
        const size_t end = (block + 1) * FP8_SCALED_VALUES < k_end ? (block + 1) * FP8_SCALED_VALUES : k_end;
        const v16f scale = v16f_load((const float *)(const void *)(panel + fp8_scales_at(cols, block)));
        for (; k < end; k += 2, out += 2 * (size_t)PANEL_ROWS) {
            v16f w[2];
            fp8_two(panel + fp8_block_at(block) + k % FP8_SCALED_VALUES * PANEL_ROWS, scale, w);
            v16f_store(out, w[0]);
            v16f_store(out + PANEL_ROWS, w[1]);
        }
    }
}

static void fp8_row(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    for (size_t k = 0; k < cols; k++) {
        const size_t block = k / FP8_SCALED_VALUES;
        float scale;
        memcpy(&scale, panel + fp8_scales_at(cols, block) + row * sizeof scale, sizeof scale);
        const float part = e4m3_to_f32(panel[fp8_block_at(block) + k % FP8_SCALED_VALUES * PANEL_ROWS + row]) * 0x1p-8f;
        out[k] = part * scale;
    }
}

typedef struct fp8_product {
    const uint8_t *panels;
    size_t panel_bytes, rows, cols;
    const float *x;
    size_t ldx;
    float *y;
    size_t ldy;
} fp8_product;

/* `panels` panels side by side for `tokens` tokens: constants, their product at most 4. */
V16_INLINE void fp8_stream(const fp8_product *p, size_t panel, const size_t panels, const size_t tokens)
{
    v16f acc[2][FP8_TOKENS_STREAMED];
    for (size_t i = 0; i < panels; i++) {
        for (size_t t = 0; t < tokens; t++) {
            acc[i][t] = v16f_zero();
        }
    }
    for (size_t begin = 0; begin < p->cols; begin += FP8_SCALED_VALUES) {
        const size_t block = begin / FP8_SCALED_VALUES;
        const size_t values = fp8_block_values(p->cols, block);
        const uint8_t *first = p->panels + panel * p->panel_bytes;
        v16f scale[2];
        for (size_t i = 0; i < panels; i++) {
            scale[i] =
                v16f_load((const float *)(const void *)(first + i * p->panel_bytes + fp8_scales_at(p->cols, block)));
        }
        first += fp8_block_at(block);
        for (size_t k = 0; k < values; k += 2) {
#pragma GCC unroll 2
            for (size_t i = 0; i < panels; i++) {
                v16f w[2];
                fp8_two(first + i * p->panel_bytes + k * PANEL_ROWS, scale[i], w);
#pragma GCC unroll 4
                for (size_t t = 0; t < tokens; t++) {
                    const float *x = p->x + t * p->ldx + begin + k;
                    acc[i][t] = v16f_fma(w[0], v16f_set1(x[0]), acc[i][t]);
                    acc[i][t] = v16f_fma(w[1], v16f_set1(x[1]), acc[i][t]);
                }
            }
        }
    }
    for (size_t i = 0; i < panels; i++) {
        const size_t left = p->rows - (panel + i) * PANEL_ROWS;
        for (size_t t = 0; t < tokens; t++) {
            v16f_store_n(p->y + t * p->ldy + (panel + i) * PANEL_ROWS, acc[i][t],
                         left < PANEL_ROWS ? left : PANEL_ROWS);
        }
    }
}

static void fp8_matmul(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens, float *y,
                       size_t ldy, size_t panel_begin, size_t panel_end, void *scratch)
{
    if (tokens > FP8_TOKENS_STREAMED) {
        V16_NAME(matmul_dequantized)
        (DTYPE_F8_SCALED, fp8_dequantize, panels, rows, cols, activation, tokens, y, ldy, panel_begin, panel_end,
         scratch);
        return;
    }
    const fp8_product p = {panels,     panel_bytes(DTYPE_F8_SCALED, cols), rows, cols,
                           activation, activation_row_floats(cols),        y,    ldy};
    size_t panel = panel_begin;
    for (; tokens == 1 && panel + 2 <= panel_end; panel += 2) {
        fp8_stream(&p, panel, 2, 1);
    }
    for (; panel < panel_end; panel++) {
        if (tokens == 1) {
            fp8_stream(&p, panel, 1, 1);
        } else if (tokens == 2) {
            fp8_stream(&p, panel, 1, 2);
        } else if (tokens == 3) {
            fp8_stream(&p, panel, 1, 3);
        } else {
            fp8_stream(&p, panel, 1, 4);
        }
    }
}

static void fp8_fill(kernel_table *table)
{
    table->matmul[COMPUTE_NATIVE][DTYPE_F8_SCALED] = fp8_matmul;
    table->matmul[COMPUTE_F32][DTYPE_F8_SCALED] = fp8_matmul;
    table->panel_dequantize[DTYPE_F8_SCALED] = fp8_dequantize;
    table->panel_row[DTYPE_F8_SCALED] = fp8_row;
}

#endif
