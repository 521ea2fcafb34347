/* The definition of the bf16 product, for variants that cannot give a result's bits themselves. */
#ifndef KERNELS_SCALAR_MATMUL_FLOAT_H
#define KERNELS_SCALAR_MATMUL_FLOAT_H

#include "kernels/kernels.h"

/* matmul[COMPUTE_NATIVE][DTYPE_BF16] of kernel_table. */
void matmul_bf16_defined(const uint8_t *panels, size_t rows, size_t cols, const void *activation, size_t tokens,
                         float *y, size_t ldy, size_t panel_begin, size_t panel_end, void *scratch);
/* Puts the definitions of this file into a table, over what is there. */
void kernels_fill_matmul_definition(kernel_table *table);

#endif
