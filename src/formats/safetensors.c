/* Reads safetensors: the header is checked whole before anything of it is used. */
#include "formats/safetensors.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "formats/json_file.h"

#include <stdio.h>
#include <string.h>

static bool find_dtype(const char *name, dtype *ret)
{
    static const struct {
        const char *name;
        dtype type;
    } known[] = {{"F32", DTYPE_F32}, {"F16", DTYPE_F16}, {"BF16", DTYPE_BF16},
                 {"U8", DTYPE_U8},   {"I32", DTYPE_I32}, {"F8_E4M3", DTYPE_F8_E4M3}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            *ret = known[i].type;
            return true;
        }
    }
    return false;
}

/* An integer of at least 0. */
static bool get_size(const json_t *value, uint64_t *ret)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static hearth_status read_shape(const json_t *shape, const char *place, tensor_entry *ret, hearth_error *error)
{
    if (!json_is_array(shape)) {
        return error_set(error, HEARTH_E_FORMAT, place, "a shape, an array of integers", "%s", json_type_name(shape));
    }
    if (json_array_size(shape) > LIMIT_TENSOR_DIMS) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "at most 4 dimensions", "%zu", json_array_size(shape));
    }
    ret->dims = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < ret->dims; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!get_size(size, &ret->shape[i])) {
            return error_set(error, HEARTH_E_FORMAT, place, "a shape of integers of at least 0", "%s",
                             json_is_integer(size) ? "a negative one" : json_type_name(size));
        }
    }
    return HEARTH_OK;
}

/* Whole numbers are no weights: lists of positions that BERT's checkpoints carry. They are checked like the others,
 * then left out of the table; until then their type is this one. */
#define INTEGERS ((dtype)(DTYPE_LIMIT - 1))

static uint64_t integer_bytes(const char *type)
{
    static const struct {
        const char *name;
        uint64_t bytes;
    } known[] = {{"I64", 8}, {"I16", 2}, {"I8", 1}, {"BOOL", 1}};
    for (size_t i = 0; type != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, type) == 0) {
            return known[i].bytes;
        }
    }
    return 0;
}

static hearth_status integers_size(const tensor_entry *entry, uint64_t each, const char *place, uint64_t *ret,
                                   hearth_error *error)
{
    *ret = each;
    for (uint32_t i = 0; i < entry->dims; i++) {
        if (entry->shape[i] == 0 || !u64_mul(*ret, entry->shape[i], ret)) {
            return error_set(error, HEARTH_E_FORMAT, place, "dimensions of at least 1, and a size below 2^63 bytes",
                             "%llu", (unsigned long long)entry->shape[i]);
        }
    }
    return HEARTH_OK;
}

static void drop_integers(tensor_table *table, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < table->count; i++) {
        if (table->entries[i].type != INTEGERS) {
            table->entries[kept++] = table->entries[i];
        }
    }
    table->count = kept;
}

static hearth_status read_dtype(const json_t *type, const char *place, tensor_entry *ret, hearth_error *error)
{
    if (!json_is_string(type)) {
        return error_set(error, HEARTH_E_FORMAT, place, "a dtype, a string", "%s", json_type_name(type));
    }
    if (integer_bytes(json_string_value(type)) != 0) {
        ret->type = INTEGERS;
        return HEARTH_OK;
    }
    if (!find_dtype(json_string_value(type), &ret->type)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "the dtype F32, F16 or BF16", "%s",
                         json_string_value(type));
    }
    return HEARTH_OK;
}

/* One entry of the header: {"dtype": …, "shape": […], "data_offsets": [begin, end]}. `data` has `size` bytes. */
static hearth_status read_entry(const json_t *value, const char *place, const uint8_t *data, size_t size,
                                tensor_entry *ret, hearth_error *error)
{
    uint64_t begin = 0;
    uint64_t end = 0;
    if (!json_is_object(value)) {
        return error_set(error, HEARTH_E_FORMAT, place, "an object", "%s", json_type_name(value));
    }
    TRY(read_dtype(json_object_get(value, "dtype"), place, ret, error));
    TRY(read_shape(json_object_get(value, "shape"), place, ret, error));
    const json_t *offsets = json_object_get(value, "data_offsets");
    if (json_array_size(offsets) != 2 || !get_size(json_array_get(offsets, 0), &begin) ||
        !get_size(json_array_get(offsets, 1), &end)) {
        return error_set(error, HEARTH_E_FORMAT, place, "data_offsets, two integers of at least 0", "something else");
    }
    if (begin > end || end > size) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "data_offsets that ascend, inside %zu bytes of data", size);
        return error_set(error, HEARTH_E_FORMAT, place, expected, "[%llu, %llu]", (unsigned long long)begin,
                         (unsigned long long)end);
    }
    const uint64_t each = integer_bytes(json_string_value(json_object_get(value, "dtype")));
    TRY(each != 0 ? integers_size(ret, each, place, &ret->size_bytes, error)
                  : tensor_size_bytes(ret->type, ret->dims, ret->shape, place, &ret->size_bytes, error));
    if (ret->size_bytes != end - begin) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "%llu bytes by dtype and shape", (unsigned long long)ret->size_bytes);
        return error_set(error, HEARTH_E_FORMAT, place, expected, "%llu by data_offsets",
                         (unsigned long long)(end - begin));
    }
    ret->data = data + begin;
    return HEARTH_OK;
}

static hearth_status check_metadata(const json_t *metadata, hearth_error *error)
{
    const char *key = NULL;
    const json_t *value = NULL;
    if (!json_is_object(metadata)) {
        return error_set(error, HEARTH_E_FORMAT, "__metadata__", "an object", "%s", json_type_name(metadata));
    }
    json_object_foreach((json_t *)(uintptr_t)metadata, key, value)
    {
        if (!json_is_string(value)) {
            return error_set(error, HEARTH_E_FORMAT, "__metadata__", "strings", "%s", json_type_name(value));
        }
    }
    return HEARTH_OK;
}

/* Every byte of the data belongs to exactly one of the table's entries from `first` on. */
static hearth_status check_cover(tensor_table *table, size_t first, const file_map *map, const uint8_t *data,
                                 size_t size, hearth_error *error)
{
    const uint8_t *expected = data;
    char place[PLACE_SIZE];
    if (table->count > first) {
        tensor_entries_sort_by_data(table->entries + first, table->count - first);
    }
    for (size_t i = first; i < table->count; i++) {
        const tensor_entry *entry = &table->entries[i];
        if (entry->data != expected) {
            const bool gap = entry->data > expected;
            place_name(place, "tensor", entry->name, strlen(entry->name));
            (void)error_set(error, HEARTH_E_FORMAT, place, "data that starts where the tensor before ends", "%s",
                            gap ? "a gap" : "an overlap");
            error_at_offset(error, (uint64_t)(entry->data - map->data));
            return HEARTH_E_FORMAT;
        }
        expected += entry->size_bytes;
    }
    if (expected != data + size) {
        (void)error_set(error, HEARTH_E_FORMAT, "data", "the end of the file after the last tensor", "%zu more bytes",
                        (size_t)(data + size - expected));
        error_at_offset(error, (uint64_t)(expected - map->data));
        return HEARTH_E_FORMAT;
    }
    return HEARTH_OK;
}

static hearth_status read_header(const json_t *header, const uint8_t *data, size_t size, tensor_table *table,
                                 uint32_t map_index, hearth_error *error)
{
    const size_t first = table->count;
    const char *name = NULL;
    const json_t *value = NULL;
    TRY(tensor_table_reserve(table, json_object_size(header), error));
    json_object_foreach((json_t *)(uintptr_t)header, name, value)
    {
        char place[PLACE_SIZE];
        tensor_entry entry = {.map_index = map_index};
        if (strcmp(name, "__metadata__") == 0) {
            TRY(check_metadata(value, error));
            continue;
        }
        TRY(read_entry(value, place_name(place, "tensor", name, strlen(name)), data, size, &entry, error));
        TRY(tensor_table_add(table, name, strlen(name), entry, error));
    }
    TRY(check_cover(table, first, &table->maps[map_index], data, size, error));
    drop_integers(table, first);
    return HEARTH_OK;
}

static hearth_status read_mapped(tensor_table *table, uint32_t map_index, hearth_error *error)
{
    const file_map *map = &table->maps[map_index];
    cursor c = cursor_over(map->data, map->size);
    uint64_t length = 0;
    const uint8_t *text = NULL;
    json_t *header = NULL;
    TRY(cursor_u64(&c, "header length", &length, error));
    if (length > LIMIT_SAFETENSORS_HEADER_BYTES) {
        (void)error_set(error, HEARTH_E_LIMIT, "header length", "at most 104857600", "%llu",
                        (unsigned long long)length);
        error_at_offset(error, 0);
        return HEARTH_E_LIMIT;
    }
    TRY(cursor_bytes(&c, "header", length, &text, error));
    if (length == 0 || text[0] != '{') {
        (void)error_set(error, HEARTH_E_FORMAT, "header", "a JSON object", "%s",
                        length == 0 ? "nothing" : "something else");
        error_at_offset(error, 8);
        return HEARTH_E_FORMAT;
    }
    TRY(json_door_parse((const char *)text, (size_t)length, map->path, &header, error));
    const hearth_status status =
        read_header(header, map->data + c.offset, map->size - c.offset, table, map_index, error);
    json_decref(header);
    return status;
}

/* Adds one file's tensors, not sealed yet. */
static hearth_status append_file(const char *path, tensor_table *table, uint32_t *ret_map_index, hearth_error *error)
{
    TRY(tensor_table_map(table, path, ret_map_index, error));
    const hearth_status status = read_mapped(table, *ret_map_index, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    return status;
}

hearth_status safetensors_open(const char *path, tensor_table *table, hearth_error *error)
{
    uint32_t map_index = 0;
    TRY(append_file(path, table, &map_index, error));
    return tensor_table_seal(table, error);
}

/* ---- shards ---- */

/* A file name that stays in the index's folder. */
static bool shard_name_valid(const json_t *name)
{
    const char *text = json_string_value(name);
    return text != NULL && text[0] != '\0' && strlen(text) == json_string_length(name) && strchr(text, '/') == NULL &&
           strcmp(text, ".") != 0 && strstr(text, "..") == NULL;
}

static hearth_status open_shard(const char *index_path, const char *name, tensor_table *table, uint32_t *ret_map_index,
                                hearth_error *error)
{
    const char *slash = strrchr(index_path, '/');
    const size_t folder = slash != NULL ? (size_t)(slash - index_path) + 1 : 0;
    const size_t size = folder + strlen(name) + 1;
    char *path = mem_alloc(size);
    if (path == NULL) {
        return error_memory(error, size);
    }
    (void)snprintf(path, size, "%.*s%s", (int)folder, index_path, name);
    const hearth_status status = append_file(path, table, ret_map_index, error);
    mem_free(path);
    return status;
}

/* Opens every file that the map names, once. `shards` collects name -> index of the map. */
static hearth_status open_shards(const char *index_path, const json_t *weight_map, json_t *shards, tensor_table *table,
                                 hearth_error *error)
{
    const char *name = NULL;
    const json_t *shard = NULL;
    json_object_foreach((json_t *)(uintptr_t)weight_map, name, shard)
    {
        if (!shard_name_valid(shard)) {
            char key[PLACE_SIZE];
            place_name(key, "weight_map", name, strlen(name));
            (void)json_file_error(error, index_path, key, "the name of a file beside the index, without '/' or '..'",
                                  shard);
            return HEARTH_E_FORMAT;
        }
        if (json_object_get(shards, json_string_value(shard)) != NULL) {
            continue;
        }
        uint32_t map_index = 0;
        TRY(open_shard(index_path, json_string_value(shard), table, &map_index, error));
        if (json_object_set_new(shards, json_string_value(shard), json_integer(map_index)) != 0) {
            return error_memory(error, sizeof(json_int_t));
        }
    }
    return HEARTH_OK;
}

static hearth_status check_index(const char *index_path, const json_t *weight_map, const json_t *shards,
                                 const tensor_table *table, hearth_error *error)
{
    const char *name = NULL;
    const json_t *shard = NULL;
    json_object_foreach((json_t *)(uintptr_t)weight_map, name, shard)
    {
        const tensor_entry *entry = tensor_table_find(table, name);
        const json_t *index = json_object_get(shards, json_string_value(shard));
        if (entry == NULL || entry->map_index != (uint32_t)json_integer_value(index)) {
            char place[PLACE_SIZE];
            char expected[128];
            (void)snprintf(expected, sizeof expected, "it in %s", json_string_value(shard));
            (void)error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", name, strlen(name)), expected, "%s",
                            entry == NULL ? "it nowhere" : "it in another file");
            error_in_file(error, index_path);
            return HEARTH_E_FORMAT;
        }
    }
    return HEARTH_OK;
}

hearth_status safetensors_open_index(const char *index_path, tensor_table *table, hearth_error *error)
{
    json_t *index = NULL;
    TRY(json_file_read(index_path, LIMIT_CONFIG_FILE_BYTES, &index, error));
    const json_t *weight_map = json_object_get(index, "weight_map");
    json_t *shards = json_object();
    hearth_status status = HEARTH_OK;
    if (shards == NULL) {
        status = error_memory(error, 1);
    } else if (json_object_size(weight_map) == 0) {
        status = json_file_error(error, index_path, "weight_map", "an object with entries", weight_map);
    } else {
        status = open_shards(index_path, weight_map, shards, table, error);
    }
    if (status == HEARTH_OK) {
        status = tensor_table_seal(table, error);
    }
    if (status == HEARTH_OK) {
        status = check_index(index_path, weight_map, shards, table, error);
    }
    json_decref(shards);
    json_decref(index);
    return status;
}
