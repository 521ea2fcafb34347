/* The published forms of calls that are JSON behind a mark (generate/answer_format.h). */
#include "serve/forced_call.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* How the JSON of a form looks. */
typedef struct forced_form {
    const char *calls;  /* of answer_format */
    const char *before; /* behind the mark that opens a call */
    const char *name, *arguments;
    bool list; /* an array of calls */
    bool unmarked;
} forced_form;

static const forced_form forms[] = {
    {"hermes", "\n", "name", "arguments", false, false},     {"granite", "", "name", "arguments", true, false},
    {"nemotron", "", "name", "arguments", true, false},      {"mistral", "", "name", "arguments", true, false},
    {"command", "", "tool_name", "parameters", true, false}, {"llama", "", "name", "parameters", false, true},
};

static const forced_form *form_of(const char *calls)
{
    for (size_t i = 0; calls != NULL && i < sizeof forms / sizeof *forms; i++) {
        if (strcmp(forms[i].calls, calls) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

/* A schema that moves into another one: references to its own root follow. NULL when memory is out. */
static json_t *moved(const json_t *schema, const char *place)
{
    json_t *made = NULL;
    if (json_is_array(schema)) {
        made = json_array();
        for (size_t i = 0; i < json_array_size(schema); i++) {
            made = json_door_append(made, moved(json_array_get(schema, i), place));
        }
        return made;
    }
    if (!json_is_object(schema)) {
        return json_incref((json_t *)schema);
    }
    const char *key = NULL;
    json_t *value = NULL;
    made = json_object();
    json_object_foreach((json_t *)schema, key, value)
    {
        const char *target = json_string_value(value);
        if (strcmp(key, "$ref") == 0 && target != NULL && target[0] == '#') {
            char text[512];
            snprintf(text, sizeof text, "#%s%s", place, target + 1);
            made = json_door_put(made, key, json_string(text));
        } else if (strcmp(key, "$schema") != 0 && strcmp(key, "$id") != 0) {
            made = json_door_put(made, key, moved(value, place));
        }
    }
    return made;
}

/* {NAME: the tool's, ARGUMENTS: as its parameters say} */
static json_t *call_schema(const forced_form *form, const json_t *tool, const char *place)
{
    char inner[256];
    const json_t *function = json_object_get(tool, "function");
    const json_t *parameters = json_object_get(function, "parameters");
    snprintf(inner, sizeof inner, "%s/properties/%s", place, form->arguments);
    json_t *arguments = json_is_object(parameters) ? moved(parameters, inner) : json_pack("{s:s}", "type", "object");
    if (json_is_object(arguments) && json_object_get(arguments, "type") == NULL) {
        arguments = json_door_put(arguments, "type", json_string("object"));
    }
    json_t *name = json_door_put(json_object(), "const", json_incref(json_object_get(function, "name")));
    json_t *properties = json_door_put(json_door_put(json_object(), form->name, name), form->arguments, arguments);
    json_t *made = json_pack("{s:s, s:[s, s], s:b}", "type", "object", "required", form->name, form->arguments,
                             "additionalProperties", 0);
    return json_door_put(made, "properties", properties);
}

/* One call: of the tool that was named, or of any. */
static json_t *one_call(const chat_request *c, const forced_form *form, const char *place)
{
    json_t *any = json_array();
    for (size_t i = 0, taken = 0; i < json_array_size(c->tools); i++) {
        const json_t *tool = json_array_get(c->tools, i);
        const char *name = json_string_value(json_object_get(json_object_get(tool, "function"), "name"));
        char inner[96];
        snprintf(inner, sizeof inner, "%s/anyOf/%zu", place, taken);
        if (c->choice != TOOLS_NAMED || strcmp(name, c->tool) == 0) {
            any = json_door_append(any, call_schema(form, tool, inner));
            taken++;
        }
    }
    return json_door_put(json_object(), "anyOf", any);
}

bool forced_call(const chat_request *c, bool parallel, buffer *ret_opening, json_t **ret_schema, failure *f)
{
    const answer_format *format = &c->model->format;
    const forced_form *form = form_of(format->calls);
    if (form == NULL) {
        return failure_set(f, 400, "unsupported", "tool_choice",
                           "'tool_choice' can be 'auto' or 'none' with this model: its form of calls (%s) cannot be "
                           "enforced.",
                           format->calls != NULL ? format->calls : "none that is known");
    }
    json_t *schema = one_call(c, form, form->list ? "/items" : "");
    if (form->list) {
        schema = json_door_put(json_pack("{s:s, s:i}", "type", "array", "minItems", 1), "items", schema);
        schema = parallel ? schema : json_door_put(schema, "maxItems", json_integer(1));
    }
    const char *mark = form->unmarked ? "" : format->marks[MARK_CALL_OPEN].text;
    if (schema == NULL || buffer_append_text(ret_opening, mark, NULL) != HEARTH_OK ||
        buffer_append_text(ret_opening, form->before, NULL) != HEARTH_OK) {
        json_decref(schema);
        return failure_set(f, 503, "out_of_memory", NULL, "Out of memory.");
    }
    *ret_schema = schema;
    return true;
}
