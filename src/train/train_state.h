/* What training works with. Private to train/'s files train_*.c. */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "base/arena.h"
#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/gradient.h"
#include "nn/attention.h"
#include "nn/moe_route.h"
#include "nn/rope.h"
#include "train/train_model.h"
#include "train/train_profile.h"

#include <stdatomic.h>

#define TRAIN_NONE SIZE_MAX

/* The shape, and what a family's layers are made of. */
typedef struct train_shape {
    const char *family, *hf_class, *hf_type;
    uint32_t layers, width, heads, kv_heads, head_dim, mlp, vocab, context;
    bool tied;
    bool qkv_bias;
    bool post_norm; /* what attention and MLP give is normed, not what they get */
    qk_norm_kind qk_norm;
    moe_config moe; /* experts 0: a dense model; ffn is mlp */
    float eps, scale;
    double theta;
    size_t q, kv, qkv; /* heads * head_dim, kv_heads * head_dim, q + 2 kv */
} train_shape;

/* A matrix [rows, cols] of the flat array, and its panels: of several parameters that lie one behind the other. */
typedef struct train_matrix {
    size_t offset, rows, cols;
    train_op op; /* its products' line in a profile: forward; of inputs and of weights see train_op_of */
    uint8_t *panels;
} train_matrix;

enum { TRAIN_OP_OF_INPUT = TRAIN_OP_QKV_INPUT - TRAIN_OP_QKV, TRAIN_OP_OF_WEIGHT = TRAIN_OP_QKV_WEIGHT - TRAIN_OP_QKV };

typedef struct train_expert {
    train_matrix gate_up, down;
} train_expert;

/* Places in the flat array; TRAIN_NONE where there is none. */
typedef struct train_layer {
    train_matrix qkv, o;
    train_matrix router;   /* of a mixture */
    train_expert *experts; /* [moe.experts]; one where the model is dense */
    size_t qkv_bias, q_norm, k_norm;
    size_t attention_norm, mlp_norm; /* before them, or behind them (post_norm) */
} train_layer;

/* Where a mixture's tokens go. */
typedef struct train_choices {
    float *scores;              /* [tokens, experts]: probabilities */
    float *weights;             /* [tokens, used] */
    uint32_t *chosen, *slots;   /* [tokens, used]: experts, ascending; the row of each choice */
    uint32_t *of_token, *begin; /* [choices], [experts + 1]: moe_sort_rows */
} train_choices;

/* What a layer's forward pass leaves for its gradient. Rows are tokens. */
typedef struct train_slot {
    float *qkv;                           /* turned; v as it is */
    float *unnormed;                      /* q and k before their norms; NULL where they have none */
    float *out;                           /* of attention */
    float *max, *sum;                     /* [kv_heads][tokens][heads that read the key head] */
    float *middle;                        /* the residual stream between attention and MLP */
    float *gate_up;                       /* of a mixture a row a choice, sorted by expert */
    float *attention_result, *mlp_result; /* before their norms; NULL without post_norm */
    train_choices moe;                    /* of a mixture: scores (probabilities), choices and their rows */
    float *expert_out;                    /* [choices, width]: what experts gave, before its weight */
} train_slot;

/* One of a micro-batch's sequences. */
typedef struct train_segment {
    size_t first; /* row */
    uint32_t count;
} train_segment;

/* Rows of `n` values: the stride is a product's, so that activations need no copy. */
static inline size_t train_stride(size_t n)
{
    return activation_row_floats(n);
}

/* What pieces are of: attention, a mixture's rows and its weights. */
enum {
    TRAIN_NEXT_ATTEND,
    TRAIN_NEXT_ATTEND_BACK,
    TRAIN_NEXT_ROWS,
    TRAIN_NEXT_ROWS_BACK,
    TRAIN_NEXT_WEIGHTS,
    TRAIN_COUNTERS
};

/* Room for one micro-batch. */
typedef struct train_work {
    train_model *m;
    uint8_t *memory; /* everything below */
    size_t memory_bytes;
    size_t capacity;   /* tokens */
    float **x;         /* [layers + 1]: the residual stream before each layer, and behind the last */
    train_slot *slots; /* [layers], or one for all (recompute) */
    float *normed;     /* [tokens, width] */
    float *result;     /* [tokens, width] */
    float *inner;      /* [tokens or choices, mlp] */
    float *rounded;    /* of BF16: activations, [tokens, the widest input] */
    float *dx, *dy;    /* [tokens, width] */
    float *dqkv, *dout, *dgate_up;
    float *expert_x, *expert_dx, *expert_dout; /* of a mixture: [choices, width]; expert_dx also weighed results */
    float *dscores;                            /* [tokens, experts] */
    uint32_t *expert_tokens;                   /* [layers, experts]: how many tokens each has */
    float *balance;                            /* [experts]: the auxiliary loss's gradient of a probability */
    float *dots;                               /* as max and sum */
    float *factors;                            /* [tokens, heads + kv_heads] */
    float *logits;                             /* [logit_rows, vocab] */
    size_t logit_rows;
    float *log_probabilities;
    double *log_sums;
    train_segment *segments;
    atomic_uint *next; /* [TRAIN_COUNTERS * layers]: pieces that are taken */
    /* of this micro-batch */
    size_t tokens, segment_count;
    uint32_t *ids, *targets; /* [tokens] */
    uint8_t *left_out;       /* [tokens]: of those that are not 0 the target does not count */
    double z_loss;
    uint64_t step_targets;
    float *gradient; /* NULL: the loss alone */
} train_work;

#define TRAIN_PIECE_ROWS 64u /* choices that a thread takes at a time */

/* One thread's view of a micro-batch: all of it where parts is 1. */
typedef struct train_thread {
    const kernel_table *k;
    const gradient_table *g;
    thread_pool *pool;
    int part, parts;
    int lane;               /* its number in the pool, also where parts is 1 */
    train_profile *profile; /* NULL: nobody */
    void *scratch;
    uint8_t **pages; /* a cache for one key head of the longest segment */
    float *rounded;  /* of a mixture in BF16: an expert's rows, TRAIN_PIECE_ROWS of the widest input */
} train_thread;

struct train_model {
    engine *engine;
    arena *memory;
    train_shape shape;
    double norm_eps; /* as the recipe has it */
    bool recompute, bf16;
    double aux_loss; /* weight of a mixture's load-balancing loss */
    train_parameter *parameters;
    size_t parameter_count, count;
    float *values;
    size_t embedding, final_norm;
    train_matrix head;
    train_layer *layers;
    uint8_t *panels;
    size_t panels_bytes;
    float *frequencies;
    rope_table rope;
    train_thread *threads; /* [engine's] */
    uint8_t *rooms;        /* the threads' scratch and caches */
    size_t rooms_bytes;
    uint32_t room_positions; /* of a cache */
    train_work **works;      /* [engine's threads], made when first used */
    float **sums;            /* gradients of parts of the batch (train_step.c) */
    size_t sum_count;
    train_profile *profile; /* NULL: nobody */
    int side_by_side;       /* -1: as is faster; 0, 1: tests */
};

static inline const float *train_values_at(const train_model *m, size_t offset)
{
    return m->values + offset;
}

/* Of max, sum and dots: where a document's begin for a key head. */
static inline size_t train_stats_at(const train_work *work, const train_segment *segment, size_t kv_head)
{
    const train_shape *s = &work->m->shape;
    return (kv_head * work->tokens + segment->first) * (s->heads / s->kv_heads);
}

/* The pieces that are taken of `what` in a layer. */
static inline atomic_uint *train_next(const train_work *work, unsigned what, uint32_t layer)
{
    return &work->next[what * work->m->shape.layers + layer];
}

/* MLPs of a layer. */
static inline uint32_t train_experts(const train_shape *s)
{
    return s->moe.experts != 0 ? s->moe.experts : 1;
}

/* Rows of the MLP's inner values: tokens, or each token's choices. */
static inline size_t train_mlp_rows(const train_shape *s, size_t tokens)
{
    return s->moe.experts != 0 ? tokens * s->moe.used : tokens;
}

/* This thread has been at `op` since its last lap: `times` times so many bytes and multiply-adds. */
static inline void train_lap_work(const train_thread *w, train_op op, size_t times, size_t bytes, size_t multiplies)
{
    if (w->profile != NULL) {
        const nn_work work = {(double)times * (double)bytes, (double)times * (double)multiplies};
        train_profile_lap(w->profile, w->lane, op, MEASURE_FP32, work);
    }
}

/* `rows` rows of `values` values, read and written `each` times. */
static inline void train_lap_rows(const train_thread *w, train_op op, size_t rows, size_t values, size_t each)
{
    train_lap_work(w, op, rows, values * each * sizeof(float), 0);
}

/* A product [rows, cols] over `steps`: both operands and the result, once each. */
static inline void train_lap_product(const train_thread *w, train_op op, bool bf16, size_t rows, size_t cols,
                                     size_t steps)
{
    if (w->profile != NULL) {
        const double r = (double)rows;
        const double c = (double)cols;
        const double s = (double)steps;
        const nn_work work = {(r * s + s * c + r * c) * sizeof(float), r * s * c};
        train_profile_lap(w->profile, w->lane, op, bf16 ? MEASURE_BF16 : MEASURE_FP32, work);
    }
}

static inline void train_enter(const train_thread *w, train_phase phase)
{
    if (w->profile != NULL) {
        train_profile_enter(w->profile, w->lane, phase);
    }
}

/* A piece of attention, of one document and key head: so many products over the pairs of positions. */
static inline void train_lap_attention(const train_work *work, const train_thread *w, size_t piece, size_t products)
{
    if (w->profile != NULL) {
        const train_shape *s = &work->m->shape;
        const size_t count = work->segments[piece / s->kv_heads].count;
        const size_t group = s->heads / s->kv_heads;
        train_lap_work(w, TRAIN_OP_ATTEND, count, products * (group + 1) * s->head_dim * sizeof(float),
                       products * group * s->head_dim * (count + 1) / 2);
    }
}

static inline void train_barrier(const train_thread *w)
{
    if (w->parts > 1) {
        train_lap_work(w, TRAIN_OP_OTHER, 0, 0, 0);
        thread_barrier(w->pool);
        train_lap_work(w, TRAIN_OP_BARRIER, 0, 0, 0);
    }
}

static inline thread_range train_share(const train_thread *w, size_t count, size_t grain)
{
    return thread_split(count, grain, w->part, w->parts);
}

/* train_parameters.c: shape and table; values drawn. */
hearth_status train_shape_of(const recipe *r, uint32_t vocab, train_shape *ret, hearth_error *error);
hearth_status train_parameters_make(train_model *m, hearth_error *error);
void train_parameters_draw(train_model *m, uint64_t seed, double init_std);

/* train_step.c */
void train_sums_free(train_model *m);

/* train_work.c */
hearth_status train_work_create(train_model *m, size_t tokens, train_work **ret, hearth_error *error);
void train_work_free(train_work *work);
hearth_status train_rooms_for(train_model *m, uint32_t positions, hearth_error *error);

/* The rest is one thread's part; each begins and ends where all threads have what they need (a barrier). */

/* y = matrix x over this thread's panels; x's stride is train_stride(cols). A barrier at the end is the caller's. */
void train_multiply(train_work *work, const train_thread *w, const train_matrix *matrix, const float *x, size_t tokens,
                    float *y, size_t ldy);
/* out[t] = the norm at `offset` of x[t], [tokens, width]. */
void train_norm_rows(const train_work *work, const train_thread *w, size_t offset, const float *x, float *out);
/* train_forward.c: the embedding and all layers. */
void train_forward(train_work *work, const train_thread *w);
/* One layer: what it leaves in its slot, and x[layer + 1]. */
void train_forward_layer(train_work *work, const train_thread *w, uint32_t layer);
train_slot *train_slot_of(const train_work *work, uint32_t layer);
/* train_head.c: log-probabilities, and where a gradient is wanted dx and the head's and last norm's. */
void train_head(train_work *work, const train_thread *w);
train_loss train_loss_of(const train_work *work);
/* train_moe.c: a mixture in the MLP's place. result = the experts' sum for the rows of work->normed; its gradient, of
 * what the layer got in work->dx, into work->dy. */
void train_moe_forward(train_work *work, const train_thread *w, uint32_t layer, float *result);
void train_moe_back(train_work *work, const train_thread *w, uint32_t layer);
/* What the auxiliary loss adds to the gradient of a probability, of the experts as the forward pass has loaded them:
 * one thread, once all layers have run. */
void train_moe_balance(train_work *work);
/* train_backward.c: behind train_head. */
void train_backward(train_work *work, const train_thread *w);
/* dx = add + the norm's gradient of dy, and the weight's: x, dy, add, dx [tokens, width]; add NULL: none. dx is not dy.
 */
void train_norm_back(train_work *work, const train_thread *w, size_t offset, const float *x, const float *dy,
                     const float *add, float *dx);
/* The gradient of a matrix from dy [tokens, rows] and its input x [tokens, cols], over this thread's rows; `resume`: on
 * top of what is there. */
void train_weight_back(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *dy,
                       size_t ldy, const float *x, size_t tokens, bool resume);
/* A product of the gradient, all of it. */
void train_product(const train_work *work, const train_thread *w, train_op op, const gradient_product *p);
/* dx = dy matrix, this thread's tokens. */
void train_input_back(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *dy,
                      size_t ldy, size_t tokens, float *dx, size_t ldx);

#endif
