/* The optimisers' operations that were built: chosen by the name of the table of operations that the program runs. */
#include "kernels/optimize.h"

#include <string.h>

extern const optimize_table optimize_table_scalar;
#if defined(__x86_64__)
extern const optimize_table optimize_table_avx2, optimize_table_avx512;
#ifdef KERNELS_EMULATED /* in tests alone (docs/kernels.md) */
extern const optimize_table optimize_table_avx512_emulated;
#endif
#elif defined(__aarch64__)
extern const optimize_table optimize_table_neon;
#endif

const optimize_table *optimize_select(const kernel_table *k)
{
#if defined(__x86_64__)
#ifdef KERNELS_EMULATED
    if (strncmp(k->name, "avx512", 6) == 0 && strstr(k->name, "emulated") != NULL) {
        return &optimize_table_avx512_emulated;
    }
#endif
#ifndef KERNELS_WITHOUT_AVX512
    if (strncmp(k->name, "avx512", 6) == 0) {
        return &optimize_table_avx512;
    }
#endif
    if (strncmp(k->name, "avx2", 4) == 0) {
        return &optimize_table_avx2;
    }
#elif defined(__aarch64__)
    if (strncmp(k->name, "neon", 4) == 0) {
        return &optimize_table_neon;
    }
#else
    (void)k;
#endif
    return &optimize_table_scalar;
}
