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
    g->started = time_seconds();
    g->outcome.waited_s = g->started - g->submitted;
    TRY(make_room(s, g, error));
    TRY(sampler_create(s->m->engine->kernels, &g->sampling, s->vocabulary, &g->sampler, error));
    return kv_cache_create(&s->m->config, s->cache, s->context_length, &g->cache, error);
}

void scheduler_stop(generation *g)
{
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

/* Decoding first; prompts as they came. */
static step_plan plan_step(scheduler *s)
{
    step_plan plan = {0};
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        g->piece = 0;
        g->rows = 0;
        g->drawn = 0;
        if (left_of(g) == 1 && plan.tokens < s->chunk) {
            add_piece(s, &plan, g, 1);
        }
    }
    size_t room = s->chunk - plan.tokens;
    if (plan.tokens != 0 && room > SCHEDULER_PROMPT_BESIDE) {
        room = SCHEDULER_PROMPT_BESIDE;
    }
    for (unsigned i = 0; i < s->running_count && room != 0; i++) {
        generation *g = s->running[i];
        if (g->piece == 0) {
            const size_t piece = left_of(g) < room ? left_of(g) : room;
            add_piece(s, &plan, g, piece);
            room -= piece;
        }
    }
    return plan;
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
    if (plan.segments == 0) {
        return;
    }
    hearth_status status = forward_step(s->forward, s->segments, plan.segments, &error);
    for (unsigned i = 0; i < s->running_count && status == HEARTH_OK; i++) {
        account(s, s->running[i]);
        s->running[i]->computed += s->running[i]->piece;
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
