/* How a call reaches what it calls, and how attributes and items are found. */
#include "generate/template_call.h"
#include "generate/template_text.h"

#include <string.h>

const tbuiltin *tcall_find(const tbuiltin *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* The number of `name` among the words of `parameters`; `count` words in all. -1 when it is none. */
static int parameter_number(const char *parameters, const char *name, unsigned *count)
{
    int found = -1;
    *count = 0;
    while (*parameters != '\0') {
        const size_t length = strcspn(parameters, " ");
        if (name != NULL && strlen(name) == length && memcmp(parameters, name, length) == 0) {
            found = (int)*count;
        }
        (*count)++;
        parameters += length;
        parameters += *parameters == ' ';
    }
    return found;
}

static hearth_status bind(trun *r, const tbuiltin *b, const tcall *call, tval args[TCALL_MOST])
{
    unsigned most = 0;
    const bool positional = b->parameters[0] == '/';
    const char *parameters = b->parameters + positional;
    (void)parameter_number(parameters, NULL, &most);
    if (call->count > most) {
        return TRUN_WRONG(r, "%s() takes at most %u arguments (%zu given)", b->name, most, call->count);
    }
    for (size_t i = 0; i < call->count; i++) {
        args[i] = call->args[i];
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        const int at = parameter_number(parameters, call->keywords[i].name->bytes, &most);
        if (positional || at < 0 || args[at].kind != T_MISSING) {
            return TRUN_WRONG(r, "%s() got an unexpected keyword argument '%s'", b->name,
                              call->keywords[i].name->bytes);
        }
        args[at] = call->keywords[i].value;
    }
    for (unsigned i = 0; i < b->required; i++) {
        if (args[i].kind == T_MISSING) {
            return TRUN_WRONG(r, "%s() misses a required argument", b->name);
        }
    }
    return HEARTH_OK;
}

hearth_status tcall_builtin(trun *r, const tbuiltin *b, tval self, const tcall *call, tval *ret)
{
    tval args[TCALL_MOST] = {0};
    TRY(trun_work(r, 0));
    if (b->parameters != NULL) {
        TRY(bind(r, b, call, args));
    }
    if (self.kind != T_STRING || !self.markup) {
        return b->fn(r, self, args, call, ret);
    }
    TRY(tmethod_markup_before(r, b, args));
    TRY(b->fn(r, self, args, call, ret));
    tmethod_markup_after(b, ret);
    return HEARTH_OK;
}

hearth_status tcall_escape(trun *r, tval v, tval *ret)
{
    const tcall none = {0};
    *ret = v;
    return v.kind == T_STRING && v.markup ? HEARTH_OK : tcall_builtin(r, tfilter_find("escape"), v, &none, ret);
}

static hearth_status call_joiner(trun *r, tval callee, tval *ret)
{
    if (callee.as.joiner->used) {
        *ret = callee.as.joiner->separator;
        return HEARTH_OK;
    }
    callee.as.joiner->used = true;
    return tval_text(r, "", ret);
}

hearth_status tcall_value(trun *r, tval callee, const tcall *call, tval *ret)
{
    hearth_status status = HEARTH_OK;
    TRY(trun_enter(r));
    switch (callee.kind) {
    case T_FUNCTION:
        status = tcall_builtin(r, callee.as.function->builtin, callee, call, ret);
        break;
    case T_METHOD:
        status = tcall_builtin(r, callee.as.method->builtin, callee.as.method->self, call, ret);
        break;
    case T_MACRO:
        status = tcall_macro(r, callee.as.macro, call, ret);
        break;
    case T_LOOP:
        status = tcall_loop(r, callee.as.loop, call, ret);
        break;
    case T_JOINER:
        status = call_joiner(r, callee, ret);
        break;
    case T_UNDEFINED:
        status = tval_undefined_fail(r, callee);
        break;
    default:
        status = TRUN_WRONG(r, "'%s' object is not callable", tval_type(callee));
        break;
    }
    trun_leave(r);
    return status;
}

hearth_status tcall_integer(trun *r, tval arg, int64_t otherwise, int64_t *ret)
{
    if (arg.kind == T_MISSING || arg.kind == T_NONE) {
        *ret = otherwise;
        return HEARTH_OK;
    }
    if (arg.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, arg);
    }
    if (!tval_is_integer(arg)) {
        return TRUN_WRONG(r, "'%s' object cannot be interpreted as an integer", tval_type(arg));
    }
    *ret = tval_integer(arg);
    return HEARTH_OK;
}

hearth_status tcall_string(trun *r, tval arg, const tstring **ret)
{
    if (arg.kind == T_MISSING || arg.kind == T_NONE) {
        *ret = NULL;
        return HEARTH_OK;
    }
    if (arg.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, arg);
    }
    if (arg.kind != T_STRING) {
        return TRUN_WRONG(r, "expected str, got %s", tval_type(arg));
    }
    *ret = arg.as.string;
    return HEARTH_OK;
}

static bool is_dunder(const tstring *name)
{
    return name->length > 4 && memcmp(name->bytes, "__", 2) == 0 &&
           memcmp(name->bytes + name->length - 2, "__", 2) == 0;
}

static hearth_status unsafe(trun *r, tval object, const tstring *name, tval *ret)
{
    const size_t mark = r->out->length;
    tval hint;
    TRY(buffer_printf(r->out, r->error, "access to attribute '%s' of '%s' object is unsafe.", name->bytes,
                      tval_type(object)));
    TRY(tval_take(r, r->out, mark, &hint));
    return tval_undefined_hint(r, hint.as.string->bytes, ret);
}

/* What the sandbox hides: a list's append and the like change values. */
static bool changes(tval object, const char *name)
{
    static const char *const dict_names[] = {"clear", "pop", "popitem", "setdefault", "update", NULL};
    static const char *const list_names[] = {"append", "clear",  "pop",    "reverse", "insert",
                                             "sort",   "extend", "remove", NULL};
    static const char *const none[] = {NULL};
    for (const char *const *n = object.kind == T_DICT ? dict_names : (object.kind == T_LIST ? list_names : none);
         *n != NULL; n++) {
        if (strcmp(*n, name) == 0) {
            return true;
        }
    }
    return false;
}

/* getattr(object, name), with what the sandbox forbids as an undefined value that says so; T_MISSING without one. */
static hearth_status attribute(trun *r, tval object, const tstring *name, tval *ret)
{
    if (object.kind != T_NAMESPACE && (is_dunder(name) || changes(object, name->bytes))) {
        return unsafe(r, object, name, ret);
    }
    return tmethod_attribute(r, object, name, ret);
}

/* object[key]; T_MISSING where Python raises TypeError, IndexError or KeyError. */
static hearth_status item(trun *r, tval object, tval key, tval *ret)
{
    size_t count = 0;
    ret->kind = T_MISSING;
    if (object.kind == T_DICT) {
        bool possible = false;
        TRY(tval_hashable(r, key, &possible));
        return possible ? tdict_get(r, object.as.dict, key, ret) : HEARTH_OK;
    }
    const bool indexed =
        object.kind == T_STRING || object.kind == T_LIST || object.kind == T_TUPLE || object.kind == T_RANGE;
    if (!indexed || !tval_is_integer(key)) {
        return HEARTH_OK;
    }
    (void)tval_length(object, &count);
    int64_t at = tval_integer(key);
    at += at < 0 ? (int64_t)count : 0;
    if (at < 0 || at >= (int64_t)count) {
        return HEARTH_OK;
    }
    if (object.kind == T_STRING) {
        const tstring *s = object.as.string;
        TRY(trun_work(r, s->points == s->length ? 0 : s->length * 4));
        const size_t start = ttext_offset(s, (size_t)at);
        size_t end = start + 1;
        while (end < s->length && ((unsigned char)s->bytes[end] & 0xC0) == 0x80) {
            end++;
        }
        TRY(tval_string(r, s->bytes + start, end - start, ret));
        ret->markup = object.markup;
        return HEARTH_OK;
    }
    *ret = object.as.seq->items[at];
    return HEARTH_OK;
}

hearth_status tvalue_getattr(trun *r, tval object, const tstring *name, tval *ret)
{
    const tval key = {.kind = T_STRING, .as.string = name};
    if (object.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, object);
    }
    TRY(attribute(r, object, name, ret));
    if (ret->kind == T_MISSING) {
        TRY(item(r, object, key, ret));
    }
    return ret->kind == T_MISSING ? tval_undefined(r, object, key, ret) : HEARTH_OK;
}

hearth_status tvalue_getitem(trun *r, tval object, tval key, tval *ret)
{
    if (object.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, object);
    }
    TRY(item(r, object, key, ret));
    if (ret->kind == T_MISSING && key.kind == T_STRING) {
        TRY(attribute(r, object, key.as.string, ret));
    }
    return ret->kind == T_MISSING ? tval_undefined(r, object, key, ret) : HEARTH_OK;
}
