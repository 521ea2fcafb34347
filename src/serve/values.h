/* JSON values that several interfaces write. NULL when memory is out. */
#ifndef SERVE_VALUES_H
#define SERVE_VALUES_H

#include "base/json.h"

/* Appends ids of tokens, as json_door_append does. */
json_t *values_append_ids(json_t *array, const int32_t *ids, size_t count);
/* A vector, as an array. */
json_t *values_vector(const float *vector, size_t width);
/* Null for NULL and "". */
json_t *values_text_or_null(const char *text);

#endif
