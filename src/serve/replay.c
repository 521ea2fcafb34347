/* Recorded answers, made again. */
#include "serve/replay.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "generate/tool_grammar.h"

#include <stdio.h>
#include <string.h>

#define AT_A_TIME 32u

/* One answer under way. */
typedef struct answer_again {
    replay_record *record;
    struct batch *of;
    size_t made; /* tokens that were as recorded */
    hearth_error error;
} answer_again;

typedef struct batch {
    grammars *grammars;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t left; /* under the lock */
    answer_again answers[AT_A_TIME];
} batch;

/* What all answers of a registry have in common. */
static bool same_group(const replay_record *a, const replay_record *b)
{
    return a->compute == b->compute && a->cache == b->cache && a->context == b->context;
}

/* ---- the scheduler's thread ---- */

static bool on_token(void *context, const generation_token *token)
{
    answer_again *a = context;
    replay_record *r = a->record;
    if (a->made >= r->tokens.count || token->drawn.id != r->tokens.ids[a->made]) {
        r->found = token->drawn.id;
        return false;
    }
    a->made++;
    return true;
}

static void on_done(void *context, const generation_outcome *outcome)
{
    answer_again *a = context;
    replay_record *r = a->record;
    a->error = outcome->error;
    if (outcome->end != GENERATION_END_FAILED && outcome->end != GENERATION_END_CANCELLED) {
        r->done = true;
        r->at = a->made;
        r->same = a->made == r->tokens.count && r->found < 0;
    }
    pthread_mutex_lock(&a->of->lock);
    a->of->left--;
    pthread_cond_signal(&a->of->ended);
    pthread_mutex_unlock(&a->of->lock);
}

/* ---- a batch ---- */

static hearth_status make_constraint(served_model *m, const answer_again *a, constraint **ret, hearth_error *error)
{
    const replay_record *r = a->record;
    const grammar_vocabulary *vocabulary = NULL;
    grammar *made = NULL;
    if (!r->bound) {
        return HEARTH_OK;
    }
    TRY(models_vocabulary(m, &vocabulary, error));
    if (r->calls) {
        const tool_grammar_options how = {.tools = json_object_get(r->constraint, "tools"),
                                          .name = json_string_value(json_object_get(r->constraint, "name")),
                                          .parallel = json_is_true(json_object_get(r->constraint, "parallel")),
                                          .thinks = json_is_true(json_object_get(r->constraint, "thinks"))};
        TRY(grammar_from_tools(&m->format, &how, &made, error));
    } else {
        const grammar_before before = {.format = &m->format, .thinks = r->thinks, .may_think = r->may_think};
        TRY(grammars_take(a->of->grammars, r->kind, r->constraint, r->thought_before ? &before : NULL, &made, error));
    }
    const hearth_status status = constraint_create(made, vocabulary, ret, error);
    grammar_release(made);
    return status;
}

static hearth_status begin(served_model *m, answer_again *a, hearth_error *error)
{
    const replay_record *r = a->record;
    generation *made = NULL;
    generation_request asked = {.prompt = r->prompt.ids,
                                .prompt_count = r->prompt.count,
                                .sampling = r->sampling,
                                .most_tokens = r->tokens.count,
                                .ignore_end = r->ignore_end,
                                .token = on_token,
                                .done = on_done,
                                .context = a};
    TRY(make_constraint(m, a, &asked.constraint, error));
    pthread_mutex_lock(&a->of->lock);
    a->of->left++;
    pthread_mutex_unlock(&a->of->lock);
    const hearth_status status = scheduler_submit(m->scheduler, &asked, &made, error);
    if (status != HEARTH_OK) {
        constraint_free(asked.constraint);
        pthread_mutex_lock(&a->of->lock);
        a->of->left--;
        pthread_mutex_unlock(&a->of->lock);
    }
    return status;
}

static char *text_of(const served_model *m, int32_t id)
{
    buffer piece;
    buffer_init(&piece, 0);
    char *text = tokenizer_piece(m->m->tokenizer, id, DECODE_SPECIAL, &piece, NULL) == HEARTH_OK
                     ? mem_strdup(buffer_text(&piece))
                     : NULL;
    buffer_free(&piece);
    return text;
}

static hearth_status end_one(const replay_file *f, const served_model *m, const answer_again *a, hearth_error *error)
{
    replay_record *r = a->record;
    if (!r->done) {
        char place[64];
        *error = a->error;
        if (error->status == HEARTH_OK) {
            snprintf(place, sizeof place, "line %zu", r->line);
            (void)error_set(error, HEARTH_E_CANCELLED, place, NULL, "the answer was not made");
        }
        error_in_file(error, f->path);
        return error->status;
    }
    if (!r->same) {
        r->recorded_text = r->at < r->tokens.count ? text_of(m, r->tokens.ids[r->at]) : NULL;
        r->found_text = r->found >= 0 ? text_of(m, r->found) : NULL;
    }
    return HEARTH_OK;
}

static hearth_status wait_for(const replay_file *f, const served_model *m, batch *b, size_t count, hearth_error *error)
{
    pthread_mutex_lock(&b->lock);
    while (b->left > 0) {
        pthread_cond_wait(&b->ended, &b->lock);
    }
    pthread_mutex_unlock(&b->lock);
    for (size_t i = 0; i < count; i++) {
        TRY(end_one(f, m, &b->answers[i], error));
    }
    return HEARTH_OK;
}

/* ---- a model's answers ---- */

static hearth_status check_model(const replay_file *f, const replay_record *r, const served_model *m,
                                 hearth_error *error)
{
    char place[400];
    if (m->scheduler != NULL && strcmp(m->fingerprint, r->fingerprint) == 0) {
        return HEARTH_OK;
    }
    snprintf(place, sizeof place, "line %zu, the model %.200s (%.100s)", r->line, r->model, m->source);
    (void)error_set(error, HEARTH_E_ARGUMENT, place, r->fingerprint, "%s", m->fingerprint);
    error_in_file(error, f->path);
    return HEARTH_E_ARGUMENT;
}

static hearth_status check_ids(const replay_file *f, const replay_record *r, const served_model *m, hearth_error *error)
{
    const token_list *lists[] = {&r->prompt, &r->tokens};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            if (lists[k]->ids[i] >= (int32_t)m->m->config.vocabulary) {
                char place[64];
                snprintf(place, sizeof place, "line %zu, %s", r->line, k == 0 ? "prompt" : "tokens");
                (void)error_set(error, HEARTH_E_FORMAT, place, "ids of the model's vocabulary", "%d",
                                (int)lists[k]->ids[i]);
                error_in_file(error, f->path);
                return HEARTH_E_FORMAT;
            }
        }
    }
    return HEARTH_OK;
}

static bool is_open(const replay_record *r, const replay_record *first)
{
    return !r->done && same_group(r, first) && strcmp(r->model, first->model) == 0 &&
           strcmp(r->source, first->source) == 0;
}

typedef struct counted {
    const replay_options *o;
    size_t done;
} counted;

/* All that are left of this model, a batch after the other. */
static hearth_status run_model(replay_file *f, served_model *m, const replay_record *first, counted *c, batch *b,
                               hearth_error *error)
{
    for (size_t from = (size_t)(first - f->records); from < f->count;) {
        size_t count = 0;
        hearth_status status = HEARTH_OK;
        for (; from < f->count && count < AT_A_TIME && status == HEARTH_OK; from++) {
            replay_record *r = &f->records[from];
            if (is_open(r, first)) {
                TRY(check_model(f, r, m, error));
                TRY(check_ids(f, r, m, error));
                r->found = -1;
                b->answers[count] = (answer_again){.record = r, .of = b};
                status = begin(m, &b->answers[count], error);
                count += status == HEARTH_OK ? 1 : 0;
            }
        }
        hearth_error late = {0};
        const hearth_status ended = wait_for(f, m, b, count, status == HEARTH_OK ? error : &late);
        if (status != HEARTH_OK) {
            error_in_file(error, f->path);
            return status;
        }
        TRY(ended);
        c->done += count;
        if (c->o->progress != NULL && !c->o->progress(c->o->context, "answers", c->done, f->count, "answers")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
    return HEARTH_OK;
}

/* "NAME=MODEL" as the user has it, or as it was recorded. */
static char *operand_of(const replay_options *o, const replay_record *r)
{
    const size_t length = strlen(r->model);
    for (size_t i = 0; o->models != NULL && o->models[i] != NULL; i++) {
        if (strncmp(o->models[i], r->model, length) == 0 && o->models[i][length] == '=') {
            return mem_strdup(o->models[i]);
        }
    }
    return text_format("%s=%s", r->model, r->source);
}

static hearth_status run_first(replay_file *f, const replay_record *first, counted *c, batch *b, hearth_error *error)
{
    char *operand = operand_of(c->o, first);
    if (operand == NULL) {
        return error_memory(error, strlen(first->model));
    }
    const char *const names[] = {operand, NULL};
    const models_options how = {.names = names,
                                .threads = c->o->threads,
                                .isa = c->o->isa,
                                .compute = first->compute,
                                .scheduler = {.context_length = first->context, .cache = first->cache}};
    models *registry = NULL;
    served_model *m = NULL;
    hearth_status status = models_create(&how, &registry, error);
    status = status == HEARTH_OK ? models_take(registry, NULL, &m, error) : status;
    status = status == HEARTH_OK ? run_model(f, m, first, c, b, error) : status;
    models_give_back(registry, m);
    models_free(registry);
    mem_free(operand);
    return status;
}

hearth_status replay_run(replay_file *f, const replay_options *options, hearth_error *error)
{
    batch b = {0};
    counted c = {.o = options};
    pthread_mutex_init(&b.lock, NULL);
    pthread_cond_init(&b.ended, NULL);
    hearth_status status = grammars_create(LIMIT_GRAMMARS_KEPT_BYTES, &b.grammars, error);
    for (size_t i = 0; i < f->count && status == HEARTH_OK; i++) {
        if (!f->records[i].done) {
            status = run_first(f, &f->records[i], &c, &b, error);
        }
    }
    grammars_free(b.grammars);
    pthread_mutex_destroy(&b.lock);
    pthread_cond_destroy(&b.ended);
    return status;
}
