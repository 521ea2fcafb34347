/* The tree of a template. One node type; the comments say which fields each kind uses. Children of a list hang together
 * by `next`. Nodes live in the template's arena and are never changed after parsing. */
#ifndef GENERATE_TEMPLATE_AST_H
#define GENERATE_TEMPLATE_AST_H

#include "generate/template_call.h"

typedef enum tnode_kind {
    /* expressions */
    TN_CONST,   /* value */
    TN_NAME,    /* symbol */
    TN_LIST,    /* list */
    TN_TUPLE,   /* list */
    TN_DICT,    /* list of TN_PAIR */
    TN_PAIR,    /* a: key, b: value */
    TN_GETATTR, /* a, value: the name */
    TN_GETITEM, /* a, b: the key */
    TN_SLICE,   /* a: start, b: stop, c: step; each may be NULL */
    TN_CALL,    /* a: callee, list: arguments */
    TN_FILTER,  /* a: what is filtered (NULL in a block), list: arguments, builtin, value: the name */
    TN_TEST,    /* a, list: arguments, builtin, value: the name */
    TN_KEYWORD, /* an argument: value: its name, a: its value */
    TN_SPREAD,  /* an argument: *a */
    TN_SPREAD2, /* an argument: **a */
    TN_UNARY,   /* op: TT_SUB or TT_ADD, a */
    TN_NOT,     /* a */
    TN_BINARY,  /* op, a, b */
    TN_AND,     /* a, b */
    TN_OR,      /* a, b */
    TN_COMPARE, /* a, list of TN_OPERAND */
    TN_OPERAND, /* op (TT_EQ…, TN_OP_IN, TN_OP_NOT_IN), a */
    TN_CONCAT,  /* list */
    TN_COND,    /* a if b else c; c may be NULL */
    TN_NSREF,   /* a target: symbol, value: the attribute */
    /* statements */
    TN_DATA,  /* value */
    TN_PRINT, /* a */
    TN_IF,    /* a: test, list: body, other: elif (a TN_IF) or else (a TN_SCOPE without scope) */
    TN_ELSE,  /* list */
    TN_FOR,   /* a: target, b: what to walk, c: filter or NULL, flag: recursive, list: body, other: TN_ELSE or NULL */
    TN_SET,   /* a: target, b: value */
    TN_SET_BLOCK,    /* a: target, b: filters or NULL, list: body */
    TN_FILTER_BLOCK, /* b: filters, list: body */
    TN_WITH,         /* targets: list of TN_SET, other: TN_ELSE with the body */
    TN_SCOPE,        /* list: a block whose names stay inside */
    TN_MACRO,        /* symbol, value: name, macro */
    TN_CALL_BLOCK,   /* a: the call, macro: the caller */
    TN_BREAK,
    TN_CONTINUE,
    TN_UNSUPPORTED, /* value: the tag */
} tnode_kind;

#define TN_OP_IN 200
#define TN_OP_NOT_IN 201

typedef struct tnode tnode;

/* What a macro is made of; bound to a scope it becomes a tmacro. */
typedef struct tmacro_def {
    const tstring *name;
    const tnode *parameters; /* list of TN_NAME; b: the default or NULL */
    size_t parameter_count;
    const tnode *body;
    bool uses_caller, uses_varargs, uses_kwargs;
    bool takes_caller; /* `caller` is one of its parameters */
} tmacro_def;

struct tnode {
    uint8_t kind;
    uint8_t op;
    bool flag;
    uint32_t line;
    uint32_t symbol;
    uint32_t count; /* of `list` */
    tval value;
    const tnode *a, *b, *c;
    const tnode *list;
    const tnode *other;
    const tnode *next;
    const tbuiltin *builtin;
    const tmacro_def *macro;
};

/* Names are numbers: `symbols[i]` is what number i is called. */
typedef struct tprogram {
    const tnode *body;
    const tstring **symbols;
    size_t symbol_count;
    size_t symbol_capacity;
} tprogram;

/* Numbers that every program knows from the start. */
enum { TSYM_LOOP, TSYM_CALLER, TSYM_VARARGS, TSYM_KWARGS, TSYM_KNOWN };

/* Parses source[0..length), valid UTF-8, into the run's arena. */
hearth_status tparse_program(trun *r, const char *source, size_t length, tprogram *ret);

#endif
