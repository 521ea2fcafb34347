/* The order of a shard's suffixes: libdivsufsort for parts that fit into the memory allowed, and a merge of the parts'
 * orders for what does not. */
#ifndef INDEXING_ORDER_H
#define INDEXING_ORDER_H

#include "base/progress.h"
#include "indexing/hashed_file.h"
#include "platform/file.h"
#include "trace/trace_format.h"

typedef struct order_job {
    const char *folder;
    size_t shard;
    trace_unit unit;
    unsigned width;     /* bytes of a unit */
    uint64_t documents; /* .documents and the units' file are finished */
    uint64_t memory_bytes;
    bool (*go_on)(void *context); /* asked now and then; false ends it with HEARTH_E_CANCELLED. NULL: nobody is */
    void *context;
    /* What it gives: */
    char order_sha256[HASH_HEX_SIZE], keys_sha256[HASH_HEX_SIZE];
    uint64_t order_bytes, keys_bytes;
    size_t parts;
} order_job;

/* Suffixes are compared as bytes up to what ends their document; the result does not depend on `memory_bytes`. */
hearth_status order_build(order_job *job, hearth_error *error);

#endif
