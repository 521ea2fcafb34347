/* The AVX2 products of the quantised formats, a layer over the template's table. */
#ifndef KERNELS_AVX2_QUANTIZED_H
#define KERNELS_AVX2_QUANTIZED_H

#include "kernels/kernels.h"

void kernels_fill_quantized_avx2_sums(kernel_table *table);

#endif
