/* The definition of the native product over BF16 in the lossless form: matmul_bf16_defined, weight by weight. */
#ifndef KERNELS_SCALAR_LOSSLESS_H
#define KERNELS_SCALAR_LOSSLESS_H

#include "kernels/kernels.h"

void matmul_lossless_defined(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                             float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch);
/* Rule 3's step of scalar/matmul_float.c: acc + a * b, subnormals as zeros. */
float matmul_bf16_step(float a, float b, float acc);
/* The last layer of the scalar variant. */
void kernels_fill_lossless_definition(kernel_table *table);

#endif
