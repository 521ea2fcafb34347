/* JSON to values, and the filter tojson as transformers has it: Python's json.dumps with ensure_ascii off. */
#include "generate/template_json.h"

#include "generate/template_filters.h"
#include "generate/template_format.h"

#include "base/utf8.h"

#include <math.h>
#include <string.h>

static hearth_status array_value(trun *r, const json_t *json, tval *ret)
{
    tseq *items = NULL;
    const size_t count = json_array_size(json);
    TRY(tseq_create(r, count, &items));
    for (size_t i = 0; i < count; i++) {
        tval item;
        TRY(tjson_value(r, json_array_get(json, i), &item));
        TRY(tseq_push(r, items, item));
    }
    *ret = tval_seq(T_LIST, items);
    return HEARTH_OK;
}

static hearth_status object_value(trun *r, const json_t *json, tval *ret)
{
    tdict *d = NULL;
    json_t *object = (json_t *)json; /* jansson's iterators take no const; nothing is changed */
    TRY(tdict_create(r, &d));
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        tval key;
        tval value;
        TRY(tval_text(r, json_object_iter_key(at), &key));
        TRY(tjson_value(r, json_object_iter_value(at), &value));
        TRY(tdict_set(r, d, key, value));
    }
    *ret = tval_dict(d);
    return HEARTH_OK;
}

hearth_status tjson_value(trun *r, const json_t *json, tval *ret)
{
    hearth_status status = HEARTH_OK;
    TRY(trun_enter(r));
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        status = object_value(r, json, ret);
        break;
    case JSON_ARRAY:
        status = array_value(r, json, ret);
        break;
    case JSON_STRING:
        status = tval_string(r, json_string_value(json), json_string_length(json), ret);
        break;
    case JSON_INTEGER:
        *ret = tval_int(json_integer_value(json));
        break;
    case JSON_REAL:
        *ret = tval_float(json_real_value(json));
        break;
    case JSON_NULL:
        *ret = tval_none();
        break;
    default:
        *ret = tval_bool(json_is_true(json));
        break;
    }
    trun_leave(r);
    return status;
}

/* The options of one json.dumps. */
typedef struct dump {
    trun *run;
    bool ascii, sort;
    const tstring *indent; /* NULL: all on one line */
    const tstring *item_separator, *key_separator;
    size_t level;
} dump;

static hearth_status put(dump *d, const tstring *s)
{
    return buffer_append(d->run->out, s->bytes, s->length, d->run->error);
}

static hearth_status put_text(dump *d, const char *text)
{
    return buffer_append_text(d->run->out, text, d->run->error);
}

static hearth_status put_escape(dump *d, uint32_t code)
{
    if (code >= 0x10000) {
        const uint32_t rest = code - 0x10000;
        return buffer_printf(d->run->out, d->run->error, "\\u%04x\\u%04x", 0xD800 + (rest >> 10),
                             0xDC00 + (rest & 0x3FF));
    }
    return buffer_printf(d->run->out, d->run->error, "\\u%04x", code);
}

static hearth_status put_string(dump *d, const tstring *s)
{
    static const char escapes[] = "\"\"\\\\\nn\rr\tt\ff\bb";
    TRY(trun_work(d->run, s->length * 4));
    TRY(put_text(d, "\""));
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        const char *escape = NULL;
        for (const char *e = escapes; *e != '\0'; e += 2) {
            escape = code == (unsigned char)*e ? e : escape;
        }
        if (escape != NULL) {
            TRY(buffer_printf(d->run->out, d->run->error, "\\%c", escape[1]));
        } else if (code < 0x20 || (d->ascii && code >= 0x7F)) {
            TRY(put_escape(d, code));
        } else {
            TRY(buffer_append(d->run->out, s->bytes + at, size, d->run->error));
        }
        at += size;
    }
    return put_text(d, "\"");
}

static hearth_status put_number(dump *d, tval v)
{
    if (v.kind == T_FLOAT && isnan(v.as.real)) {
        return put_text(d, "NaN");
    }
    if (v.kind == T_FLOAT && isinf(v.as.real)) {
        return put_text(d, v.as.real < 0 ? "-Infinity" : "Infinity");
    }
    return tval_print(d->run, v, d->run->out);
}

static hearth_status put_newline(dump *d)
{
    if (d->indent == NULL) {
        return HEARTH_OK;
    }
    TRY(put_text(d, "\n"));
    for (size_t i = 0; i < d->level; i++) {
        TRY(trun_work(d->run, d->indent->length));
        TRY(put(d, d->indent));
    }
    return HEARTH_OK;
}

static hearth_status put_value(dump *d, tval v);

static hearth_status put_items(dump *d, const tseq *s)
{
    if (s->count == 0) {
        return put_text(d, "[]");
    }
    TRY(put_text(d, "["));
    d->level++;
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0) {
            TRY(put(d, d->item_separator));
        }
        TRY(put_newline(d));
        TRY(put_value(d, s->items[i]));
    }
    d->level--;
    TRY(put_newline(d));
    return put_text(d, "]");
}

static hearth_status put_key(dump *d, tval key)
{
    if (key.kind == T_STRING) {
        return put_string(d, key.as.string);
    }
    if (!tval_is_number(key) && key.kind != T_NONE) {
        return TRUN_WRONG(d->run, "keys must be str, int, float, bool or None, not %s", tval_type(key));
    }
    TRY(put_text(d, "\""));
    TRY(put_value(d, key));
    return put_text(d, "\"");
}

static hearth_status sorted_pairs(dump *d, tdict *from, const tval **ret, size_t *ret_count)
{
    const tbuiltin *sort = tfilter_find("dictsort");
    tval case_sensitive = tval_bool(true);
    const tcall call = {.args = &case_sensitive, .count = 1};
    tval pairs;
    TRY(tcall_builtin(d->run, sort, tval_dict(from), &call, &pairs));
    return tval_items(d->run, pairs, ret, ret_count);
}

static hearth_status put_dict(dump *d, tdict *from)
{
    const tval *sorted = NULL;
    size_t count = from->count;
    if (count == 0) {
        return put_text(d, "{}");
    }
    if (d->sort) {
        TRY(sorted_pairs(d, from, &sorted, &count));
    }
    TRY(put_text(d, "{"));
    d->level++;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            TRY(put(d, d->item_separator));
        }
        TRY(put_newline(d));
        TRY(put_key(d, sorted != NULL ? sorted[i].as.seq->items[0] : from->pairs[i].key));
        TRY(put(d, d->key_separator));
        TRY(put_value(d, sorted != NULL ? sorted[i].as.seq->items[1] : from->pairs[i].value));
    }
    d->level--;
    TRY(put_newline(d));
    return put_text(d, "}");
}

static hearth_status put_nested(dump *d, tval v)
{
    TRY(trun_enter(d->run));
    TRY(v.kind == T_DICT ? put_dict(d, v.as.dict) : put_items(d, v.as.seq));
    trun_leave(d->run);
    return HEARTH_OK;
}

static hearth_status put_value(dump *d, tval v)
{
    TRY(trun_work(d->run, 0));
    switch (v.kind) {
    case T_NONE:
        return put_text(d, "null");
    case T_BOOL:
        return put_text(d, v.as.boolean ? "true" : "false");
    case T_INT:
    case T_FLOAT:
        return put_number(d, v);
    case T_STRING:
        return put_string(d, v.as.string);
    case T_LIST:
    case T_TUPLE:
    case T_DICT:
        return put_nested(d, v);
    default:
        return TRUN_WRONG(d->run, "Object of type %s is not JSON serializable", tval_type(v));
    }
}

/* indent: a number of spaces or the text itself. */
static hearth_status read_indent(dump *d, tval arg)
{
    if (arg.kind == T_STRING) {
        d->indent = arg.as.string;
    } else if (arg.kind != T_MISSING && arg.kind != T_NONE) {
        const size_t mark = d->run->out->length;
        int64_t width = 0;
        tval spaces;
        TRY(tcall_integer(d->run, arg, 0, &width));
        for (int64_t i = 0; i < width; i++) {
            TRY(trun_work(d->run, 0));
            TRY(put_text(d, " "));
        }
        TRY(tval_take(d->run, d->run->out, mark, &spaces));
        d->indent = spaces.as.string;
    }
    return HEARTH_OK;
}

static hearth_status read_separators(dump *d, tval arg)
{
    static const tstring comma = {",", 1, 1};
    static const tstring comma_space = {", ", 2, 2};
    static const tstring colon_space = {": ", 2, 2};
    const tval *items = NULL;
    size_t count = 0;
    d->item_separator = d->indent != NULL ? &comma : &comma_space;
    d->key_separator = &colon_space;
    if (arg.kind == T_MISSING || arg.kind == T_NONE) {
        return HEARTH_OK;
    }
    TRY(tval_items(d->run, arg, &items, &count));
    if (count != 2 || items[0].kind != T_STRING || items[1].kind != T_STRING) {
        return TRUN_WRONG(d->run, "separators must be two strings");
    }
    d->item_separator = items[0].as.string;
    d->key_separator = items[1].as.string;
    return HEARTH_OK;
}

hearth_status tfilter_tojson(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    dump d = {.run = r, .ascii = tcall_flag(args[0], false), .sort = tcall_flag(args[3], false)};
    (void)call;
    TRY(read_indent(&d, args[1]));
    TRY(read_separators(&d, args[2]));
    const size_t mark = r->out->length;
    TRY(put_value(&d, self));
    return tval_take(r, r->out, mark, ret);
}
