/* For the scripts that compare with jinja2: reads lines of JSON {"template", "variables", "now"} and answers each with
 * a line {"out"} or {"error", "status"}. Renders whatever it is given, so it is also what a fuzzer's findings are fed
 * to. */
#include "base/json.h"
#include "base/memory.h"
#include "generate/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static hearth_status answer(const json_t *request, buffer *out, hearth_error *error)
{
    const json_t *source = json_object_get(request, "template");
    chat_template *t = NULL;
    TRY(chat_template_parse(json_string_value(source), json_string_length(source), "", &t, error));
    const hearth_status status = chat_template_render(t, json_object_get(request, "variables"),
                                                      json_integer_value(json_object_get(request, "now")), out, error);
    chat_template_free(t);
    return status;
}

static json_t *reply(const char *line, size_t length)
{
    hearth_error error = {0};
    json_t *request = NULL;
    buffer out;
    buffer_init(&out, 0);
    hearth_status status = json_door_parse(line, length, "request", &request, &error);
    if (status == HEARTH_OK) {
        status = answer(request, &out, &error);
    }
    json_t *object = json_object();
    if (status == HEARTH_OK) {
        json_object_set_new(object, "out", json_stringn(buffer_text(&out), out.length));
    } else {
        json_object_set_new(object, "error", json_string(error.found));
        json_object_set_new(object, "place", json_string(error.place));
        json_object_set_new(object, "status", json_string(hearth_status_name(status)));
    }
    json_decref(request);
    buffer_free(&out);
    return object;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length = 0;
    while ((length = getline(&line, &capacity, stdin)) > 0) {
        json_t *object = reply(line, (size_t)length);
        char *text = json_dumps(object, JSON_COMPACT);
        puts(text != NULL ? text : "{}");
        fflush(stdout);
        free(text);
        json_decref(object);
    }
    free(line);
    return 0;
}
