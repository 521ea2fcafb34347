/* Statements: what a template does, as against what it computes (template_compute.c). */
#include "generate/template_eval.h"

hearth_status teval_scope(teval *e, tscope *outer, tscope **ret)
{
    tscope *scope = trun_alloc(&e->run, 1, sizeof *scope);
    if (scope == NULL) {
        return trun_memory(&e->run);
    }
    scope->outer = outer;
    *ret = scope;
    return HEARTH_OK;
}

hearth_status teval_bind(teval *e, tscope *scope, uint32_t symbol, tval value)
{
    if (scope == NULL) {
        e->names[symbol] = value;
        return HEARTH_OK;
    }
    for (tbinding *b = scope->bindings; b != NULL; b = b->next) {
        if (b->symbol == symbol) {
            b->value = value;
            return HEARTH_OK;
        }
    }
    tbinding *b = trun_alloc(&e->run, 1, sizeof *b);
    if (b == NULL) {
        return trun_memory(&e->run);
    }
    *b = (tbinding){.symbol = symbol, .value = value, .next = scope->bindings};
    scope->bindings = b;
    return HEARTH_OK;
}

static hearth_status assign_attribute(teval *e, tscope *scope, const tnode *target, tval value)
{
    tval object;
    tnode name = {.kind = TN_NAME, .line = target->line, .symbol = target->symbol};
    TRY(teval_expression(e, scope, &name, &object));
    if (object.kind != T_NAMESPACE) {
        return TRUN_WRONG(&e->run, "cannot assign attribute on non-namespace object");
    }
    if (target->value.as.string->bytes[0] == '_') {
        return TRUN_WRONG(&e->run, "a namespace cannot hold '%s': its name begins with an underscore",
                          target->value.as.string->bytes);
    }
    return tdict_set(&e->run, object.as.dict, target->value, value);
}

static hearth_status assign_tuple(teval *e, tscope *scope, const tnode *target, tval value)
{
    const tval *items = NULL;
    size_t count = 0;
    if (!tval_iterable(value)) {
        return TRUN_WRONG(&e->run, "cannot unpack non-iterable %s object", tval_type(value));
    }
    TRY(tval_items(&e->run, value, &items, &count));
    if (count != target->count) {
        return count > target->count
                   ? TRUN_WRONG(&e->run, "too many values to unpack (expected %u)", target->count)
                   : TRUN_WRONG(&e->run, "not enough values to unpack (expected %u, got %zu)", target->count, count);
    }
    for (const tnode *t = target->list; t != NULL; t = t->next) {
        TRY(teval_assign(e, scope, t, *items++));
    }
    return HEARTH_OK;
}

hearth_status teval_assign(teval *e, tscope *scope, const tnode *target, tval value)
{
    TRY(trun_work(&e->run, 0));
    switch (target->kind) {
    case TN_NAME:
        return teval_bind(e, scope, target->symbol, value);
    case TN_NSREF:
        return assign_attribute(e, scope, target, value);
    default:
        return assign_tuple(e, scope, target, value);
    }
}

hearth_status teval_capture(teval *e, tscope *scope, const tnode *list, tval *ret)
{
    const size_t mark = e->run.out->length;
    tflow flow = TFLOW_NEXT;
    TRY(teval_body(e, scope, list, &flow));
    if (flow != TFLOW_NEXT) {
        return TRUN_WRONG(&e->run, "break or continue outside of a loop");
    }
    return tval_take(&e->run, e->run.out, mark, ret);
}

/* A for loop's condition keeps the items for which it holds. */
static hearth_status filter_items(teval *e, tscope *scope, const tnode *node, const tval **items, size_t *count)
{
    tseq *kept = NULL;
    TRY(tseq_create(&e->run, 0, &kept));
    for (size_t i = 0; i < *count; i++) {
        tscope *round = NULL;
        tval keep;
        TRY(teval_scope(e, scope, &round));
        TRY(teval_assign(e, round, node->a, (*items)[i]));
        TRY(teval_expression(e, round, node->c, &keep));
        if (tval_truth(keep)) {
            TRY(tseq_push(&e->run, kept, (*items)[i]));
        }
    }
    *items = kept->items;
    *count = kept->count;
    return HEARTH_OK;
}

hearth_status teval_loop(teval *e, tscope *scope, const tnode *node, tval items, unsigned depth)
{
    tflow flow = TFLOW_NEXT;
    tloop *loop = trun_alloc(&e->run, 1, sizeof *loop);
    if (loop == NULL) {
        return trun_memory(&e->run);
    }
    *loop = (tloop){.node = node, .scope = scope, .depth = depth};
    TRY(tval_items(&e->run, items, &loop->items, &loop->count));
    if (node->c != NULL) {
        TRY(filter_items(e, scope, node, &loop->items, &loop->count));
    }
    for (; loop->index < loop->count && flow != TFLOW_BREAK; loop->index++) {
        tscope *round = NULL;
        TRY(trun_work(&e->run, 0));
        TRY(teval_scope(e, scope, &round));
        TRY(teval_bind(e, round, TSYM_LOOP, (tval){.kind = T_LOOP, .as.loop = loop}));
        TRY(teval_assign(e, round, node->a, loop->items[loop->index]));
        TRY(teval_body(e, round, node->list, &flow));
    }
    if (loop->count > 0 || node->other == NULL) {
        return HEARTH_OK;
    }
    tscope *otherwise = NULL;
    TRY(teval_scope(e, scope, &otherwise));
    flow = TFLOW_NEXT;
    TRY(teval_body(e, otherwise, node->other->list, &flow));
    return flow == TFLOW_NEXT ? HEARTH_OK : TRUN_WRONG(&e->run, "break or continue outside of a loop");
}

static hearth_status run_for(teval *e, tscope *scope, const tnode *node)
{
    tval items;
    TRY(teval_expression(e, scope, node->b, &items));
    return teval_loop(e, scope, node, items, 0);
}

/* The branches of an if are no scope of their own. */
static hearth_status run_if(teval *e, tscope *scope, const tnode *node, tflow *flow)
{
    for (; node != NULL; node = node->other) {
        tval test = tval_bool(true);
        if (node->kind == TN_IF) {
            e->run.line = node->line;
            TRY(trun_work(&e->run, 0));
            TRY(teval_expression(e, scope, node->a, &test));
        }
        if (tval_truth(test)) {
            return teval_body(e, scope, node->list, flow);
        }
    }
    return HEARTH_OK;
}

static hearth_status run_set_block(teval *e, tscope *scope, const tnode *node)
{
    tscope *inside = NULL;
    tval text;
    TRY(teval_scope(e, scope, &inside));
    TRY(teval_capture(e, inside, node->list, &text));
    TRY(teval_filters(e, inside, node->b, text, &text));
    return teval_assign(e, scope, node->a, text);
}

static hearth_status run_filter_block(teval *e, tscope *scope, const tnode *node)
{
    tscope *inside = NULL;
    tval text;
    TRY(teval_scope(e, scope, &inside));
    TRY(teval_capture(e, inside, node->list, &text));
    TRY(teval_filters(e, inside, node->b, text, &text));
    return tval_print(&e->run, text, e->run.out);
}

/* The values are computed outside of the scope that gets the names. */
static hearth_status run_with(teval *e, tscope *scope, const tnode *node, tflow *flow)
{
    tscope *inside = NULL;
    TRY(teval_scope(e, scope, &inside));
    for (const tnode *set = node->list; set != NULL; set = set->next) {
        tval value;
        TRY(teval_expression(e, scope, set->b, &value));
        TRY(teval_assign(e, inside, set->a, value));
    }
    return teval_body(e, inside, node->other->list, flow);
}

static hearth_status macro_create(teval *e, tscope *scope, const tmacro_def *def, tval *ret)
{
    tmacro *macro = trun_alloc(&e->run, 1, sizeof *macro);
    if (macro == NULL) {
        return trun_memory(&e->run);
    }
    *macro = (tmacro){.def = def, .scope = scope};
    *ret = (tval){.kind = T_MACRO, .as.macro = macro};
    return HEARTH_OK;
}

static hearth_status run_macro(teval *e, tscope *scope, const tnode *node)
{
    tval macro;
    TRY(macro_create(e, scope, node->macro, &macro));
    return teval_bind(e, scope, node->symbol, macro);
}

static hearth_status run_call_block(teval *e, tscope *scope, const tnode *node)
{
    tkeyword caller = {.name = node->macro->name};
    tcall call = {0};
    tval callee;
    tval result;
    TRY(macro_create(e, scope, node->macro, &caller.value));
    TRY(teval_expression(e, scope, node->a->a, &callee));
    TRY(teval_arguments(e, scope, node->a->list, &caller, &call));
    TRY(tcall_value(&e->run, callee, &call, &result));
    return tval_print(&e->run, result, e->run.out);
}

static hearth_status run_scope(teval *e, tscope *scope, const tnode *node, tflow *flow)
{
    tscope *inside = NULL;
    TRY(teval_scope(e, scope, &inside));
    return teval_body(e, inside, node->list, flow);
}

static hearth_status run_assign(teval *e, tscope *scope, const tnode *node)
{
    tval value;
    TRY(teval_expression(e, scope, node->b, &value));
    return teval_assign(e, scope, node->a, value);
}

static hearth_status run_print(teval *e, tscope *scope, const tnode *node)
{
    tval value;
    TRY(teval_expression(e, scope, node->a, &value));
    return tval_print(&e->run, value, e->run.out);
}

static hearth_status run_statement(teval *e, tscope *scope, const tnode *node, tflow *flow)
{
    switch (node->kind) {
    case TN_DATA:
        return tval_print(&e->run, node->value, e->run.out);
    case TN_PRINT:
        return run_print(e, scope, node);
    case TN_IF:
        return run_if(e, scope, node, flow);
    case TN_FOR:
        return run_for(e, scope, node);
    case TN_SET:
        return run_assign(e, scope, node);
    case TN_SET_BLOCK:
        return run_set_block(e, scope, node);
    case TN_FILTER_BLOCK:
        return run_filter_block(e, scope, node);
    case TN_WITH:
        return run_with(e, scope, node, flow);
    case TN_SCOPE:
        return run_scope(e, scope, node, flow);
    case TN_ELSE:
        return teval_body(e, scope, node->list, flow);
    case TN_MACRO:
        return run_macro(e, scope, node);
    case TN_CALL_BLOCK:
        return run_call_block(e, scope, node);
    case TN_BREAK:
        *flow = TFLOW_BREAK;
        return HEARTH_OK;
    default:
        *flow = TFLOW_CONTINUE;
        return HEARTH_OK;
    }
}

hearth_status teval_body(teval *e, tscope *scope, const tnode *list, tflow *ret_flow)
{
    *ret_flow = TFLOW_NEXT;
    TRY(trun_enter(&e->run));
    for (const tnode *node = list; node != NULL && *ret_flow == TFLOW_NEXT; node = node->next) {
        e->run.line = node->line;
        TRY(trun_work(&e->run, 0));
        TRY(run_statement(e, scope, node, ret_flow));
    }
    trun_leave(&e->run);
    return HEARTH_OK;
}
