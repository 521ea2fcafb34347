/* From Anthropic's messages, blocks and tools to the canonical request. */
#include "serve/anthropic.h"

#include "base/limits.h"
#include "serve/fields.h"

#include <stdio.h>
#include <string.h>

static const char *type_of(const json_t *block)
{
    const char *type = json_string_value(json_object_get(block, "type"));
    return type != NULL ? type : "";
}

/* ---- texts ---- */

static bool append_text(const json_t *text, const char *place, buffer *out, failure *f)
{
    if (!json_is_string(text)) {
        return failure_set(f, 400, NULL, place, "%s.text: Input should be a valid string", place);
    }
    if ((out->length > 0 && buffer_append_char(out, '\n', NULL) != HEARTH_OK) ||
        buffer_append(out, json_string_value(text), json_string_length(text), NULL) != HEARTH_OK) {
        return failure_memory(f);
    }
    return true;
}

static bool refuse_block(const json_t *block, const char *place, failure *f)
{
    return failure_set(f, 400, "unsupported", place, "%s: blocks of the type '%.60s' are not supported here.", place,
                       type_of(block));
}

/* A text, or blocks of text alone; NULL: none. */
static bool read_texts(const json_t *value, const char *place, buffer *out, failure *f)
{
    if (value == NULL || json_is_string(value)) {
        return value == NULL || append_text(value, place, out, f);
    }
    if (!json_is_array(value)) {
        return failure_set(f, 400, NULL, place, "%s: Input should be a string or a list of blocks", place);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *block = json_array_get(value, i);
        if (strcmp(type_of(block), "text") != 0) {
            return refuse_block(block, place, f);
        }
        if (!append_text(json_object_get(block, "text"), place, out, f)) {
            return false;
        }
    }
    return true;
}

static json_t *message_of(const char *role, const buffer *text)
{
    json_t *content = json_stringn(buffer_text(text), text->length);
    return json_door_put(json_door_put(json_object(), "role", json_string(role)), "content", content);
}

static bool add_message(chat_request *c, json_t *message, failure *f)
{
    return json_array_append_new(c->messages, message) == 0 || failure_memory(f);
}

static bool read_system(chat_request *c, const json_t *body, failure *f)
{
    buffer text;
    buffer_init(&text, 0);
    bool good = read_texts(field_of(body, "system"), "system", &text, f);
    if (good && text.length > 0) {
        good = add_message(c, message_of("system", &text), f);
    }
    buffer_free(&text);
    return good;
}

/* ---- the user's ---- */

/* `names`: of the functions that were called, by the ids of their calls. */
static bool add_result(chat_request *c, const json_t *names, const json_t *block, const char *place, failure *f)
{
    json_t *id = json_object_get(block, "tool_use_id");
    json_t *name = json_is_string(id) ? json_object_get(names, json_string_value(id)) : NULL;
    if (!json_is_string(id)) {
        return failure_set(f, 400, NULL, place, "%s.tool_use_id: Field required", place);
    }
    if (name == NULL) {
        return failure_set(f, 400, NULL, place,
                           "%s: unexpected `tool_use_id` found in `tool_result` blocks: %.100s. "
                           "Each `tool_result` block must have a corresponding `tool_use` block before it.",
                           place, json_string_value(id));
    }
    buffer text;
    buffer_init(&text, 0);
    bool good = read_texts(field_of(block, "content"), place, &text, f);
    if (good) {
        json_t *made = message_of("tool", &text);
        made = json_door_put(made, "tool_call_id", json_incref(id));
        good = add_message(c, json_door_put(made, "name", json_incref(name)), f);
    }
    buffer_free(&text);
    return good;
}

/* Results are messages of their own, and go before the text. */
static bool read_user(chat_request *c, const json_t *names, const json_t *content, const char *place, failure *f)
{
    buffer text;
    size_t results = 0;
    buffer_init(&text, 0);
    bool good = true;
    for (size_t i = 0; i < json_array_size(content) && good; i++) {
        const json_t *block = json_array_get(content, i);
        if (strcmp(type_of(block), "tool_result") == 0) {
            results++;
            good = add_result(c, names, block, place, f);
        } else {
            good = strcmp(type_of(block), "text") == 0 ? append_text(json_object_get(block, "text"), place, &text, f)
                                                       : refuse_block(block, place, f);
        }
    }
    if (good && json_is_string(content)) {
        good = append_text(content, place, &text, f);
    }
    if (good && (results == 0 || text.length > 0)) {
        good = add_message(c, message_of("user", &text), f);
    }
    buffer_free(&text);
    return good;
}

/* ---- the assistant's ---- */

typedef struct assistant {
    buffer text, thinking;
    json_t *calls;
} assistant;

static bool take_call(assistant *a, const json_t *block, const char *place, failure *f)
{
    json_t *id = json_object_get(block, "id"), *name = json_object_get(block, "name");
    json_t *input = json_object_get(block, "input");
    if (!json_is_string(id) || !json_is_string(name) || !json_is_object(input)) {
        return failure_set(f, 400, NULL, place, "%s: tool_use blocks have an 'id', a 'name' and an object 'input'.",
                           place);
    }
    json_t *call = json_pack("{s:O, s:O, s:O}", "id", id, "name", name, "arguments", input);
    a->calls = json_door_append(a->calls != NULL ? a->calls : json_array(), call);
    return a->calls != NULL || failure_memory(f);
}

static bool take_block(assistant *a, const json_t *block, const char *place, failure *f)
{
    const char *type = type_of(block);
    if (strcmp(type, "text") == 0) {
        return append_text(json_object_get(block, "text"), place, &a->text, f);
    }
    if (strcmp(type, "thinking") == 0) {
        return append_text(json_object_get(block, "thinking"), place, &a->thinking, f);
    }
    if (strcmp(type, "tool_use") == 0) {
        return take_call(a, block, place, f);
    }
    return strcmp(type, "redacted_thinking") == 0 || refuse_block(block, place, f);
}

static json_t *assistant_message(assistant *a)
{
    json_t *made = message_of("assistant", &a->text);
    if (a->text.length == 0 && a->calls != NULL) {
        made = json_door_put(made, "content", json_null());
    }
    if (a->thinking.length > 0) {
        made = json_door_put(made, "reasoning_content", json_stringn(buffer_text(&a->thinking), a->thinking.length));
    }
    return a->calls != NULL ? json_door_put(made, "tool_calls", json_incref(a->calls)) : made;
}

static bool read_assistant(chat_request *c, json_t *names, const json_t *content, const char *place, failure *f)
{
    assistant a = {0};
    buffer_init(&a.text, 0);
    buffer_init(&a.thinking, 0);
    bool good = !json_is_string(content) || append_text(content, place, &a.text, f);
    for (size_t i = 0; i < json_array_size(content) && good; i++) {
        good = take_block(&a, json_array_get(content, i), place, f);
    }
    good = good && chat_request_note_calls(names, a.calls, f) && add_message(c, assistant_message(&a), f);
    buffer_free(&a.text);
    buffer_free(&a.thinking);
    json_decref(a.calls);
    return good;
}

/* ---- messages ---- */

static bool read_message(chat_request *c, json_t *names, const json_t *message, size_t index, failure *f)
{
    char place[64];
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    snprintf(place, sizeof place, "messages.%zu.role", index);
    if (role == NULL || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0)) {
        return failure_set(f, 400, NULL, place, "%s: Input should be 'user' or 'assistant'", place);
    }
    snprintf(place, sizeof place, "messages.%zu.content", index);
    if (!json_is_string(content) && !json_is_array(content)) {
        return failure_set(f, 400, NULL, place, "%s: Input should be a string or a list of blocks", place);
    }
    return strcmp(role, "user") == 0 ? read_user(c, names, content, place, f)
                                     : read_assistant(c, names, content, place, f);
}

static bool read_messages(chat_request *c, const json_t *body, failure *f)
{
    const json_t *messages = field_of(body, "messages");
    const size_t count = json_array_size(messages);
    if (!json_is_array(messages) || count == 0 || count > LIMIT_MESSAGES) {
        return failure_set(f, 400, NULL, "messages",
                           messages == NULL ? "messages: Field required"
                                            : "messages: Input should be a list of 1 to %u messages",
                           LIMIT_MESSAGES);
    }
    json_t *names = json_object();
    bool good = names != NULL || failure_memory(f);
    for (size_t i = 0; i < count && good; i++) {
        good = read_message(c, names, json_array_get(messages, i), i, f);
    }
    json_decref(names);
    if (!good) {
        return false;
    }
    const json_t *last = json_array_get(messages, count - 1);
    return strcmp(json_string_value(json_object_get(last, "role")), "assistant") != 0 ||
           failure_set(f, 400, "unsupported", "messages",
                       "messages: the last one must be the user's: answers that begin with given words are not "
                       "supported.");
}

/* ---- tools ---- */

static bool read_tool(chat_request *c, const json_t *tool, size_t index, failure *f)
{
    char place[64];
    const char *type = type_of(tool);
    json_t *name = json_object_get(tool, "name"), *description = json_object_get(tool, "description");
    json_t *schema = json_object_get(tool, "input_schema");
    snprintf(place, sizeof place, "tools.%zu", index);
    if (type[0] != '\0' && strcmp(type, "custom") != 0) {
        return failure_set(f, 400, "unsupported", place, "%s: tools of the type '%.60s' are not supported here.", place,
                           type);
    }
    if (!json_is_string(name) || !json_is_object(schema)) {
        return failure_set(f, 400, NULL, place, "%s: tools have a 'name' and an 'input_schema'.", place);
    }
    json_t *function = json_door_put(json_object(), "name", json_incref(name));
    if (json_is_string(description)) {
        function = json_door_put(function, "description", json_incref(description));
    }
    function = json_door_put(function, "parameters", json_incref(schema));
    json_t *made = json_door_put(json_object(), "type", json_string("function"));
    c->tools = json_door_append(c->tools != NULL ? c->tools : json_array(), json_door_put(made, "function", function));
    return c->tools != NULL || failure_memory(f);
}

static bool read_choice(chat_request *c, const json_t *choice, failure *f)
{
    static const char *const names[] = {"auto", "none", "any", "tool", NULL}; /* as tool_choice has them */
    const char *type = type_of(choice);
    size_t which = 0;
    while (names[which] != NULL && strcmp(names[which], type) != 0) {
        which++;
    }
    if (names[which] == NULL) {
        return failure_set(f, 400, NULL, "tool_choice",
                           "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'");
    }
    c->choice = (tool_choice)which;
    if (!field_flag(choice, "disable_parallel_tool_use", &c->one_call, f)) {
        return false;
    }
    if (c->choice == TOOLS_NAMED) {
        c->tool = json_string_value(json_object_get(choice, "name"));
        if (c->tool == NULL || !chat_request_offers(c, c->tool)) {
            return failure_set(f, 400, NULL, "tool_choice",
                               "tool_choice.name: Tool '%.100s' not found in provided tools",
                               c->tool != NULL ? c->tool : "");
        }
    }
    return c->choice != TOOLS_REQUIRED || c->tools != NULL ||
           failure_set(f, 400, NULL, "tool_choice", "tool_choice.any may only be specified while providing tools.");
}

static bool read_tools(chat_request *c, const json_t *body, failure *f)
{
    const json_t *tools = NULL, *choice = NULL;
    if (!field_array(body, "tools", &tools, f) || !field_object(body, "tool_choice", &choice, f)) {
        return false;
    }
    if (json_array_size(tools) > LIMIT_TOOLS) {
        return failure_set(f, 400, NULL, "tools", "tools: at most %u are taken.", LIMIT_TOOLS);
    }
    for (size_t i = 0; i < json_array_size(tools); i++) {
        if (!read_tool(c, json_array_get(tools, i), i, f)) {
            return false;
        }
    }
    return choice == NULL || read_choice(c, choice, f);
}

/* Off unless it is asked for, as this interface has it; how long it may take is the model's. */
static bool read_thinking(chat_request *c, const json_t *body, failure *f)
{
    const json_t *thinking = NULL;
    if (!field_object(body, "thinking", &thinking, f)) {
        return false;
    }
    const char *type = thinking != NULL ? type_of(thinking) : "disabled";
    if (strcmp(type, "enabled") != 0 && strcmp(type, "disabled") != 0 && strcmp(type, "adaptive") != 0) {
        return failure_set(f, 400, NULL, "thinking",
                           "thinking.type: Input should be 'enabled', 'disabled' or 'adaptive'");
    }
    c->think = strcmp(type, "disabled") != 0;
    return true;
}

bool anthropic_read(chat_request *c, const json_t *body, failure *f)
{
    c->messages = json_array();
    return (c->messages != NULL || failure_memory(f)) && read_system(c, body, f) && read_messages(c, body, f) &&
           read_tools(c, body, f) && read_thinking(c, body, f);
}
