/* How Python prints values: str() and repr(). */
#include "generate/template_call.h"
#include "generate/template_format.h"
#include "generate/template_text.h"
#include "generate/template_value.h"

#include "base/utf8.h"

#include <string.h>

static hearth_status print_escape(trun *r, uint32_t code, buffer *out)
{
    if (code < 0x100) {
        return buffer_printf(out, r->error, "\\x%02x", code);
    }
    if (code < 0x10000) {
        return buffer_printf(out, r->error, "\\u%04x", code);
    }
    return buffer_printf(out, r->error, "\\U%08x", code);
}

static hearth_status repr_character(trun *r, const char *bytes, size_t size, uint32_t code, char quote, buffer *out)
{
    const char *escapes = "\n\\n\r\\r\t\\t\\\\\\";
    for (const char *e = escapes; *e != '\0'; e += 3) {
        if (code == (unsigned char)*e) {
            return buffer_append(out, e + 1, 2, r->error);
        }
    }
    if (code == (unsigned char)quote) {
        TRY(buffer_append_char(out, '\\', r->error));
    } else if (!ttext_printable(code)) {
        return print_escape(r, code, out);
    }
    return buffer_append(out, bytes, size, r->error);
}

static hearth_status repr_string(trun *r, const tstring *s, buffer *out)
{
    const bool single = memchr(s->bytes, '\'', s->length) != NULL;
    const bool twice = memchr(s->bytes, '"', s->length) != NULL;
    const char quote = single && !twice ? '"' : '\'';
    TRY(trun_work(r, s->length * 8));
    TRY(buffer_append_char(out, quote, r->error));
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        TRY(repr_character(r, s->bytes + at, size, code, quote, out));
        at += size;
    }
    return buffer_append_char(out, quote, r->error);
}

static hearth_status repr_items(trun *r, const tseq *s, const char *open, const char *close, buffer *out)
{
    TRY(trun_enter(r));
    TRY(buffer_append_text(out, open, r->error));
    for (size_t i = 0; i < s->count; i++) {
        if (i > 0) {
            TRY(buffer_append_text(out, ", ", r->error));
        }
        TRY(tval_repr(r, s->items[i], out));
    }
    trun_leave(r);
    return buffer_append_text(out, close, r->error);
}

static hearth_status repr_dict(trun *r, const tdict *d, buffer *out)
{
    TRY(trun_enter(r));
    TRY(buffer_append_char(out, '{', r->error));
    for (size_t i = 0; i < d->count; i++) {
        if (i > 0) {
            TRY(buffer_append_text(out, ", ", r->error));
        }
        TRY(tval_repr(r, d->pairs[i].key, out));
        TRY(buffer_append_text(out, ": ", r->error));
        TRY(tval_repr(r, d->pairs[i].value, out));
    }
    trun_leave(r);
    return buffer_append_char(out, '}', r->error);
}

static hearth_status repr_view(trun *r, tval v, buffer *out)
{
    TRY(buffer_printf(out, r->error, "%s(", tval_type(v)));
    return repr_items(r, v.as.seq, "[", "])", out);
}

static hearth_status repr_range(trun *r, const tseq *s, buffer *out)
{
    TRY(buffer_printf(out, r->error, "range(%lld, %lld", (long long)s->start, (long long)s->stop));
    if (s->step != 1) {
        TRY(buffer_printf(out, r->error, ", %lld", (long long)s->step));
    }
    return buffer_append_char(out, ')', r->error);
}

static hearth_status repr_number(trun *r, tval v, buffer *out)
{
    if (v.kind == T_FLOAT) {
        char text[TFORMAT_FLOAT_SIZE];
        return buffer_append_text(out, tformat_float(v.as.real, text), r->error);
    }
    if (v.kind == T_BOOL) {
        return buffer_append_text(out, v.as.boolean ? "True" : "False", r->error);
    }
    return buffer_printf(out, r->error, "%lld", (long long)v.as.integer);
}

static hearth_status repr_object(trun *r, tval v, buffer *out)
{
    if (v.kind == T_MACRO) {
        return buffer_printf(out, r->error, "<Macro '%s'>", tcall_macro_name(v));
    }
    if (v.kind == T_LOOP) {
        return tcall_loop_repr(r, v, out);
    }
    if (v.kind == T_NAMESPACE) {
        TRY(buffer_append_text(out, "<Namespace ", r->error));
        TRY(repr_dict(r, v.as.dict, out));
        return buffer_append_char(out, '>', r->error);
    }
    return buffer_printf(out, r->error, "<%s object>", tval_type(v));
}

hearth_status tval_repr(trun *r, tval v, buffer *out)
{
    TRY(trun_work(r, 0));
    switch (v.kind) {
    case T_MISSING:
    case T_UNDEFINED:
        return buffer_append_text(out, "Undefined", r->error);
    case T_NONE:
        return buffer_append_text(out, "None", r->error);
    case T_BOOL:
    case T_INT:
    case T_FLOAT:
        return repr_number(r, v, out);
    case T_STRING:
        TRY(buffer_append_text(out, v.markup ? "Markup(" : "", r->error));
        TRY(repr_string(r, v.as.string, out));
        return buffer_append_text(out, v.markup ? ")" : "", r->error);
    case T_LIST:
        return repr_items(r, v.as.seq, "[", "]", out);
    case T_TUPLE:
        return repr_items(r, v.as.seq, "(", v.as.seq->count == 1 ? ",)" : ")", out);
    case T_DICT:
        return repr_dict(r, v.as.dict, out);
    case T_VIEW:
        return repr_view(r, v, out);
    case T_RANGE:
        return repr_range(r, v.as.seq, out);
    default:
        return repr_object(r, v, out);
    }
}

hearth_status tval_print(trun *r, tval v, buffer *out)
{
    if (v.kind == T_UNDEFINED) {
        return HEARTH_OK;
    }
    if (v.kind == T_STRING) {
        TRY(trun_work(r, v.as.string->length));
        return buffer_append(out, v.as.string->bytes, v.as.string->length, r->error);
    }
    return tval_repr(r, v, out);
}

hearth_status tval_str(trun *r, tval v, tval *ret)
{
    if (v.kind == T_STRING) {
        *ret = v;
        return HEARTH_OK;
    }
    const size_t start = r->out->length;
    TRY(tval_print(r, v, r->out));
    return tval_take(r, r->out, start, ret);
}
