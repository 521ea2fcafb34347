/* Calls written as JSON, and what the families put around it. */
#include "generate/tool_calls.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <string.h>

/* ---- bodies and spans ---- */

void call_body_init(call_body *b)
{
    *b = (call_body){0};
    buffer_init(&b->text, 0);
}

void call_body_free(call_body *b)
{
    buffer_free(&b->text);
    mem_free(b->marks);
    *b = (call_body){0};
}

void call_body_clear(call_body *b)
{
    buffer_clear(&b->text);
    b->count = 0;
}

hearth_status call_body_mark(call_body *b, answer_mark mark, hearth_error *error)
{
    if (b->count == b->capacity) {
        const size_t capacity = b->capacity == 0 ? 16 : 2 * b->capacity;
        void *grown = mem_realloc(b->marks, capacity * sizeof *b->marks);
        if (grown == NULL) {
            return error_memory(error, capacity * sizeof *b->marks);
        }
        b->marks = grown;
        b->capacity = capacity;
    }
    b->marks[b->count].at = b->text.length;
    b->marks[b->count++].mark = mark;
    return HEARTH_OK;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

call_span call_span_trim(call_span s)
{
    while (s.length > 0 && is_blank(s.text[0])) {
        s.text++;
        s.length--;
    }
    while (s.length > 0 && is_blank(s.text[s.length - 1])) {
        s.length--;
    }
    return s;
}

static bool begins(call_span s, const char *with)
{
    return s.length >= strlen(with) && memcmp(s.text, with, strlen(with)) == 0;
}

static call_span after(call_span s, size_t bytes)
{
    return (call_span){s.text + bytes, s.length - bytes};
}

static call_span whole(const call_body *b)
{
    return (call_span){buffer_text(&b->text), b->text.length};
}

/* The text from behind the mark `from` to the mark `to` (-1: the beginning; the count: the end). */
static call_span between(const call_body *b, int from, size_t to)
{
    const size_t begin = from < 0 ? 0 : b->marks[from].at;
    const size_t end = to < b->count ? b->marks[to].at : b->text.length;
    return (call_span){buffer_text(&b->text) + begin, end - begin};
}

/* The number of the first such mark, or -1. */
static int find_mark(const call_body *b, answer_mark mark)
{
    for (size_t i = 0; i < b->count; i++) {
        if (b->marks[i].mark == mark) {
            return (int)i;
        }
    }
    return -1;
}

json_t *tool_calls_text(call_span s)
{
    buffer valid;
    buffer_init(&valid, 0);
    hearth_status status = HEARTH_OK;
    for (size_t at = 0; at < s.length && status == HEARTH_OK;) {
        uint32_t code = 0;
        char bytes[4];
        at += utf8_decode_lossy(s.text + at, s.length - at, &code);
        status = buffer_append(&valid, bytes, utf8_encode(code, bytes), NULL);
    }
    json_t *text = status == HEARTH_OK ? json_stringn(buffer_text(&valid), valid.length) : NULL;
    buffer_free(&valid);
    return text;
}

hearth_status tool_calls_add(json_t *calls, call_span name, json_t *arguments, call_span id, hearth_error *error)
{
    name = call_span_trim(name);
    id = call_span_trim(id);
    if (name.length == 0) {
        json_decref(arguments);
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a name", "none");
    }
    json_t *call = json_door_put(json_object(), "name", tool_calls_text(name));
    call = json_door_put(call, "arguments", arguments);
    if (id.length > 0) {
        call = json_door_put(call, "id", tool_calls_text(id));
    }
    if (call == NULL || json_array_append_new(calls, call) != 0) {
        return error_memory(error, name.length);
    }
    return HEARTH_OK;
}

/* ---- JSON ---- */

/* The length of the object or list that `s` begins with; 0 where it does not end. Whether it is JSON is not looked at.
 */
static size_t value_length(call_span s)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < s.length; i++) {
        const char c = s.text[i];
        if (in_text) {
            i += c == '\\' ? 1 : 0;
            in_text = c != '"';
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

static hearth_status parse_object(call_span s, json_t **ret, hearth_error *error)
{
    s = call_span_trim(s);
    if (s.length == 0) {
        *ret = json_object();
        return *ret != NULL ? HEARTH_OK : error_memory(error, 0);
    }
    json_t *value = NULL;
    TRY(json_door_parse(s.text, s.length, "tool call", &value, error));
    if (!json_is_object(value)) {
        json_decref(value);
        return error_set(error, HEARTH_E_FORMAT, "tool call", "arguments that are a JSON object", "another value");
    }
    *ret = value;
    return HEARTH_OK;
}

/* The first of these members, up to a NULL, that is there. */
static json_t *member(const json_t *object, const char *const *names)
{
    for (; *names != NULL; names++) {
        json_t *value = json_object_get(object, *names);
        if (value != NULL && !json_is_null(value)) {
            return value;
        }
    }
    return NULL;
}

static call_span span_of(const json_t *text)
{
    return json_is_string(text) ? (call_span){json_string_value(text), json_string_length(text)} : (call_span){"", 0};
}

/* Arguments are an object, a text that is one, or not there. A new reference. */
static hearth_status arguments_of(json_t *given, json_t **ret, hearth_error *error)
{
    if (json_is_object(given)) {
        *ret = json_incref(given);
        return HEARTH_OK;
    }
    if (given != NULL && !json_is_string(given)) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "arguments that are a JSON object", "another value");
    }
    return parse_object(span_of(given), ret, error);
}

static hearth_status add_object(const json_t *object, json_t *calls, hearth_error *error)
{
    static const char *const name_keys[] = {"name", "tool_name", "function", NULL};
    static const char *const argument_keys[] = {"arguments", "parameters", NULL};
    static const char *const id_keys[] = {"id", "tool_call_id", "call_id", NULL};
    const json_t *outer = object;
    if (json_is_object(json_object_get(object, "function"))) {
        object = json_object_get(object, "function");
    }
    const json_t *name = member(object, name_keys);
    json_t *arguments = NULL;
    if (!json_is_string(name)) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a JSON object with a text \"name\"", "something else");
    }
    TRY(arguments_of(member(object, argument_keys), &arguments, error));
    return tool_calls_add(calls, span_of(name), arguments, span_of(member(outer, id_keys)), error);
}

/* {"name": {…}}, as many members as there are. */
static hearth_status add_members(const json_t *object, json_t *calls, hearth_error *error)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (json_object_size(object) == 0) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a JSON object {\"name\": {…}}", "something else");
    }
    json_object_foreach((json_t *)object, name, value)
    {
        json_t *arguments = NULL;
        TRY(arguments_of(value, &arguments, error));
        TRY(tool_calls_add(calls, (call_span){name, strlen(name)}, arguments, (call_span){"", 0}, error));
    }
    return HEARTH_OK;
}

typedef hearth_status (*add_fn)(const json_t *object, json_t *calls, hearth_error *error);

static hearth_status add_value(const json_t *value, add_fn add, json_t *calls, hearth_error *error)
{
    if (!json_is_array(value)) {
        return add(value, calls, error);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        TRY(add(json_array_get(value, i), calls, error));
    }
    return HEARTH_OK;
}

/* Objects and lists, one after the other, with blanks, commas or semicolons between them. */
static hearth_status parse_values(call_span s, add_fn add, json_t *calls, hearth_error *error)
{
    s = call_span_trim(s);
    if (s.length == 0) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a JSON object", "nothing");
    }
    while (s.length > 0) {
        const bool opens = s.text[0] == '{' || s.text[0] == '[';
        size_t length = opens ? value_length(s) : 0;
        length = length == 0 ? s.length : length; /* then JSON's own reader tells what is wrong */
        json_t *value = NULL;
        TRY(json_door_parse(s.text, length, "tool call", &value, error));
        const hearth_status status = add_value(value, add, calls, error);
        json_decref(value);
        TRY(status);
        s = call_span_trim(after(s, length));
        while (s.length > 0 && (s.text[0] == ',' || s.text[0] == ';')) {
            s = call_span_trim(after(s, 1));
        }
    }
    return HEARTH_OK;
}

/* ---- what families put around it ---- */

static hearth_status parse_list(call_span s, json_t *calls, hearth_error *error)
{
    buffer list;
    buffer_init(&list, 0);
    hearth_status status = buffer_append_char(&list, '[', error);
    status = status != HEARTH_OK ? status : buffer_append(&list, s.text, s.length, error);
    if (status == HEARTH_OK) {
        status = parse_values((call_span){list.data, list.length}, add_object, calls, error);
    }
    buffer_free(&list);
    return status;
}

/* "functions." and what a built-in tool's method is called are none of the name. */
static call_span bare_name(call_span name)
{
    static const char space[] = "functions.";
    name = call_span_trim(name);
    return begins(name, space) ? after(name, sizeof space - 1) : name;
}

static hearth_status add_text(call_span name, call_span arguments, call_span id, json_t *calls, hearth_error *error)
{
    json_t *object = NULL;
    TRY(parse_object(arguments, &object, error));
    return tool_calls_add(calls, name, object, id, error);
}

static hearth_status parse_mistral(const call_body *b, json_t *calls, hearth_error *error)
{
    const int arguments = find_mark(b, MARK_INNER_1);
    const int identifier = find_mark(b, MARK_INNER_2);
    if (arguments < 0) {
        return parse_values(whole(b), add_object, calls, error);
    }
    const bool has_id = identifier >= 0 && identifier < arguments;
    const call_span id = has_id ? between(b, identifier, (size_t)arguments) : (call_span){"", 0};
    return add_text(between(b, -1, (size_t)(has_id ? identifier : arguments)), between(b, arguments, b->count), id,
                    calls, error);
}

/* "name\n```json\n{…}\n```" */
static hearth_status parse_fenced(call_span s, json_t *calls, hearth_error *error)
{
    static const char fence[] = "```";
    s = call_span_trim(s);
    const char *line = s.length > 0 ? memchr(s.text, '\n', s.length) : NULL;
    const size_t name_length = line != NULL ? (size_t)(line - s.text) : s.length;
    call_span rest = call_span_trim(after(s, name_length));
    if (begins(rest, "```json")) {
        rest = after(rest, 7);
    } else if (begins(rest, fence)) {
        rest = after(rest, 3);
    }
    rest = call_span_trim(rest);
    if (rest.length >= 3 && memcmp(rest.text + rest.length - 3, fence, 3) == 0) {
        rest.length -= 3;
    }
    return add_text((call_span){s.text, name_length}, rest, (call_span){"", 0}, calls, error);
}

static hearth_status parse_deepseek(const call_body *b, json_t *calls, hearth_error *error)
{
    const int separator = find_mark(b, MARK_INNER_1);
    if (separator < 0) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a name and arguments apart by the model's separator",
                         "no separator");
    }
    const call_span before = call_span_trim(between(b, -1, (size_t)separator));
    const call_span behind = call_span_trim(between(b, separator, b->count));
    if (begins(behind, "{")) {
        return add_text(before, behind, (call_span){"", 0}, calls, error);
    }
    return parse_fenced(behind, calls, error);
}

static hearth_status parse_kimi(const call_body *b, json_t *calls, hearth_error *error)
{
    const int separator = find_mark(b, MARK_INNER_1);
    if (separator < 0) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "an id and arguments apart by the model's separator",
                         "no separator");
    }
    const call_span id = call_span_trim(between(b, -1, (size_t)separator));
    call_span name = bare_name(id);
    size_t digits = 0;
    while (digits < name.length && name.text[name.length - 1 - digits] >= '0' &&
           name.text[name.length - 1 - digits] <= '9') {
        digits++;
    }
    if (digits > 0 && digits < name.length && name.text[name.length - 1 - digits] == ':') {
        name.length -= digits + 1;
    }
    return add_text(name, between(b, separator, b->count), id, calls, error);
}

/* "name>{…}" */
static hearth_status parse_function(const call_body *b, json_t *calls, hearth_error *error)
{
    const call_span s = whole(b);
    const char *end = s.length > 0 ? memchr(s.text, '>', s.length) : NULL;
    if (end == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "a name that \">\" ends", "no \">\"");
    }
    const size_t length = (size_t)(end - s.text);
    return add_text((call_span){s.text, length}, after(s, length + 1), (call_span){"", 0}, calls, error);
}

/* ---- Llama ---- */

bool tool_calls_offered(const json_t *tools, const char *name)
{
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const json_t *function = json_object_get(tool, "function");
        const char *offered = json_string_value(json_object_get(function != NULL ? function : tool, "name"));
        if (offered != NULL && strcmp(offered, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The answer begins with "{" and may be JSON that was asked for. */
static hearth_status parse_unmarked(const call_source *source, json_t *calls, hearth_error *error)
{
    hearth_error odd = {0};
    const hearth_status status = parse_values(whole(source->body), add_object, calls, &odd);
    if (status == HEARTH_E_MEMORY) {
        return error_memory(error, source->body->text.length);
    }
    bool all = status == HEARTH_OK;
    for (size_t i = 0; i < json_array_size(calls) && all; i++) {
        all = tool_calls_offered(source->tools, json_string_value(json_object_get(json_array_get(calls, i), "name")));
    }
    if (!all) {
        json_array_clear(calls);
    }
    return HEARTH_OK;
}

static hearth_status parse_llama(const call_source *source, json_t *calls, hearth_error *error)
{
    static const char method[] = ".call";
    const call_span s = call_span_trim(whole(source->body));
    if (begins(s, "{") || begins(s, "[")) {
        return parse_values(s, add_object, calls, error);
    }
    hearth_error odd = {0};
    hearth_status status = tool_python_parse(s, calls, &odd);
    if (status == HEARTH_E_FORMAT) { /* program text for the interpreter */
        json_array_clear(calls);
        json_t *arguments = json_door_put(json_object(), "code", tool_calls_text(s));
        return tool_calls_add(calls, (call_span){"code_interpreter", 16}, arguments, (call_span){"", 0}, error);
    }
    for (size_t i = 0; i < json_array_size(calls) && status == HEARTH_OK; i++) {
        json_t *call = json_array_get(calls, i);
        call_span name = span_of(json_object_get(call, "name"));
        if (name.length > sizeof method - 1 &&
            memcmp(name.text + name.length - (sizeof method - 1), method, sizeof method - 1) == 0) {
            name.length -= sizeof method - 1;
            status = json_object_set_new(call, "name", tool_calls_text(name)) == 0 ? HEARTH_OK
                                                                                   : error_memory(error, name.length);
        }
    }
    return status == HEARTH_OK ? HEARTH_OK : error_memory(error, s.length);
}

/* ---- all of them ---- */

static hearth_status parse(const call_source *source, json_t *calls, hearth_error *error)
{
    const call_body *b = source->body;
    switch (source->form) {
    case CALL_JSON:
        return parse_values(whole(b), add_object, calls, error);
    case CALL_LLAMA:
        return source->unmarked ? parse_unmarked(source, calls, error) : parse_llama(source, calls, error);
    case CALL_MISTRAL:
        return parse_mistral(b, calls, error);
    case CALL_DEEPSEEK:
        return parse_deepseek(b, calls, error);
    case CALL_KIMI:
        return parse_kimi(b, calls, error);
    case CALL_XML:
        return tool_xml_parse(source, calls, error);
    case CALL_KEYS:
        return tool_keys_parse(source, calls, error);
    case CALL_FUNCTION:
        return parse_function(b, calls, error);
    case CALL_PYTHON:
        return tool_python_parse(whole(b), calls, error);
    case CALL_LIST:
        return parse_list(whole(b), calls, error);
    case CALL_SINGLE_KEY:
        return parse_values(whole(b), add_members, calls, error);
    case CALL_HARMONY:
        return add_text(bare_name((call_span){source->name, strlen(source->name)}), whole(b), (call_span){"", 0}, calls,
                        error);
    }
    return error_set(error, HEARTH_E_ARGUMENT, "tool call", "a known form", "%d", (int)source->form);
}

hearth_status tool_calls_parse(const call_source *source, json_t *calls, hearth_error *error)
{
    json_t *made = json_array();
    if (made == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    hearth_status status = parse(source, made, error);
    if (status == HEARTH_OK && json_array_extend(calls, made) != 0) {
        status = error_memory(error, sizeof(json_t));
    }
    json_decref(made);
    return status;
}
