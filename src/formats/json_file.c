/* Reading a JSON file as an object, and the errors that name file and key. */
#include "formats/json_file.h"

#include "platform/file.h"

#include <stdio.h>

const char *json_type_name(const json_t *value)
{
    if (value == NULL) {
        return "nothing";
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    case JSON_NULL:
        break;
    }
    return "null";
}

hearth_status json_file_error(hearth_error *error, const char *path, const char *key, const char *expected,
                              const json_t *found)
{
    char place[128];
    (void)snprintf(place, sizeof place, "key %s", key);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%s", json_type_name(found));
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

hearth_status json_file_read(const char *path, size_t limit_bytes, json_t **ret, hearth_error *error)
{
    buffer text;
    json_t *value = NULL;
    buffer_init(&text, 0);
    hearth_status status = file_read(path, limit_bytes, &text, error);
    if (status == HEARTH_OK) {
        status = json_door_parse(buffer_text(&text), text.length, path, &value, error);
    }
    buffer_free(&text);
    if (status == HEARTH_OK && !json_is_object(value)) {
        status = error_set(error, HEARTH_E_FORMAT, NULL, "a JSON object", "%s", json_type_name(value));
        json_decref(value);
    }
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        return status;
    }
    *ret = value;
    return HEARTH_OK;
}
