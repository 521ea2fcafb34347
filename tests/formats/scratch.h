/* For the tests of formats/: a temporary folder, files made byte by byte, and a walk over everything that a reader
 * gave. */
#ifndef TESTS_FORMATS_SCRATCH_H
#define TESTS_FORMATS_SCRATCH_H

#include "base/buffer.h"
#include "formats/gguf.h"
#include "formats/hf.h"

/* A path in this process's temporary folder; valid until the next but three calls. */
const char *scratch_path(const char *name);
int scratch_make(void **state);
int scratch_remove(void **state);
void scratch_write(const char *name, const void *bytes, size_t length);
/* A fixture's path (HEARTH_FIXTURES, else ../shared/fixtures), or NULL where it is absent. */
const char *scratch_fixture(const char *name);

/* A GGUF file under construction. */
void put_u32(buffer *b, uint32_t value);
void put_u64(buffer *b, uint64_t value);
void put_string(buffer *b, const char *text);
void put_header(buffer *b, uint32_t version, uint64_t tensors, uint64_t values);
void put_key(buffer *b, const char *key, uint32_t type);
void put_key_u32(buffer *b, const char *key, uint32_t value);
void put_tensor(buffer *b, const char *name, uint32_t dims, const uint64_t *ne, uint32_t type, uint64_t offset);
/* Zeros up to a multiple of `alignment`, then `length` more. */
void put_data(buffer *b, size_t alignment, size_t length);

/* Reads every value, every element and the ends of every tensor; a sum, so that nothing is optimised away. */
uint64_t touch_gguf(const gguf_file *file);
uint64_t touch_tensors(const tensor_table *table);

#endif
