/* Methods and attributes of what is not a string (lists, dicts, numbers, cyclers), and the functions that every
 * template sees: range, dict, namespace, cycler, joiner, raise_exception, strftime_now. */
#include "generate/template_call.h"
#include "generate/template_format.h"
#include "generate/template_text.h"

#include <math.h>
#include <string.h>

#define RANGE_MOST 100000u /* jinja2's sandbox */

static hearth_status dict_keys(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return tdict_view(r, self.as.dict, TVIEW_KEYS, ret);
}

static hearth_status dict_values(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return tdict_view(r, self.as.dict, TVIEW_VALUES, ret);
}

static hearth_status dict_items(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return tdict_view(r, self.as.dict, TVIEW_ITEMS, ret);
}

static hearth_status dict_get(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    TRY(tdict_get(r, self.as.dict, args[0], ret));
    if (ret->kind == T_MISSING) {
        *ret = args[1].kind == T_MISSING ? tval_none() : args[1];
    }
    return HEARTH_OK;
}

static hearth_status dict_copy(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    *ret = self;
    return HEARTH_OK;
}

static hearth_status list_index(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tseq *s = self.as.seq;
    (void)call;
    for (size_t i = 0; i < s->count; i++) {
        bool equal = false;
        TRY(tval_equal(r, s->items[i], args[0], &equal));
        if (equal) {
            *ret = tval_int((int64_t)i);
            return HEARTH_OK;
        }
    }
    return TRUN_WRONG(r, "the value is not in the %s", tval_type(self));
}

static hearth_status list_count(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tseq *s = self.as.seq;
    int64_t count = 0;
    (void)call;
    for (size_t i = 0; i < s->count; i++) {
        bool equal = false;
        TRY(tval_equal(r, s->items[i], args[0], &equal));
        count += equal;
    }
    *ret = tval_int(count);
    return HEARTH_OK;
}

static hearth_status int_bit_length(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t bits = 0;
    (void)r;
    (void)args;
    (void)call;
    const int64_t number = tval_integer(self);
    for (uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number; left > 0; left >>= 1) {
        bits++;
    }
    *ret = tval_int(bits);
    return HEARTH_OK;
}

static hearth_status number_is_integer(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    *ret = tval_bool(self.kind != T_FLOAT || floor(self.as.real) == self.as.real);
    return HEARTH_OK;
}

static hearth_status cycler_next(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tseq *s = self.as.seq;
    (void)r;
    (void)args;
    (void)call;
    *ret = s->items[s->position];
    s->position = (s->position + 1) % s->count;
    return HEARTH_OK;
}

static hearth_status cycler_reset(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)r;
    (void)args;
    (void)call;
    self.as.seq->position = 0;
    *ret = tval_none();
    return HEARTH_OK;
}

static const tbuiltin dict_methods[] = {
    {"items", "", 0, dict_items},         {"keys", "", 0, dict_keys}, {"values", "", 0, dict_values},
    {"get", "/key default", 1, dict_get}, {"copy", "", 0, dict_copy},
};
static const tbuiltin list_methods[] = {
    {"index", "/value", 1, list_index}, {"count", "/value", 1, list_count}, {"copy", "", 0, dict_copy}};
static const tbuiltin integer_methods[] = {{"bit_length", "", 0, int_bit_length},
                                           {"is_integer", "", 0, number_is_integer}};
static const tbuiltin float_methods[] = {{"is_integer", "", 0, number_is_integer}};
static const tbuiltin cycler_methods[] = {{"next", "", 0, cycler_next}, {"reset", "", 0, cycler_reset}};

static const tbuiltin *find_method(tval object, const char *name)
{
    switch (object.kind) {
    case T_STRING:
        return tmethod_string(name);
    case T_DICT:
        return tcall_find(dict_methods, sizeof dict_methods / sizeof dict_methods[0], name);
    case T_LIST:
        return tcall_find(list_methods, 3, name);
    case T_TUPLE:
    case T_RANGE:
        return tcall_find(list_methods, 2, name);
    case T_BOOL:
    case T_INT:
        return tcall_find(integer_methods, sizeof integer_methods / sizeof integer_methods[0], name);
    case T_FLOAT:
        return tcall_find(float_methods, 1, name);
    case T_CYCLER:
        return tcall_find(cycler_methods, 2, name);
    default:
        return NULL;
    }
}

/* groupby's pairs have names. */
static bool group_attribute(tval object, const tstring *name, tval *ret)
{
    if (object.kind != T_TUPLE || object.as.seq->view != TVIEW_ITEMS || object.as.seq->count != 2) {
        return false;
    }
    const bool grouper = strcmp(name->bytes, "grouper") == 0;
    if (grouper || strcmp(name->bytes, "list") == 0) {
        *ret = object.as.seq->items[grouper ? 0 : 1];
        return true;
    }
    return false;
}

hearth_status tmethod_attribute(trun *r, tval object, const tstring *name, tval *ret)
{
    const tval key = {.kind = T_STRING, .as.string = name};
    ret->kind = T_MISSING;
    switch (object.kind) {
    case T_NAMESPACE:
        return tdict_get(r, object.as.dict, key, ret);
    case T_MACRO:
        return tcall_macro_attribute(r, object, name, ret);
    case T_LOOP:
        return tcall_loop_attribute(r, object, name, ret);
    case T_CYCLER:
        if (strcmp(name->bytes, "current") == 0) {
            *ret = object.as.seq->items[object.as.seq->position];
            return HEARTH_OK;
        }
        break;
    default:
        if (group_attribute(object, name, ret)) {
            return HEARTH_OK;
        }
        break;
    }
    const tbuiltin *builtin = find_method(object, name->bytes);
    if (builtin == NULL) {
        return HEARTH_OK;
    }
    tmethod *method = trun_alloc(r, 1, sizeof *method);
    if (method == NULL) {
        return trun_memory(r);
    }
    *method = (tmethod){.self = object, .builtin = builtin};
    *ret = (tval){.kind = T_METHOD, .as.method = method};
    return HEARTH_OK;
}

static hearth_status make_range(trun *r, int64_t start, int64_t stop, int64_t step, tval *ret)
{
    uint64_t count = 0;
    tseq *s = NULL;
    if (step > 0 && start < stop) {
        count = ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1;
    } else if (step < 0 && stop < start) {
        count = ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1;
    }
    if (count > RANGE_MOST) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%u).",
                         RANGE_MOST);
    }
    TRY(trun_work(r, (size_t)count * 8));
    TRY(tseq_create(r, (size_t)count, &s));
    for (uint64_t i = 0; i < count; i++) {
        s->items[i] = tval_int(start + (int64_t)i * step);
    }
    s->count = (size_t)count;
    s->start = start;
    s->stop = stop;
    s->step = step;
    *ret = tval_seq(T_RANGE, s);
    return HEARTH_OK;
}

static hearth_status fn_range(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t number[3] = {0, 0, 1};
    (void)self;
    for (size_t i = 0; i < call->count; i++) {
        if (args[i].kind == T_NONE) {
            return TRUN_WRONG(r, "'NoneType' object cannot be interpreted as an integer");
        }
        TRY(tcall_integer(r, args[i], 0, &number[call->count == 1 ? 1 : i]));
    }
    if (call->keyword_count > 0 || number[2] == 0) {
        return TRUN_WRONG(r, number[2] == 0 ? "range() arg 3 must not be zero" : "range() takes no keyword arguments");
    }
    return make_range(r, number[0], number[1], number[2], ret);
}

/* dict(mapping or pairs, names…). */
static hearth_status fill_dict(trun *r, const tcall *call, tdict *d)
{
    if (call->count > 1) {
        return TRUN_WRONG(r, "dict expected at most 1 argument, got %zu", call->count);
    }
    if (call->count == 1 && call->args[0].kind == T_DICT) {
        const tdict *from = call->args[0].as.dict;
        for (size_t i = 0; i < from->count; i++) {
            TRY(tdict_set(r, d, from->pairs[i].key, from->pairs[i].value));
        }
    } else if (call->count == 1) {
        const tval *items = NULL;
        size_t count = 0;
        TRY(tval_items(r, call->args[0], &items, &count));
        for (size_t i = 0; i < count; i++) {
            const tval *pair = NULL;
            size_t size = 0;
            TRY(tval_items(r, items[i], &pair, &size));
            if (size != 2) {
                return TRUN_WRONG(r, "dictionary update sequence element has length %zu; 2 is required", size);
            }
            TRY(tdict_set(r, d, pair[0], pair[1]));
        }
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        const tval name = {.kind = T_STRING, .as.string = call->keywords[i].name};
        TRY(tdict_set(r, d, name, call->keywords[i].value));
    }
    return HEARTH_OK;
}

static hearth_status fn_dict(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tdict *d = NULL;
    (void)self;
    (void)args;
    TRY(tdict_create(r, &d));
    TRY(fill_dict(r, call, d));
    *ret = tval_dict(d);
    return HEARTH_OK;
}

static hearth_status fn_namespace(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    TRY(fn_dict(r, self, args, call, ret));
    for (size_t i = 0; i < ret->as.dict->count; i++) {
        const tval key = ret->as.dict->pairs[i].key;
        if (key.kind == T_STRING && key.as.string->bytes[0] == '_') {
            return TRUN_WRONG(r, "a namespace cannot hold '%s': its name begins with an underscore",
                              key.as.string->bytes);
        }
    }
    ret->kind = T_NAMESPACE;
    return HEARTH_OK;
}

static hearth_status fn_cycler(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tseq *s = NULL;
    (void)self;
    (void)args;
    if (call->count == 0) {
        return TRUN_WRONG(r, "at least one item has to be provided");
    }
    TRY(tseq_create(r, call->count, &s));
    for (size_t i = 0; i < call->count; i++) {
        TRY(tseq_push(r, s, call->args[i]));
    }
    *ret = tval_seq(T_CYCLER, s);
    return HEARTH_OK;
}

static hearth_status fn_joiner(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tjoiner *joiner = trun_alloc(r, 1, sizeof *joiner);
    (void)self;
    (void)call;
    if (joiner == NULL) {
        return trun_memory(r);
    }
    joiner->separator = args[0];
    if (args[0].kind == T_MISSING) {
        TRY(tval_text(r, ", ", &joiner->separator));
    }
    *ret = (tval){.kind = T_JOINER, .as.joiner = joiner};
    return HEARTH_OK;
}

static hearth_status fn_raise_exception(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tval message;
    (void)self;
    (void)call;
    (void)ret;
    TRY(tval_str(r, args[0], &message));
    return TRUN_FAIL(r, HEARTH_E_ARGUMENT, "%s", message.as.string->bytes);
}

static hearth_status fn_strftime_now(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *pattern = NULL;
    (void)self;
    (void)call;
    TRY(tcall_string(r, args[0], &pattern));
    return pattern != NULL ? tformat_time(r, pattern, ret) : TRUN_WRONG(r, "strftime() argument must be str");
}

static const tbuiltin functions[] = {
    {"range", "/start stop step", 1, fn_range},
    {"dict", NULL, 0, fn_dict},
    {"namespace", NULL, 0, fn_namespace},
    {"cycler", NULL, 0, fn_cycler},
    {"joiner", "sep", 0, fn_joiner},
    {"raise_exception", "message", 1, fn_raise_exception},
    {"strftime_now", "format", 1, fn_strftime_now},
};

tval tcall_global(const char *name)
{
    static const tfunction values[sizeof functions / sizeof functions[0]] = {
        {&functions[0]}, {&functions[1]}, {&functions[2]}, {&functions[3]},
        {&functions[4]}, {&functions[5]}, {&functions[6]},
    };
    const tbuiltin *builtin = tcall_find(functions, sizeof functions / sizeof functions[0], name);
    if (builtin == NULL) {
        return (tval){.kind = T_MISSING};
    }
    return (tval){.kind = T_FUNCTION, .as.function = &values[builtin - functions]};
}
