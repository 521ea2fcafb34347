/* Scoring in windows. A window's first tokens are context alone; the rest are scored. */
#include "generate/score.h"

#include "base/hash.h"
#include "base/memory.h"
#include "platform/cpu.h"

typedef struct scorer {
    model *m;
    forward *forward;
    kv_cache cache;
    float *row; /* [vocabulary] */
    const int32_t *ids;
    size_t count;
    const score_options *options;
    score_result *r;
    size_t done, step; /* tokens of the text: behind us, under way */
} scorer;

static bool go_on(const scorer *s, size_t done)
{
    const score_options *o = s->options;
    return o->progress == NULL || o->progress(o->progress_context, "scoring", done, s->count, "tokens");
}

/* Within a step: as if each layer computed its share of the tokens. */
static bool watch(void *context, uint32_t done, uint32_t layers)
{
    const scorer *s = context;
    return go_on(s, s->done + s->step * done / layers);
}

/* log softmax(logits)[target]: logit - largest - log(sum exp(logit - largest)). */
static float log_probability(const scorer *s, const float *logits, int32_t target)
{
    const kernel_table *k = s->m->engine->kernels;
    const size_t n = s->m->config.vocabulary;
    const float largest = k->max(logits, n);
    float sum = k->exp_sum(logits, largest, n, s->row);
    k->log(&sum, 1, &sum);
    return logits[target] - largest - sum;
}

/* Tokens [begin, end) of the text as one step at `position`; those from `scored` on are targets. */
static hearth_status score_chunk(scorer *s, size_t window, size_t begin, size_t end, size_t scored, hearth_error *error)
{
    const bool any = end >= scored && end > begin; /* the row of token t predicts t + 1 */
    const forward_segment segment = {.cache = &s->cache,
                                     .position = (uint32_t)(begin - window),
                                     .count = (uint32_t)(end - begin),
                                     .ids = s->ids + begin,
                                     .want = any ? WANT_ALL : WANT_NONE};
    TRY(forward_step(s->forward, &segment, 1, error));
    const size_t rows = any ? end - begin : 0;
    const size_t first = begin + 1 < scored ? scored - 1 - begin : 0;
    for (size_t row = first; row < rows;) {
        const size_t group = rows - row < FORWARD_LOGIT_ROWS ? rows - row : FORWARD_LOGIT_ROWS;
        const float *logits = NULL;
        const size_t at_once = group < forward_chunk(s->forward) ? group : forward_chunk(s->forward);
        TRY(forward_logits(s->forward, row, at_once, &logits, error));
        for (size_t i = 0; i < at_once; i++, row++) {
            const size_t target = begin + row + 1;
            if (target < s->count) {
                const float *of = logits + i * s->m->config.vocabulary;
                s->r->log_probabilities[target] = log_probability(s, of, s->ids[target]);
                if (s->options->row != NULL) {
                    s->options->row(s->options->row_context, target, of);
                }
            }
        }
    }
    return HEARTH_OK;
}

/* The window [window, end): targets from `scored` to `end` (the last row's target is the next window's). */
static hearth_status score_window(scorer *s, size_t window, size_t end, size_t scored, hearth_error *error)
{
    const size_t chunk = forward_chunk(s->forward);
    /* The last token of a window predicts nothing here, so it is not computed. */
    for (size_t begin = window; begin + 1 < end; begin += chunk) {
        const size_t stop = end - 1 - begin < chunk ? end - 1 : begin + chunk;
        /* What an earlier window computed is behind us already. */
        s->step = stop + 1 > s->done ? stop + 1 - s->done : 0;
        engine_begin_aside(s->m->engine);
        const hearth_status status = score_chunk(s, window, begin, stop, scored, error);
        engine_end_aside(s->m->engine);
        TRY(status);
        s->done += s->step;
        if (!go_on(s, s->done)) {
            return error_set(error, HEARTH_E_CANCELLED, "scoring", NULL, "the caller's stop");
        }
    }
    return HEARTH_OK;
}

static hearth_status score_all(scorer *s, hearth_error *error)
{
    const size_t window = s->r->window;
    const size_t stride = s->r->stride;
    size_t begin = 0;
    size_t scored = 1;
    for (;;) {
        const size_t end = s->count - begin < window ? s->count : begin + window;
        TRY(score_window(s, begin, end, scored, error));
        if (end == s->count) {
            return HEARTH_OK;
        }
        scored = end;
        begin += stride;
    }
}

static hearth_status choose_windows(scorer *s, hearth_error *error)
{
    const size_t context = s->m->config.context;
    size_t window = s->options->window;
    if (window == 0) {
        const size_t plain = model_config_plain_context(&s->m->config);
        window = plain < SCORE_WINDOW ? plain : SCORE_WINDOW;
    }
    if (window < 2 || window > context) {
        return error_set(error, HEARTH_E_ARGUMENT, "window", "2 to the model's context", "%zu of %zu", window, context);
    }
    s->r->window = window;
    s->r->stride = s->options->stride == 0 ? (window / 2 < 1 ? 1 : window / 2) : s->options->stride;
    if (s->r->stride >= window) {
        return error_set(error, HEARTH_E_ARGUMENT, "stride", "less than the window", "%zu of %zu", s->r->stride,
                         window);
    }
    return HEARTH_OK;
}

static hearth_status prepare(scorer *s, hearth_error *error)
{
    TRY(model_needs_head(s->m, error));
    if (s->count < 2) {
        return error_set(error, HEARTH_E_ARGUMENT, "score", "at least two tokens", "%zu", s->count);
    }
    for (size_t i = 0; i < s->count; i++) {
        if (s->ids[i] < 0 || (uint32_t)s->ids[i] >= s->m->config.vocabulary) {
            return error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%d of %u", s->ids[i],
                             s->m->config.vocabulary);
        }
    }
    TRY(choose_windows(s, error));
    const cache_type type = kv_cache_choose(s->m->compute, s->options->cache);
    TRY(kv_cache_create(&s->m->config, type, s->r->window, &s->cache, error));
    TRY(forward_create(s->m, s->options->chunk, &s->forward, error));
    forward_watch(s->forward, watch, s);
    s->row = mem_alloc_aligned((size_t)s->m->config.vocabulary * sizeof *s->row, 64);
    s->r->log_probabilities = mem_calloc(s->count, sizeof *s->r->log_probabilities);
    if (s->row == NULL || s->r->log_probabilities == NULL) {
        return error_memory(error, s->count * sizeof *s->row);
    }
    s->r->count = s->count;
    return HEARTH_OK;
}

static hearth_status sum_up(scorer *s, size_t bytes, hearth_error *error)
{
    score_result *r = s->r;
    r->scored = s->count - 1;
    for (size_t i = 1; i < s->count; i++) {
        r->sum += (double)r->log_probabilities[i];
    }
    r->perplexity = math64_exp(-r->sum / (double)r->scored);
    r->bits_per_byte = bytes == 0 ? 0 : -r->sum / 0.69314718055994530942 / (double)bytes;
    return hash_bytes_hex(r->log_probabilities, s->count * sizeof *r->log_probabilities, r->hash, error);
}

hearth_status score_tokens(model *m, const int32_t *ids, size_t count, size_t bytes, const score_options *options,
                           score_result *ret, hearth_error *error)
{
    static const score_options plain = {.cache = -1};
    score_result result = {0};
    scorer s = {.m = m, .ids = ids, .count = count, .options = options == NULL ? &plain : options, .r = &result};
    const double begin = time_seconds();
    hearth_status status = prepare(&s, error);
    if (status == HEARTH_OK) {
        status = score_all(&s, error);
    }
    if (status == HEARTH_OK) {
        status = sum_up(&s, bytes, error);
    }
    result.seconds = time_seconds() - begin;
    mem_free(s.row);
    forward_free(s.forward);
    kv_cache_free(&s.cache);
    if (status != HEARTH_OK) {
        score_result_free(&result);
        return status;
    }
    *ret = result;
    return HEARTH_OK;
}

void score_result_free(score_result *r)
{
    mem_free(r->log_probabilities);
    *r = (score_result){0};
}
