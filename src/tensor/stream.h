/* Matrices that do not fit in memory, read from their files ahead of the products that want them.
 *
 * A step uses the same matrices in the same order each time. Those that stay in the file are the units of a stream:
 * reader threads bring them in that order, round and round, into a ring of memory, past the system's cache; a unit's
 * room is free again when every thread of the pool has left it. So the disk reads on while resident matrices are
 * computed. */
#ifndef TENSOR_STREAM_H
#define TENSOR_STREAM_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct weight_stream weight_stream;

typedef struct stream_unit {
    const char *path;   /* borrowed */
    uint64_t file_size; /* as the mapping found it */
    uint64_t offset, bytes;
} stream_unit;

/* Bytes of the ring for these units: room for two of the largest, and for what a disk reads meanwhile. */
size_t weight_stream_ring(uint64_t largest_bytes);

/* `units` in the order of use, at least one; `parts` threads enter and leave each. HEARTH_E_FORMAT where a file is not
 * as long as it was. */
hearth_status weight_stream_create(const stream_unit *units, size_t count, size_t ring_bytes, int parts,
                                   weight_stream **ret, hearth_error *error);
/* NULL is allowed. */
void weight_stream_free(weight_stream *s);

/* A step begins: the first unit comes next, whatever the last step left undone. No thread is between enter and leave.
 */
void weight_stream_begin(weight_stream *s);
/* Waits for unit `index`; its bytes, or NULL after a read failed. Each thread enters units in their order. */
const uint8_t *weight_stream_enter(weight_stream *s, size_t index);
void weight_stream_leave(weight_stream *s, size_t index);
/* HEARTH_OK until a read fails; then that error, for good. */
hearth_status weight_stream_status(weight_stream *s, hearth_error *error);

#endif
