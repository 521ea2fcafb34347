/* Streaming detokenisation. */
#include "tokenizer/stream.h"

#include "base/utf8.h"
#include "tokenizer/internal.h"

#include <string.h>

void token_stream_init(token_stream *s, const tokenizer *t, unsigned flags, bool at_start)
{
    *s = (token_stream){.t = t, .flags = flags, .first = at_start};
    buffer_init(&s->waiting, 0);
}

void token_stream_free(token_stream *s)
{
    buffer_free(&s->waiting);
}

/* Moves the first `length` bytes that wait to `out`. */
static hearth_status show(token_stream *s, size_t length, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        char bytes[4];
        i += utf8_decode_lossy(s->waiting.data + i, length - i, &code);
        TRY(buffer_append(out, bytes, utf8_encode(code, bytes), error));
    }
    if (length > 0) {
        memmove(s->waiting.data, s->waiting.data + length, s->waiting.length - length + 1);
        s->waiting.length -= length;
    }
    return HEARTH_OK;
}

hearth_status token_stream_push(token_stream *s, int32_t id, buffer *out, hearth_error *error)
{
    const size_t before = s->waiting.length;
    if (s->first) {
        TRY(tokenizer_first_piece(s->t, id, s->flags, &s->waiting, error));
        /* A control token that is not shown is not the first piece yet. */
        s->first = s->waiting.length == before &&
                   ((tokenizer_token_flags(s->t, id) & TOKEN_SPECIAL) != 0 && (s->flags & DECODE_SPECIAL) == 0);
    } else {
        TRY(tokenizer_piece(s->t, id, s->flags, &s->waiting, error));
    }
    return show(s, utf8_complete_prefix(buffer_text(&s->waiting), s->waiting.length), out, error);
}

hearth_status token_stream_finish(token_stream *s, buffer *out, hearth_error *error)
{
    return show(s, s->waiting.length, out, error);
}
