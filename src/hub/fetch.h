/* Files whose addresses, sizes and hashes are known: each fetched, resumed and checked as a model's are. */
#ifndef HUB_FETCH_H
#define HUB_FETCH_H

#include "hub/pull.h"

typedef enum hub_file_state {
    HUB_FILE_HERE, /* it was there, with these bytes */
    HUB_FILE_FETCHED,
    HUB_FILE_GONE /* the server has it no longer */
} hub_file_state;

typedef struct hub_file {
    char *url, *target;
    const char *name; /* for people */
    const char *sha256;
    uint64_t size;
    hub_file_state state; /* set by hub_fetch */
} hub_file;

/* Beside a target lie TARGET.hearth-partial while it comes and, for all of one folder, `lock`. What the server has no
 * longer is passed over; any other failure ends it. *ret_bytes: how many came now. */
hearth_status hub_fetch(hub_file *files, size_t count, const char *lock, const pull_options *options,
                        uint64_t *ret_bytes, hearth_error *error);

#endif
