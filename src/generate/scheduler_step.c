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
    const size_t most = most_count(s, g);
    int32_t *tokens = mem_realloc(g->tokens, most * sizeof *tokens);
    if (tokens == NULL) {
        return error_memory(error, most * sizeof *tokens);
    }
    g->tokens = tokens;
    const size_t choices = (1 + (size_t)g->draft_most) * (1 + (size_t)g->top_logprobs);
    g->choices = mem_calloc(choices, sizeof *g->choices);
    if (g->choices == NULL) {
        return error_memory(error, choices * sizeof *g->choices);
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
    TRY(scheduler_pages_start(s, g, error));
    return g->draft_most != 0 && g->draft == NULL && g->held.cache.states == NULL
               ? draft_sequence_create(s->drafter, &g->sampling, &g->draft, error)
               : HEARTH_OK;
}

void scheduler_stop(scheduler *s, generation *g)
{
    draft_sequence_free(g->draft, g->tokens, g->count);
    g->draft = NULL;
    paged_release(&s->pool, &g->held, g->tokens);
    paged_free(&g->held);
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
    size_t decoding; /* tokens that are no prompt's */
} step_plan;

/* The next `piece` tokens, of which the last `drafted` are guessed. */
static void add_piece(scheduler *s, step_plan *plan, generation *g, size_t piece, size_t drafted)
{
    const bool last = g->held.computed + piece == g->count + drafted;
    s->segments[plan->segments++] = (forward_segment){.cache = &g->held.cache,
                                                      .position = (uint32_t)g->held.computed,
                                                      .count = (uint32_t)piece,
                                                      .ids = g->tokens + g->held.computed,
                                                      .want = drafted != 0 ? WANT_ALL
                                                              : last       ? WANT_LAST
                                                                           : WANT_NONE};
    g->piece = piece;
    g->drafted = drafted;
    g->first_row = plan->rows;
    g->rows = drafted != 0 ? piece : last ? 1 : 0;
    plan->tokens += piece;
    plan->rows += g->rows;
}

static size_t left_of(const generation *g)
{
    return g->count - g->held.computed;
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

static void preempt(scheduler *s, generation *g)
{
    draft_sequence_pause(g->draft, g->tokens, g->count);
    paged_release(&s->pool, &g->held, g->tokens);
    g->preempted = true;
    g->outcome.preempted++;
    s->own.preemptions++;
}

/* A page for the token that is due, if need be one of the youngest; which may be this one itself. */
static bool reserve_next(scheduler *s, generation *g)
{
    while (!paged_reserve(&s->pool, &g->held, g->held.computed + 1)) {
        generation *youngest = youngest_idle(s); /* there is this one */
        preempt(s, youngest);
        if (youngest == g) {
            return false;
        }
    }
    return true;
}

/* Pages for as much of a piece of a prompt as there are pages for. Where there are none, the youngest gives its own;
 * where that would be this one itself, it keeps them and waits: others are in this step. */
static size_t reserve_piece(scheduler *s, generation *g, size_t piece)
{
    size_t most = paged_fitting(&s->pool, &g->held);
    while (most == 0) {
        generation *youngest = youngest_idle(s);
        if (youngest == g) {
            return 0;
        }
        preempt(s, youngest);
        most = paged_fitting(&s->pool, &g->held);
    }
    piece = piece < most ? piece : most;
    return paged_reserve(&s->pool, &g->held, g->held.computed + piece) ? piece : 0;
}

/* A token each; while there are few of them, guesses, too, where there are pages for them. */
static void plan_decoding(scheduler *s, step_plan *plan)
{
    size_t room = s->running_count < SCHEDULER_DRAFT_ROWS ? SCHEDULER_DRAFT_ROWS - s->running_count : 0;
    room = room < s->chunk - s->running_count ? room : s->chunk - s->running_count; /* one of each fits */
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (!g->preempted && left_of(g) == 1 && reserve_next(s, g)) {
            g->piece = 1;
        }
    }
    scheduler_draft(s, room);
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (g->piece != 0) {
            const bool fits = paged_reserve(&s->pool, &g->held, g->held.computed + 1 + g->drafted);
            const size_t drafted = fits ? g->drafted : 0;
            add_piece(s, plan, g, 1 + drafted, drafted);
        }
    }
    plan->decoding = plan->tokens;
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

/* In this step, a prompt without a part. */
static bool waits_for_part(const generation *g)
{
    return !g->preempted && g->piece == 0;
}

/* A piece of it, of at most `most` tokens; returns how many it gets. */
static size_t give_piece(scheduler *s, generation *g, size_t most)
{
    g->passed = is_computed(s, g);
    if (!g->passed) {
        g->piece = reserve_piece(s, g, left_of(g) < most ? left_of(g) : most);
        g->passed = g->piece == 0;
    }
    g->group->given += g->piece;
    return g->piece;
}

static bool is_before(const generation *a, const generation *b)
{
    return a->group->given != b->group->given ? a->group->given < b->group->given : left_of(a) < left_of(b);
}

/* Of those without a part, in the group that got least in this step: who has least left of its prompt, the oldest of
 * equals. */
static generation *next_prompt(const scheduler *s)
{
    generation *best = NULL;
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (waits_for_part(g) && !g->passed && (best == NULL || is_before(g, best))) {
            best = g;
        }
    }
    return best;
}

/* What nobody else wants, the oldest get. */
static void lengthen(scheduler *s, generation *g, size_t *room)
{
    const size_t fitting = paged_fitting(&s->pool, &g->held);
    size_t piece = left_of(g) < g->piece + *room ? left_of(g) : g->piece + *room;
    piece = piece < fitting ? piece : fitting;
    if (piece > g->piece && paged_reserve(&s->pool, &g->held, g->held.computed + piece)) {
        *room -= piece - g->piece;
        g->piece = piece;
    }
}

/* Half of the room to the oldest, so that each prompt's turn comes; the rest to the shortest of the groups that get
 * least, so that few wait long. */
static void plan_prompts(scheduler *s, step_plan *plan, size_t room)
{
    generation *oldest = NULL;
    size_t count = 0;
    for (unsigned i = s->running_count; i-- > 0;) {
        if (waits_for_part(s->running[i])) {
            oldest = s->running[i];
            oldest->passed = false;
            oldest->group->given = 0;
            scheduler_pages_adopt(s, oldest);
            count++;
        }
    }
    if (oldest == NULL) {
        return;
    }
    room -= give_piece(s, oldest, count == 1 ? room : (room + 1) / 2);
    for (generation *g = NULL; room != 0 && (g = next_prompt(s)) != NULL;) {
        room -= give_piece(s, g, room);
    }
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (g->piece != 0 && g->rows == 0) { /* those that decode have rows */
            lengthen(s, g, &room);
            add_piece(s, plan, g, g->piece, 0);
        }
    }
}

/* How many tokens of prompts nobody minds who decodes. */
static size_t most_beside(const scheduler *s)
{
    if (s->token_s == 0) {
        return SCHEDULER_PROMPT_FIRST;
    }
    const double most = SCHEDULER_STEP_S / s->token_s;
    return most < SCHEDULER_PROMPT_LEAST ? SCHEDULER_PROMPT_LEAST : most < (double)s->chunk ? (size_t)most : s->chunk;
}

/* Learns from a step that had prompts, and so many tokens that reading the weights is not what took the time. */
static void learn_time(scheduler *s, const step_plan *plan, double seconds)
{
    if (plan->tokens >= SCHEDULER_PROMPT_LEAST && plan->tokens > plan->segments) {
        const double a_token = seconds / (double)plan->tokens;
        s->token_s = s->token_s == 0 ? a_token : 0.75 * s->token_s + 0.25 * a_token;
    }
}

/* Decoding first. */
static step_plan plan_step(scheduler *s)
{
    step_plan plan = {0};
    for (unsigned i = 0; i < s->running_count; i++) {
        s->running[i]->piece = 0;
        s->running[i]->rows = 0;
        s->running[i]->drafted = 0;
        s->running[i]->drawn = 0;
        s->running[i]->drawn_all = false;
    }
    plan_decoding(s, &plan);
    const size_t room = s->chunk - plan.tokens;
    const size_t beside = most_beside(s);
    const bool others = plan.tokens != 0 || s->computing.shared; /* another model's answers wait, too */
    plan_prompts(s, &plan, others && beside < room ? beside : room);
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

/* After a step that it had a part in. The last token that was drawn is not computed yet; of those that were guessed,
 * what comes next takes the place. */
static void advance(scheduler *s, generation *g)
{
    const size_t end = g->drawn != 0 ? g->count - 1 : g->held.computed + g->piece;
    const size_t prompt = end < g->prompt_count ? end : g->prompt_count;
    s->own.prompt_tokens += prompt > g->held.computed ? prompt - g->held.computed : 0;
    g->held.computed = end;
    paged_filled(&s->pool, &g->held, g->tokens);
    if (g->drawn != 0) {
        draft_saw(g->draft, s->forward, g->first_row, g->drawn, g->count - g->drawn - 1);
        g->outcome.steps++;
        s->own.decoded++;
    }
    if (g->drafted != 0 && g->drawn != 0) {
        scheduler_draft_judge(s, g);
    }
    if (g->drawn != 0 && g->draft != NULL) {
        draft_sequence_cut(g->draft, g->count - 1); /* the next steps may guess nothing: wrong guesses leave no keys */
    }
    scheduler_tell(s, g);
}

void scheduler_step(scheduler *s)
{
    hearth_error error = {0};
    engine_begin(s->m->engine, &s->computing);
    const double begin = time_seconds();
    const step_plan plan = plan_step(s);
    requeue_preempted(s);
    if (plan.segments == 0) {
        engine_end(s->m->engine, &s->computing);
        return;
    }
    const double planned = time_seconds();
    hearth_status status = forward_step(s->forward, s->segments, plan.segments, &error);
    learn_time(s, &plan, time_seconds() - planned);
    if (status == HEARTH_OK && plan.rows != 0) {
        status = scheduler_draw(s, &error);
    }
    if (plan.tokens == plan.decoding) {
        drafter_timed(s->drafter, plan.tokens, time_seconds() - planned);
    }
    engine_end(s->m->engine, &s->computing);
    for (unsigned i = 0; i < s->running_count; i++) {
        generation *g = s->running[i];
        if (status != HEARTH_OK && g->piece != 0) {
            fail(g, &error);
        } else if (g->piece != 0) {
            advance(s, g);
        }
    }
    s->own.steps++;
    s->own.busy_s += time_seconds() - begin;
}
