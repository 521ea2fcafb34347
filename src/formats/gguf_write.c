/* GGUF 3 as a stream: what is declared is kept in memory, the data is not. */
#include "formats/gguf_write.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "formats/gguf_part.h"
#include "kernels/lossless.h"
#include "platform/file_stream.h"

#include <stdio.h>
#include <string.h>

#define VERSION 3u
#define ALIGNMENT 32u

/* Where a tensor's data begins and ends, from the data's start. */
typedef struct extent {
    uint64_t begin, end;
} extent;

struct gguf_writer {
    buffer values, infos; /* as they go into the file */
    uint64_t value_count;
    extent *tensors;
    size_t tensor_count, tensor_room;
    file_stream file;
    uint64_t data_start;
    uint64_t done; /* bytes of data written, with what aligns them */
    size_t next;   /* the tensor whose data comes next */
};

gguf_writer *gguf_writer_create(void)
{
    gguf_writer *w = mem_calloc(1, sizeof *w);
    if (w != NULL) {
        buffer_init(&w->values, 0);
        buffer_init(&w->infos, 0);
        w->file.descriptor = -1;
    }
    return w;
}

void gguf_writer_free(gguf_writer *w)
{
    if (w == NULL) {
        return;
    }
    file_stream_drop(&w->file);
    buffer_free(&w->values);
    buffer_free(&w->infos);
    mem_free(w->tensors);
    mem_free(w);
}

/* ---- numbers and texts, little endian as the file ---- */

static hearth_status put_u32(buffer *b, uint32_t value, hearth_error *error)
{
    const uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
    return buffer_append(b, bytes, sizeof bytes, error);
}

static hearth_status put_u64(buffer *b, uint64_t value, hearth_error *error)
{
    TRY(put_u32(b, (uint32_t)value, error));
    return put_u32(b, (uint32_t)(value >> 32), error);
}

static hearth_status put_text(buffer *b, const char *text, size_t length, hearth_error *error)
{
    TRY(put_u64(b, length, error));
    return buffer_append(b, text, length, error);
}

static hearth_status put_key(gguf_writer *w, const char *key, gguf_type type, hearth_error *error)
{
    TRY(put_text(&w->values, key, strlen(key), error));
    w->value_count++;
    return put_u32(&w->values, (uint32_t)type, error);
}

/* ---- metadata ---- */

hearth_status gguf_write_scalar(gguf_writer *w, const char *key, gguf_type type, const void *bytes, hearth_error *error)
{
    const size_t size = gguf_scalar_bytes(type);
    if (size == 0) {
        return error_set(error, HEARTH_E_ARGUMENT, key, "a number's type", "%s", gguf_type_name(type));
    }
    TRY(put_key(w, key, type, error));
    return buffer_append(&w->values, bytes, size, error);
}

hearth_status gguf_write_u32(gguf_writer *w, const char *key, uint32_t value, hearth_error *error)
{
    TRY(put_key(w, key, GGUF_U32, error));
    return put_u32(&w->values, value, error);
}

hearth_status gguf_write_f32(gguf_writer *w, const char *key, float value, hearth_error *error)
{
    uint32_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    TRY(put_key(w, key, GGUF_F32, error));
    return put_u32(&w->values, bits, error);
}

hearth_status gguf_write_bool(gguf_writer *w, const char *key, bool value, hearth_error *error)
{
    TRY(put_key(w, key, GGUF_BOOL, error));
    return buffer_append_char(&w->values, value ? 1 : 0, error);
}

hearth_status gguf_write_string(gguf_writer *w, const char *key, const char *text, size_t length, hearth_error *error)
{
    TRY(put_key(w, key, GGUF_STRING, error));
    return put_text(&w->values, text, length, error);
}

hearth_status gguf_write_numbers(gguf_writer *w, const char *key, gguf_type element, const void *values, uint64_t count,
                                 hearth_error *error)
{
    const size_t size = gguf_scalar_bytes(element);
    size_t bytes = 0;
    if (size == 0 || !size_mul(count, size, &bytes)) {
        return error_set(error, HEARTH_E_ARGUMENT, key, "an array of numbers", "%s", gguf_type_name(element));
    }
    TRY(put_key(w, key, GGUF_ARRAY, error));
    TRY(put_u32(&w->values, (uint32_t)element, error));
    TRY(put_u64(&w->values, count, error));
    return buffer_append(&w->values, values, bytes, error);
}

hearth_status gguf_write_strings(gguf_writer *w, const char *key, const gguf_string *values, uint64_t count,
                                 hearth_error *error)
{
    TRY(put_key(w, key, GGUF_ARRAY, error));
    TRY(put_u32(&w->values, GGUF_STRING, error));
    TRY(put_u64(&w->values, count, error));
    for (uint64_t i = 0; i < count; i++) {
        TRY(put_text(&w->values, values[i].text, values[i].length, error));
    }
    return HEARTH_OK;
}

hearth_status gguf_write_copy(gguf_writer *w, const gguf_file *from, size_t index, hearth_error *error)
{
    const gguf_value *value = gguf_raw_value(from, index);
    TRY(put_text(&w->values, value->key.text, value->key.length, error));
    w->value_count++;
    TRY(put_u32(&w->values, (uint32_t)value->type, error));
    if (value->type == GGUF_ARRAY) {
        TRY(put_u32(&w->values, (uint32_t)value->element, error));
        TRY(put_u64(&w->values, value->count, error));
    } else if (value->type == GGUF_STRING) {
        TRY(put_u64(&w->values, value->length, error));
    }
    return buffer_append(&w->values, value->data, value->length, error);
}

static bool is_among(gguf_string key, const char *const *keys, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || (key.length == strlen(keys[i]) && memcmp(key.text, keys[i], key.length) == 0);
    }
    return found;
}

hearth_status gguf_write_copy_but(gguf_writer *w, const gguf_file *from, const char *const *keys, size_t count,
                                  hearth_error *error)
{
    for (size_t i = 0; i < gguf_metadata_count(from); i++) {
        if (!is_among(gguf_metadata_key(from, i), keys, count)) {
            TRY(gguf_write_copy(w, from, i, error));
        }
    }
    return HEARTH_OK;
}

/* ---- tensors ---- */

static hearth_status add_extent(gguf_writer *w, uint64_t size, hearth_error *error)
{
    if (w->tensor_count == w->tensor_room) {
        const size_t room = w->tensor_room == 0 ? 256 : 2 * w->tensor_room;
        extent *grown = mem_realloc(w->tensors, room * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, room * sizeof *grown);
        }
        w->tensors = grown;
        w->tensor_room = room;
    }
    uint64_t begin = w->tensor_count == 0 ? 0 : w->tensors[w->tensor_count - 1].end;
    begin = (begin + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    uint64_t end = 0;
    if (!u64_add(begin, size, &end) || end > (uint64_t)INT64_MAX / 2) {
        return error_set(error, HEARTH_E_LIMIT, "tensors", "less than 2^62 bytes together", "more");
    }
    w->tensors[w->tensor_count++] = (extent){begin, end};
    return HEARTH_OK;
}

static hearth_status declare(gguf_writer *w, const char *name, uint32_t type, uint32_t dims, const uint64_t *shape,
                             uint64_t size, hearth_error *error)
{
    TRY(add_extent(w, size, error));
    TRY(put_text(&w->infos, name, strlen(name), error));
    TRY(put_u32(&w->infos, dims, error));
    for (uint32_t i = dims; i-- > 0;) {
        TRY(put_u64(&w->infos, shape[i], error));
    }
    TRY(put_u32(&w->infos, type, error));
    return put_u64(&w->infos, w->tensors[w->tensor_count - 1].begin, error);
}

hearth_status gguf_write_tensor(gguf_writer *w, const char *name, dtype type, uint32_t dims, const uint64_t *shape,
                                hearth_error *error)
{
    char place[PLACE_SIZE];
    uint64_t size = 0;
    place_name(place, "tensor", name, strlen(name));
    if (dims == 0 || dims > LIMIT_TENSOR_DIMS) {
        return error_set(error, HEARTH_E_ARGUMENT, place, "1 to 4 dimensions", "%u", dims);
    }
    TRY(tensor_size_bytes(type, dims, shape, place, &size, error));
    return declare(w, name, (uint32_t)type, dims, shape, size, error);
}

hearth_status gguf_write_lossless_tensor(gguf_writer *w, const char *name, uint32_t dims, const uint64_t *shape,
                                         uint64_t size, hearth_error *error)
{
    return declare(w, name, LOSSLESS_GGUF_TYPE, dims, shape, size, error);
}

static hearth_status write_zeros(gguf_writer *w, uint64_t count, hearth_error *error)
{
    static const uint8_t zeros[ALIGNMENT];
    return file_stream_write(&w->file, zeros, (size_t)count, error);
}

static uint64_t data_bytes(const gguf_writer *w)
{
    const uint64_t end = w->tensor_count == 0 ? 0 : w->tensors[w->tensor_count - 1].end;
    return (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

uint64_t gguf_writer_bytes(const gguf_writer *w)
{
    return w->data_start + data_bytes(w);
}

hearth_status gguf_writer_begin(gguf_writer *w, const char *path, hearth_error *error)
{
    buffer head;
    buffer_init(&head, 0);
    TRY(file_stream_open(path, &w->file, error));
    hearth_status status = buffer_append(&head, "GGUF", 4, error);
    status = status != HEARTH_OK ? status : put_u32(&head, VERSION, error);
    status = status != HEARTH_OK ? status : put_u64(&head, w->tensor_count, error);
    status = status != HEARTH_OK ? status : put_u64(&head, w->value_count, error);
    if (status == HEARTH_OK) {
        const uint64_t end = head.length + w->values.length + w->infos.length;
        w->data_start = (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        status = file_stream_reserve(&w->file, gguf_writer_bytes(w), error);
    }
    status = status != HEARTH_OK ? status : file_stream_write(&w->file, head.data, head.length, error);
    buffer_free(&head);
    TRY(status);
    TRY(file_stream_write(&w->file, buffer_text(&w->values), w->values.length, error));
    TRY(file_stream_write(&w->file, buffer_text(&w->infos), w->infos.length, error));
    return write_zeros(w, w->data_start - w->file.written, error);
}

const char *gguf_writer_temporary(const gguf_writer *w)
{
    return w->file.temporary;
}

hearth_status gguf_writer_data(gguf_writer *w, const void *bytes, size_t length, hearth_error *error)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        if (w->next == w->tensor_count) {
            return error_set(error, HEARTH_E_ARGUMENT, "data", "as much as the tensors take", "more");
        }
        const extent *tensor = &w->tensors[w->next];
        if (w->done < tensor->begin) {
            TRY(write_zeros(w, tensor->begin - w->done, error));
            w->done = tensor->begin;
        }
        const uint64_t left = tensor->end - w->done;
        const size_t part = length < left ? length : (size_t)left;
        TRY(file_stream_write(&w->file, at, part, error));
        w->done += part;
        at += part;
        length -= part;
        w->next += w->done == tensor->end;
    }
    return HEARTH_OK;
}

hearth_status gguf_writer_finish(gguf_writer *w, hearth_error *error)
{
    if (w->next != w->tensor_count) {
        return error_set(error, HEARTH_E_ARGUMENT, "data", "every tensor whole", "%zu of %zu", w->next,
                         w->tensor_count);
    }
    TRY(write_zeros(w, data_bytes(w) - w->done, error));
    return file_stream_finish(&w->file, error);
}
