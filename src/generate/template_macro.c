/* Macros and loops as values: calling them, and their attributes. */
#include "generate/template_eval.h"

#include <string.h>

/* One level of macro or of recursive loop, paired with r->calls--. */
static hearth_status deeper(trun *r)
{
    if (r->calls >= LIMIT_TEMPLATE_DEPTH) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "macros nested more than %u levels deep", LIMIT_TEMPLATE_DEPTH);
    }
    r->calls++;
    return HEARTH_OK;
}

static tval take_keyword(const tcall *call, const char *name)
{
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (!call->keywords[i].taken && strcmp(call->keywords[i].name->bytes, name) == 0) {
            call->keywords[i].taken = true;
            return call->keywords[i].value;
        }
    }
    return (tval){.kind = T_MISSING};
}

static hearth_status not_provided(trun *r, const tstring *name, tval *ret)
{
    const size_t mark = r->out->length;
    tval hint;
    TRY(buffer_printf(r->out, r->error, "parameter '%s' was not provided", name->bytes));
    TRY(tval_take(r, r->out, mark, &hint));
    return tval_undefined_hint(r, hint.as.string->bytes, ret);
}

/* Defaults are computed at the call and see the parameters before them. */
static hearth_status bind_parameters(teval *e, const tmacro_def *def, const tcall *call, tscope *inside)
{
    size_t i = 0;
    for (const tnode *p = def->parameters; p != NULL; p = p->next, i++) {
        tval value = i < call->count ? call->args[i] : take_keyword(call, p->value.as.string->bytes);
        if (value.kind == T_MISSING) {
            TRY(p->b != NULL ? teval_expression(e, inside, p->b, &value)
                             : not_provided(&e->run, p->value.as.string, &value));
        }
        TRY(teval_bind(e, inside, p->symbol, value));
    }
    return HEARTH_OK;
}

static hearth_status bind_caller(teval *e, const tmacro_def *def, const tcall *call, tscope *inside)
{
    if (!def->uses_caller || def->takes_caller) {
        return HEARTH_OK;
    }
    tval caller = take_keyword(call, "caller");
    if (caller.kind == T_MISSING) {
        TRY(tval_undefined_hint(&e->run, "No caller defined", &caller));
    }
    return teval_bind(e, inside, TSYM_CALLER, caller);
}

static hearth_status bind_kwargs(teval *e, const tmacro_def *def, const tcall *call, tscope *inside)
{
    tdict *rest = NULL;
    TRY(tdict_create(&e->run, &rest));
    for (size_t i = 0; i < call->keyword_count; i++) {
        if (!call->keywords[i].taken) {
            if (!def->uses_kwargs) {
                return TRUN_WRONG(&e->run, "macro '%s' takes no keyword argument '%s'", def->name->bytes,
                                  call->keywords[i].name->bytes);
            }
            const tval name = {.kind = T_STRING, .as.string = call->keywords[i].name};
            TRY(tdict_set(&e->run, rest, name, call->keywords[i].value));
        }
    }
    return def->uses_kwargs ? teval_bind(e, inside, TSYM_KWARGS, tval_dict(rest)) : HEARTH_OK;
}

static hearth_status bind_varargs(teval *e, const tmacro_def *def, const tcall *call, tscope *inside)
{
    if (!def->uses_varargs) {
        return call->count <= def->parameter_count
                   ? HEARTH_OK
                   : TRUN_WRONG(&e->run, "macro '%s' takes not more than %zu argument(s)", def->name->bytes,
                                def->parameter_count);
    }
    tseq *rest = NULL;
    TRY(tseq_create(&e->run, 0, &rest));
    for (size_t i = def->parameter_count; i < call->count; i++) {
        TRY(tseq_push(&e->run, rest, call->args[i]));
    }
    return teval_bind(e, inside, TSYM_VARARGS, tval_seq(T_TUPLE, rest));
}

hearth_status tcall_macro(trun *r, const tmacro *m, const tcall *call, tval *ret)
{
    teval *e = (teval *)r;
    const uint32_t line = r->line;
    tscope *inside = NULL;
    TRY(deeper(r));
    for (size_t i = 0; i < call->keyword_count; i++) {
        call->keywords[i].taken = false;
    }
    TRY(teval_scope(e, m->scope, &inside));
    TRY(bind_parameters(e, m->def, call, inside));
    TRY(bind_caller(e, m->def, call, inside));
    TRY(bind_kwargs(e, m->def, call, inside));
    TRY(bind_varargs(e, m->def, call, inside));
    TRY(teval_capture(e, inside, m->def->body, ret));
    r->calls--;
    r->line = line;
    return HEARTH_OK;
}

const char *tcall_macro_name(tval v)
{
    return v.as.macro->def->name->bytes;
}

hearth_status tcall_macro_attribute(trun *r, tval v, const tstring *name, tval *ret)
{
    const tmacro_def *def = v.as.macro->def;
    ret->kind = T_MISSING;
    if (strcmp(name->bytes, "name") == 0) {
        *ret = (tval){.kind = T_STRING, .as.string = def->name};
    } else if (strcmp(name->bytes, "catch_kwargs") == 0) {
        *ret = tval_bool(def->uses_kwargs);
    } else if (strcmp(name->bytes, "catch_varargs") == 0) {
        *ret = tval_bool(def->uses_varargs);
    } else if (strcmp(name->bytes, "caller") == 0) {
        *ret = tval_bool(def->uses_caller);
    } else if (strcmp(name->bytes, "arguments") == 0) {
        tseq *names = NULL;
        TRY(tseq_create(r, def->parameter_count, &names));
        for (const tnode *p = def->parameters; p != NULL; p = p->next) {
            TRY(tseq_push(r, names, p->value));
        }
        *ret = tval_seq(T_TUPLE, names);
    }
    return HEARTH_OK;
}

/* loop(items): the loop's body again over other items. */
hearth_status tcall_loop(trun *r, tloop *l, const tcall *call, tval *ret)
{
    const size_t mark = r->out->length;
    if (!l->node->flag) {
        return TRUN_WRONG(r, "The loop must have the 'recursive' marker to be called recursively.");
    }
    if (call->count != 1 || call->keyword_count != 0) {
        return TRUN_WRONG(r, "loop() takes one argument");
    }
    const uint32_t line = r->line;
    TRY(deeper(r));
    TRY(teval_loop((teval *)r, l->scope, l->node, call->args[0], l->depth + 1));
    r->calls--;
    r->line = line;
    return tval_take(r, r->out, mark, ret);
}

static hearth_status loop_cycle(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    if (call->count == 0) {
        return TRUN_WRONG(r, "no items for cycling given");
    }
    *ret = call->args[self.as.loop->index % call->count];
    return HEARTH_OK;
}

static hearth_status loop_changed(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tseq *values = NULL;
    bool same = false;
    (void)args;
    TRY(tseq_create(r, call->count, &values));
    for (size_t i = 0; i < call->count; i++) {
        TRY(tseq_push(r, values, call->args[i]));
    }
    const tval now = tval_seq(T_TUPLE, values);
    if (self.as.loop->changed.kind != T_MISSING) {
        TRY(tval_equal(r, self.as.loop->changed, now, &same));
    }
    self.as.loop->changed = now;
    *ret = tval_bool(!same);
    return HEARTH_OK;
}

static hearth_status loop_method(trun *r, tval self, const tbuiltin *builtin, tval *ret)
{
    tmethod *method = trun_alloc(r, 1, sizeof *method);
    if (method == NULL) {
        return trun_memory(r);
    }
    *method = (tmethod){.self = self, .builtin = builtin};
    *ret = (tval){.kind = T_METHOD, .as.method = method};
    return HEARTH_OK;
}

static bool loop_number(const tloop *l, const char *name, int64_t *ret)
{
    const struct {
        const char *name;
        size_t value;
    } numbers[] = {
        {"index", l->index + 1}, {"index0", l->index},
        {"length", l->count},    {"revindex", l->count - l->index},
        {"depth", l->depth + 1}, {"revindex0", l->count - l->index - 1},
        {"depth0", l->depth},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *ret = (int64_t)numbers[i].value;
            return true;
        }
    }
    return false;
}

hearth_status tcall_loop_attribute(trun *r, tval v, const tstring *name, tval *ret)
{
    static const tbuiltin cycle = {"cycle", NULL, 0, loop_cycle};
    static const tbuiltin changed = {"changed", NULL, 0, loop_changed};
    const tloop *l = v.as.loop;
    int64_t number = 0;
    ret->kind = T_MISSING;
    if (loop_number(l, name->bytes, &number)) {
        *ret = tval_int(number);
    } else if (strcmp(name->bytes, "first") == 0) {
        *ret = tval_bool(l->index == 0);
    } else if (strcmp(name->bytes, "last") == 0) {
        *ret = tval_bool(l->index + 1 >= l->count);
    } else if (strcmp(name->bytes, "previtem") == 0) {
        if (l->index == 0) {
            return tval_undefined_hint(r, "there is no previous item", ret);
        }
        *ret = l->items[l->index - 1];
    } else if (strcmp(name->bytes, "nextitem") == 0) {
        if (l->index + 1 >= l->count) {
            return tval_undefined_hint(r, "there is no next item", ret);
        }
        *ret = l->items[l->index + 1];
    } else if (strcmp(name->bytes, "cycle") == 0) {
        return loop_method(r, v, &cycle, ret);
    } else if (strcmp(name->bytes, "changed") == 0) {
        return loop_method(r, v, &changed, ret);
    }
    return HEARTH_OK;
}

hearth_status tcall_loop_repr(trun *r, tval v, buffer *out)
{
    return buffer_printf(out, r->error, "<LoopContext %zu/%zu>", v.as.loop->index + 1, v.as.loop->count);
}
