/* What a file under kernels/template/ exports: one function that puts its operations into a table. Included with
 * KERNELS_ISA set; the names carry it. A new template adds its line here, in template/variant.c and in meson.build. */
#ifndef KERNELS_FILL_H
#define KERNELS_FILL_H

#include "kernels/kernels.h"
#include "kernels/v16.h"

void V16_NAME(kernels_fill_elementwise)(kernel_table *table);
void V16_NAME(kernels_fill_reduce)(kernel_table *table);
void V16_NAME(kernels_fill_activate)(kernel_table *table);
void V16_NAME(kernels_fill_activation)(kernel_table *table);
void V16_NAME(kernels_fill_quantized)(kernel_table *table);
void V16_NAME(kernels_fill_panel_float)(kernel_table *table);
void V16_NAME(kernels_fill_matmul_float)(kernel_table *table);
void V16_NAME(kernels_fill_matmul_dequantized)(kernel_table *table);
void V16_NAME(kernels_fill_measure)(kernel_table *table);
void V16_NAME(kernels_fill_attention)(kernel_table *table);
void V16_NAME(kernels_fill_gradient)(kernel_table *table);
void V16_NAME(kernels_fill_optimize)(kernel_table *table);

/* Attention's gradient (template/gradient_attention.c), for the table in template/gradient.c. */
struct gradient_attention;
void V16_NAME(gradient_attention_heads)(const struct gradient_attention *a, void *scratch);

/* All of them: a whole variant (template/variant.c). */
void V16_NAME(kernels_fill_variant)(kernel_table *table);

#endif
