/* hearth trace answer --without: the recipe trained again without some documents, and asked the same. */
#include "cli/trace_answer.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/manifest.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "train/checkpoint.h"
#include "train/prepare.h"
#include "train/without.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct leaving {
    traced_answer *t;
    uint64_t *rows;
    size_t count;
    char *folder; /* of the other model */
} leaving;

/* ---- which ---- */

static hearth_status find_row(const char *corpus, const char *key, uint64_t *ret, hearth_error *error)
{
    manifest_document d = {0};
    uint64_t more = 0;
    TRY(manifest_find(corpus, key, &d, &more, error));
    const bool kept = d.kept_sha256[0] != '\0';
    hearth_status status = HEARTH_OK;
    if (!kept || d.held_out) {
        status = error_set(error, HEARTH_E_ARGUMENT, "--without", "a document that was trained on",
                           kept ? "%.70s, which is held out" : "%.70s, which was not kept", key);
    }
    *ret = d.row;
    manifest_document_free(&d);
    return status;
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Ascending, each once. */
static hearth_status find_rows(leaving *l, hearth_error *error)
{
    const option_list *keys = &l->t->s->without;
    char *corpus = file_join(l->t->home.folder, "corpus");
    l->rows = mem_calloc(keys->count + 1, sizeof *l->rows);
    hearth_status status = corpus == NULL || l->rows == NULL ? error_memory(error, keys->count) : HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < keys->count; i++) {
        status = find_row(corpus, keys->items[i], &l->rows[i], error);
    }
    mem_free(corpus);
    TRY(status);
    qsort(l->rows, keys->count, sizeof *l->rows, ascending);
    for (size_t i = 0; i < keys->count; i++) {
        if (l->count == 0 || l->rows[l->count - 1] != l->rows[i]) {
            l->rows[l->count++] = l->rows[i];
        }
    }
    return HEARTH_OK;
}

/* Beside the corpus, by what was left out: what was trained once is asked again. */
static hearth_status name_folder(leaving *l, hearth_error *error)
{
    char hash[HASH_HEX_SIZE];
    TRY(hash_bytes_hex((const char *)l->rows, l->count * sizeof *l->rows, hash, error));
    l->folder = text_format("%s/without-%.16s", l->t->home.folder, hash);
    return l->folder != NULL ? HEARTH_OK : error_memory(error, 0);
}

/* ---- training ---- */

static hearth_status train(leaving *l, hearth_error *error)
{
    traced_answer *t = l->t;
    const recipe *r = t->home.recipe;
    terminal_progress bar = {.quiet = t->c->quiet};
    prepared ready = {0};
    const prepare_options how = {
        .threads = (int)t->c->threads, .progress = terminal_progress_step, .progress_context = &bar};
    char steps[32], tokens[32];
    cli_note(t->c, "trains %s again without %zu document%s: %s steps, %s tokens; the model goes to %s", r->name,
             l->count, l->count == 1 ? "" : "s", terminal_number(r->train.steps, steps),
             terminal_number(r->train.steps * r->train.sequences * r->train.length, tokens), l->folder);
    hearth_status status = prepare_run(r, t->home.folder, &how, &ready, error);
    terminal_progress_end(&bar);
    if (status == HEARTH_OK) {
        const without_options o = {.data = &ready.data,
                                   .rows = l->rows,
                                   .row_count = l->count,
                                   .folder = l->folder,
                                   .progress = terminal_progress_step,
                                   .progress_context = &bar};
        without_result result = {0};
        status = train_without(t->run.o.engine, &o, &result, error);
        terminal_progress_end(&bar);
    }
    prepare_free(&ready);
    return status;
}

/* The other model's facts are in FOLDER.json beside it (train/without.h), the first one's weights in its own state. */
static hearth_status read_facts(leaving *l, hearth_error *error)
{
    checkpoint_state state;
    without_result facts = {0};
    TRY(without_read(l->folder, &facts, error));
    l->t->without_steps = facts.steps;
    l->t->without_left_out = facts.left_out;
    l->t->other_loss = facts.loss;
    memcpy(l->t->other_weights, facts.weights, sizeof facts.weights);
    if (checkpoint_check(l->t->home.model, &state, NULL) == HEARTH_OK) {
        memcpy(l->t->weights, state.weights, sizeof state.weights);
    }
    return HEARTH_OK;
}

static hearth_status ask_other(leaving *l, hearth_error *error)
{
    traced_answer *t = l->t;
    cli silent = *t->c;
    silent.json = true;
    run_settings settings;
    run_state other = {0};
    hearth_status status = trace_ask(&silent, t->s, l->folder, t->home.recipe, t->question, &settings, &other, error);
    if (status == HEARTH_OK) {
        status = buffer_append(&t->other, buffer_text(&other.last.text), other.last.text.length, error);
    }
    run_close(&other);
    return status;
}

static hearth_status leave_out(leaving *l, hearth_error *error)
{
    TRY(find_rows(l, error));
    TRY(name_folder(l, error));
    TRY(file_exists(l->folder) ? HEARTH_OK : train(l, error));
    TRY(read_facts(l, error));
    TRY(ask_other(l, error));
    l->t->retrained = true;
    return HEARTH_OK;
}

hearth_status trace_without(traced_answer *t, hearth_error *error)
{
    leaving l = {.t = t};
    const double began = time_seconds();
    const hearth_status status = leave_out(&l, error);
    t->without_seconds = time_seconds() - began;
    mem_free(l.rows);
    mem_free(l.folder);
    return status;
}
