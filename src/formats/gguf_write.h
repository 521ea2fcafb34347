/* Writes GGUF 3: metadata of every type, tensors in the order in which they are declared, their data as a stream.
 * docs/formats/gguf.md.
 *
 *   gguf_writer_create; gguf_write_… (metadata); gguf_write_tensor (declarations);
 *   gguf_writer_begin; gguf_writer_data until every tensor is whole; gguf_writer_finish; gguf_writer_free. */
#ifndef FORMATS_GGUF_WRITE_H
#define FORMATS_GGUF_WRITE_H

#include "formats/gguf.h"

typedef struct gguf_writer gguf_writer;

gguf_writer *gguf_writer_create(void); /* NULL when memory is out */
/* Removes the file when it was not finished. NULL is allowed. */
void gguf_writer_free(gguf_writer *w);

/* ---- metadata: a key may stand once ---- */

hearth_status gguf_write_u32(gguf_writer *w, const char *key, uint32_t value, hearth_error *error);
hearth_status gguf_write_f32(gguf_writer *w, const char *key, float value, hearth_error *error);
hearth_status gguf_write_bool(gguf_writer *w, const char *key, bool value, hearth_error *error);
hearth_status gguf_write_string(gguf_writer *w, const char *key, const char *text, size_t length, hearth_error *error);
/* A scalar of any numeric type: its little-endian bytes. */
hearth_status gguf_write_scalar(gguf_writer *w, const char *key, gguf_type type, const void *bytes,
                                hearth_error *error);
/* An array of numbers. */
hearth_status gguf_write_numbers(gguf_writer *w, const char *key, gguf_type element, const void *values, uint64_t count,
                                 hearth_error *error);
hearth_status gguf_write_strings(gguf_writer *w, const char *key, const gguf_string *values, uint64_t count,
                                 hearth_error *error);
/* Any value of another file, nested arrays too, byte for byte. */
hearth_status gguf_write_copy(gguf_writer *w, const gguf_file *from, size_t index, hearth_error *error);

/* All values of another file whose keys are not among `keys`. */
hearth_status gguf_write_copy_but(gguf_writer *w, const gguf_file *from, const char *const *keys, size_t count,
                                  hearth_error *error);

/* ---- tensors ---- */

/* `shape` is row-major, as in tensor_entry. */
hearth_status gguf_write_tensor(gguf_writer *w, const char *name, dtype type, uint32_t dims, const uint64_t *shape,
                                hearth_error *error);
/* BF16 in the lossless form (kernels/lossless.h), `size` bytes. */
hearth_status gguf_write_lossless_tensor(gguf_writer *w, const char *name, uint32_t dims, const uint64_t *shape,
                                         uint64_t size, hearth_error *error);
/* Header, metadata and table go to PATH.tmp-PID, which gets its final length. */
hearth_status gguf_writer_begin(gguf_writer *w, const char *path, hearth_error *error);
/* The file as it lies until it is finished; its header can be read after gguf_writer_begin. */
const char *gguf_writer_temporary(const gguf_writer *w);
/* The next bytes of the data: tensor after tensor, without what aligns them, which the writer adds. */
hearth_status gguf_writer_data(gguf_writer *w, const void *bytes, size_t length, hearth_error *error);
uint64_t gguf_writer_bytes(const gguf_writer *w); /* of the whole file, once begun */
/* HEARTH_E_ARGUMENT when data is missing. Renames the file into place. */
hearth_status gguf_writer_finish(gguf_writer *w, hearth_error *error);

#endif
