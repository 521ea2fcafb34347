/* A shard's files: sizes checked against each other when they are opened, offsets when they are followed. */
#include "trace/trace_shard.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_file.h"

#include <stdio.h>

const char *const trace_file_names[TRACE_FILES] = {
    [TRACE_FILE_DOCUMENTS] = ".documents",
    [TRACE_FILE_FACTS] = ".facts",
    [TRACE_FILE_TEXT] = ".text",
    [TRACE_FILE_TEXT_ORDER] = ".text.order",
    [TRACE_FILE_TEXT_KEYS] = ".text.keys",
    [TRACE_FILE_TOKENS] = ".tokens",
    [TRACE_FILE_TOKENS_ORDER] = ".tokens.order",
    [TRACE_FILE_TOKENS_KEYS] = ".tokens.keys",
};

hearth_status trace_damaged(const file_map *map, const char *place, const char *expected, uint64_t found,
                            hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%llu", (unsigned long long)found);
    error_in_file(error, map->path);
    return HEARTH_E_FORMAT;
}

/* ---- opening ---- */

char *trace_shard_path(const char *folder, size_t number, trace_file file)
{
    return text_format("%s/%05zu%s", folder, number, trace_file_names[file]);
}

hearth_status trace_shard_map(const char *folder, size_t number, trace_file file, file_map *ret, hearth_error *error)
{
    char *path = trace_shard_path(folder, number, file);
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = file_map_open(path, ret, error);
    mem_free(path);
    return status;
}

static hearth_status wrong_size(const file_map *map, uint64_t expected, hearth_error *error)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu bytes", (unsigned long long)expected);
    return trace_damaged(map, "size", text, map->size, error);
}

/* A number of the shard's object: at most 2^48, so that products below stay in 64 bits. */
static hearth_status take(const char *folder, const json_t *row, const char *key, uint64_t *ret, hearth_error *error)
{
    const json_t *value = json_object_get(row, key);
    const json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > (json_int_t)1 << 48) {
        return json_file_error(error, folder, key, "a whole number from 0 to 2^48", value);
    }
    *ret = (uint64_t)number;
    return HEARTH_OK;
}

static uint64_t record_at(const trace_shard *s, uint64_t document, unsigned field)
{
    uint64_t value = 0;
    memcpy(&value, s->files[TRACE_FILE_DOCUMENTS].data + document * TRACE_RECORD_BYTES + (size_t)field * 8, 8);
    return value;
}

/* Sets up one array of `count` units in texts, whose files are units, order and keys. */
static hearth_status open_array(trace_shard *s, trace_unit unit, trace_file first, uint64_t count, unsigned width,
                                hearth_error *error)
{
    trace_array *a = &s->arrays[unit];
    const uint64_t each = trace_end_units(unit);
    *a = (trace_array){.units = &s->files[first],
                       .order = &s->files[first + 1],
                       .keys = &s->files[first + 2],
                       .length = count + each * s->documents,
                       .count = count,
                       .width = width};
    a->bits = trace_bits(a->length);
    if (a->units->size != a->length * width) {
        return wrong_size(a->units, a->length * width, error);
    }
    if (record_at(s, s->documents, unit == TRACE_TOKENS ? 1 : 0) != a->length) {
        return trace_damaged(&s->files[TRACE_FILE_DOCUMENTS], "the last record", "the units' number",
                             record_at(s, s->documents, unit == TRACE_TOKENS ? 1 : 0), error);
    }
    if (a->order->path == NULL) {
        return HEARTH_OK;
    }
    if (a->order->size != trace_order_bytes(count, a->bits)) {
        return wrong_size(a->order, trace_order_bytes(count, a->bits), error);
    }
    return a->keys->size == trace_keys_bytes(count) ? HEARTH_OK : wrong_size(a->keys, trace_keys_bytes(count), error);
}

static hearth_status open_files(const char *folder, const json_t *row, size_t number, trace_shard *s,
                                hearth_error *error)
{
    const json_t *files = json_object_get(row, "files");
    for (int i = 0; i < TRACE_FILES; i++) {
        const bool optional = i != TRACE_FILE_DOCUMENTS && i != TRACE_FILE_FACTS && i != TRACE_FILE_TEXT;
        if (!optional || json_object_get(files, trace_file_names[i]) != NULL) {
            TRY(trace_shard_map(folder, number, (trace_file)i, &s->files[i], error));
            file_map_random(&s->files[i]);
        }
    }
    for (int i = TRACE_FILE_TEXT_ORDER; i <= TRACE_FILE_TOKENS_ORDER; i += 3) {
        if ((s->files[i].path == NULL) != (s->files[i + 1].path == NULL)) {
            return json_file_error(error, folder, "files", "order and keys, or neither", files);
        }
    }
    return HEARTH_OK;
}

hearth_status trace_shard_open(const char *folder, const json_t *row, size_t number, size_t vocabulary,
                               trace_shard *ret, hearth_error *error)
{
    uint64_t bytes = 0, tokens = 0;
    TRY(open_files(folder, row, number, ret, error));
    TRY(take(folder, row, "documents", &ret->documents, error));
    TRY(take(folder, row, "bytes", &bytes, error));
    TRY(take(folder, row, "tokens", &tokens, error));
    const file_map *documents = &ret->files[TRACE_FILE_DOCUMENTS];
    if (documents->size != (ret->documents + 1) * TRACE_RECORD_BYTES) {
        return wrong_size(documents, (ret->documents + 1) * TRACE_RECORD_BYTES, error);
    }
    if (record_at(ret, ret->documents, 2) != ret->files[TRACE_FILE_FACTS].size) {
        return trace_damaged(documents, "the last record", "the length of the facts", record_at(ret, ret->documents, 2),
                             error);
    }
    TRY(open_array(ret, TRACE_BYTES, TRACE_FILE_TEXT, bytes, 1, error));
    if (vocabulary == 0) {
        return HEARTH_OK;
    }
    if (ret->files[TRACE_FILE_TOKENS].path == NULL) {
        return json_file_error(error, folder, "files", "tokens, since there is a tokenizer",
                               json_object_get(row, "files"));
    }
    return open_array(ret, TRACE_TOKENS, TRACE_FILE_TOKENS, tokens, trace_token_width(vocabulary), error);
}

void trace_shard_close(trace_shard *s)
{
    for (int i = 0; i < TRACE_FILES; i++) {
        file_map_close(&s->files[i]);
    }
}

/* ---- documents ---- */

hearth_status trace_shard_span(const trace_shard *s, trace_unit unit, uint64_t document, trace_span *ret,
                               hearth_error *error)
{
    const trace_array *a = &s->arrays[unit];
    const uint64_t each = trace_end_units(unit);
    const unsigned field = unit == TRACE_TOKENS ? 1 : 0;
    const uint64_t begin = record_at(s, document, field), end = record_at(s, document + 1, field);
    if (end > a->length || begin > end || end - begin < each) {
        return trace_damaged(&s->files[TRACE_FILE_DOCUMENTS], "a document's end", "behind its begin and in the file",
                             end, error);
    }
    *ret = (trace_span){.begin = begin, .end = end - each};
    return HEARTH_OK;
}

hearth_status trace_shard_facts(const trace_shard *s, uint64_t document, const char **ret, size_t *ret_length,
                                hearth_error *error)
{
    const file_map *facts = &s->files[TRACE_FILE_FACTS];
    const uint64_t begin = record_at(s, document, 2), end = record_at(s, document + 1, 2);
    if (end > facts->size || begin >= end) {
        return trace_damaged(&s->files[TRACE_FILE_DOCUMENTS], "the end of a document's facts",
                             "behind their begin and in the file", end, error);
    }
    *ret = (const char *)facts->data + begin;
    *ret_length = (size_t)(end - begin);
    return HEARTH_OK;
}

hearth_status trace_shard_document(const trace_shard *s, trace_unit unit, uint64_t position, uint64_t *ret,
                                   hearth_error *error)
{
    const unsigned field = unit == TRACE_TOKENS ? 1 : 0;
    uint64_t low = 0, high = s->documents; /* the last that begins at or before it */
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        if (record_at(s, middle, field) <= position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    trace_span span = {0};
    if (low > 0) {
        TRY(trace_shard_span(s, unit, low - 1, &span, error));
    }
    if (low == 0 || position < span.begin || position >= span.end) {
        return trace_damaged(s->arrays[unit].order, "a position", "one of a document's", position, error);
    }
    *ret = low - 1;
    return HEARTH_OK;
}
