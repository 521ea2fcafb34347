/* How busy a server is, over all of its models. */
#ifndef SERVE_LOAD_H
#define SERVE_LOAD_H

#include "serve/models.h"

typedef struct server server;

typedef struct server_load {
    unsigned running, waiting;
    unsigned models, open;      /* known, and in memory */
    unsigned slots, free_slots; /* of those that are open */
    uint64_t model_bytes;
    scheduler_stats sums; /* of those that are open: page_bytes is bytes of all pages */
} server_load;

void server_load_read(server *s, server_load *ret);

#endif
