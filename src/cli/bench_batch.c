/* N sequences, each with a cache of its own, one segment each in every step: what a server does with N requests. */
#include "cli/bench_batch.h"

#include "base/memory.h"
#include "platform/cpu.h"

struct bench_batch {
    model *m;
    forward *f;
    size_t sequences; /* that there is room for, and of which so many caches were made */
    kv_cache *caches;
    forward_segment *segments;
    int32_t *next; /* [sequences]: the tokens that come next */
    int32_t *ids;  /* [sequences, depth] */
};

void bench_batch_free(bench_batch *b)
{
    if (b == NULL) {
        return;
    }
    for (size_t i = 0; i < b->sequences; i++) {
        kv_cache_free(&b->caches[i]);
    }
    forward_free(b->f);
    mem_free(b->caches);
    mem_free(b->segments);
    mem_free(b->next);
    mem_free(b->ids);
    mem_free(b);
}

static hearth_status fill_batch(bench_batch *b, cache_type type, size_t sequences, size_t positions,
                                hearth_error *error)
{
    b->caches = mem_calloc(sequences, sizeof *b->caches);
    b->segments = mem_calloc(sequences, sizeof *b->segments);
    b->next = mem_calloc(sequences, sizeof *b->next);
    b->ids = mem_calloc(sequences * positions, sizeof *b->ids);
    if (b->caches == NULL || b->segments == NULL || b->next == NULL || b->ids == NULL) {
        return error_memory(error, sequences * positions * sizeof *b->ids);
    }
    for (; b->sequences < sequences; b->sequences++) {
        TRY(kv_cache_create(&b->m->config, type, positions, &b->caches[b->sequences], error));
    }
    return forward_create(b->m, 0, &b->f, error);
}

hearth_status bench_batch_create(model *m, cache_type type, size_t sequences, size_t positions, bench_batch **ret,
                                 hearth_error *error)
{
    bench_batch *b = mem_calloc(1, sizeof *b);
    if (b == NULL) {
        return error_memory(error, sizeof *b);
    }
    b->m = m;
    const hearth_status status = fill_batch(b, type, sequences, positions, error);
    if (status != HEARTH_OK) {
        bench_batch_free(b);
        return status;
    }
    *ret = b;
    return HEARTH_OK;
}

/* One step of `count` tokens of each sequence, and the greedy choice behind each. */
static hearth_status step(bench_batch *b, size_t sequences, size_t position, size_t count, const int32_t *ids,
                          size_t stride, hearth_error *error)
{
    for (size_t i = 0; i < sequences; i++) {
        b->segments[i] = (forward_segment){.cache = &b->caches[i],
                                           .position = (uint32_t)position,
                                           .count = (uint32_t)count,
                                           .ids = ids + i * stride,
                                           .want = WANT_LAST};
    }
    TRY(forward_step(b->f, b->segments, sequences, error));
    const float *logits = NULL;
    TRY(forward_logits(b->f, 0, sequences, &logits, error));
    const size_t vocabulary = b->m->config.vocabulary;
    for (size_t i = 0; i < sequences; i++) {
        b->next[i] = (int32_t)b->m->engine->kernels->argmax(logits + i * vocabulary, vocabulary);
    }
    return HEARTH_OK;
}

static hearth_status go_on_or_stop(bench_batch_fn go_on, void *context, uint64_t done, uint64_t total,
                                   hearth_error *error)
{
    return go_on(context, done, total) ? HEARTH_OK : error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "interrupted");
}

hearth_status bench_batch_measure(bench_batch *b, size_t sequences, const int32_t *ids, size_t depth, size_t tokens,
                                  bench_batch_fn go_on, void *context, double *ret_seconds, hearth_error *error)
{
    const int32_t vocabulary = (int32_t)b->m->config.vocabulary;
    for (size_t i = 0; i < sequences; i++) {
        for (size_t t = 0; t < depth; t++) {
            b->ids[i * depth + t] = (int32_t)(((int64_t)ids[t] + (int64_t)i) % vocabulary);
        }
    }
    const size_t each = forward_chunk(b->f) / sequences;
    for (size_t position = 0; position < depth; position += each) {
        const size_t count = depth - position < each ? depth - position : each;
        TRY(step(b, sequences, position, count, b->ids + position, depth, error));
        TRY(go_on_or_stop(go_on, context, 0, tokens, error));
    }
    const double began = time_seconds();
    for (size_t t = 0; t < tokens; t++) {
        TRY(step(b, sequences, depth + t, 1, b->next, 1, error));
        TRY(go_on_or_stop(go_on, context, t + 1, tokens, error));
    }
    *ret_seconds = time_seconds() - began;
    return HEARTH_OK;
}
