/* What each function of a layer gets: one thread's view of a step.
 *
 * A layer is written once, for one thread of many (single program, multiple data): each does its share of the outputs,
 * and a barrier stands where a share of another thread is read. Results do not depend on `parts`. */
#ifndef NN_WORKER_H
#define NN_WORKER_H

#include "kernels/kernels.h"
#include "threads/pool.h"

/* An input in the forms that its readers multiply with (activation_for); NULL where nobody wants one. */
typedef struct nn_input {
    void *of[ACTIVATION_KINDS];
} nn_input;

/* Up to this many tokens every thread prepares inputs for itself: that is cheaper than a barrier. */
#define NN_OWN_TOKENS 2u

/* Somebody who wants to see what goes into each product: x [tokens, m->cols], rows `stride` floats apart. Every part
 * calls it with the same rows, but for a head's own matrices, which come with parts = 1 from the thread that has the
 * head. Only products of binary32 activations are seen (activation_for): a model opened with COMPUTE_F32 shows all of
 * them. */
struct matrix;
typedef struct nn_observer {
    void (*see)(void *context, const struct matrix *m, const float *x, size_t stride, size_t tokens, int part,
                int parts);
    void *context;
} nn_observer;

/* Rows that a thread took of the product before, where products are shared out as threads get on (nn/linear.h). */
#define NN_TAKEN 128u
#define NN_TAKEN_PARTS 64 /* more threads split rows evenly */
typedef struct nn_taken {
    thread_claims *claims; /* the forward pass's, of all its threads */
    /* matrices of fewer are not shared out; a piece has a sixteenth of that, and a panel at least */
    size_t worth_bytes;
    uint32_t stage; /* products shared out so far */
    const struct matrix *of;
    size_t count;
    thread_range rows[NN_TAKEN];
} nn_taken;

typedef struct nn_worker {
    const kernel_table *k;
    compute how;
    thread_pool *pool;
    int part, parts;
    void *scratch;                      /* this thread's: matrices and attention */
    float *row;                         /* this thread's: one row of the widest input */
    nn_input own;                       /* this thread's: NN_OWN_TOKENS tokens */
    const nn_input *shared;             /* everybody's: as many tokens as a step may have */
    struct nn_taken *taken;             /* this thread's; NULL: rows are split evenly, once and for all */
    const nn_observer *observer;        /* NULL: nobody */
    const struct nn_profiler *profiler; /* NULL: nobody (nn/profile.h) */
} nn_worker;

/* The same thread, with rows split evenly. */
static inline nn_worker nn_evenly(const nn_worker *w)
{
    nn_worker even = *w;
    even.taken = NULL;
    return even;
}

#endif
