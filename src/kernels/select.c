/* The variants that were built, and which of them this CPU runs. */
#include "kernels/kernels.h"
#include "kernels/panel.h"
#include "kernels/scalar/lossless.h"
#include "kernels/scalar/matmul_float.h"

#include <pthread.h>
#include <string.h>

#define SELECT_LAYERS 6

typedef void (*select_fill)(kernel_table *table);

typedef struct select_row {
    const char *family; /* what HEARTH_ISA names: the best row of a family is taken */
    const char *name;   /* this row alone */
    kernel_cpu needs;
    select_fill layers[SELECT_LAYERS]; /* each overrides entries of the one before; NULL: no more */
} select_row;

void kernels_fill_variant_scalar(kernel_table *table);
#if defined(__x86_64__)
void kernels_fill_variant_avx2(kernel_table *table);
void kernels_fill_variant_avx512(kernel_table *table);
void kernels_fill_quantized_avx2_sums(kernel_table *table);
void kernels_fill_fp8_avx2_halves(kernel_table *table);
void kernels_fill_quantized_avx512_vnni(kernel_table *table);
void kernels_fill_measure_avx512_vnni(kernel_table *table);
void kernels_fill_lossless_avx512_bf16(kernel_table *table);
void kernels_fill_matmul_float_avx512_bf16(kernel_table *table);
void kernels_fill_measure_avx512_bf16(kernel_table *table);
void kernels_fill_gradient_avx512_bf16(kernel_table *table);
#ifdef KERNELS_EMULATED /* in tests alone (docs/kernels.md) */
void kernels_fill_variant_avx512_emulated(kernel_table *table);
void kernels_fill_quantized_avx512_vnni_emulated(kernel_table *table);
void kernels_fill_matmul_float_avx512_bf16_emulated(kernel_table *table);
void kernels_fill_lossless_avx512_bf16_emulated(kernel_table *table);
void kernels_fill_gradient_avx512_bf16_emulated(kernel_table *table);
#endif
#elif defined(__aarch64__)
void kernels_fill_variant_neon(kernel_table *table);
void kernels_fill_quantized_neon_dotprod(kernel_table *table);
void kernels_fill_measure_neon_dotprod(kernel_table *table);
#endif

/* From the slowest to the fastest. */
static const select_row select_rows[] = {
    {"scalar",
     "scalar",
     {0},
     {kernels_fill_variant_scalar, kernels_fill_matmul_definition, kernels_fill_lossless_definition}},
#if defined(__x86_64__)
#ifdef KERNELS_EMULATED
    {"avx512-emulated", "avx512-emulated", {.avx2 = true}, {kernels_fill_variant_avx512_emulated}},
    {"avx512-emulated",
     "avx512-bf16-emulated",
     {.avx2 = true},
     {kernels_fill_variant_avx512_emulated, kernels_fill_quantized_avx512_vnni_emulated,
      kernels_fill_matmul_float_avx512_bf16_emulated, kernels_fill_lossless_avx512_bf16_emulated,
      kernels_fill_gradient_avx512_bf16_emulated}},
    {"avx2", "avx2-templates", {.avx2 = true}, {kernels_fill_variant_avx2}}, /* without what is written by hand */
#endif
    {"avx2",
     "avx2",
     {.avx2 = true},
     {kernels_fill_variant_avx2, kernels_fill_quantized_avx2_sums, kernels_fill_fp8_avx2_halves}},
#ifndef KERNELS_WITHOUT_AVX512 /* a sanitized build on a machine that could not run them */
    {"avx512", "avx512", {.avx2 = true, .avx512 = true}, {kernels_fill_variant_avx512}},
    {"avx512",
     "avx512-vnni",
     {.avx2 = true, .avx512 = true, .vnni = true},
     {kernels_fill_variant_avx512, kernels_fill_quantized_avx512_vnni, kernels_fill_measure_avx512_vnni}},
    {"avx512",
     "avx512-bf16",
     {.avx2 = true, .avx512 = true, .vnni = true, .bf16 = true},
     {kernels_fill_variant_avx512, kernels_fill_quantized_avx512_vnni, kernels_fill_matmul_float_avx512_bf16,
      kernels_fill_lossless_avx512_bf16, kernels_fill_measure_avx512_bf16, kernels_fill_gradient_avx512_bf16}},
#endif
#elif defined(__aarch64__)
    {"neon", "neon", {.neon = true}, {kernels_fill_variant_neon}},
    {"neon",
     "neon-dotprod",
     {.neon = true, .dotprod = true},
     {kernels_fill_variant_neon, kernels_fill_quantized_neon_dotprod, kernels_fill_measure_neon_dotprod}},
#endif
};

#define SELECT_ROWS (sizeof select_rows / sizeof select_rows[0])

static kernel_table select_tables[SELECT_ROWS];
static bool select_filled[SELECT_ROWS];
static pthread_mutex_t select_lock = PTHREAD_MUTEX_INITIALIZER;

/* Formats in another format's panels have its operations. */
static void select_share_layouts(kernel_table *table)
{
    for (dtype type = 0; type < DTYPE_LIMIT; type++) {
        const dtype layout = panel_layout(type);
        for (int how = 0; how < 2; how++) {
            table->matmul[how][type] = table->matmul[how][layout];
        }
        table->panel_dequantize[type] = table->panel_dequantize[layout];
        table->panel_row[type] = table->panel_row[layout];
    }
}

/* Fills a table at its first use. The filling functions are compiled with their set's flags as well, so they may only
 * be called on a CPU that has the set. */
static const kernel_table *select_table(size_t row)
{
    pthread_mutex_lock(&select_lock);
    if (!select_filled[row]) {
        for (size_t layer = 0; layer < SELECT_LAYERS && select_rows[row].layers[layer] != NULL; layer++) {
            select_rows[row].layers[layer](&select_tables[row]);
        }
        select_share_layouts(&select_tables[row]);
        select_tables[row].name = select_rows[row].name;
        select_filled[row] = true;
    }
    pthread_mutex_unlock(&select_lock);
    return &select_tables[row];
}

static bool select_runs(kernel_cpu needs, kernel_cpu cpu)
{
    return (!needs.avx2 || cpu.avx2) && (!needs.avx512 || cpu.avx512) && (!needs.vnni || cpu.vnni) &&
           (!needs.bf16 || cpu.bf16) && (!needs.neon || cpu.neon) && (!needs.dotprod || cpu.dotprod);
}

const kernel_table *kernels_select(const char *forced_name, kernel_cpu cpu)
{
    size_t best_row = 0;
    bool found = false;
    for (size_t i = 0; i < SELECT_ROWS; i++) {
        if (!select_runs(select_rows[i].needs, cpu)) {
            continue;
        }
        if (forced_name == NULL || strcmp(forced_name, select_rows[i].family) == 0 ||
            strcmp(forced_name, select_rows[i].name) == 0) {
            best_row = i;
            found = true;
        }
    }
    return found ? select_table(best_row) : NULL;
}

size_t kernels_variants(kernel_cpu cpu, const kernel_table *ret[8])
{
    size_t count = 0;
    for (size_t i = 0; i < SELECT_ROWS; i++) {
        if (select_runs(select_rows[i].needs, cpu)) {
            ret[count++] = select_table(i);
        }
    }
    return count;
}
