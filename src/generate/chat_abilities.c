/* Probing a template by what it renders: a name that it mentions may mean nothing, a text that differs means something.
 */
#include "generate/chat_abilities.h"

#include <string.h>

/* Renders; a template that fails with this conversation gives *ret_ok false. Only memory is an error. */
static hearth_status try_render(const chat *c, const json_t *messages, const chat_options *how, buffer *out,
                                bool *ret_ok, hearth_error *error)
{
    buffer_clear(out);
    hearth_error refused = {0};
    const hearth_status status = chat_render(c, messages, how, out, &refused);
    *ret_ok = status == HEARTH_OK;
    return status == HEARTH_E_MEMORY ? error_memory(error, 0) : HEARTH_OK;
}

static bool same(const buffer *a, const buffer *b)
{
    return a->length == b->length && memcmp(buffer_text(a), buffer_text(b), a->length) == 0;
}

/* Whether two ways of rendering one conversation give two texts. The first must render; a template that always walks
 * its tools fails in the other way, without any. */
static hearth_status differ(const chat *c, const json_t *messages, const chat_options *one, const chat_options *other,
                            bool *ret, hearth_error *error)
{
    buffer first, second;
    bool first_ok = false, second_ok = false;
    buffer_init(&first, 0);
    buffer_init(&second, 0);
    hearth_status status = try_render(c, messages, one, &first, &first_ok, error);
    if (status == HEARTH_OK) {
        status = try_render(c, messages, other, &second, &second_ok, error);
    }
    *ret = status == HEARTH_OK && first_ok && (!second_ok || !same(&first, &second));
    buffer_free(&first);
    buffer_free(&second);
    return status;
}

typedef struct thinking_switch {
    const char *name;
    const char *on, *off; /* JSON */
    bool least;           /* "off" is only less */
} thinking_switch;

static const thinking_switch switches[] = {
    {"enable_thinking", "true", "false", false},
    {"thinking", "true", "false", false},
    {"thinking_budget", "-1", "0", false},
    {"reasoning_effort", "\"high\"", "\"low\"", true},
};
enum { SWITCHES = sizeof switches / sizeof switches[0] };

static json_t *switch_value(const thinking_switch *s, bool on)
{
    const char *text = on ? s->on : s->off;
    json_t *value = NULL;
    return json_door_parse(text, strlen(text), s->name, &value, NULL) == HEARTH_OK ? value : NULL;
}

static json_t *variable(const thinking_switch *s, bool on)
{
    return json_door_put(json_object(), s->name, switch_value(s, on));
}

static json_t *question(void)
{
    return json_pack("[{s:s, s:s}]", "role", "user", "content", "Hi");
}

static hearth_status try_switch(const chat *c, const thinking_switch *s, const json_t *messages, bool *ret,
                                hearth_error *error)
{
    json_t *on = variable(s, true);
    json_t *off = variable(s, false);
    const chat_options with = {.add_generation_prompt = true, .extra = on};
    const chat_options without = {.add_generation_prompt = true, .extra = off};
    const hearth_status status =
        on != NULL && off != NULL ? differ(c, messages, &with, &without, ret, error) : error_memory(error, 0);
    json_decref(on);
    json_decref(off);
    return status;
}

hearth_status chat_thinking(const chat *c, bool on, json_t *variables, chat_switch *ret, hearth_error *error)
{
    json_t *messages = question();
    hearth_status status = messages != NULL ? HEARTH_OK : error_memory(error, 0);
    *ret = CHAT_SWITCH_NONE;
    for (size_t i = 0; i < SWITCHES && status == HEARTH_OK; i++) {
        const thinking_switch *s = &switches[i];
        bool works = false;
        if (s->least && (on || *ret == CHAT_SWITCH_FULL)) {
            continue;
        }
        status = try_switch(c, s, messages, &works, error);
        if (status == HEARTH_OK && works) {
            status =
                json_object_set_new(variables, s->name, switch_value(s, on)) == 0 ? HEARTH_OK : error_memory(error, 0);
            *ret = s->least ? CHAT_SWITCH_LESS : CHAT_SWITCH_FULL;
        }
    }
    json_decref(messages);
    return status;
}

/* ---- calls ---- */

static json_t *text_of(const json_t *arguments)
{
    buffer text;
    buffer_init(&text, 0);
    json_t *made =
        json_door_write(arguments, 0, &text, NULL) == HEARTH_OK ? json_stringn(buffer_text(&text), text.length) : NULL;
    buffer_free(&text);
    return made;
}

static json_t *call_message(const chat_call_shape *shape, const json_t *call)
{
    const json_t *arguments = json_object_get(call, "arguments");
    json_t *function = json_door_put(json_object(), "name", json_incref(json_object_get(call, "name")));
    function = json_door_put(function, "arguments",
                             shape->text_arguments ? text_of(arguments) : json_incref((json_t *)arguments));
    json_t *made = json_door_put(json_object(), "id", json_incref(json_object_get(call, "id")));
    made = json_door_put(made, "type", json_string("function"));
    return json_door_put(made, "function", function);
}

json_t *chat_answer_message(const chat_call_shape *shape, json_t *content, json_t *reasoning, const json_t *calls)
{
    const size_t count = json_array_size(calls);
    const bool empty = json_string_length(content) == 0;
    json_t *message = json_door_put(json_object(), "role", json_string("assistant"));
    message = json_door_put(message, "content",
                            count > 0 && empty && shape->null_content ? json_null() : json_incref(content));
    if (json_string_length(reasoning) > 0 && (count == 0 || empty || !shape->either)) {
        message = json_door_put(message, "reasoning_content", json_incref(reasoning));
    }
    json_t *made = count > 0 ? json_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        made = json_door_append(made, call_message(shape, json_array_get(calls, i)));
    }
    return count > 0 ? json_door_put(message, "tool_calls", made) : message;
}

/* A question, a call, its result. */
static json_t *probe_conversation(const chat_call_shape *shape)
{
    json_t *calls = json_pack("[{s:s, s:s, s:{s:s}}]", "id", "call00000", "name", "probe_name", "arguments",
                              "probe_key", "probe_value");
    json_t *text = json_string("");
    json_t *messages = json_door_append(
        question(), calls != NULL && text != NULL ? chat_answer_message(shape, text, NULL, calls) : NULL);
    messages = json_door_append(messages, json_pack("{s:s, s:s, s:s, s:s}", "role", "tool", "tool_call_id", "call00000",
                                                    "name", "probe_name", "content", "done"));
    json_decref(calls);
    json_decref(text);
    return messages;
}

/* A good rendering has the name and, with its quotes as JSON writes them, the argument. */
static hearth_status try_shape(const chat *c, const json_t *tools, const chat_call_shape *shape, bool *ret,
                               hearth_error *error)
{
    buffer text;
    bool ok = false;
    json_t *messages = probe_conversation(shape);
    if (messages == NULL) {
        return error_memory(error, 0);
    }
    buffer_init(&text, 0);
    const chat_options how = {.add_generation_prompt = true, .tools = tools};
    const hearth_status status = try_render(c, messages, &how, &text, &ok, error);
    *ret = ok && strstr(buffer_text(&text), "probe_name") != NULL && strstr(buffer_text(&text), "probe_key") != NULL &&
           strstr(buffer_text(&text), "\\\"probe_key") == NULL && strstr(buffer_text(&text), "'probe_key") == NULL;
    buffer_free(&text);
    json_decref(messages);
    return status;
}

/* A small tool: what a person offers may be more than the template can write, which is then told when it is rendered.
 */
static json_t *probe_tools(void)
{
    return json_pack("[{s:s, s:{s:s, s:s, s:{s:s, s:[s], s:{s:{s:s, s:s}}}}}]", "type", "function", "function", "name",
                     "probe_tool", "description", "Probes.", "parameters", "type", "object", "required",
                     "probe_parameter", "properties", "probe_parameter", "type", "string", "description", "What.");
}

static hearth_status probe(const chat *c, const json_t *messages, const json_t *tools, chat_call_shape *ret,
                           hearth_error *error)
{
    const chat_options with = {.add_generation_prompt = true, .tools = tools};
    const chat_options without = {.add_generation_prompt = true};
    hearth_status status = differ(c, messages, &with, &without, &ret->takes_tools, error);
    for (unsigned i = 0; i < 4 && status == HEARTH_OK && ret->takes_tools; i++) {
        bool good = false;
        const chat_call_shape shape = {.takes_tools = true, .text_arguments = i >= 2, .null_content = i % 2 == 1};
        status = try_shape(c, tools, &shape, &good, error);
        if (good) {
            *ret = shape;
            break;
        }
    }
    return status;
}

hearth_status chat_probe_calls(const chat *c, chat_call_shape *ret, hearth_error *error)
{
    *ret = (chat_call_shape){0};
    json_t *messages = question();
    json_t *tools = probe_tools();
    const hearth_status status =
        messages != NULL && tools != NULL ? probe(c, messages, tools, ret, error) : error_memory(error, 0);
    json_decref(messages);
    json_decref(tools);
    return status;
}
