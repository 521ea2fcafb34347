/* A pool of threads that run one function side by side (single program, multiple data).
 *
 * The work is split by the callee over outputs, from `part` and `parts` alone, so results never depend
 * on scheduling. Inside a run, thread_barrier separates stages; a whole forward pass is one run.
 * Waiting spins for a bounded time and then sleeps, so that a core that is not ours is not fought for. */
#ifndef THREADS_POOL_H
#define THREADS_POOL_H

#include "base/error.h"

typedef struct thread_pool thread_pool;

/* `parts` threads take part in a run, the caller among them; 1 starts no thread. At most LIMIT_THREADS. */
hearth_status thread_pool_create(int parts, thread_pool **ret, hearth_error *error);
void thread_pool_destroy(thread_pool *pool);
int thread_pool_parts(const thread_pool *pool);

/* Runs fn(context, part, parts) on every thread and returns when all are done. Not reentrant. */
typedef void (*thread_fn)(void *context, int part, int parts);
void thread_pool_run(thread_pool *pool, thread_fn fn, void *context);

/* Within a run: returns once every part has called it. Writes before it are seen after it. */
void thread_barrier(thread_pool *pool);

/* The half-open range of `count` things that belong to `part` of `parts`, in multiples of `grain`:
 * the first parts get one grain more. Empty when there is nothing left. */
typedef struct thread_range {
    size_t begin;
    size_t end;
} thread_range;
thread_range thread_split(size_t count, size_t grain, int part, int parts);

/* Things that threads take as they get on, piece by piece: each of its own even share first, so that its caches keep
 * what they had the last time, and then of the others', so that one whose core is slow for a while keeps nobody
 * waiting. Only for outputs that are the same whoever makes them. One object serves one stage after the other: every
 * part goes through the same stages in the same order, and counts them itself. A stage ends for a part when there is
 * nothing left to take; another part may then still be at its last piece. */
typedef struct thread_claims thread_claims;
thread_claims *thread_claims_create(int parts); /* NULL when memory is out */
void thread_claims_free(thread_claims *claims);
/* The next piece for `part` of `count` (below 2^32) things of stage `stage` (1, 2, …; it may wrap): half of what is
 * left of a share, but `least` at least, so at most 33 of any one share. Empty: all are taken. */
thread_range thread_claim(thread_claims *claims, uint32_t stage, size_t count, size_t least, int part);

#endif
