/* Lists of numbers, and texts that may be missing. */
#include "serve/values.h"

#include <string.h>

json_t *values_append_ids(json_t *array, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        array = json_door_append(array, json_integer(ids[i]));
    }
    return array;
}

json_t *values_vector(const float *vector, size_t width)
{
    json_t *list = json_array();
    for (size_t i = 0; i < width; i++) {
        list = json_door_append(list, json_door_float(vector[i]));
    }
    return list;
}

json_t *values_text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_door_text(text, strlen(text)) : json_null();
}
