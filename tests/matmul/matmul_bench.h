/* Speed of all products: `test_matmul --bench [FORMAT|all [VARIANT]]`. */
#ifndef TESTS_MATMUL_BENCH_H
#define TESTS_MATMUL_BENCH_H

#include "kernels/kernels.h"

/* Prints a table; returns main's exit code. NULL: every format, the best variant. */
int matmul_bench(kernel_cpu cpu, const char *format, const char *variant);

#endif
