/* From logits to tokens: the threads of the engine draw for one sequence each. */
#include "generate/logprobs.h"
#include "generate/scheduler_state.h"

#include "platform/cpu.h"

static size_t top_count(const scheduler *s, const generation *g)
{
    return g->top_logprobs < s->vocabulary ? g->top_logprobs : s->vocabulary;
}

static bool is_end(const scheduler *s, const generation *g, int32_t token)
{
    return !g->ignore_end && s->m->tokenizer != NULL && tokenizer_is_end(s->m->tokenizer, token);
}

static generation_choice *choices_of(const generation *g, size_t drawn)
{
    return g->choices + drawn * (1 + g->top_logprobs);
}

/* One token more: *ret_guessed, if it is the one that was guessed. */
static hearth_status draw_token(const scheduler *s, generation *g, const float *logits, bool *ret_guessed,
                                hearth_error *error)
{
    if (g->constraint != NULL) {
        const uint64_t *allowed = NULL;
        TRY(constraint_allowed(g->constraint, &allowed, error));
        sampler_allow(g->sampler, allowed);
    }
    const int32_t token = sampler_next(g->sampler, logits, g->tokens, g->count, g->count);
    if (g->constraint != NULL) {
        TRY(constraint_accept(g->constraint, token, error));
    }
    generation_choice *choices = choices_of(g, g->drawn);
    choices[0] = (generation_choice){.id = token};
    if (g->logprobs) {
        logprobs_find(s->m->engine->kernels, logits, s->vocabulary, g->row, choices, top_count(s, g));
    }
    *ret_guessed = g->drawn < g->drafted && g->tokens[g->count] == token && !is_end(s, g, token);
    g->tokens[g->count++] = token;
    g->drawn++;
    return HEARTH_OK;
}

/* Of the rows that lie there, those of one sequence: the row behind a guess counts if the guess was right. */
static void draw_sequence(const scheduler *s, generation *g)
{
    while (!g->drawn_all && g->drawn < g->rows) {
        const size_t row = g->first_row + g->drawn;
        if (row < s->logits_first || row >= s->logits_first + s->logits_count) {
            return;
        }
        bool guessed = false;
        g->status = draw_token(s, g, s->logits + (row - s->logits_first) * s->vocabulary, &guessed, &g->outcome.error);
        g->drawn_all = g->status != HEARTH_OK || !guessed;
    }
}

static void draw_part(void *context, int part, int parts)
{
    scheduler *s = context;
    (void)part;
    (void)parts;
    for (;;) {
        const unsigned i = atomic_fetch_add_explicit(&s->next_draw, 1, memory_order_relaxed);
        if (i >= s->running_count) {
            return;
        }
        draw_sequence(s, s->running[i]);
    }
}

hearth_status scheduler_draw(scheduler *s, hearth_error *error)
{
    const size_t rows = forward_rows(s->forward);
    const size_t most = s->chunk < FORWARD_LOGIT_ROWS ? s->chunk : FORWARD_LOGIT_ROWS;
    for (size_t first = 0; first < rows; first += s->logits_count) {
        s->logits_first = first;
        s->logits_count = rows - first < most ? rows - first : most;
        TRY(forward_logits(s->forward, first, s->logits_count, &s->logits, error));
        atomic_store(&s->next_draw, 0);
        if (s->running_count == 1) {
            draw_part(s, 0, 1);
        } else {
            engine_run(s->m->engine, draw_part, s);
        }
    }
    return HEARTH_OK;
}

void scheduler_end(generation *g, generation_end end)
{
    g->ended = true;
    g->outcome.end = end;
}

/* Token `index` of those that were drawn: false when it is the last. */
static bool tell_token(const scheduler *s, generation *g, size_t index)
{
    const generation_choice *choices = choices_of(g, index);
    const generation_token token = {.drawn = choices[0],
                                    .top = choices + 1,
                                    .top_count = g->logprobs ? top_count(s, g) : 0,
                                    .index = g->outcome.tokens++,
                                    .end = is_end(s, g, choices[0].id)};
    const bool goes_on = g->token == NULL || g->token(g->context, &token);
    if (token.end) {
        scheduler_end(g, GENERATION_END_TOKEN);
    } else if (!goes_on) {
        scheduler_end(g, GENERATION_END_CALLER);
    } else if (g->most_tokens != 0 && g->outcome.tokens == g->most_tokens) {
        scheduler_end(g, GENERATION_END_LENGTH);
    } else if (g->prompt_count + g->outcome.tokens > s->context_length) {
        scheduler_end(g, GENERATION_END_CONTEXT); /* there is no position for this token */
    }
    return !g->ended;
}

void scheduler_tell(scheduler *s, generation *g)
{
    if (g->drawn != 0 && g->answered == 0) {
        g->answered = time_seconds();
    }
    const size_t before = g->outcome.tokens;
    for (size_t i = 0; i < g->drawn && !atomic_load(&g->cancelled) && tell_token(s, g, i); i++) {
    }
    s->own.tokens += g->outcome.tokens - before;
    if (!g->ended && g->status != HEARTH_OK) {
        scheduler_end(g, GENERATION_END_FAILED);
    }
}
