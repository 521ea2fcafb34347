/* The table of tensors that every weight container fills: names, sizes, order. */
#include "formats/tensors.h"

#include "base/arena.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *place_name(char ret[PLACE_SIZE], const char *what, const char *name, size_t length)
{
    const size_t room = PLACE_SIZE - strlen(what) - 2;
    const size_t shown = utf8_complete_prefix(name, length < room ? length : room);
    (void)snprintf(ret, PLACE_SIZE, "%s %.*s", what, (int)shown, name);
    return ret;
}

const tensor_entry *tensor_table_find(const tensor_table *table, const char *name)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, table->entries[middle].name);
        if (order == 0) {
            return &table->entries[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

void tensor_table_free(tensor_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->map_count; i++) {
        file_map_close(&table->maps[i]);
    }
    mem_free(table->maps);
    mem_free(table->entries);
    arena_destroy(table->names);
    *table = (tensor_table){0};
}

hearth_status tensor_table_map(tensor_table *table, const char *path, uint32_t *ret_index, hearth_error *error)
{
    if (table->map_count >= LIMIT_SHARDS) {
        return error_set(error, HEARTH_E_LIMIT, "weight files", NULL, "more than %u", LIMIT_SHARDS);
    }
    const size_t size = (table->map_count + 1) * sizeof *table->maps;
    file_map *maps = mem_realloc(table->maps, size);
    if (maps == NULL) {
        return error_memory(error, size);
    }
    table->maps = maps;
    TRY(file_map_open(path, &maps[table->map_count], error));
    *ret_index = (uint32_t)table->map_count++;
    return HEARTH_OK;
}

hearth_status tensor_table_reserve(tensor_table *table, size_t extra, hearth_error *error)
{
    if (extra > LIMIT_GGUF_TENSORS || table->count + extra > LIMIT_GGUF_TENSORS) {
        return error_set(error, HEARTH_E_LIMIT, "tensors", NULL, "more than %u", LIMIT_GGUF_TENSORS);
    }
    const size_t wanted = table->count + extra;
    if (wanted <= table->capacity) {
        return HEARTH_OK;
    }
    tensor_entry *entries = mem_realloc(table->entries, wanted * sizeof *entries);
    if (entries == NULL) {
        return error_memory(error, wanted * sizeof *entries);
    }
    table->entries = entries;
    table->capacity = wanted;
    return HEARTH_OK;
}

static bool name_valid(const char *name, size_t length)
{
    if (length == 0 || length > LIMIT_TENSOR_NAME_BYTES || !utf8_valid(name, length)) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

hearth_status tensor_table_add(tensor_table *table, const char *name, size_t length, tensor_entry entry,
                               hearth_error *error)
{
    if (!name_valid(name, length)) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "1 to %u bytes of UTF-8 without control characters",
                       LIMIT_TENSOR_NAME_BYTES);
        return error_set(error, HEARTH_E_FORMAT, "tensor name", expected, "another one (%zu bytes)", length);
    }
    if (table->count == table->capacity) {
        TRY(tensor_table_reserve(table, table->count == 0 ? 64 : 1, error));
    }
    if (table->names == NULL && (table->names = arena_create(0)) == NULL) {
        return error_memory(error, length);
    }
    entry.name = arena_strndup(table->names, name, length);
    if (entry.name == NULL) {
        return error_memory(error, length);
    }
    table->entries[table->count++] = entry;
    return HEARTH_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const tensor_entry *)a)->name, ((const tensor_entry *)b)->name);
}

static int compare_data(const void *a, const void *b)
{
    const tensor_entry *left = a;
    const tensor_entry *right = b;
    if (left->data != right->data) {
        return (uintptr_t)left->data < (uintptr_t)right->data ? -1 : 1;
    }
    return strcmp(left->name, right->name);
}

void tensor_entries_sort_by_data(tensor_entry *entries, size_t count)
{
    if (count > 1) {
        qsort(entries, count, sizeof *entries, compare_data);
    }
}

hearth_status tensor_table_seal(tensor_table *table, hearth_error *error)
{
    if (table->count > 1) {
        qsort(table->entries, table->count, sizeof *table->entries, compare_names);
    }
    for (size_t i = 1; i < table->count; i++) {
        const char *name = table->entries[i].name;
        if (strcmp(table->entries[i - 1].name, name) == 0) {
            char place[PLACE_SIZE];
            error_set(error, HEARTH_E_FORMAT, place_name(place, "tensor", name, strlen(name)), "one of this name",
                      "two");
            error_in_file(error, table->maps[table->entries[i].map_index].path);
            return HEARTH_E_FORMAT;
        }
    }
    return HEARTH_OK;
}

hearth_status tensor_size_bytes(dtype type, uint32_t dims, const uint64_t *shape, const char *place, uint64_t *ret,
                                hearth_error *error)
{
    const dtype_info *info = dtype_get_info((uint32_t)type);
    if (info == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "a known number format", "%u", (unsigned)type);
    }
    const uint64_t row = dims > 0 ? shape[dims - 1] : 1;
    if (row % info->block_values != 0) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "rows of a multiple of %u values for %s", info->block_values,
                       info->name);
        return error_set(error, HEARTH_E_FORMAT, place, expected, "rows of %llu", (unsigned long long)row);
    }
    uint64_t bytes = 0;
    bool fits = u64_mul(row / info->block_values, info->block_bytes, &bytes);
    for (uint32_t i = 0; i + 1 < dims; i++) {
        fits = fits && u64_mul(bytes, shape[i], &bytes);
    }
    for (uint32_t i = 0; i < dims; i++) {
        if (shape[i] == 0) {
            return error_set(error, HEARTH_E_FORMAT, place, "dimensions of at least 1", "0");
        }
    }
    if (!fits || bytes > (uint64_t)INT64_MAX) {
        return error_set(error, HEARTH_E_FORMAT, place, "a size below 2^63 bytes",
                         "a larger product of the dimensions");
    }
    *ret = bytes;
    return HEARTH_OK;
}
