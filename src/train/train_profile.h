/* Where a training step's time goes: laps (nn/laps.h) by phase and operation. docs/training.md, "Where a step's time
 * goes". Where nobody profiles, a lap is one comparison with NULL. */
#ifndef TRAIN_TRAIN_PROFILE_H
#define TRAIN_TRAIN_PROFILE_H

#include "model/engine.h"
#include "nn/laps.h"

/* Rows. A lap belongs to the phase that its thread is in. */
typedef enum train_phase {
    TRAIN_FORWARD,
    TRAIN_BACKWARD,
    TRAIN_OPTIMISER, /* and packing the weights anew */
    TRAIN_EVALUATION,
    TRAIN_AROUND, /* the batch, the tree's sums, waiting for runs to begin */
    TRAIN_PHASES
} train_phase;

/* Lines. */
typedef enum train_op {
    TRAIN_OP_EMBED,
    TRAIN_OP_NORM,
    TRAIN_OP_ROUND, /* operands to bf16 */
    TRAIN_OP_QKV,   /* products: y = W x */
    TRAIN_OP_O,
    TRAIN_OP_GATE_UP,
    TRAIN_OP_DOWN,
    TRAIN_OP_ROUTER,
    TRAIN_OP_HEAD,
    TRAIN_OP_QKV_INPUT, /* their gradients: dx = dy W */
    TRAIN_OP_O_INPUT,
    TRAIN_OP_GATE_UP_INPUT,
    TRAIN_OP_DOWN_INPUT,
    TRAIN_OP_ROUTER_INPUT,
    TRAIN_OP_HEAD_INPUT,
    TRAIN_OP_QKV_WEIGHT, /* dW = dy^T x */
    TRAIN_OP_O_WEIGHT,
    TRAIN_OP_GATE_UP_WEIGHT,
    TRAIN_OP_DOWN_WEIGHT,
    TRAIN_OP_ROUTER_WEIGHT,
    TRAIN_OP_HEAD_WEIGHT,
    TRAIN_OP_ROPE, /* with the norms of heads */
    TRAIN_OP_ATTEND,
    TRAIN_OP_ACTIVATE,
    TRAIN_OP_ROUTE, /* experts chosen, rows sorted and gathered */
    TRAIN_OP_ADD,
    TRAIN_OP_LOSS,
    TRAIN_OP_SUM,
    TRAIN_OP_GRADIENT_NORM,
    TRAIN_OP_ADAMW,
    TRAIN_OP_MUON,         /* momentum, norms, blends, turning */
    TRAIN_OP_MUON_PRODUCT, /* of Newton's and Schulz's rounds */
    TRAIN_OP_PACK,
    TRAIN_OP_BATCH, /* sequences gathered and hashed, by one thread */
    TRAIN_OP_STEP,  /* everything else between runs, by one thread */
    TRAIN_OP_OTHER, /* whatever nobody took */
    TRAIN_OP_BARRIER,
    TRAIN_OPS
} train_op;

typedef struct train_profile train_profile;

hearth_status train_profile_create(const engine *e, train_profile **ret, hearth_error *error);
void train_profile_free(train_profile *p);
/* From nothing; between steps. */
void train_profile_start(train_profile *p);
void train_profile_stop(train_profile *p);

double train_profile_seconds(const train_profile *p);
const char *train_phase_name(train_phase phase); /* "forward", … */
const char *train_op_name(unsigned op);
bool train_op_is_product(unsigned op);
/* A phase's lines, in the order of a step; those without calls are left out. Returns how many. All phases' seconds add
 * up to train_profile_seconds. */
size_t train_profile_lines(const train_profile *p, train_phase phase, profile_line ret[TRAIN_OPS]);

/* ---- what train/ says; a profile may be NULL: nobody wants to know ---- */

/* Runs fn on all threads in a phase; what is left when a thread is done is `rest`'s. */
void train_run(train_profile *p, engine *e, train_phase phase, train_op rest, thread_fn fn, void *context);
/* Thread `part` has been at `op`. */
void train_profile_lap(train_profile *p, int part, train_op op, measure_kind kind, nn_work work);
void train_profile_enter(train_profile *p, int part, train_phase phase);

static inline void train_lap_alone(train_profile *p, train_op op)
{
    if (p != NULL) {
        train_profile_lap(p, 0, op, MEASURE_FP32, (nn_work){0});
    }
}

#endif
