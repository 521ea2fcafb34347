/* What callers see of a scheduler, and its thread. */
#include "generate/scheduler.h"

#include "base/memory.h"
#include "generate/scheduler_state.h"
#include "generate/session.h"
#include "platform/cpu.h"

#include <string.h>

#define MOST_RUNNING 32u
#define MOST_WAITING 256u

/* ---- the thread ---- */

/* The last that is heard of it. */
static void finish(scheduler *s, generation *g)
{
    const double now = time_seconds();
    generation_outcome *o = &g->outcome;
    if (g->started == 0) {
        o->waited_s = now - g->submitted;
    } else {
        o->prompt_s = (g->answered != 0 ? g->answered : now) - g->started;
        o->answer_s = g->answered != 0 ? now - g->answered : 0;
    }
    scheduler_stop(s, g);
    pthread_mutex_lock(&s->lock);
    scheduler_leave(s, g);
    pthread_mutex_unlock(&s->lock);
    g->done(g->context, o);
    constraint_free(g->constraint);
    mem_free(g->tokens);
    mem_free(g->biases);
    mem_free(g);
}

/* Takes those that ended out of those that run. */
static void finish_ended(scheduler *s)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (!g->ended && atomic_load(&g->cancelled)) {
            scheduler_end(g, GENERATION_END_CANCELLED);
        }
        if (g->ended) {
            finish(s, g);
        } else {
            s->running[kept++] = g;
        }
    }
    s->running_count = kept;
}

/* Those that wait and were cancelled; all, when the scheduler ends. */
static void finish_cancelled(scheduler *s, bool all)
{
    for (;;) {
        pthread_mutex_lock(&s->lock);
        generation *g = scheduler_dequeue_cancelled(s, all);
        pthread_mutex_unlock(&s->lock);
        if (g == NULL) {
            return;
        }
        scheduler_end(g, GENERATION_END_CANCELLED);
        finish(s, g);
    }
}

/* Are there pages for its tokens, and for those of each that runs, which has not taken them all yet, or one more? */
static bool fits(const scheduler *s, const generation *g)
{
    size_t wanted = scheduler_pages_missing(g);
    for (unsigned i = 0; i < s->running_count; i++) {
        const size_t missing = scheduler_pages_missing(s->running[i]);
        wanted += missing > 1 ? missing : 1;
    }
    return s->running_count == 0 || page_cache_available(s->pool.pages) >= wanted;
}

/* In order of arrival. */
static void add_running(scheduler *s, generation *g)
{
    unsigned at = s->running_count++;
    for (; at > 0 && s->running[at - 1]->number > g->number; at--) {
        s->running[at] = s->running[at - 1];
    }
    s->running[at] = g;
    if (g->started == 0) {
        g->started = time_seconds();
        g->outcome.waited_s = g->started - g->submitted;
    }
    scheduler_pages_started(s, g);
}

/* The next one that waits gets a place; false: there is none, or none for it. */
static bool admit_one(scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    generation *g = s->running_count < s->most_running ? scheduler_dequeue(s) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (g == NULL) {
        return false;
    }
    if (scheduler_start(s, g, &g->outcome.error) != HEARTH_OK) {
        scheduler_end(g, GENERATION_END_FAILED);
        finish(s, g);
        return true;
    }
    if (!fits(s, g)) {
        paged_release(&s->pool, &g->held, g->tokens);
        pthread_mutex_lock(&s->lock);
        scheduler_requeue(s, g);
        pthread_mutex_unlock(&s->lock);
        return false;
    }
    add_running(s, g);
    return true;
}

/* Under the lock. */
static void publish(scheduler *s)
{
    s->own.running = s->running_count;
    s->own.pages_used = page_cache_pages(s->pool.pages) - page_cache_available(s->pool.pages);
    s->own.pages_kept = page_cache_kept(s->pool.pages);
    s->stats = s->own;
}

/* Waits until there is something to do; false: the scheduler ends. */
static bool wait_for_work(scheduler *s, bool *ret_cancels)
{
    pthread_mutex_lock(&s->lock);
    publish(s);
    while (!s->stopping && s->running_count == 0 && s->waiting == 0) {
        pthread_cond_wait(&s->work, &s->lock);
    }
    *ret_cancels = s->cancels;
    s->cancels = false;
    const bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return !stopping;
}

static void *run(void *context)
{
    scheduler *s = context;
    bool cancels = false;
    while (wait_for_work(s, &cancels)) {
        engine_rest(s->m->engine, &s->computing); /* first: who comes or goes meanwhile is heard before the step */
        pthread_mutex_lock(&s->lock);
        cancels = cancels || s->cancels;
        s->cancels = false;
        pthread_mutex_unlock(&s->lock);
        if (cancels) {
            finish_cancelled(s, false);
        }
        finish_ended(s);
        while (admit_one(s)) {
        }
        scheduler_step(s);
        finish_ended(s);
    }
    for (unsigned i = 0; i < s->running_count; i++) {
        atomic_store(&s->running[i]->cancelled, true);
    }
    finish_ended(s);
    finish_cancelled(s, true);
    return NULL;
}

/* ---- the scheduler ---- */

static hearth_status check_options(const model *m, const scheduler_options *o, hearth_error *error)
{
    if (o->cache < -1 || o->cache >= (int)CACHE_TYPES) {
        return error_set(error, HEARTH_E_ARGUMENT, "cache", "f32, f16, bf16, q8_0 or q4_0", "%d", o->cache);
    }
    if (o->context_length > m->config.context) {
        return error_set(error, HEARTH_E_LIMIT, "context length", "at most the model's", "%zu of %u", o->context_length,
                         m->config.context);
    }
    return model_needs_head(m, error);
}

/* As many as the bytes hold, with as many of the draft, but those of one sequence, and no more than all that run could
 * fill twice. */
static size_t choose_pages(const scheduler *s, uint64_t cache_bytes, size_t page_bytes)
{
    const uint64_t one = (s->context_length + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
    const uint64_t most = one * 2 * s->most_running;
    uint64_t bytes = cache_bytes;
    if (bytes == 0) {
        const uint64_t available = memory_available_bytes();
        const uint64_t unpacked = weights_unpacked_bytes(&s->m->weights);
        bytes = (available > unpacked ? available - unpacked : 0) / 2;
    }
    const uint64_t fitting = bytes / page_bytes;
    return (size_t)(fitting < one ? one : fitting < most ? fitting : most);
}

static hearth_status create_pages(scheduler *s, const scheduler_options *o, hearth_error *error)
{
    const size_t page_bytes = kv_cache_page_bytes(&s->m->config, s->cache);
    const size_t both = page_bytes + draft_page_bytes(s->m, o->draft, s->cache);
    const size_t pages = choose_pages(s, o->cache_bytes, both == 0 ? 64 : both);
    s->pool.shares = !o->without_prefixes && model_config_state_bytes(&s->m->config) == 0;
    TRY(page_cache_create(page_bytes == 0 ? 64 : page_bytes, pages, &s->pool.pages, error));
    s->own.pages = pages;
    s->own.page_bytes = page_bytes;
    s->stats = s->own;
    const drafter_options draft = {.m = s->m,
                                   .draft = o->draft,
                                   .context_length = s->context_length,
                                   .cache = s->cache,
                                   .pages = pages,
                                   .without_prefixes = o->without_prefixes,
                                   .chunk = s->chunk,
                                   .most_sequences = s->most_running,
                                   .tokens = o->draft_tokens};
    return drafter_create(&draft, &s->drafter, error);
}

static hearth_status create_parts(scheduler *s, const scheduler_options *o, hearth_error *error)
{
    s->most_running = o->most_running == 0 ? MOST_RUNNING : o->most_running;
    s->most_waiting = o->most_waiting == 0 ? MOST_WAITING : o->most_waiting;
    s->cache = kv_cache_choose(s->m->compute, o->cache);
    s->context_length = o->context_length == 0 ? session_fitting_context(s->m, s->cache) : o->context_length;
    s->chunk = o->chunk == 0 ? FORWARD_CHUNK : o->chunk;
    s->chunk = s->chunk < s->most_running ? s->most_running : s->chunk;
    s->vocabulary = s->m->config.vocabulary;
    s->running = mem_calloc(s->most_running, sizeof(generation *));
    s->segments = mem_calloc(s->most_running, sizeof *s->segments);
    s->wishes = mem_calloc(s->most_running, sizeof *s->wishes);
    if (s->running == NULL || s->segments == NULL || s->wishes == NULL) {
        return error_memory(error, s->most_running * sizeof *s->segments);
    }
    TRY(create_pages(s, o, error));
    return forward_create(s->m, s->chunk, &s->forward, error);
}

static void free_parts(scheduler *s)
{
    forward_free(s->forward);
    page_cache_free(s->pool.pages);
    mem_free(s->running);
    mem_free(s->segments);
    mem_free(s->wishes);
    drafter_free(s->drafter);
    scheduler_free_groups(s);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

hearth_status scheduler_create(model *m, const scheduler_options *options, scheduler **ret, hearth_error *error)
{
    static const scheduler_options plain = {.cache = -1};
    options = options == NULL ? &plain : options;
    TRY(check_options(m, options, error));
    scheduler *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->m = m;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    hearth_status status = create_parts(s, options, error);
    if (status == HEARTH_OK) {
        const int failed = pthread_create(&s->thread, NULL, run, s);
        status = failed != 0 ? error_errno(error, NULL, "start a thread", failed) : HEARTH_OK;
    }
    if (status != HEARTH_OK) {
        free_parts(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

void scheduler_free(scheduler *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    free_parts(s);
}

size_t scheduler_context(const scheduler *s)
{
    return s->context_length;
}

/* ---- requests ---- */

static hearth_status check_request(const scheduler *s, const generation_request *r, hearth_error *error)
{
    TRY(sampling_check(&r->sampling, s->vocabulary, error));
    if (r->prompt_count == 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "prompt", "at least one token", "none");
    }
    if (r->prompt_count > s->context_length) {
        return error_set(error, HEARTH_E_LIMIT, "prompt", "no more tokens than the context has", "%zu of %zu",
                         r->prompt_count, s->context_length);
    }
    if (r->top_logprobs > SCHEDULER_TOP_MOST) {
        return error_set(error, HEARTH_E_ARGUMENT, "top logprobs", "at most 20", "%u", r->top_logprobs);
    }
    if (r->draft_most > DRAFT_MOST) {
        return error_set(error, HEARTH_E_ARGUMENT, "draft", "at most 64 tokens", "%u", r->draft_most);
    }
    for (size_t i = 0; i < r->prompt_count; i++) {
        if (r->prompt[i] < 0 || (size_t)r->prompt[i] >= s->vocabulary) {
            (void)error_set(error, HEARTH_E_ARGUMENT, "token", "an id of the vocabulary", "%d of %zu", r->prompt[i],
                            s->vocabulary);
            error_in_file(error, s->m->path); /* its tokenizer may know more tokens than it has rows */
            return HEARTH_E_ARGUMENT;
        }
    }
    return HEARTH_OK;
}

static generation *copy_request(scheduler *s, const generation_request *r)
{
    generation *g = mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->tokens = mem_calloc(r->prompt_count, sizeof *g->tokens);
    g->biases = mem_calloc(r->sampling.bias_count + 1, sizeof *g->biases);
    if (g->tokens == NULL || g->biases == NULL) {
        mem_free(g->tokens);
        mem_free(g->biases);
        mem_free(g);
        return NULL;
    }
    memcpy(g->tokens, r->prompt, r->prompt_count * sizeof *g->tokens);
    if (r->sampling.bias_count != 0) {
        memcpy(g->biases, r->sampling.biases, r->sampling.bias_count * sizeof *g->biases);
    }
    g->s = s;
    atomic_init(&g->cancelled, false);
    g->sampling = r->sampling;
    g->sampling.biases = g->biases;
    g->most_tokens = r->most_tokens;
    g->ignore_end = r->ignore_end;
    g->logprobs = r->logprobs || r->top_logprobs != 0;
    g->top_logprobs = r->top_logprobs;
    g->draft_most = r->draft_most;
    g->token = r->token;
    g->done = r->done;
    g->context = r->context;
    g->count = r->prompt_count;
    g->prompt_count = r->prompt_count;
    g->outcome.prompt_tokens = r->prompt_count;
    g->submitted = time_seconds();
    return g;
}

hearth_status scheduler_submit(scheduler *s, const generation_request *request, generation **ret, hearth_error *error)
{
    TRY(check_request(s, request, error));
    generation *g = copy_request(s, request);
    if (g == NULL) {
        return error_memory(error, request->prompt_count * sizeof *request->prompt);
    }
    pthread_mutex_lock(&s->lock);
    const hearth_status status = scheduler_enqueue(s, g, request->group == NULL ? "" : request->group, error);
    if (status == HEARTH_OK) {
        g->constraint = request->constraint;
        if (ret != NULL) {
            *ret = g; /* before anybody hears of it */
        }
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
    if (status != HEARTH_OK) {
        mem_free(g->tokens);
        mem_free(g->biases);
        mem_free(g);
    }
    return status;
}

void generation_cancel(generation *g)
{
    scheduler *s = g->s;
    pthread_mutex_lock(&s->lock);
    atomic_store(&g->cancelled, true);
    s->cancels = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

void scheduler_stats_read(scheduler *s, scheduler_stats *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->stats;
    ret->waiting = s->waiting;
    pthread_mutex_unlock(&s->lock);
}
