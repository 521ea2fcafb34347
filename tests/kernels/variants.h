/* Every variant that the tests can run here: the ones that this CPU runs, and, in an executable with `emulated_dep`
 * (meson.build), AVX-512 emulated; and which of their entries were called. */
#ifndef TESTS_KERNELS_VARIANTS_H
#define TESTS_KERNELS_VARIANTS_H

#include "kernels/watch.h"
#include "model/engine.h"

#define VARIANTS_MAX 8

/* ret[0] is the scalar one, the definition. */
static inline size_t variants_list(const kernel_table *ret[VARIANTS_MAX])
{
    const size_t count = kernels_variants(engine_cpu(), ret);
    watch_variants(ret, count);
    return count;
}

#endif
