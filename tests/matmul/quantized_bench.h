/* Speed of the quantised products: `test_quantized --bench [FORMAT|all [VARIANT]]`. */
#ifndef TESTS_QUANTIZED_BENCH_H
#define TESTS_QUANTIZED_BENCH_H

#include "kernels/kernels.h"

/* Prints a table; returns main's exit code. NULL: every format, every variant but scalar. */
int quantized_bench(kernel_cpu cpu, const char *format, const char *variant);

#endif
