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
    const uint8_t *data;               /* inside maps[map_index]; safetensors promise no alignment */
    uint64_t size_bytes;
    uint32_t map_index;
} tensor_entry;

typedef struct tensor_table {
    tensor_entry *entries; /* sorted by name */
    size_t count;
    file_map *maps;
    size_t map_count;
    size_t capacity;     /* of entries */
    struct arena *names; /* owns the names */
} tensor_table;

/* NULL when there is none of that name. */
const tensor_entry *tensor_table_find(const tensor_table *table, const char *name);
/* Unmaps and frees all; zeroed and half-built tables are allowed. */
void tensor_table_free(tensor_table *table);

/* ---- for the readers in this folder, which fill a table and then seal it ---- */

/* Maps a file into the table; *ret_index is its place in `maps`. */
hearth_status tensor_table_map(tensor_table *table, const char *path, uint32_t *ret_index, hearth_error *error);
/* Room for `extra` more entries. */
hearth_status tensor_table_reserve(tensor_table *table, size_t extra, hearth_error *error);
/* Appends `entry` under a copy of the name: 1..LIMIT_TENSOR_NAME_BYTES bytes of UTF-8 without control characters. */
hearth_status tensor_table_add(tensor_table *table, const char *name, size_t length, tensor_entry entry,
                               hearth_error *error);
/* Sorts by name; a name that stands twice is HEARTH_E_FORMAT. */
hearth_status tensor_table_seal(tensor_table *table, hearth_error *error);
/* By address of the data; equal addresses by name. */
void tensor_entries_sort_by_data(tensor_entry *entries, size_t count);
/* Bytes of a tensor: shape (row-major, every dimension at least 1) in the format `type`, the last dimension whole
 * blocks. `place` names the tensor in the error. */
hearth_status tensor_size_bytes(dtype type, uint32_t dims, const uint64_t *shape, const char *place, uint64_t *ret,
                                hearth_error *error);
/* "tensor NAME" or "key NAME" for an error's place, cut between characters; returns ret. */
#define PLACE_SIZE 128
const char *place_name(char ret[PLACE_SIZE], const char *what, const char *name, size_t length);

#endif
