/* What the two halves of the lexer (template_lex.c, template_token.c) share. */
#ifndef GENERATE_TEMPLATE_LEX_STATE_H
#define GENERATE_TEMPLATE_LEX_STATE_H

#include "generate/template_lex.h"

typedef struct tlexer {
    trun *run; /* its `line` is where the cursor is */
    const char *text;
    size_t length;
    size_t at;
    bool line_starting;                  /* what was taken last ended in a newline */
    char open[LIMIT_TEMPLATE_DEPTH + 1]; /* the closers that are due inside of a tag */
    size_t open_count;
    ttoken *tokens;
    size_t count;
    size_t capacity;
} tlexer;

hearth_status tlex_push(tlexer *x, ttoken_kind kind, tval value);
/* Moves the cursor, counting lines. */
void tlex_advance(tlexer *x, size_t bytes);
bool tlex_at(const tlexer *x, const char *what);
/* One token of the inside of a tag. */
hearth_status tlex_inside(tlexer *x);

#endif
