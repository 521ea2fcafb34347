/* Calls written as Python: [name(key="value", …), …]. */
#include "generate/tool_calls.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* The reader's place; `depth` bounds the nesting of values. */
typedef struct reader {
    const char *text;
    size_t length, at;
    unsigned depth;
    hearth_error *error;
} reader;

static char peek(const reader *r)
{
    return r->at < r->length ? r->text[r->at] : '\0';
}

static void skip_blanks(reader *r)
{
    while (r->at < r->length && strchr(" \t\r\n", r->text[r->at]) != NULL) {
        r->at++;
    }
}

/* Blanks, then this character? */
static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (r->at < r->length && r->text[r->at] == c) {
        r->at++;
        return true;
    }
    return false;
}

static hearth_status wrong(const reader *r, const char *expected)
{
    const size_t left = r->length - r->at;
    return error_set(r->error, HEARTH_E_FORMAT, "tool call", expected, left > 0 ? "\"%.*s\"" : "the end%.*s",
                     (int)(left < 24 ? left : 24), r->text + r->at);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* A name; `more` are further characters that it may have. */
static call_span take_name(reader *r, const char *more)
{
    skip_blanks(r);
    const size_t begin = r->at;
    while (r->at < r->length &&
           (is_name_byte(r->text[r->at]) || (r->text[r->at] != '\0' && strchr(more, r->text[r->at]) != NULL))) {
        r->at++;
    }
    return (call_span){r->text + begin, r->at - begin};
}

/* ---- literals ---- */

static hearth_status append_code(reader *r, unsigned digits, buffer *out)
{
    uint32_t code = 0;
    char bytes[4];
    for (unsigned i = 0; i < digits; i++, r->at++) {
        const char c = peek(r);
        const uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                               : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                               : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                      : 16;
        if (digit == 16) {
            return wrong(r, "hexadecimal digits");
        }
        code = code * 16 + digit;
    }
    return buffer_append(out, bytes, utf8_encode(code, bytes), r->error);
}

static hearth_status append_escape(reader *r, buffer *out)
{
    static const char letters[] = "ntr\\'\"0ab", values[] = "\n\t\r\\'\"\0\a\b";
    const char c = peek(r);
    const char *known = c != '\0' ? strchr(letters, c) : NULL;
    r->at += r->at < r->length ? 1 : 0;
    if (known != NULL) {
        return buffer_append_char(out, values[known - letters], r->error);
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        return append_code(r, c == 'x' ? 2 : c == 'u' ? 4 : 8, out);
    }
    TRY(buffer_append_char(out, '\\', r->error)); /* as Python: an unknown escape stays */
    return buffer_append_char(out, c, r->error);
}

static hearth_status take_text(reader *r, json_t **ret)
{
    const char quote = r->text[r->at++];
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = HEARTH_OK;
    while (status == HEARTH_OK && r->at < r->length && r->text[r->at] != quote) {
        const char c = r->text[r->at++];
        status = c == '\\' ? append_escape(r, &text) : buffer_append_char(&text, c, r->error);
    }
    if (status == HEARTH_OK && r->at == r->length) {
        status = wrong(r, "the end of a text");
    }
    r->at++;
    if (status == HEARTH_OK) {
        *ret = tool_calls_text((call_span){buffer_text(&text), text.length});
        status = *ret != NULL ? HEARTH_OK : error_memory(r->error, text.length);
    }
    buffer_free(&text);
    return status;
}

static hearth_status take_value(reader *r, json_t **ret);

/* [a, b] or (a, b) */
static hearth_status take_list(reader *r, char end, json_t **ret)
{
    json_t *list = json_array();
    hearth_status status = list != NULL ? HEARTH_OK : error_memory(r->error, 0);
    bool more = true;
    while (status == HEARTH_OK && !take(r, end)) {
        json_t *value = NULL;
        status = more ? take_value(r, &value) : wrong(r, "\",\" or the end of a list");
        if (status == HEARTH_OK && json_array_append_new(list, value) != 0) {
            status = error_memory(r->error, 0);
        }
        more = take(r, ',');
    }
    if (status != HEARTH_OK) {
        json_decref(list);
        return status;
    }
    *ret = list;
    return HEARTH_OK;
}

static hearth_status take_pair(reader *r, json_t *object)
{
    json_t *key = NULL;
    json_t *value = NULL;
    skip_blanks(r);
    if (peek(r) != '"' && peek(r) != '\'') {
        return wrong(r, "a text as key");
    }
    TRY(take_text(r, &key));
    hearth_status status = take(r, ':') ? take_value(r, &value) : wrong(r, "\":\"");
    if (status == HEARTH_OK && json_object_set_new(object, json_string_value(key), value) != 0) {
        status = error_memory(r->error, 0);
    }
    json_decref(key);
    return status;
}

static hearth_status take_object(reader *r, json_t **ret)
{
    json_t *object = json_object();
    hearth_status status = object != NULL ? HEARTH_OK : error_memory(r->error, 0);
    bool more = true;
    while (status == HEARTH_OK && !take(r, '}')) {
        status = more ? take_pair(r, object) : wrong(r, "\",\" or \"}\"");
        more = take(r, ',');
    }
    if (status != HEARTH_OK) {
        json_decref(object);
        return status;
    }
    *ret = object;
    return HEARTH_OK;
}

/* A number, or one of the words of Python and JSON. */
static hearth_status take_word(reader *r, json_t **ret)
{
    static const struct {
        const char *word;
        json_type type;
    } words[] = {{"True", JSON_TRUE},   {"true", JSON_TRUE}, {"False", JSON_FALSE},
                 {"false", JSON_FALSE}, {"None", JSON_NULL}, {"null", JSON_NULL}};
    const size_t begin = r->at;
    const call_span word = take_name(r, "+-.");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (word.length == strlen(words[i].word) && memcmp(word.text, words[i].word, word.length) == 0) {
            *ret = words[i].type == JSON_TRUE ? json_true() : words[i].type == JSON_FALSE ? json_false() : json_null();
            return HEARTH_OK;
        }
    }
    const hearth_status status = json_door_parse(word.text, word.length, "tool call", ret, NULL);
    if (status == HEARTH_OK && json_is_number(*ret)) {
        return HEARTH_OK;
    }
    if (status == HEARTH_OK) {
        json_decref(*ret);
        *ret = NULL;
    }
    r->at = begin;
    return status == HEARTH_E_MEMORY ? error_memory(r->error, word.length) : wrong(r, "a value");
}

static hearth_status take_value(reader *r, json_t **ret)
{
    skip_blanks(r);
    const char c = peek(r);
    if (r->depth == JSON_DOOR_DEPTH) {
        return error_set(r->error, HEARTH_E_FORMAT, "tool call", NULL, "values nested deeper than %d", JSON_DOOR_DEPTH);
    }
    if (c == '"' || c == '\'') {
        return take_text(r, ret);
    }
    if (c != '[' && c != '(' && c != '{') {
        return take_word(r, ret);
    }
    r->at++;
    r->depth++;
    const hearth_status status = c == '{' ? take_object(r, ret) : take_list(r, c == '[' ? ']' : ')', ret);
    r->depth--;
    return status;
}

/* ---- calls ---- */

static hearth_status take_arguments(reader *r, json_t *arguments)
{
    bool more = true;
    while (!take(r, ')')) {
        const call_span name = take_name(r, "");
        if (!more || name.length == 0 || !take(r, '=')) {
            return wrong(r, "key=value");
        }
        json_t *key = tool_calls_text(name);
        json_t *value = NULL;
        hearth_status status = key != NULL ? take_value(r, &value) : error_memory(r->error, name.length);
        if (status == HEARTH_OK && json_object_set_new(arguments, json_string_value(key), value) != 0) {
            status = error_memory(r->error, name.length);
        }
        json_decref(key);
        TRY(status);
        more = take(r, ',');
    }
    return HEARTH_OK;
}

static hearth_status take_call(reader *r, json_t *calls)
{
    const call_span name = take_name(r, ".-");
    if (name.length == 0 || !take(r, '(')) {
        return wrong(r, "name(key=value)");
    }
    json_t *arguments = json_object();
    if (arguments == NULL) {
        return error_memory(r->error, 0);
    }
    const hearth_status status = take_arguments(r, arguments);
    if (status != HEARTH_OK) {
        json_decref(arguments);
        return status;
    }
    return tool_calls_add(calls, name, arguments, (call_span){"", 0}, r->error);
}

hearth_status tool_python_parse(call_span text, json_t *calls, hearth_error *error)
{
    const call_span s = call_span_trim(text);
    reader r = {.text = s.text, .length = s.length, .error = error};
    const bool listed = take(&r, '[');
    do {
        TRY(take_call(&r, calls));
        (void)take(&r, ',');
        skip_blanks(&r);
    } while (r.at < r.length && peek(&r) != ']');
    if (listed && !take(&r, ']')) {
        return wrong(&r, "\"]\"");
    }
    skip_blanks(&r);
    return r.at == r.length ? HEARTH_OK : wrong(&r, "the end of the call");
}

hearth_status tool_python_value(call_span text, json_t **ret, hearth_error *error)
{
    const call_span s = call_span_trim(text);
    reader r = {.text = s.text, .length = s.length, .error = error};
    json_t *value = NULL;
    TRY(take_value(&r, &value));
    if (r.at != r.length) {
        json_decref(value);
        return wrong(&r, "the end of the value");
    }
    *ret = value;
    return HEARTH_OK;
}
