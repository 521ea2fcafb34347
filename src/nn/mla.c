/* Into the latent and out of it. Threads own whole heads there, so that no barrier stands between a head's steps. */
#include "nn/mla.h"

#include "nn/profile.h"

#include <string.h>

/* y = W x for one head, by one thread: x [tokens, n] with stride ldx, y with stride ldy. */
static void head_product(const nn_worker *w, const matrix *m, const nn_input *room, const float *x, size_t ldx,
                         size_t tokens, float *y, size_t ldy)
{
    const activation_kind kind = activation_for(m->type, w->how);
    if (w->observer != NULL) {
        w->observer->see(w->observer->context, m, x, ldx, tokens, 0, 1);
    }
    for (size_t begin = 0; begin < tokens; begin += MLA_TOKENS) {
        const size_t count = tokens - begin < MLA_TOKENS ? tokens - begin : MLA_TOKENS;
        w->k->activation_prepare[kind](x + begin * ldx, ldx, count, m->cols, 0, count, room->of[kind]);
        nn_lap_work(w, NN_OP_PREPARE, count, m->cols * sizeof *x, m->cols);
        matrix_multiply(w->k, m, w->how, room->of[kind], count, y + begin * ldy, ldy, 0, 1, w->scratch);
        nn_lap_product(w, m, count, (thread_range){0, m->rows});
    }
}

/* This thread's tokens: the latent's norm, the shared key's rotation. */
static void finish_latents(const nn_worker *w, const nn_mla *mla, const mla_room *room, const uint32_t *places,
                           const nn_attention *a)
{
    const mla_config *c = mla->config;
    const thread_range share = thread_split(a->tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        float *latent = room->kv_a + t * room->ldkv;
        float *key = a->k + t * a->ldkv;
        float *value = a->v + t * a->ldkv;
        nn_norm_row(w->k, &mla->kv_norm, latent, c->kv_rank, key);
        nn_lap_work(w, NN_OP_NORM, 1, 2 * c->kv_rank * sizeof *key, (size_t)2 * c->kv_rank);
        memcpy(value, key, c->kv_rank * sizeof *value);
        memset(value + c->kv_rank, 0, c->rope * sizeof *value);
        memcpy(key + c->kv_rank, latent + c->kv_rank, c->rope * sizeof *key);
        w->k->rope(key + c->kv_rank, rope_cos(mla->rope, places[t]), rope_sin(mla->rope, places[t]),
                   (size_t)mla->rope->half * 2);
        nn_lap_work(w, NN_OP_ROPE, 1, 2 * (c->kv_rank + c->rope) * sizeof *key, (size_t)2 * c->rope);
    }
}

/* This thread's heads: the query's rotation, and its way into the latent. */
static void finish_queries(const nn_worker *w, const nn_mla *mla, const mla_room *room, const uint32_t *places,
                           const nn_attention *a)
{
    const mla_config *c = mla->config;
    const size_t in = c->nope + c->rope;
    const size_t out = c->kv_rank + c->rope;
    const thread_range heads = thread_split(mla->heads, 1, w->part, w->parts);
    for (size_t head = heads.begin; head < heads.end; head++) {
        const float *from = room->q + head * in;
        float *to = a->q + head * out;
        head_product(w, &mla->k_b[head], &room->heads[w->part], from, room->ldq, a->tokens, to, a->ldq);
        for (size_t t = 0; t < a->tokens; t++) {
            float *turned = to + t * a->ldq + c->kv_rank;
            memcpy(turned, from + t * room->ldq + c->nope, c->rope * sizeof *turned);
            w->k->rope(turned, rope_cos(mla->rope, places[t]), rope_sin(mla->rope, places[t]),
                       (size_t)mla->rope->half * 2);
        }
        nn_lap_work(w, NN_OP_ROPE, a->tokens, 2 * c->rope * sizeof *to, (size_t)2 * c->rope);
    }
}

void nn_mla_enter(const nn_worker *w, const nn_mla *mla, const mla_room *room, const nn_norm *norm, const float *x,
                  size_t ldx, size_t width, const uint32_t *places, const nn_attention *a)
{
    const matrix *first[2] = {mla->kv_a, mla->q_a != NULL ? mla->q_a : mla->q};
    const nn_input *input = nn_prepare(w, nn_input_kinds(first, 2, w->how), x, ldx, a->tokens, width, norm);
    nn_linear(w, mla->kv_a, NULL, input, a->tokens, room->kv_a, room->ldkv);
    if (mla->q_a != NULL) {
        nn_linear(w, mla->q_a, NULL, input, a->tokens, room->q_a, room->ldqa);
        nn_barrier(w);
        input = nn_prepare(w, nn_input_kinds(&mla->q, 1, w->how), room->q_a, room->ldqa, a->tokens, mla->q->cols,
                           &mla->q_norm);
    }
    nn_linear(w, mla->q, NULL, input, a->tokens, room->q, room->ldq);
    nn_barrier(w);
    finish_latents(w, mla, room, places, a);
    finish_queries(w, mla, room, places, a);
}

void nn_mla_leave(const nn_worker *w, const nn_mla *mla, const mla_room *room, const nn_attention *a, size_t tokens,
                  float *y, size_t ldy)
{
    const mla_config *c = mla->config;
    const thread_range heads = thread_split(mla->heads, 1, w->part, w->parts);
    for (size_t head = heads.begin; head < heads.end; head++) {
        head_product(w, &mla->v_b[head], &room->heads[w->part], a->out + head * (c->kv_rank + c->rope), a->ldo, tokens,
                     y + head * c->value, ldy);
    }
}
