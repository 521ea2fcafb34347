/* What the halves of the parser (template_parse.c: statements, template_expression.c: expressions) share. */
#ifndef GENERATE_TEMPLATE_PARSE_STATE_H
#define GENERATE_TEMPLATE_PARSE_STATE_H

#include "generate/template_ast.h"
#include "generate/template_lex.h"

/* A macro whose body is being parsed, innermost first: which special names it uses. */
typedef struct tmacro_scope {
    struct tmacro_scope *outer;
    bool caller, varargs, kwargs;
} tmacro_scope;

typedef struct tparser {
    trun *run;
    tprogram *program;
    const ttoken *at; /* never moves past TT_END */
    tmacro_scope *macros;
    uint32_t *slots; /* hash table of the symbols: number + 1 */
    size_t slot_count;
} tparser;

/* A list under construction. */
typedef struct tlist {
    const tnode *first;
    tnode *last;
    uint32_t count;
} tlist;

typedef enum ttuple_mode {
    TTUPLE_FULL,     /* any expressions */
    TTUPLE_NO_COND,  /* without inline if */
    TTUPLE_TARGET,   /* names and tuples of names */
    TTUPLE_TARGET_NS /* … and ns.attribute */
} ttuple_mode;

hearth_status tparse_node(tparser *p, tnode_kind kind, tnode **ret);
void tparse_list_add(tlist *list, tnode *node);
void tparse_next(tparser *p);
bool tparse_is_name(const tparser *p, const char *name);
bool tparse_skip(tparser *p, ttoken_kind kind);
bool tparse_skip_name(tparser *p, const char *name);
hearth_status tparse_expect(tparser *p, ttoken_kind kind);
hearth_status tparse_expect_name(tparser *p, const char *name);
/* A name token: its text and its number. */
hearth_status tparse_identifier(tparser *p, const tstring **ret_text, uint32_t *ret_symbol);
/* The current token is not what the grammar wants. */
hearth_status tparse_unexpected(tparser *p);

hearth_status tparse_expression(tparser *p, bool with_cond, tnode **ret);
/* `end_name`: a name that ends the tuple ("in", "recursive"), or NULL. */
hearth_status tparse_tuple(tparser *p, ttuple_mode mode, const char *end_name, bool parenthesised, tnode **ret);
/* "|name(…)|…" over `operand`; `inline_first`: the first has no "|". *ret is NULL when there is none. */
hearth_status tparse_filters(tparser *p, tnode *operand, bool inline_first, tnode **ret);
hearth_status tparse_target(tparser *p, bool with_namespace, const char *end_name, tnode **ret);

#endif
