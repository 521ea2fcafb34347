/* A step: a token of every sequence that decodes, and pieces of prompts in the room that is left. */
#include "generate/scheduler_state.h"

#include "base/memory.h"
#include "platform/cpu.h"

/* A token more than positions: the last one is drawn and not computed. */
static size_t most_count(const scheduler *s, const generation *g)
{
    const size_t most = s->context_length + 1;
    return g->most_tokens != 0 && g->most_tokens < most - g->prompt_count ? g->prompt_count + g->most_tokens : most;
}

static hearth_status make_room(scheduler *s, generation *g, hearth_error *error)
{
    const size_t capacity = most_count(s, g);
    int32_t *tokens = mem_realloc(g->tokens, capacity * sizeof *tokens);
    if (tokens == NULL) {
        return error_memory(error, capacity * sizeof *tokens);
    }
    g->tokens = tokens;
    g->capacity = capacity;
    g->choices = mem_calloc(1 + (size_t)g->top_logprobs, sizeof *g->choices);
    if (g->choices == NULL) {
        return error_memory(error, (1 + (size_t)g->top_logprobs) * sizeof *g->choices);
    }
    if (g->logprobs) {
        g->row = mem_alloc_aligned(s->vocabulary * sizeof *g->row, 64);
        if (g->row == NULL) {
            return error_memory(error, s->vocabulary * sizeof *g->row);
        }
    }
    return HEARTH_OK;
}

hearth_status scheduler_start(scheduler *s, generation *g, hearth_error *error)
{
    if (g->sampler == NULL) {
        TRY(make_room(s, g, error));
        TRY(sampler_create(s->m->engine->kernels, &g->sampling, s->vocabulary, &g->sampler, error));
    }
    return scheduler_pages_start(s, g, error);
}

void scheduler_stop(scheduler *s, generation *g)
{
    scheduler_pages_release(s, g);
    mem_free(g->pages);
    kv_cache_free(&g->cache);
    sampler_free(g->sampler);
    g->sampler = NULL;
    mem_free(g->row);
    g->row = NULL;
    mem_free(g->choices);
    g->choices = NULL;
}

/* ---- what goes in ---- */

typedef struct step_plan {
    size_t segments, tokens, rows;
} step_plan;

static void add_piece(scheduler *s, step_plan *plan, generation *g, size_t piece)
{
    const bool last = g->computed + piece == g->count;
    s->segments[plan->segments++] = (forward_segment){.cache = &g->cache,
                                                      .position = (uint32_t)g->computed,
                                                      .count = (uint32_t)piece,
                                                      .ids = g->tokens + g->computed,
                                                      .want = last ? WANT_LAST : WANT_NONE};
    g->piece = piece;
    g->first_row = plan->rows;
    g->rows = last ? 1 : 0;
    g->drawn = 0;
    plan->tokens += piece;
    plan->rows += g->rows;
}

static size_t left_of(const generation *g)
{
    return g->count - g->computed;
}

/* The youngest that has no part in this step yet. */
static generation *youngest_idle(const scheduler *s)
{
    for (unsigned i = s->running_count; i-- > 0;) {
        if (s->running[i]->piece == 0 && !s->running[i]->preempted) {
            return s->running[i];
        }
    }
    return NULL;
}

/* Pages for a piece, if need be those of the youngest; which may be this one itself. */
static bool reserve(scheduler *s, generation *g, size_t piece)
{
    while (!scheduler_pages_reserve(s, g, g->computed + piece)) {
        generation *youngest = youngest_idle(s); /* there is this one */
        scheduler_pages_release(s, youngest);
        youngest->preempted = true;
        youngest->outcome.preempted++;
        s->own.preemptions++;
        if (youngest == g) {
            return false;
        }
    }
    return true;
}

static void plan_decoding(scheduler *s, step_plan *plan)
{
    for (unsigned i = 0; i < s->running_count && plan->tokens < s->chunk; i++) {
        generation *g = s->running[i];
        if (!g->preempted && left_of(g) == 1 && reserve(s, g, 1)) {
            add_piece(s, plan, g, 1);
        }
    }
}

/* Somebody who is in this step computes what this one could do without computing it. */
static bool is_computed(const scheduler *s, const generation *g)
{
    for (unsigned i = 0; i < s->running_count; i++) {
        if (s->running[i]->piece != 0 && scheduler_pages_same(s, s->running[i], g)) {
            return true;
        }
    }
    return false;
}

static void plan_prompts(scheduler *s, step_plan *plan, size_t room)
{
    for (unsigned i = 0; i < s->running_count && room != 0; i++) {
        generation *g = s->running[i];
        if (g->preempted || g->piece != 0) {
            continue;
        }
        scheduler_pages_adopt(s, g);
        const size_t piece = left_of(g) < room ? left_of(g) : room;
        if (!is_computed(s, g) && reserve(s, g, piece)) {
            add_piece(s, plan, g, piece);
            room -= piece;
        }
    }
}

/* Decoding first; prompts as they came. */
static step_plan plan_step(scheduler *s)
{
    step_plan plan = {0};
    for (unsigned i = 0; i < s->running_count; i++) {
        s->running[i]->piece = 0;
        s->running[i]->rows = 0;
        s->running[i]->drawn = 0;
    }
    plan_decoding(s, &plan);
    const size_t room = s->chunk - plan.tokens;
    plan_prompts(s, &plan, plan.tokens != 0 && room > SCHEDULER_PROMPT_BESIDE ? SCHEDULER_PROMPT_BESIDE : room);
    return plan;
}

/* Those that gave their pages away wait until there are some. */
static void requeue_preempted(scheduler *s)
{
    unsigned kept = 0;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (g->preempted) {
            g->preempted = false;
            scheduler_requeue(s, g);
        } else {
            s->running[kept++] = g;
        }
    }
    pthread_mutex_unlock(&s->lock);
    s->running_count = kept;
}

/* ---- what becomes of it ---- */

static void fail(generation *g, const hearth_error *error)
{
    scheduler_end(g, GENERATION_END_FAILED);
    g->outcome.error = *error;
}

static void account(scheduler *s, const generation *g)
{
    const size_t end = g->computed + g->piece;
    const size_t prompt = end < g->prompt_count ? end : g->prompt_count;
    s->own.prompt_tokens += prompt > g->computed ? prompt - g->computed : 0;
}

void scheduler_step(scheduler *s)
{
    hearth_error error = {0};
    const double begin = time_seconds();
    const step_plan plan = plan_step(s);
    requeue_preempted(s);
    if (plan.segments == 0) {
        return;
    }
    hearth_status status = forward_step(s->forward, s->segments, plan.segments, &error);
    for (unsigned i = 0; i < s->running_count && status == HEARTH_OK; i++) {
        account(s, s->running[i]);
        s->running[i]->computed += s->running[i]->piece;
        scheduler_pages_filled(s, s->running[i]);
    }
    if (status == HEARTH_OK && plan.rows != 0) {
        status = scheduler_draw(s, &error);
    }
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (status != HEARTH_OK && g->piece != 0) {
            fail(g, &error);
        } else if (g->drawn != 0) {
            scheduler_tell(s, g);
        }
    }
    s->own.steps++;
    s->own.busy_s += time_seconds() - begin;
}
