/* The door to JSON: jansson behind our limits and error values. Callers use jansson's json_t to read
 * and build values. Duplicate keys, invalid UTF-8, trailing bytes and nesting deeper than
 * JSON_DOOR_DEPTH are errors that name line and column. An integer that 64 bits do not hold reads as a real. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buffer.h"

#include <jansson.h>

#define JSON_DOOR_DEPTH 128

/* `name` is the file for the error. The caller owns *ret (json_decref). */
hearth_status json_door_parse(const char *text, size_t length, const char *name, json_t **ret, hearth_error *error);
/* The same for a text of somebody's who may want harm: `[],` are three bytes, and a value of 200 in memory. At most
 * *left values, keys counted, of which those of the text are taken; HEARTH_E_LIMIT, before memory is, where it has
 * more. */
hearth_status json_door_parse_within(const char *text, size_t length, size_t *left, json_t **ret, hearth_error *error);
/* Compact, keys in insertion order, UTF-8 left as it is; `indent` > 0 for people. Reals are written with the fewest
 * digits that read back as the same binary64. */
hearth_status json_door_write(const json_t *value, int indent, buffer *out, hearth_error *error);
/* A real in the fewest digits, `least` (15: DBL_DIG) or more, that read back as the same binary64; a whole one has no
 * point. The length of the text. */
#define JSON_REAL_SIZE 32
size_t json_real_digits(double value, int least, char ret[JSON_REAL_SIZE]);
/* A number for writing; null where it is not finite, which JSON cannot say. A binary32 becomes the real with the fewest
 * digits that read back as the same binary32: 0.95, not 0.949999988079071. NULL when memory is out. */
json_t *json_door_number(double value);
json_t *json_door_float(float value);
/* A string of any bytes: invalid UTF-8 becomes U+FFFD. NULL when memory is out. */
json_t *json_door_text(const char *text, size_t length);
json_t *json_door_string(const char *text); /* a terminated one */

/* Building, with one check at the end: where the container is NULL or memory runs out, value and container are freed
 * and NULL comes back, else the container. A NULL value (memory ran out before) counts as such. */
json_t *json_door_append(json_t *array, json_t *value);
json_t *json_door_put(json_t *object, const char *name, json_t *value);

#endif
