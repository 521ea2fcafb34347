/* Holding back: a suffix of what is there that begins a stop string, and an unfinished character. */
#include "generate/stream.h"

#include "base/utf8.h"

#include <string.h>

void text_stream_init(text_stream *s, const char *const *stops, size_t stop_count)
{
    *s = (text_stream){.stops = stops, .stop_count = stop_count};
    buffer_init(&s->held, 0);
    buffer_init(&s->shown, 0);
}

void text_stream_free(text_stream *s)
{
    buffer_free(&s->held);
    buffer_free(&s->shown);
}

/* Where the earliest complete stop string begins (the longest of those that begin there), or the length. */
static size_t find_stop(const text_stream *s, const char **ret_stop)
{
    for (size_t at = 0; at < s->held.length; at++) {
        size_t longest = 0;
        for (size_t i = 0; i < s->stop_count; i++) {
            const size_t length = strlen(s->stops[i]);
            if (length > longest && length <= s->held.length - at &&
                memcmp(s->held.data + at, s->stops[i], length) == 0) {
                longest = length;
                *ret_stop = s->stops[i];
            }
        }
        if (longest != 0) {
            return at;
        }
    }
    return s->held.length;
}

/* Where a proper beginning of a stop string may have started, or the length. */
static size_t find_beginning(const text_stream *s)
{
    for (size_t at = 0; at < s->held.length; at++) {
        const size_t left = s->held.length - at;
        for (size_t i = 0; i < s->stop_count; i++) {
            if (left < strlen(s->stops[i]) && memcmp(s->held.data + at, s->stops[i], left) == 0) {
                return at;
            }
        }
    }
    return s->held.length;
}

/* Appends bytes as valid UTF-8: U+FFFD for what can never be a character. */
static hearth_status show(text_stream *s, size_t length, hearth_error *error)
{
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        char text[4];
        const size_t taken = utf8_decode_lossy(s->held.data + at, length - at, &code);
        TRY(buffer_append(&s->shown, text, utf8_encode(code, text), error));
        at += taken;
    }
    memmove(s->held.data, s->held.data + length, s->held.length - length + 1);
    s->held.length -= length;
    return HEARTH_OK;
}

hearth_status text_stream_push(text_stream *s, const char *bytes, size_t length, hearth_error *error)
{
    buffer_clear(&s->shown);
    if (length == 0) {
        return HEARTH_OK;
    }
    TRY(buffer_append(&s->held, bytes, length, error));
    const size_t stop = find_stop(s, &s->stop);
    if (s->stop != NULL) {
        TRY(show(s, stop, error));
        buffer_clear(&s->held);
        return HEARTH_OK;
    }
    const size_t free_of_stops = find_beginning(s);
    const size_t complete = utf8_complete_prefix(s->held.data, free_of_stops);
    return complete == 0 ? HEARTH_OK : show(s, complete, error);
}

hearth_status text_stream_finish(text_stream *s, hearth_error *error)
{
    buffer_clear(&s->shown);
    return s->held.length == 0 ? HEARTH_OK : show(s, s->held.length, error);
}
