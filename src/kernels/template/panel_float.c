/* Panels of F32, F16 and BF16 back to binary32: ranges of k, and single rows. Exact. */
#include "kernels/fill.h"
#include "kernels/half.h"
#include "kernels/panel.h"

static void dequantize_f32(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    memcpy(out, panel + k_begin * 64, (k_end - k_begin) * 64);
}

static void dequantize_f16(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    for (size_t k = k_begin; k < k_end; k++) {
        v16f_store(out, v16f_load_f16((const uint16_t *)(const void *)(panel + k * 32)));
        out += PANEL_ROWS;
    }
}

/* The 64 bytes of a pair of k hold both values of each row: the even one in the low half of its word. */
static void dequantize_bf16(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out)
{
    (void)cols;
    for (size_t k = k_begin; k < k_end; k++) {
        const v16i pairs = v16i_load((const int32_t *)(const void *)(panel + k / 2 * 64));
        const v16i bits = k % 2 == 0 ? v16i_shl(pairs, 16) : v16i_and(pairs, v16i_set1((int32_t)0xFFFF0000u));
        v16f_store(out, v16i_as_float(bits));
        out += PANEL_ROWS;
    }
}

static void row_f32(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    for (size_t k = 0; k < cols; k++) {
        memcpy(out + k, panel + k * 64 + row * 4, 4);
    }
}

static void row_f16(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    for (size_t k = 0; k < cols; k++) {
        uint16_t bits;
        memcpy(&bits, panel + k * 32 + row * 2, 2);
        out[k] = half_f16_to_f32(bits);
    }
}

static void row_bf16(const uint8_t *panel, size_t cols, unsigned row, float *out)
{
    for (size_t k = 0; k < cols; k++) {
        uint16_t bits;
        memcpy(&bits, panel + k / 2 * 64 + row * 4 + k % 2 * 2, 2);
        out[k] = half_bf16_to_f32(bits);
    }
}

void V16_NAME(kernels_fill_panel_float)(kernel_table *table)
{
    table->panel_dequantize[DTYPE_F32] = dequantize_f32;
    table->panel_dequantize[DTYPE_F16] = dequantize_f16;
    table->panel_dequantize[DTYPE_BF16] = dequantize_bf16;
    table->panel_row[DTYPE_F32] = row_f32;
    table->panel_row[DTYPE_F16] = row_f16;
    table->panel_row[DTYPE_BF16] = row_bf16;
}
