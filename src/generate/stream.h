/* From the bytes of tokens to text that may be shown: whole UTF-8 characters, and stop strings found across tokens.
 * Bytes that could still become a stop string, or that end inside a character, are held back. */
#ifndef GENERATE_STREAM_H
#define GENERATE_STREAM_H

#include "base/buffer.h"

typedef struct text_stream {
    const char *const *stops; /* borrowed; empty ones are ignored */
    size_t stop_count;
    buffer held;      /* bytes not shown yet */
    buffer shown;     /* what the last call lets out */
    const char *stop; /* the stop string that was met */
} text_stream;

void text_stream_init(text_stream *s, const char *const *stops, size_t stop_count);
void text_stream_free(text_stream *s);
/* Adds bytes; s->shown is then what may be shown now (maybe nothing), valid UTF-8. Sets s->stop when a stop string is
 * complete: the text before the earliest one is shown, the rest is dropped. */
hearth_status text_stream_push(text_stream *s, const char *bytes, size_t length, hearth_error *error);
/* The end: s->shown is whatever was held back, an unfinished character as U+FFFD. */
hearth_status text_stream_finish(text_stream *s, hearth_error *error);

#endif
