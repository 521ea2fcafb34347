/* "…" % values and "…".format(): patterns filled in with values. Both end in one field: a number or a text with a
 * width, an alignment and a precision. */
#include "generate/template_format.h"
#include "generate/template_text.h"

#include <math.h>
#include <string.h>

#define WIDTH_MOST 1000000

typedef struct field {
    const char *fill; /* one character */
    size_t fill_size;
    char align; /* '<' '>' '^' '=' or NUL: what the type has by itself */
    char sign;  /* '+', ' ' or NUL */
    bool alternate;
    char group; /* ',' or '_' between thousands, or NUL */
    int width;
    int precision; /* -1: none */
    char type;     /* NUL: none */
} field;

static hearth_status pad(trun *r, const field *f, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(trun_work(r, 0));
        TRY(buffer_append(r->out, f->fill, f->fill_size, r->error));
    }
    return HEARTH_OK;
}

/* `head`: bytes of sign and prefix, which '=' puts before the padding. */
static hearth_status put_aligned(trun *r, const field *f, const char *text, size_t length, size_t head, char natural)
{
    const size_t points = ttext_points(text, length);
    const size_t room = f->width > 0 && (size_t)f->width > points ? (size_t)f->width - points : 0;
    const char align = f->align != '\0' ? f->align : natural;
    const size_t left = align == '<' || align == '=' ? 0 : (align == '^' ? room / 2 : room);
    TRY(pad(r, f, left));
    if (align == '=') {
        TRY(buffer_append(r->out, text, head, r->error));
        TRY(pad(r, f, room));
        return buffer_append(r->out, text + head, length - head, r->error);
    }
    TRY(buffer_append(r->out, text, length, r->error));
    return pad(r, f, room - left);
}

/* Thousands of the digits text[start..end). */
static size_t group_digits(char *text, size_t length, size_t start, size_t end, char group)
{
    for (size_t at = end; at > start + 3; at -= 3) {
        memmove(text + at - 2, text + at - 3, length - (at - 3));
        text[at - 3] = group;
        length++;
    }
    return length;
}

static hearth_status put_integer(trun *r, const field *f, int64_t number)
{
    char text[128];
    size_t length = 0;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    const unsigned base = f->type == 'x' || f->type == 'X' ? 16 : (f->type == 'o' ? 8 : (f->type == 'b' ? 2 : 10));
    char digits[72];
    size_t count = 0;
    do {
        const unsigned digit = (unsigned)(left % base);
        digits[count++] = (char)(digit < 10 ? '0' + digit : (f->type == 'X' ? 'A' : 'a') + digit - 10);
        left /= base;
    } while (left > 0);
    while ((int)count < f->precision && count < 60) {
        digits[count++] = '0';
    }
    if (number < 0 || f->sign != '\0') {
        text[length++] = number < 0 ? '-' : f->sign;
    }
    if (f->alternate && base != 10) {
        text[length++] = '0';
        text[length++] = f->type;
    }
    const size_t head = length;
    while (count > 0) {
        text[length++] = digits[--count];
    }
    if (f->group != '\0') {
        length = group_digits(text, length, head, length, f->group);
    }
    return put_aligned(r, f, text, length, head, '>');
}

static hearth_status float_text(trun *r, const field *f, double magnitude, tval *ret)
{
    const size_t mark = r->out->length;
    const int precision = f->precision < 0 ? 6 : f->precision;
    char shortest[TFORMAT_FLOAT_SIZE];
    switch (f->type) {
    case 'e':
        TRY(buffer_printf(r->out, r->error, "%.*e", precision, magnitude));
        break;
    case 'E':
        TRY(buffer_printf(r->out, r->error, "%.*E", precision, magnitude));
        break;
    case 'g':
    case 'G':
        TRY(buffer_printf(r->out, r->error, "%.*g", precision, magnitude));
        break;
    case '%':
        TRY(buffer_printf(r->out, r->error, "%.*f%%", precision, magnitude * 100.0));
        break;
    case '\0':
        if (f->precision < 0) {
            TRY(buffer_append_text(r->out, tformat_float(magnitude, shortest), r->error));
        } else {
            TRY(buffer_printf(r->out, r->error, "%.*g", precision, magnitude));
        }
        break;
    default:
        TRY(buffer_printf(r->out, r->error, "%.*f", precision, magnitude));
        break;
    }
    return tval_take(r, r->out, mark, ret);
}

static hearth_status put_float(trun *r, const field *f, double number)
{
    tval digits;
    tval text;
    size_t head = 0;
    TRY(float_text(r, f, fabs(number), &digits));
    const size_t mark = r->out->length;
    if (signbit(number) || f->sign != '\0') {
        TRY(buffer_append_char(r->out, signbit(number) ? '-' : f->sign, r->error));
        head = 1;
    }
    const char *bytes = digits.as.string->bytes;
    const size_t whole = strspn(bytes, "0123456789");
    for (size_t i = 0; i < whole; i++) {
        if (f->group != '\0' && i > 0 && (whole - i) % 3 == 0) {
            TRY(buffer_append_char(r->out, f->group, r->error));
        }
        TRY(buffer_append_char(r->out, bytes[i], r->error));
    }
    TRY(buffer_append_text(r->out, bytes + whole, r->error));
    TRY(tval_take(r, r->out, mark, &text));
    return put_aligned(r, f, text.as.string->bytes, text.as.string->length, head, '>');
}

static hearth_status put_string(trun *r, const field *f, tval text, char natural)
{
    const tstring *s = text.as.string;
    const size_t length = f->precision >= 0 ? ttext_offset(s, (size_t)f->precision) : s->length;
    return put_aligned(r, f, s->bytes, length, 0, natural);
}

/* ---- % ---- */

typedef struct percent {
    trun *run;
    const char *at;
    const char *end;
    tval arguments;
    size_t used;
    bool named;
    bool escape; /* the texts that are put in */
} percent;

static hearth_status next_argument(percent *p, tval *ret)
{
    if (p->arguments.kind == T_TUPLE) {
        if (p->used >= p->arguments.as.seq->count) {
            return TRUN_WRONG(p->run, "not enough arguments for format string");
        }
        *ret = p->arguments.as.seq->items[p->used++];
        return HEARTH_OK;
    }
    if (p->used++ > 0) {
        return TRUN_WRONG(p->run, "not enough arguments for format string");
    }
    *ret = p->arguments;
    return HEARTH_OK;
}

static hearth_status percent_number(percent *p, int *ret)
{
    int64_t number = 0;
    if (p->at < p->end && *p->at == '*') {
        tval argument;
        p->at++;
        TRY(next_argument(p, &argument));
        TRY(tcall_integer(p->run, argument, 0, &number));
    }
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') {
        number = number > WIDTH_MOST ? number : number * 10 + (*p->at - '0');
        p->at++;
    }
    if (number > WIDTH_MOST || number < -WIDTH_MOST) {
        return TRUN_FAIL(p->run, HEARTH_E_LIMIT, "a width of more than %d characters", WIDTH_MOST);
    }
    *ret = (int)number;
    return HEARTH_OK;
}

static hearth_status percent_name(percent *p, tval *ret)
{
    const char *close = memchr(p->at, ')', (size_t)(p->end - p->at));
    tval key;
    if (close == NULL) {
        return TRUN_WRONG(p->run, "incomplete format key");
    }
    if (p->arguments.kind != T_DICT) {
        return TRUN_WRONG(p->run, "format requires a mapping");
    }
    TRY(tval_string(p->run, p->at + 1, (size_t)(close - p->at - 1), &key));
    TRY(tdict_get(p->run, p->arguments.as.dict, key, ret));
    p->at = close + 1;
    p->named = true;
    return ret->kind != T_MISSING ? HEARTH_OK : TRUN_WRONG(p->run, "KeyError: '%s'", key.as.string->bytes);
}

static hearth_status percent_flags(percent *p, field *f)
{
    for (; p->at < p->end && strchr("-+ #0", *p->at) != NULL; p->at++) {
        switch (*p->at) {
        case '-':
            f->align = '<';
            break;
        case '0':
            if (f->align == '\0') {
                f->align = '=';
                f->fill = "0";
            }
            break;
        case '#':
            f->alternate = true;
            break;
        default:
            f->sign = f->sign == '+' ? '+' : *p->at;
            break;
        }
    }
    TRY(percent_number(p, &f->width));
    if (f->width < 0) {
        f->align = '<';
        f->width = -f->width;
    }
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        TRY(percent_number(p, &f->precision));
        f->precision = f->precision < 0 ? 0 : f->precision;
    }
    while (p->at < p->end && strchr("hlL", *p->at) != NULL) {
        p->at++;
    }
    return HEARTH_OK;
}

static hearth_status percent_text(percent *p, field *f, tval value)
{
    tval text;
    const size_t mark = p->run->out->length;
    f->align = f->align == '<' ? '<' : '>';
    f->fill = " ";
    if (f->type == 's') {
        TRY(tval_str(p->run, value, &text));
    } else {
        TRY(tval_repr(p->run, value, p->run->out));
        TRY(tval_take(p->run, p->run->out, mark, &text));
    }
    if (p->escape) {
        TRY(tcall_escape(p->run, text, &text));
    }
    return put_string(p->run, f, text, '>');
}

static hearth_status percent_value(percent *p, field *f, tval value)
{
    switch (f->type) {
    case 's':
    case 'r':
    case 'a':
        return percent_text(p, f, value);
    case 'c':
        if (value.kind == T_STRING && value.as.string->points == 1) {
            f->type = 's';
            return percent_text(p, f, value);
        }
        return TRUN_WRONG(p->run, "%%c requires int or char");
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        if (value.kind == T_FLOAT && (f->type == 'd' || f->type == 'i' || f->type == 'u') &&
            fabs(value.as.real) < 9.2e18) {
            value = tval_int((int64_t)value.as.real);
        }
        if (!tval_is_integer(value)) {
            return TRUN_WRONG(p->run, "%%%c format: a real number is required, not %s", f->type, tval_type(value));
        }
        return put_integer(p->run, f, tval_integer(value));
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (!tval_is_number(value)) {
            return TRUN_WRONG(p->run, "must be real number, not %s", tval_type(value));
        }
        return put_float(p->run, f, tval_real(value));
    default:
        return TRUN_WRONG(p->run, "unsupported format character '%c'", f->type);
    }
}

static hearth_status percent_field(percent *p)
{
    field f = {.fill = " ", .fill_size = 1, .precision = -1};
    tval value = {.kind = T_MISSING};
    if (p->at < p->end && *p->at == '(') {
        TRY(percent_name(p, &value));
    }
    TRY(percent_flags(p, &f));
    if (p->at == p->end) {
        return TRUN_WRONG(p->run, "incomplete format");
    }
    f.type = *p->at++;
    if (f.type == '%') {
        return buffer_append_char(p->run->out, '%', p->run->error);
    }
    if (value.kind == T_MISSING) {
        TRY(next_argument(p, &value));
    }
    return percent_value(p, &f, value);
}

/* What Python takes for a mapping here, so that none of it needs to be used. */
static bool has_items(tval v)
{
    return v.kind == T_DICT || v.kind == T_LIST || v.kind == T_RANGE || v.kind == T_UNDEFINED;
}

hearth_status tformat_percent(trun *r, tval pattern, tval arguments, tval *ret)
{
    const size_t mark = r->out->length;
    const tstring *s = pattern.as.string;
    percent p = {
        .run = r, .at = s->bytes, .end = s->bytes + s->length, .arguments = arguments, .escape = pattern.markup};
    while (p.at < p.end) {
        const char *next = memchr(p.at, '%', (size_t)(p.end - p.at));
        next = next != NULL ? next : p.end;
        TRY(trun_work(r, (size_t)(next - p.at)));
        TRY(buffer_append(r->out, p.at, (size_t)(next - p.at), r->error));
        p.at = next;
        if (p.at < p.end) {
            p.at++;
            TRY(percent_field(&p));
        }
    }
    const bool tuple = arguments.kind == T_TUPLE;
    const bool left = tuple ? p.used < arguments.as.seq->count : (p.used == 0 && !has_items(arguments));
    if (left && !p.named) {
        return TRUN_WRONG(r, "not all arguments converted during string formatting");
    }
    TRY(tval_take(r, r->out, mark, ret));
    ret->markup = pattern.markup;
    return HEARTH_OK;
}

/* ---- {} ---- */

typedef struct braces {
    trun *run;
    const tcall *call;
    int64_t next; /* the next automatic number; -1 after a given one */
    unsigned depth;
    bool escape; /* what is put in */
} braces;

static hearth_status fill_pattern(braces *b, const char *at, const char *end);

/* What stands before the first "." or "[": a number, a name, or nothing. */
static hearth_status braces_argument(braces *b, const char *name, size_t length, tval *ret)
{
    int64_t number = 0;
    bool digits = length > 0 && length < 10;
    for (size_t i = 0; i < length; i++) {
        digits = digits && name[i] >= '0' && name[i] <= '9';
        number = digits ? number * 10 + (name[i] - '0') : 0;
    }
    if (length == 0) {
        number = b->next++;
    }
    if (length == 0 || digits) {
        if ((size_t)number >= b->call->count) {
            return TRUN_WRONG(b->run, "Replacement index %lld out of range for positional args tuple",
                              (long long)number);
        }
        *ret = b->call->args[number];
        return HEARTH_OK;
    }
    for (size_t i = 0; i < b->call->keyword_count; i++) {
        const tstring *keyword = b->call->keywords[i].name;
        if (keyword->length == length && memcmp(keyword->bytes, name, length) == 0) {
            *ret = b->call->keywords[i].value;
            return HEARTH_OK;
        }
    }
    return TRUN_WRONG(b->run, "KeyError: '%.*s'", (int)(length > 100 ? 100 : length), name);
}

/* ".name" and "[key]" behind the argument. */
static hearth_status braces_path(braces *b, const char *at, const char *end, tval *value)
{
    while (at < end) {
        const bool attribute = *at == '.';
        const char *stop = attribute ? at + 1 : memchr(at, ']', (size_t)(end - at));
        while (attribute && stop < end && *stop != '.' && *stop != '[') {
            stop++;
        }
        if (stop == NULL || stop == at + 1) {
            return TRUN_WRONG(b->run, "Empty attribute in format string");
        }
        tval key;
        TRY(tval_string(b->run, at + 1, (size_t)(stop - at - 1), &key));
        if (attribute) {
            TRY(tvalue_getattr(b->run, *value, key.as.string, value));
        } else {
            int64_t number = 0;
            bool valid = false;
            if (ttext_test(key.as.string, 'c')) {
                TRY(tformat_parse_int(b->run, key.as.string, 10, &valid, &number));
            }
            TRY(tvalue_getitem(b->run, *value, valid ? tval_int(number) : key, value));
        }
        at = attribute ? stop : stop + 1;
    }
    return HEARTH_OK;
}

static size_t character_size(const char *at, const char *end)
{
    size_t size = 1;
    while (at + size < end && ((unsigned char)at[size] & 0xC0) == 0x80) {
        size++;
    }
    return size;
}

static hearth_status spec_number(braces *b, const char **at, const char *end, int *ret)
{
    int number = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        number = number * 10 + (**at - '0');
        (*at)++;
        if (number > WIDTH_MOST) {
            return TRUN_FAIL(b->run, HEARTH_E_LIMIT, "a width of more than %d characters", WIDTH_MOST);
        }
    }
    *ret = number;
    return HEARTH_OK;
}

/* [[fill]align][sign][#][0][width][group][.precision][type] */
static hearth_status read_spec(braces *b, const char *at, const char *end, field *f)
{
    const size_t first = at < end ? character_size(at, end) : 0;
    if (first > 0 && at + first < end && strchr("<>=^", at[first]) != NULL) {
        f->fill = at;
        f->fill_size = first;
        f->align = at[first];
        at += first + 1;
    } else if (at < end && strchr("<>=^", *at) != NULL) {
        f->align = *at++;
    }
    if (at < end && strchr("+- ", *at) != NULL) {
        f->sign = *at == '-' ? '\0' : *at;
        at++;
    }
    if (at < end && *at == '#') {
        f->alternate = true;
        at++;
    }
    if (at < end && *at == '0') {
        f->align = f->align == '\0' ? '=' : f->align;
        f->fill = f->fill_size == 1 && *f->fill == ' ' ? "0" : f->fill;
        at++;
    }
    TRY(spec_number(b, &at, end, &f->width));
    if (at < end && (*at == ',' || *at == '_')) {
        f->group = *at++;
    }
    if (at < end && *at == '.') {
        at++;
        TRY(spec_number(b, &at, end, &f->precision));
    }
    f->type = at < end ? *at++ : '\0';
    return at == end ? HEARTH_OK : TRUN_WRONG(b->run, "Invalid format specifier");
}

static hearth_status put_spec(braces *b, const tstring *spec, tval value)
{
    field f = {.fill = " ", .fill_size = 1, .precision = -1};
    TRY(read_spec(b, spec->bytes, spec->bytes + spec->length, &f));
    if (value.kind == T_STRING && (f.type == '\0' || f.type == 's') && f.align != '=') {
        return put_string(b->run, &f, value, '<');
    }
    if (value.kind == T_BOOL && f.type == '\0') {
        tval text;
        TRY(tval_str(b->run, value, &text));
        return put_string(b->run, &f, text, '>');
    }
    if (tval_is_integer(value) && (f.type == '\0' || strchr("dxXobn", f.type) != NULL)) {
        return put_integer(b->run, &f, tval_integer(value));
    }
    if (tval_is_number(value) && (f.type == '\0' || strchr("eEfFgG%n", f.type) != NULL)) {
        return put_float(b->run, &f, tval_real(value));
    }
    return TRUN_WRONG(b->run, "unsupported format string passed to %s.__format__", tval_type(value));
}

static hearth_status convert(braces *b, char how, tval *value)
{
    const size_t mark = b->run->out->length;
    if (how == 's') {
        return tval_str(b->run, *value, value);
    }
    if (how != 'r' && how != 'a') {
        return TRUN_WRONG(b->run, "Unknown conversion specifier '%c'", how);
    }
    TRY(tval_repr(b->run, *value, b->run->out));
    return tval_take(b->run, b->run->out, mark, value);
}

/* `spec` NULL or empty: as print() writes it. */
static hearth_status put_field(braces *b, const tstring *spec, tval value)
{
    const size_t mark = b->run->out->length;
    const bool plain = spec == NULL || spec->length == 0;
    if (!b->escape) {
        return plain ? tval_print(b->run, value, b->run->out) : put_spec(b, spec, value);
    }
    if (!plain && value.kind == T_STRING && value.markup) {
        return TRUN_WRONG(b->run, "Unsupported format specification for Markup.");
    }
    if (!plain) {
        TRY(put_spec(b, spec, value));
        TRY(tval_take(b->run, b->run->out, mark, &value));
    }
    TRY(tcall_escape(b->run, value, &value));
    return tval_print(b->run, value, b->run->out);
}

/* One field: name[!conversion][:spec], where the spec may hold fields itself. */
static hearth_status fill_field(braces *b, const char *at, const char *end)
{
    const char *name_end = at;
    while (name_end < end && *name_end != '!' && *name_end != ':') {
        name_end += *name_end == '[' && memchr(name_end, ']', (size_t)(end - name_end)) != NULL
                        ? (const char *)memchr(name_end, ']', (size_t)(end - name_end)) - name_end
                        : 1;
    }
    const char *first_end = at;
    while (first_end < name_end && *first_end != '.' && *first_end != '[') {
        first_end++;
    }
    tval value;
    tval spec;
    TRY(braces_argument(b, at, (size_t)(first_end - at), &value));
    TRY(braces_path(b, first_end, name_end, &value));
    if (name_end < end && *name_end == '!') {
        TRY(convert(b, name_end + 1 < end ? name_end[1] : '\0', &value));
        name_end += name_end + 1 < end ? 2 : 1;
    }
    if (name_end == end || name_end + 1 == end) {
        return put_field(b, NULL, value);
    }
    const size_t mark = b->run->out->length;
    TRY(fill_pattern(b, name_end + 1, end));
    TRY(tval_take(b->run, b->run->out, mark, &spec));
    return put_field(b, spec.as.string, value);
}

/* The brace that closes the field at `at`, which lies behind its opening one. */
static const char *field_end(const char *at, const char *end)
{
    for (unsigned open = 1; at < end; at++) {
        open += *at == '{';
        open -= *at == '}';
        if (open == 0) {
            return at;
        }
    }
    return NULL;
}

static hearth_status fill_pattern(braces *b, const char *at, const char *end)
{
    if (b->depth++ > 2) {
        return TRUN_WRONG(b->run, "Max string recursion exceeded");
    }
    while (at < end) {
        TRY(trun_work(b->run, 0));
        if (*at != '{' && *at != '}') {
            TRY(buffer_append_char(b->run->out, *at++, b->run->error));
        } else if (at + 1 < end && at[1] == *at) {
            TRY(buffer_append_char(b->run->out, *at, b->run->error));
            at += 2;
        } else {
            const char *close = *at == '{' ? field_end(at + 1, end) : NULL;
            if (close == NULL) {
                return TRUN_WRONG(b->run, "Single '%c' encountered in format string", *at);
            }
            TRY(fill_field(b, at + 1, close));
            at = close + 1;
        }
    }
    b->depth--;
    return HEARTH_OK;
}

hearth_status tformat_braces(trun *r, tval pattern, const tcall *call, tval *ret)
{
    const size_t mark = r->out->length;
    const tstring *s = pattern.as.string;
    braces b = {.run = r, .call = call, .escape = pattern.markup};
    TRY(fill_pattern(&b, s->bytes, s->bytes + s->length));
    return tval_take(r, r->out, mark, ret);
}
