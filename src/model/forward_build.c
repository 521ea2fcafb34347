/* The workspace of a step: buffers, RoPE tables, views of the weights. */
#include "base/memory.h"
#include "model/forward_state.h"

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows start on cache lines, and not all on the same sets. */
static size_t leading(size_t n)
{
    const size_t padded = size_round_up(n, 16);
    return padded % 256 == 0 ? padded + 16 : padded;
}

static void *array(forward *f, size_t count, size_t size_bytes)
{
    size_t bytes = 0;
    return size_mul(count, size_bytes, &bytes) ? arena_alloc_aligned(f->memory, bytes, 64) : NULL;
}

static float *floats(forward *f, size_t rows, size_t columns)
{
    size_t count = 0;
    return size_mul(rows, columns, &count) ? array(f, count, sizeof(float)) : NULL;
}

/* The widest row that is ever prepared or kept. */
static size_t widest_row(const model_config *c)
{
    const size_t inner = most(most(c->ffn, c->moe.ffn), c->moe.shared_ffn);
    const size_t heads = most((size_t)c->heads * c->head_dim, (size_t)c->heads * c->mla.value);
    return most(most(most(c->width, inner), delta_values(&c->delta)), most(heads, c->mla.q_rank));
}

/* The same with what a head begins with. */
static size_t widest_input(const model *m)
{
    return most(widest_row(&m->config), m->weights.join != NULL ? m->weights.join->cols : 0);
}

static size_t widest_scratch(const model *m)
{
    const model_weights *w = &m->weights, *ends = weights_ends(w);
    size_t bytes = ATTENTION_SCRATCH_BYTES;
    bytes = most(bytes, ends->output.rows == 0 ? 0 : matrix_scratch_bytes(&ends->output));
    bytes = most(bytes, w->types.rows == 0 ? 0 : matrix_scratch_bytes(&w->types));
    bytes = most(bytes, w->tied ? 0 : matrix_scratch_bytes(&ends->embedding));
    bytes = most(bytes, w->positions.rows == 0 ? 0 : matrix_scratch_bytes(&w->positions));
    for (size_t i = 0; i < w->matrix_count; i++) {
        bytes = most(bytes, matrix_scratch_bytes(w->matrices[i]));
    }
    return size_round_up(bytes, 64);
}

/* Which forms of inputs any product wants, a bit each. */
static unsigned all_kinds(const model *m)
{
    const matrix *output = &weights_ends(&m->weights)->output;
    const unsigned routers = m->config.moe.experts != 0 ? 1u << ACTIVATION_F32 : 0;
    return routers | (output->rows == 0 ? 0 : nn_input_kinds(&output, 1, m->compute)) |
           nn_input_kinds((const matrix *const *)m->weights.matrices, m->weights.matrix_count, m->compute);
}

static bool make_input(forward *f, unsigned kinds, size_t tokens, nn_input *ret)
{
    const size_t widest = widest_input(f->m);
    for (unsigned kind = 0; kind < ACTIVATION_KINDS; kind++) {
        if ((kinds & (1u << kind)) != 0) {
            /* rounded up: a form with blocks may be asked for its whole blocks alone */
            const size_t bytes = activation_bytes((activation_kind)kind, tokens, size_round_up(widest, 256));
            ret->of[kind] = arena_alloc_aligned(f->memory, bytes, 64);
            if (ret->of[kind] == NULL) {
                return false;
            }
        }
    }
    return true;
}

static bool make_workers(forward *f, unsigned kinds)
{
    const engine *e = f->m->engine;
    const size_t scratch = widest_scratch(f->m);
    f->workers = arena_array(f->memory, (size_t)e->threads, sizeof *f->workers);
    f->claims = thread_claims_create(e->threads);
    for (int part = 0; f->workers != NULL && f->claims != NULL && part < e->threads; part++) {
        nn_worker *w = &f->workers[part];
        *w = (nn_worker){.k = e->kernels,
                         .how = f->m->compute,
                         .pool = e->pool,
                         .part = part,
                         .parts = e->threads,
                         .shared = &f->shared};
        w->scratch = arena_alloc_aligned(f->memory, scratch, 64);
        w->row = floats(f, 1, leading(widest_input(f->m)));
        w->taken = arena_array(f->memory, 1, sizeof *w->taken);
        if (w->taken != NULL) {
            *w->taken = (nn_taken){.claims = f->claims, .worth_bytes = e->shared_out_bytes};
        }
        if (w->taken == NULL || w->scratch == NULL || w->row == NULL || !make_input(f, kinds, NN_OWN_TOKENS, &w->own)) {
            return false;
        }
    }
    return f->workers != NULL && f->claims != NULL;
}

/* ---- RoPE ---- */

/* What a sequence turns with that is opened for so many positions, more than the model was made for. */
hearth_status forward_rope_of(const forward *f, kv_cache *cache, size_t positions, hearth_error *error)
{
    const rope_config *r = &f->m->config.rope;
    if (cache->rope.frequencies == NULL) {
        float *frequencies = mem_alloc(r->dims / 2 * sizeof *frequencies);
        if (frequencies == NULL) {
            return error_memory(error, r->dims / 2 * sizeof *frequencies);
        }
        if (r->dynamic) {
            rope_frequencies(rope_dynamic_theta(r->theta, r->dims, r->factor, r->switch_context, cache->positions),
                             r->dims, frequencies);
        } else {
            rope_frequencies(r->theta, r->dims, frequencies);
        }
        for (uint32_t i = 0; !r->dynamic && i < r->dims / 2; i++) {
            frequencies[i] = frequencies[i] / f->m->weights.rope_long_factors[i];
        }
        cache->rope = (rope_table){
            .half = r->dims / 2, .scale = (float)(r->dynamic ? r->scale : r->long_scale), .frequencies = frequencies};
    }
    return rope_table_extend(&cache->rope, positions, error);
}

static bool make_rope(forward *f, const rope_config *r, const float *listed, rope_table *ret)
{
    const uint32_t half = r->dims / 2;
    float *frequencies = floats(f, 1, half);
    float *factors = floats(f, 1, half);
    if (frequencies == NULL || factors == NULL) {
        return false;
    }
    rope_frequencies(r->theta, r->dims, frequencies);
    const float *used = r->kind == ROPE_FACTORS ? listed : NULL;
    if (r->kind == ROPE_LINEAR) {
        rope_scale_linear(frequencies, r->dims, r->factor);
    } else if (r->kind == ROPE_YARN) {
        const rope_yarn yarn = {.theta = r->theta,
                                .factor = r->factor,
                                .beta_fast = r->beta_fast,
                                .beta_slow = r->beta_slow,
                                .original = r->original_context,
                                .truncate = r->truncate};
        rope_scale_yarn(frequencies, r->dims, &yarn);
    } else if (r->kind == ROPE_LLAMA3) {
        rope_llama3_factors(frequencies, r->dims, r->factor, r->low_factor, r->high_factor, r->original_context,
                            factors);
        used = factors;
    }
    for (uint32_t i = 0; used != NULL && i < half; i++) {
        frequencies[i] = frequencies[i] / used[i];
    }
    *ret = (rope_table){.half = half, .scale = (float)r->scale, .frequencies = frequencies};
    return true;
}

static bool make_ropes(forward *f)
{
    const model_config *c = &f->m->config;
    return make_rope(f, &c->rope, f->m->weights.rope_factors, &f->rope) &&
           (c->rope_local.dims == 0 || make_rope(f, &c->rope_local, NULL, &f->rope_local));
}

/* ---- layers ---- */

static void view_attention(forward *f, uint32_t index, uint32_t slot)
{
    const model_config *c = &f->m->config;
    const layer_weights *l = &f->m->weights.layers[index];
    const bool windowed = layer_bit(c->windowed, index);
    const rope_table *rope = windowed && c->rope_local.dims != 0 ? &f->rope_local : &f->rope;
    const bool turned = !layer_bit(c->unrotated, index);
    f->attention_layers[index] = (nn_attention_layer){.slot = slot,
                                                      .rope = turned ? rope : NULL,
                                                      .common_rope = rope == &f->rope,
                                                      .form = {.window = windowed ? c->window : 0,
                                                               .chunk = windowed ? c->chunk : 0,
                                                               .softcap = c->attention_softcap,
                                                               .slopes = f->m->weights.slopes,
                                                               .sinks = l->sinks},
                                                      .bidirectional = c->form.bidirectional,
                                                      .qk_norm = c->form.qk_norm,
                                                      .q_norm = l->q_norm,
                                                      .k_norm = l->k_norm,
                                                      .clip = c->clip_qkv};
    if (!turned || !c->family->temperature_unrotated) {
        f->attention_layers[index].temperature = c->temperature;
    }
}

static void view_latent(forward *f, forward_layer *view, const layer_weights *l)
{
    const model_config *c = &f->m->config;
    view->is_latent = true;
    view->mla = (nn_mla){.config = &c->mla,
                         .heads = c->heads,
                         .q_a = l->q_a.rows != 0 ? &l->q_a : NULL,
                         .q_norm = l->q_a_norm,
                         .q = &l->q,
                         .kv_a = &l->kv_a,
                         .kv_norm = l->kv_a_norm,
                         .k_b = l->k_b,
                         .v_b = l->v_b,
                         .rope = &f->rope};
}

static void view_delta(forward *f, forward_layer *view, const layer_weights *l, size_t layer)
{
    view->is_delta = true;
    view->delta = (nn_delta){.config = &f->m->config.delta,
                             .qkv = &l->delta_qkv,
                             .z = l->delta_z.rows != 0 ? &l->delta_z : NULL,
                             .ba = &l->delta_ba,
                             .taps = l->delta_taps,
                             .rate = l->delta_rate,
                             .step_bias = l->delta_step,
                             .norm = l->delta_norm,
                             .layer = layer};
}

static nn_mlp view_mlp(const model_config *c, const matrix *gate, const matrix *up, const matrix *down)
{
    return (nn_mlp){.gate = gate->rows != 0 ? gate : NULL, .up = up, .down = down, .activation = c->form.activation};
}

static bool view_moe(forward *f, forward_layer *view, const layer_weights *l)
{
    const model_config *c = &f->m->config;
    nn_mlp *experts = arena_array(f->memory, c->moe.experts, sizeof *experts);
    if (experts == NULL) {
        return false;
    }
    for (uint32_t e = 0; e < c->moe.experts; e++) {
        const matrix *three = l->experts + 3 * (size_t)e;
        experts[e] = view_mlp(c, &three[0], &three[1], &three[2]);
        experts[e].limit = c->moe.limit;
        if (l->expert_biases != NULL) {
            experts[e].gate_bias = l->expert_biases[3 * (size_t)e];
            experts[e].up_bias = l->expert_biases[3 * (size_t)e + 1];
            experts[e].down_bias = l->expert_biases[3 * (size_t)e + 2];
        }
    }
    view->is_moe = true;
    view->moe = (nn_moe){.config = &c->moe,
                         .router = &l->router,
                         .router_bias = l->router_bias,
                         .selection_bias = l->selection_bias,
                         .experts = experts,
                         .shared_router = l->shared_router.rows != 0 ? &l->shared_router : NULL};
    if (l->shared_up.rows != 0) {
        view->shared = view_mlp(c, &l->shared_gate, &l->shared_up, &l->shared_down);
        view->moe.shared = &view->shared;
    }
    return true;
}

static bool view_layers(forward *f)
{
    const model_config *c = &f->m->config;
    const model_weights *w = &f->m->weights;
    f->layers = arena_array(f->memory, c->layers, sizeof *f->layers);
    f->attention_layers = arena_array(f->memory, c->layers, sizeof *f->attention_layers);
    if (f->layers == NULL || f->attention_layers == NULL) {
        return false;
    }
    uint32_t recurrent = 0;
    for (uint32_t i = 0; i < c->layers; i++) {
        const layer_weights *l = &w->layers[i];
        forward_layer *view = &f->layers[i];
        view_attention(f, i, i - recurrent);
        if (layer_bit(c->recurrent, i)) {
            view_delta(f, view, l, recurrent++);
        } else if (c->mla.kv_rank != 0) {
            f->attention_layers[i].rope = NULL; /* nn/mla.h turns what turns */
            view_latent(f, view, l);
        }
        if (l->router.rows != 0) {
            if (!view_moe(f, view, l)) {
                return false;
            }
            continue;
        }
        view->mlp = view_mlp(c, &l->gate, &l->up, &l->down);
        view->mlp.gate_bias = l->gate_bias;
        view->mlp.up_bias = l->up_bias;
        view->mlp.down_bias = l->down_bias;
        view->mlp.parameters = l->activation;
    }
    if (w->types.rows != 0) { /* the workers' scratch is there already */
        f->type_row = floats(f, 1, leading(c->width));
        if (f->type_row == NULL) {
            return false;
        }
        matrix_row(f->m->engine->kernels, &w->types, 0, f->type_row, f->workers[0].scratch);
    }
    const model_weights *ends = weights_ends(w);
    f->embedding = (nn_embedding){.tokens = w->tied ? &ends->output : &ends->embedding,
                                  .positions = w->positions.rows != 0 ? &w->positions : NULL,
                                  .position_offset = c->position_offset,
                                  .added = f->type_row,
                                  .scale = c->embedding_scale,
                                  .norm = c->form.embedding_norm ? &w->embedding_norm : NULL};
    return true;
}

/* ---- buffers ---- */

static bool make_room(forward *f, unsigned kinds)
{
    const model_config *c = &f->m->config;
    const moe_config *m = &c->moe;
    moe_room *r = &f->room;
    if (m->experts == 0) {
        return true;
    }
    size_t rows = 0;
    if (!size_mul(f->chunk, m->used, &rows)) {
        return false;
    }
    r->ldn = leading(c->width);
    r->lda = leading(most(m->ffn, c->width));
    r->normed = floats(f, f->chunk, r->ldn);
    r->scores = floats(f, f->chunk, m->experts);
    r->chosen = array(f, rows, sizeof *r->chosen);
    r->weights = floats(f, 1, rows);
    r->slots = array(f, rows, sizeof *r->slots);
    r->tokens = array(f, rows, sizeof *r->tokens);
    r->begin = array(f, (size_t)m->experts + 1, sizeof *r->begin);
    r->shared_scale = floats(f, 1, f->chunk);
    r->a = floats(f, rows, r->lda);
    r->b = floats(f, rows, r->lda);
    r->inputs = array(f, m->experts, sizeof *r->inputs);
    r->prepared_bytes = moe_prepared_bytes(m, f->chunk, c->width, kinds);
    r->prepared = array(f, r->prepared_bytes, 1);
    return r->normed && r->scores && r->chosen && r->weights && r->slots && r->tokens && r->begin && r->shared_scale &&
           r->a && r->b && r->inputs && r->prepared;
}

static bool make_latent(forward *f, unsigned kinds)
{
    const model_config *c = &f->m->config;
    const mla_config *m = &c->mla;
    mla_room *r = &f->latent;
    if (m->kv_rank == 0) {
        return true;
    }
    r->ldqa = leading(m->q_rank);
    r->ldq = leading((size_t)c->heads * (m->nope + m->rope));
    r->ldkv = leading((size_t)m->kv_rank + m->rope);
    r->q_a = floats(f, f->chunk, most(r->ldqa, 1));
    r->q = floats(f, f->chunk, r->ldq);
    r->kv_a = floats(f, f->chunk, r->ldkv);
    r->heads = arena_array(f->memory, (size_t)f->m->engine->threads, sizeof *r->heads);
    for (int part = 0; r->heads != NULL && part < f->m->engine->threads; part++) {
        if (!make_input(f, kinds, MLA_TOKENS, &r->heads[part])) {
            return false;
        }
    }
    return r->q_a && r->q && r->kv_a && r->heads;
}

static bool make_delta(forward *f)
{
    const delta_config *d = &f->m->config.delta;
    delta_room *r = &f->delta;
    if (d->taps == 0) {
        return true;
    }
    r->ldm = leading(delta_channels(d) + delta_values(d));
    r->ldb = leading(2 * (size_t)d->value_heads);
    r->mixed = floats(f, f->chunk, r->ldm);
    r->ba = floats(f, f->chunk, r->ldb);
    r->heads = arena_array(f->memory, (size_t)f->m->engine->threads, sizeof *r->heads);
    for (int part = 0; r->heads != NULL && part < f->m->engine->threads; part++) {
        r->heads[part] = floats(f, 1, size_round_up(delta_head_floats(d), 16));
        if (r->heads[part] == NULL) {
            return false;
        }
    }
    return r->mixed && r->ba && r->heads;
}

static bool make_buffers(forward *f)
{
    const model_config *c = &f->m->config;
    const size_t query = (size_t)c->heads * most(c->head_dim, c->mla.value);
    f->ldx = leading(c->width);
    f->ldq = leading(c->form.output_gate ? 2 * query : query);
    f->ldo = leading(most(query, delta_values(&c->delta)));
    f->ldkv = leading((size_t)c->kv_heads * c->head_dim);
    f->lda = leading(most(most(c->ffn, c->width), c->moe.shared_ffn));
    f->ldp = f->m->weights.join != NULL ? leading(2 * (size_t)c->width) : 0;
    f->pair = f->ldp != 0 ? floats(f, f->chunk, f->ldp) : NULL;
    f->x = floats(f, f->chunk, f->ldx);
    f->q = floats(f, f->chunk, f->ldq);
    f->k = floats(f, f->chunk, f->ldkv);
    f->v = floats(f, f->chunk, f->ldkv);
    f->out = floats(f, f->chunk, f->ldo);
    f->a = floats(f, f->chunk, f->lda);
    f->b = floats(f, f->chunk, f->lda);
    f->c = floats(f, f->chunk, f->ldx);
    f->ids = arena_array(f->memory, f->chunk, sizeof *f->ids);
    f->places = arena_array(f->memory, f->chunk, sizeof *f->places);
    f->wanted = arena_array(f->memory, f->chunk, sizeof *f->wanted);
    f->sequences = arena_array(f->memory, f->chunk, sizeof *f->sequences);
    f->next = arena_array(f->memory, c->layers, sizeof *f->next);
    f->logit_rows = f->chunk < FORWARD_LOGIT_ROWS ? f->chunk : FORWARD_LOGIT_ROWS;
    f->gathered = c->form.bidirectional ? floats(f, (size_t)f->m->engine->threads * NN_GATHERED, c->head_dim) : NULL;
    f->without_logits = c->form.headless;
    if (!c->form.headless) {
        f->logits = mem_alloc_aligned(f->logit_rows * c->vocabulary * sizeof *f->logits, 64);
    }
    return f->x && f->q && f->k && f->v && f->out && f->a && f->b && f->c && f->ids && f->places && f->wanted &&
           f->sequences && f->next && (f->pair != NULL || f->ldp == 0) && (f->logits != NULL || c->form.headless) &&
           (f->gathered != NULL || !c->form.bidirectional);
}

hearth_status forward_create(model *m, size_t chunk, forward **ret, hearth_error *error)
{
    chunk = chunk == 0 ? FORWARD_CHUNK : chunk;
    if (chunk > LIMIT_CONTEXT || m->weights.layers == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "chunk", "a model with weights and at most 67108864 tokens", "%zu",
                         chunk);
    }
    forward *f = mem_calloc(1, sizeof *f);
    if (f == NULL) {
        return error_memory(error, sizeof *f);
    }
    f->m = m;
    f->chunk = chunk;
    f->memory = arena_create(0);
    const unsigned kinds = all_kinds(m);
    if (f->memory == NULL || !make_buffers(f) || !make_input(f, kinds, chunk, &f->shared) || !make_workers(f, kinds) ||
        !make_ropes(f) || !view_layers(f) || !make_room(f, kinds) || !make_latent(f, kinds) || !make_delta(f)) {
        forward_free(f);
        return error_memory(error, chunk * m->config.width * sizeof(float));
    }
    *ret = f;
    return HEARTH_OK;
}

void forward_free(forward *f)
{
    if (f == NULL) {
        return;
    }
    rope_table_free(&f->rope);
    rope_table_free(&f->rope_local);
    mem_free(f->logits);
    thread_claims_free(f->claims);
    arena_destroy(f->memory);
    mem_free(f);
}

size_t forward_chunk(const forward *f)
{
    return f->chunk;
}

void forward_watch(forward *f, forward_watch_fn watch, void *context)
{
    f->watch = watch;
    f->watch_context = context;
}

void forward_observe(forward *f, const nn_observer *observer)
{
    for (int part = 0; part < f->m->engine->threads; part++) {
        f->workers[part].observer = observer;
    }
}

void forward_profile(forward *f, const struct nn_profiler *profiler)
{
    for (int part = 0; part < f->m->engine->threads; part++) {
        f->workers[part].profiler = profiler;
    }
}
