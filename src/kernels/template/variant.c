/* One instruction set's whole table. */
#include "kernels/fill.h"
#include "kernels/template/lossless.h"
#include "kernels/template/matmul_fp8.h"

void V16_NAME(kernels_fill_variant)(kernel_table *table)
{
    V16_NAME(kernels_fill_elementwise)(table);
    V16_NAME(kernels_fill_reduce)(table);
    V16_NAME(kernels_fill_activate)(table);
    V16_NAME(kernels_fill_activation)(table);
    V16_NAME(kernels_fill_quantized)(table);
    V16_NAME(kernels_fill_panel_float)(table);
    V16_NAME(kernels_fill_matmul_float)(table);
    V16_NAME(kernels_fill_matmul_dequantized)(table);
    V16_NAME(kernels_fill_matmul_fp8)(table);
    V16_NAME(kernels_fill_lossless)(table);
    V16_NAME(kernels_fill_measure)(table);
    V16_NAME(kernels_fill_attention)(table);
    V16_NAME(kernels_fill_gradient)(table);
    V16_NAME(kernels_fill_optimize)(table);
}
