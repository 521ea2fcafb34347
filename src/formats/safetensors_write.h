/* Writes one safetensors file: the header in the order of the data, offsets without gaps, the data as a stream.
 * docs/formats/safetensors.md. */
#ifndef FORMATS_SAFETENSORS_WRITE_H
#define FORMATS_SAFETENSORS_WRITE_H

#include "base/hash.h"
#include "formats/tensors.h"

typedef struct safetensors_writer safetensors_writer;

/* Begins PATH.tmp-PID and writes the header of `count` tensors, whose data follow in this order: name, type (F32, F16
 * or BF16), dims, shape and size_bytes are used. Wide values first keeps all of them aligned. */
hearth_status safetensors_writer_begin(const char *path, const tensor_entry *entries, size_t count,
                                       safetensors_writer **ret, hearth_error *error);
hearth_status safetensors_writer_data(safetensors_writer *w, const void *bytes, size_t length, hearth_error *error);
/* HEARTH_E_ARGUMENT when data is missing. Renames the file into place. */
hearth_status safetensors_writer_finish(safetensors_writer *w, hearth_error *error);

/* The same without a file: the SHA-256 that it would have. */
hearth_status safetensors_hash_begin(const tensor_entry *entries, size_t count, safetensors_writer **ret,
                                     hearth_error *error);
hearth_status safetensors_hash_finish(safetensors_writer *w, char ret[HASH_HEX_SIZE], hearth_error *error);
/* Removes the file when it was not finished. NULL is allowed. */
void safetensors_writer_free(safetensors_writer *w);

#endif
