/* One sequence: tokens, cache, workspace, sampler. The loop of an answer is in answer.c. */
#include "generate/session.h"

#include "base/memory.h"
#include "generate/draft.h"
#include "nn/profile.h"
#include "platform/cpu.h"

#include <string.h>

/* Invariants: the cache holds the `length` tokens of `tokens`, or, where it has states that cannot be cut back
 * (model/kv_cache.h), what session_feed computes again before it goes on; `logits` (has_logits) are those after the
 * last.
 */
struct session {
    model *m;
    forward *forward;
    kv_cache cache;
    sampler *sampler;
    int32_t *tokens; /* [capacity] */
    size_t length;
    size_t capacity;
    bool has_logits;
    const float *logits; /* in the workspace */
    const nn_profiler *profiler;
    /* guesses; `tokens` has them behind `length` */
    drafter *drafter; /* NULL: none are made */
    draft_sequence *draft;
    size_t draft_most;
    size_t ahead, ahead_right; /* computed behind the last token that was fed for itself; of them, drawn by now */
    const float *ahead_logits; /* rows: of that token and of each guess */
    session_guesses guesses;
};

#define DRAFT_PLENTY 16u /* guesses in a step at most, where nobody says */

/* A checkpoint is kept so many tokens before a prompt's end: the next prompt of a chat differs from there on, where
 * what a template puts before an answer, or the thinking in it, is not in the history. */
#define CHECKPOINT_BEFORE_END 32u

session_options session_options_default(void)
{
    return (session_options){.cache = -1, .sampling = sampling_default()};
}

size_t session_fitting_context(const model *m, cache_type type)
{
    const uint64_t available = memory_available_bytes();
    const uint64_t unpacked = weights_unpacked_bytes(&m->weights);
    const uint64_t half = (available > unpacked ? available - unpacked : 0) / 2;
    const uint64_t states = model_config_state_bytes(&m->config);
    const uint64_t room = half > states ? half - states : 0;
    size_t positions = model_config_plain_context(&m->config);
    const uint64_t a_block = model_config_cache_bytes(&m->config, ATTENTION_BLOCK, type) - states;
    const uint64_t blocks = a_block == 0 ? UINT64_MAX : room / a_block;
    if (blocks < (positions + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK) {
        positions = (size_t)(blocks < 1 ? 1 : blocks) * ATTENTION_BLOCK;
    }
    return positions;
}

static hearth_status check_options(const model *m, const session_options *o, hearth_error *error)
{
    if (o->cache < -1 || o->cache >= (int)CACHE_TYPES) {
        return error_set(error, HEARTH_E_ARGUMENT, "cache", "f32, f16, bf16, q8_0 or q4_0", "%d", o->cache);
    }
    if (o->context_length > m->config.context) {
        return error_set(error, HEARTH_E_LIMIT, "context length", "at most the model's", "%zu of %u", o->context_length,
                         m->config.context);
    }
    TRY(model_needs_head(m, error));
    return sampling_check(&o->sampling, m->config.vocabulary, error);
}

static hearth_status create_drafter(session *s, const session_options *o, cache_type type, hearth_error *error)
{
    const drafter_options how = {.m = s->m,
                                 .draft = o->draft,
                                 .context_length = s->capacity,
                                 .cache = type,
                                 .pages = (s->capacity + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK,
                                 .without_prefixes = true,
                                 .chunk = o->chunk,
                                 .most_sequences = 1,
                                 .tokens = o->draft_tokens};
    const size_t chunk = forward_chunk(s->forward) - 1, wanted = o->draft_tokens != 0 ? o->draft_tokens : DRAFT_PLENTY;
    s->draft_most = wanted < FORWARD_LOGIT_ROWS ? wanted : FORWARD_LOGIT_ROWS - 1; /* and the token before them */
    s->draft_most = s->draft_most < chunk ? s->draft_most : chunk;
    TRY(drafter_create(&how, &s->drafter, error));
    return draft_sequence_create(s->drafter, &o->sampling, &s->draft, error);
}

static hearth_status create_parts(session *s, const session_options *o, hearth_error *error)
{
    const cache_type type = kv_cache_choose(s->m->compute, o->cache);
    s->capacity = o->context_length == 0 ? session_fitting_context(s->m, type) : o->context_length;
    s->tokens = mem_calloc(s->capacity, sizeof *s->tokens);
    if (s->tokens == NULL) {
        return error_memory(error, s->capacity * sizeof *s->tokens);
    }
    TRY(kv_cache_create(&s->m->config, type, s->capacity, &s->cache, error));
    TRY(forward_create(s->m, o->chunk, &s->forward, error));
    if (o->draft != NULL || s->m->head != NULL) {
        TRY(create_drafter(s, o, type, error));
    }
    return sampler_create(s->m->engine->kernels, &o->sampling, s->m->config.vocabulary, &s->sampler, error);
}

hearth_status session_create(model *m, const session_options *options, session **ret, hearth_error *error)
{
    const session_options plain = session_options_default();
    options = options == NULL ? &plain : options;
    TRY(check_options(m, options, error));
    session *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->m = m;
    const hearth_status status = create_parts(s, options, error);
    if (status != HEARTH_OK) {
        session_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void session_free(session *s)
{
    if (s == NULL) {
        return;
    }
    draft_sequence_free(s->draft, s->tokens, s->length);
    drafter_free(s->drafter);
    sampler_free(s->sampler);
    forward_free(s->forward);
    kv_cache_free(&s->cache);
    mem_free(s->tokens);
    mem_free(s);
}

/* One step of at most a chunk of tokens. */
static hearth_status feed_chunk(session *s, const int32_t *ids, size_t count, bool last, hearth_error *error)
{
    const forward_segment segment = {.cache = &s->cache,
                                     .position = (uint32_t)s->length,
                                     .count = (uint32_t)count,
                                     .ids = ids,
                                     .want = last ? WANT_LAST : WANT_NONE};
    s->has_logits = false;
    TRY(forward_step(s->forward, &segment, 1, error));
    memmove(s->tokens + s->length, ids, count * sizeof *ids); /* they may be these */
    s->length += count;
    if (last) {
        TRY(forward_logits(s->forward, 0, 1, &s->logits, error));
        s->has_logits = true;
        draft_saw(s->draft, s->forward, 0, 1, s->length - 1);
    }
    return HEARTH_OK;
}

static hearth_status check_ids(const session *s, const int32_t *ids, size_t count, hearth_error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] < 0 || (uint32_t)ids[i] >= s->m->config.vocabulary) {
            (void)error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%d of %u", ids[i],
                            s->m->config.vocabulary);
            error_in_file(error, s->m->path); /* its tokenizer may know more tokens than it has rows */
            return HEARTH_E_ARGUMENT;
        }
    }
    return HEARTH_OK;
}

/* What was guessed and not drawn is no part of the sequence. */
static void settle(session *s)
{
    if (s->ahead != 0) {
        draft_judge(s->draft, s->ahead, s->ahead_right);
        s->guesses.drafted += s->ahead;
        s->guesses.accepted += s->ahead_right;
        s->ahead = s->ahead_right = 0;
    }
    if (s->draft != NULL) {
        draft_sequence_cut(s->draft, s->length);
    }
}

/* What session_feed tells its progress. */
typedef struct feeding {
    progress_fn progress; /* NULL: nothing */
    void *context;
    size_t done, step, count; /* tokens: computed, under way, in all */
    size_t checkpoint;        /* position of which the states are kept */
} feeding;

/* Within a step: as if each layer computed its share of the tokens. */
static bool watch_feeding(void *context, uint32_t done, uint32_t layers)
{
    const feeding *f = context;
    return f->progress(f->context, "prompt", f->done + f->step * done / layers, f->count, "tokens");
}

/* No more tokens than a step takes, and none beyond the checkpoint. */
static size_t next_step(session *s, const feeding *f, size_t left)
{
    const size_t chunk = forward_chunk(s->forward);
    const size_t most = left < chunk ? left : chunk;
    if (s->cache.states == NULL || s->length > f->checkpoint) {
        return most;
    }
    if (s->length == f->checkpoint) {
        kv_cache_keep(&s->cache, (uint32_t)s->length);
        return most;
    }
    return f->checkpoint - s->length < most ? f->checkpoint - s->length : most;
}

static hearth_status feed_chunks(session *s, const int32_t *ids, size_t count, feeding *f, hearth_error *error)
{
    for (size_t at = 0; at < count; at += f->step) {
        f->step = next_step(s, f, count - at);
        TRY(feed_chunk(s, ids + at, f->step, f->done + f->step == f->count, error));
        f->done += f->step;
        if (f->progress != NULL && !f->progress(f->context, "prompt", f->done, f->count, "tokens")) {
            return error_set(error, HEARTH_E_CANCELLED, "prompt", NULL, "the caller's stop");
        }
    }
    return HEARTH_OK;
}

hearth_status session_feed(session *s, const int32_t *ids, size_t count, progress_fn progress, void *progress_context,
                           hearth_error *error)
{
    if (count > s->capacity - s->length) {
        return error_set(error, HEARTH_E_LIMIT, "context", "no more tokens than the context has",
                         "%zu tokens after %zu of %zu", count, s->length, s->capacity);
    }
    TRY(check_ids(s, ids, count, error)); /* before anything is computed */
    settle(s);
    const size_t end = s->length;
    const size_t from = count == 0 ? end : kv_cache_reach(&s->cache, (uint32_t)end);
    const size_t whole = end + count;
    feeding f = {.progress = progress, .context = progress_context, .count = whole - from};
    if (f.count > 1) { /* a prompt */
        f.checkpoint = whole > CHECKPOINT_BEFORE_END + from ? whole - CHECKPOINT_BEFORE_END : from;
    }
    forward_watch(s->forward, progress != NULL ? watch_feeding : NULL, &f);
    s->length = from;
    hearth_status status = feed_chunks(s, s->tokens + from, end - from, &f, error);
    if (status == HEARTH_OK) {
        status = feed_chunks(s, ids, count, &f, error);
    }
    forward_watch(s->forward, NULL, NULL);
    return status;
}

hearth_status session_feed_shared(session *s, const int32_t *ids, size_t count, progress_fn progress,
                                  void *progress_context, size_t *ret_kept, hearth_error *error)
{
    size_t kept = 0;
    while (kept < s->length && kept < count && s->tokens[kept] == ids[kept]) {
        kept++;
    }
    if (kept == count && kept > 0 && !(kept == s->length && s->has_logits)) {
        kept--;
    }
    kept = kv_cache_reach(&s->cache, (uint32_t)kept);
    if (count > s->capacity) {
        return error_set(error, HEARTH_E_LIMIT, "context", "no more tokens than the context has", "%zu of %zu", count,
                         s->capacity);
    }
    TRY(check_ids(s, ids, count, error));
    TRY(session_rewind(s, kept, error));
    if (ret_kept != NULL) {
        *ret_kept = kept;
    }
    return session_feed(s, ids + kept, count - kept, progress, progress_context, error);
}

hearth_status session_fill(session *s, size_t count, hearth_error *error)
{
    if (count > s->capacity - s->length) {
        return error_set(error, HEARTH_E_LIMIT, "context", "no more tokens than the context has",
                         "%zu tokens after %zu of %zu", count, s->length, s->capacity);
    }
    TRY(forward_turns(s->forward, &s->cache, s->capacity, error)); /* of all that may come: no step extends them */
    settle(s);
    s->length += count; /* of tokens that are zeros, or were there before */
    s->has_logits = false;
    return kv_cache_synthesize(&s->cache, s->m->engine->kernels, (uint32_t)s->length, error);
}

const float *session_logits(const session *s)
{
    return s->has_logits ? s->logits : NULL;
}

void session_allow(session *s, const uint64_t *allowed)
{
    sampler_allow(s->sampler, allowed);
}

hearth_status session_sample(session *s, int32_t *ret_token, hearth_error *error)
{
    if (!s->has_logits) {
        return error_set(error, HEARTH_E_ARGUMENT, "sample", "a session that was fed", "no logits");
    }
    *ret_token = sampler_next(s->sampler, s->logits, s->tokens, s->length, s->length);
    return HEARTH_OK;
}

hearth_status session_rewind(session *s, size_t length, hearth_error *error)
{
    if (length > s->length) {
        return error_set(error, HEARTH_E_ARGUMENT, "rewind", "a length that was reached", "%zu of %zu", length,
                         s->length);
    }
    if (length < s->length) {
        s->length = length;
        s->has_logits = false;
        settle(s);
    }
    return HEARTH_OK;
}

/* The token, and guesses of what follows. */
static hearth_status feed_guessing(session *s, int32_t token, constraint *c, hearth_error *error)
{
    const size_t room = s->capacity - s->length - 1;
    s->tokens[s->length] = token;
    draft_wish wish = {.of = s->draft,
                       .tokens = s->tokens,
                       .count = s->length + 1,
                       .most = s->draft_most < room ? s->draft_most : room,
                       .constraint = c};
    drafter_guess(s->drafter, &wish, 1);
    const forward_segment segment = {.cache = &s->cache,
                                     .position = (uint32_t)s->length,
                                     .count = (uint32_t)(1 + wish.guessed),
                                     .ids = s->tokens + s->length,
                                     .want = WANT_ALL};
    const double began = time_seconds();
    s->has_logits = false;
    TRY(forward_step(s->forward, &segment, 1, error));
    TRY(forward_logits(s->forward, 0, 1 + wish.guessed, &s->ahead_logits, error));
    drafter_timed(s->drafter, 1 + wish.guessed, time_seconds() - began);
    draft_saw(s->draft, s->forward, 0, 1 + wish.guessed, s->length);
    s->length++;
    s->guesses.steps++;
    s->ahead = wish.guessed;
    s->logits = s->ahead_logits;
    s->has_logits = true;
    return HEARTH_OK;
}

hearth_status session_go_on(session *s, int32_t token, constraint *bound, hearth_error *error)
{
    if (s->draft == NULL || s->length == s->capacity) {
        return session_feed(s, &token, 1, NULL, NULL, error);
    }
    if (s->ahead_right < s->ahead && s->tokens[s->length] == token) {
        s->length++;
        s->ahead_right++;
        s->logits = s->ahead_logits + s->ahead_right * s->m->config.vocabulary;
        return HEARTH_OK;
    }
    TRY(check_ids(s, &token, 1, error));
    settle(s);
    return feed_guessing(s, token, bound, error);
}

session_guesses session_guessed(session *s)
{
    settle(s);
    return s->guesses;
}

size_t session_length(const session *s)
{
    return s->length;
}

size_t session_context_length(const session *s)
{
    return s->capacity;
}

const int32_t *session_tokens(const session *s)
{
    return s->tokens;
}

cache_type session_cache_type(const session *s)
{
    return s->cache.shape.type;
}

const model *session_model(const session *s)
{
    return s->m;
}

void session_profile(session *s, const struct nn_profiler *profiler)
{
    s->profiler = profiler;
    forward_profile(s->forward, profiler);
}

const struct nn_profiler *session_profiler(const session *s)
{
    return s->profiler;
}
