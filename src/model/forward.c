/* A step: one run of the threads through every layer.
 *
 * Per layer a thread does: inputs of q, k, v (norm) - products - barrier - attention - barrier - o added to its rows of
 * x - barrier - gate, up - barrier - down added to its rows of x - barrier. In the last layer only the wanted tokens go
 * on after the keys and values are stored: their rows are gathered to the front. Logits of the first FORWARD_LOGIT_ROWS
 * wanted rows are made in the same run. "Its rows" are an even share, or, of large matrices and few tokens, those that
 * it took as it got on (nn/linear.h). */
#include "model/forward_state.h"
#include "nn/profile.h"

#include <string.h>

/* ---- a step, as one thread sees it ---- */

/* Moves the wanted rows of x and of attention's output to the front. */
static void gather_wanted(forward *f)
{
    const size_t heads = (size_t)f->m->config.heads * f->m->config.head_dim;
    const size_t values = delta_values(&f->m->config.delta);
    const size_t query = heads > values ? heads : values;
    for (size_t i = 0; i < f->rows; i++) {
        const size_t from = f->wanted[i];
        if (from != i) {
            memmove(f->x + i * f->ldx, f->x + from * f->ldx, f->m->config.width * sizeof(float));
            memmove(f->out + i * f->ldo, f->out + from * f->ldo, query * sizeof(float));
        }
    }
}

static void qkv_part(forward *f, const nn_worker *w, const layer_weights *l)
{
    const matrix *qkv[3] = {&l->q, &l->k, &l->v};
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(qkv, 3, w->how), f->x, f->ldx, f->tokens, f->m->config.width, &l->attention_norm);
    nn_linear(w, &l->q, l->q_bias, input, f->tokens, f->q, f->ldq);
    nn_linear(w, &l->k, l->k_bias, input, f->tokens, f->k, f->ldkv);
    nn_linear(w, &l->v, l->v_bias, input, f->tokens, f->v, f->ldkv);
}

/* Attention's output times the sigmoid of each head's gate. A barrier before and after. */
static void gate_part(const forward *f, const nn_worker *w, bool last)
{
    const size_t query = (size_t)f->m->config.heads * f->m->config.head_dim;
    const thread_range share = thread_split(last ? f->rows : f->tokens, 1, w->part, w->parts);
    for (size_t i = share.begin; i < share.end; i++) {
        const size_t token = last ? f->wanted[i] : i;
        float *out = f->out + token * f->ldo;
        w->k->attention->delta->sigmoid_gate(f->q + token * f->ldq + query, out, query, out);
    }
    nn_lap_work(w, NN_OP_ACTIVATE, share.end - share.begin, 3 * query * sizeof(float), 0);
    nn_barrier(w);
}

/* Attention, or what a layer has in its place, up to f->out. */
static void mix_part(forward *f, const nn_worker *w, uint32_t index, bool last)
{
    const layer_weights *l = &f->m->weights.layers[index];
    const model_config *c = &f->m->config;
    if (f->layers[index].is_delta) {
        nn_delta_apply(w, &f->layers[index].delta, &f->delta, &l->attention_norm, f->x, f->ldx, c->width,
                       &f->attention);
        nn_barrier(w);
        return;
    }
    if (f->layers[index].is_latent) {
        nn_mla_enter(w, &f->layers[index].mla, &f->latent, &l->attention_norm, f->x, f->ldx, c->width, f->places,
                     &f->attention);
    } else {
        qkv_part(f, w, l);
    }
    nn_barrier(w);
    nn_attention_apply(w, &f->attention, index, last, &f->next[index]);
    nn_barrier(w);
    if (c->form.output_gate) {
        gate_part(f, w, last);
    }
}

/* Norm, q, k, v and attention of one layer; returns how many rows of x go on. */
static size_t attention_part(forward *f, const nn_worker *w, uint32_t index)
{
    const bool last = index + 1 == f->m->config.layers;
    mix_part(f, w, index, last);
    if (!last || f->rows >= f->tokens) {
        return f->tokens;
    }
    if (w->part == 0) {
        gather_wanted(f);
    }
    nn_barrier(w);
    return f->rows;
}

/* x += factor * y, with the norm before or after, as the family has it. No barrier at the end. */
static void residual_part(const forward *f, const nn_worker *w, const matrix *m, const nn_norm *norm, size_t tokens,
                          float *y, size_t ldy)
{
    const model_config *c = &f->m->config;
    nn_residual(w, m, c->form.residual_norm ? NULL : norm, tokens, c->residual_scale, y, ldy, f->x, f->ldx);
    if (c->form.residual_norm) {
        nn_barrier(w);
        nn_norm_tokens(w, norm, tokens, c->width, f->x, f->ldx);
    }
}

/* Attention's output product, added to x, or kept in f->c where the MLP reads the same x. */
static void output_part(forward *f, const nn_worker *w, uint32_t index, size_t tokens)
{
    const layer_weights *l = &f->m->weights.layers[index];
    const model_config *c = &f->m->config;
    const matrix *o = &l->o;
    float *from = f->out;
    size_t ldf = f->ldo;
    if (f->layers[index].is_latent) {
        from = f->q;
        ldf = f->ldq;
        nn_mla_leave(w, &f->layers[index].mla, &f->latent, &f->attention, tokens, from, f->ldq);
        nn_barrier(w);
    }
    const nn_input *input = nn_prepare(w, nn_input_kinds(&o, 1, w->how), from, ldf, tokens, o->cols, NULL);
    if (c->form.parallel) {
        nn_linear(w, o, l->o_bias, input, tokens, f->c, f->ldx);
    } else {
        nn_linear(w, o, l->o_bias, input, tokens, f->b, f->lda);
        residual_part(f, w, o, &l->attention_post, tokens, f->b, f->lda);
    }
    nn_barrier(w);
}

static void mlp_part(forward *f, const nn_worker *w, uint32_t index, size_t tokens)
{
    const layer_weights *l = &f->m->weights.layers[index];
    const model_config *c = &f->m->config;
    const forward_layer *view = &f->layers[index];
    const matrix *down = view->is_moe ? view->moe.experts[0].down : view->mlp.down;
    float *y = f->b;
    size_t ldy = f->lda;
    if (view->is_moe) {
        y = f->c;
        ldy = f->ldx;
        nn_moe_apply(w, &view->moe, &f->room, &l->ffn_norm, f->x, f->ldx, tokens, c->width, y, ldy, f->a, f->b, f->lda);
    } else {
        const matrix *first[2] = {view->mlp.up, view->mlp.gate};
        const nn_input *input = nn_prepare(w, nn_input_kinds(first, view->mlp.gate != NULL ? 2 : 1, w->how), f->x,
                                           f->ldx, tokens, c->width, &l->ffn_norm);
        nn_mlp_apply(w, &view->mlp, input, tokens, f->a, f->lda, f->b, f->lda);
    }
    if (c->form.parallel) {
        nn_add_rows(w, down, tokens, c->residual_scale, f->c, f->ldx, f->x, f->ldx); /* on the rows that come next */
    }
    residual_part(f, w, down, &l->ffn_post, tokens, y, ldy);
    nn_barrier(w);
}

/* Scale and soft-cap on the rows of the output matrix that a thread made. */
static void finish_logits(forward *f, const nn_worker *w, thread_range own)
{
    const model_config *c = &f->m->config;
    const size_t n = own.end - own.begin;
    for (size_t row = 0; row < f->logits_count && n != 0; row++) {
        float *logits = f->logits + row * c->vocabulary + own.begin;
        if (c->logit_scale != 1.0f) {
            w->k->scale(logits, c->logit_scale, n, logits);
        }
        if (c->logit_softcap != 0.0f) {
            w->k->scale(logits, 1.0f / c->logit_softcap, n, logits);
            w->k->tanh(logits, n, logits);
            w->k->scale(logits, c->logit_softcap, n, logits);
        }
    }
    nn_lap_work(w, NN_OP_LOGITS, f->logits_count, 2 * n * sizeof(float), n);
}

/* Rows [logits_first, + logits_count) of the wanted ones. */
static void logits_part(forward *f, const nn_worker *w)
{
    const model_config *c = &f->m->config;
    const matrix *output = &weights_ends(&f->m->weights)->output;
    const nn_input *input = nn_prepare(w, nn_input_kinds(&output, 1, w->how), f->x + f->logits_first * f->ldx, f->ldx,
                                       f->logits_count, c->width, &f->m->weights.output_norm);
    nn_linear(w, output, f->m->weights.output_bias, input, f->logits_count, f->logits, c->vocabulary);
    if (c->logit_scale != 1.0f || c->logit_softcap != 0.0f) {
        const nn_rows own = nn_own_rows(w, output);
        for (size_t i = 0; i < own.count; i++) {
            finish_logits(f, w, nn_rows_at(&own, i));
        }
    }
}

/* A head's x: the product of embedding and hidden state (in f->c), each normed, side by side. */
static void join_part(forward *f, const nn_worker *w)
{
    const model_weights *m = &f->m->weights;
    const matrix *join = m->join;
    const size_t width = f->m->config.width;
    nn_norm_tokens(w, &m->join_embedding, f->tokens, width, f->x, f->ldx);
    nn_norm_tokens(w, &m->join_hidden, f->tokens, width, f->c, f->ldx);
    nn_barrier(w);
    const thread_range share = thread_split(f->tokens, 1, w->part, w->parts);
    for (size_t i = share.begin; i < share.end; i++) {
        memcpy(f->pair + i * f->ldp, f->x + i * f->ldx, width * sizeof(float));
        memcpy(f->pair + i * f->ldp + width, f->c + i * f->ldx, width * sizeof(float));
    }
    nn_barrier(w);
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(&join, 1, w->how), f->pair, f->ldp, f->tokens, 2 * width, NULL);
    nn_linear(w, join, NULL, input, f->tokens, f->x, f->ldx);
    nn_barrier(w);
}

static void run_step(void *context, int part, int parts)
{
    forward *f = context;
    const nn_worker *w = &f->workers[part];
    const model_config *c = &f->m->config;
    (void)parts;
    nn_lap(w, part == 0 ? NN_OP_STEP : NN_OP_IDLE);
    if (part == 0 && f->m->weights.stream != NULL) {
        weight_stream_begin(f->m->weights.stream);
    }
    nn_embed(w, &f->embedding, f->ids, f->places, f->tokens, f->x, f->ldx);
    nn_barrier(w);
    if (f->m->weights.join != NULL) {
        join_part(f, w);
    }
    for (uint32_t i = 0; i < c->layers; i++) {
        if (part == 0 && f->watch != NULL) {
            f->stopped = !f->watch(f->watch_context, i, c->layers);
        }
        nn_enter_layer(w, i);
        const size_t tokens = attention_part(f, w, i);
        if (f->stopped) {
            return;
        }
        if (tokens != 0) {
            output_part(f, w, i, tokens);
            mlp_part(f, w, i, tokens);
        }
    }
    nn_enter_layer(w, NN_NO_LAYER);
    if (f->logits_count != 0) {
        logits_part(f, w);
    }
    nn_lap(w, NN_OP_OTHER);
}

static void run_logits(void *context, int part, int parts)
{
    forward *f = context;
    const nn_worker *w = &f->workers[part];
    (void)parts;
    nn_lap(w, part == 0 ? NN_OP_STEP : NN_OP_IDLE);
    logits_part(f, w);
    nn_lap(w, NN_OP_OTHER);
}

/* ---- what the caller sees ---- */

static hearth_status check_segment(const forward *f, const forward_segment *s, hearth_error *error)
{
    const uint32_t vocabulary = f->m->config.vocabulary;
    if (s->count == 0 || s->position > s->cache->capacity || s->count > s->cache->capacity - s->position) {
        return error_set(error, HEARTH_E_ARGUMENT, "position", "tokens that fit in the KV cache",
                         "%u tokens at %u of %u", s->count, s->position, s->cache->capacity);
    }
    if (f->m->config.form.bidirectional && s->position != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "position", "0: an encoder takes a text whole", "%u", s->position);
    }
    if ((s->hidden != NULL) != (f->m->weights.join != NULL)) {
        return error_set(error, HEARTH_E_ARGUMENT, "hidden states", "those that a head begins with, and for it alone",
                         "otherwise");
    }
    const uint32_t reach = kv_cache_reach(s->cache, s->position);
    if (reach != s->position) {
        return error_set(error, HEARTH_E_ARGUMENT, "position", "one that the cache's state can go on from",
                         "%u (it can from %u)", s->position, reach);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= vocabulary) {
            return error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%d of %u", s->ids[i],
                             vocabulary);
        }
    }
    return HEARTH_OK;
}

/* Was the sequence opened for more positions than RoPE as it is reaches? */
static bool turns_otherwise(const forward *f, const kv_cache *cache)
{
    const uint32_t most = f->m->config.rope.switch_context;
    return most != 0 && cache->positions > most;
}

static void add_segment(forward *f, const forward_segment *s)
{
    nn_sequence *sequence = &f->sequences[f->sequence_count++];
    *sequence = (nn_sequence){.shape = s->cache->shape,
                              .pages = s->cache->pages,
                              .rope = turns_otherwise(f, s->cache) ? &s->cache->rope : NULL,
                              .layer_bytes =
                                  f->m->config.form.bidirectional ? 0 : s->cache->keys_bytes + s->cache->values_bytes,
                              .values_bytes = s->cache->keys_bytes,
                              .position = s->position,
                              .count = s->count,
                              .first = f->tokens,
                              .states = s->cache->states,
                              .state_floats = s->cache->state_floats};
    kv_cache_seek(s->cache, s->position);
    s->cache->state_position = KV_CACHE_NOWHERE; /* until the step is done */
    sequence->wanted = s->want == WANT_ALL ? s->count : s->want == WANT_LAST ? 1 : 0;
    memcpy(f->ids + f->tokens, s->ids, s->count * sizeof *s->ids);
    for (uint32_t i = 0; i < s->count; i++) {
        f->places[f->tokens + i] = s->position + i;
    }
    for (size_t i = 0; s->hidden != NULL && i < s->count; i++) {
        const size_t width = f->m->config.width;
        memcpy(f->c + (f->tokens + i) * f->ldx, s->hidden + i * width, width * sizeof(float));
    }
    f->tokens += s->count;
    for (uint32_t i = s->count - sequence->wanted; i < s->count; i++) {
        f->wanted[f->rows++] = sequence->first + i;
    }
}

hearth_status forward_turns(forward *f, kv_cache *cache, size_t positions, hearth_error *error)
{
    if (turns_otherwise(f, cache)) {
        TRY(forward_rope_of(f, cache, positions, error));
    }
    TRY(rope_table_extend(&f->rope, positions, error));
    return f->m->config.rope_local.dims != 0 ? rope_table_extend(&f->rope_local, positions, error) : HEARTH_OK;
}

static hearth_status prepare_step(forward *f, const forward_segment *segments, size_t count, hearth_error *error)
{
    size_t tokens = 0;
    size_t positions = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(check_segment(f, &segments[i], error));
        tokens += segments[i].count;
        const size_t end = (size_t)segments[i].position + segments[i].count;
        positions = end > positions ? end : positions;
        if (tokens > f->chunk) {
            return error_set(error, HEARTH_E_ARGUMENT, "step", "no more tokens than the workspace has", "%zu of %zu",
                             tokens, f->chunk);
        }
    }
    if (tokens == 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "step", "at least one token", "none");
    }
    if (f->m->config.positions != 0 && positions + f->m->config.position_offset > f->m->config.positions) {
        return error_set(error, HEARTH_E_ARGUMENT, "position", "a row of the position table", "%zu of %u", positions,
                         f->m->config.positions);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(forward_turns(f, segments[i].cache, (size_t)segments[i].position + segments[i].count, error));
    }
    f->tokens = 0;
    f->rows = 0;
    f->sequence_count = 0;
    for (size_t i = 0; i < count; i++) {
        add_segment(f, &segments[i]);
    }
    f->logits_first = 0;
    f->logits_count = f->without_logits ? 0 : f->rows < f->logit_rows ? f->rows : f->logit_rows;
    return HEARTH_OK;
}

hearth_status forward_step(forward *f, const forward_segment *segments, size_t count, hearth_error *error)
{
    const model_config *c = &f->m->config;
    TRY(prepare_step(f, segments, count, error));
    f->attention = (nn_attention){.heads = c->heads,
                                  .kv_heads = c->kv_heads,
                                  .head_dim = c->head_dim,
                                  .scale = c->attention_scale,
                                  .layers = f->attention_layers,
                                  .sequences = f->sequences,
                                  .sequence_count = f->sequence_count,
                                  .tokens = f->tokens,
                                  .q = f->q,
                                  .k = f->k,
                                  .v = f->v,
                                  .out = f->out,
                                  .gathered = f->gathered,
                                  .ldq = f->ldq,
                                  .ldkv = f->ldkv,
                                  .ldo = f->ldo};
    for (uint32_t i = 0; i < c->layers; i++) {
        atomic_store_explicit(&f->next[i], 0, memory_order_relaxed);
    }
    f->stopped = false;
    engine_run(f->m->engine, run_step, f);
    nn_lap(&f->workers[0], NN_OP_BARRIER);
    if (f->m->weights.stream != NULL) {
        TRY(weight_stream_status(f->m->weights.stream, error));
    }
    if (f->stopped) {
        return error_set(error, HEARTH_E_CANCELLED, "step", NULL, "the caller's stop");
    }
    for (size_t i = 0; i < count; i++) {
        segments[i].cache->state_position = segments[i].position + segments[i].count;
    }
    return HEARTH_OK;
}

size_t forward_rows(const forward *f)
{
    return f->rows;
}

void forward_without_logits(forward *f)
{
    f->without_logits = true;
}

void forward_hidden(const forward *f, size_t row, float *out)
{
    const model *m = f->m;
    nn_norm_row(m->engine->kernels, &m->weights.output_norm, f->x + row * f->ldx, m->config.width, out);
}

hearth_status forward_logits(forward *f, size_t first, size_t count, const float **ret, hearth_error *error)
{
    if (f->m->config.form.headless) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "logits", "a model with an output matrix", "one without");
    }
    if (first > f->rows || count > f->rows - first || count == 0 || count > f->logit_rows) {
        return error_set(error, HEARTH_E_ARGUMENT, "logits", "rows of this step, at most 64", "%zu at %zu of %zu",
                         count, first, f->rows);
    }
    if (first < f->logits_first || first + count > f->logits_first + f->logits_count) {
        f->logits_first = first;
        f->logits_count = count;
        engine_run(f->m->engine, run_logits, f);
        nn_lap(&f->workers[0], NN_OP_BARRIER);
    }
    *ret = f->logits + (first - f->logits_first) * f->m->config.vocabulary;
    return HEARTH_OK;
}
