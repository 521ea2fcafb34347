/* A kernel table that watches: each call is remembered by its thread until the thread's next lap, which must be one
 * that the kernel belongs to. */
#ifndef TESTS_MODEL_PROFILE_KERNELS_H
#define TESTS_MODEL_PROFILE_KERNELS_H

#include "kernels/attention.h"
#include "nn/profile.h"

/* Static storage: one at a time. */
const kernel_table *profile_kernels_watch(const kernel_table *table);
/* Forgets calls and faults; the calls of profile_kernels_ever stay. */
void profile_kernels_forget(void);
const nn_profiler *profile_kernels_profiler(void);
/* "rope was called in the lap "norm"", or NULL. */
const char *profile_kernels_fault(void);
/* Calls of an entry since profile_kernels_forget, and ever. */
unsigned long profile_kernels_called(const char *name);
unsigned long profile_kernels_ever(const char *name);
/* What of the table is not watched though it is a function; NULL: all is. */
const char *profile_kernels_left_out(const kernel_table *table);

#endif
