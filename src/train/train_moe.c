/* A mixture of experts in the MLP's place (nn/moe.h): inference's chains forward, and their gradient (docs/numerics.md,
 * "Gradients"). A row is a choice: a token with one of its experts. Rows are sorted by expert, within one by token, so
 * that an expert's lie together. Threads take pieces of them, and of the experts' weights; no bit depends on who takes
 * which. */
#include "train/train_state.h"

#include <string.h>

#define PIECE_OUTPUTS 96u /* rows of an expert's matrix whose gradient a thread takes at a time */

typedef struct piece {
    const train_expert *expert;
    size_t first, count; /* rows */
    size_t begin, end;   /* of weights: rows of gate_up, and behind those of down */
} piece;

static size_t pieces_of(size_t count, size_t each)
{
    return (count + each - 1) / each;
}

/* The next piece of rows; false: all are taken. */
static bool take_rows(const train_work *work, const train_layer *l, const train_choices *room, atomic_uint *next,
                      piece *ret)
{
    size_t index = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    for (uint32_t e = 0; e < work->m->shape.moe.experts; e++) {
        const size_t count = room->begin[e + 1] - room->begin[e];
        const size_t there = pieces_of(count, TRAIN_PIECE_ROWS);
        if (index < there) {
            const size_t from = index * TRAIN_PIECE_ROWS;
            const size_t left = count - from;
            *ret = (piece){.expert = &l->experts[e],
                           .first = room->begin[e] + from,
                           .count = left < TRAIN_PIECE_ROWS ? left : TRAIN_PIECE_ROWS};
            return true;
        }
        index -= there;
    }
    return false;
}

/* The next piece of weights, with all rows of its expert. */
static bool take_weights(const train_work *work, const train_layer *l, const train_choices *room, atomic_uint *next,
                         piece *ret)
{
    const size_t outputs = l->experts[0].gate_up.rows + l->experts[0].down.rows;
    const size_t there = pieces_of(outputs, PIECE_OUTPUTS);
    const size_t index = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
    const size_t e = index / there;
    if (e >= work->m->shape.moe.experts) {
        return false;
    }
    const size_t begin = index % there * PIECE_OUTPUTS;
    *ret = (piece){.expert = &l->experts[e],
                   .first = room->begin[e],
                   .count = room->begin[e + 1] - room->begin[e],
                   .begin = begin,
                   .end = outputs - begin < PIECE_OUTPUTS ? outputs : begin + PIECE_OUTPUTS};
    return true;
}

/* ---- forward ---- */

/* Logits by binary32 in either format, as inference has them: where a token goes shall not hang on how experts
 * multiply. */
static void score(train_work *work, const train_thread *w, const train_matrix *router, float *scores)
{
    const thread_range share = train_share(w, pieces_of(router->rows, PANEL_ROWS), 1);
    if (share.begin < share.end) {
        w->k->matmul[COMPUTE_F32][work->m->bf16 ? DTYPE_BF16 : DTYPE_F32](
            router->panels, router->rows, router->cols, work->normed, work->tokens, scores, router->rows, share.begin,
            share.end, w->scratch);
    }
    const size_t end = share.end * PANEL_ROWS < router->rows ? share.end * PANEL_ROWS : router->rows;
    const size_t made = share.begin < share.end ? end - share.begin * PANEL_ROWS : 0;
    train_lap_product(w, router->op, false, work->tokens, made, router->cols);
    train_barrier(w);
}

/* Chooses experts, and gathers each row's input. */
static void route(train_work *work, const train_thread *w, uint32_t layer, const train_choices *room)
{
    const moe_config *c = &work->m->shape.moe;
    const size_t ld = train_stride(work->m->shape.width);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t t = own.begin; t < own.end; t++) {
        moe_route(w->k, c, NULL, room->scores + t * c->experts, room->chosen + t * c->used,
                  room->weights + t * c->used);
    }
    train_barrier(w);
    if (w->part == 0) {
        moe_sort_rows(c, work->tokens, room->chosen, room->slots, room->of_token, room->begin);
        for (uint32_t e = 0; e < c->experts; e++) {
            work->expert_tokens[(size_t)layer * c->experts + e] = room->begin[e + 1] - room->begin[e];
        }
    }
    train_barrier(w);
    for (size_t i = own.begin * c->used; i < own.end * c->used; i++) {
        memcpy(work->expert_x + room->slots[i] * ld, work->normed + i / c->used * ld,
               work->m->shape.width * sizeof(float));
    }
    train_lap_rows(w, TRAIN_OP_ROUTE, (own.end - own.begin) * c->used, work->m->shape.width, 2);
    train_barrier(w);
}

static void multiply(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *x,
                     size_t count, float *y, size_t ldy)
{
    const bool bf16 = work->m->bf16;
    if (bf16) {
        w->k->activation_prepare[ACTIVATION_BF16](x, train_stride(matrix->cols), count, matrix->cols, 0, count,
                                                  w->rounded);
        train_lap_rows(w, TRAIN_OP_ROUND, count, matrix->cols, 2);
    }
    w->k->matmul[bf16 ? COMPUTE_NATIVE : COMPUTE_F32][bf16 ? DTYPE_BF16 : DTYPE_F32](
        matrix->panels, matrix->rows, matrix->cols, bf16 ? w->rounded : x, count, y, ldy, 0,
        pieces_of(matrix->rows, PANEL_ROWS), w->scratch);
    train_lap_product(w, matrix->op, bf16, count, matrix->rows, matrix->cols);
}

/* inner = silu(gate) up, rows [first, first + count). */
static void activate(const train_work *work, const train_thread *w, const train_slot *slot, const piece *p)
{
    const size_t mlp = work->m->shape.mlp;
    const size_t ld = train_stride(2 * mlp);
    for (size_t i = p->first; i < p->first + p->count; i++) {
        const float *gate = slot->gate_up + i * ld;
        w->k->silu_mul(gate, gate + mlp, mlp, work->inner + i * train_stride(mlp));
    }
}

static void run_experts(train_work *work, const train_thread *w, uint32_t layer, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    const size_t ldw = train_stride(s->width);
    const size_t ldg = train_stride(2 * (size_t)s->mlp);
    const size_t ldi = train_stride(s->mlp);
    piece p;
    while (take_rows(work, &work->m->layers[layer], &slot->moe, train_next(work, TRAIN_NEXT_ROWS, layer), &p)) {
        multiply(work, w, &p.expert->gate_up, work->expert_x + p.first * ldw, p.count, slot->gate_up + p.first * ldg,
                 ldg);
        activate(work, w, slot, &p);
        train_lap_rows(w, TRAIN_OP_ACTIVATE, p.count, s->mlp, 3);
        multiply(work, w, &p.expert->down, work->inner + p.first * ldi, p.count, slot->expert_out + p.first * ldw, ldw);
    }
    train_barrier(w);
}

void train_moe_forward(train_work *work, const train_thread *w, uint32_t layer, float *result)
{
    const train_shape *s = &work->m->shape;
    const train_slot *slot = train_slot_of(work, layer);
    const train_choices *room = &slot->moe;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    score(work, w, &work->m->layers[layer].router, room->scores);
    route(work, w, layer, room);
    run_experts(work, w, layer, slot);
    for (size_t t = own.begin; t < own.end; t++) {
        float *sum = result + t * ld;
        memset(sum, 0, s->width * sizeof *sum);
        for (size_t i = t * s->moe.used; i < (t + 1) * s->moe.used; i++) {
            float *part = work->expert_dx + room->slots[i] * ld;
            w->k->scale(slot->expert_out + room->slots[i] * ld, room->weights[i], s->width, part);
            w->k->add(sum, part, s->width, sum);
        }
    }
    train_lap_rows(w, TRAIN_OP_ADD, (own.end - own.begin) * s->moe.used, s->width, 4);
}

/* ---- backward ---- */

void train_moe_balance(train_work *work)
{
    const train_model *m = work->m;
    const size_t experts = m->shape.moe.experts;
    const double rows = (double)work->tokens * m->shape.layers;
    const double share = (double)work->tokens / (double)work->step_targets;
    for (size_t e = 0; e < experts; e++) {
        uint64_t tokens = 0;
        for (size_t layer = 0; layer < m->shape.layers; layer++) {
            tokens += work->expert_tokens[layer * experts + e];
        }
        work->balance[e] = (float)(m->aux_loss * share * (double)experts * ((double)tokens / rows) / rows);
    }
}

/* Of one token: the gradient of its logits from that of its experts' weights. The weights are the chosen probabilities
 * over their sum; `dw` [used]. */
static void route_back(const train_work *work, const train_thread *w, const train_choices *room, size_t t,
                       const float *dw)
{
    const moe_config *c = &work->m->shape.moe;
    const float *p = room->scores + t * c->experts;
    const uint32_t *chosen = room->chosen + t * c->used;
    const float *weights = room->weights + t * c->used;
    float *d = work->dscores + t * train_stride(c->experts);
    float sum = 0;
    float mean = 0;
    for (uint32_t i = 0; i < c->used; i++) {
        sum = sum + p[chosen[i]];
        mean = mean + dw[i] * weights[i];
    }
    memcpy(d, work->balance, c->experts * sizeof *d);
    for (uint32_t i = 0; i < c->used; i++) {
        d[chosen[i]] = d[chosen[i]] + (dw[i] - mean) / sum;
    }
    const float all = w->g->dot(p, d, c->experts);
    for (uint32_t e = 0; e < c->experts; e++) {
        d[e] = p[e] * (d[e] - all);
    }
}

/* Of this thread's tokens: each row's input again, and its gradient; the logits'. */
static void rows_back(train_work *work, const train_thread *w, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    const train_choices *room = &slot->moe;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t t = own.begin; t < own.end; t++) {
        const float *dy = work->dx + t * ld;
        float dw[MOE_USED_MAX];
        for (uint32_t i = 0; i < s->moe.used; i++) {
            const size_t choice = t * s->moe.used + i;
            const size_t row = room->slots[choice] * ld;
            dw[i] = w->g->dot(dy, slot->expert_out + row, s->width);
            w->k->scale(dy, room->weights[choice], s->width, work->expert_dout + row);
            memcpy(work->expert_x + row, work->normed + t * ld, s->width * sizeof(float));
        }
        route_back(work, w, room, t, dw);
    }
    train_lap_rows(w, TRAIN_OP_ROUTE, (own.end - own.begin) * s->moe.used, s->width, 5);
    train_barrier(w);
}

/* c [count, matrix's columns] = dy [count, matrix's rows] matrix */
static void input_back(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *dy,
                       size_t ldy, size_t count, float *dx, size_t ldx)
{
    const gradient_product p = {.a = dy,
                                .a_row = ldy,
                                .a_step = 1,
                                .b = train_values_at(work->m, matrix->offset),
                                .ldb = matrix->cols,
                                .c = dx,
                                .ldc = ldx,
                                .rows = count,
                                .cols = matrix->cols,
                                .steps = matrix->rows};
    train_product(work, w, matrix->op + TRAIN_OP_OF_INPUT, &p);
}

static void experts_back(train_work *work, const train_thread *w, uint32_t layer, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    const size_t ldw = train_stride(s->width);
    const size_t ldg = train_stride(2 * (size_t)s->mlp);
    piece p;
    while (take_rows(work, &work->m->layers[layer], &slot->moe, train_next(work, TRAIN_NEXT_ROWS_BACK, layer), &p)) {
        float *d = work->dgate_up + p.first * ldg;
        input_back(work, w, &p.expert->down, work->expert_dout + p.first * ldw, ldw, p.count, d + s->mlp, ldg);
        activate(work, w, slot, &p);
        for (size_t i = 0; i < p.count; i++) {
            const float *gate = slot->gate_up + (p.first + i) * ldg;
            float *di = d + i * ldg;
            w->g->silu_mul(gate, gate + s->mlp, di + s->mlp, s->mlp, di, di + s->mlp);
        }
        train_lap_rows(w, TRAIN_OP_ACTIVATE, p.count, s->mlp, 6);
        input_back(work, w, &p.expert->gate_up, d, ldg, p.count, work->expert_dx + p.first * ldw, ldw);
    }
    train_barrier(w);
}

/* Rows [begin, end) of a matrix's gradient: over the expert's rows, ascending. */
static void weight_back(const train_work *work, const train_thread *w, const train_matrix *matrix, size_t begin,
                        size_t end, const piece *rows, const float *dy, size_t ldy, const float *x)
{
    const size_t ldx = train_stride(matrix->cols);
    float *to = work->gradient + matrix->offset + begin * matrix->cols;
    if (rows->count == 0) { /* nobody came */
        memset(to, 0, (end - begin) * matrix->cols * sizeof *to);
        return;
    }
    const gradient_product p = {.a = dy + rows->first * ldy + begin,
                                .a_row = 1,
                                .a_step = ldy,
                                .b = x + rows->first * ldx,
                                .ldb = ldx,
                                .c = to,
                                .ldc = matrix->cols,
                                .rows = end - begin,
                                .cols = matrix->cols,
                                .steps = rows->count};
    train_product(work, w, matrix->op + TRAIN_OP_OF_WEIGHT, &p);
}

static void weights_back(train_work *work, const train_thread *w, uint32_t layer, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    const size_t ldg = train_stride(2 * (size_t)s->mlp);
    piece p;
    while (take_weights(work, &work->m->layers[layer], &slot->moe, train_next(work, TRAIN_NEXT_WEIGHTS, layer), &p)) {
        const train_matrix *gate_up = &p.expert->gate_up;
        const size_t middle = p.begin > gate_up->rows ? p.begin : p.end < gate_up->rows ? p.end : gate_up->rows;
        if (p.begin < middle) {
            weight_back(work, w, gate_up, p.begin, middle, &p, work->dgate_up, ldg, work->expert_x);
        }
        if (middle < p.end) {
            weight_back(work, w, &p.expert->down, middle - gate_up->rows, p.end - gate_up->rows, &p, work->expert_dout,
                        train_stride(s->width), work->inner);
        }
    }
}

void train_moe_back(train_work *work, const train_thread *w, uint32_t layer)
{
    const train_shape *s = &work->m->shape;
    const train_matrix *router = &work->m->layers[layer].router;
    const train_slot *slot = train_slot_of(work, layer);
    const size_t ld = train_stride(s->width);
    const size_t lds = train_stride(s->moe.experts);
    const thread_range own = train_share(w, work->tokens, 1);
    rows_back(work, w, slot);
    experts_back(work, w, layer, slot);
    weights_back(work, w, layer, slot);
    train_weight_back(work, w, router, work->dscores, lds, work->normed, work->tokens, false);
    train_input_back(work, w, router, work->dscores, lds, work->tokens, work->dy, ld);
    train_barrier(w);
    for (size_t i = own.begin * s->moe.used; i < own.end * s->moe.used; i++) {
        float *to = work->dy + i / s->moe.used * ld;
        w->k->add(to, work->expert_dx + slot->moe.slots[i] * ld, s->width, to);
    }
    train_lap_rows(w, TRAIN_OP_ADD, (own.end - own.begin) * s->moe.used, s->width, 3);
    train_barrier(w);
}
