/* Tokens of a streamed answer to text that can be shown: whole characters only. Bytes wait until their character is
 * complete; what can never become one is U+FFFD, as Python and browsers write it. */
#ifndef TOKENIZER_STREAM_H
#define TOKENIZER_STREAM_H

#include "tokenizer/tokenizer.h"

typedef struct token_stream {
    const tokenizer *t;
    unsigned flags; /* decode_flags */
    bool first;     /* nothing was pushed yet: SentencePiece's leading space is left out */
    buffer waiting; /* at most a part of a character between calls */
} token_stream;

/* `at_start`: the tokens to come are a text of their own (an answer), not the middle of one. */
void token_stream_init(token_stream *s, const tokenizer *t, unsigned flags, bool at_start);
void token_stream_free(token_stream *s);
/* Appends to `out` what may be shown after this token. */
hearth_status token_stream_push(token_stream *s, int32_t id, buffer *out, hearth_error *error);
/* The end: what still waits cannot be completed any more and becomes U+FFFD. */
hearth_status token_stream_finish(token_stream *s, buffer *out, hearth_error *error);

#endif
