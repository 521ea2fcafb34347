/* One GGUF file, parsed: private to gguf*.c. A split set is several of these. */
#ifndef FORMATS_GGUF_PART_H
#define FORMATS_GGUF_PART_H

#include "base/arena.h"
#include "base/cursor.h"
#include "formats/gguf.h"

/* One metadata entry. All pointers go into the mapping, except `offsets`. */
typedef struct gguf_value {
    gguf_string key;
    gguf_type type;
    gguf_type element;       /* arrays: type of the elements */
    uint64_t count;          /* arrays: how many */
    const uint8_t *data;     /* the number, the string's text, or the array's first element */
    uint64_t length;         /* bytes at `data` */
    const uint32_t *offsets; /* arrays of strings: where element i's length field lies in `data` */
} gguf_value;

typedef struct gguf_part {
    uint32_t version;
    gguf_value *values; /* in file order */
    uint32_t *order;    /* indices of values, sorted by key */
    size_t value_count;
    arena *memory; /* owns the three above and the offsets */
} gguf_part;

/* Maps `path` into `table`, checks all of it, fills `ret` (zeroed by the caller) and adds the tensors (not sealed). On
 * failure `ret` still wants gguf_part_free. Errors name file and offset. */
hearth_status gguf_part_read(gguf_part *ret, const char *path, tensor_table *table, hearth_error *error);
void gguf_part_free(gguf_part *part);
/* NULL when missing. */
const gguf_value *gguf_part_find(const gguf_part *part, const char *key);
/* Entry `index` of an open file, in file order; of a split set, the first part's. */
const gguf_value *gguf_raw_value(const gguf_file *file, size_t index);
/* A scalar of an integer type whose value is not negative; false for anything else. */
bool gguf_value_u64(const gguf_value *value, uint64_t *ret);

/* ---- reading, shared by the files above ---- */

/* Adds the offset to the error and gives the status back: `return gguf_fail_at(error_set(…), at, error)`. */
hearth_status gguf_fail_at(hearth_status status, uint64_t offset, hearth_error *error);
/* `count` things of at least `least` bytes each must fit in what is left; `at` is where the count stands. */
hearth_status gguf_check_count(const cursor *c, const char *place, uint64_t count, size_t least, uint64_t at,
                               hearth_error *error);
/* A view into the bytes. */
hearth_status gguf_read_string(cursor *c, const char *place, gguf_string *ret, hearth_error *error);
/* part->value_count values at the cursor, into part's memory. */
hearth_status gguf_read_metadata(gguf_part *part, cursor *c, hearth_error *error);

/* The size of a tensor in the lossless form of BF16 (kernels/lossless.h), `offset` after `start`: out of its shape and
 * its places of panels, which are checked. */
hearth_status gguf_lossless_size(tensor_entry *entry, const char *place, const file_map *map, uint64_t start,
                                 uint64_t offset, hearth_error *error);

/* Bytes of a scalar; 0 for strings and arrays. */
size_t gguf_scalar_bytes(gguf_type type);
/* A little-endian number of `size` (1, 2, 4, 8) bytes. */
uint64_t gguf_load(const uint8_t *data, size_t size);
const char *gguf_type_name(gguf_type type);
/* Reads the header of an array whose content was checked. */
void gguf_array_header(cursor *c, gguf_type *ret_element, uint64_t *ret_count);
void gguf_describe_value(const gguf_value *value, size_t most, char *ret, size_t size);

#endif
