/* The forward pass: tokens of one or more sequences in, logits out. One run of the engine's threads per step.
 *
 * One result: what comes out for a token is a function of the weights, the compute mode, the cache type and the tokens
 * before it in its sequence; neither chunking, nor what else is in the batch, nor the number of threads is seen. */
#ifndef MODEL_FORWARD_H
#define MODEL_FORWARD_H

#include "model/kv_cache.h"
#include "model/model.h"

typedef enum forward_want { WANT_NONE, WANT_LAST, WANT_ALL } forward_want;

typedef struct forward_segment {
    kv_cache *cache;
    uint32_t position;   /* of the first token; the cache holds those before it */
    uint32_t count;      /* tokens, at least 1 */
    const int32_t *ids;  /* [count] */
    const float *hidden; /* of a head (model.h): [count, width], what forward_hidden gives of the tokens before these */
    forward_want want;   /* which tokens' logits */
} forward_segment;

typedef struct forward forward;

#define FORWARD_CHUNK 512u
/* Logits are made at most this many rows at a time. */
#define FORWARD_LOGIT_ROWS 64u

/* Workspace for steps of at most `chunk` tokens (0: FORWARD_CHUNK), all segments together. Used by one thread at a
 * time. */
hearth_status forward_create(model *m, size_t chunk, forward **ret, hearth_error *error);
void forward_free(forward *f);
size_t forward_chunk(const forward *f);

/* Called on the thread of forward_step's caller before each layer: `done` of `layers` are computed. False stops the
 * step. */
typedef bool (*forward_watch_fn)(void *context, uint32_t done, uint32_t layers);
/* For the steps from now on; NULL: none. */
void forward_watch(forward *f, forward_watch_fn watch, void *context);

/* Shows what goes into each product of the steps from now on (nn/worker.h); NULL: nobody sees. `observer` must outlive
 * them. */
struct nn_observer;
void forward_observe(forward *f, const struct nn_observer *observer);
/* Tells how the time of the steps from now on passes (nn/profile.h); NULL: nobody is told. `profiler` must outlive
 * them.
 */
struct nn_profiler;
void forward_profile(forward *f, const struct nn_profiler *profiler);

/* Computes one step. An encoder takes a text whole, from position 0. HEARTH_E_ARGUMENT for ids outside the vocabulary,
 * too many tokens, positions past a cache or from which it cannot go on (kv_cache_reach); nothing is computed then.
 * HEARTH_E_CANCELLED when the watch stopped it: the caches hold what they held before the step, what lies behind that
 * is undefined, and states are lost but for the checkpoint. The wanted rows, in order of segments and tokens, are read
 * by forward_logits. */
hearth_status forward_step(forward *f, const forward_segment *segments, size_t count, hearth_error *error);
size_t forward_rows(const forward *f);
/* Makes what positions before `positions` are turned by, which a step otherwise does when it first comes to them. */
hearth_status forward_turns(forward *f, kv_cache *cache, size_t positions, hearth_error *error);
/* Steps from now on make no logits of their own accord: who wants hidden states alone saves them. */
void forward_without_logits(forward *f);
/* The hidden state of wanted row `row`, after the last norm: [width] into `out`. */
void forward_hidden(const forward *f, size_t row, float *out);
/* HEARTH_E_UNSUPPORTED for a model without an output matrix. Logits of wanted rows [first, first + count), count <=
 * FORWARD_LOGIT_ROWS: [count, vocabulary], valid until the next call. The first rows are there already when the step
 * wanted no more than FORWARD_LOGIT_ROWS. */
hearth_status forward_logits(forward *f, size_t first, size_t count, const float **ret, hearth_error *error);

#endif
