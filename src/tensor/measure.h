/* What this machine can do at best, measured now: the limits that `doctor` and `bench` print beside results.
 *
 * Each function runs a few short rounds (under 0.3 s together) on all threads of the pool and gives the best one. */
#ifndef TENSOR_MEASURE_H
#define TENSOR_MEASURE_H

#include "base/error.h"
#include "kernels/kernels.h"
#include "threads/pool.h"

/* What is multiplied: binary32 fused multiply-adds; pairs of bf16 (VDPBF16PS where the variant has it, else two
 * binary32 ones); 8-bit integers into 32-bit sums. */
typedef enum measure_kind { MEASURE_FP32, MEASURE_BF16, MEASURE_INT8, MEASURE_KINDS } measure_kind;

/* Bytes per nanosecond (GB/s) read from `size_bytes` of memory (0: 512 MiB, more than any cache), all threads reading
 * their own part. HEARTH_E_MEMORY when the memory is not to be had. */
hearth_status measure_read_bandwidth(const kernel_table *k, thread_pool *pool, size_t size_bytes, double *ret_gb_s,
                                     hearth_error *error);

/* Operations per nanosecond (GFLOPS, GOPS); a multiply-add counts as two. */
double measure_peak(const kernel_table *k, thread_pool *pool, measure_kind kind);

#endif
