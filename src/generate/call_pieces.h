/* A call's arguments as they are written, for callers that stream them: its name first, then pieces of the JSON,
 * without the blanks between its values. For the forms in which both come in that order; a call of another form is told
 * when it is over. */
#ifndef GENERATE_CALL_PIECES_H
#define GENERATE_CALL_PIECES_H

#include "generate/stream.h"
#include "generate/tool_calls.h"

typedef struct call_pieces {
    bool begun;    /* `name` is known */
    bool hopeless; /* it is told when it is over */
    char name[128];
    size_t at; /* of the body: what was looked at, where it has begun */
    unsigned depth;
    bool in_string, escaped, closed;
    text_stream text; /* shown: the new piece, whole characters */
} call_pieces;

void call_pieces_init(call_pieces *p);
void call_pieces_free(call_pieces *p);
/* Before another call. */
void call_pieces_clear(call_pieces *p);
/* The body has grown: `begun` may become true, and p->text.shown is what came of the arguments. */
hearth_status call_pieces_read(call_pieces *p, const call_source *source, hearth_error *error);

#endif
