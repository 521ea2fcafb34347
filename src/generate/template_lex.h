/* Template source to tokens, with jinja2's rules for white space under trim_blocks and lstrip_blocks.
 * Functions are named tlex_*. */
#ifndef GENERATE_TEMPLATE_LEX_H
#define GENERATE_TEMPLATE_LEX_H

#include "generate/template_value.h"

typedef enum ttoken_kind {
    TT_END,
    TT_DATA,
    TT_BLOCK_BEGIN,
    TT_BLOCK_END,
    TT_VARIABLE_BEGIN,
    TT_VARIABLE_END,
    TT_NAME,
    TT_STRING,
    TT_INTEGER,
    TT_FLOAT,
    TT_ADD,
    TT_SUB,
    TT_MUL,
    TT_DIV,
    TT_FLOORDIV,
    TT_MOD,
    TT_POW,
    TT_TILDE,
    TT_EQ,
    TT_NE,
    TT_LT,
    TT_LE,
    TT_GT,
    TT_GE,
    TT_ASSIGN,
    TT_DOT,
    TT_COMMA,
    TT_COLON,
    TT_SEMICOLON,
    TT_PIPE,
    TT_LPAREN,
    TT_RPAREN,
    TT_LBRACKET,
    TT_RBRACKET,
    TT_LBRACE,
    TT_RBRACE,
} ttoken_kind;

typedef struct ttoken {
    ttoken_kind kind;
    uint32_t line;
    tval value; /* data, name, string, number */
} ttoken;

/* The tokens of source[0..length), valid UTF-8, the last one TT_END; they live in the run's arena. */
hearth_status tlex_tokens(trun *r, const char *source, size_t length, const ttoken **ret, size_t *ret_count);
/* For messages: "end of template", "'%}'", "name". */
const char *tlex_describe(ttoken_kind kind);

#endif
