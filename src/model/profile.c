/* Laps of all threads, summed by line and layer. Each thread writes into cells of its own. */
#include "model/profile.h"

#include "base/memory.h"

/* What a matrix is. */
typedef struct place {
    const matrix *m;
    unsigned line;
    measure_kind kind;
} place;

struct profile {
    nn_profiler hook;
    uint32_t layers;
    laps *laps;    /* rows: layers, then NN_NO_LAYER's */
    place *places; /* open addressing; [place_mask + 1], more than there are matrices */
    size_t place_mask;
};

static const char *const names[PROFILE_LINES] = {
    [NN_OP_EMBED] = "embedding",
    [NN_OP_NORM] = "norm",
    [NN_OP_PREPARE] = "activation preparation",
    [NN_OP_PRODUCT] = "product",
    [NN_OP_ROPE] = "rope",
    [NN_OP_STORE] = "cache store",
    [NN_OP_ATTEND] = "attention",
    [NN_OP_CONVOLVE] = "convolution",
    [NN_OP_RECUR] = "recurrence",
    [NN_OP_ACTIVATE] = "activation function",
    [NN_OP_ROUTE] = "routing",
    [NN_OP_ADD] = "bias, residual, sums",
    [NN_OP_LOGITS] = "logit scale",
    [NN_OP_STEP] = "step preparation",
    [NN_OP_SAMPLE] = "sampling",
    [NN_OP_DETOKENIZE] = "detokenising",
    [NN_OP_SHOW] = "showing",
    [NN_OP_OTHER] = "other",
    [NN_OP_BARRIER] = "waiting at barriers",
    [NN_OP_IDLE] = "idle",
    [PROFILE_Q] = "q",
    [PROFILE_K] = "k",
    [PROFILE_V] = "v",
    [PROFILE_O] = "o",
    [PROFILE_Q_A] = "q_a",
    [PROFILE_KV_A] = "kv_a",
    [PROFILE_K_B] = "k_b",
    [PROFILE_V_B] = "v_b",
    [PROFILE_DELTA_QKV] = "delta qkv",
    [PROFILE_DELTA_Z] = "delta z",
    [PROFILE_DELTA_BA] = "delta ba",
    [PROFILE_GATE] = "gate",
    [PROFILE_UP] = "up",
    [PROFILE_DOWN] = "down",
    [PROFILE_ROUTER] = "router",
    [PROFILE_EXPERT_GATE] = "expert gate",
    [PROFILE_EXPERT_UP] = "expert up",
    [PROFILE_EXPERT_DOWN] = "expert down",
    [PROFILE_SHARED_GATE] = "shared gate",
    [PROFILE_SHARED_UP] = "shared up",
    [PROFILE_SHARED_DOWN] = "shared down",
    [PROFILE_SHARED_ROUTER] = "shared router",
    [PROFILE_OUTPUT] = "output layer",
    [PROFILE_UNKNOWN] = "unknown product",
};

/* In the order of a step. */
static const unsigned order[] = {
    NN_OP_EMBED,         NN_OP_NORM,        NN_OP_PREPARE,       PROFILE_Q_A,
    PROFILE_Q,           PROFILE_KV_A,      PROFILE_K,           PROFILE_V,
    PROFILE_K_B,         PROFILE_DELTA_QKV, PROFILE_DELTA_Z,     PROFILE_DELTA_BA,
    NN_OP_CONVOLVE,      NN_OP_RECUR,       NN_OP_ROPE,          NN_OP_STORE,
    NN_OP_ATTEND,        PROFILE_V_B,       PROFILE_O,           PROFILE_ROUTER,
    NN_OP_ROUTE,         PROFILE_GATE,      PROFILE_UP,          PROFILE_EXPERT_GATE,
    PROFILE_EXPERT_UP,   NN_OP_ACTIVATE,    PROFILE_DOWN,        PROFILE_EXPERT_DOWN,
    PROFILE_SHARED_GATE, PROFILE_SHARED_UP, PROFILE_SHARED_DOWN, PROFILE_SHARED_ROUTER,
    NN_OP_ADD,           PROFILE_OUTPUT,    NN_OP_LOGITS,        PROFILE_UNKNOWN,
    NN_OP_BARRIER,       NN_OP_SAMPLE,      NN_OP_DETOKENIZE,    NN_OP_SHOW,
    NN_OP_STEP,          NN_OP_OTHER,
};
enum { ORDER_COUNT = sizeof order / sizeof *order };
_Static_assert(ORDER_COUNT + 2 == PROFILE_LINES, "every line but NN_OP_PRODUCT and NN_OP_IDLE");

/* Is this what one thread does while the others have no run? */
static bool is_alone(unsigned line)
{
    return line == NN_OP_SAMPLE || line == NN_OP_DETOKENIZE || line == NN_OP_SHOW || line == NN_OP_STEP;
}

/* ---- which matrix is what ---- */

static place *place_of(const profile *p, const matrix *m)
{
    size_t at = ((uintptr_t)m / sizeof(void *) * 2654435761u) & p->place_mask;
    while (p->places[at].m != NULL && p->places[at].m != m) {
        at = (at + 1) & p->place_mask;
    }
    return &p->places[at];
}

static void name_matrix(profile *p, const model *m, const matrix *one, unsigned line)
{
    static const measure_kind kinds[ACTIVATION_KINDS] = {
        [ACTIVATION_F32] = MEASURE_FP32, [ACTIVATION_BF16] = MEASURE_BF16, [ACTIVATION_Q8] = MEASURE_INT8};
    const bool exact = line == PROFILE_ROUTER || line == PROFILE_SHARED_ROUTER;
    const compute how = exact ? COMPUTE_F32 : m->compute;
    *place_of(p, one) = (place){.m = one, .line = line, .kind = kinds[activation_for(one->type, how)]};
}

static void name_layer(profile *p, const model *m, const layer_weights *l)
{
    const struct {
        const matrix *m;
        unsigned line;
    } all[] = {
        {&l->q, PROFILE_Q},
        {&l->k, PROFILE_K},
        {&l->v, PROFILE_V},
        {&l->o, PROFILE_O},
        {&l->q_a, PROFILE_Q_A},
        {&l->kv_a, PROFILE_KV_A},
        {&l->delta_qkv, PROFILE_DELTA_QKV},
        {&l->delta_z, PROFILE_DELTA_Z},
        {&l->delta_ba, PROFILE_DELTA_BA},
        {&l->gate, PROFILE_GATE},
        {&l->up, PROFILE_UP},
        {&l->down, PROFILE_DOWN},
        {&l->router, PROFILE_ROUTER},
        {&l->shared_gate, PROFILE_SHARED_GATE},
        {&l->shared_up, PROFILE_SHARED_UP},
        {&l->shared_down, PROFILE_SHARED_DOWN},
        {&l->shared_router, PROFILE_SHARED_ROUTER},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].m->rows != 0) {
            name_matrix(p, m, all[i].m, all[i].line);
        }
    }
    for (size_t i = 0; l->k_b != NULL && i < m->weights.head_count; i++) {
        name_matrix(p, m, &l->k_b[i], PROFILE_K_B);
        name_matrix(p, m, &l->v_b[i], PROFILE_V_B);
    }
    for (size_t i = 0; l->experts != NULL && i < 3 * m->weights.expert_count; i++) {
        name_matrix(p, m, &l->experts[i], PROFILE_EXPERT_GATE + (unsigned)(i % 3));
    }
}

/* ---- laps ---- */

static void take_lap(void *context, int part, nn_op op, const matrix *m, nn_work work)
{
    profile *p = context;
    if (op == NN_OP_IDLE) {
        laps_take_idle(p->laps, part);
        return;
    }
    unsigned line = (unsigned)op;
    measure_kind kind = MEASURE_FP32;
    if (op == NN_OP_PRODUCT) {
        const place *found = place_of(p, m);
        line = found->m == NULL ? PROFILE_UNKNOWN : found->line;
        kind = found->m == NULL ? MEASURE_FP32 : found->kind;
    }
    laps_take(p->laps, part, line, kind, work);
}

static void enter_layer(void *context, int part, uint32_t layer)
{
    profile *p = context;
    laps_enter(p->laps, part, layer == NN_NO_LAYER ? p->layers : layer);
}

/* ---- making one ---- */

static hearth_status make_parts(profile *p, const model *m, hearth_error *error)
{
    size_t slots = 16;
    while (slots < 2 * (m->weights.matrix_count + 1)) {
        slots *= 2;
    }
    p->place_mask = slots - 1;
    p->places = mem_calloc(slots, sizeof *p->places);
    return p->places == NULL ? error_memory(error, slots * sizeof *p->places)
                             : laps_create(m->engine->threads, (size_t)p->layers + 1, PROFILE_LINES, &p->laps, error);
}

hearth_status profile_create(const model *m, profile **ret, hearth_error *error)
{
    profile *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return error_memory(error, sizeof *p);
    }
    p->hook = (nn_profiler){.lap = take_lap, .layer = enter_layer, .context = p};
    p->layers = m->config.layers;
    const hearth_status status = make_parts(p, m, error);
    if (status != HEARTH_OK) {
        profile_free(p);
        return status;
    }
    for (size_t i = 0; i < m->weights.layer_count; i++) {
        name_layer(p, m, &m->weights.layers[i]);
    }
    name_matrix(p, m, &m->weights.output, PROFILE_OUTPUT);
    *ret = p;
    return HEARTH_OK;
}

void profile_free(profile *p)
{
    if (p == NULL) {
        return;
    }
    laps_free(p->laps);
    mem_free(p->places);
    mem_free(p);
}

const nn_profiler *profile_hook(profile *p)
{
    return &p->hook;
}

void profile_start(profile *p)
{
    laps_start(p->laps);
}

void profile_stop(profile *p)
{
    laps_stop(p->laps, NN_OP_OTHER);
}

/* ---- what it says ---- */

double profile_seconds(const profile *p)
{
    return laps_seconds(p->laps);
}

uint32_t profile_layers(const profile *p)
{
    return p->layers;
}

const char *profile_line_name(unsigned line)
{
    return line < PROFILE_LINES ? names[line] : "unknown";
}

bool profile_is_product(unsigned line)
{
    return line >= PROFILE_Q && line < PROFILE_LINES;
}

double profile_outside_seconds(const profile *p)
{
    double seconds = 0;
    for (unsigned line = 0; line < NN_OPS; line++) {
        profile_line one = {.line = line};
        for (uint32_t layer = 0; layer <= p->layers && is_alone(line); layer++) {
            laps_add(p->laps, layer, true, &one);
        }
        seconds += one.seconds;
    }
    return seconds;
}

static size_t find_lines(const profile *p, uint32_t first, uint32_t end, profile_line *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < ORDER_COUNT; i++) {
        profile_line line = {.line = order[i]};
        for (uint32_t layer = first; layer < end; layer++) {
            laps_add(p->laps, layer, is_alone(line.line), &line);
        }
        if (line.line == NN_OP_BARRIER && end > p->layers) {
            line.seconds += laps_waking_seconds(p->laps, profile_outside_seconds(p));
        }
        if (line.calls != 0) {
            ret[count++] = line;
        }
    }
    return count;
}

size_t profile_layer_lines(const profile *p, uint32_t layer, profile_line ret[PROFILE_LINES])
{
    const uint32_t row = layer == NN_NO_LAYER ? p->layers : layer;
    return find_lines(p, row, row + 1, ret);
}

size_t profile_lines(const profile *p, profile_line ret[PROFILE_LINES])
{
    return find_lines(p, 0, p->layers + 1, ret);
}
