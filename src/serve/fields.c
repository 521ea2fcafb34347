/* Typed reading of a body's fields. */
#include "serve/fields.h"

#include "base/limits.h"
#include "formats/json_file.h"

#include <math.h>

const json_t *field_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

bool field_fits(const char *name, size_t bytes, failure *f)
{
    return bytes <= LIMIT_TOKENIZED_BYTES ||
           failure_set(f, 400, "invalid_value", name, "Invalid '%s': expected at most %zu bytes, but got %zu.", name,
                       LIMIT_TOKENIZED_BYTES, bytes);
}

bool field_wrong(const char *name, const char *expected, const json_t *found, failure *f)
{
    return failure_set(f, 400, "invalid_type", name, "Invalid type for '%s': expected %s, but got %s instead.", name,
                       expected, json_type_name(found));
}

bool field_real(const json_t *object, const char *name, double least, double most, float *ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_number(value)) {
        return field_wrong(name, "a decimal", value, f);
    }
    const double number = json_number_value(value);
    if (!(number >= least && number <= most)) {
        return failure_set(f, 400, "invalid_value", name, "Invalid '%s': expected a value from %g to %g, but got %g.",
                           name, least, most, number);
    }
    *ret = (float)number;
    return true;
}

bool field_count(const json_t *object, const char *name, uint64_t least, uint64_t most, uint64_t *ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value == NULL) {
        return true;
    }
    const bool whole = json_is_real(value) && floor(json_real_value(value)) == json_real_value(value);
    if (!json_is_integer(value) && !whole) {
        return field_wrong(name, "an integer", value, f);
    }
    const double number = json_number_value(value);
    const bool within = json_is_integer(value) /* which binary64 may round */
                            ? json_integer_value(value) >= 0 && (uint64_t)json_integer_value(value) >= least &&
                                  (uint64_t)json_integer_value(value) <= most
                            : number >= (double)least && number <= (double)most && number < 0x1p53;
    if (!within) {
        return failure_set(f, 400, "invalid_value", name,
                           "Invalid '%s': expected an integer from %llu to %llu, but got %.0f.", name,
                           (unsigned long long)least, (unsigned long long)most, number);
    }
    *ret = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)number;
    return true;
}

bool field_flag(const json_t *object, const char *name, bool *ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value != NULL && !json_is_boolean(value)) {
        return field_wrong(name, "a boolean", value, f);
    }
    *ret = value != NULL ? json_is_true(value) : *ret;
    return true;
}

bool field_text(const json_t *object, const char *name, const char **ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value != NULL && !json_is_string(value)) {
        return field_wrong(name, "a string", value, f);
    }
    *ret = value != NULL ? json_string_value(value) : *ret;
    return true;
}

bool field_object(const json_t *object, const char *name, const json_t **ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value != NULL && !json_is_object(value)) {
        return field_wrong(name, "an object", value, f);
    }
    *ret = value != NULL ? value : *ret;
    return true;
}

bool field_array(const json_t *object, const char *name, const json_t **ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value != NULL && !json_is_array(value)) {
        return field_wrong(name, "an array", value, f);
    }
    *ret = value != NULL ? value : *ret;
    return true;
}

bool field_tokens(const json_t *ids, size_t vocabulary, const char *name, token_list *list, failure *f)
{
    hearth_error error = {0};
    for (size_t i = 0; i < json_array_size(ids); i++) {
        const json_t *id = json_array_get(ids, i);
        const json_int_t number = json_is_integer(id) ? json_integer_value(id) : -1;
        if (number < 0 || number >= (json_int_t)vocabulary) {
            return failure_set(f, 400, "invalid_value", name, "Invalid '%s': expected ids of tokens below %zu.", name,
                               vocabulary);
        }
        if (token_list_append(list, (int32_t)number, &error) != HEARTH_OK) {
            return failure_from(f, &error, name);
        }
    }
    return true;
}
