/* The evaluator: a tree walked with scopes. template_eval.c runs statements, template_compute.c computes expressions,
 * template_macro.c calls macros and loops, template_operators.c does arithmetic and slices. Functions: teval_*. */
#ifndef GENERATE_TEMPLATE_EVAL_H
#define GENERATE_TEMPLATE_EVAL_H

#include "generate/template_ast.h"
#include "generate/template_lex.h"

typedef struct tbinding {
    uint32_t symbol;
    tval value;
    struct tbinding *next;
} tbinding;

/* Names of one loop round, macro call or block; NULL stands for the template's own level. Scopes live in the arena
 * because a macro may outlive the round that made it. */
typedef struct tscope {
    struct tscope *outer;
    tbinding *bindings;
} tscope;

struct tmacro {
    const tmacro_def *def;
    tscope *scope; /* where it was defined */
};

struct tloop {
    const tnode *node;
    tscope *scope; /* around the loop */
    const tval *items;
    size_t count;
    size_t index;
    unsigned depth;
    tval changed; /* what changed() saw last: a tuple or T_MISSING */
};

/* A run with its program. `run` is first: builtins get a trun and macros cast it back. */
typedef struct teval {
    trun run;
    const tprogram *program;
    tval *names; /* by symbol: the template's own level, over the caller's variables, over the built-in functions */
} teval;

typedef enum tflow { TFLOW_NEXT, TFLOW_BREAK, TFLOW_CONTINUE } tflow;

hearth_status teval_body(teval *e, tscope *scope, const tnode *list, tflow *ret_flow);
/* The body's text as a value. A break or continue that leaves it is an error. */
hearth_status teval_capture(teval *e, tscope *scope, const tnode *list, tval *ret);
/* One walk of a loop over `items`; text goes to the run's output. */
hearth_status teval_loop(teval *e, tscope *scope, const tnode *node, tval items, unsigned depth);
hearth_status teval_expression(teval *e, tscope *scope, const tnode *node, tval *ret);
/* `extra` (or NULL) is one more keyword argument. */
hearth_status teval_arguments(teval *e, tscope *scope, const tnode *list, const tkeyword *extra, tcall *ret);
/* Filters of a block applied to its text. */
hearth_status teval_filters(teval *e, tscope *scope, const tnode *filters, tval text, tval *ret);
hearth_status teval_assign(teval *e, tscope *scope, const tnode *target, tval value);
hearth_status teval_bind(teval *e, tscope *scope, uint32_t symbol, tval value);
hearth_status teval_scope(teval *e, tscope *outer, tscope **ret);

/* a op b for TT_ADD … TT_POW. */
hearth_status toperator_binary(trun *r, unsigned op, tval a, tval b, tval *ret);
hearth_status toperator_unary(trun *r, unsigned op, tval a, tval *ret);
/* value[start:stop:step]; T_NONE where a part is left out. */
hearth_status toperator_slice(trun *r, tval v, tval start, tval stop, tval step, tval *ret);

#endif
