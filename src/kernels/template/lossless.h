/* What template/lossless.c exports. */
#ifndef KERNELS_TEMPLATE_LOSSLESS_H
#define KERNELS_TEMPLATE_LOSSLESS_H

#include "kernels/kernels.h"
#include "kernels/v16.h"

void V16_NAME(kernels_fill_lossless)(kernel_table *table);

#endif
