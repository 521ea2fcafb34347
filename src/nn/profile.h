/* Where the time of a step goes: every function of a layer says, whenever it is done with something, what that was.
 *
 * A thread's time is cut into laps. Each call of nn_lap takes what has passed since the thread's last one, so that the
 * laps of a thread add up to its time, whatever is forgotten: that falls to the next lap, and before a barrier to
 * NN_OP_OTHER. Where nobody profiles, a lap is one comparison with NULL. */
#ifndef NN_PROFILE_H
#define NN_PROFILE_H

#include "nn/laps.h"
#include "nn/worker.h"
#include "tensor/matrix.h"

typedef enum nn_op {
    NN_OP_EMBED,      /* rows of the embedding */
    NN_OP_NORM,       /* of rows */
    NN_OP_PREPARE,    /* activations rounded, quantised, laid out for products */
    NN_OP_PRODUCT,    /* of a matrix, which the lap names */
    NN_OP_ROPE,       /* of queries and keys, with the norms and factors of single heads */
    NN_OP_STORE,      /* keys and values into the cache */
    NN_OP_ATTEND,     /* scores, softmax, values */
    NN_OP_CONVOLVE,   /* of a delta net */
    NN_OP_RECUR,      /* likewise */
    NN_OP_ACTIVATE,   /* between an MLP's products; gates */
    NN_OP_ROUTE,      /* choices of experts, and sorting by them */
    NN_OP_ADD,        /* biases, residuals, sums of experts */
    NN_OP_LOGITS,     /* scale and soft-cap */
    NN_OP_STEP,       /* outside of the threads' run: segments, positions, tables */
    NN_OP_SAMPLE,     /* drawing a token */
    NN_OP_DETOKENIZE, /* its text */
    NN_OP_SHOW,       /* the caller's, with the text */
    NN_OP_OTHER,      /* whatever nobody took */
    NN_OP_BARRIER,    /* waiting for other threads */
    NN_OP_IDLE,       /* between runs, while one thread works alone */
    NN_OPS
} nn_op;

typedef struct nn_profiler {
    /* Thread `part` has been at `op` since its last lap. `m`: of products. */
    void (*lap)(void *context, int part, nn_op op, const matrix *m, nn_work work);
    /* What it does from now on is layer `layer`'s; NN_NO_LAYER: no layer's. */
    void (*layer)(void *context, int part, uint32_t layer);
    void *context;
} nn_profiler;

#define NN_NO_LAYER UINT32_MAX

static inline void nn_lap(const nn_worker *w, nn_op op)
{
    if (w->profiler != NULL) {
        w->profiler->lap(w->profiler->context, w->part, op, NULL, (nn_work){0});
    }
}

/* `bytes` and `multiplies` for each of `times`. */
static inline void nn_lap_work(const nn_worker *w, nn_op op, size_t times, size_t bytes, size_t multiplies)
{
    if (w->profiler != NULL) {
        const nn_work work = {(double)times * (double)bytes, (double)times * (double)multiplies};
        w->profiler->lap(w->profiler->context, w->part, op, NULL, work);
    }
}

/* What a product with rows [rows) of `m` reads and multiplies: their part of the packed bytes. */
nn_work nn_product_work(const matrix *m, size_t tokens, thread_range rows);

static inline void nn_lap_product(const nn_worker *w, const matrix *m, size_t tokens, thread_range rows)
{
    if (w->profiler != NULL) {
        w->profiler->lap(w->profiler->context, w->part, NN_OP_PRODUCT, m, nn_product_work(m, tokens, rows));
    }
}

static inline void nn_enter_layer(const nn_worker *w, uint32_t layer)
{
    if (w->profiler != NULL) {
        w->profiler->layer(w->profiler->context, w->part, layer);
    }
}

/* thread_barrier, as a lap. */
static inline void nn_barrier(const nn_worker *w)
{
    nn_lap(w, NN_OP_OTHER);
    thread_barrier(w->pool);
    nn_lap(w, NN_OP_BARRIER);
}

#endif
