/* The lexer: text outside of tags, and where tags begin and end. What is inside of tags is template_token.c's.
 *
 * White space follows jinja2: newlines become "\n" and one at the very end goes; "-" next to a delimiter strips all
 * white space on that side; otherwise a block or comment tag takes the spaces before it when only they are on its line
 * (lstrip_blocks, not with "+") and one newline right after it (trim_blocks, not with "+"). {{ }} strips only with "-".
 */
#define _GNU_SOURCE /* memmem, memrchr */
#include "generate/template_lex_state.h"
#include "generate/template_text.h"

#include <string.h>

hearth_status tlex_push(tlexer *x, ttoken_kind kind, tval value)
{
    if (x->count == x->capacity) {
        const size_t capacity = x->capacity == 0 ? 256 : x->capacity * 2;
        ttoken *tokens = trun_alloc(x->run, capacity, sizeof *tokens);
        if (tokens == NULL) {
            return trun_memory(x->run);
        }
        if (x->count > 0) {
            memcpy(tokens, x->tokens, x->count * sizeof *tokens);
        }
        x->tokens = tokens;
        x->capacity = capacity;
    }
    x->tokens[x->count++] = (ttoken){.kind = kind, .line = x->run->line, .value = value};
    return HEARTH_OK;
}

void tlex_advance(tlexer *x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        x->run->line += x->text[x->at + i] == '\n';
    }
    x->at += bytes;
    x->line_starting = bytes > 0 && x->text[x->at - 1] == '\n';
}

bool tlex_at(const tlexer *x, const char *what)
{
    const size_t length = strlen(what);
    return x->length - x->at >= length && memcmp(x->text + x->at, what, length) == 0;
}

/* After the "%}" or "#}" of a tag whose sign was `sign`: the white space that goes with it. */
static size_t after_tag(const tlexer *x, size_t at, char sign)
{
    if (sign == '-') {
        return ttext_leading_space(x->text + at, x->length - at);
    }
    return sign != '+' && at < x->length && x->text[at] == '\n' ? 1 : 0;
}

/* The text before a tag with the sign that follows its delimiter; what is stripped still counts its lines. */
static hearth_status push_data(tlexer *x, size_t length, char sign, bool variable)
{
    size_t keep = length;
    const char *text = x->text + x->at;
    if (sign == '-') {
        keep -= ttext_trailing_space(text, length);
    } else if (sign != '+' && !variable) {
        const char *newline = length > 0 ? memrchr(text, '\n', length) : NULL;
        const size_t start = newline != NULL ? (size_t)(newline - text) + 1 : 0;
        if ((start > 0 || x->line_starting) && ttext_leading_space(text + start, length - start) == length - start) {
            keep = start;
        }
    }
    if (keep > 0) {
        tval data;
        TRY(tval_string(x->run, text, keep, &data));
        TRY(tlex_push(x, TT_DATA, data));
    }
    tlex_advance(x, length);
    return HEARTH_OK;
}

static char sign_at(const tlexer *x, size_t at)
{
    return at < x->length && (x->text[at] == '-' || x->text[at] == '+') ? x->text[at] : '\0';
}

/* {% raw %} at the cursor: its length with the white space it takes, or 0. */
static size_t raw_begin(const tlexer *x, size_t at)
{
    const size_t start = at;
    at += 2;
    at += sign_at(x, at) != '\0';
    at += ttext_leading_space(x->text + at, x->length - at);
    if (x->length - at < 3 || memcmp(x->text + at, "raw", 3) != 0) {
        return 0;
    }
    at += 3;
    at += ttext_leading_space(x->text + at, x->length - at);
    const char sign = at < x->length && x->text[at] == '-' ? '-' : '\0';
    at += sign != '\0';
    if (x->length - at < 2 || memcmp(x->text + at, "%}", 2) != 0) {
        return 0;
    }
    at += 2;
    return at - start + (sign == '-' ? ttext_leading_space(x->text + at, x->length - at) : 0);
}

/* {% endraw %} at `at`: its length, or 0; *ret_sign is the one after "{%". */
static size_t raw_end(const tlexer *x, size_t at, char *ret_sign)
{
    const size_t start = at;
    *ret_sign = sign_at(x, at + 2);
    at += 2;
    at += *ret_sign != '\0';
    at += ttext_leading_space(x->text + at, x->length - at);
    if (x->length - at < 6 || memcmp(x->text + at, "endraw", 6) != 0) {
        return 0;
    }
    at += 6;
    at += ttext_leading_space(x->text + at, x->length - at);
    const char sign = sign_at(x, at);
    at += sign != '\0';
    if (x->length - at < 2 || memcmp(x->text + at, "%}", 2) != 0) {
        return 0;
    }
    at += 2;
    return at - start + after_tag(x, at, sign);
}

static hearth_status lex_raw(tlexer *x)
{
    for (size_t at = x->at; at < x->length; at++) {
        const char *tag = memmem(x->text + at, x->length - at, "{%", 2);
        if (tag == NULL) {
            break;
        }
        at = (size_t)(tag - x->text);
        char sign = '\0';
        const size_t length = raw_end(x, at, &sign);
        if (length > 0) {
            TRY(push_data(x, at - x->at, sign, false));
            tlex_advance(x, length);
            return HEARTH_OK;
        }
    }
    return TRUN_WRONG(x->run, "Missing end of raw directive");
}

static hearth_status lex_comment(tlexer *x)
{
    const char *end = memmem(x->text + x->at, x->length - x->at, "#}", 2);
    if (end == NULL) {
        return TRUN_WRONG(x->run, "Missing end of comment tag");
    }
    const size_t at = (size_t)(end - x->text);
    const char sign = at > x->at && (end[-1] == '-' || end[-1] == '+') ? end[-1] : '\0';
    tlex_advance(x, at + 2 - x->at);
    tlex_advance(x, after_tag(x, x->at, sign));
    return HEARTH_OK;
}

/* The end of a block or variable tag at the cursor, when there is one. */
static bool tag_end(tlexer *x, bool variable, size_t *ret_length)
{
    const char *end = variable ? "}}" : "%}";
    const char sign = sign_at(x, x->at);
    const size_t at = x->at + (sign != '\0');
    if ((variable && sign == '+') || x->length - at < 2 || memcmp(x->text + at, end, 2) != 0) {
        return false;
    }
    const size_t tail = variable ? (sign == '-' ? after_tag(x, at + 2, '-') : 0) : after_tag(x, at + 2, sign);
    *ret_length = at + 2 - x->at + tail;
    return true;
}

static hearth_status lex_tag(tlexer *x, bool variable)
{
    const tval none = {.kind = T_MISSING};
    x->open_count = 0;
    TRY(tlex_push(x, variable ? TT_VARIABLE_BEGIN : TT_BLOCK_BEGIN, none));
    tlex_advance(x, 2);
    tlex_advance(x, sign_at(x, x->at) != '\0' ? 1 : 0);
    for (;;) {
        size_t length = 0;
        if (x->open_count == 0 && tag_end(x, variable, &length)) {
            TRY(tlex_push(x, variable ? TT_VARIABLE_END : TT_BLOCK_END, none));
            tlex_advance(x, length);
            return HEARTH_OK;
        }
        const size_t space = ttext_leading_space(x->text + x->at, x->length - x->at);
        if (space > 0) {
            tlex_advance(x, space);
        } else if (x->at == x->length) {
            return tlex_push(x, TT_END, none);
        } else {
            TRY(tlex_inside(x));
        }
    }
}

/* The next "{{", "{%" or "{#" at or after `at`; length when there is none. */
static size_t next_tag(const tlexer *x, size_t at)
{
    for (; at + 1 < x->length; at++) {
        const char *brace = memchr(x->text + at, '{', x->length - at - 1);
        if (brace == NULL) {
            break;
        }
        at = (size_t)(brace - x->text);
        if (brace[1] == '{' || brace[1] == '%' || brace[1] == '#') {
            return at;
        }
    }
    return x->length;
}

static hearth_status lex_root(tlexer *x)
{
    while (x->at < x->length) {
        const size_t tag = next_tag(x, x->at);
        if (tag == x->length) {
            tval data;
            TRY(tval_string(x->run, x->text + x->at, x->length - x->at, &data));
            TRY(tlex_push(x, TT_DATA, data));
            x->at = x->length;
            break;
        }
        const char kind = x->text[tag + 1];
        const size_t raw = kind == '%' ? raw_begin(x, tag) : 0;
        TRY(push_data(x, tag - x->at, sign_at(x, tag + 2), kind == '{'));
        if (raw > 0) {
            tlex_advance(x, raw);
            TRY(lex_raw(x));
        } else if (kind == '#') {
            tlex_advance(x, 2);
            tlex_advance(x, sign_at(x, x->at) != '\0' ? 1 : 0);
            TRY(lex_comment(x));
        } else {
            TRY(lex_tag(x, kind == '{'));
        }
    }
    return tlex_push(x, TT_END, (tval){.kind = T_MISSING});
}

/* "\r\n" and "\r" become "\n"; one newline at the end goes. */
static hearth_status normalise(trun *r, const char *source, size_t length, char **ret_text, size_t *ret_length)
{
    size_t size = 0;
    char *text = trun_alloc(r, length + 1, 1);
    if (text == NULL) {
        return trun_memory(r);
    }
    for (size_t i = 0; i < length; i++) {
        if (source[i] == '\r') {
            i += i + 1 < length && source[i + 1] == '\n';
            text[size++] = '\n';
        } else {
            text[size++] = source[i];
        }
    }
    size -= size > 0 && text[size - 1] == '\n';
    text[size] = '\0';
    *ret_text = text;
    *ret_length = size;
    return HEARTH_OK;
}

hearth_status tlex_tokens(trun *r, const char *source, size_t length, const ttoken **ret, size_t *ret_count)
{
    char *text = NULL;
    tlexer x = {.run = r, .line_starting = true};
    TRY(normalise(r, source, length, &text, &x.length));
    x.text = text;
    r->line = 1;
    TRY(lex_root(&x));
    *ret = x.tokens;
    *ret_count = x.count;
    return HEARTH_OK;
}
