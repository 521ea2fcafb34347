/* One answer: the prompt's tokens, what is forgotten when the context is full, the stream of text, the closing line.
 *
 * The context's rule. Before an answer, the oldest exchanges are forgotten until a quarter of the context (or
 * --max-tokens, where that is less) is free. In the middle of an answer the same is done, and the answer goes on.
 * Where there is nothing older: without --max-tokens the answer ends there; with it the older half of the answer is
 * forgotten, the prompt stays, and it goes on. What is kept is computed anew at its new place, so the result is that
 * of a model that was given what is kept. */
#include "cli/conversation.h"
#include "cli/run.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <string.h>

/* What the stream carries. */
typedef struct stream {
    run_state *r;
    run_parts *parts;
    hearth_status status; /* of the output */
    hearth_error *error;
    terminal_progress *bar; /* with --json, where nothing else is seen */
    size_t drawn, most;
} stream;

/* What one answer carries. */
typedef struct making {
    run_state *r;
    const char *raw; /* NULL: the conversation */
    size_t raw_length;
    token_list prompt;
    run_parts parts;
    constraint *constraint; /* what the answer is held to; NULL: nothing */
    terminal_progress bar;  /* of the answer */
    bool halved;            /* some of the answer was forgotten */
    hearth_error *error;
} making;

const char *run_end_name(run_end end)
{
    static const char *const names[] = {"end", "stop", "length", "context", "interrupted"};
    return names[end];
}

static bool on_text(void *context, const char *text, size_t length)
{
    stream *s = context;
    if (length > 0) {
        s->status = buffer_append(&s->r->last.text, text, length, s->error);
        if (s->status == HEARTH_OK && !s->r->c->json) {
            s->status = terminal_write_text(text, length, s->error);
        }
        s->r->last.line_open = text[length - 1] != '\n';
    }
    run_parts_token(s->parts);
    s->drawn++;
    return s->status == HEARTH_OK && !signals_stop_asked() &&
           (!s->r->c->json || terminal_progress_step(s->bar, "answer", s->drawn, s->most, "tokens"));
}

static hearth_status make_prompt(making *m, const json_t *messages, hearth_error *error)
{
    m->prompt.count = 0;
    const run_state *r = m->r;
    if (m->raw != NULL) {
        return tokenizer_encode(r->o.model->tokenizer, m->raw, m->raw_length, ENCODE_ADD_BOS, &m->prompt, error);
    }
    const prompt_more more = {.tools = r->tools, .variables = r->variables};
    TRY(prompt_encode(r->template, r->o.model->tokenizer, messages, &more, &m->prompt, error));
    return run_close_thinking(r, &m->prompt, error);
}

/* Tokens that should be free when an answer begins or goes on. */
static size_t room_wanted(const run_state *r)
{
    const size_t quarter = session_context_length(r->session) / 4 + 1;
    const size_t most = r->s->most_tokens;
    return most > 0 && most < quarter ? most : quarter;
}

/* Within an answer it begins a line of its own, where the bar of the work that follows has room, too. */
static void say_forgotten(making *m, const char *what, bool in_answer)
{
    const run_state *r = m->r;
    if (r->c->quiet) {
        return;
    }
    terminal_progress_end(&m->bar);
    fflush(stdout);
    fprintf(stderr, "%s%s[the context of %zu tokens is full: %s forgotten]%s\n",
            in_answer && terminal_is(stderr) && !r->c->json ? "\n" : "", terminal_style(stderr, "dim"),
            session_context_length(r->session), what, terminal_style(stderr, "reset"));
}

static void say_exchanges(making *m, size_t exchanges, bool in_answer)
{
    char what[64] = "the oldest exchange is";
    if (exchanges > 1) {
        snprintf(what, sizeof what, "the %zu oldest exchanges are", exchanges);
    }
    if (exchanges > 0) {
        say_forgotten(m, what, in_answer);
    }
}

static bool has_room(const making *m, size_t more)
{
    return m->prompt.count + more + room_wanted(m->r) <= session_context_length(m->r->session);
}

/* Is it enough to forget so many exchanges? A prompt that cannot be made is enough, too: forgetting one at a time would
 * end there. */
static hearth_status try_without(making *m, size_t exchanges, size_t more, bool *ret_enough)
{
    hearth_error problem = {0};
    json_t *kept = conversation_without(m->r->messages, exchanges);
    if (kept == NULL) {
        return error_memory(m->error, 0);
    }
    const hearth_status status = make_prompt(m, kept, &problem);
    *ret_enough = status != HEARTH_OK || has_room(m, more);
    json_decref(kept);
    return status != HEARTH_E_MEMORY ? HEARTH_OK : error_memory(m->error, 0);
}

/* The fewest exchanges that leave room when they are forgotten, or all but the last. More forgotten is a shorter
 * prompt, so that halves of what is left are tried; one comes first, as a conversation that grows needs no more. */
static hearth_status find_fewest(making *m, size_t more, size_t *ret_fewest)
{
    size_t too_few = 0;
    size_t fewest = conversation_older(m->r->messages);
    bool enough = false;
    TRY(try_without(m, fewest, more, &enough));
    while (enough && fewest - too_few > 1) {
        const size_t at = too_few == 0 ? 1 : too_few + (fewest - too_few) / 2;
        bool at_is_enough = false;
        TRY(try_without(m, at, more, &at_is_enough));
        *(at_is_enough ? &fewest : &too_few) = at;
    }
    *ret_fewest = fewest;
    return HEARTH_OK;
}

/* Forgets as few exchanges as leave room for `more` tokens beside the prompt, and makes the prompt anew.
 * *ret_forgotten: how many. */
static hearth_status forget(making *m, size_t more, size_t *ret_forgotten)
{
    *ret_forgotten = 0;
    if (m->raw != NULL || has_room(m, more) || conversation_older(m->r->messages) == 0) {
        return HEARTH_OK;
    }
    TRY(find_fewest(m, more, ret_forgotten));
    json_t *kept = conversation_without(m->r->messages, *ret_forgotten);
    if (kept == NULL) {
        return error_memory(m->error, 0);
    }
    json_decref(m->r->messages);
    m->r->messages = kept;
    return make_prompt(m, kept, m->error);
}

/* The prompt, with so much forgotten that the answer has room. */
static hearth_status fit_prompt(making *m, size_t *ret_forgotten)
{
    TRY(make_prompt(m, m->r->messages, m->error));
    TRY(forget(m, 0, ret_forgotten));
    const size_t context = session_context_length(m->r->session);
    if (m->prompt.count >= context) {
        return error_set(m->error, HEARTH_E_LIMIT, "the prompt", NULL,
                         "%zu tokens, the context has %zu (--context sets it, up to the model's %u)", m->prompt.count,
                         context, m->r->o.model->config.context);
    }
    if (m->prompt.count == 0) {
        return error_set(m->error, HEARTH_E_ARGUMENT, "the prompt", "at least one token", "none");
    }
    return HEARTH_OK;
}

static hearth_status feed(run_state *r, const token_list *ids, size_t *ret_kept, hearth_error *error)
{
    terminal_progress bar = {.quiet = r->c->quiet};
    const hearth_status status =
        session_feed_shared(r->session, ids->ids, ids->count, terminal_progress_step, &bar, ret_kept, error);
    terminal_progress_end(&bar);
    return status;
}

/* The context is full and the answer is not done: the kept tokens are fed anew. False: it ends here. */
static bool make_room(making *m, size_t prompt_before, hearth_status *ret_status)
{
    run_state *r = m->r;
    const size_t context = session_context_length(r->session);
    const size_t made = session_length(r->session) - prompt_before;
    int32_t *answer = mem_calloc(made, sizeof *answer);
    if (answer == NULL) {
        *ret_status = error_memory(m->error, made * sizeof *answer);
        return false;
    }
    memcpy(answer, session_tokens(r->session) + prompt_before, made * sizeof *answer);
    size_t kept = made;
    size_t forgotten = 0;
    *ret_status = forget(m, made, &forgotten);
    say_exchanges(m, forgotten, true);
    if (*ret_status == HEARTH_OK && m->prompt.count + made >= context && r->s->most_tokens > 0) {
        kept = m->prompt.count < context ? (context - m->prompt.count) / 2 : 0;
    }
    const bool fits = *ret_status == HEARTH_OK && m->prompt.count + kept < context && kept > 0;
    if (fits && kept < made && !m->halved) {
        say_forgotten(m, "each time the older half of the answer is", true);
        m->halved = true;
    }
    const size_t prompt_count = m->prompt.count;
    for (size_t i = 0; fits && i < kept && *ret_status == HEARTH_OK; i++) {
        *ret_status = token_list_append(&m->prompt, answer[made - kept + i], m->error);
    }
    if (fits && *ret_status == HEARTH_OK) {
        *ret_status = feed(r, &m->prompt, NULL, m->error);
    }
    m->prompt.count = prompt_count;
    mem_free(answer);
    return fits && *ret_status == HEARTH_OK;
}

/* Draws until the answer ends or the context is full. */
static hearth_status draw(making *m, bool *ret_full)
{
    run_state *r = m->r;
    const size_t room = session_context_length(r->session) - session_length(r->session);
    const size_t left = r->s->most_tokens > 0 ? r->s->most_tokens - r->last.tokens : room;
    stream out = {.r = r,
                  .parts = &m->parts,
                  .error = m->error,
                  .bar = &m->bar,
                  .drawn = r->last.tokens,
                  .most = r->s->most_tokens > 0 ? r->s->most_tokens : room};
    const session_answer_options how = {.most_tokens = left < room ? left : room,
                                        .stops = r->s->stops.items,
                                        .stop_count = r->s->stops.count,
                                        .reader = m->parts.reader,
                                        .constraint = m->constraint};
    session_answer_result result = {0};
    TRY(session_answer(r->session, &how, on_text, &out, &result, m->error));
    TRY(out.status);
    r->last.tokens += result.tokens;
    r->last.seconds += result.seconds;
    *ret_full = false;
    switch (result.end) {
    case SESSION_END_TOKEN:
        r->last.end = RUN_END_TOKEN;
        break;
    case SESSION_END_STOP:
        r->last.end = RUN_END_STOP;
        r->last.stop = result.stop;
        break;
    case SESSION_END_CALLER:
        r->last.end = RUN_END_INTERRUPTED;
        break;
    case SESSION_END_LENGTH:
    case SESSION_END_CONTEXT:
        *ret_full = r->s->most_tokens == 0 || r->last.tokens < r->s->most_tokens;
        r->last.end = *ret_full ? RUN_END_CONTEXT : RUN_END_LENGTH;
        break;
    }
    return HEARTH_OK;
}

/* Draws to the end, making room where the context is full. */
static hearth_status draw_all(making *m)
{
    for (;;) {
        bool full = false;
        const size_t prompt_before = m->prompt.count;
        hearth_status status = draw(m, &full);
        if (status != HEARTH_OK || !full) {
            return status;
        }
        if (!make_room(m, prompt_before, &status)) {
            if (status != HEARTH_E_CANCELLED) {
                return status;
            }
            m->r->last.end = RUN_END_INTERRUPTED; /* what was shown stays an answer */
            return HEARTH_OK;
        }
    }
}

static hearth_status make_answer(making *m)
{
    run_state *r = m->r;
    size_t forgotten = 0;
    TRY(fit_prompt(m, &forgotten));
    TRY(run_parts_open(&m->parts, r, &m->prompt, m->error));
    TRY(run_begin_grammar(r, &m->prompt, &m->constraint, m->error));
    (void)signals_leave_at_once(false);
    const double began = time_seconds();
    TRY(feed(r, &m->prompt, &r->last.kept_tokens, m->error));
    r->last.prompt_tokens = m->prompt.count;
    r->last.prompt_seconds = time_seconds() - began;
    say_exchanges(m, forgotten, false);
    const session_guesses before = session_guessed(r->session);
    TRY(draw_all(m));
    const session_guesses all = session_guessed(r->session);
    r->last.guesses =
        (session_guesses){all.drafted - before.drafted, all.accepted - before.accepted, all.steps - before.steps};
    return run_parts_finish(&m->parts, m->error);
}

hearth_status run_make_answer(run_state *r, const char *raw, size_t raw_length, hearth_error *error)
{
    making m = {.r = r, .raw = raw, .raw_length = raw_length, .bar = {.quiet = r->c->quiet}, .error = error};
    TRY(run_answer_begin(&r->last, error));
    json_t *before = json_copy(r->messages); /* refers to the same messages */
    if (before == NULL) {
        return error_memory(error, 0);
    }
    const hearth_status status = make_answer(&m);
    run_parts_close(&m.parts);
    constraint_free(m.constraint);
    terminal_progress_end(&m.bar);
    if (status != HEARTH_OK) { /* then nothing was forgotten for it either */
        json_t *shortened = r->messages;
        r->messages = before;
        before = shortened;
    }
    json_decref(before);
    token_list_free(&m.prompt);
    return status;
}

void run_print_closing(const run_state *r)
{
    const run_answer *a = &r->last;
    if (!terminal_is(stderr) || r->c->quiet) {
        return;
    }
    const size_t computed = a->prompt_tokens - a->kept_tokens;
    fprintf(stderr, "%s%zu prompt tokens", terminal_style(stderr, "dim"), a->prompt_tokens);
    if (computed > 0 && a->prompt_seconds > 0) {
        fprintf(stderr, " (%.0f/s)", (double)computed / a->prompt_seconds);
    }
    fprintf(stderr, ", %zu answer tokens", a->tokens);
    if (a->tokens > 0 && a->seconds > 0) {
        fprintf(stderr, " (%.1f/s)", (double)a->tokens / a->seconds);
    }
    if (a->thinking_tokens > 0) {
        fprintf(stderr, " of which %zu thinking", a->thinking_tokens);
    }
    if (a->guesses.drafted > 0) {
        fprintf(stderr, ", of %zu guesses %zu right", a->guesses.drafted, a->guesses.accepted);
    }
    fprintf(stderr, ", compute %s", open_compute_names[r->s->compute]);
    switch (a->end) {
    case RUN_END_LENGTH:
        fprintf(stderr, "; stopped after --max-tokens%s", a->cut_thinking ? ", in the middle of the thinking" : "");
        break;
    case RUN_END_CONTEXT:
        fprintf(stderr, "; the context of %zu tokens is full", session_context_length(r->session));
        break;
    case RUN_END_INTERRUPTED:
        fprintf(stderr, "; interrupted");
        break;
    default:
        break;
    }
    fprintf(stderr, "%s\n", terminal_style(stderr, "reset"));
}
