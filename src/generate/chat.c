/* Conversations to text (chat.h). */
#include "generate/chat.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

struct chat {
    chat_template *template;
    char *bos, *eos; /* NULL: undefined */
};

static hearth_status copy(const char *text, char **ret, hearth_error *error)
{
    if (text == NULL) {
        return HEARTH_OK;
    }
    *ret = mem_strdup(text);
    return *ret != NULL ? HEARTH_OK : error_memory(error, strlen(text) + 1);
}

static hearth_status open_parts(const chat_source *source, chat *c, hearth_error *error)
{
    TRY(copy(source->bos, &c->bos, error));
    TRY(copy(source->eos, &c->eos, error));
    return chat_template_parse(source->text, source->length, source->name, &c->template, error);
}

hearth_status chat_open(const chat_source *source, chat **ret, hearth_error *error)
{
    chat *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return error_memory(error, sizeof *c);
    }
    const hearth_status status = open_parts(source, c, error);
    if (status != HEARTH_OK) {
        chat_close(c);
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}

void chat_close(chat *c)
{
    if (c != NULL) {
        chat_template_free(c->template);
        mem_free(c->bos);
        mem_free(c->eos);
        mem_free(c);
    }
}

static const json_t *reasoning_of(const json_t *message)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *value = json_object_get(message, names[i]);
        if (value != NULL && !json_is_null(value)) {
            return value;
        }
    }
    return NULL;
}

/* A new reference to the message, or to a copy with its reasoning under both names; NULL when memory is out. */
static json_t *prepare(json_t *message)
{
    const json_t *reasoning = reasoning_of(message);
    if (reasoning == NULL) {
        return json_incref(message);
    }
    json_t *copied = json_object();
    if (json_object_set(copied, "thinking", (json_t *)reasoning) != 0 || json_object_update(copied, message) != 0 ||
        json_object_set(copied, "reasoning_content", (json_t *)reasoning) != 0) {
        json_decref(copied);
        return NULL;
    }
    return copied;
}

static hearth_status prepare_messages(const json_t *messages, json_t *prepared, hearth_error *error)
{
    if (!json_is_array(messages)) {
        return error_set(error, HEARTH_E_ARGUMENT, "messages", "an array", "something else");
    }
    for (size_t i = 0; i < json_array_size(messages); i++) {
        json_t *message = json_array_get(messages, i);
        if (!json_is_object(message)) {
            char place[40];
            snprintf(place, sizeof place, "message %zu", i + 1);
            return error_set(error, HEARTH_E_ARGUMENT, place, "an object with \"role\" and \"content\"",
                             "something else");
        }
        if (json_array_append_new(prepared, prepare(message)) != 0) {
            return error_memory(error, sizeof(json_t));
        }
    }
    return HEARTH_OK;
}

/* tools and documents are None, not undefined, when there are none: what transformers passes. */
static hearth_status put(json_t *variables, const char *name, const json_t *value, hearth_error *error)
{
    json_t *given = value != NULL ? json_incref((json_t *)value) : json_null();
    return json_object_set_new(variables, name, given) == 0 ? HEARTH_OK : error_memory(error, sizeof(json_t));
}

static hearth_status put_text(json_t *variables, const char *name, const char *text, hearth_error *error)
{
    if (text == NULL || json_object_set_new(variables, name, json_string(text)) == 0) {
        return HEARTH_OK;
    }
    return error_memory(error, strlen(text));
}

static hearth_status fill(const chat *c, const json_t *messages, const chat_options *o, json_t *variables,
                          hearth_error *error)
{
    json_t *prepared = json_array();
    if (json_object_set_new(variables, "messages", prepared) != 0) {
        return error_memory(error, sizeof(json_t));
    }
    TRY(prepare_messages(messages, prepared, error));
    TRY(put_text(variables, "bos_token", c->bos, error));
    TRY(put_text(variables, "eos_token", c->eos, error));
    TRY(put(variables, "tools", o->tools, error));
    TRY(put(variables, "documents", o->documents, error));
    TRY(put(variables, "add_generation_prompt", o->add_generation_prompt ? json_true() : json_false(), error));
    if (o->extra != NULL && json_object_update(variables, (json_t *)o->extra) != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "variables", "an object", "something else");
    }
    return HEARTH_OK;
}

hearth_status chat_render(const chat *c, const json_t *messages, const chat_options *options, buffer *out,
                          hearth_error *error)
{
    json_t *variables = json_object();
    if (variables == NULL) {
        return error_memory(error, sizeof(json_t));
    }
    hearth_status status = fill(c, messages, options, variables, error);
    if (status == HEARTH_OK) {
        status = chat_template_render(c->template, variables, options->now_unix, out, error);
    }
    json_decref(variables);
    return status;
}
