/* From OpenAI's messages to the canonical ones. */
#include "serve/openai_messages.h"

#include "base/limits.h"
#include "serve/fields.h"

#include <stdio.h>
#include <string.h>

/* ---- content ---- */

static bool append_part(const json_t *part, const char *place, buffer *out, failure *f)
{
    const char *type = json_string_value(json_object_get(part, "type"));
    const json_t *text = json_object_get(part, "text");
    if (!json_is_object(part) || type == NULL) {
        return field_wrong(place, "an array of content parts, each with a 'type'", part, f);
    }
    const bool known = strcmp(type, "text") == 0 || strcmp(type, "input_text") == 0 || strcmp(type, "output_text") == 0;
    if (!known) {
        return failure_set(f, 400, "unsupported", place,
                           "Content of the type '%.60s' is not supported: this server takes "
                           "text.",
                           type);
    }
    if (!json_is_string(text)) {
        return field_wrong(place, "text parts with a 'text'", text, f);
    }
    if ((out->length > 0 && buffer_append_char(out, '\n', NULL) != HEARTH_OK) ||
        buffer_append(out, json_string_value(text), json_string_length(text), NULL) != HEARTH_OK) {
        return failure_memory(f);
    }
    return true;
}

/* A text, an array of text parts, or null. */
static bool read_content(const json_t *message, const char *place, bool may_lack, json_t **ret, failure *f)
{
    const json_t *content = field_of(message, "content");
    if (json_is_string(content)) {
        *ret = json_incref((json_t *)content);
        return true;
    }
    if (content == NULL && may_lack) {
        *ret = json_null();
        return true;
    }
    if (!json_is_array(content)) {
        return field_wrong(place, "a string or an array of content parts", content, f);
    }
    buffer text;
    buffer_init(&text, 0);
    bool good = true;
    for (size_t i = 0; i < json_array_size(content) && good; i++) {
        good = append_part(json_array_get(content, i), place, &text, f);
    }
    *ret = good ? json_stringn(buffer_text(&text), text.length) : NULL;
    buffer_free(&text);
    return good && (*ret != NULL || failure_memory(f));
}

/* ---- calls ---- */

/* *left: values that arguments, JSON in a string, may have still. */
static bool read_call(const json_t *call, const char *place, size_t *left, json_t *calls, failure *f)
{
    const json_t *function = json_object_get(call, "function");
    json_t *id = json_object_get(call, "id");
    json_t *name = json_object_get(function, "name");
    const json_t *text = json_object_get(function, "arguments");
    json_t *arguments = NULL;
    if (!json_is_string(id) || !json_is_string(name) || !json_is_string(text)) {
        return failure_set(
            f, 400, "invalid_value", place,
            "Invalid '%s': expected calls with an 'id' and a 'function' with 'name' and 'arguments', all "
            "strings.",
            place);
    }
    const char *source = json_string_length(text) > 0 ? json_string_value(text) : "{}";
    const size_t length = json_string_length(text) > 0 ? json_string_length(text) : 2;
    if (json_door_parse_within(source, length, left, &arguments, NULL) != HEARTH_OK || !json_is_object(arguments)) {
        json_decref(arguments); /* what a model once wrote wrongly, or too much, is kept as it is */
        arguments = json_incref((json_t *)text);
    }
    json_t *made = json_pack("{s:O, s:O, s:o}", "id", id, "name", name, "arguments", arguments);
    return json_array_append_new(calls, made) == 0 || failure_memory(f);
}

static bool read_calls(const json_t *message, const char *place, size_t *left, json_t *made, failure *f)
{
    const json_t *calls = field_of(message, "tool_calls");
    if (calls == NULL) {
        return true;
    }
    if (!json_is_array(calls)) {
        return field_wrong(place, "an array of tool calls", calls, f);
    }
    json_t *read = json_array();
    bool good = read != NULL || failure_memory(f);
    for (size_t i = 0; i < json_array_size(calls) && good; i++) {
        good = read_call(json_array_get(calls, i), place, left, read, f);
    }
    if (good && json_array_size(read) > 0) {
        return json_object_set_new(made, "tool_calls", read) == 0 || failure_memory(f);
    }
    json_decref(read);
    return good;
}

/* ---- messages ---- */

static const char *role_of(const json_t *message)
{
    static const char *const roles[][2] = {
        {"system", "system"}, {"developer", "system"}, {"user", "user"}, {"assistant", "assistant"}, {"tool", "tool"}};
    const char *found = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; found != NULL && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(found, roles[i][0]) == 0) {
            return roles[i][1];
        }
    }
    return NULL;
}

static bool add_details(chat_request *c, json_t *names, const json_t *message, const char *role, const char *place,
                        json_t *made, failure *f)
{
    if (strcmp(role, "assistant") == 0) {
        json_t *thought = json_object_get(message, "reasoning_content");
        thought = json_is_string(thought) ? thought : json_object_get(message, "reasoning");
        if (json_is_string(thought) && json_object_set(made, "reasoning_content", thought) != 0) {
            return failure_memory(f);
        }
        return read_calls(message, place, &c->argument_values_left, made, f) &&
               chat_request_note_calls(names, json_object_get(made, "tool_calls"), f);
    }
    if (strcmp(role, "tool") == 0) {
        json_t *id = json_object_get(message, "tool_call_id");
        if (!json_is_string(id)) {
            return field_wrong(place, "a 'tool_call_id'", id, f);
        }
        json_t *name = json_object_get(names, json_string_value(id));
        if (json_object_set(made, "tool_call_id", id) != 0 ||
            (name != NULL && json_object_set(made, "name", name) != 0)) {
            return failure_memory(f);
        }
    }
    return true;
}

static bool read_message(chat_request *c, json_t *names, const json_t *message, size_t index, failure *f)
{
    char place[64];
    snprintf(place, sizeof place, "messages[%zu]", index);
    if (!json_is_object(message)) {
        return field_wrong(place, "an object", message, f);
    }
    const char *role = role_of(message);
    snprintf(place, sizeof place, "messages[%zu].role", index);
    if (role == NULL) {
        const json_t *found = json_object_get(message, "role");
        return json_is_string(found)
                   ? failure_set(f, 400, "invalid_value", place,
                                 "Invalid value: '%.60s'. Supported values are: 'system', 'developer', 'user', "
                                 "'assistant' and 'tool'.",
                                 json_string_value(found))
                   : field_wrong(place, "a string", found, f);
    }
    json_t *content = NULL;
    snprintf(place, sizeof place, "messages[%zu].content", index);
    if (!read_content(message, place, strcmp(role, "assistant") == 0, &content, f)) {
        return false;
    }
    json_t *made = json_door_put(json_door_put(json_object(), "role", json_string(role)), "content", content);
    snprintf(place, sizeof place, "messages[%zu]", index);
    if (made == NULL || !add_details(c, names, message, role, place, made, f)) {
        json_decref(made);
        return made != NULL ? false : failure_memory(f);
    }
    return json_array_append_new(c->messages, made) == 0 || failure_memory(f);
}

bool openai_read_messages(chat_request *c, const json_t *body, failure *f)
{
    const json_t *messages = field_of(body, "messages");
    if (messages == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "messages", "Missing required parameter: 'messages'.");
    }
    if (!json_is_array(messages)) {
        return field_wrong("messages", "an array of objects", messages, f);
    }
    const size_t count = json_array_size(messages);
    if (count == 0 || count > LIMIT_MESSAGES) {
        return failure_set(f, 400, "invalid_value", "messages",
                           "Invalid 'messages': expected 1 to %u messages, but got "
                           "%zu.",
                           LIMIT_MESSAGES, count);
    }
    c->argument_values_left = LIMIT_BODY_VALUES;
    c->messages = json_array();
    json_t *names = json_object();
    bool good = (c->messages != NULL && names != NULL) || failure_memory(f);
    for (size_t i = 0; i < count && good; i++) {
        good = read_message(c, names, json_array_get(messages, i), i, f);
    }
    json_decref(names);
    return good;
}

/* ---- tools ---- */

static bool check_tool(const json_t *tool, size_t index, failure *f)
{
    char place[64];
    const char *type = json_string_value(json_object_get(tool, "type"));
    const json_t *function = json_object_get(tool, "function");
    snprintf(place, sizeof place, "tools[%zu].type", index);
    if (type == NULL || strcmp(type, "function") != 0) {
        return failure_set(f, 400, "invalid_value", place, "Invalid '%s': only tools of the type 'function' are known.",
                           place);
    }
    snprintf(place, sizeof place, "tools[%zu].function.name", index);
    if (!json_is_string(json_object_get(function, "name"))) {
        return field_wrong(place, "a string", json_object_get(function, "name"), f);
    }
    snprintf(place, sizeof place, "tools[%zu].function.parameters", index);
    const json_t *parameters = field_of(function, "parameters");
    return parameters == NULL || json_is_object(parameters) || field_wrong(place, "an object", parameters, f);
}

static bool read_choice(chat_request *c, const json_t *choice, failure *f)
{
    static const char *const names[] = {"auto", "none", "required"};
    const char *text = json_string_value(choice);
    for (size_t i = 0; text != NULL && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            c->choice = (tool_choice)i;
            return true;
        }
    }
    c->tool = json_string_value(json_object_get(json_object_get(choice, "function"), "name"));
    if (c->tool == NULL) {
        return failure_set(f, 400, "invalid_value", "tool_choice",
                           "Invalid 'tool_choice': expected 'auto', 'none', 'required' or a function.");
    }
    c->choice = TOOLS_NAMED;
    return chat_request_offers(c, c->tool) ||
           failure_set(f, 400, "invalid_value", "tool_choice", "Invalid 'tool_choice': no tool is called '%.100s'.",
                       c->tool);
}

bool openai_read_tools(chat_request *c, const json_t *body, failure *f)
{
    const json_t *tools = NULL;
    if (!field_array(body, "tools", &tools, f)) {
        return false;
    }
    const size_t count = json_array_size(tools);
    if (count > LIMIT_TOOLS) {
        return failure_set(f, 400, "invalid_value", "tools", "Invalid 'tools': at most %u are taken.", LIMIT_TOOLS);
    }
    for (size_t i = 0; i < count; i++) {
        if (!check_tool(json_array_get(tools, i), i, f)) {
            return false;
        }
    }
    c->tools = count > 0 ? json_incref((json_t *)tools) : NULL;
    const json_t *choice = field_of(body, "tool_choice");
    if (choice != NULL && c->tools == NULL) {
        const char *text = json_string_value(choice);
        return (text != NULL && (strcmp(text, "none") == 0 || strcmp(text, "auto") == 0)) ||
               failure_set(f, 400, "invalid_value", "tool_choice", "'tool_choice' is only allowed with 'tools'.");
    }
    return choice == NULL || read_choice(c, choice, f);
}

/* ---- thinking ---- */

bool openai_read_thinking(chat_request *c, const json_t *body, failure *f)
{
    const json_t *variables = NULL;
    const char *effort = NULL;
    if (!field_object(body, "chat_template_kwargs", &variables, f) ||
        !field_text(body, "reasoning_effort", &effort, f)) {
        return false;
    }
    if (effort != NULL) {
        c->think = strcmp(effort, "none") != 0;
        if (c->think == 1 && json_object_set_new(c->variables, "reasoning_effort", json_string(effort)) != 0) {
            return failure_memory(f);
        }
    }
    return variables == NULL || json_object_update(c->variables, (json_t *)variables) == 0 || failure_memory(f);
}

/* ---- the answer's form ---- */

static bool read_schema(request *r, chat_request *c, const json_t *format, failure *f)
{
    const json_t *named = field_of(format, "json_schema");
    const json_t *schema = field_of(named, "schema");
    if (!json_is_object(named)) {
        return field_wrong("response_format.json_schema", "an object", named, f);
    }
    if (!json_is_object(schema)) {
        return field_wrong("response_format.json_schema.schema", "an object", schema, f);
    }
    return chat_request_grammar(r, c, GRAMMAR_SCHEMA, schema, "response_format.json_schema.schema", f);
}

static bool read_response_format(request *r, chat_request *c, const json_t *format, failure *f)
{
    const char *type = NULL;
    if (!field_text(format, "type", &type, f)) {
        return false;
    }
    if (type != NULL && strcmp(type, "text") == 0) {
        return true;
    }
    if (type != NULL && strcmp(type, "json_object") == 0) {
        return chat_request_grammar(r, c, GRAMMAR_OBJECT, NULL, "response_format", f);
    }
    if (type != NULL && strcmp(type, "json_schema") == 0) {
        return read_schema(r, c, format, f);
    }
    return failure_set(f, 400, "invalid_value", "response_format.type",
                       "Invalid 'response_format.type': expected 'text', 'json_object' or 'json_schema'.");
}

bool openai_read_format(request *r, chat_request *c, const json_t *body, failure *f)
{
    const json_t *format = NULL;
    const char *text = NULL;
    bool parallel = true;
    if (!field_object(body, "response_format", &format, f) || !field_text(body, "grammar", &text, f) ||
        !field_flag(body, "parallel_tool_calls", &parallel, f)) {
        return false;
    }
    c->one_call = !parallel;
    if (format != NULL && text != NULL) {
        return failure_set(f, 400, "invalid_value", "grammar", "'grammar' and 'response_format' exclude each other.");
    }
    if (text != NULL) {
        return chat_request_grammar(r, c, GRAMMAR_GBNF, json_object_get(body, "grammar"), "grammar", f);
    }
    return format == NULL || read_response_format(r, c, format, f);
}
