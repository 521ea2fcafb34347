/* The forward pass: inference's chains over whole documents, leaving what the gradient wants. */
#include "kernels/half.h"
#include "train/train_state.h"

#include <string.h>

train_slot *train_slot_of(const train_work *work, uint32_t layer)
{
    return &work->slots[work->m->recompute ? 0 : layer];
}

/* The columns that this thread made in train_multiply. */
static thread_range own_columns(const train_thread *w, const train_matrix *matrix)
{
    const thread_range panels = train_share(w, (matrix->rows + PANEL_ROWS - 1) / PANEL_ROWS, 1);
    const size_t begin = panels.begin * PANEL_ROWS;
    const size_t end = panels.end * PANEL_ROWS;
    return (thread_range){begin < matrix->rows ? begin : matrix->rows, end < matrix->rows ? end : matrix->rows};
}

void train_multiply(train_work *work, const train_thread *w, const train_matrix *matrix, const float *x, size_t tokens,
                    float *y, size_t ldy)
{
    const thread_range share = train_share(w, (matrix->rows + PANEL_ROWS - 1) / PANEL_ROWS, 1);
    const bool bf16 = work->m->bf16;
    const void *activation = x;
    if (bf16) {
        const thread_range own = train_share(w, tokens, 1);
        w->k->activation_prepare[ACTIVATION_BF16](x, train_stride(matrix->cols), tokens, matrix->cols, own.begin,
                                                  own.end, work->rounded);
        train_lap_rows(w, TRAIN_OP_ROUND, own.end - own.begin, matrix->cols, 2);
        activation = work->rounded;
        train_barrier(w);
    }
    if (share.begin < share.end) {
        w->k->matmul[bf16 ? COMPUTE_NATIVE : COMPUTE_F32][bf16 ? DTYPE_BF16 : DTYPE_F32](
            matrix->panels, matrix->rows, matrix->cols, activation, tokens, y, ldy, share.begin, share.end, w->scratch);
    }
    const thread_range made = own_columns(w, matrix);
    train_lap_product(w, matrix->op, bf16, tokens, made.end - made.begin, matrix->cols);
    if (bf16) {
        train_barrier(w);
    }
}

void train_norm_rows(const train_work *work, const train_thread *w, size_t offset, const float *x, float *out)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t t = own.begin; t < own.end; t++) {
        w->k->rms_norm(x + t * ld, train_values_at(work->m, offset), s->eps, s->width, out + t * ld);
    }
    train_lap_rows(w, TRAIN_OP_NORM, own.end - own.begin, s->width, 2);
    train_barrier(w);
}

/* ---- attention ---- */

/* Norms and turns q and k of one token. */
static void norm_and_turn(const train_work *work, const train_thread *w, const train_layer *l, float *row,
                          size_t position)
{
    const train_model *m = work->m;
    const train_shape *s = &m->shape;
    if (s->qk_norm == QK_NORM_ROW) {
        w->k->rms_norm(row, train_values_at(m, l->q_norm), s->eps, s->q, row);
        w->k->rms_norm(row + s->q, train_values_at(m, l->k_norm), s->eps, s->kv, row + s->q);
    }
    for (uint32_t head = 0; head < s->heads + s->kv_heads; head++) {
        float *x = row + (size_t)head * s->head_dim;
        if (s->qk_norm == QK_NORM_HEAD) {
            const size_t weight = head < s->heads ? l->q_norm : l->k_norm;
            w->k->rms_norm(x, train_values_at(m, weight), s->eps, s->head_dim, x);
        }
        w->k->rope(x, rope_cos(&m->rope, position), rope_sin(&m->rope, position), s->head_dim);
    }
}

/* Whole tokens: each in its document at its place. */
static void turn_tokens(const train_work *work, const train_thread *w, const train_layer *l, const train_slot *slot)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->qkv);
    const size_t ldu = train_stride(s->q + s->kv);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t i = 0; i < work->segment_count; i++) {
        const train_segment *segment = &work->segments[i];
        for (uint32_t p = 0; p < segment->count; p++) {
            const size_t t = segment->first + p;
            if (t < own.begin || t >= own.end) {
                continue;
            }
            if (slot->unnormed != NULL) {
                memcpy(slot->unnormed + t * ldu, slot->qkv + t * ld, (s->q + s->kv) * sizeof(float));
            }
            norm_and_turn(work, w, l, slot->qkv + t * ld, p);
        }
    }
    train_lap_rows(w, TRAIN_OP_ROPE, own.end - own.begin, s->q + s->kv, 2);
}

/* One document and one key head: its keys and values into this thread's cache, and the queries that read them. */
static void attend_piece(const train_work *work, const train_thread *w, const train_slot *slot,
                         const train_segment *segment, uint32_t kv_head)
{
    const train_shape *s = &work->m->shape;
    const uint32_t group = s->heads / s->kv_heads;
    const size_t ld = train_stride(s->qkv);
    const size_t ldo = train_stride(s->q);
    const size_t first_head = (size_t)kv_head * group;
    const cache_shape one = {CACHE_F32, 1, s->head_dim};
    const cache_view cache = {w->pages, 0, cache_keys_bytes(one)};
    const float *rows = slot->qkv + segment->first * ld;
    const float *keys = rows + s->q + (size_t)kv_head * s->head_dim;
    const size_t stats = train_stats_at(work, segment, kv_head);
    const attention_form form = {.max = slot->max + stats, .sum = slot->sum + stats};
    for (uint32_t p = 0; p < segment->count; p++) {
        w->k->attention->store(one, cache, p, keys + p * ld, keys + s->kv + p * ld, 0, 1);
    }
    w->k->attention->attend(one, cache, 0, segment->count, rows + first_head * s->head_dim, ld, group, 0, group,
                            s->scale, &form, slot->out + segment->first * ldo + first_head * s->head_dim, ldo,
                            w->scratch);
}

static void attend(train_work *work, const train_thread *w, uint32_t layer, const train_slot *slot)
{
    const uint32_t kv_heads = work->m->shape.kv_heads;
    const size_t pieces = work->segment_count * kv_heads;
    for (;;) {
        const size_t piece =
            atomic_fetch_add_explicit(train_next(work, TRAIN_NEXT_ATTEND, layer), 1, memory_order_relaxed);
        if (piece >= pieces) {
            break;
        }
        attend_piece(work, w, slot, &work->segments[piece / kv_heads], (uint32_t)(piece % kv_heads));
        train_lap_attention(work, w, piece, 2);
    }
    train_barrier(w);
}

/* ---- a layer ---- */

/* to = x + result, [tokens, width], through the norm at `norm` where families norm what they add. `kept`: room for the
 * result before its norm, which is the result itself. */
static void add_result(const train_work *work, const train_thread *w, size_t norm, const float *x, const float *result,
                       float *to)
{
    const train_shape *s = &work->m->shape;
    const size_t ld = train_stride(s->width);
    const thread_range own = train_share(w, work->tokens, 1);
    train_barrier(w);
    for (size_t t = own.begin; t < own.end; t++) {
        const float *more = result + t * ld;
        if (s->post_norm) {
            w->k->rms_norm(more, train_values_at(work->m, norm), s->eps, s->width, to + t * ld);
            more = to + t * ld;
        }
        w->k->add(x + t * ld, more, s->width, to + t * ld);
    }
    train_lap_rows(w, TRAIN_OP_ADD, own.end - own.begin, s->width, 3);
    train_barrier(w);
}

static void attention_part(train_work *work, const train_thread *w, uint32_t layer)
{
    const train_model *m = work->m;
    const train_shape *s = &m->shape;
    const train_layer *l = &m->layers[layer];
    train_slot *slot = train_slot_of(work, layer);
    const float *x = work->x[layer];
    const size_t ld = train_stride(s->qkv);
    float *result = s->post_norm ? slot->attention_result : work->result;
    if (!s->post_norm) {
        train_norm_rows(work, w, l->attention_norm, x, work->normed);
        x = work->normed;
    }
    train_multiply(work, w, &l->qkv, x, work->tokens, slot->qkv, ld);
    if (l->qkv_bias != TRAIN_NONE) {
        const thread_range own = own_columns(w, &l->qkv);
        for (size_t t = 0; t < work->tokens && own.begin < own.end; t++) {
            float *row = slot->qkv + t * ld + own.begin;
            w->k->add(row, train_values_at(m, l->qkv_bias) + own.begin, own.end - own.begin, row);
        }
        train_lap_rows(w, TRAIN_OP_ADD, work->tokens, own.end - own.begin, 2);
    }
    train_barrier(w);
    turn_tokens(work, w, l, slot);
    train_barrier(w);
    attend(work, w, layer, slot);
    train_multiply(work, w, &l->o, slot->out, work->tokens, result, train_stride(s->width));
    add_result(work, w, l->attention_norm, work->x[layer], result, slot->middle);
}

static void mlp_part(train_work *work, const train_thread *w, uint32_t layer)
{
    const train_shape *s = &work->m->shape;
    const train_layer *l = &work->m->layers[layer];
    train_slot *slot = train_slot_of(work, layer);
    const float *x = slot->middle;
    const size_t ld = train_stride(2 * (size_t)s->mlp);
    const thread_range own = train_share(w, work->tokens, 1);
    float *result = s->post_norm ? slot->mlp_result : work->result;
    if (!s->post_norm) {
        train_norm_rows(work, w, l->mlp_norm, x, work->normed);
        x = work->normed;
    }
    if (s->moe.experts != 0) {
        train_moe_forward(work, w, layer, result);
        add_result(work, w, l->mlp_norm, slot->middle, result, work->x[layer + 1]);
        return;
    }
    train_multiply(work, w, &l->experts[0].gate_up, x, work->tokens, slot->gate_up, ld);
    train_barrier(w);
    for (size_t t = own.begin; t < own.end; t++) {
        const float *gate = slot->gate_up + t * ld;
        w->k->silu_mul(gate, gate + s->mlp, s->mlp, work->inner + t * train_stride(s->mlp));
    }
    train_lap_rows(w, TRAIN_OP_ACTIVATE, own.end - own.begin, s->mlp, 3);
    train_barrier(w);
    train_multiply(work, w, &l->experts[0].down, work->inner, work->tokens, result, train_stride(s->width));
    add_result(work, w, l->mlp_norm, slot->middle, result, work->x[layer + 1]);
}

void train_forward_layer(train_work *work, const train_thread *w, uint32_t layer)
{
    attention_part(work, w, layer);
    mlp_part(work, w, layer);
}

void train_forward(train_work *work, const train_thread *w)
{
    const train_model *m = work->m;
    const size_t width = m->shape.width;
    const size_t ld = train_stride(width);
    const thread_range own = train_share(w, work->tokens, 1);
    for (size_t t = own.begin; t < own.end; t++) {
        const float *row = train_values_at(m, m->embedding) + work->ids[t] * width;
        float *to = work->x[0] + t * ld;
        memcpy(to, row, width * sizeof *to);
        for (size_t i = 0; m->bf16 && i < width; i++) {
            to[i] = half_bf16_to_f32(half_bf16_from_f32(to[i]));
        }
    }
    train_lap_rows(w, TRAIN_OP_EMBED, own.end - own.begin, width, 2);
    train_barrier(w);
    for (uint32_t i = 0; i < m->shape.layers; i++) {
        train_forward_layer(work, w, i);
    }
}
