/* What template/matmul_fp8.c exports. */
#ifndef KERNELS_TEMPLATE_MATMUL_FP8_H
#define KERNELS_TEMPLATE_MATMUL_FP8_H

#include "kernels/kernels.h"
#include "kernels/v16.h"

void V16_NAME(kernels_fill_matmul_fp8)(kernel_table *table);

#endif
