/* Making values: strings, sequences, undefined values. Dictionaries are in template_dict.c, what Python's operators say
 * about values in template_compare.c, their printed form in template_print.c. */
#include "generate/template_value.h"

#include "generate/template_text.h"

#include <string.h>

hearth_status tval_string(trun *r, const char *bytes, size_t length, tval *ret)
{
    TRY(trun_work(r, length));
    tstring *s = trun_alloc(r, 1, sizeof *s);
    char *copy = s != NULL ? arena_strndup(r->memory, bytes, length) : NULL;
    if (copy == NULL) {
        return trun_memory(r);
    }
    *s = (tstring){.bytes = copy, .length = length, .points = ttext_points(copy, length)};
    *ret = (tval){.kind = T_STRING, .as.string = s};
    return HEARTH_OK;
}

hearth_status tval_text(trun *r, const char *text, tval *ret)
{
    return tval_string(r, text, strlen(text), ret);
}

hearth_status tval_take(trun *r, buffer *b, size_t start, tval *ret)
{
    TRY(tval_string(r, buffer_text(b) + start, b->length - start, ret));
    b->length = start;
    if (b->data != NULL) {
        b->data[start] = '\0';
    }
    return HEARTH_OK;
}

static hearth_status undefined_create(trun *r, tundefined what, tval *ret)
{
    tundefined *u = trun_alloc(r, 1, sizeof *u);
    if (u == NULL) {
        return trun_memory(r);
    }
    *u = what;
    *ret = (tval){.kind = T_UNDEFINED, .as.undefined = u};
    return HEARTH_OK;
}

hearth_status tval_undefined_hint(trun *r, const char *hint, tval *ret)
{
    return undefined_create(r, (tundefined){.hint = hint}, ret);
}

hearth_status tval_undefined(trun *r, tval object, tval name, tval *ret)
{
    return undefined_create(r, (tundefined){.object = object, .name = name}, ret);
}

hearth_status tval_undefined_report(trun *r, tval v)
{
    const tundefined *u = v.as.undefined;
    if (u->hint != NULL) {
        return TRUN_WRONG(r, "%s", u->hint);
    }
    const size_t start = r->out->length;
    TRY(tval_repr(r, u->name, r->out));
    tval name;
    TRY(tval_take(r, r->out, start, &name));
    if (u->object.kind == T_MISSING) {
        return TRUN_WRONG(r, "%s is undefined", name.as.string->bytes);
    }
    const char *type = u->object.kind == T_NONE ? "None" : tval_type(u->object);
    const char *object = u->object.kind == T_NONE ? "" : " object";
    if (u->name.kind != T_STRING) {
        return TRUN_WRONG(r, "%s%s has no element %s", type, object, name.as.string->bytes);
    }
    return TRUN_WRONG(r, "'%s%s' has no attribute %s", type, object, name.as.string->bytes);
}

hearth_status tseq_create(trun *r, size_t capacity, tseq **ret)
{
    tseq *s = trun_alloc(r, 1, sizeof *s);
    tval *items = s != NULL ? trun_alloc(r, capacity, sizeof *items) : NULL;
    if (items == NULL) {
        return trun_memory(r);
    }
    *s = (tseq){.items = items, .capacity = capacity};
    *ret = s;
    return HEARTH_OK;
}

hearth_status tseq_push(trun *r, tseq *s, tval item)
{
    TRY(trun_work(r, 0));
    if (s->count == s->capacity) {
        const size_t capacity = s->capacity < 4 ? 8 : s->capacity * 2;
        tval *items = trun_alloc(r, capacity, sizeof *items);
        if (items == NULL) {
            return trun_memory(r);
        }
        if (s->count > 0) {
            memcpy(items, s->items, s->count * sizeof *items);
        }
        s->items = items;
        s->capacity = capacity;
    }
    s->items[s->count++] = item;
    return HEARTH_OK;
}

hearth_status tval_pair(trun *r, tval a, tval b, tval *ret)
{
    tseq *s = NULL;
    TRY(tseq_create(r, 2, &s));
    s->items[0] = a;
    s->items[1] = b;
    s->count = 2;
    *ret = tval_seq(T_TUPLE, s);
    return HEARTH_OK;
}

const char *tval_type(tval v)
{
    static const char *const names[] = {
        [T_MISSING] = "missing",
        [T_UNDEFINED] = "Undefined",
        [T_NONE] = "NoneType",
        [T_BOOL] = "bool",
        [T_INT] = "int",
        [T_FLOAT] = "float",
        [T_STRING] = "str",
        [T_LIST] = "list",
        [T_TUPLE] = "tuple",
        [T_DICT] = "dict",
        [T_VIEW] = "dict_items",
        [T_RANGE] = "range",
        [T_ITERATOR] = "generator",
        [T_NAMESPACE] = "Namespace",
        [T_MACRO] = "Macro",
        [T_FUNCTION] = "function",
        [T_METHOD] = "method",
        [T_LOOP] = "LoopContext",
        [T_CYCLER] = "Cycler",
        [T_JOINER] = "Joiner",
    };
    if (v.kind == T_VIEW) {
        static const char *const views[] = {
            [TVIEW_KEYS] = "dict_keys", [TVIEW_VALUES] = "dict_values", [TVIEW_ITEMS] = "dict_items"};
        return views[v.as.seq->view];
    }
    return names[v.kind];
}

bool tval_iterable(tval v)
{
    switch (v.kind) {
    case T_UNDEFINED:
    case T_STRING:
    case T_LIST:
    case T_TUPLE:
    case T_DICT:
    case T_VIEW:
    case T_RANGE:
    case T_ITERATOR:
    case T_LOOP:
        return true;
    default:
        return false;
    }
}

bool tval_length(tval v, size_t *ret)
{
    switch (v.kind) {
    case T_UNDEFINED:
        *ret = 0;
        return true;
    case T_STRING:
        *ret = v.as.string->points;
        return true;
    case T_LIST:
    case T_TUPLE:
    case T_VIEW:
    case T_RANGE:
        *ret = v.as.seq->count;
        return true;
    case T_DICT:
        *ret = v.as.dict->count;
        return true;
    default:
        return false;
    }
}

static hearth_status string_items(trun *r, const tstring *s, tseq **ret)
{
    TRY(tseq_create(r, s->points, ret));
    for (size_t at = 0; at < s->length;) {
        size_t size = 1;
        while (at + size < s->length && ((unsigned char)s->bytes[at + size] & 0xC0) == 0x80) {
            size++;
        }
        tval character;
        TRY(tval_string(r, s->bytes + at, size, &character));
        TRY(tseq_push(r, *ret, character));
        at += size;
    }
    return HEARTH_OK;
}

hearth_status tval_items(trun *r, tval v, const tval **ret_items, size_t *ret_count)
{
    tseq *s = NULL;
    switch (v.kind) {
    case T_UNDEFINED:
        *ret_items = NULL;
        *ret_count = 0;
        return HEARTH_OK;
    case T_LIST:
    case T_TUPLE:
    case T_VIEW:
    case T_RANGE:
        *ret_items = v.as.seq->items;
        *ret_count = v.as.seq->count;
        return HEARTH_OK;
    case T_ITERATOR:
        *ret_items = v.as.seq->items + v.as.seq->position;
        *ret_count = v.as.seq->count - v.as.seq->position;
        v.as.seq->position = v.as.seq->count;
        return HEARTH_OK;
    case T_STRING:
        TRY(string_items(r, v.as.string, &s));
        break;
    case T_DICT: {
        tval keys;
        TRY(tdict_view(r, v.as.dict, TVIEW_KEYS, &keys));
        s = keys.as.seq;
        break;
    }
    default:
        return TRUN_WRONG(r, "'%s' object is not iterable", tval_type(v));
    }
    *ret_items = s->items;
    *ret_count = s->count;
    return HEARTH_OK;
}
