/* Generations of one request, their readers, and who is told. */
#include "serve/answering.h"

#include "generate/answer_reader.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "serve/access.h"
#include "serve/counters.h"
#include "serve/recording.h"
#include "serve/server.h"

#include <stdatomic.h>
#include <string.h>

typedef struct answering answering;

typedef struct choice {
    answering *of;
    unsigned index;
    answer_reader *reader;
    generation *generation; /* under the lock; NULL before and after */
    bool done;              /* under the lock */
    bool called;            /* a tool call came */
    bool telling;           /* one is told in pieces, or was */
    bool cut;               /* what it is in the middle of stays so */
    size_t tokens, reasoning_tokens;
    double first, last; /* when its first and its last token came */
    bool late;          /* it took as long as an answer may */
    token_list own, *drawn;
    json_t *record; /* what is recorded of its request; NULL: nothing */
} choice;

struct answering {
    request *r;
    served_model *model;
    json_t *tools;
    char **stops;
    size_t stop_count;
    bool own_stops;
    bool logprobs, one_call;
    answer_limits limits;
    answer_format format;
    const answer_writer *writer;
    void *context;
    buffer piece;

    pthread_mutex_t lock;
    bool gone;         /* under the lock: nobody wants it */
    hearth_error late; /* under the lock: what was wrong with a choice that was submitted after others */
    atomic_uint left;  /* choices under way, and one for the thread that submits */

    /* of the scheduler's thread */
    bool begun, stopped, failed;
    hearth_error error;
    double first; /* when the first token came; 0 before */
    answer_usage usage;
    unsigned each; /* choices of one prompt */
    unsigned choice_count;
    choice choices[];
};

/* ---- what is told ---- */

static bool begin(answering *a)
{
    if (!a->begun && !a->stopped) {
        a->begun = true;
        a->stopped = !a->writer->begin(a->context);
    }
    return !a->stopped;
}

static hearth_status stop_unless(answering *a, bool good, hearth_error *error)
{
    a->stopped = a->stopped || !good;
    return a->stopped ? error_set(error, HEARTH_E_CANCELLED, "answer", NULL, "its client has left") : HEARTH_OK;
}

/* A call that was told in pieces has come to its end: `problem` is what is wrong with it, or NULL. */
static hearth_status end_told(choice *c, const char *problem, hearth_error *error)
{
    answering *a = c->of;
    const answer_writer *w = a->writer;
    if (!c->telling || w->call_end == NULL || (problem != NULL && c->cut)) {
        return HEARTH_OK;
    }
    TRY(stop_unless(a, w->call_end(a->context, c->index, problem == NULL), error));
    return problem == NULL
               ? HEARTH_OK
               : error_set(error, HEARTH_E_FORMAT, "answer", NULL, "the model's call is not valid JSON: %s", problem);
}

static hearth_status on_event(void *context, const answer_event *event, hearth_error *error)
{
    choice *c = context;
    answering *a = c->of;
    const answer_writer *w = a->writer;
    bool good = true;
    switch (event->part) {
    case ANSWER_CONTENT:
        good = w->text == NULL || w->text(a->context, c->index, event->text, event->length);
        break;
    case ANSWER_REASONING:
        good = w->reasoning == NULL || w->reasoning(a->context, c->index, event->text, event->length);
        break;
    case ANSWER_CALL:
        if (a->one_call && c->called) {
            return HEARTH_OK;
        }
        c->called = true;
        if (event->told) {
            return end_told(c, NULL, error);
        }
        good = w->call == NULL || w->call(a->context, c->index, event->call);
        break;
    case ANSWER_CALL_BEGIN:
        c->telling = !a->one_call || !c->called;
        good = !c->telling || w->call_begin(a->context, c->index, event->call);
        break;
    case ANSWER_CALL_PIECE:
        good = !c->telling || w->call_piece(a->context, c->index, event->text, event->length);
        break;
    case ANSWER_BAD_CALL: /* its text was told */
        if (event->told) {
            c->called = true;
            return end_told(c, event->text, error);
        }
        break;
    }
    return stop_unless(a, good, error);
}

/* ---- what the scheduler tells ---- */

static void count_time(choice *c)
{
    const double now = time_seconds();
    answering *a = c->of;
    a->first = a->first == 0 ? now : a->first;
    if (c->tokens > 0) {
        counters_next_token(now - c->last);
    } else {
        c->first = now;
    }
    c->last = now;
    c->tokens++;
}

/* What opens and closes parts is part of no text. */
static bool is_mark(const answer_format *f, int32_t id)
{
    for (size_t i = 0; i < ANSWER_MARKS; i++) {
        if (f->marks[i].text != NULL && f->marks[i].id == id) {
            return true;
        }
    }
    return false;
}

static hearth_status read_token(choice *c, const generation_token *token, hearth_error *error)
{
    answering *a = c->of;
    const bool thought = answer_reader_thinks(c->reader);
    buffer_clear(&a->piece);
    TRY(tokenizer_piece(a->model->m->tokenizer, token->drawn.id, DECODE_PLAIN, &a->piece, error));
    if (a->logprobs && !thought && !is_mark(&a->format, token->drawn.id) && a->writer->token != NULL) {
        TRY(stop_unless(a, a->writer->token(a->context, c->index, token), error));
    }
    TRY(answer_reader_push(c->reader, token->drawn.id, buffer_text(&a->piece), a->piece.length, error));
    c->reasoning_tokens += thought ? 1 : 0;
    return HEARTH_OK;
}

static void fail(answering *a, const hearth_error *error)
{
    if (!a->failed) {
        a->failed = true;
        a->error = *error;
    }
    a->stopped = true;
}

static bool on_token(void *context, const generation_token *token)
{
    choice *c = context;
    answering *a = c->of;
    hearth_error error = {0};
    count_time(c);
    if (token_list_append(c->drawn, token->drawn.id, &error) != HEARTH_OK) {
        fail(a, &error);
        return false;
    }
    if (!begin(a)) {
        return false;
    }
    if (token->end) {
        return true;
    }
    const hearth_status status = read_token(c, token, &error);
    if (status != HEARTH_OK && !a->stopped) {
        fail(a, &error);
    }
    const bool over = answer_reader_stop(c->reader) != NULL || (a->one_call && c->called);
    c->late = !over && a->limits.seconds > 0 && c->last - c->first >= a->limits.seconds;
    return status == HEARTH_OK && !a->stopped && !over && !c->late;
}

static void end_choice(choice *c, const generation_outcome *o)
{
    answering *a = c->of;
    hearth_error error = {0};
    const bool cut = o->end == GENERATION_END_LENGTH || o->end == GENERATION_END_CONTEXT || c->late;
    if (!begin(a)) {
        return;
    }
    c->cut = cut;
    if (answer_reader_finish(c->reader, &error) != HEARTH_OK) {
        if (!a->stopped) {
            fail(a, &error);
        }
        return;
    }
    const answer_finish why = cut ? FINISH_LENGTH : (c->called || c->telling ? FINISH_CALLS : FINISH_STOP);
    const char *stop = a->own_stops ? NULL : answer_reader_stop(c->reader);
    if (a->writer->finish != NULL && !a->writer->finish(a->context, c->index, why, stop)) {
        a->stopped = true;
    }
}

static void add_usage(answering *a, const choice *c, const generation_outcome *o)
{
    answer_usage *u = &a->usage;
    if (c->index % a->each == 0) {
        u->prompt_tokens += o->prompt_tokens;
        u->kept_tokens += o->kept_tokens;
    }
    if (c->index == 0) {
        u->prompt_s = o->prompt_s;
        u->answer_s = o->answer_s;
    }
    u->tokens += o->tokens;
    u->drafted += o->drafted;
    u->accepted += o->accepted;
    u->steps += o->steps;
    u->reasoning_tokens += c->reasoning_tokens;
}

static void cancel_all(answering *a)
{
    pthread_mutex_lock(&a->lock);
    a->gone = true;
    for (unsigned i = 0; i < a->choice_count; i++) {
        if (a->choices[i].generation != NULL) {
            generation_cancel(a->choices[i].generation);
        }
    }
    pthread_mutex_unlock(&a->lock);
}

static void on_gone(void *context)
{
    cancel_all(context);
}

static void free_answering(answering *a)
{
    for (unsigned i = 0; i < a->choice_count; i++) {
        answer_reader_free(a->choices[i].reader);
        token_list_free(&a->choices[i].own);
        json_decref(a->choices[i].record);
    }
    for (size_t i = 0; i < a->stop_count; i++) {
        mem_free(a->stops[i]);
    }
    mem_free(a->stops);
    json_decref(a->tools);
    buffer_free(&a->piece);
    pthread_mutex_destroy(&a->lock);
    mem_free(a);
}

/* Nothing is generated any more. */
static void end_all(answering *a)
{
    request *r = a->r;
    const counters_answer counted = {.prompt_tokens = a->usage.prompt_tokens,
                                     .kept_tokens = a->usage.kept_tokens,
                                     .tokens = a->usage.tokens,
                                     .first_s = a->first == 0 ? -1 : a->first - r->began,
                                     .whole_s = time_seconds() - r->began,
                                     .cancelled = a->stopped};
    http_call_on_gone(r->call, NULL, NULL);
    counters_ended(&counted);
    access_spend(r, a->usage.prompt_tokens, a->usage.tokens);
    if (a->late.status != HEARTH_OK) { /* nobody submits any more */
        fail(a, &a->late);
    }
    if (a->failed || a->stopped) {
        if (!a->failed) {
            (void)error_set(&a->error, HEARTH_E_CANCELLED, NULL, NULL, "the answer was cut off");
        }
        a->writer->fail(a->context, &a->error);
    } else {
        a->writer->end(a->context, &a->usage);
    }
    if (a->writer->drop != NULL) {
        a->writer->drop(a->context);
    }
    models_give_back(server_models(r->s), a->model);
    free_answering(a);
    request_release(r);
}

static void let_go(answering *a)
{
    if (atomic_fetch_sub(&a->left, 1) == 1) {
        end_all(a);
    }
}

static void on_done(void *context, const generation_outcome *o)
{
    choice *c = context;
    answering *a = c->of;
    pthread_mutex_lock(&a->lock);
    c->done = true;
    c->generation = NULL;
    pthread_mutex_unlock(&a->lock);
    add_usage(a, c, o);
    if (o->end == GENERATION_END_FAILED) {
        fail(a, &o->error);
    } else if (o->end == GENERATION_END_CANCELLED) {
        a->stopped = true;
    } else if (!a->stopped) {
        end_choice(c, o);
        recording_add(server_recording(a->r->s), c->record, c->drawn, o->end);
    }
    if (a->stopped) {
        cancel_all(a);
    }
    let_go(a);
}

/* ---- beginning ---- */

static hearth_status copy_stops(answering *a, const answer_plan *p, hearth_error *error)
{
    a->own_stops = p->own_stops;
    a->stops = mem_calloc(p->stop_count + 1, sizeof *a->stops);
    if (a->stops == NULL) {
        return error_memory(error, p->stop_count * sizeof *a->stops);
    }
    for (size_t i = 0; i < p->stop_count; i++) {
        a->stops[i] = mem_strdup(p->stops[i]);
        if (a->stops[i] == NULL) {
            return error_memory(error, strlen(p->stops[i]));
        }
        a->stop_count++;
    }
    return HEARTH_OK;
}

static hearth_status make_readers(answering *a, const answer_plan *p, hearth_error *error)
{
    for (unsigned i = 0; i < a->choice_count; i++) {
        choice *c = &a->choices[i];
        const answer_reader_options how = {.format = p->format,
                                           .tools = a->tools,
                                           .thinks = p->thinks,
                                           .calls_before = p->calls_before,
                                           .stops = (const char *const *)a->stops,
                                           .stop_count = a->stop_count,
                                           .pieces = a->writer->call_begin != NULL && a->writer->call_piece != NULL,
                                           .event = on_event,
                                           .context = c};
        c->of = a;
        c->index = i;
        c->drawn = p->drawn != NULL ? &p->drawn[i] : &c->own;
        TRY(answer_reader_create(&how, &c->reader, error));
    }
    return HEARTH_OK;
}

static hearth_status make_constraint(const answering *a, const answer_plan *p, constraint **ret, hearth_error *error)
{
    const grammar_vocabulary *vocabulary = NULL;
    if (p->grammar == NULL) {
        return HEARTH_OK;
    }
    TRY(models_vocabulary(a->model, &vocabulary, error));
    return constraint_create(p->grammar, vocabulary, ret, error);
}

/* What the scheduler has taken over is told about at once, maybe before it is known here. */
static void note_submitted(answering *a, choice *c, generation *made)
{
    pthread_mutex_lock(&a->lock);
    if (!c->done) {
        c->generation = made;
        if (a->gone) {
            generation_cancel(made);
        }
    }
    pthread_mutex_unlock(&a->lock);
}

static hearth_status submit(answering *a, choice *c, const answer_plan *p, hearth_error *error)
{
    const token_list *prompt = &p->prompts[c->index / p->choices];
    const size_t most = a->limits.tokens;
    generation_request asked = {.prompt = prompt->ids,
                                .prompt_count = prompt->count,
                                .sampling = p->sampling,
                                .most_tokens =
                                    most != 0 && (p->most_tokens == 0 || p->most_tokens > most) ? most : p->most_tokens,
                                .ignore_end = p->ignore_end,
                                .logprobs = p->logprobs,
                                .top_logprobs = p->top_logprobs,
                                .draft_most = a->model->guesses,
                                .group = a->r->group,
                                .token = on_token,
                                .done = on_done,
                                .context = c};
    asked.sampling.seed += c->index % p->choices;
    generation *made = NULL;
    c->record = recording_request(server_recording(a->r->s), a->model, &asked, p->bound);
    TRY(make_constraint(a, p, &asked.constraint, error));
    atomic_fetch_add(&a->left, 1);
    const hearth_status status = scheduler_submit(a->model->scheduler, &asked, &made, error);
    if (status != HEARTH_OK) {
        constraint_free(asked.constraint);
        atomic_fetch_sub(&a->left, 1); /* ours is still there */
        return status;
    }
    note_submitted(a, c, made);
    return HEARTH_OK;
}

static hearth_status create(request *r, const answer_plan *p, const answer_writer *writer, answering **ret,
                            hearth_error *error)
{
    const size_t count = p->prompt_count * p->choices;
    const size_t bytes = sizeof **ret + count * sizeof(choice);
    answering *a = mem_calloc(1, bytes);
    if (a == NULL) {
        return error_memory(error, bytes);
    }
    *ret = a;
    a->r = r;
    a->writer = writer;
    a->model = p->model;
    a->tools = json_incref((json_t *)p->tools);
    a->logprobs = p->logprobs;
    a->format = p->format;
    a->one_call = p->one_call;
    a->limits = server_answers(r->s);
    a->left = 1;
    a->each = p->choices;
    a->choice_count = (unsigned)count;
    buffer_init(&a->piece, 0);
    pthread_mutex_init(&a->lock, NULL);
    TRY(copy_stops(a, p, error));
    return make_readers(a, p, error);
}

hearth_status answering_start(request *r, const answer_plan *plan, const answer_writer *writer, void *context,
                              hearth_error *error)
{
    answering *a = NULL;
    hearth_status status = create(r, plan, writer, &a, error);
    if (status != HEARTH_OK) {
        if (a != NULL) {
            free_answering(a);
        }
        return status;
    }
    a->context = context;
    status = submit(a, &a->choices[0], plan, error);
    if (status != HEARTH_OK) {
        free_answering(a);
        return status;
    }
    hearth_error later = {0};
    (void)request_retain(r);
    for (unsigned i = 1; i < a->choice_count && status == HEARTH_OK; i++) {
        status = submit(a, &a->choices[i], plan, &later);
    }
    if (status != HEARTH_OK) { /* those that were accepted end as cancelled, and `fail` is told */
        pthread_mutex_lock(&a->lock);
        a->late = later;
        pthread_mutex_unlock(&a->lock);
        cancel_all(a);
    }
    http_call_on_gone(r->call, on_gone, a);
    let_go(a);
    return HEARTH_OK;
}
