/* --tools and --think, and the results of calls. */
#include "cli/conversation.h"
#include "cli/run.h"

#include "base/limits.h"
#include "platform/file.h"

#include <string.h>

/* An array of objects, each with a name, in OpenAI's envelope or without. */
static hearth_status check_tools(const json_t *tools, hearth_error *error)
{
    if (!json_is_array(tools) || json_array_size(tools) == 0) {
        return error_set(error, HEARTH_E_FORMAT, NULL, "a JSON list of tools", "something else");
    }
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        const json_t *function = json_object_get(tool, "function");
        if (!json_is_string(json_object_get(function != NULL ? function : tool, "name"))) {
            char place[40];
            snprintf(place, sizeof place, "tool %zu", i + 1);
            return error_set(error, HEARTH_E_FORMAT, place,
                             "{\"type\": \"function\", \"function\": {\"name\", \"description\", \"parameters\"}}",
                             "something else");
        }
    }
    return HEARTH_OK;
}

static hearth_status read_tools(run_state *r, hearth_error *error)
{
    const char *path = r->s->tools;
    json_t *whole = NULL;
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read(path, LIMIT_TEXT_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = json_door_parse(buffer_text(&text), text.length, path, &whole, error);
    }
    buffer_free(&text);
    TRY(status);
    r->tools = json_is_object(whole) ? json_incref(json_object_get(whole, "tools")) : json_incref(whole);
    json_decref(whole);
    status = check_tools(r->tools, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        return status;
    }
    TRY(chat_probe_calls(r->template, &r->shape, error));
    r->shape.either = r->format.harmony;
    if (!r->shape.takes_tools && r->format.calls != NULL) {
        cli_note(r->c, "this model's chat template does not show tools: its system message has to tell of them");
    } else if (!r->shape.takes_tools) {
        return error_set(error, HEARTH_E_ARGUMENT, "--tools", "a model whose chat template shows tools",
                         "one that does not");
    }
    if (r->format.calls == NULL) {
        cli_note(r->c, "no known form of calls is in this model's template: what it calls is printed as text");
    }
    return HEARTH_OK;
}

static hearth_status set_thinking(run_state *r, hearth_error *error)
{
    const bool off = r->s->think == RUN_THINK_OFF;
    chat_switch found = CHAT_SWITCH_NONE;
    if (r->s->think < 0) {
        return HEARTH_OK;
    }
    TRY(chat_thinking(r->template, !off, r->variables, &found, error));
    if (off && found == CHAT_SWITCH_NONE) {
        cli_note(r->c, "this model's chat template has no switch for thinking: it thinks or not as it was trained");
    } else if (off && found == CHAT_SWITCH_LESS) {
        cli_note(r->c, "this model's chat template cannot turn thinking off: it is asked for little");
    }
    return HEARTH_OK;
}

hearth_status run_read_messages(run_state *r, hearth_error *error)
{
    if (r->s->messages == NULL) {
        return HEARTH_OK;
    }
    if (r->template == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "--messages", "a model with a chat template", "%s",
                         r->s->raw ? "--raw" : "one that has none");
    }
    json_t *loaded = NULL;
    TRY(conversation_load(r->s->messages, &loaded, error));
    json_decref(r->messages);
    r->messages = loaded;
    return HEARTH_OK;
}

bool run_asks(const json_t *messages)
{
    const size_t count = json_array_size(messages);
    const char *role =
        count == 0 ? NULL : json_string_value(json_object_get(json_array_get(messages, count - 1), "role"));
    return role != NULL && strcmp(role, "assistant") != 0;
}

hearth_status run_open_parts(run_state *r, hearth_error *error)
{
    r->variables = json_object();
    if (r->variables == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    if (r->template == NULL) {
        return r->s->tools == NULL ? HEARTH_OK
                                   : error_set(error, HEARTH_E_ARGUMENT, "--tools", "a model with a chat template",
                                               r->s->raw ? "--raw" : "one that has none");
    }
    const model *m = r->o.model;
    r->format = answer_format_detect(m->chat_template, m->chat_template_length, m->tokenizer);
    TRY(set_thinking(r, error));
    return r->s->tools != NULL ? read_tools(r, error) : HEARTH_OK;
}

/* ---- results ---- */

static bool has_role(const json_t *message, const char *role)
{
    const char *found = json_string_value(json_object_get(message, "role"));
    return found != NULL && strcmp(found, role) == 0;
}

/* The calls of the last message that calls, and how many results follow it; NULL where something else follows. */
static const json_t *open_calls(const run_state *r, size_t *ret_results)
{
    size_t last = json_array_size(r->messages);
    *ret_results = 0;
    while (last > 0 && has_role(json_array_get(r->messages, last - 1), "tool")) {
        last--;
        (*ret_results)++;
    }
    return last == 0 ? NULL : json_object_get(json_array_get(r->messages, last - 1), "tool_calls");
}

size_t run_waiting_calls(const run_state *r)
{
    size_t results = 0;
    const size_t count = json_array_size(open_calls(r, &results));
    return count > results ? count - results : 0;
}

hearth_status run_add_result(run_state *r, const char *text, size_t *ret_left, hearth_error *error)
{
    size_t results = 0;
    const json_t *calls = open_calls(r, &results);
    const json_t *call = json_array_get(calls, results);
    if (call == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "/tool", "a call that waits for its result", "none");
    }
    json_t *name = json_object_get(json_object_get(call, "function"), "name");
    json_t *message = json_door_put(json_object(), "role", json_string("tool"));
    json_t *id = json_object_get(call, "id");
    message = json_door_put(message, "tool_call_id", id != NULL ? json_incref(id) : json_string(""));
    message = json_door_put(message, "name", name != NULL ? json_incref(name) : json_string(""));
    message = json_door_put(message, "content", json_door_string(text));
    if (json_array_append_new(r->messages, message) != 0) {
        return error_memory(error, strlen(text));
    }
    *ret_left = run_waiting_calls(r);
    return HEARTH_OK;
}
