/* Expressions: names, literals, attributes, calls, filters, tests, logic. */
#include "generate/template_eval.h"

#include <string.h>

static hearth_status compute_name(teval *e, const tscope *scope, const tnode *node, tval *ret)
{
    for (; scope != NULL; scope = scope->outer) {
        for (const tbinding *b = scope->bindings; b != NULL; b = b->next) {
            if (b->symbol == node->symbol) {
                *ret = b->value;
                return HEARTH_OK;
            }
        }
    }
    *ret = e->names[node->symbol];
    if (ret->kind != T_MISSING) {
        return HEARTH_OK;
    }
    const tval name = {.kind = T_STRING, .as.string = e->program->symbols[node->symbol]};
    return tval_undefined(&e->run, (tval){.kind = T_MISSING}, name, ret);
}

static hearth_status compute_items(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tseq *items = NULL;
    TRY(tseq_create(&e->run, node->count, &items));
    for (const tnode *n = node->list; n != NULL; n = n->next) {
        tval item;
        TRY(teval_expression(e, scope, n, &item));
        TRY(tseq_push(&e->run, items, item));
    }
    *ret = tval_seq(node->kind == TN_LIST ? T_LIST : T_TUPLE, items);
    return HEARTH_OK;
}

static hearth_status compute_dict(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tdict *d = NULL;
    TRY(tdict_create(&e->run, &d));
    for (const tnode *pair = node->list; pair != NULL; pair = pair->next) {
        tval key;
        tval value;
        TRY(teval_expression(e, scope, pair->a, &key));
        TRY(teval_expression(e, scope, pair->b, &value));
        TRY(tdict_set(&e->run, d, key, value));
    }
    *ret = tval_dict(d);
    return HEARTH_OK;
}

static hearth_status slice_part(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    *ret = tval_none();
    return node != NULL ? teval_expression(e, scope, node, ret) : HEARTH_OK;
}

static hearth_status compute_getitem(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval object;
    TRY(teval_expression(e, scope, node->a, &object));
    if (node->b->kind == TN_SLICE) {
        tval part[3];
        TRY(slice_part(e, scope, node->b->a, &part[0]));
        TRY(slice_part(e, scope, node->b->b, &part[1]));
        TRY(slice_part(e, scope, node->b->c, &part[2]));
        return toperator_slice(&e->run, object, part[0], part[1], part[2], ret);
    }
    tval key;
    TRY(teval_expression(e, scope, node->b, &key));
    return tvalue_getitem(&e->run, object, key, ret);
}

static hearth_status compute_getattr(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval object;
    TRY(teval_expression(e, scope, node->a, &object));
    return tvalue_getattr(&e->run, object, node->value.as.string, ret);
}

/* How many arguments a list gives, counting what *a and **a hold. */
typedef struct argument_room {
    tval *args;
    size_t arg_capacity;
    tkeyword *keywords;
    size_t keyword_capacity;
} argument_room;

static hearth_status add_argument(teval *e, tcall *call, argument_room *room, tval value)
{
    if (call->count == room->arg_capacity) {
        const size_t capacity = room->arg_capacity * 2 + 2;
        tval *grown = trun_alloc(&e->run, capacity, sizeof *grown);
        if (grown == NULL) {
            return trun_memory(&e->run);
        }
        if (call->count > 0) {
            memcpy(grown, room->args, call->count * sizeof *grown);
        }
        room->args = grown;
        room->arg_capacity = capacity;
        call->args = grown;
    }
    room->args[call->count++] = value;
    return HEARTH_OK;
}

static hearth_status add_keyword(teval *e, tcall *call, argument_room *room, const tstring *name, tval value)
{
    TRY(trun_work(&e->run, call->keyword_count));
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (strcmp(call->keywords[i].name->bytes, name->bytes) == 0) {
            return TRUN_WRONG(&e->run, "got multiple values for keyword argument '%s'", name->bytes);
        }
    }
    if (call->keyword_count == room->keyword_capacity) {
        const size_t capacity = room->keyword_capacity * 2 + 2;
        tkeyword *grown = trun_alloc(&e->run, capacity, sizeof *grown);
        if (grown == NULL) {
            return trun_memory(&e->run);
        }
        if (call->keyword_count > 0) {
            memcpy(grown, room->keywords, call->keyword_count * sizeof *grown);
        }
        room->keywords = grown;
        room->keyword_capacity = capacity;
        call->keywords = grown;
    }
    call->keywords[call->keyword_count++] = (tkeyword){.name = name, .value = value};
    return HEARTH_OK;
}

static hearth_status spread_items(teval *e, tcall *call, argument_room *room, tval value)
{
    const tval *items = NULL;
    size_t count = 0;
    TRY(tval_items(&e->run, value, &items, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(trun_work(&e->run, 0));
        TRY(add_argument(e, call, room, items[i]));
    }
    return HEARTH_OK;
}

static hearth_status spread_pairs(teval *e, tcall *call, argument_room *room, tval value)
{
    if (value.kind != T_DICT) {
        return TRUN_WRONG(&e->run, "argument after ** must be a mapping, not %s", tval_type(value));
    }
    for (size_t i = 0; i < value.as.dict->count; i++) {
        const tpair *pair = &value.as.dict->pairs[i];
        if (pair->key.kind != T_STRING) {
            return TRUN_WRONG(&e->run, "keywords must be strings");
        }
        TRY(add_keyword(e, call, room, pair->key.as.string, pair->value));
    }
    return HEARTH_OK;
}

hearth_status teval_arguments(teval *e, tscope *scope, const tnode *list, const tkeyword *extra, tcall *ret)
{
    argument_room room = {0};
    tcall call = {0};
    for (const tnode *n = list; n != NULL; n = n->next) {
        const bool named = n->kind == TN_KEYWORD || n->kind == TN_SPREAD || n->kind == TN_SPREAD2;
        tval value;
        TRY(teval_expression(e, scope, named ? n->a : n, &value));
        switch (n->kind) {
        case TN_KEYWORD:
            TRY(add_keyword(e, &call, &room, n->value.as.string, value));
            break;
        case TN_SPREAD:
            TRY(spread_items(e, &call, &room, value));
            break;
        case TN_SPREAD2:
            TRY(spread_pairs(e, &call, &room, value));
            break;
        default:
            TRY(add_argument(e, &call, &room, value));
            break;
        }
    }
    if (extra != NULL) {
        TRY(add_keyword(e, &call, &room, extra->name, extra->value));
    }
    *ret = call;
    return HEARTH_OK;
}

static hearth_status compute_call(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tcall call;
    tval callee;
    TRY(teval_expression(e, scope, node->a, &callee));
    TRY(teval_arguments(e, scope, node->list, NULL, &call));
    e->run.line = node->line;
    return tcall_value(&e->run, callee, &call, ret);
}

static hearth_status apply_filter(teval *e, tscope *scope, const tnode *node, tval value, tval *ret)
{
    tcall call;
    if (node->builtin == NULL) {
        return TRUN_WRONG(&e->run, "No filter named '%s'.", node->value.as.string->bytes);
    }
    TRY(teval_arguments(e, scope, node->list, NULL, &call));
    e->run.line = node->line;
    return tcall_builtin(&e->run, node->builtin, value, &call, ret);
}

/* The innermost filter is the first; blocks have chains of a few. */
hearth_status teval_filters(teval *e, tscope *scope, const tnode *filters, tval text, tval *ret)
{
    *ret = text;
    if (filters == NULL) {
        return HEARTH_OK;
    }
    TRY(trun_enter(&e->run));
    TRY(teval_filters(e, scope, filters->a, text, &text));
    trun_leave(&e->run);
    return apply_filter(e, scope, filters, text, ret);
}

static hearth_status compute_filter(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval value;
    TRY(teval_expression(e, scope, node->a, &value));
    return apply_filter(e, scope, node, value, ret);
}

static hearth_status compute_test(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tcall call;
    tval value;
    if (node->builtin == NULL) {
        return TRUN_WRONG(&e->run, "No test named '%s'.", node->value.as.string->bytes);
    }
    TRY(teval_expression(e, scope, node->a, &value));
    TRY(teval_arguments(e, scope, node->list, NULL, &call));
    return tcall_builtin(&e->run, node->builtin, value, &call, ret);
}

static hearth_status compare_once(teval *e, unsigned op, tval a, tval b, bool *ret)
{
    static const char *const names[] = {
        [TT_LT] = "<",
        [TT_LE] = "<=",
        [TT_GT] = ">",
        [TT_GE] = ">=",
    };
    int order = 0;
    switch (op) {
    case TT_EQ:
        return tval_equal(&e->run, a, b, ret);
    case TT_NE:
        TRY(tval_equal(&e->run, a, b, ret));
        *ret = !*ret;
        return HEARTH_OK;
    case TN_OP_IN:
        return tval_contains(&e->run, b, a, ret);
    case TN_OP_NOT_IN:
        TRY(tval_contains(&e->run, b, a, ret));
        *ret = !*ret;
        return HEARTH_OK;
    default:
        TRY(tval_compare(&e->run, a, b, names[op], &order));
        *ret = (op == TT_LT && order == -1) || (op == TT_LE && (order == -1 || order == 0)) ||
               (op == TT_GT && order == 1) || (op == TT_GE && (order == 1 || order == 0));
        return HEARTH_OK;
    }
}

/* a < b < c: b is computed once, c only when a < b. */
static hearth_status compute_compare(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval left;
    bool holds = true;
    TRY(teval_expression(e, scope, node->a, &left));
    for (const tnode *o = node->list; o != NULL && holds; o = o->next) {
        tval right;
        TRY(teval_expression(e, scope, o->a, &right));
        TRY(compare_once(e, o->op, left, right, &holds));
        left = right;
    }
    *ret = tval_bool(holds);
    return HEARTH_OK;
}

static hearth_status compute_concat(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tseq *parts = NULL;
    TRY(tseq_create(&e->run, node->count, &parts));
    for (const tnode *n = node->list; n != NULL; n = n->next) {
        tval part;
        TRY(teval_expression(e, scope, n, &part));
        TRY(tseq_push(&e->run, parts, part));
    }
    const size_t mark = e->run.out->length;
    for (size_t i = 0; i < parts->count; i++) {
        TRY(tval_print(&e->run, parts->items[i], e->run.out));
    }
    return tval_take(&e->run, e->run.out, mark, ret);
}

static hearth_status compute_logic(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    TRY(teval_expression(e, scope, node->a, ret));
    const bool decided = tval_truth(*ret) == (node->kind == TN_OR);
    return decided ? HEARTH_OK : teval_expression(e, scope, node->b, ret);
}

static hearth_status compute_cond(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval test;
    TRY(teval_expression(e, scope, node->b, &test));
    if (tval_truth(test)) {
        return teval_expression(e, scope, node->a, ret);
    }
    if (node->c == NULL) {
        return tval_undefined_hint(&e->run,
                                   "the inline if-expression evaluated to false and no else section was defined.", ret);
    }
    return teval_expression(e, scope, node->c, ret);
}

static hearth_status compute_operator(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    tval a;
    tval b;
    TRY(teval_expression(e, scope, node->a, &a));
    if (node->kind == TN_NOT) {
        *ret = tval_bool(!tval_truth(a));
        return HEARTH_OK;
    }
    if (node->kind == TN_UNARY) {
        return toperator_unary(&e->run, node->op, a, ret);
    }
    TRY(teval_expression(e, scope, node->b, &b));
    e->run.line = node->line;
    return toperator_binary(&e->run, node->op, a, b, ret);
}

static hearth_status compute(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    switch (node->kind) {
    case TN_LIST:
    case TN_TUPLE:
        return compute_items(e, scope, node, ret);
    case TN_DICT:
        return compute_dict(e, scope, node, ret);
    case TN_GETATTR:
        return compute_getattr(e, scope, node, ret);
    case TN_GETITEM:
        return compute_getitem(e, scope, node, ret);
    case TN_CALL:
        return compute_call(e, scope, node, ret);
    case TN_FILTER:
        return compute_filter(e, scope, node, ret);
    case TN_TEST:
        return compute_test(e, scope, node, ret);
    case TN_AND:
    case TN_OR:
        return compute_logic(e, scope, node, ret);
    case TN_COMPARE:
        return compute_compare(e, scope, node, ret);
    case TN_CONCAT:
        return compute_concat(e, scope, node, ret);
    case TN_COND:
        return compute_cond(e, scope, node, ret);
    case TN_SLICE:
        return TRUN_FAIL(&e->run, HEARTH_E_UNSUPPORTED, "a slice among several subscripts");
    default:
        return compute_operator(e, scope, node, ret);
    }
}

hearth_status teval_expression(teval *e, tscope *scope, const tnode *node, tval *ret)
{
    TRY(trun_work(&e->run, 0));
    if (node->kind == TN_CONST) {
        *ret = node->value;
        return HEARTH_OK;
    }
    if (node->kind == TN_NAME) {
        return compute_name(e, scope, node, ret);
    }
    TRY(trun_enter(&e->run));
    TRY(compute(e, scope, node, ret));
    trun_leave(&e->run);
    return HEARTH_OK;
}
