/* Whether a server may be reached by others, and whose keys it asks for. */
#ifndef CLI_SERVE_SAFETY_H
#define CLI_SERVE_SAFETY_H

#include "cli/cli.h"

typedef struct serve_safety {
    const char *host;
    const char *keys;     /* --keys; NULL: not given */
    bool insecure_no_key; /* --insecure-no-key */
} serve_safety;

/* Before anything listens: *ret is the database of keys that are asked for (mem_free), NULL where none are. Beyond this
 * machine there must be some, unless it was said that none is wanted: HEARTH_E_ARGUMENT. */
hearth_status serve_safety_check(const cli *c, const serve_safety *s, char **ret, hearth_error *error);

#endif
