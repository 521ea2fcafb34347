/* A tree of YAML into structs, by a table of keys. */
#ifndef RECIPE_READ_H
#define RECIPE_READ_H

#include "recipe/keys.h"
#include "recipe/yaml.h"

/* `base`: the struct that the table's offsets point into, zeroed. `path`: how the map is called in errors ("" at the
 * top). All strings and arrays lie in `a`. */
hearth_status read_map(arena *a, const yaml_node *map, const recipe_key *keys, void *base, const char *path,
                       hearth_error *error);
/* An error at a key of the map: at its value, or at the map where the key is absent. The place names `path` and key. */
hearth_status read_refuse(const yaml_node *map, const char *path, const char *key, hearth_error *error,
                          const char *expected, const char *found_format, ...) __attribute__((format(printf, 6, 7)));
/* The value of a number that is written as JSON writes it; a whole one without sign. */
bool read_whole(const char *text, uint64_t *ret);
bool read_real(const char *text, double *ret);

#endif
