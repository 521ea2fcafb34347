/* What several interfaces write: lists of numbers, texts that may be missing, times. NULL when memory is out. */
#ifndef SERVE_VALUES_H
#define SERVE_VALUES_H

#include "base/json.h"

#include <time.h>

/* Appends ids of tokens, as json_door_append does. */
json_t *values_append_ids(json_t *array, const int32_t *ids, size_t count);
/* A vector, as an array. */
json_t *values_vector(const float *vector, size_t width);
/* Null for NULL and "". */
json_t *values_text_or_null(const char *text);
/* "2026-11-27T04:00:00.123456Z", with so many digits of the second: 1 to 9. */
#define VALUES_TIME_SIZE 32
void values_time(const struct timespec *when, unsigned digits, char ret[VALUES_TIME_SIZE]);

#endif
