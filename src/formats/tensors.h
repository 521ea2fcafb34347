/* What every weight container gives: validated, immutable tables over mapped bytes.
 *
 * GGUF (one file or split) and Hugging Face folders (safetensors, sharded or not) both become a
 * tensor_table: names, formats, shapes, and a pointer to bytes that were checked to lie inside the mapping,
 * not to overlap, and to be as many as shape and format say. */
#ifndef FORMATS_TENSORS_H
#define FORMATS_TENSORS_H

#include "base/error.h"
#include "base/limits.h"
#include "kernels/dtype.h"
#include "platform/file.h"

typedef struct tensor_entry {
    const char *name;
    dtype type;
    uint32_t dims;                     /* 1..LIMIT_TENSOR_DIMS (0 for a scalar in safetensors) */
    uint64_t shape[LIMIT_TENSOR_DIMS]; /* row-major order: the last one is contiguous (GGUF's ne[] reversed) */
    const uint8_t *data;               /* inside maps[map_index] */
    uint64_t size_bytes;
    uint32_t map_index;
} tensor_entry;

typedef struct tensor_table {
    tensor_entry *entries; /* sorted by name */
    size_t count;
    file_map *maps;
    size_t map_count;
} tensor_table;

/* NULL when there is none of that name. */
const tensor_entry *tensor_table_find(const tensor_table *table, const char *name);

#endif
