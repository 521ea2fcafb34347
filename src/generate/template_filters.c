/* Filters of text and numbers, and the finding of filters by name. */
#define _GNU_SOURCE /* memmem, memrchr */
#include "generate/template_filters.h"
#include "generate/template_format.h"
#include "generate/template_text.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* soft_str(): what most text filters do first. */
static hearth_status as_text(trun *r, tval self, const tstring **ret)
{
    tval text;
    TRY(tval_str(r, self, &text));
    *ret = text.as.string;
    return HEARTH_OK;
}

static hearth_status change_case(trun *r, tval self, tcase how, tval *ret)
{
    const tstring *s = NULL;
    TRY(as_text(r, self, &s));
    TRY(ttext_case(r, s, how, ret));
    ret->markup = self.markup;
    return HEARTH_OK;
}

static hearth_status filter_upper(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return change_case(r, self, TCASE_UPPER, ret);
}

static hearth_status filter_lower(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return change_case(r, self, TCASE_LOWER, ret);
}

static hearth_status filter_capitalize(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return change_case(r, self, TCASE_CAPITALIZE, ret);
}

/* item[0].upper() + item[1:].lower() */
static hearth_status title_word(trun *r, const tstring *s, size_t start, size_t end, tseq *parts)
{
    uint32_t code = 0;
    const size_t first = utf8_decode_lossy(s->bytes + start, end - start, &code);
    tval part;
    TRY(tval_string(r, s->bytes + start, first, &part));
    TRY(ttext_case(r, part.as.string, TCASE_UPPER, &part));
    TRY(tseq_push(r, parts, part));
    TRY(tval_string(r, s->bytes + start + first, end - start - first, &part));
    TRY(ttext_case(r, part.as.string, TCASE_LOWER, &part));
    return tseq_push(r, parts, part);
}

/* A word begins behind one of -({[< or white space; the rest of it becomes lower case. */
static hearth_status filter_title(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = NULL;
    tseq *parts = NULL;
    (void)args;
    (void)call;
    TRY(as_text(r, self, &s));
    TRY(tseq_create(r, 0, &parts));
    size_t start = 0;
    for (size_t at = 0; at <= s->length;) {
        uint32_t code = 0;
        const size_t size = at < s->length ? utf8_decode_lossy(s->bytes + at, s->length - at, &code) : 1;
        const bool ends = at == s->length || ttext_space(code) || (code < 0x80 && strchr("-({[<", (int)code) != NULL);
        if (ends && at > start) {
            TRY(title_word(r, s, start, at, parts));
        }
        if (ends && at < s->length) {
            tval mark;
            TRY(tval_string(r, s->bytes + at, size, &mark));
            TRY(tseq_push(r, parts, mark));
        }
        at += size;
        start = ends ? at : start;
    }
    const size_t mark = r->out->length;
    for (size_t i = 0; i < parts->count; i++) {
        TRY(tval_print(r, parts->items[i], r->out));
    }
    return tval_take(r, r->out, mark, ret);
}

static hearth_status filter_trim(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *chars = NULL;
    tval text;
    (void)call;
    TRY(tcall_string(r, args[0], &chars));
    TRY(tval_str(r, self, &text));
    TRY(ttext_strip(r, text, chars, 3, ret));
    ret->markup = self.markup;
    return HEARTH_OK;
}

static hearth_status filter_string(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    return tval_str(r, self, ret);
}

static hearth_status filter_replace(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = NULL;
    const tstring *from = NULL;
    const tstring *to = NULL;
    int64_t most = -1;
    (void)call;
    TRY(as_text(r, self, &s));
    TRY(as_text(r, args[0], &from));
    TRY(as_text(r, args[1], &to));
    TRY(tcall_integer(r, args[2], -1, &most));
    return ttext_replace(r, s, from, to, most, ret);
}

static hearth_status filter_default(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)call;
    const bool replace = self.kind == T_UNDEFINED || (tcall_flag(args[1], false) && !tval_truth(self));
    *ret = replace ? args[0] : self;
    return replace && args[0].kind == T_MISSING ? tval_text(r, "", ret) : HEARTH_OK;
}

static hearth_status indent_lines(trun *r, const tseq *lines, const tstring *by, bool blank)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (i > 0) {
            TRY(buffer_append_char(r->out, '\n', r->error));
            if (blank || lines->items[i].as.string->length > 0) {
                TRY(buffer_append(r->out, by->bytes, by->length, r->error));
            }
        }
        TRY(tval_print(r, lines->items[i], r->out));
    }
    return HEARTH_OK;
}

static hearth_status filter_indent(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t width = 4;
    tval by = args[0];
    tval text;
    tval lines;
    (void)call;
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    if (self.kind != T_STRING) {
        return TRUN_WRONG(r, "unsupported operand type(s) for +=: '%s' and 'str'", tval_type(self));
    }
    if (by.kind != T_STRING) {
        const size_t mark = r->out->length;
        TRY(tcall_integer(r, by, 4, &width));
        for (int64_t i = 0; i < width; i++) {
            TRY(trun_work(r, 0));
            TRY(buffer_append_char(r->out, ' ', r->error));
        }
        TRY(tval_take(r, r->out, mark, &by));
    }
    const size_t mark = r->out->length;
    TRY(tval_print(r, self, r->out));
    TRY(buffer_append_char(r->out, '\n', r->error));
    TRY(tval_take(r, r->out, mark, &text));
    TRY(ttext_splitlines(r, text.as.string, false, &lines));
    if (tcall_flag(args[1], false)) {
        TRY(tval_print(r, by, r->out));
    }
    TRY(indent_lines(r, lines.as.seq, by.as.string, tcall_flag(args[2], false)));
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = self.markup;
    return HEARTH_OK;
}

static hearth_status filter_truncate(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = NULL;
    const tstring *end = NULL;
    int64_t length = 255;
    int64_t leeway = 5;
    tval kept;
    size_t size = 0;
    (void)call;
    TRY(tcall_integer(r, args[0], 255, &length));
    TRY(tcall_string(r, args[2], &end));
    TRY(tcall_integer(r, args[3], 5, &leeway));
    const tstring dots = {.bytes = "...", .length = 3, .points = 3};
    end = end != NULL ? end : &dots;
    if (length < (int64_t)end->points || leeway < 0 || !tval_length(self, &size)) {
        return TRUN_WRONG(r, "truncate: no text, or a length or leeway that is too small");
    }
    if ((int64_t)size <= length || (int64_t)size - length <= leeway) {
        *ret = self;
        return HEARTH_OK;
    }
    TRY(tcall_string(r, self, &s));
    if (s == NULL) {
        return TRUN_WRONG(r, "truncate: no text");
    }
    TRY(ttext_slice(r, s, 0, 1, (size_t)length - end->points, &kept));
    size_t keep = kept.as.string->length;
    if (!tcall_flag(args[1], false)) {
        const char *space = keep > 0 ? memrchr(kept.as.string->bytes, ' ', keep) : NULL;
        keep = space != NULL ? (size_t)(space - kept.as.string->bytes) : keep;
    }
    tval tail = {.kind = T_STRING, .markup = args[2].markup, .as.string = end};
    if (self.markup) {
        TRY(tcall_escape(r, tail, &tail));
    }
    const size_t mark = r->out->length;
    TRY(buffer_append(r->out, kept.as.string->bytes, keep, r->error));
    TRY(tval_print(r, tail, r->out));
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = self.markup;
    return HEARTH_OK;
}

static hearth_status filter_wordcount(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = NULL;
    int64_t words = 0;
    bool inside = false;
    (void)args;
    (void)call;
    TRY(as_text(r, self, &s));
    TRY(trun_work(r, s->length * 8));
    for (size_t at = 0; at < s->length;) {
        uint32_t code = 0;
        at += utf8_decode_lossy(s->bytes + at, s->length - at, &code);
        const bool word = ttext_word(code);
        words += word && !inside;
        inside = word;
    }
    *ret = tval_int(words);
    return HEARTH_OK;
}

static hearth_status filter_center(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval width = args[0].kind == T_MISSING ? tval_int(80) : args[0];
    const tcall inner = {.args = &width, .count = 1};
    tval text;
    (void)call;
    TRY(tval_str(r, self, &text));
    return tcall_builtin(r, tmethod_string("center"), text, &inner, ret);
}

static hearth_status filter_format(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    tval text;
    tseq *values = NULL;
    tdict *names = NULL;
    (void)args;
    TRY(tval_str(r, self, &text));
    if (call->count > 0 && call->keyword_count > 0) {
        return TRUN_WRONG(r, "can't handle positional and keyword arguments at the same time");
    }
    TRY(tseq_create(r, call->count, &values));
    TRY(tdict_create(r, &names));
    for (size_t i = 0; i < call->count; i++) {
        TRY(tseq_push(r, values, call->args[i]));
    }
    for (size_t i = 0; i < call->keyword_count; i++) {
        const tval name = {.kind = T_STRING, .as.string = call->keywords[i].name};
        TRY(tdict_set(r, names, name, call->keywords[i].value));
    }
    return tformat_percent(r, text, call->keyword_count > 0 ? tval_dict(names) : tval_seq(T_TUPLE, values), ret);
}

static hearth_status escape_text(trun *r, const tstring *s, tval *ret)
{
    static const struct {
        char character;
        const char *text;
    } escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'\'', "&#39;"}, {'"', "&#34;"}};
    const size_t mark = r->out->length;
    TRY(trun_work(r, s->length * 4));
    for (size_t i = 0; i < s->length; i++) {
        const char *text = NULL;
        for (size_t k = 0; k < sizeof escapes / sizeof escapes[0]; k++) {
            text = escapes[k].character == s->bytes[i] ? escapes[k].text : text;
        }
        TRY(text != NULL ? buffer_append_text(r->out, text, r->error)
                         : buffer_append_char(r->out, s->bytes[i], r->error));
    }
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = true;
    return HEARTH_OK;
}

static hearth_status filter_forceescape(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *s = NULL;
    (void)args;
    (void)call;
    TRY(as_text(r, self, &s));
    return escape_text(r, s, ret);
}

static hearth_status filter_escape(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    if (self.kind == T_STRING && self.markup) {
        *ret = self;
        return HEARTH_OK;
    }
    return filter_forceescape(r, self, args, call, ret);
}

static hearth_status filter_safe(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    TRY(tval_str(r, self, ret));
    ret->markup = true;
    return HEARTH_OK;
}

static hearth_status quote(trun *r, tval v, const char *keep, bool form)
{
    const tstring *s = NULL;
    TRY(as_text(r, v, &s));
    TRY(trun_work(r, s->length * 4));
    for (size_t i = 0; i < s->length; i++) {
        const unsigned char c = (unsigned char)s->bytes[i];
        const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           (c != 0 && strchr(keep, c) != NULL);
        if (plain) {
            TRY(buffer_append_char(r->out, (char)c, r->error));
        } else if (form && c == ' ') {
            TRY(buffer_append_char(r->out, '+', r->error));
        } else {
            TRY(buffer_printf(r->out, r->error, "%%%02X", c));
        }
    }
    return HEARTH_OK;
}

static hearth_status filter_urlencode(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const size_t mark = r->out->length;
    const tval *items = NULL;
    size_t count = 0;
    (void)args;
    (void)call;
    if (self.kind == T_STRING || !tval_iterable(self)) {
        TRY(quote(r, self, "_.-~/", false));
        return tval_take(r, r->out, mark, ret);
    }
    if (self.kind == T_DICT) {
        TRY(tdict_view(r, self.as.dict, TVIEW_ITEMS, &self));
    }
    TRY(tval_items(r, self, &items, &count));
    for (size_t i = 0; i < count; i++) {
        const tval *pair = NULL;
        size_t size = 0;
        TRY(tval_items(r, items[i], &pair, &size));
        if (size != 2) {
            return TRUN_WRONG(r, "not enough values to unpack (expected 2, got %zu)", size);
        }
        TRY(buffer_append_text(r->out, i > 0 ? "&" : "", r->error));
        TRY(quote(r, pair[0], "_.-~", true));
        TRY(buffer_append_char(r->out, '=', r->error));
        TRY(quote(r, pair[1], "_.-~", true));
    }
    return tval_take(r, r->out, mark, ret);
}

static hearth_status filter_abs(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    (void)args;
    (void)call;
    if (self.kind == T_FLOAT) {
        *ret = tval_float(fabs(self.as.real));
        return HEARTH_OK;
    }
    if (!tval_is_integer(self)) {
        return self.kind == T_UNDEFINED ? tval_undefined_fail(r, self)
                                        : TRUN_WRONG(r, "bad operand type for abs(): '%s'", tval_type(self));
    }
    const int64_t number = tval_integer(self);
    if (number == INT64_MIN) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "an integer of more than 64 bits");
    }
    *ret = tval_int(number < 0 ? -number : number);
    return HEARTH_OK;
}

static hearth_status integer_of_float(trun *r, double d, tval otherwise, tval *ret)
{
    if (isnan(d) || isinf(d)) {
        *ret = otherwise;
        return HEARTH_OK;
    }
    if (d >= 9223372036854775808.0 || d < -9223372036854775808.0) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "an integer of more than 64 bits");
    }
    *ret = tval_int((int64_t)d);
    return HEARTH_OK;
}

static hearth_status filter_int(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tval otherwise = args[0].kind == T_MISSING ? tval_int(0) : args[0];
    int64_t base = 10;
    int64_t number = 0;
    double real = 0;
    bool valid = false;
    (void)call;
    TRY(tcall_integer(r, args[1], 10, &base));
    *ret = otherwise;
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    if (tval_is_integer(self)) {
        *ret = tval_int(tval_integer(self));
        return HEARTH_OK;
    }
    if (self.kind == T_FLOAT) {
        return integer_of_float(r, self.as.real, otherwise, ret);
    }
    if (self.kind != T_STRING) {
        return HEARTH_OK;
    }
    TRY(tformat_parse_int(r, self.as.string, base, &valid, &number));
    if (valid) {
        *ret = tval_int(number);
        return HEARTH_OK;
    }
    return tformat_parse_float(self.as.string, &real) ? integer_of_float(r, real, otherwise, ret) : HEARTH_OK;
}

static hearth_status filter_float(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    double real = 0;
    (void)call;
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    if (tval_is_number(self)) {
        *ret = tval_float(tval_real(self));
    } else if (self.kind == T_STRING && tformat_parse_float(self.as.string, &real)) {
        *ret = tval_float(real);
    } else {
        *ret = args[0].kind == T_MISSING ? tval_float(0.0) : args[0];
    }
    return HEARTH_OK;
}

/* Python's round(): halves go to the even digit, decided on the decimal digits of the number itself. */
static hearth_status round_common(trun *r, double d, int64_t precision, tval *ret)
{
    const int64_t digits = precision > 300 ? 300 : precision;
    if (isnan(d) || isinf(d) || precision > 300) {
        *ret = tval_float(d);
        return HEARTH_OK;
    }
    if (digits < 0) {
        const double scale = pow(10.0, (double)-digits);
        *ret = tval_float(digits < -308 ? 0.0 * d : nearbyint(d / scale) * scale);
        return HEARTH_OK;
    }
    const size_t mark = r->out->length;
    tval text;
    TRY(buffer_printf(r->out, r->error, "%.*f", (int)digits, d));
    TRY(tval_take(r, r->out, mark, &text));
    *ret = tval_float(strtod(text.as.string->bytes, NULL));
    return HEARTH_OK;
}

static hearth_status filter_round(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    int64_t precision = 0;
    (void)call;
    TRY(tcall_integer(r, args[0], 0, &precision));
    const bool common = args[1].kind == T_MISSING || tval_is(args[1], "common");
    const bool up = tval_is(args[1], "ceil");
    if (!common && !up && !tval_is(args[1], "floor")) {
        return TRUN_WRONG(r, "method must be common, ceil or floor");
    }
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    if (!tval_is_number(self)) {
        return TRUN_WRONG(r, "type %s doesn't define __round__ method", tval_type(self));
    }
    if (common && self.kind != T_FLOAT && precision >= 0) {
        *ret = tval_int(tval_integer(self));
        return HEARTH_OK;
    }
    if (common) {
        TRY(round_common(r, tval_real(self), precision, ret));
        return self.kind == T_FLOAT ? HEARTH_OK : integer_of_float(r, ret->as.real, tval_int(0), ret);
    }
    const double scale = pow(10.0, (double)precision);
    const double scaled = tval_real(self) * scale;
    *ret = tval_float((up ? ceil(scaled) : floor(scaled)) / scale);
    return HEARTH_OK;
}

static hearth_status filter_filesizeformat(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const bool binary = tcall_flag(args[0], false);
    const double base = binary ? 1024.0 : 1000.0;
    const size_t mark = r->out->length;
    tval number = {.kind = T_MISSING};
    (void)call;
    TRY(filter_float(r, self, args + 1, call, &number));
    double parsed = 0;
    if (!tval_is_number(self) && (self.kind != T_STRING || !tformat_parse_float(self.as.string, &parsed))) {
        return TRUN_WRONG(r, "float() argument must be a string or a real number, not '%s'", tval_type(self));
    }
    const double bytes = tval_real(number);
    if (bytes == 1.0 || bytes < base) {
        TRY(bytes == 1.0 ? buffer_append_text(r->out, "1 Byte", r->error)
                         : buffer_printf(r->out, r->error, "%.0f Bytes", trunc(bytes)));
        return tval_take(r, r->out, mark, ret);
    }
    const char *letters = binary ? "KMGTPEZY" : "kMGTPEZY";
    double unit = base * base;
    size_t at = 0;
    while (at < 7 && bytes >= unit) {
        unit *= base;
        at++;
    }
    TRY(buffer_printf(r->out, r->error, "%.1f %c%s", base * bytes / unit, letters[at], binary ? "iB" : "B"));
    return tval_take(r, r->out, mark, ret);
}

static hearth_status filter_attr(trun *r, tval self, const tval *args, const tcall *call, tval *ret)
{
    const tstring *name = NULL;
    (void)call;
    TRY(tcall_string(r, args[0], &name));
    if (name == NULL) {
        return TRUN_WRONG(r, "attribute name must be string");
    }
    if (self.kind == T_UNDEFINED) {
        return tval_undefined_fail(r, self);
    }
    TRY(tmethod_attribute(r, self, name, ret));
    return ret->kind == T_MISSING ? tval_undefined(r, self, args[0], ret) : HEARTH_OK;
}

static const tbuiltin filters[] = {
    {"upper", "", 0, filter_upper},
    {"lower", "", 0, filter_lower},
    {"capitalize", "", 0, filter_capitalize},
    {"title", "", 0, filter_title},
    {"trim", "chars", 0, filter_trim},
    {"string", "", 0, filter_string},
    {"replace", "old new count", 2, filter_replace},
    {"default", "default_value boolean", 0, filter_default},
    {"d", "default_value boolean", 0, filter_default},
    {"indent", "width first blank", 0, filter_indent},
    {"truncate", "length killwords end leeway", 0, filter_truncate},
    {"wordcount", "", 0, filter_wordcount},
    {"center", "width", 0, filter_center},
    {"format", NULL, 0, filter_format},
    {"escape", "", 0, filter_escape},
    {"e", "", 0, filter_escape},
    {"forceescape", "", 0, filter_forceescape},
    {"safe", "", 0, filter_safe},
    {"urlencode", "", 0, filter_urlencode},
    {"abs", "", 0, filter_abs},
    {"int", "default base", 0, filter_int},
    {"float", "default", 0, filter_float},
    {"round", "precision method", 0, filter_round},
    {"filesizeformat", "binary", 0, filter_filesizeformat},
    {"attr", "name", 1, filter_attr},
    {"tojson", "ensure_ascii indent separators sort_keys", 0, tfilter_tojson},
};

const tbuiltin *tfilter_find(const char *name)
{
    const tbuiltin *found = tcall_find(filters, sizeof filters / sizeof filters[0], name);
    return found != NULL ? found : tfilter_list_find(name);
}
