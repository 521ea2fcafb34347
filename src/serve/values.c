/* Values as they are written. */
#include "serve/values.h"

#include <stdio.h>
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
    return text != NULL && text[0] != '\0' ? json_door_string(text) : json_null();
}

void values_time(const struct timespec *when, unsigned digits, char ret[VALUES_TIME_SIZE])
{
    struct tm parts;
    char seconds[32], fraction[16];
    if (gmtime_r(&when->tv_sec, &parts) == NULL ||
        strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
        snprintf(ret, VALUES_TIME_SIZE, "1970-01-01T00:00:00Z");
        return;
    }
    snprintf(fraction, sizeof fraction, "%09ld", when->tv_nsec);
    snprintf(ret, VALUES_TIME_SIZE, "%.19s.%.*sZ", seconds, (int)(digits < 9 ? digits : 9), fraction);
}
