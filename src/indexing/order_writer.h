/* Writes .order and .keys: positions as they come, in the order of their suffixes. */
#ifndef INDEXING_ORDER_WRITER_H
#define INDEXING_ORDER_WRITER_H

#include "indexing/order.h"

typedef struct order_writer {
    hashed_file order, keys;
    const file_map *units;
    unsigned width, bits;
    uint64_t count;   /* of positions so far */
    uint64_t word;    /* bits that wait, the lowest first */
    unsigned waiting; /* how many */
} order_writer;

/* `length`: units of the file. */
hearth_status order_writer_open(const order_job *job, const file_map *units, uint64_t length, order_writer *ret,
                                hearth_error *error);
hearth_status order_writer_add(order_writer *w, uint64_t position, hearth_error *error);
/* Sets what the job gives. */
hearth_status order_writer_finish(order_writer *w, order_job *job, hearth_error *error);
void order_writer_drop(order_writer *w); /* zeroed and finished ones are allowed */

#endif
