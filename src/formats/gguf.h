/* GGUF 2 and 3, single or split. Specification: docs/formats/gguf.md. */
#ifndef FORMATS_GGUF_H
#define FORMATS_GGUF_H

#include "formats/tensors.h"

typedef enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_TYPES
} gguf_type;

typedef struct gguf_string {
    const char *text; /* not terminated; inside the mapping */
    size_t length;
} gguf_string;

typedef struct gguf_file gguf_file;

/* Opens `path`; when it is the first of a split set (NAME-00001-of-00003.gguf), opens them all and checks that they
 * agree. Any part may be named. */
hearth_status gguf_open(const char *path, gguf_file **ret, hearth_error *error);
void gguf_close(gguf_file *file);

const char *gguf_path(const gguf_file *file);
uint32_t gguf_version(const gguf_file *file);
const tensor_table *gguf_tensors(const gguf_file *file);

/* Metadata, in file order. */
size_t gguf_metadata_count(const gguf_file *file);
gguf_string gguf_metadata_key(const gguf_file *file, size_t index);
/* -1 when the key does not exist. */
int64_t gguf_find(const gguf_file *file, const char *key);

/* Typed reads by key. HEARTH_E_NOT_FOUND when missing, HEARTH_E_FORMAT when of another type (integers convert between
 * widths and signs when the value fits; f32 and f64 convert). */
hearth_status gguf_get_u64(const gguf_file *file, const char *key, uint64_t *ret, hearth_error *error);
hearth_status gguf_get_i64(const gguf_file *file, const char *key, int64_t *ret, hearth_error *error);
hearth_status gguf_get_f64(const gguf_file *file, const char *key, double *ret, hearth_error *error);
hearth_status gguf_get_bool(const gguf_file *file, const char *key, bool *ret, hearth_error *error);
hearth_status gguf_get_string(const gguf_file *file, const char *key, gguf_string *ret, hearth_error *error);

/* Arrays: their element type and length, then elements by index (bounds are the caller's: index < count).
 * String arrays are indexed once at open, so access is O(1). */
hearth_status gguf_get_array(const gguf_file *file, const char *key, gguf_type *ret_type, uint64_t *ret_count,
                             int64_t *ret_index, hearth_error *error);
gguf_string gguf_array_string(const gguf_file *file, int64_t index, uint64_t element);
double gguf_array_f64(const gguf_file *file, int64_t index, uint64_t element);
int64_t gguf_array_i64(const gguf_file *file, int64_t index, uint64_t element);

/* A scalar or an array (cut after `most` elements) as text for people, into `ret` (terminated). */
void gguf_describe(const gguf_file *file, size_t index, size_t most, char *ret, size_t size);

/* Of a tensor in the lossless form of BF16 (kernels/lossless.h), of which opening a file checks the places alone: how
 * many panels it has, and HEARTH_E_FORMAT where one of [begin, end) is not as long as its tables say. */
size_t gguf_lossless_panels(const tensor_entry *entry);
hearth_status gguf_lossless_check(const tensor_entry *entry, size_t begin, size_t end, hearth_error *error);

#endif
