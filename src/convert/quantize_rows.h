/* One tensor's rows in another number format, by all threads. Private to convert/. */
#ifndef CONVERT_QUANTIZE_ROWS_H
#define CONVERT_QUANTIZE_ROWS_H

#include "convert/quantize_blocks.h"
#include "formats/tensors.h"
#include "threads/pool.h"

#include <stdatomic.h>

typedef struct row_work {
    const kernel_table *kernels;
    thread_pool *pool;
    const tensor_entry *from;
    dtype to;
    size_t cols;
    size_t rows, rows_each;      /* all, and of one matrix of the tensor's: experts are importance's own */
    const float *importance;     /* [rows / rows_each][cols], or NULL */
    size_t from_bytes, to_bytes; /* of a row */
    /* What one thread does at the beginning of a run: writing what the run before made. */
    void (*meanwhile)(void *context);
    void *meanwhile_context;
    uint8_t *out; /* room of a run, row_work_out_bytes */
    /* made by row_work_begin */
    const search_table *search;
    size_t panels_each, panels; /* of 16 rows or fewer */
    size_t at_once;             /* panels */
    double *errors, *squares;   /* [at_once] */
    uint8_t *room;              /* [parts][room_bytes] */
    size_t room_bytes;
    /* of a run */
    size_t first, count; /* panels */
    atomic_size_t next;  /* who takes a panel changes nothing in it */
} row_work;

hearth_status row_work_begin(row_work *w, hearth_error *error);
void row_work_end(row_work *w);
size_t row_work_out_bytes(const row_work *w);
/* Panels [first, first + count) into `out`, the sums over each panel into `errors` and `squares`. Returns how many rows
 * that were. */
size_t row_work_run(row_work *w);

#endif
