/* An open index, for the files of this room. */
#ifndef TRACE_TRACE_STATE_H
#define TRACE_TRACE_STATE_H

#include "threads/pool.h"
#include "trace/trace_shard.h"

#include <pthread.h>

#define TRACE_MANY_SHARDS 16u /* that are searched by threads in any case */

struct trace_index {
    trace_facts facts;
    char *folder;
    json_t *root; /* index.json: facts borrow from it */
    tokenizer *tokenizer;
    trace_shard *shards;       /* [facts.shards] */
    thread_pool *pool;         /* NULL: nobody's but the caller's */
    pthread_mutex_t pool_lock; /* who finds it taken searches alone */
};

/* "" where there is none. */
static inline const char *trace_text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* HEARTH_E_UNSUPPORTED where the index has no suffix array of that unit. */
hearth_status trace_needs(const trace_index *x, trace_unit unit, hearth_error *error);
/* The shard of a document, and its number there; HEARTH_E_ARGUMENT where there is none. */
hearth_status trace_shard_of(const trace_index *x, uint64_t number, const trace_shard **ret, uint64_t *ret_document,
                             hearth_error *error);

#endif
