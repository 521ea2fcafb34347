/* Reads one GGUF file: header, counts, tensor infos, places of the data; the values are read by gguf_metadata.c. Every
 * number is checked before it is used. */
#include "formats/gguf_part.h"

#include "base/memory.h"
#include "kernels/lossless.h"

#include <stdio.h>
#include <string.h>

/* The fewest bytes that a metadata entry (key length, key, type, value) and a tensor info (name length, name, number of
 * dimensions, one dimension, type, offset) take. */
#define VALUE_BYTES_LEAST 14u
#define TENSOR_BYTES_LEAST 33u
#define ALIGNMENT_DEFAULT 32u
#define ALIGNMENT_LEAST 8u
#define ALIGNMENT_MOST (1u << 20)

/* What a file that is no GGUF looks like from its first four bytes. */
static const char *guess_format(const uint8_t *magic)
{
    static const struct {
        char magic[5];
        const char *what;
    } known[] = {
        {"lmgg", "an old GGML file (made before GGUF)"},
        {"fmgg", "an old GGMF file (made before GGUF)"},
        {"tjgg", "an old GGJT file (made before GGUF)"},
        {"FUGG", "a big-endian GGUF"},
        {"vers", "text (a Git LFS pointer in place of the file?)"},
        {"<!DO", "a web page"},
        {"<htm", "a web page"},
        {"PK\x03\x04", "a ZIP archive or PyTorch file"},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(magic, known[i].magic, 4) == 0) {
            return known[i].what;
        }
    }
    return NULL;
}

static hearth_status read_magic(cursor *c, uint32_t *ret_version, hearth_error *error)
{
    const uint8_t *magic = NULL;
    TRY(cursor_bytes(c, "magic", 4, &magic, error));
    if (memcmp(magic, "GGUF", 4) != 0) {
        const char *what = guess_format(magic);
        char bytes[64];
        (void)snprintf(bytes, sizeof bytes, "the bytes %02x %02x %02x %02x", magic[0], magic[1], magic[2], magic[3]);
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, "magic", "GGUF", "%s", what != NULL ? what : bytes);
        return gguf_fail_at(status, 0, error);
    }
    TRY(cursor_u32(c, "version", ret_version, error));
    hearth_status status = HEARTH_OK;
    const uint32_t swapped = __builtin_bswap32(*ret_version);
    if (swapped >= 1 && swapped <= 0xFFFF) {
        status =
            error_set(error, HEARTH_E_UNSUPPORTED, "version", "a little-endian file", "a big-endian GGUF %u", swapped);
    } else if (*ret_version != 2 && *ret_version != 3) {
        status = error_set(error, HEARTH_E_UNSUPPORTED, "version", "2 or 3", "%u", *ret_version);
    }
    return status != HEARTH_OK ? gguf_fail_at(status, 4, error) : HEARTH_OK;
}

/* A count of things that take at least `least` bytes each. */
static hearth_status read_count(cursor *c, const char *place, uint32_t most, uint64_t *ret, hearth_error *error)
{
    const uint64_t at = c->offset;
    TRY(cursor_u64(c, place, ret, error));
    if (*ret > most) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "at most %u", most);
        const hearth_status status =
            error_set(error, HEARTH_E_LIMIT, place, expected, "%llu", (unsigned long long)*ret);
        return gguf_fail_at(status, at, error);
    }
    return HEARTH_OK;
}

/* ---- tensors ---- */

/* ggml's other number formats, by id, so that an error can say what the file holds. */
static const char *foreign_type(uint32_t id)
{
    static const char *const names[] = {
        [4] = "Q4_2 (removed from GGUF)",
        [5] = "Q4_3 (removed from GGUF)",
        [9] = "Q8_1 (of activations alone)",
        [24] = "I8",
        [25] = "I16",
        [26] = "I32",
        [27] = "I64",
        [28] = "F64",
        [31] = "Q4_0_4_4 (removed from GGUF)",
        [32] = "Q4_0_4_8 (removed from GGUF)",
        [33] = "Q4_0_8_8 (removed from GGUF)",
        [36] = "IQ4_NL_4_4 (removed from GGUF)",
        [37] = "IQ4_NL_4_8 (removed from GGUF)",
        [38] = "IQ4_NL_8_8 (removed from GGUF)",
    };
    const char *name = id < sizeof names / sizeof names[0] ? names[id] : NULL;
    return name != NULL ? name : "unknown";
}

static hearth_status read_shape(cursor *c, const char *place, tensor_entry *ret, hearth_error *error)
{
    const uint64_t at = c->offset;
    TRY(cursor_u32(c, place, &ret->dims, error));
    if (ret->dims == 0 || ret->dims > LIMIT_TENSOR_DIMS) {
        const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, "1 to 4 dimensions", "%u", ret->dims);
        return gguf_fail_at(status, at, error);
    }
    for (uint32_t i = ret->dims; i-- > 0;) {
        TRY(cursor_u64(c, place, &ret->shape[i], error));
    }
    return HEARTH_OK;
}

/* The rest of a tensor's entry; *ret_offset is from the data's start, which is not known yet. */
static hearth_status read_tensor_info(cursor *c, const char *place, tensor_entry *ret, uint64_t *ret_offset,
                                      hearth_error *error)
{
    const uint64_t shape_at = c->offset;
    TRY(read_shape(c, place, ret, error));
    const uint64_t type_at = c->offset;
    uint32_t type = 0;
    TRY(cursor_u32(c, place, &type, error));
    if (type == LOSSLESS_GGUF_TYPE) { /* its size is in its data */
        ret->type = DTYPE_BF16_LOSSLESS;
        return cursor_u64(c, place, ret_offset, error);
    }
    if (dtype_get_gguf_info(type) == NULL) {
        const hearth_status status = error_set(error, HEARTH_E_UNSUPPORTED, place, "a supported number format",
                                               "type %u: %s", type, foreign_type(type));
        return gguf_fail_at(status, type_at, error);
    }
    ret->type = (dtype)type;
    const hearth_status status = tensor_size_bytes(ret->type, ret->dims, ret->shape, place, &ret->size_bytes, error);
    if (status != HEARTH_OK) {
        return gguf_fail_at(status, shape_at, error);
    }
    return cursor_u64(c, place, ret_offset, error);
}

static hearth_status read_tensor(cursor *c, tensor_table *table, uint32_t map_index, uint64_t *ret_offset,
                                 hearth_error *error)
{
    const uint64_t at = c->offset;
    gguf_string name = {0};
    char place[PLACE_SIZE];
    TRY(gguf_read_string(c, "tensor name", &name, error));
    const hearth_status status =
        tensor_table_add(table, name.text, name.length, (tensor_entry){.map_index = map_index}, error);
    if (status != HEARTH_OK) {
        return gguf_fail_at(status, at, error);
    }
    place_name(place, "tensor", name.text, name.length);
    return read_tensor_info(c, place, &table->entries[table->count - 1], ret_offset, error);
}

static hearth_status get_alignment(const gguf_part *part, const cursor *c, uint64_t *ret, hearth_error *error)
{
    const gguf_value *value = gguf_part_find(part, "general.alignment");
    *ret = ALIGNMENT_DEFAULT;
    if (value == NULL) {
        return HEARTH_OK;
    }
    const bool number = gguf_value_u64(value, ret);
    if (!number || *ret < ALIGNMENT_LEAST || *ret > ALIGNMENT_MOST || (*ret & (*ret - 1)) != 0) {
        char found[32];
        (void)snprintf(found, sizeof found, "%llu", (unsigned long long)*ret);
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, "key general.alignment", "a power of two from 8 to 1048576", "%s",
                      number ? found : gguf_type_name(value->type));
        return gguf_fail_at(status, (uint64_t)(value->data - c->data), error);
    }
    return HEARTH_OK;
}

/* Sets the entry's data to its checked place: `offset` after `start`. */
static hearth_status place_tensor(tensor_entry *entry, const file_map *map, uint64_t start, uint64_t alignment,
                                  uint64_t offset, hearth_error *error)
{
    char place[PLACE_SIZE];
    char expected[96];
    uint64_t end = 0;
    place_name(place, "tensor", entry->name, strlen(entry->name));
    if (offset % alignment != 0) {
        (void)snprintf(expected, sizeof expected, "an offset that is a multiple of %llu",
                       (unsigned long long)alignment);
        return error_set(error, HEARTH_E_FORMAT, place, expected, "%llu", (unsigned long long)offset);
    }
    if (entry->type == DTYPE_BF16_LOSSLESS) {
        TRY(gguf_lossless_size(entry, place, map, start, offset, error));
    }
    if (!u64_add(offset, entry->size_bytes, &end) || !u64_add(end, start, &end) || end > map->size) {
        (void)snprintf(expected, sizeof expected, "%llu bytes of data at %llu + %llu",
                       (unsigned long long)entry->size_bytes, (unsigned long long)start, (unsigned long long)offset);
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, place, expected, "the end of the file at %zu", map->size);
        return gguf_fail_at(status, map->size, error);
    }
    entry->data = map->data + start + offset;
    return HEARTH_OK;
}

/* The table's entries from `first` on, all of this map, share no byte. */
static hearth_status check_overlap(tensor_table *table, size_t first, const file_map *map, hearth_error *error)
{
    const size_t count = table->count - first;
    if (count == 0) {
        return HEARTH_OK;
    }
    tensor_entry *entries = table->entries + first;
    tensor_entries_sort_by_data(entries, count);
    for (size_t i = 1; i < count; i++) {
        const tensor_entry *before = &entries[i - 1];
        if (before->data + before->size_bytes > entries[i].data) {
            char place[PLACE_SIZE];
            char expected[PLACE_SIZE + 64];
            char name[PLACE_SIZE];
            (void)snprintf(expected, sizeof expected, "data after the end of %s (byte %llu)",
                           place_name(name, "tensor", before->name, strlen(before->name)),
                           (unsigned long long)(before->data - map->data) + before->size_bytes);
            place_name(place, "tensor", entries[i].name, strlen(entries[i].name));
            const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, expected, "an overlap");
            return gguf_fail_at(status, (uint64_t)(entries[i].data - map->data), error);
        }
    }
    return HEARTH_OK;
}

/* Reads the `count` tensor infos at the cursor; then the data's start is known, and each is put into its place. */
static hearth_status read_tensors(const gguf_part *part, cursor *c, size_t count, tensor_table *table,
                                  uint32_t map_index, uint64_t *offsets, hearth_error *error)
{
    const size_t first = table->count;
    uint64_t alignment = 0;
    TRY(get_alignment(part, c, &alignment, error));
    TRY(tensor_table_reserve(table, count, error));
    for (size_t i = 0; i < count; i++) {
        TRY(read_tensor(c, table, map_index, &offsets[i], error));
    }
    const file_map *map = &table->maps[map_index];
    const uint64_t start = size_round_up(c->offset, (size_t)alignment);
    for (size_t i = 0; i < count; i++) {
        TRY(place_tensor(&table->entries[first + i], map, start, alignment, offsets[i], error));
    }
    return check_overlap(table, first, map, error);
}

/* ---- the file ---- */

static hearth_status read_part(gguf_part *part, cursor *c, tensor_table *table, uint32_t map_index, hearth_error *error)
{
    uint64_t tensors = 0;
    uint64_t values = 0;
    TRY(read_magic(c, &part->version, error));
    TRY(read_count(c, "tensor count", LIMIT_GGUF_TENSORS, &tensors, error));
    TRY(read_count(c, "metadata count", LIMIT_GGUF_METADATA, &values, error));
    TRY(gguf_check_count(c, "tensor count", tensors, TENSOR_BYTES_LEAST, 8, error));
    TRY(gguf_check_count(c, "metadata count", values, VALUE_BYTES_LEAST, 16, error));
    part->value_count = (size_t)values;
    TRY(gguf_read_metadata(part, c, error));
    TRY(gguf_check_count(c, "tensor count", tensors, TENSOR_BYTES_LEAST, 8, error));
    const size_t size = (size_t)tensors * sizeof(uint64_t);
    uint64_t *offsets = mem_alloc(size);
    if (offsets == NULL && tensors > 0) {
        return error_memory(error, size);
    }
    const hearth_status status = read_tensors(part, c, (size_t)tensors, table, map_index, offsets, error);
    mem_free(offsets);
    return status;
}

hearth_status gguf_part_read(gguf_part *ret, const char *path, tensor_table *table, hearth_error *error)
{
    uint32_t map_index = 0;
    TRY(tensor_table_map(table, path, &map_index, error));
    ret->memory = arena_create(0);
    if (ret->memory == NULL) {
        return error_memory(error, sizeof(gguf_part));
    }
    const file_map *map = &table->maps[map_index];
    cursor c = cursor_over(map->data, map->size);
    const hearth_status status = read_part(ret, &c, table, map_index, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    return status;
}

void gguf_part_free(gguf_part *part)
{
    arena_destroy(part->memory);
    *part = (gguf_part){0};
}
