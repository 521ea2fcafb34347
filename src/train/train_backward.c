/* The backward pass, layer by layer from the last (docs/numerics.md, "Gradients"). dx is the gradient of the residual
 * stream; dy that of what a layer's part gave, or got. */
#include "train/train_state.h"

#include <string.h>

#define TILE_ROWS 12u /* a grain for sharing out rows of products */

/* ---- products ---- */

void train_product(const train_work *work, const train_thread *w, train_op op, const gradient_product *p)
{
    if (work->m->bf16) {
        w->g->product_bf16(p, w->scratch);
    } else {
        w->g->product(p, w->scratch);
    }
    train_lap_product(w, op, work->m->bf16, p->rows, p->cols, p->steps);
}

void train_input_back(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *dy,
                      size_t ldy, size_t tokens, float *dx, size_t ldx)
{
    const thread_range own = train_share(w, tokens, TILE_ROWS);
    const gradient_product p = {.a = dy + own.begin * ldy,
                                .a_row = ldy,
                                .a_step = 1,
                                .b = train_values_at(work->m, matrix->offset),
                                .ldb = matrix->cols,
                                .c = dx + own.begin * ldx,
                                .ldc = ldx,
                                .rows = own.end - own.begin,
                                .cols = matrix->cols,
                                .steps = matrix->rows};
    train_product(work, w, matrix->op + TRAIN_OP_OF_INPUT, &p);
}

void train_weight_back(const train_work *work, const train_thread *w, const train_matrix *matrix, const float *dy,
                       size_t ldy, const float *x, size_t tokens, bool resume)
{
    const thread_range own = train_share(w, matrix->rows, TILE_ROWS);
    const gradient_product p = {.a = dy + own.begin,
                                .a_row = 1,
                                .a_step = ldy,
                                .b = x,
                                .ldb = train_stride(matrix->cols),
                                .c = work->gradient + matrix->offset + own.begin * matrix->cols,
                                .ldc = matrix->cols,
                                .rows = own.end - own.begin,
                                .cols = matrix->cols,
                                .steps = tokens,
                                .resume = resume};
    train_product(work, w, matrix->op + TRAIN_OP_OF_WEIGHT, &p);
}

/* ---- norms ---- */

/* dw = the sum over tokens of dy * x * factor, this thread's columns. */
static void norm_weight_back(const train_work *work, const train_thread *w, size_t offset, const float *x,
                             const float *dy, size_t ld, const float *factors, size_t ldf, size_t n, bool first)
{
    const thread_range own = train_share(w, n, 16);
    const size_t count = own.end - own.begin;
    float *dw = work->gradient + offset + own.begin;
    if (first) {
        memset(dw, 0, count * sizeof *dw);
    }
    for (size_t t = 0; t < work->tokens && count != 0; t++) {
        w->g->rms_norm_weight(x + t * ld + own.begin, factors[t * ldf], dy + t * ld + own.begin, count, dw);
    }
}

void train_norm_back(train_work *work, const train_thread *w, size_t offset, const float *x, const float *dy,
                     const float *add, float *dx)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t t = own.begin; t < own.end; t++) {
        work->factors[t] = w->g->rms_factor(x + t * ld, s->eps, s->width);
    }
    train_lap_rows(w, TRAIN_OP_NORM, own.end - own.begin, s->width, 1);
    train_barrier(w);
    norm_weight_back(work, w, offset, x, dy, ld, work->factors, 1, s->width, true);
    for (size_t t = own.begin; t < own.end; t++) {
        w->g->rms_norm_input(x + t * ld, train_values_at(work->m, offset), work->factors[t], dy + t * ld,
                             add == NULL ? NULL : add + t * ld, s->width, dx + t * ld);
    }
    train_lap_rows(w, TRAIN_OP_NORM, own.end - own.begin, s->width, 5);
    train_barrier(w);
}

/* ---- attention ---- */

static void attention_piece_back(train_work *work, const train_thread *w, const train_slot *slot,
                                 const train_segment *segment, size_t kv_head)
{
    const train_shape *s = &work->m->shape;
    const size_t group = s->heads / s->kv_heads;
    const size_t ld = train_stride(s->qkv);
    const size_t ldo = train_stride(s->q);
    const size_t query = kv_head * group * s->head_dim;
    const size_t key = s->q + kv_head * s->head_dim;
    const size_t stats = train_stats_at(work, segment, kv_head);
    const float *qkv = slot->qkv + segment->first * ld;
    float *dqkv = work->dqkv + segment->first * ld;
    const float *out = slot->out + segment->first * ldo + query;
    const float *dout = work->dout + segment->first * ldo + query;
    for (size_t t = 0; t < segment->count; t++) {
        for (size_t head = 0; head < group; head++) {
            const size_t at = t * ldo + head * s->head_dim;
            work->dots[stats + t * group + head] = w->g->dot(dout + at, out + at, s->head_dim);
        }
    }
    const gradient_attention a = {.tokens = segment->count,
                                  .group = (uint32_t)group,
                                  .head_dim = s->head_dim,
                                  .scale = s->scale,
                                  .q = qkv + query,
                                  .ldq = ld,
                                  .k = qkv + key,
                                  .v = qkv + key + s->kv,
                                  .ldkv = ld,
                                  .d_out = dout,
                                  .ldo = ldo,
                                  .max = slot->max + stats,
                                  .sum = slot->sum + stats,
                                  .dots = work->dots + stats,
                                  .ld_stat = group,
                                  .dq = dqkv + query,
                                  .dk = dqkv + key,
                                  .dv = dqkv + key + s->kv};
    w->g->attention(&a, w->scratch);
}

static void attend_back(train_work *work, const train_thread *w, uint32_t layer, const train_slot *slot)
{
    const size_t kv_heads = work->m->shape.kv_heads;
    const size_t pieces = work->segment_count * kv_heads;
    atomic_uint *next = train_next(work, TRAIN_NEXT_ATTEND_BACK, layer);
    for (;;) {
        const size_t piece = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
        if (piece >= pieces) {
            break;
        }
        attention_piece_back(work, w, slot, &work->segments[piece / kv_heads], piece % kv_heads);
        train_lap_attention(work, w, piece, 5);
    }
    train_barrier(w);
}

/* Turns the gradient of q and k back. */
static void turn_back(const train_work *work, const train_thread *w)
{
    const train_model *m = work->m;
    const train_shape *s = &m->shape;
    const size_t ld = train_stride(s->qkv);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t i = 0; i < work->segment_count; i++) {
        const train_segment *segment = &work->segments[i];
        for (size_t p = 0; p < segment->count; p++) {
            const size_t t = segment->first + p;
            for (size_t head = 0; t >= own.begin && t < own.end && head < s->heads + s->kv_heads; head++) {
                w->g->rope(work->dqkv + t * ld + head * s->head_dim, rope_cos(&m->rope, p), rope_sin(&m->rope, p),
                           s->head_dim);
            }
        }
    }
    train_lap_rows(w, TRAIN_OP_ROPE, own.end - own.begin, s->q + s->kv, 2);
    train_barrier(w);
}

/* Norms over n values each, `heads` of them in a token's row, which begin at `at` and share one weight. */
static void qk_norm_back(train_work *work, const train_thread *w, const train_slot *slot, size_t offset, size_t at,
                         size_t heads, size_t n)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->qkv);
    const size_t ldu = train_stride(s->q + s->kv);
    const thread_range own = train_share(w, work->tokens, 1);
    const thread_range columns = train_share(w, n, 16);
    const size_t count = columns.end - columns.begin;
    float *dw = work->gradient + offset + columns.begin;
    for (size_t t = own.begin; t < own.end; t++) {
        for (size_t head = 0; head < heads; head++) {
            work->factors[t * heads + head] = w->g->rms_factor(slot->unnormed + t * ldu + at + head * n, s->eps, n);
        }
    }
    train_lap_rows(w, TRAIN_OP_ROPE, own.end - own.begin, heads * n, 1);
    train_barrier(w);
    memset(dw, 0, count * sizeof *dw);
    for (size_t i = 0; i < work->tokens * heads && count != 0; i++) {
        const size_t column = at + i % heads * n + columns.begin;
        w->g->rms_norm_weight(slot->unnormed + i / heads * ldu + column, work->factors[i],
                              work->dqkv + i / heads * ld + column, count, dw);
    }
    train_lap_rows(w, TRAIN_OP_ROPE, work->tokens * heads, count, 2);
    train_barrier(w);
    for (size_t t = own.begin; t < own.end; t++) {
        for (size_t head = 0; head < heads; head++) {
            float *d = work->dqkv + t * ld + at + head * n;
            w->g->rms_norm_input(slot->unnormed + t * ldu + at + head * n, train_values_at(work->m, offset),
                                 work->factors[t * heads + head], d, NULL, n, d);
        }
    }
    train_lap_rows(w, TRAIN_OP_ROPE, own.end - own.begin, heads * n, 3);
    train_barrier(w);
}

static void qk_norms_back(train_work *work, const train_thread *w, const train_layer *l, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    if (s->qk_norm == QK_NORM_HEAD) {
        qk_norm_back(work, w, slot, l->q_norm, 0, s->heads, s->head_dim);
        qk_norm_back(work, w, slot, l->k_norm, s->q, s->kv_heads, s->head_dim);
    } else if (s->qk_norm == QK_NORM_ROW) {
        qk_norm_back(work, w, slot, l->q_norm, 0, 1, s->q);
        qk_norm_back(work, w, slot, l->k_norm, s->q, 1, s->kv);
    }
}

/* The bias's gradient: rows added, t ascending from 0. */
static void bias_back(const train_work *work, const train_thread *w, size_t offset)
{
    const train_shape *s = &work->m->shape;
    const thread_range own = train_share(w, s->qkv, 16);
    float *db = work->gradient + offset + own.begin;
    memset(db, 0, (own.end - own.begin) * sizeof *db);
    for (size_t t = 0; t < work->tokens && own.begin < own.end; t++) {
        w->k->add(db, work->dqkv + t * train_stride(s->qkv) + own.begin, own.end - own.begin, db);
    }
    train_lap_rows(w, TRAIN_OP_ADD, work->tokens, own.end - own.begin, 1);
}

static void attention_back(train_work *work, const train_thread *w, uint32_t layer)
{
    const train_shape *s = &work->m->shape;
    const train_layer *l = &work->m->layers[layer];
    const train_slot *slot = train_slot_of(work, layer);
    const size_t ldw = train_stride(s->width);
    const size_t ld = train_stride(s->qkv);
    const float *x = work->x[layer];
    const float *dy = work->dx;
    if (s->post_norm) {
        train_norm_back(work, w, l->attention_norm, slot->attention_result, work->dx, NULL, work->dy);
        dy = work->dy;
    } else {
        train_norm_rows(work, w, l->attention_norm, x, work->normed);
        x = work->normed;
    }
    train_input_back(work, w, &l->o, dy, ldw, work->tokens, work->dout, train_stride(s->q));
    train_weight_back(work, w, &l->o, dy, ldw, slot->out, work->tokens, false);
    train_barrier(w);
    attend_back(work, w, layer, slot);
    turn_back(work, w);
    qk_norms_back(work, w, l, slot);
    if (l->qkv_bias != TRAIN_NONE) {
        bias_back(work, w, l->qkv_bias);
    }
    train_weight_back(work, w, &l->qkv, work->dqkv, ld, x, work->tokens, false);
    train_input_back(work, w, &l->qkv, work->dqkv, ld, work->tokens, work->dy, ldw);
    train_barrier(w);
}

/* ---- the MLP ---- */

static void mlp_back(train_work *work, const train_thread *w, uint32_t layer)
{
    const train_shape *s = &work->m->shape;
    const train_layer *l = &work->m->layers[layer];
    const train_slot *slot = train_slot_of(work, layer);
    const size_t ldw = train_stride(s->width);
    const size_t ld = train_stride(2 * (size_t)s->mlp);
    const float *x = slot->middle;
    const float *dy = work->dx;
    const thread_range own = train_share(w, work->tokens, TILE_ROWS);
    if (s->post_norm) {
        train_norm_back(work, w, l->mlp_norm, slot->mlp_result, work->dx, NULL, work->dy);
        dy = work->dy;
    } else {
        train_norm_rows(work, w, l->mlp_norm, x, work->normed);
        x = work->normed;
    }
    if (s->moe.experts != 0) {
        train_moe_back(work, w, layer);
        return;
    }
    train_input_back(work, w, &l->experts[0].down, dy, ldw, work->tokens, work->dgate_up + s->mlp, ld);
    for (size_t t = own.begin; t < own.end; t++) {
        const float *gate = slot->gate_up + t * ld;
        float *d = work->dgate_up + t * ld;
        w->k->silu_mul(gate, gate + s->mlp, s->mlp, work->inner + t * train_stride(s->mlp));
        w->g->silu_mul(gate, gate + s->mlp, d + s->mlp, s->mlp, d, d + s->mlp);
    }
    train_lap_rows(w, TRAIN_OP_ACTIVATE, own.end - own.begin, s->mlp, 6);
    train_barrier(w);
    train_weight_back(work, w, &l->experts[0].down, dy, ldw, work->inner, work->tokens, false);
    train_weight_back(work, w, &l->experts[0].gate_up, work->dgate_up, ld, x, work->tokens, false);
    train_barrier(w);
    train_input_back(work, w, &l->experts[0].gate_up, work->dgate_up, ld, work->tokens, work->dy, ldw);
    train_barrier(w);
}

/* ---- the residual stream ---- */

/* dx += dy, or through the norm that stands before a layer's part. */
static void residual_back(train_work *work, const train_thread *w, size_t norm, const float *x)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    if (!s->post_norm) {
        train_norm_back(work, w, norm, x, work->dy, work->dx, work->dx);
        return;
    }
    for (size_t t = own.begin; t < own.end; t++) {
        w->k->add(work->dx + t * ld, work->dy + t * ld, s->width, work->dx + t * ld);
    }
    train_lap_rows(w, TRAIN_OP_ADD, own.end - own.begin, s->width, 3);
    train_barrier(w);
}

/* Each row of the embedding gets the gradients of its tokens, t ascending: on top of the head's where they are tied. */
static void embedding_back(const train_work *work, const train_thread *w)
{
    const train_model *m = work->m;
    const size_t width = m->shape.width;
    const size_t ld = train_stride(width);
    const thread_range own = train_share(w, width, 16);
    float *de = work->gradient + m->embedding;
    if (!m->shape.tied) {
        const thread_range rows = train_share(w, m->shape.vocab, 1);
        memset(de + rows.begin * width, 0, (rows.end - rows.begin) * width * sizeof *de);
        train_lap_rows(w, TRAIN_OP_EMBED, rows.end - rows.begin, width, 1);
        train_barrier(w);
    }
    for (size_t t = 0; t < work->tokens && own.begin < own.end; t++) {
        float *row = de + work->ids[t] * width + own.begin;
        w->k->add(row, work->dx + t * ld + own.begin, own.end - own.begin, row);
    }
    train_lap_rows(w, TRAIN_OP_EMBED, work->tokens, own.end - own.begin, 3);
    train_barrier(w);
}

void train_backward(train_work *work, const train_thread *w)
{
    const train_model *m = work->m;
    if (m->shape.moe.experts != 0) {
        if (w->part == 0) {
            train_moe_balance(work);
        }
        train_barrier(w);
    }
    for (uint32_t layer = m->shape.layers; layer-- > 0;) {
        if (m->recompute && layer + 1 < m->shape.layers) {
            if (w->part == 0) { /* all threads are past it, and none comes to it before a barrier */
                atomic_store_explicit(train_next(work, TRAIN_NEXT_ATTEND, layer), 0, memory_order_relaxed);
                atomic_store_explicit(train_next(work, TRAIN_NEXT_ROWS, layer), 0, memory_order_relaxed);
            }
            train_forward_layer(work, w, layer);
        }
        mlp_back(work, w, layer);
        residual_back(work, w, m->layers[layer].mlp_norm, train_slot_of(work, layer)->middle);
        attention_back(work, w, layer);
        residual_back(work, w, m->layers[layer].attention_norm, work->x[layer]);
    }
    embedding_back(work, w);
}
