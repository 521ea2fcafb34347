/* JSON files that must be an object, and typed reads of their keys with errors that name file and key. */
#ifndef FORMATS_JSON_FILE_H
#define FORMATS_JSON_FILE_H

#include "base/json.h"

/* A whole file of at most limit_bytes that holds one JSON object. The caller owns *ret (json_decref). */
hearth_status json_file_read(const char *path, size_t limit_bytes, json_t **ret, hearth_error *error);

/* "object", "array", "string", … */
const char *json_type_name(const json_t *value);

/* An error about `key` of the file `path`. */
hearth_status json_file_error(hearth_error *error, const char *path, const char *key, const char *expected,
                              const json_t *found);

#endif
