/* Two models side by side over the same windows. */
#include "generate/divergence.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <math.h>
#include <string.h>

#define ROWS FORWARD_LOGIT_ROWS

typedef struct side {
    model *m;
    forward *forward;
    kv_cache cache;
    float *log_p; /* [ROWS][vocabulary] */
    double nats;  /* of the tokens that follow */
} side;

typedef struct meter {
    side sides[2]; /* the reference first */
    const divergence_options *o;
    divergence_result *r;
    int32_t *ids; /* of a window */
    float *room;  /* [vocabulary] */
    size_t vocabulary, count, done, step;
    size_t same;
    double sum, squares;
} meter;

static bool go_on(const meter *m, size_t done)
{
    return m->o->progress == NULL || m->o->progress(m->o->progress_context, "comparing", done, 2 * m->count, "tokens");
}

static bool watch(void *context, uint32_t done, uint32_t layers)
{
    const meter *m = context;
    return go_on(m, m->done + m->step * done / layers);
}

/* logit - largest - log(sum exp(logit - largest)), of each token. */
static void log_softmax(const meter *m, const kernel_table *k, const float *logits, float *ret)
{
    const float largest = k->max(logits, m->vocabulary);
    float sum = k->exp_sum(logits, largest, m->vocabulary, m->room);
    k->log(&sum, 1, &sum);
    for (size_t i = 0; i < m->vocabulary; i++) {
        ret[i] = logits[i] - largest - sum;
    }
}

/* The window's tokens up to its last but one; `rows` wanted ones at the end. */
static hearth_status step_side(meter *m, side *s, hearth_error *error)
{
    const size_t tokens = m->r->window - 1;
    const forward_segment segment = {
        .cache = &s->cache, .position = 0, .count = (uint32_t)tokens, .ids = m->ids, .want = WANT_ALL};
    m->step = m->r->window;
    TRY(forward_step(s->forward, &segment, 1, error));
    m->done += m->step;
    return HEARTH_OK;
}

static void compare_row(meter *m, const float *p, const float *q, int32_t follows)
{
    const kernel_table *k = m->sides[0].m->engine->kernels;
    double sum = 0;
    k->exp(p, m->vocabulary, m->room);
    for (size_t i = 0; i < m->vocabulary; i++) {
        const double much = (double)m->room[i];
        sum += much > 0 ? much * ((double)p[i] - (double)q[i]) : 0;
    }
    m->sum += sum;
    m->squares += sum * sum;
    m->r->largest = sum > m->r->largest ? sum : m->r->largest;
    m->same += k->argmax(p, m->vocabulary) == k->argmax(q, m->vocabulary);
    m->sides[0].nats -= (double)p[follows];
    m->sides[1].nats -= (double)q[follows];
    m->r->compared++;
}

static hearth_status compare_window(meter *m, hearth_error *error)
{
    const size_t last = m->r->window - 1;
    for (int i = 0; i < 2; i++) {
        TRY(step_side(m, &m->sides[i], error));
    }
    for (size_t row = m->r->window / 2; row < last; row += ROWS) {
        const size_t rows = last - row < ROWS ? last - row : ROWS;
        for (int i = 0; i < 2; i++) {
            side *s = &m->sides[i];
            const float *logits = NULL;
            TRY(forward_logits(s->forward, row, rows, &logits, error));
            for (size_t r = 0; r < rows; r++) {
                log_softmax(m, s->m->engine->kernels, logits + r * m->vocabulary, s->log_p + r * m->vocabulary);
            }
        }
        for (size_t r = 0; r < rows; r++) {
            compare_row(m, m->sides[0].log_p + r * m->vocabulary, m->sides[1].log_p + r * m->vocabulary,
                        m->ids[row + r + 1]);
        }
    }
    return HEARTH_OK;
}

static hearth_status compare_all(meter *m, const int32_t *ids, hearth_error *error)
{
    divergence_result *r = m->r;
    for (size_t at = 0; at + r->window <= m->count; at += r->window) {
        memcpy(m->ids, ids + at, r->window * sizeof *m->ids);
        if (m->o->first >= 0) {
            m->ids[0] = m->o->first;
        }
        TRY(compare_window(m, error));
        r->windows++;
        if (!go_on(m, m->done)) {
            return error_set(error, HEARTH_E_CANCELLED, "comparing", NULL, "the caller's stop");
        }
    }
    const double n = (double)r->compared;
    r->mean = m->sum / n;
    const double variance = m->squares / n - r->mean * r->mean;
    r->error = variance > 0 ? sqrt(variance / n) : 0;
    r->same_top = (double)m->same / n;
    r->reference_perplexity = math64_exp(m->sides[0].nats / n);
    r->perplexity = math64_exp(m->sides[1].nats / n);
    return HEARTH_OK;
}

static hearth_status prepare_side(meter *m, side *s, hearth_error *error)
{
    TRY(model_needs_head(s->m, error));
    if (s->m->config.vocabulary != m->vocabulary) {
        return error_set(error, HEARTH_E_ARGUMENT, "vocabulary", "the same in both models", "%u and %zu",
                         s->m->config.vocabulary, m->vocabulary);
    }
    TRY(kv_cache_create(&s->m->config, s->m->compute == COMPUTE_F32 ? CACHE_F32 : CACHE_F16, m->r->window, &s->cache,
                        error));
    TRY(forward_create(s->m, m->r->window, &s->forward, error));
    forward_watch(s->forward, watch, m);
    s->log_p = mem_alloc_aligned(ROWS * m->vocabulary * sizeof *s->log_p, 64);
    return s->log_p == NULL ? error_memory(error, ROWS * m->vocabulary * sizeof *s->log_p) : HEARTH_OK;
}

static hearth_status prepare(meter *m, hearth_error *error)
{
    size_t window = m->o->window != 0 ? m->o->window : DIVERGENCE_WINDOW;
    for (int i = 0; i < 2; i++) {
        const size_t context = m->sides[i].m->config.context;
        window = window < context ? window : context;
    }
    window = window < m->count ? window : m->count;
    if (window < 4) {
        return error_set(error, HEARTH_E_ARGUMENT, "text", "at least four tokens", "%zu", m->count);
    }
    m->r->window = window;
    m->vocabulary = m->sides[0].m->config.vocabulary;
    for (int i = 0; i < 2; i++) {
        TRY(prepare_side(m, &m->sides[i], error));
    }
    m->count = m->count / window * window;
    m->ids = mem_calloc(window, sizeof *m->ids);
    m->room = mem_alloc_aligned(m->vocabulary * sizeof *m->room, 64);
    return m->ids == NULL || m->room == NULL ? error_memory(error, m->vocabulary * sizeof *m->room) : HEARTH_OK;
}

hearth_status divergence_measure(model *reference, model *m, const int32_t *ids, size_t count,
                                 const divergence_options *options, divergence_result *ret, hearth_error *error)
{
    divergence_result result = {0};
    meter all = {.sides = {{.m = reference}, {.m = m}}, .o = options, .r = &result, .count = count};
    const double began = time_seconds();
    hearth_status status = prepare(&all, error);
    if (status == HEARTH_OK) {
        status = compare_all(&all, ids, error);
    }
    result.seconds = time_seconds() - began;
    for (int i = 0; i < 2; i++) {
        mem_free(all.sides[i].log_p);
        forward_free(all.sides[i].forward);
        kv_cache_free(&all.sides[i].cache);
    }
    mem_free(all.ids);
    mem_free(all.room);
    if (status == HEARTH_OK) {
        *ret = result;
    }
    return status;
}
