/* What the floating-point products lend to other templates of the same instruction set. */
#ifndef KERNELS_TEMPLATE_MATMUL_FLOAT_H
#define KERNELS_TEMPLATE_MATMUL_FLOAT_H

#include "kernels/fill.h"
#include "kernels/panel.h"

/* kernel_table's panel_dequantize of one format. */
typedef void (*dequantize_fn)(const uint8_t *panel, size_t cols, size_t k_begin, size_t k_end, float *out);

/* COMPUTE_F32 of a format: chunks of a panel are dequantised into the scratch and multiplied as F32. The other
 * arguments are those of kernel_table's matmul. Blocks of `type` are at most 256 values. */
void V16_NAME(matmul_dequantized)(dtype type, dequantize_fn dequantize, const uint8_t *panels, size_t rows, size_t cols,
                                  const void *activation, size_t tokens, float *y, size_t ldy, size_t panel_begin,
                                  size_t panel_end, void *scratch);

#endif
