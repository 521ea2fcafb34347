/* Merging the orders of a shard's parts. */
#ifndef INDEXING_ORDER_MERGE_H
#define INDEXING_ORDER_MERGE_H

#include "platform/file.h"

#define ORDER_MERGE_BYTES 5u /* of a position in a part's file, little endian */

typedef struct order_merge {
    const file_map *units;
    unsigned width;
    uint64_t length; /* units of the file */
    char *const *paths;
    size_t parts;
    hearth_status (*put)(void *context, uint64_t position, hearth_error *error);
    void *context;
    bool (*go_on)(void *context); /* NULL: nobody is asked */
    void *go_on_context;
} order_merge;

/* Memory is what the parts' files and the units take of the system's cache. */
hearth_status order_merge_run(const order_merge *m, hearth_error *error);

#endif
