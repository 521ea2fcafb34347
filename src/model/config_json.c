/* Checked values of config.json. */
#include "model/config_json.h"

#include <stdio.h>
#include <string.h>

const json_t *config_value(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value) ? NULL : value;
}

const char *config_kind(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "a number",
                                        "a number",  "true",     "false",    "null"};
    return names[json_typeof(value)];
}

/* The value of the first key that is there, its name in `key`. */
static const json_t *first_of(const json_t *object, const char *keys, char *key, size_t size)
{
    while (*keys != '\0') {
        const size_t length = strcspn(keys, " ");
        snprintf(key, size, "%.*s", (int)length, keys);
        const json_t *value = config_value(object, key);
        if (value != NULL) {
            return value;
        }
        keys += length;
        keys += *keys == ' ';
    }
    return NULL;
}

hearth_status config_number_or(const json_t *object, const char *keys, uint32_t *ret, hearth_error *error)
{
    char key[64];
    const json_t *value = first_of(object, keys, key, sizeof key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return error_set(error, HEARTH_E_FORMAT, key, "a whole number, not negative", "%s", config_kind(value));
    }
    return model_config_number(key, (uint64_t)json_integer_value(value), ret, error);
}

hearth_status config_number(const json_t *object, const char *keys, uint32_t *ret, hearth_error *error)
{
    char key[64];
    if (first_of(object, keys, key, sizeof key) == NULL) {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(keys, " "), keys);
        return error_set(error, HEARTH_E_FORMAT, key, "a number", "nothing");
    }
    return config_number_or(object, keys, ret, error);
}

hearth_status config_real_or(const json_t *object, const char *keys, double *ret, hearth_error *error)
{
    char key[64];
    const json_t *value = first_of(object, keys, key, sizeof key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_number(value)) {
        return error_set(error, HEARTH_E_FORMAT, key, "a number", "%s", config_kind(value));
    }
    *ret = json_number_value(value);
    return HEARTH_OK;
}

hearth_status config_float_or(const json_t *object, const char *keys, float *ret, hearth_error *error)
{
    double value = (double)*ret;
    TRY(config_real_or(object, keys, &value, error));
    *ret = (float)value;
    return HEARTH_OK;
}

hearth_status config_flag_or(const json_t *object, const char *keys, bool *ret, hearth_error *error)
{
    char key[64];
    const json_t *value = first_of(object, keys, key, sizeof key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_boolean(value)) {
        return error_set(error, HEARTH_E_FORMAT, key, "true or false", "%s", config_kind(value));
    }
    *ret = json_is_true(value);
    return HEARTH_OK;
}
