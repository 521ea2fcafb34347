/* Tokens of many texts through the forward pass, a step at a time; rows to sums, sums to vectors. */
#include "generate/embed.h"

#include "base/memory.h"
#include "model/forward.h"

#include <stdio.h>
#include <string.h>

struct embedder {
    model *m;
    embedding_config config;
    size_t dimensions;
    size_t batch;
    forward *forward; /* made when the first texts come; an encoder's grows with the longest */
};

/* A text under way. */
typedef struct embed_job {
    token_list list;
    size_t skipped; /* leading tokens that the mean leaves out */
    size_t done;    /* tokens computed */
    kv_cache cache;
} embed_job;

typedef struct embed_run {
    embedder *e;
    const char *prompt;
    const embed_text *texts;
    embed_job *jobs; /* [count] */
    size_t count;
    size_t finished; /* jobs before this one */
    forward_segment *segments;
    size_t *segment_jobs;
    size_t segment_count;
    float *row;  /* [width] */
    float *sums; /* [count, width] */
    size_t width;
    embed_counts counts;
    progress_fn progress;
    void *context;
} embed_run;

embed_options embed_options_default(void)
{
    return (embed_options){.pooling = -1, .normalize = -1};
}

/* ---- the embedder ---- */

static hearth_status apply_options(embedder *e, const embed_options *o, hearth_error *error)
{
    const size_t width = e->m->config.width;
    if (o->pooling >= (int)POOLING_KINDS || o->normalize > 1) {
        return error_set(error, HEARTH_E_ARGUMENT, "embedding options", "a known pooling, and 0 or 1", "%d and %d",
                         o->pooling, o->normalize);
    }
    if (o->dimensions > width) {
        return error_set(error, HEARTH_E_ARGUMENT, "dimensions", "at most the model's width", "%zu of %zu",
                         o->dimensions, width);
    }
    if (o->most_tokens > e->m->config.context) {
        return error_set(error, HEARTH_E_ARGUMENT, "tokens of a text", "at most the model's context", "%zu of %u",
                         o->most_tokens, e->m->config.context);
    }
    e->config.pooling = o->pooling < 0 ? e->config.pooling : (pooling_kind)o->pooling;
    e->config.normalize = o->normalize < 0 ? e->config.normalize : o->normalize == 1;
    e->config.most_tokens = o->most_tokens == 0 ? e->config.most_tokens : o->most_tokens;
    e->dimensions = o->dimensions == 0 ? width : o->dimensions;
    e->batch = o->batch == 0 ? FORWARD_CHUNK : o->batch;
    return HEARTH_OK;
}

hearth_status embedder_create(model *m, const embed_options *options, embedder **ret, hearth_error *error)
{
    const embed_options plain = embed_options_default();
    if (m->tokenizer == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "tokenizer", "a model with a vocabulary", "none in its files");
    }
    if (tokenizer_vocabulary_size(m->tokenizer) > m->config.vocabulary) {
        return error_set(error, HEARTH_E_FORMAT, "tokenizer", "a vocabulary as large as the model's",
                         "%zu of %u tokens", tokenizer_vocabulary_size(m->tokenizer), m->config.vocabulary);
    }
    embedder *e = mem_calloc(1, sizeof *e);
    if (e == NULL) {
        return error_memory(error, sizeof *e);
    }
    e->m = m;
    hearth_status status = embedding_config_read(m, &e->config, error);
    status = status != HEARTH_OK ? status : apply_options(e, options == NULL ? &plain : options, error);
    if (status != HEARTH_OK) {
        embedder_free(e);
        return status;
    }
    *ret = e;
    return HEARTH_OK;
}

void embedder_free(embedder *e)
{
    if (e != NULL) {
        embedding_config_free(&e->config);
        forward_free(e->forward);
        mem_free(e);
    }
}

size_t embedder_dimensions(const embedder *e)
{
    return e->dimensions;
}

const embedding_config *embedder_config(const embedder *e)
{
    return &e->config;
}

/* ---- texts to tokens ---- */

/* Cuts a text's own tokens off at its end, so that what stands behind it stays. */
static bool cut(const embedder *e, token_list *list)
{
    const size_t most = e->config.most_tokens;
    const size_t after = tokenizer_after_count(e->m->tokenizer);
    if (list->count <= most) {
        return false;
    }
    const size_t kept = most > after ? most - after : 0;
    const size_t behind = most - kept;
    memmove(list->ids + kept, list->ids + list->count - behind, behind * sizeof *list->ids);
    list->count = most;
    return true;
}

/* Control tokens in a text are what they say, as in sentence-transformers. */
static hearth_status tokens_of(const embedder *e, const char *text, size_t length, token_list *out, hearth_error *error)
{
    return tokenizer_encode(e->m->tokenizer, text, length, ENCODE_ADD_BOS | ENCODE_PARSE_SPECIAL, out, error);
}

/* The tokens of the prompt by itself, without what stands behind a text. */
static hearth_status count_prompt(const embed_run *r, size_t *ret, hearth_error *error)
{
    token_list list = {0};
    *ret = 0;
    if (!r->e->config.prompt_left_out || r->prompt == NULL || r->prompt[0] == '\0') {
        return HEARTH_OK;
    }
    const hearth_status status = tokens_of(r->e, r->prompt, strlen(r->prompt), &list, error);
    const size_t after = tokenizer_after_count(r->e->m->tokenizer);
    *ret = list.count > after ? list.count - after : 0;
    token_list_free(&list);
    return status;
}

static hearth_status tokenize_one(embed_run *r, size_t index, size_t skipped, buffer *joined, hearth_error *error)
{
    embed_job *job = &r->jobs[index];
    buffer_clear(joined);
    if (r->prompt != NULL) {
        TRY(buffer_append_text(joined, r->prompt, error));
    }
    TRY(buffer_append(joined, r->texts[index].text, r->texts[index].length, error));
    TRY(tokens_of(r->e, buffer_text(joined), joined->length, &job->list, error));
    r->counts.cut += cut(r->e, &job->list) ? 1 : 0;
    r->counts.tokens += job->list.count;
    job->skipped = skipped < job->list.count ? skipped : 0;
    if (job->list.count == 0) {
        char place[48];
        snprintf(place, sizeof place, "text %zu", index + 1);
        return error_set(error, HEARTH_E_ARGUMENT, place, "at least one token", "none");
    }
    return HEARTH_OK;
}

static hearth_status tokenize_all(embed_run *r, size_t *ret_longest, hearth_error *error)
{
    buffer joined;
    size_t skipped = 0;
    *ret_longest = 0;
    TRY(count_prompt(r, &skipped, error));
    buffer_init(&joined, 0);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < r->count && status == HEARTH_OK; i++) {
        status = tokenize_one(r, i, skipped, &joined, error);
        *ret_longest = r->jobs[i].list.count > *ret_longest ? r->jobs[i].list.count : *ret_longest;
    }
    buffer_free(&joined);
    return status;
}

/* ---- steps ---- */

static hearth_status make_forward(embedder *e, size_t longest, hearth_error *error)
{
    const size_t needed = e->m->config.form.bidirectional && longest > e->batch ? longest : e->batch;
    if (e->forward != NULL && forward_chunk(e->forward) >= needed) {
        return HEARTH_OK;
    }
    forward_free(e->forward);
    e->forward = NULL;
    TRY(forward_create(e->m, needed, &e->forward, error));
    forward_without_logits(e->forward);
    return HEARTH_OK;
}

/* Takes tokens of the next jobs, as many as a step has room for; an encoder's text goes whole. */
static hearth_status fill_step(embed_run *r, hearth_error *error)
{
    size_t room = forward_chunk(r->e->forward);
    r->segment_count = 0;
    for (size_t i = r->finished; i < r->count && room > 0; i++) {
        embed_job *job = &r->jobs[i];
        const size_t left = job->list.count - job->done;
        const size_t taken = left < room ? left : room;
        if (taken < left && r->e->m->config.form.bidirectional) {
            return HEARTH_OK;
        }
        if (job->cache.storage == NULL) {
            TRY(kv_cache_create(&r->e->m->config, CACHE_F32, job->list.count, &job->cache, error));
        }
        const bool last_alone = r->e->config.pooling == POOLING_LAST;
        r->segment_jobs[r->segment_count] = i;
        r->segments[r->segment_count++] = (forward_segment){.cache = &job->cache,
                                                            .position = (uint32_t)job->done,
                                                            .count = (uint32_t)taken,
                                                            .ids = job->list.ids + job->done,
                                                            .want = !last_alone     ? WANT_ALL
                                                                    : taken == left ? WANT_LAST
                                                                                    : WANT_NONE};
        room -= taken;
    }
    return HEARTH_OK;
}

/* Adds the rows of one segment, which begin at `row`, to its job's sum; returns how many there are. */
static size_t pool_segment(embed_run *r, const forward_segment *segment, size_t index, size_t row)
{
    const embedder *e = r->e;
    const kernel_table *k = e->m->engine->kernels;
    embed_job *job = &r->jobs[index];
    float *sum = r->sums + index * r->width;
    const size_t rows = segment->want == WANT_ALL ? segment->count : segment->want == WANT_LAST ? 1 : 0;
    for (size_t i = 0; i < rows; i++) {
        const size_t position = job->done + i;
        if (e->config.pooling == POOLING_LAST || (e->config.pooling == POOLING_CLS && position == 0)) {
            forward_hidden(e->forward, row + i, sum);
        } else if (e->config.pooling == POOLING_MEAN && position >= job->skipped) {
            forward_hidden(e->forward, row + i, r->row);
            k->add(sum, r->row, r->width, sum);
        }
    }
    job->done += segment->count;
    return rows;
}

static bool tell(const embed_run *r)
{
    return r->progress == NULL || r->progress(r->context, "embedding", r->finished, r->count, "texts");
}

static bool watch_step(void *context, uint32_t done, uint32_t layers)
{
    (void)done;
    (void)layers;
    return tell(context);
}

static hearth_status run_step(embed_run *r, hearth_error *error)
{
    size_t row = 0;
    TRY(fill_step(r, error));
    forward_watch(r->e->forward, watch_step, r);
    engine_begin_aside(r->e->m->engine);
    const hearth_status status = forward_step(r->e->forward, r->segments, r->segment_count, error);
    engine_end_aside(r->e->m->engine);
    forward_watch(r->e->forward, NULL, NULL);
    TRY(status);
    for (size_t i = 0; i < r->segment_count; i++) {
        row += pool_segment(r, &r->segments[i], r->segment_jobs[i], row);
    }
    while (r->finished < r->count && r->jobs[r->finished].done == r->jobs[r->finished].list.count) {
        kv_cache_free(&r->jobs[r->finished++].cache);
    }
    if (!tell(r)) {
        return error_set(error, HEARTH_E_CANCELLED, "embedding", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

/* ---- sums to vectors ---- */

/* Leaves a vector of zeros as it is. `room`: [n]. */
static void scale_to_one(const kernel_table *k, float *x, size_t n, float *room)
{
    k->mul(x, x, n, room);
    const float length = __builtin_sqrtf(k->sum(room, n));
    if (length > 0.0f) {
        k->scale(x, 1.0f / length, n, x);
    }
}

static void finish_vector(embed_run *r, size_t index, float *out)
{
    const embedder *e = r->e;
    const kernel_table *k = e->m->engine->kernels;
    const embed_job *job = &r->jobs[index];
    float *sum = r->sums + index * r->width;
    if (e->config.pooling == POOLING_MEAN) {
        k->scale(sum, 1.0f / (float)(job->list.count - job->skipped), r->width, sum);
    }
    if (e->config.normalize) {
        scale_to_one(k, sum, e->dimensions, r->row);
    }
    memcpy(out, sum, e->dimensions * sizeof *out);
}

/* ---- all of it ---- */

static hearth_status make_run(embed_run *r, hearth_error *error)
{
    size_t longest = 0;
    size_t sums = 0;
    r->jobs = mem_calloc(r->count, sizeof *r->jobs);
    if (r->jobs == NULL) {
        return error_memory(error, r->count * sizeof *r->jobs);
    }
    TRY(tokenize_all(r, &longest, error));
    TRY(make_forward(r->e, longest, error));
    const size_t chunk = forward_chunk(r->e->forward);
    r->segments = mem_calloc(chunk, sizeof *r->segments);
    r->segment_jobs = mem_calloc(chunk, sizeof *r->segment_jobs);
    r->row = mem_alloc_aligned((r->width + 16) * sizeof *r->row, 64);
    if (size_mul(r->count, r->width * sizeof *r->sums, &sums)) {
        r->sums = mem_calloc(sums, 1);
    }
    return r->segments == NULL || r->segment_jobs == NULL || r->row == NULL || r->sums == NULL
               ? error_memory(error, sums)
               : HEARTH_OK;
}

static void free_run(embed_run *r)
{
    for (size_t i = 0; r->jobs != NULL && i < r->count; i++) {
        token_list_free(&r->jobs[i].list);
        kv_cache_free(&r->jobs[i].cache);
    }
    mem_free(r->jobs);
    mem_free(r->segments);
    mem_free(r->segment_jobs);
    mem_free(r->row);
    mem_free(r->sums);
}

hearth_status embedder_run(embedder *e, const char *prompt, const embed_text *texts, size_t count, float *out,
                           embed_counts *ret_counts, progress_fn progress, void *context, hearth_error *error)
{
    embed_run r = {.e = e,
                   .prompt = prompt,
                   .texts = texts,
                   .count = count,
                   .width = e->m->config.width,
                   .progress = progress,
                   .context = context};
    hearth_status status = count == 0 ? HEARTH_OK : make_run(&r, error);
    while (status == HEARTH_OK && r.finished < count) {
        status = run_step(&r, error);
    }
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        finish_vector(&r, i, out + i * e->dimensions);
    }
    if (ret_counts != NULL) {
        *ret_counts = r.counts;
    }
    free_run(&r);
    return status;
}

hearth_status embed_similarity(const kernel_table *k, const float *vectors, size_t count, size_t n, float *ret,
                               hearth_error *error)
{
    size_t bytes = 0;
    float *room =
        size_add(count, 2, &bytes) && size_mul(bytes, n * sizeof *room, &bytes) ? mem_alloc_aligned(bytes, 64) : NULL;
    if (room == NULL) {
        return error_memory(error, bytes);
    }
    float *normed = room + n;
    for (size_t i = 0; i < count; i++) {
        memcpy(normed + i * n, vectors + i * n, n * sizeof *normed);
        scale_to_one(k, normed + i * n, n, room);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j <= i; j++) {
            k->mul(normed + i * n, normed + j * n, n, room);
            ret[i * count + j] = k->sum(room, n);
            ret[j * count + i] = ret[i * count + j];
        }
    }
    mem_free(room);
    return HEARTH_OK;
}
