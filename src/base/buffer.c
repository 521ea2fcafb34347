/* Bytes that grow by doubling, up to a maximum. */
#include "base/buffer.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

void buffer_init(buffer *b, size_t limit_bytes)
{
    *b = (buffer){.limit = limit_bytes};
}

hearth_status buffer_reserve(buffer *b, size_t extra, hearth_error *error)
{
    const size_t limit = b->limit != 0 ? b->limit : BUFFER_DEFAULT_LIMIT;
    size_t wanted = 0;
    if (!size_add(b->length, extra, &wanted) || wanted > limit) {
        return error_set(error, HEARTH_E_LIMIT, NULL, NULL, "more than %zu bytes", limit);
    }
    if (wanted < b->capacity) {
        return HEARTH_OK;
    }
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity <= wanted) {
        capacity *= 2;
    }
    char *grown = mem_realloc(b->data, capacity);
    if (grown == NULL) {
        return error_memory(error, capacity);
    }
    grown[b->length] = '\0';
    b->data = grown;
    b->capacity = capacity;
    return HEARTH_OK;
}

hearth_status buffer_append(buffer *b, const void *bytes, size_t length, hearth_error *error)
{
    TRY(buffer_reserve(b, length, error));
    if (length > 0) {
        memcpy(b->data + b->length, bytes, length);
    }
    b->length += length;
    b->data[b->length] = '\0';
    return HEARTH_OK;
}

hearth_status buffer_append_text(buffer *b, const char *text, hearth_error *error)
{
    return buffer_append(b, text, strlen(text), error);
}

hearth_status buffer_append_char(buffer *b, char c, hearth_error *error)
{
    return buffer_append(b, &c, 1, error);
}

hearth_status buffer_printf(buffer *b, hearth_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int needed = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (needed < 0) {
        return error_set(error, HEARTH_E_ARGUMENT, NULL, NULL, "text that cannot be formatted");
    }
    TRY(buffer_reserve(b, (size_t)needed, error));
    va_start(arguments, format);
    vsnprintf(b->data + b->length, (size_t)needed + 1, format, arguments);
    va_end(arguments);
    b->length += (size_t)needed;
    return HEARTH_OK;
}

void buffer_clear(buffer *b)
{
    b->length = 0;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

void buffer_free(buffer *b)
{
    mem_free(b->data);
    buffer_init(b, b->limit);
}

const char *buffer_text(const buffer *b)
{
    return b->data != NULL ? b->data : "";
}
