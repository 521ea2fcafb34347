/* The data of a planned tensor, made row by row out of its sources. Private to convert/. */
#ifndef CONVERT_ROWS_H
#define CONVERT_ROWS_H

#include "convert/plan.h"
#include "kernels/kernels.h"

/* Takes the tensor's bytes, some at a time. */
typedef hearth_status (*convert_sink)(void *context, const void *bytes, size_t length, hearth_error *error);

/* Memory: a few MiB, and for tensors that are read by columns and are quantised a binary32 copy. */
hearth_status convert_rows(const convert_plan *p, const convert_tensor *t, const kernel_table *kernels,
                           convert_sink sink, void *context, hearth_error *error);

#endif
