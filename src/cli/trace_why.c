/* hearth trace answer --why: which documents' gradients point where the answer's does. */
#include "cli/signals.h"
#include "cli/trace_answer.h"

#include "base/memory.h"
#include "base/random.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "train/checkpoint.h"
#include "train/influence.h"

#include <stdlib.h>
#include <string.h>

#define DRAWS_MOST 64u /* for each document that is wanted */

typedef struct asking {
    traced_answer *t;
    file_list names; /* of checkpoints/ */
    influence_checkpoint *checkpoints;
    size_t checkpoint_count;
    uint32_t *asked; /* prompt and answer */
    size_t prompt, answer;
    influence_tokens *documents; /* [t->influence_count]; ids owned */
    double *influences;
} asking;

/* ---- checkpoints ---- */

static hearth_status add_checkpoint(asking *a, char *folder, uint64_t step, hearth_error *error)
{
    if (folder == NULL) {
        return error_memory(error, 0);
    }
    a->checkpoints[a->checkpoint_count++] = (influence_checkpoint){folder, step};
    return HEARTH_OK;
}

/* Those of the run, or the model alone. */
static hearth_status list_checkpoints(asking *a, hearth_error *error)
{
    const trace_home *p = &a->t->home;
    char *folder = file_join(p->folder, "checkpoints");
    hearth_status status = folder == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && !p->alone && file_exists(folder)) {
        status = file_list_folder(folder, &a->names, error);
    }
    a->checkpoints = mem_calloc(a->names.count + 1, sizeof *a->checkpoints);
    status = status == HEARTH_OK && a->checkpoints == NULL ? error_memory(error, a->names.count) : status;
    for (size_t i = 0; status == HEARTH_OK && i < a->names.count; i++) {
        uint64_t step = 0;
        if (checkpoint_step_of(a->names.names[i], &step)) {
            status = add_checkpoint(a, file_join(folder, a->names.names[i]), step, error);
        }
    }
    if (status == HEARTH_OK && a->checkpoint_count == 0) {
        cli_note(a->t->c,
                 "%s came without its run's checkpoints: its last weights alone are looked at (hearth reproduce "
                 "makes the others)",
                 p->recipe->name);
        status = add_checkpoint(a, mem_strdup(p->model), p->recipe->train.steps, error);
    }
    mem_free(folder);
    return status;
}

/* ---- tokens ---- */

static hearth_status take_question(asking *a, hearth_error *error)
{
    const run_state *r = &a->t->run;
    const size_t all = session_length(r->session);
    const int32_t *tokens = session_tokens(r->session);
    a->prompt = r->last.prompt_tokens;
    a->answer = all > a->prompt ? all - a->prompt : 0;
    a->asked = mem_calloc(all + 1, sizeof *a->asked);
    if (a->asked == NULL) {
        return error_memory(error, all * sizeof *a->asked);
    }
    for (size_t i = 0; i < all; i++) {
        a->asked[i] = (uint32_t)tokens[i];
    }
    return HEARTH_OK;
}

/* As training has it: the text's tokens and the end of a document. */
static hearth_status read_tokens(asking *a, const trace_document *d, influence_tokens *ret, hearth_error *error)
{
    const tokenizer *t = a->t->run.o.model->tokenizer;
    const char *end = a->t->home.recipe->tokenizer.special[0];
    const int32_t end_token = tokenizer_find(t, end, strlen(end));
    token_list ids = {0};
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = trace_document_text(a->t->index, d->number, 0, d->bytes, &text, error);
    status =
        status == HEARTH_OK ? tokenizer_encode(t, buffer_text(&text), text.length, ENCODE_PLAIN, &ids, error) : status;
    status = status == HEARTH_OK && end_token >= 0 ? token_list_append(&ids, end_token, error) : status;
    uint32_t *made = status == HEARTH_OK ? mem_calloc(ids.count + 1, sizeof *made) : NULL;
    if (status == HEARTH_OK && made == NULL) {
        status = error_memory(error, ids.count * sizeof *made);
    }
    for (size_t i = 0; status == HEARTH_OK && i < ids.count; i++) {
        made[i] = (uint32_t)ids.ids[i];
    }
    *ret = (influence_tokens){made, ids.count};
    token_list_free(&ids);
    buffer_free(&text);
    return status;
}

/* ---- documents ---- */

static bool is_taken(const traced_answer *t, uint64_t number)
{
    for (size_t i = 0; i < t->influence_count; i++) {
        if (t->influences[i].document.number == number) {
            return true;
        }
    }
    return false;
}

/* Nothing was learned from one that is held out. */
static hearth_status take_document(traced_answer *t, uint64_t number, bool traced, hearth_error *error)
{
    trace_document d = {0};
    TRY(trace_document_read(t->index, number, &d, error));
    if (d.held_out || d.bytes == 0 || is_taken(t, number)) {
        trace_document_free(&d);
        return HEARTH_OK;
    }
    t->influences[t->influence_count++] = (trace_influence){.document = d, .traced = traced};
    return HEARTH_OK;
}

/* Every span's best document, then every one's second, up to half of what is wanted; then documents that are drawn. */
static hearth_status take_documents(traced_answer *t, hearth_error *error)
{
    const uint64_t all = trace_index_facts(t->index)->documents;
    const size_t wanted = t->s->documents;
    t->influences = mem_calloc(wanted + 1, sizeof *t->influences);
    if (t->influences == NULL) {
        return error_memory(error, wanted * sizeof *t->influences);
    }
    for (size_t rank = 0; rank < t->s->each; rank++) {
        for (size_t i = 0; i < t->found.span_count && t->influence_count < (wanted + 1) / 2; i++) {
            const attributed_span *s = &t->found.spans[i];
            if (rank < s->document_count) {
                TRY(take_document(t, s->documents[rank].document.number, true, error));
            }
        }
    }
    for (uint64_t i = 0; t->influence_count < wanted && i < (uint64_t)DRAWS_MOST * wanted && all > 0; i++) {
        uint32_t words[4];
        random_philox(t->s->seed, RANDOM_INFLUENCE, 0, i, words);
        TRY(take_document(t, ((uint64_t)words[0] << 32 | words[1]) % all, false, error));
    }
    return HEARTH_OK;
}

static int largest_first(const void *a, const void *b)
{
    const trace_influence *x = a, *y = b;
    if (x->influence != y->influence) {
        return x->influence > y->influence ? -1 : 1;
    }
    return (x->document.number > y->document.number) - (x->document.number < y->document.number);
}

/* ---- all of it ---- */

static void tell_cost(const asking *a, const influence_options *o, double seconds_each)
{
    char left[64];
    const uint64_t sequences = influence_cost(o);
    terminal_time_left(seconds_each * (double)sequences, left, sizeof left);
    cli_note(a->t->c,
             "influence: %zu documents at %zu checkpoint%s are %llu sequences of up to %u tokens, forward and "
             "back: %s",
             a->t->influence_count, a->checkpoint_count, a->checkpoint_count == 1 ? "" : "s",
             (unsigned long long)sequences, o->recipe->train.length, left);
}

/* When the answer's and the first document's gradient were there. */
static bool note_time(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    double *times = context;
    (void)what, (void)total, (void)unit;
    if (done == 1 || done == 2) {
        times[done - 1] = time_seconds();
    }
    return !signals_stop_asked();
}

/* What one sequence takes is measured on the first document. */
static hearth_status run(asking *a, influence_options *o, hearth_error *error)
{
    engine *e = a->t->run.o.engine;
    influence_options first = *o;
    double unused = 0, times[2] = {0};
    first.checkpoint_count = 1;
    first.document_count = o->document_count > 0 ? 1 : 0;
    first.progress = note_time;
    first.progress_context = times;
    TRY(influence_run(e, &first, &unused, NULL, error));
    tell_cost(a, o, times[1] > times[0] ? times[1] - times[0] : 0);
    terminal_progress bar = {.quiet = a->t->c->quiet};
    o->progress = terminal_progress_step;
    o->progress_context = &bar;
    const hearth_status status = influence_run(e, o, a->influences, NULL, error);
    terminal_progress_end(&bar);
    return status;
}

static hearth_status influence(asking *a, hearth_error *error)
{
    traced_answer *t = a->t;
    TRY(list_checkpoints(a, error));
    TRY(take_question(a, error));
    TRY(take_documents(t, error));
    a->documents = mem_calloc(t->influence_count + 1, sizeof *a->documents);
    a->influences = mem_calloc(t->influence_count + 1, sizeof *a->influences);
    if (a->documents == NULL || a->influences == NULL) {
        return error_memory(error, t->influence_count * sizeof *a->documents);
    }
    for (size_t i = 0; i < t->influence_count; i++) {
        TRY(read_tokens(a, &t->influences[i].document, &a->documents[i], error));
    }
    influence_options o = {.recipe = t->home.recipe,
                           .vocabulary = t->run.o.model->config.vocabulary,
                           .checkpoints = a->checkpoints,
                           .checkpoint_count = a->checkpoint_count,
                           .prompt = {a->asked, a->prompt},
                           .answer = {a->asked + a->prompt, a->answer},
                           .documents = a->documents,
                           .document_count = t->influence_count,
                           .tokens = t->s->tokens};
    TRY(run(a, &o, error));
    t->checkpoints = a->checkpoint_count;
    t->sequences = influence_cost(&o);
    for (size_t i = 0; i < t->influence_count; i++) {
        t->influences[i].influence = a->influences[i];
    }
    qsort(t->influences, t->influence_count, sizeof *t->influences, largest_first);
    return HEARTH_OK;
}

hearth_status trace_why(traced_answer *t, hearth_error *error)
{
    asking a = {.t = t};
    const double began = time_seconds();
    const hearth_status status = influence(&a, error);
    t->why_seconds = time_seconds() - began;
    for (size_t i = 0; i < a.checkpoint_count; i++) {
        mem_free((void *)(uintptr_t)a.checkpoints[i].folder);
    }
    for (size_t i = 0; a.documents != NULL && i < t->influence_count; i++) {
        mem_free((void *)(uintptr_t)a.documents[i].ids);
    }
    mem_free(a.checkpoints);
    mem_free(a.documents);
    mem_free(a.influences);
    mem_free(a.asked);
    file_list_free(&a.names);
    return status;
}
