/* Pairs of neighbouring tokens while merges are learned: how often each comes, and which one is the next. */
#ifndef TOKENIZER_LEARN_PAIRS_H
#define TOKENIZER_LEARN_PAIRS_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

static inline uint64_t pair_key(uint32_t left, uint32_t right)
{
    return (uint64_t)left << 32 | right;
}

/* ---- counts by pair ---- */
typedef struct pair_slot {
    uint64_t key; /* UINT64_MAX: empty */
    int64_t count;
} pair_slot;

typedef struct pair_table {
    pair_slot *slots; /* [mask + 1] */
    size_t mask, count;
} pair_table;

/* Room for `more` new pairs: no slot moves until that many came. */
hearth_status pair_table_reserve(pair_table *t, size_t more, hearth_error *error);
/* The pair's slot, entered where it is new (there must be room). */
pair_slot *pair_table_at(pair_table *t, uint64_t key);
void pair_table_free(pair_table *t);

/* ---- the queue ---- */
typedef struct queued_pair {
    int64_t count; /* when it was put in; the table knows the true one */
    uint64_t key;
    uint32_t *places;
    uint32_t place_count;
} queued_pair;

/* Whether a comes before b. */
typedef int (*pair_before_fn)(const void *context, const queued_pair *a, const queued_pair *b);

typedef struct pair_queue {
    queued_pair *heap; /* four children each */
    size_t count, capacity;
    pair_before_fn before;
    const void *context;
} pair_queue;

hearth_status pair_queue_put(pair_queue *q, queued_pair pair, hearth_error *error);
/* The first one; the queue must not be empty. */
queued_pair pair_queue_take(pair_queue *q);
/* Gives the first one another count. */
void pair_queue_recount(pair_queue *q, int64_t count);
void pair_queue_free(pair_queue *q);

#endif
