/* One safetensors file as a stream. */
#include "formats/safetensors_write.h"

#include "base/json.h"
#include "base/memory.h"
#include "platform/file_stream.h"

#include <string.h>

#define HEADER_ALIGNMENT 8u

struct safetensors_writer {
    file_stream file;
    hash_state *hash; /* instead of the file; NULL: there is one */
    uint64_t written, end;
};

static json_t *entry_json(const tensor_entry *entry, uint64_t begin)
{
    json_t *shape = json_array();
    json_t *offsets = json_array();
    for (uint32_t i = 0; i < entry->dims; i++) {
        shape = json_door_append(shape, json_integer((json_int_t)entry->shape[i]));
    }
    offsets = json_door_append(offsets, json_integer((json_int_t)begin));
    const uint64_t end = begin + entry->size_bytes;
    offsets = json_door_append(offsets, json_integer((json_int_t)end));
    json_t *value = json_door_put(json_object(), "dtype", json_string(dtype_get_info(entry->type)->name));
    value = json_door_put(value, "shape", shape);
    return json_door_put(value, "data_offsets", offsets);
}

/* The header's text, padded so that the data is aligned. */
static hearth_status make_header(const tensor_entry *entries, size_t count, buffer *out, uint64_t *ret_data,
                                 hearth_error *error)
{
    json_t *header =
        json_door_put(json_object(), "__metadata__", json_door_put(json_object(), "format", json_string("pt")));
    *ret_data = 0;
    for (size_t i = 0; i < count; i++) {
        header = json_door_put(header, entries[i].name, entry_json(&entries[i], *ret_data));
        *ret_data += entries[i].size_bytes;
    }
    if (header == NULL) {
        return error_memory(error, count);
    }
    hearth_status status = json_door_write(header, 0, out, error);
    json_decref(header);
    while (status == HEARTH_OK && out->length % HEADER_ALIGNMENT != 0) {
        status = buffer_append_char(out, ' ', error);
    }
    if (status == HEARTH_OK && out->length > LIMIT_SAFETENSORS_HEADER_BYTES) {
        status = error_set(error, HEARTH_E_LIMIT, "safetensors header", "at most 100 MiB", "%zu bytes", out->length);
    }
    return status;
}

static hearth_status put(safetensors_writer *w, const void *bytes, size_t length, hearth_error *error)
{
    w->written += length;
    if (w->hash != NULL) {
        hash_update(w->hash, bytes, length);
        return HEARTH_OK;
    }
    return file_stream_write(&w->file, bytes, length, error);
}

/* `path` NULL: hashes alone. */
static hearth_status begin(safetensors_writer *w, const char *path, const buffer *header, uint64_t data,
                           hearth_error *error)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)((uint64_t)header->length >> (8 * i));
    }
    w->end = sizeof length + header->length + data;
    if (path == NULL) {
        w->hash = hash_create();
        TRY(w->hash == NULL ? error_memory(error, HASH_HEX_SIZE) : HEARTH_OK);
    } else {
        TRY(file_stream_open(path, &w->file, error));
        TRY(file_stream_reserve(&w->file, w->end, error));
    }
    TRY(put(w, length, sizeof length, error));
    return put(w, header->data, header->length, error);
}

static hearth_status create(const char *path, const tensor_entry *entries, size_t count, safetensors_writer **ret,
                            hearth_error *error)
{
    buffer header;
    uint64_t data = 0;
    safetensors_writer *w = mem_calloc(1, sizeof *w);
    if (w == NULL) {
        return error_memory(error, sizeof *w);
    }
    buffer_init(&header, 0);
    hearth_status status = make_header(entries, count, &header, &data, error);
    status = status != HEARTH_OK ? status : begin(w, path, &header, data, error);
    buffer_free(&header);
    if (status != HEARTH_OK) {
        safetensors_writer_free(w);
        return status;
    }
    *ret = w;
    return HEARTH_OK;
}

hearth_status safetensors_writer_begin(const char *path, const tensor_entry *entries, size_t count,
                                       safetensors_writer **ret, hearth_error *error)
{
    return create(path, entries, count, ret, error);
}

hearth_status safetensors_hash_begin(const tensor_entry *entries, size_t count, safetensors_writer **ret,
                                     hearth_error *error)
{
    return create(NULL, entries, count, ret, error);
}

hearth_status safetensors_writer_data(safetensors_writer *w, const void *bytes, size_t length, hearth_error *error)
{
    if (length > w->end - w->written) {
        return error_set(error, HEARTH_E_ARGUMENT, "data", "as much as the tensors take", "more");
    }
    return put(w, bytes, length, error);
}

static hearth_status want_all(const safetensors_writer *w, hearth_error *error)
{
    return w->written == w->end ? HEARTH_OK
                                : error_set(error, HEARTH_E_ARGUMENT, "data", "every tensor whole",
                                            "%llu bytes too few", (unsigned long long)(w->end - w->written));
}

hearth_status safetensors_writer_finish(safetensors_writer *w, hearth_error *error)
{
    TRY(want_all(w, error));
    return file_stream_finish(&w->file, error);
}

hearth_status safetensors_hash_finish(safetensors_writer *w, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    uint8_t digest[32];
    TRY(want_all(w, error));
    hash_finish(w->hash, digest);
    w->hash = NULL;
    hash_hex(digest, ret);
    return HEARTH_OK;
}

void safetensors_writer_free(safetensors_writer *w)
{
    uint8_t digest[32];
    if (w == NULL) {
        return;
    }
    if (w->hash != NULL) {
        hash_finish(w->hash, digest); /* which frees it */
    }
    file_stream_drop(&w->file);
    mem_free(w);
}
