/* A step: one run of the threads through every layer.
 *
 * Buffers are made once, for `chunk` tokens. Per layer a thread does: inputs of q, k, v (norm) - products - barrier -
 * attention - barrier - o added to its rows of x - barrier - gate, up - barrier - down added to its rows of x -
 * barrier. In the last layer only the wanted tokens go on after the keys and values are stored: their rows are gathered
 * to the front. Logits of the first FORWARD_LOGIT_ROWS wanted rows are made in the same run. */
#include "model/forward.h"

#include "base/memory.h"
#include "nn/attention.h"
#include "nn/embedding.h"
#include "nn/mlp.h"

#include <string.h>

struct forward {
    model *m;
    size_t chunk;
    arena *memory;          /* every buffer below but the logits */
    float *x;               /* [chunk, width] */
    float *q, *k, *v, *out; /* [chunk, heads * head_dim], keys' width twice, heads * head_dim */
    float *a, *b;           /* [chunk, max(ffn, width)], [chunk, max(ffn, width)] */
    size_t ldx, ldq, ldkv, lda;
    float *logits; /* [FORWARD_LOGIT_ROWS or chunk if that is less, vocabulary]; pages are touched as rows are wanted */
    size_t logit_rows;
    nn_input shared;
    nn_worker *workers; /* [parts] */
    float *frequencies;
    rope_table rope;
    atomic_uint *next; /* [layers] */
    /* of this step */
    int32_t *ids;   /* [chunk] */
    size_t *wanted; /* [chunk]: token of each wanted row */
    nn_sequence *sequences;
    nn_attention attention;
    size_t tokens, rows, sequence_count;
    size_t logits_first, logits_count; /* the rows that lie in `logits` */
    forward_watch_fn watch;
    void *watch_context;
    bool stopped; /* by the watch: written by part 0 at the beginning of a layer, read by all behind its first barriers
                   */
};

/* ---- making the workspace ---- */

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

static float *floats(forward *f, size_t rows, size_t columns)
{
    size_t count = 0;
    if (!size_mul(rows, columns, &count) || !size_mul(count, sizeof(float), &count)) {
        return NULL;
    }
    return arena_alloc_aligned(f->memory, count, 64);
}

static size_t widest_scratch(const model *m)
{
    size_t bytes = most(ATTENTION_SCRATCH_BYTES, matrix_scratch_bytes(&m->weights.output));
    bytes = most(bytes, m->weights.tied ? 0 : matrix_scratch_bytes(&m->weights.embedding));
    for (size_t i = 0; i < m->weights.layer_count; i++) {
        const layer_weights *l = &m->weights.layers[i];
        const matrix *all[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
            bytes = most(bytes, matrix_scratch_bytes(all[j]));
        }
    }
    return size_round_up(bytes, 64);
}

/* Which forms of inputs any product wants, a bit each. */
static unsigned all_kinds(const model *m)
{
    const matrix *output = &m->weights.output;
    unsigned kinds = nn_input_kinds(&output, 1, m->compute);
    for (size_t i = 0; i < m->weights.layer_count; i++) {
        const layer_weights *l = &m->weights.layers[i];
        const matrix *all[] = {&l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down};
        kinds |= nn_input_kinds(all, sizeof all / sizeof all[0], m->compute);
    }
    return kinds;
}

static bool make_input(forward *f, unsigned kinds, size_t tokens, nn_input *ret)
{
    const model_config *c = &f->m->config;
    const size_t widest = most(most(c->width, c->ffn), (size_t)c->heads * c->head_dim);
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
    const model_config *c = &f->m->config;
    const engine *e = f->m->engine;
    const size_t scratch = widest_scratch(f->m);
    const size_t widest = most(most(c->width, c->ffn), (size_t)c->heads * c->head_dim);
    f->workers = arena_array(f->memory, (size_t)e->threads, sizeof *f->workers);
    for (int part = 0; f->workers != NULL && part < e->threads; part++) {
        nn_worker *w = &f->workers[part];
        *w = (nn_worker){.k = e->kernels,
                         .how = f->m->compute,
                         .pool = e->pool,
                         .part = part,
                         .parts = e->threads,
                         .shared = &f->shared};
        w->scratch = arena_alloc_aligned(f->memory, scratch, 64);
        w->row = floats(f, 1, leading(widest));
        if (w->scratch == NULL || w->row == NULL || !make_input(f, kinds, NN_OWN_TOKENS, &w->own)) {
            return false;
        }
    }
    return f->workers != NULL;
}

static bool make_frequencies(forward *f)
{
    const rope_config *r = &f->m->config.rope;
    const uint32_t half = r->dims / 2;
    f->frequencies = floats(f, 1, half);
    float *factors = floats(f, 1, half);
    if (f->frequencies == NULL || factors == NULL) {
        return false;
    }
    rope_frequencies(r->theta, r->dims, f->frequencies);
    const float *used = r->kind == ROPE_FACTORS ? f->m->weights.rope_factors : NULL;
    if (r->kind == ROPE_LINEAR) {
        rope_scale_linear(f->frequencies, r->dims, r->factor);
    } else if (r->kind == ROPE_LLAMA3) {
        rope_llama3_factors(f->frequencies, r->dims, r->factor, r->low_factor, r->high_factor, r->original_context,
                            factors);
        used = factors;
    }
    for (uint32_t i = 0; used != NULL && i < half; i++) {
        f->frequencies[i] = f->frequencies[i] / used[i];
    }
    f->rope = (rope_table){.half = half, .frequencies = f->frequencies};
    return true;
}

static bool make_buffers(forward *f)
{
    const model_config *c = &f->m->config;
    const size_t query = (size_t)c->heads * c->head_dim;
    f->ldx = leading(c->width);
    f->ldq = leading(query);
    f->ldkv = leading((size_t)c->kv_heads * c->head_dim);
    f->lda = leading(most(c->ffn, c->width));
    f->x = floats(f, f->chunk, f->ldx);
    f->q = floats(f, f->chunk, f->ldq);
    f->k = floats(f, f->chunk, f->ldkv);
    f->v = floats(f, f->chunk, f->ldkv);
    f->out = floats(f, f->chunk, f->ldq);
    f->a = floats(f, f->chunk, f->lda);
    f->b = floats(f, f->chunk, f->lda);
    f->ids = arena_array(f->memory, f->chunk, sizeof *f->ids);
    f->wanted = arena_array(f->memory, f->chunk, sizeof *f->wanted);
    f->sequences = arena_array(f->memory, f->chunk, sizeof *f->sequences);
    f->next = arena_array(f->memory, c->layers, sizeof *f->next);
    f->logit_rows = f->chunk < FORWARD_LOGIT_ROWS ? f->chunk : FORWARD_LOGIT_ROWS;
    f->logits = mem_alloc_aligned(f->logit_rows * c->vocabulary * sizeof *f->logits, 64);
    return f->x && f->q && f->k && f->v && f->out && f->a && f->b && f->ids && f->wanted && f->sequences && f->next &&
           f->logits;
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
        !make_frequencies(f)) {
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
    mem_free(f->logits);
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

/* ---- a step, as one thread sees it ---- */

/* Moves the wanted rows of x and of attention's output to the front. */
static void gather_wanted(forward *f)
{
    const size_t query = (size_t)f->m->config.heads * f->m->config.head_dim;
    for (size_t i = 0; i < f->rows; i++) {
        const size_t from = f->wanted[i];
        if (from != i) {
            memmove(f->x + i * f->ldx, f->x + from * f->ldx, f->m->config.width * sizeof(float));
            memmove(f->out + i * f->ldq, f->out + from * f->ldq, query * sizeof(float));
        }
    }
}

/* Norm, q, k, v, attention and o of one layer; returns how many rows of x go on. */
static size_t attention_part(forward *f, const nn_worker *w, uint32_t index)
{
    const layer_weights *l = &f->m->weights.layers[index];
    const model_config *c = &f->m->config;
    const bool last = index + 1 == c->layers;
    const matrix *qkv[3] = {&l->q, &l->k, &l->v};
    const matrix *o = &l->o;
    const nn_input *input =
        nn_prepare(w, nn_input_kinds(qkv, 3, w->how), f->x, f->ldx, f->tokens, c->width, l->attention_norm, c->eps);
    nn_linear(w, &l->q, l->q_bias, input, f->tokens, f->q, f->ldq);
    nn_linear(w, &l->k, l->k_bias, input, f->tokens, f->k, f->ldkv);
    nn_linear(w, &l->v, l->v_bias, input, f->tokens, f->v, f->ldkv);
    thread_barrier(w->pool);
    nn_attention_apply(w, &f->attention, index, last, &f->next[index]);
    thread_barrier(w->pool);
    size_t tokens = f->tokens;
    if (last && f->rows < tokens) {
        tokens = f->rows;
        if (w->part == 0) {
            gather_wanted(f);
        }
        thread_barrier(w->pool);
    }
    if (tokens != 0) {
        input = nn_prepare(w, nn_input_kinds(&o, 1, w->how), f->out, f->ldq, tokens, o->cols, NULL, 0);
        nn_linear_add(w, o, l->o_bias, input, tokens, f->b, f->lda, f->x, f->ldx);
        thread_barrier(w->pool);
    }
    return tokens;
}

static void mlp_part(forward *f, const nn_worker *w, uint32_t index, size_t tokens)
{
    const layer_weights *l = &f->m->weights.layers[index];
    const nn_mlp mlp = {.gate = &l->gate,
                        .up = &l->up,
                        .down = &l->down,
                        .gate_bias = l->gate_bias,
                        .up_bias = l->up_bias,
                        .down_bias = l->down_bias,
                        .norm = l->ffn_norm,
                        .eps = f->m->config.eps};
    nn_mlp_apply(w, &mlp, f->x, f->ldx, tokens, f->a, f->lda, f->b, f->lda);
    thread_barrier(w->pool);
}

/* Rows [logits_first, + logits_count) of the wanted ones. */
static void logits_part(forward *f, const nn_worker *w)
{
    const model_config *c = &f->m->config;
    const matrix *output = &f->m->weights.output;
    const nn_input *input = nn_prepare(w, nn_input_kinds(&output, 1, w->how), f->x + f->logits_first * f->ldx, f->ldx,
                                       f->logits_count, c->width, f->m->weights.output_norm, c->eps);
    nn_linear(w, output, NULL, input, f->logits_count, f->logits, c->vocabulary);
}

static void run_step(void *context, int part, int parts)
{
    forward *f = context;
    const nn_worker *w = &f->workers[part];
    const model_config *c = &f->m->config;
    const matrix *embedding = f->m->weights.tied ? &f->m->weights.output : &f->m->weights.embedding;
    (void)parts;
    nn_embed(w, embedding, f->ids, f->tokens, f->x, f->ldx);
    thread_barrier(w->pool);
    for (uint32_t i = 0; i < c->layers; i++) {
        if (part == 0 && f->watch != NULL) {
            f->stopped = !f->watch(f->watch_context, i, c->layers);
        }
        const size_t tokens = attention_part(f, w, i);
        if (f->stopped) {
            return;
        }
        if (tokens != 0) {
            mlp_part(f, w, i, tokens);
        }
    }
    if (f->logits_count != 0) {
        logits_part(f, w);
    }
}

static void run_logits(void *context, int part, int parts)
{
    forward *f = context;
    (void)parts;
    logits_part(f, &f->workers[part]);
}

/* ---- what the caller sees ---- */

static hearth_status check_segment(const forward *f, const forward_segment *s, hearth_error *error)
{
    const uint32_t vocabulary = f->m->config.vocabulary;
    if (s->count == 0 || s->position > s->cache->shape.capacity || s->count > s->cache->shape.capacity - s->position) {
        return error_set(error, HEARTH_E_ARGUMENT, "position", "tokens that fit in the KV cache",
                         "%u tokens at %u of %u", s->count, s->position, s->cache->shape.capacity);
    }
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= vocabulary) {
            return error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%d of %u", s->ids[i],
                             vocabulary);
        }
    }
    return HEARTH_OK;
}

static void add_segment(forward *f, const forward_segment *s)
{
    nn_sequence *sequence = &f->sequences[f->sequence_count++];
    *sequence = (nn_sequence){.shape = s->cache->shape,
                              .storage = s->cache->storage,
                              .layer_bytes = s->cache->keys_bytes + s->cache->values_bytes,
                              .values_bytes = s->cache->keys_bytes,
                              .position = s->position,
                              .count = s->count,
                              .first = f->tokens};
    sequence->wanted = s->want == WANT_ALL ? s->count : s->want == WANT_LAST ? 1 : 0;
    memcpy(f->ids + f->tokens, s->ids, s->count * sizeof *s->ids);
    f->tokens += s->count;
    for (uint32_t i = s->count - sequence->wanted; i < s->count; i++) {
        f->wanted[f->rows++] = sequence->first + i;
    }
}

static hearth_status prepare_step(forward *f, const forward_segment *segments, size_t count, hearth_error *error)
{
    size_t tokens = 0;
    size_t positions = 0;
    for (size_t i = 0; i < count; i++) {
        TRY(check_segment(f, &segments[i], error));
        tokens += segments[i].count;
        positions = most(positions, (size_t)segments[i].position + segments[i].count);
        if (tokens > f->chunk) {
            return error_set(error, HEARTH_E_ARGUMENT, "step", "no more tokens than the workspace has", "%zu of %zu",
                             tokens, f->chunk);
        }
    }
    if (tokens == 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "step", "at least one token", "none");
    }
    TRY(rope_table_extend(&f->rope, positions, error));
    f->tokens = 0;
    f->rows = 0;
    f->sequence_count = 0;
    for (size_t i = 0; i < count; i++) {
        add_segment(f, &segments[i]);
    }
    f->logits_first = 0;
    f->logits_count = f->rows < f->logit_rows ? f->rows : f->logit_rows;
    return HEARTH_OK;
}

hearth_status forward_step(forward *f, const forward_segment *segments, size_t count, hearth_error *error)
{
    const model_config *c = &f->m->config;
    TRY(prepare_step(f, segments, count, error));
    f->attention = (nn_attention){.heads = c->heads,
                                  .kv_heads = c->kv_heads,
                                  .head_dim = c->head_dim,
                                  .scale = (float)(1.0 / __builtin_sqrt((double)c->head_dim)),
                                  .rope = &f->rope,
                                  .sequences = f->sequences,
                                  .sequence_count = f->sequence_count,
                                  .tokens = f->tokens,
                                  .q = f->q,
                                  .k = f->k,
                                  .v = f->v,
                                  .out = f->out,
                                  .ldq = f->ldq,
                                  .ldkv = f->ldkv,
                                  .ldo = f->ldq};
    for (uint32_t i = 0; i < c->layers; i++) {
        atomic_store_explicit(&f->next[i], 0, memory_order_relaxed);
    }
    f->stopped = false;
    engine_run(f->m->engine, run_step, f);
    return f->stopped ? error_set(error, HEARTH_E_CANCELLED, "step", NULL, "the caller's stop") : HEARTH_OK;
}

size_t forward_rows(const forward *f)
{
    return f->rows;
}

hearth_status forward_logits(forward *f, size_t first, size_t count, const float **ret, hearth_error *error)
{
    if (first > f->rows || count > f->rows - first || count == 0 || count > f->logit_rows) {
        return error_set(error, HEARTH_E_ARGUMENT, "logits", "rows of this step, at most 64", "%zu at %zu of %zu",
                         count, first, f->rows);
    }
    if (first < f->logits_first || first + count > f->logits_first + f->logits_count) {
        f->logits_first = first;
        f->logits_count = count;
        engine_run(f->m->engine, run_logits, f);
    }
    *ret = f->logits + (first - f->logits_first) * f->m->config.vocabulary;
    return HEARTH_OK;
}
