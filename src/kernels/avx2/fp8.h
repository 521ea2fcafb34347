/* FP8 with scales for AVX2, a layer over the template's table. */
#ifndef KERNELS_AVX2_FP8_H
#define KERNELS_AVX2_FP8_H

#include "kernels/kernels.h"

void kernels_fill_fp8_avx2_halves(kernel_table *table);

#endif
