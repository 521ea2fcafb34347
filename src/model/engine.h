/* What computes: a pool of threads and a table of kernels. Every model, and every run of one, uses one engine. */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H

#include "base/error.h"
#include "kernels/kernels.h"
#include "threads/pool.h"
#include "threads/turnstile.h"

/* Somebody who has turns again and again: all zero at first. */
typedef struct engine_user {
    double begin, end; /* of the last turn, in seconds */
    uint64_t ticket;   /* the one after it */
    bool shared;       /* others computed, or asked, since the turn before this one */
} engine_user;

typedef struct engine {
    turnstile busy;  /* one run at a time: sessions of several threads may share an engine */
    turnstile aside; /* of those that compute aside, one at a time waits for `busy` */
    engine_user all_aside;
    thread_pool *pool;
    const kernel_table *kernels;
    int threads;
    /* products with few tokens and matrices of so many bytes are shared out as threads get on (nn/linear.h);
     * ENGINE_SHARED_OUT_BYTES unless a test wants more of them to be */
    size_t shared_out_bytes;
} engine;

/* A smaller matrix is read sooner than it is shared out. */
#define ENGINE_SHARED_OUT_BYTES ((size_t)2 << 20)

/* `threads` 0: the cores this process may use. `isa` NULL: the environment's HEARTH_ISA, else the best this CPU
 * has; a name that cannot run here is HEARTH_E_ARGUMENT. */
hearth_status engine_create(int threads, const char *isa, engine **ret, hearth_error *error);
/* What this CPU has of what kernels are written for. */
kernel_cpu engine_cpu(void);
/* The table that would be taken if nobody named one. */
const kernel_table *engine_best_kernels(void);
/* NULL is allowed. */
void engine_free(engine *e);
/* thread_pool_run, after those that asked before. */
void engine_run(engine *e, thread_fn fn, void *context);
/* Before a turn: where others computed, or asked, since the user's last one, waits as long as that one took, at most
 * ENGINE_REST_S, or until nobody wants the engine. So who has short turns beside one with long turns (of less than
 * that) has half of the time, and not a turn for each of the other's. */
#define ENGINE_REST_S 0.5
void engine_rest(engine *e, engine_user *user);
/* All that this thread runs from here to the end is one turn: a step of a scheduler, which would else wait for its turn
 * again and again within it. NULL: no user. */
void engine_begin(engine *e, engine_user *user);
void engine_end(engine *e, engine_user *user);
/* A rest and a turn for work that nobody waits for token by token (vectors, scores): however many do it, they are one
 * user. */
void engine_begin_aside(engine *e);
void engine_end_aside(engine *e);

#endif
