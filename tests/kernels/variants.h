/* Every variant that the tests can run here: the ones that this CPU runs, and AVX-512 emulated where SIMDe is
 * installed. */
#ifndef TESTS_KERNELS_VARIANTS_H
#define TESTS_KERNELS_VARIANTS_H

#include "kernels/kernels.h"

#define VARIANTS_MAX 12

/* ret[0] is the scalar one, the definition. */
size_t variants_list(const kernel_table *ret[VARIANTS_MAX]);

#endif
