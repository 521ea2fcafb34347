/* One tensor's rows in another number format, by all threads. Private to convert/. */
#ifndef CONVERT_QUANTIZE_ROWS_H
#define CONVERT_QUANTIZE_ROWS_H

#include "convert/quantize_blocks.h"
#include "formats/tensors.h"
#include "threads/pool.h"

typedef struct row_work {
    const kernel_table *kernels;
    thread_pool *pool;
    const tensor_entry *from;
    dtype to;
    size_t cols;
    size_t rows, rows_each;      /* all, and of one matrix of the tensor's: experts are importance's own */
    const float *importance;     /* [rows / rows_each][cols], or NULL */
    size_t from_bytes, to_bytes; /* of a row */
    /* made by row_work_begin */
    const search_table *search;
    size_t panels_each, panels; /* of 16 rows or fewer */
    size_t at_once;             /* panels */
    uint8_t *out;               /* [at_once * 16][to_bytes] */
    double *errors, *squares;   /* [at_once] */
    uint8_t *room;              /* [parts][room_bytes] */
    size_t room_bytes;
    /* of a run */
    size_t first, count; /* panels */
} row_work;

hearth_status row_work_begin(row_work *w, hearth_error *error);
void row_work_end(row_work *w);
/* Panels [first, first + count) into `out`, the sums over each panel into `errors` and `squares`. Returns how many rows
 * that were. */
size_t row_work_run(row_work *w);

#endif
