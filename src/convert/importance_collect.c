/* A text through a model, with somebody who sees every product's input. */
#include "convert/importance.h"

#include "base/memory.h"
#include "model/forward.h"
#include "nn/worker.h"
#include "tensor/matrix.h"

#include <string.h>

typedef struct collector {
    model *m;
    importance *into;
    const importance_options *o;
    forward *forward;
    kv_cache cache;
    int32_t *ids; /* of a window */
    float *row;   /* [width] */
    size_t window, done, total;
    importance_entry *output; /* NULL: its tensor has no entry */
} collector;

/* Columns are split over the threads and tokens come one after the other, so that sums do not see the threads. */
static void see(void *context, const matrix *m, const float *x, size_t stride, size_t tokens, int part, int parts)
{
    const collector *c = context;
    importance_entry *e = m->name == NULL ? NULL : importance_find(c->into, m->name);
    if (e == NULL || e->cols != m->cols || m->index >= e->count) {
        return;
    }
    double *sums = e->sums + m->index * e->cols;
    const thread_range own = thread_split(m->cols, 16, part, parts);
    for (size_t t = 0; t < tokens; t++) {
        const float *row = x + t * stride;
        for (size_t i = own.begin; i < own.end; i++) {
            sums[i] += (double)row[i] * (double)row[i];
        }
    }
    if (part == 0) {
        e->tokens[m->index] += (double)tokens;
    }
}

/* Logits are not made: what would go into their product is asked for. */
static void see_hidden(collector *c)
{
    importance_entry *e = c->output;
    if (e == NULL) {
        return;
    }
    for (size_t row = 0; row < forward_rows(c->forward); row++) {
        forward_hidden(c->forward, row, c->row);
        for (size_t i = 0; i < e->cols; i++) {
            e->sums[i] += (double)c->row[i] * (double)c->row[i];
        }
    }
    e->tokens[0] += (double)forward_rows(c->forward);
}

static bool go_on(const collector *c, size_t done)
{
    return c->o->progress == NULL ||
           c->o->progress(c->o->progress_context, "collecting importance", done, c->total, "tokens");
}

static bool watch(void *context, uint32_t done, uint32_t layers)
{
    const collector *c = context;
    return go_on(c, c->done + c->window * done / layers);
}

static hearth_status run_windows(collector *c, const int32_t *ids, hearth_error *error)
{
    for (c->done = 0; c->done < c->total; c->done += c->window) {
        memcpy(c->ids, ids + c->done, c->window * sizeof *c->ids);
        if (c->o->first >= 0) {
            c->ids[0] = c->o->first;
        }
        for (size_t at = 0; at < c->window;) {
            const size_t chunk = forward_chunk(c->forward);
            const size_t count = c->window - at < chunk ? c->window - at : chunk;
            const forward_segment segment = {.cache = &c->cache,
                                             .position = (uint32_t)at,
                                             .count = (uint32_t)count,
                                             .ids = c->ids + at,
                                             .want = WANT_ALL};
            TRY(forward_step(c->forward, &segment, 1, error));
            see_hidden(c);
            at += count;
        }
        c->into->windows++;
    }
    return go_on(c, c->total) ? HEARTH_OK
                              : error_set(error, HEARTH_E_CANCELLED, "collecting", NULL, "the caller's stop");
}

/* An entry for each tensor that has matrices. */
static hearth_status make_entries(collector *c, hearth_error *error)
{
    const tensor_table *table = c->m->tensors;
    for (size_t i = 0; i < table->count; i++) {
        const tensor_entry *e = &table->entries[i];
        if (e->dims == 2 || e->dims == 3) {
            const size_t matrices = e->dims == 3 ? (size_t)e->shape[0] : 1;
            TRY(importance_add(c->into, e->name, strlen(e->name), matrices, (size_t)e->shape[e->dims - 1], error));
        }
    }
    importance_sort(c->into);
    c->output = importance_find(c->into, c->m->weights.tied ? "token_embd.weight" : "output.weight");
    if (c->output != NULL && c->output->cols != c->m->config.width) {
        c->output = NULL;
    }
    return HEARTH_OK;
}

static hearth_status collect(collector *c, const int32_t *ids, size_t count, hearth_error *error)
{
    const size_t context = c->m->config.context;
    const nn_observer observer = {see, c};
    if (c->m->compute != COMPUTE_F32 || c->m->gguf == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "model", "a GGUF file, computed in f32", "another one");
    }
    c->window = c->o->window != 0 ? c->o->window : IMPORTANCE_WINDOW;
    c->window = c->window < context ? c->window : context;
    if (count < c->window) {
        c->window = count;
    }
    if (c->window < 2) {
        return error_set(error, HEARTH_E_ARGUMENT, "importance", "a text of at least two tokens", "%zu", count);
    }
    c->total = count / c->window * c->window;
    c->into->window = (uint32_t)c->window;
    TRY(make_entries(c, error));
    TRY(kv_cache_create(&c->m->config, CACHE_F32, c->window, &c->cache, error));
    TRY(forward_create(c->m, 0, &c->forward, error));
    forward_without_logits(c->forward);
    forward_watch(c->forward, watch, c);
    forward_observe(c->forward, &observer);
    c->ids = mem_calloc(c->window, sizeof *c->ids);
    c->row = mem_alloc_aligned(c->m->config.width * sizeof *c->row, 64);
    if (c->ids == NULL || c->row == NULL) {
        return error_memory(error, c->window * sizeof *c->ids);
    }
    return run_windows(c, ids, error);
}

hearth_status importance_collect(model *m, const int32_t *ids, size_t count, const importance_options *options,
                                 importance **ret, hearth_error *error)
{
    collector c = {.m = m, .o = options, .into = mem_calloc(1, sizeof(importance))};
    if (c.into == NULL) {
        return error_memory(error, sizeof(importance));
    }
    const hearth_status status = collect(&c, ids, count, error);
    mem_free(c.ids);
    mem_free(c.row);
    forward_free(c.forward);
    kv_cache_free(&c.cache);
    if (status != HEARTH_OK) {
        importance_free(c.into);
        return status;
    }
    *ret = c.into;
    return HEARTH_OK;
}
