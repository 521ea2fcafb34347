/* Attention's gradient, for the table in gradient.c. */
#ifndef KERNELS_TEMPLATE_GRADIENT_ATTENTION_H
#define KERNELS_TEMPLATE_GRADIENT_ATTENTION_H

#include "kernels/gradient.h"
#include "kernels/v16.h"

void V16_NAME(gradient_attention_heads)(const gradient_attention *a, void *scratch);

#endif
