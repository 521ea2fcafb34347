/* From a request of /v1/responses to the canonical one: its items become messages, its flat tools those of chat. */
#include "serve/openai_responses.h"

#include "serve/fields.h"
#include "serve/openai.h"
#include "serve/openai_messages.h"

#include <stdio.h>
#include <string.h>

/* ---- items to chat's messages ---- */

/* The last message, where it is an assistant's; else a new one. */
static json_t *assistant_message(json_t *messages)
{
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const char *role = json_string_value(json_object_get(last, "role"));
    if (role != NULL && strcmp(role, "assistant") == 0) {
        return last;
    }
    json_t *made = json_pack("{s:s, s:n}", "role", "assistant", "content");
    return json_array_append_new(messages, made) == 0 ? made : NULL;
}

static bool add_call(json_t *messages, const json_t *item, failure *f)
{
    json_t *message = assistant_message(messages);
    json_t *calls = json_object_get(message, "tool_calls");
    if (calls == NULL) {
        calls = json_array();
        if (message == NULL || json_object_set_new(message, "tool_calls", calls) != 0) {
            return failure_memory(f);
        }
    }
    json_t *function = json_pack("{s:O?, s:O?}", "name", json_object_get(item, "name"), "arguments",
                                 json_object_get(item, "arguments"));
    json_t *call = json_door_put(json_pack("{s:O?}", "id", json_object_get(item, "call_id")), "function", function);
    return json_array_append_new(calls, call) == 0 || failure_memory(f);
}

static bool add_result(json_t *messages, const json_t *item, failure *f)
{
    json_t *made = json_pack("{s:s, s:O?, s:O?}", "role", "tool", "tool_call_id", json_object_get(item, "call_id"),
                             "content", json_object_get(item, "output"));
    return json_array_append_new(messages, made) == 0 || failure_memory(f);
}

/* What was thought before an answer goes with it. */
static bool add_reasoning(json_t *messages, const json_t *item, failure *f)
{
    const json_t *part = json_array_get(json_object_get(item, "content"), 0);
    json_t *text = json_object_get(part, "text");
    if (!json_is_string(text)) {
        return true;
    }
    json_t *made = json_pack("{s:s, s:n, s:O}", "role", "assistant", "content", "reasoning_content", text);
    return json_array_append_new(messages, made) == 0 || failure_memory(f);
}

static bool add_message(json_t *messages, const json_t *item, failure *f)
{
    const char *role = json_string_value(json_object_get(item, "role"));
    json_t *content = json_object_get(item, "content");
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const bool thought = last != NULL && json_is_null(json_object_get(last, "content")) &&
                         json_object_get(last, "reasoning_content") != NULL;
    if (role != NULL && strcmp(role, "assistant") == 0 && thought) {
        return json_object_set(last, "content", content) == 0 || failure_memory(f);
    }
    json_t *made = json_pack("{s:O?, s:O?}", "role", json_object_get(item, "role"), "content", content);
    return json_array_append_new(messages, made) == 0 || failure_memory(f);
}

static bool add_item(json_t *messages, const json_t *item, size_t index, failure *f)
{
    char place[64];
    const char *type = json_string_value(json_object_get(item, "type"));
    snprintf(place, sizeof place, "input[%zu]", index);
    if (!json_is_object(item)) {
        return field_wrong(place, "an object", item, f);
    }
    if (type == NULL || strcmp(type, "message") == 0) {
        return add_message(messages, item, f);
    }
    if (strcmp(type, "function_call") == 0) {
        return add_call(messages, item, f);
    }
    if (strcmp(type, "function_call_output") == 0) {
        return add_result(messages, item, f);
    }
    if (strcmp(type, "reasoning") == 0) {
        return add_reasoning(messages, item, f);
    }
    return failure_set(f, 400, "unsupported", place, "Items of the type '%.60s' are not supported.", type);
}

static bool add_text(json_t *messages, const char *role, const json_t *text, failure *f)
{
    json_t *made = json_pack("{s:s, s:O}", "role", role, "content", text);
    return json_array_append_new(messages, made) == 0 || failure_memory(f);
}

static bool read_input(const json_t *body, json_t *messages, failure *f)
{
    const json_t *input = field_of(body, "input");
    const char *instructions = NULL;
    if (input == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "input", "Missing required parameter: 'input'.");
    }
    if (!json_is_string(input) && !json_is_array(input)) {
        return field_wrong("input", "a string or an array of items", input, f);
    }
    if (!field_text(body, "instructions", &instructions, f) ||
        (instructions != NULL && !add_text(messages, "system", json_object_get(body, "instructions"), f))) {
        return false;
    }
    if (json_is_string(input)) {
        return add_text(messages, "user", input, f);
    }
    for (size_t i = 0; i < json_array_size(input); i++) {
        if (!add_item(messages, json_array_get(input, i), i, f)) {
            return false;
        }
    }
    return true;
}

/* ---- tools, formats ---- */

/* {"type": "function", "name", …} to {"type": "function", "function": {"name", …}} */
static bool read_tools(const json_t *body, json_t *as_chat, failure *f)
{
    const json_t *tools = NULL;
    if (!field_array(body, "tools", &tools, f)) {
        return false;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        json_t *function = json_is_object(tool) ? json_copy((json_t *)tool) : json_object();
        (void)json_object_del(function, "type");
        json_t *made = json_pack("{s:O?}", "type", json_object_get(tool, "type"));
        list = json_door_append(list, json_door_put(made, "function", function));
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        return list != NULL || failure_memory(f);
    }
    json_t *choice = json_object_get(body, "tool_choice");
    if (json_is_object(choice)) {
        choice = json_pack("{s:s, s:{s:O?}}", "type", "function", "function", "name", json_object_get(choice, "name"));
    } else {
        choice = choice != NULL ? json_incref(choice) : json_null();
    }
    return (json_object_set_new(as_chat, "tools", list) == 0 &&
            json_object_set_new(as_chat, "tool_choice", choice) == 0) ||
           failure_memory(f);
}

/* text.format is flat, too. */
static bool read_format(const json_t *body, json_t *as_chat, failure *f)
{
    const json_t *text = NULL, *format = NULL, *reasoning = NULL;
    if (!field_object(body, "text", &text, f) || !field_object(body, "reasoning", &reasoning, f) ||
        (text != NULL && !field_object(text, "format", &format, f))) {
        return false;
    }
    json_t *effort = json_object_get(reasoning, "effort");
    if (effort != NULL && json_object_set(as_chat, "reasoning_effort", effort) != 0) {
        return failure_memory(f);
    }
    if (format == NULL) {
        return true;
    }
    json_t *made = json_pack("{s:O?, s:{s:O?}}", "type", json_object_get(format, "type"), "json_schema", "schema",
                             json_object_get(format, "schema"));
    return json_object_set_new(as_chat, "response_format", made) == 0 || failure_memory(f);
}

/* Nothing is kept on the server. */
static bool check_unsupported(const json_t *body, failure *f)
{
    static const char *const names[] = {"previous_response_id", "conversation", "prompt"};
    bool background = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (field_of(body, names[i]) != NULL) {
            return failure_set(f, 400, "unsupported", names[i],
                               "'%s' is not supported: this server keeps no answers. Send the whole conversation as "
                               "'input'.",
                               names[i]);
        }
    }
    if (!field_flag(body, "background", &background, f)) {
        return false;
    }
    return !background || failure_set(f, 400, "unsupported", "background", "'background' is not supported.");
}

/* ---- all of it ---- */

static bool read_lengths(chat_request *c, const json_t *body, failure *f)
{
    uint64_t most = c->most_tokens, top = 0;
    const json_t *include = NULL;
    if (!field_count(body, "max_output_tokens", 1, INT32_MAX, &most, f) ||
        !field_count(body, "top_logprobs", 0, 20, &top, f) || !field_array(body, "include", &include, f)) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(include); i++) {
        const char *name = json_string_value(json_array_get(include, i));
        c->logprobs = c->logprobs || (name != NULL && strcmp(name, "message.output_text.logprobs") == 0);
    }
    c->top_logprobs = c->logprobs ? (unsigned)top : 0;
    c->most_tokens = (size_t)most;
    return true;
}

/* The fields that chat has under other names are read as chat's. */
static bool read_as_chat(request *r, chat_request *c, json_t *as_chat, failure *f)
{
    const json_t *body = r->body;
    json_t *messages = json_array();
    json_t *parallel = json_object_get(body, "parallel_tool_calls");
    if (json_object_set_new(as_chat, "messages", messages) != 0 ||
        (parallel != NULL && json_object_set(as_chat, "parallel_tool_calls", parallel) != 0)) {
        return failure_memory(f);
    }
    return read_input(body, messages, f) && read_tools(body, as_chat, f) && read_format(body, as_chat, f) &&
           openai_read_messages(c, as_chat, f) && openai_read_tools(c, as_chat, f) &&
           openai_read_thinking(c, as_chat, f) && openai_read_format(r, c, as_chat, f);
}

/* Of the name of a field of chat's: "messages[0].content" was "input[0].content". */
static void rename_field(failure *f)
{
    static const char *const names[][2] = {{"messages", "input"}, {"response_format", "text.format"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i][0]);
        if (strncmp(f->param, names[i][0], length) == 0) {
            char param[sizeof f->param];
            snprintf(param, sizeof param, "%s%.100s", names[i][1], f->param + length);
            memcpy(f->param, param, sizeof param);
        }
    }
}

bool responses_read(request *r, chat_request *c, bool *ret_stream, failure *f)
{
    const char *name = NULL;
    bool usage = false;
    if (!field_text(r->body, "model", &name, f) || !chat_request_open(r, name, c, f) ||
        !check_unsupported(r->body, f)) {
        return false;
    }
    json_t *as_chat = json_object();
    bool good = as_chat != NULL || failure_memory(f);
    if (good && !read_as_chat(r, c, as_chat, f)) {
        good = false;
        rename_field(f);
    }
    r->translation = as_chat; /* what was read lives as long as the request */
    return good && read_lengths(c, r->body, f) && chat_request_sampling(c, r->body, f) &&
           openai_stream_fields(r->body, ret_stream, &usage, f);
}
