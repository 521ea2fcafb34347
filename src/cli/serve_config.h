/* hearth serve --config FILE: a YAML map from options' names to their values, and `models`. docs/serving-operations.md,
 * "Configuration". */
#ifndef CLI_SERVE_CONFIG_H
#define CLI_SERVE_CONFIG_H

#include "cli/option.h"

#include "base/arena.h"

typedef struct serve_config {
    arena *texts;        /* what the settings point to */
    const char **models; /* operands */
    size_t model_count;
} serve_config;

/* Reads `path` into settings by the command's table. A key that is unknown, twice there or has a value of another kind
 * is an error that names file, line and column. */
hearth_status serve_config_read(const char *path, const option *table, void *settings, serve_config *ret,
                                hearth_error *error);
/* Zeroed ones are allowed. */
void serve_config_free(serve_config *c);
/* The first option whose value differs and is none of `among` (names, ended by NULL), after `from` (NULL: from the
 * beginning); NULL: none. */
const option *serve_config_next_change(const option *table, const void *a, const void *b, const char *const *among,
                                       const option *from);

#endif
