/* A growable byte buffer with a maximum. Always terminated by a NUL that does not count. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/error.h"

typedef struct buffer {
    char *data; /* NULL while empty */
    size_t length;
    size_t capacity;
    size_t limit; /* the most bytes it may hold; 0: BUFFER_DEFAULT_LIMIT */
} buffer;

#define BUFFER_DEFAULT_LIMIT ((size_t)1 << 30)

void buffer_init(buffer *b, size_t limit_bytes);
/* HEARTH_E_LIMIT past the limit, HEARTH_E_MEMORY when memory is out; the content stays as it was. */
hearth_status buffer_append(buffer *b, const void *bytes, size_t length, hearth_error *error);
hearth_status buffer_append_text(buffer *b, const char *text, hearth_error *error);
hearth_status buffer_append_char(buffer *b, char c, hearth_error *error);
hearth_status buffer_printf(buffer *b, hearth_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Makes room for `extra` more bytes. */
hearth_status buffer_reserve(buffer *b, size_t extra, hearth_error *error);
void buffer_clear(buffer *b);
void buffer_free(buffer *b);
/* "" for an empty buffer. */
const char *buffer_text(const buffer *b);

#endif
