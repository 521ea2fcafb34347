/* Calls that write each argument between markers of its own: <parameter=key>value</parameter> and
 * <arg_key>key</arg_key><arg_value>value</arg_value>. The values are bare text; the tool's schema tells what they are.
 */
#define _GNU_SOURCE /* memmem */
#include "generate/tool_calls.h"

#include <string.h>

/* The schema of a parameter, or NULL. */
static const json_t *schema_of(const json_t *tools, call_span name, const char *key)
{
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const json_t *function = json_object_get(tool, "function");
        function = function != NULL ? function : tool;
        const char *offered = json_string_value(json_object_get(function, "name"));
        if (offered != NULL && strlen(offered) == name.length && memcmp(offered, name.text, name.length) == 0) {
            return json_object_get(json_object_get(json_object_get(function, "parameters"), "properties"), key);
        }
    }
    return NULL;
}

static bool type_is(const json_t *type, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(type); i++) {
        if (type_is(json_array_get(type, i), wanted)) {
            return true;
        }
    }
    const char *found = json_string_value(type);
    return found != NULL && strcmp(found, wanted) == 0;
}

/* JSON, or a literal as Python writes it; NULL with HEARTH_OK where it is neither. */
static hearth_status read_value(call_span text, json_t **ret)
{
    const call_span s = call_span_trim(text);
    *ret = NULL;
    hearth_status status = json_door_parse(s.text, s.length, "argument", ret, NULL);
    if (status == HEARTH_E_FORMAT || status == HEARTH_E_LIMIT) {
        status = tool_python_value(s, ret, NULL);
    }
    return status == HEARTH_E_MEMORY ? status : HEARTH_OK;
}

/* Adds key and value. Where no schema tells: `guess` reads JSON where it is JSON, else it is text. */
static hearth_status add_argument(const call_source *source, call_span name, call_span key, call_span value, bool guess,
                                  json_t *arguments, hearth_error *error)
{
    json_t *key_text = tool_calls_text(call_span_trim(key));
    if (key_text == NULL) {
        return error_memory(error, key.length);
    }
    const json_t *schema = schema_of(source->tools, name, json_string_value(key_text));
    const json_t *type = json_object_get(schema, "type");
    const bool text = type != NULL ? type_is(type, "string") : !guess;
    json_t *made = NULL;
    hearth_status status = text ? HEARTH_OK : read_value(value, &made);
    if (status != HEARTH_OK) {
        (void)error_memory(error, value.length);
    }
    if (made == NULL && status == HEARTH_OK) {
        made = tool_calls_text(value);
    }
    if (status == HEARTH_OK && json_object_set_new(arguments, json_string_value(key_text), made) != 0) {
        status = error_memory(error, value.length);
    }
    json_decref(key_text);
    return status;
}

/* ---- <function=name><parameter=key>value</parameter></function> ---- */

static const char *find(call_span s, const char *text)
{
    return s.length >= strlen(text) ? memmem(s.text, s.length, text, strlen(text)) : NULL;
}

static bool begins(call_span s, const char *with)
{
    return s.length >= strlen(with) && memcmp(s.text, with, strlen(with)) == 0;
}

static call_span from(call_span s, const char *at)
{
    return (call_span){at, s.length - (size_t)(at - s.text)};
}

/* The value's end: the first closing tag that is followed by what may follow one, since a value may spell a tag. */
static const char *value_end(call_span s)
{
    static const char close[] = "</parameter>";
    const char *end = find(s, close);
    while (end != NULL) {
        const call_span rest = call_span_trim(from(s, end + sizeof close - 1));
        if (rest.length == 0 || begins(rest, "<parameter=") || begins(rest, "</function>")) {
            return end;
        }
        end = find(from(s, end + 1), close);
    }
    return NULL;
}

/* One line break behind the opening tag and one before the closing tag are the form's. */
static call_span without_breaks(call_span s)
{
    if (s.length > 0 && s.text[0] == '\n') {
        s = from(s, s.text + 1);
    }
    if (s.length > 0 && s.text[s.length - 1] == '\n') {
        s.length--;
    }
    return s;
}

/* Parameters up to </function>; *s is then what comes behind it. */
static hearth_status parse_parameters(const call_source *source, call_span name, call_span *s, json_t *arguments,
                                      hearth_error *error)
{
    static const char opening[] = "<parameter=", ending[] = "</function>", close[] = "</parameter>";
    for (;;) {
        *s = call_span_trim(*s);
        if (begins(*s, ending)) {
            *s = call_span_trim(from(*s, s->text + sizeof ending - 1));
            return HEARTH_OK;
        }
        const char *key_end = begins(*s, opening) ? memchr(s->text, '>', s->length) : NULL;
        const char *end = key_end != NULL ? value_end(from(*s, key_end + 1)) : NULL;
        if (end == NULL) {
            return error_set(error, HEARTH_E_FORMAT, "tool call", "<parameter=name>value</parameter> or </function>",
                             "\"%.*s\"", (int)(s->length < 40 ? s->length : 40), s->text);
        }
        const char *key = s->text + sizeof opening - 1;
        const call_span value = {key_end + 1, (size_t)(end - key_end - 1)};
        TRY(add_argument(source, name, (call_span){key, (size_t)(key_end - key)}, without_breaks(value), false,
                         arguments, error));
        *s = from(*s, end + sizeof close - 1);
    }
}

hearth_status tool_xml_parse(const call_source *source, json_t *calls, hearth_error *error)
{
    static const char opening[] = "<function=";
    call_span s = call_span_trim((call_span){buffer_text(&source->body->text), source->body->text.length});
    do {
        const char *name_end = begins(s, opening) ? memchr(s.text, '>', s.length) : NULL;
        if (name_end == NULL) {
            return error_set(error, HEARTH_E_FORMAT, "tool call", "<function=name>", "\"%.*s\"",
                             (int)(s.length < 40 ? s.length : 40), s.text);
        }
        const char *start = s.text + sizeof opening - 1;
        const call_span name = call_span_trim((call_span){start, (size_t)(name_end - start)});
        json_t *arguments = json_object();
        if (arguments == NULL) {
            return error_memory(error, sizeof(json_t));
        }
        s = from(s, name_end + 1);
        const hearth_status status = parse_parameters(source, name, &s, arguments, error);
        if (status != HEARTH_OK) {
            json_decref(arguments);
            return status;
        }
        TRY(tool_calls_add(calls, name, arguments, (call_span){"", 0}, error));
    } while (s.length > 0);
    return HEARTH_OK;
}

/* ---- name, <arg_key>key</arg_key><arg_value>value</arg_value> ---- */

/* The text behind mark i, up to mark i + 1 or the end. */
static call_span piece(const call_body *b, size_t i)
{
    const size_t begin = b->marks[i].at;
    const size_t end = i + 1 < b->count ? b->marks[i + 1].at : b->text.length;
    return (call_span){buffer_text(&b->text) + begin, end - begin};
}

static hearth_status parse_pairs(const call_source *source, call_span name, json_t *arguments, hearth_error *error)
{
    static const answer_mark order[] = {MARK_INNER_1, MARK_INNER_2, MARK_INNER_3, MARK_INNER_4};
    const call_body *b = source->body;
    for (size_t i = 0; i < b->count; i++) {
        if (b->marks[i].mark != order[i % 4] || (i % 2 == 1 && call_span_trim(piece(b, i)).length > 0)) {
            return error_set(error, HEARTH_E_FORMAT, "tool call", "pairs of a marked key and a marked value",
                             "something else behind mark %zu", i + 1);
        }
    }
    if (b->count % 4 != 0) {
        return error_set(error, HEARTH_E_FORMAT, "tool call", "pairs of a marked key and a marked value", "%zu marks",
                         b->count);
    }
    for (size_t i = 0; i < b->count; i += 4) {
        TRY(add_argument(source, name, piece(b, i), piece(b, i + 2), true, arguments, error));
    }
    return HEARTH_OK;
}

hearth_status tool_keys_parse(const call_source *source, json_t *calls, hearth_error *error)
{
    const call_body *b = source->body;
    const size_t end = b->count > 0 ? b->marks[0].at : b->text.length;
    const call_span name = call_span_trim((call_span){buffer_text(&b->text), end});
    json_t *arguments = json_object();
    if (arguments == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    const hearth_status status = parse_pairs(source, name, arguments, error);
    if (status != HEARTH_OK) {
        json_decref(arguments);
        return status;
    }
    return tool_calls_add(calls, name, arguments, (call_span){"", 0}, error);
}
