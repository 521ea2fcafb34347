/* Laps of training. */
#include "train/train_profile.h"

#include "base/memory.h"

struct train_profile {
    laps *laps;
};

static const char *const phase_names[TRAIN_PHASES] = {
    [TRAIN_FORWARD] = "forward",       [TRAIN_BACKWARD] = "backward", [TRAIN_OPTIMISER] = "optimiser",
    [TRAIN_EVALUATION] = "evaluation", [TRAIN_AROUND] = "around",
};

/* In the order of a step. */
static const char *const op_names[TRAIN_OPS] = {
    [TRAIN_OP_EMBED] = "embedding",
    [TRAIN_OP_NORM] = "norm",
    [TRAIN_OP_ROUND] = "rounding to bf16",
    [TRAIN_OP_QKV] = "q, k, v",
    [TRAIN_OP_O] = "o",
    [TRAIN_OP_GATE_UP] = "gate, up",
    [TRAIN_OP_DOWN] = "down",
    [TRAIN_OP_ROUTER] = "router",
    [TRAIN_OP_HEAD] = "output layer",
    [TRAIN_OP_QKV_INPUT] = "q, k, v: inputs",
    [TRAIN_OP_O_INPUT] = "o: inputs",
    [TRAIN_OP_GATE_UP_INPUT] = "gate, up: inputs",
    [TRAIN_OP_DOWN_INPUT] = "down: inputs",
    [TRAIN_OP_ROUTER_INPUT] = "router: inputs",
    [TRAIN_OP_HEAD_INPUT] = "output layer: inputs",
    [TRAIN_OP_QKV_WEIGHT] = "q, k, v: weights",
    [TRAIN_OP_O_WEIGHT] = "o: weights",
    [TRAIN_OP_GATE_UP_WEIGHT] = "gate, up: weights",
    [TRAIN_OP_DOWN_WEIGHT] = "down: weights",
    [TRAIN_OP_ROUTER_WEIGHT] = "router: weights",
    [TRAIN_OP_HEAD_WEIGHT] = "output layer: weights",
    [TRAIN_OP_ROPE] = "rope, norms of heads",
    [TRAIN_OP_ATTEND] = "attention",
    [TRAIN_OP_ACTIVATE] = "activation function",
    [TRAIN_OP_ROUTE] = "choice of experts",
    [TRAIN_OP_ADD] = "bias, residual",
    [TRAIN_OP_LOSS] = "softmax and loss",
    [TRAIN_OP_SUM] = "sum of micro-batches",
    [TRAIN_OP_GRADIENT_NORM] = "gradient's norm",
    [TRAIN_OP_ADAMW] = "AdamW",
    [TRAIN_OP_MUON] = "Muon",
    [TRAIN_OP_MUON_PRODUCT] = "Muon: products",
    [TRAIN_OP_PACK] = "packing weights",
    [TRAIN_OP_BATCH] = "batch",
    [TRAIN_OP_STEP] = "between runs",
    [TRAIN_OP_OTHER] = "other",
    [TRAIN_OP_BARRIER] = "waiting at barriers",
};

/* Is this what one thread does while the others have no run? */
static bool is_alone(unsigned op)
{
    return op == TRAIN_OP_BATCH || op == TRAIN_OP_STEP;
}

hearth_status train_profile_create(const engine *e, train_profile **ret, hearth_error *error)
{
    train_profile *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return error_memory(error, sizeof *p);
    }
    const hearth_status status = laps_create(e->threads, TRAIN_PHASES, TRAIN_OPS, &p->laps, error);
    if (status != HEARTH_OK) {
        train_profile_free(p);
        return status;
    }
    *ret = p;
    return HEARTH_OK;
}

void train_profile_free(train_profile *p)
{
    if (p != NULL) {
        laps_free(p->laps);
        mem_free(p);
    }
}

void train_profile_start(train_profile *p)
{
    laps_start(p->laps);
}

void train_profile_stop(train_profile *p)
{
    laps_stop(p->laps, TRAIN_OP_STEP);
}

/* ---- laps ---- */

void train_profile_lap(train_profile *p, int part, train_op op, measure_kind kind, nn_work work)
{
    laps_take(p->laps, part, op, kind, work);
}

void train_profile_enter(train_profile *p, int part, train_phase phase)
{
    laps_enter(p->laps, part, phase);
}

typedef struct watched_run {
    train_profile *p;
    train_phase phase;
    train_op rest;
    thread_fn fn;
    void *context;
} watched_run;

static void watched_part(void *context, int part, int parts)
{
    const watched_run *run = context;
    laps *l = run->p->laps;
    if (part != 0) {
        laps_take_idle(l, part);
    }
    laps_enter(l, part, run->phase);
    run->fn(run->context, part, parts);
    laps_take(l, part, run->rest, MEASURE_FP32, (nn_work){0});
    laps_enter(l, part, TRAIN_AROUND);
}

void train_run(train_profile *p, engine *e, train_phase phase, train_op rest, thread_fn fn, void *context)
{
    if (p == NULL) {
        engine_run(e, fn, context);
        return;
    }
    watched_run run = {p, phase, rest, fn, context};
    train_lap_alone(p, TRAIN_OP_STEP);
    engine_run(e, watched_part, &run);
    train_lap_alone(p, TRAIN_OP_BARRIER);
}

/* ---- what it says ---- */

double train_profile_seconds(const train_profile *p)
{
    return laps_seconds(p->laps);
}

const char *train_phase_name(train_phase phase)
{
    return phase_names[phase];
}

const char *train_op_name(unsigned op)
{
    return op < TRAIN_OPS ? op_names[op] : "unknown";
}

bool train_op_is_product(unsigned op)
{
    return (op >= TRAIN_OP_QKV && op <= TRAIN_OP_HEAD_WEIGHT) || op == TRAIN_OP_MUON_PRODUCT;
}

static double alone_seconds(const train_profile *p)
{
    double seconds = 0;
    for (unsigned op = 0; op < TRAIN_OPS; op++) {
        profile_line line = {.line = op};
        for (size_t phase = 0; phase < TRAIN_PHASES && is_alone(op); phase++) {
            laps_add(p->laps, phase, true, &line);
        }
        seconds += line.seconds;
    }
    return seconds;
}

size_t train_profile_lines(const train_profile *p, train_phase phase, profile_line ret[TRAIN_OPS])
{
    size_t count = 0;
    for (unsigned op = 0; op < TRAIN_OPS; op++) {
        profile_line line = {.line = op};
        laps_add(p->laps, phase, is_alone(op), &line);
        if (op == TRAIN_OP_BARRIER && phase == TRAIN_AROUND) {
            line.seconds += laps_waking_seconds(p->laps, alone_seconds(p));
        }
        if (line.calls != 0) {
            ret[count++] = line;
        }
    }
    return count;
}
