/* The lexer's other half: names, numbers, strings and operators inside of tags. */
#include "generate/template_format.h"
#include "generate/template_lex_state.h"
#include "generate/template_text.h"

#include "base/utf8.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int digit_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
}

/* Digits with single underscores between them: "1_000". */
static size_t digits(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && (is_digit(text[at]) || (at > 0 && text[at] == '_' && text[at - 1] != '_' && at + 1 < length &&
                                                  is_digit(text[at + 1])))) {
        at++;
    }
    return at;
}

/* The length of a float at the cursor; 0 when what is there is an integer. */
static size_t float_length(const char *text, size_t length)
{
    size_t at = digits(text, length);
    bool is_float = false;
    if (at + 1 < length && text[at] == '.' && is_digit(text[at + 1])) {
        at += 1 + digits(text + at + 1, length - at - 1);
        is_float = true;
    }
    if (at + 1 < length && (text[at] | 0x20) == 'e') {
        const size_t sign = text[at + 1] == '+' || text[at + 1] == '-';
        const size_t exponent = at + 1 + sign < length ? digits(text + at + 1 + sign, length - at - 1 - sign) : 0;
        if (exponent > 0) {
            at += 1 + sign + exponent;
            is_float = true;
        }
    }
    return is_float ? at : 0;
}

static hearth_status lex_float(tlexer *x, size_t length)
{
    tval text;
    double number = 0;
    TRY(tval_string(x->run, x->text + x->at, length, &text));
    if (!tformat_parse_float(text.as.string, &number)) {
        return TRUN_WRONG(x->run, "a number that cannot be read: '%s'", text.as.string->bytes);
    }
    TRY(tlex_push(x, TT_FLOAT, tval_float(number)));
    tlex_advance(x, length);
    return HEARTH_OK;
}

static hearth_status lex_integer(tlexer *x)
{
    const char *text = x->text + x->at;
    const size_t left = x->length - x->at;
    const char letter = left > 2 && text[0] == '0' ? (char)(text[1] | 0x20) : '\0';
    const int base = letter == 'x' ? 16 : (letter == 'o' ? 8 : (letter == 'b' ? 2 : 10));
    size_t at = base != 10 ? 2 : 0;
    const size_t first = at;
    int64_t number = 0;
    for (; at < left && (text[at] == '_' || digit_value(text[at]) < base); at++) {
        if (text[at] == '_') {
            if (at + 1 == left || digit_value(text[at + 1]) >= base) {
                break;
            }
        } else if (__builtin_mul_overflow(number, base, &number) ||
                   __builtin_add_overflow(number, digit_value(text[at]), &number)) {
            return TRUN_FAIL(x->run, HEARTH_E_LIMIT, "an integer of more than 64 bits");
        }
        if (base == 10 && text[first] == '0' && number > 0) {
            number = 0;
            at = 1;
            break; /* "01" is 0 and then 1, which the parser refuses */
        }
    }
    if (at == first) {
        at = 1; /* "0x" without digits: a zero, then a name */
    }
    TRY(tlex_push(x, TT_INTEGER, tval_int(number)));
    tlex_advance(x, at);
    return HEARTH_OK;
}

/* `count` hexadecimal digits (or up to 3 octal ones for base 8) at text[0..length). */
static bool escape_number(const char *text, size_t length, size_t most, int base, uint32_t *ret_code, size_t *ret_size)
{
    uint32_t code = 0;
    size_t at = 0;
    while (at < most && at < length && digit_value(text[at]) < base) {
        code = code * (uint32_t)base + (uint32_t)digit_value(text[at]);
        at++;
    }
    *ret_code = code;
    *ret_size = at;
    return base == 8 || at == most;
}

/* One escape behind the backslash at text[0]; *ret_size is what it takes after the backslash. */
static hearth_status lex_escape(tlexer *x, const char *text, size_t length, size_t *ret_size, buffer *out)
{
    static const char simple[] = "n\nt\tr\r\\\\'\'\"\"a\ab\bf\fv\v";
    for (const char *s = simple; *s != '\0'; s += 2) {
        if (*s == text[0]) {
            *ret_size = 1;
            return buffer_append_char(out, s[1], x->run->error);
        }
    }
    *ret_size = 1;
    if (text[0] == '\n') {
        return HEARTH_OK;
    }
    const size_t hex = text[0] == 'x' ? 2 : (text[0] == 'u' ? 4 : (text[0] == 'U' ? 8 : 0));
    const bool octal = text[0] >= '0' && text[0] <= '7';
    if (hex == 0 && !octal) {
        /* Python keeps the backslash of an escape it does not know. */
        *ret_size = 0;
        return buffer_append_char(out, '\\', x->run->error);
    }
    uint32_t code = 0;
    size_t size = 0;
    char bytes[4];
    const size_t skip = octal ? 0 : 1;
    const bool valid = escape_number(text + skip, length - skip, octal ? 3 : hex, octal ? 8 : 16, &code, &size);
    const size_t encoded = valid ? utf8_encode(code, bytes) : 0;
    if (encoded == 0) {
        return TRUN_WRONG(x->run, "an escape in a string that is no character");
    }
    *ret_size = skip + size;
    return buffer_append(out, bytes, encoded, x->run->error);
}

static hearth_status lex_string(tlexer *x)
{
    const char quote = x->text[x->at];
    size_t end = x->at + 1;
    while (end < x->length && x->text[end] != quote) {
        end += x->text[end] == '\\' ? 2 : 1;
    }
    if (end >= x->length) {
        return TRUN_WRONG(x->run, "a string that does not end");
    }
    buffer *out = x->run->out;
    const size_t mark = out->length;
    for (size_t at = x->at + 1; at < end;) {
        if (x->text[at] != '\\') {
            TRY(buffer_append_char(out, x->text[at], x->run->error));
            at++;
            continue;
        }
        size_t size = 0;
        TRY(lex_escape(x, x->text + at + 1, end - at - 1, &size, out));
        at += 1 + size;
    }
    tval value;
    TRY(tval_take(x->run, out, mark, &value));
    TRY(tlex_push(x, TT_STRING, value));
    tlex_advance(x, end + 1 - x->at);
    return HEARTH_OK;
}

static size_t name_length(const tlexer *x)
{
    size_t at = x->at;
    while (at < x->length) {
        uint32_t code = 0;
        const size_t size = utf8_decode_lossy(x->text + at, x->length - at, &code);
        if (!ttext_word(code)) {
            break;
        }
        at += size;
    }
    return at - x->at;
}

static const struct {
    const char *text;
    ttoken_kind kind;
} operators[] = {
    {"//", TT_FLOORDIV}, {"**", TT_POW},   {"==", TT_EQ},    {"!=", TT_NE},    {">=", TT_GE},      {"<=", TT_LE},
    {"+", TT_ADD},       {"-", TT_SUB},    {"*", TT_MUL},    {"/", TT_DIV},    {"%", TT_MOD},      {"~", TT_TILDE},
    {"<", TT_LT},        {">", TT_GT},     {"=", TT_ASSIGN}, {".", TT_DOT},    {",", TT_COMMA},    {":", TT_COLON},
    {";", TT_SEMICOLON}, {"|", TT_PIPE},   {"(", TT_LPAREN}, {")", TT_RPAREN}, {"[", TT_LBRACKET}, {"]", TT_RBRACKET},
    {"{", TT_LBRACE},    {"}", TT_RBRACE},
};

static hearth_status balance(tlexer *x, ttoken_kind kind, const char *text)
{
    if (kind == TT_LPAREN || kind == TT_LBRACKET || kind == TT_LBRACE) {
        if (x->open_count >= LIMIT_TEMPLATE_DEPTH) {
            return TRUN_FAIL(x->run, HEARTH_E_LIMIT, "brackets nested more than %u deep", LIMIT_TEMPLATE_DEPTH);
        }
        x->open[x->open_count++] = kind == TT_LPAREN ? ')' : (kind == TT_LBRACKET ? ']' : '}');
    } else if (kind == TT_RPAREN || kind == TT_RBRACKET || kind == TT_RBRACE) {
        if (x->open_count == 0) {
            return TRUN_WRONG(x->run, "unexpected '%s'", text);
        }
        x->open_count--;
        if (x->open[x->open_count] != text[0]) {
            return TRUN_WRONG(x->run, "unexpected '%s', expected '%c'", text, x->open[x->open_count]);
        }
    }
    return HEARTH_OK;
}

static hearth_status lex_operator(tlexer *x)
{
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (tlex_at(x, operators[i].text)) {
            TRY(balance(x, operators[i].kind, operators[i].text));
            TRY(tlex_push(x, operators[i].kind, (tval){.kind = T_MISSING}));
            tlex_advance(x, strlen(operators[i].text));
            return HEARTH_OK;
        }
    }
    uint32_t code = 0;
    utf8_decode_lossy(x->text + x->at, x->length - x->at, &code);
    return TRUN_WRONG(x->run, "unexpected character U+%04X", code);
}

hearth_status tlex_inside(tlexer *x)
{
    const char c = x->text[x->at];
    if (is_digit(c)) {
        const bool after_dot = x->at > 0 && x->text[x->at - 1] == '.';
        const size_t length = after_dot ? 0 : float_length(x->text + x->at, x->length - x->at);
        return length > 0 ? lex_float(x, length) : lex_integer(x);
    }
    const size_t length = name_length(x);
    if (length > 0) {
        tval name;
        TRY(tval_string(x->run, x->text + x->at, length, &name));
        if (!ttext_test(name.as.string, 'i')) {
            return TRUN_WRONG(x->run, "Invalid character in identifier");
        }
        TRY(tlex_push(x, TT_NAME, name));
        tlex_advance(x, length);
        return HEARTH_OK;
    }
    return c == '\'' || c == '"' ? lex_string(x) : lex_operator(x);
}

const char *tlex_describe(ttoken_kind kind)
{
    switch (kind) {
    case TT_END:
        return "end of template";
    case TT_DATA:
        return "template text";
    case TT_BLOCK_BEGIN:
        return "begin of statement block";
    case TT_BLOCK_END:
        return "end of statement block";
    case TT_VARIABLE_BEGIN:
        return "begin of print statement";
    case TT_VARIABLE_END:
        return "end of print statement";
    case TT_NAME:
        return "name";
    case TT_STRING:
        return "string";
    case TT_INTEGER:
        return "integer";
    case TT_FLOAT:
        return "float";
    default:
        break;
    }
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (operators[i].kind == kind) {
            return operators[i].text;
        }
    }
    return "token";
}
