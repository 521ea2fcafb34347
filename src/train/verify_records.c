/* The records of a log against its recipe: none is missing, none is too many. */
#include "train/verify_part.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* ---- one record ---- */

hearth_status verify_record(const verifying *v, size_t at, json_t *ours, hearth_error *error)
{
    char text[320];
    char place[64];
    if (ours == NULL) {
        return error_memory(error, 0);
    }
    chain_difference(&v->log.records[at], ours, text, sizeof text);
    json_decref(ours);
    if (text[0] == '\0') {
        return HEARTH_OK;
    }
    (void)snprintf(place, sizeof place, "line %zu", at + 1);
    (void)error_set(error, HEARTH_E_FORMAT, place, "the record that train writes", "%s", text);
    error_in_file(error, "log.jsonl");
    return HEARTH_E_FORMAT;
}

/* ---- all of them ---- */

typedef struct walking {
    verifying *v;
    size_t at; /* the next record */
    hearth_error *found;
} walking;

static hearth_status wrong(const walking *w, const char *expected, hearth_error *error)
{
    char place[64];
    char text[96] = "the log's end";
    (void)snprintf(place, sizeof place, "line %zu", w->at + 1);
    if (w->at < w->v->log.count) {
        const chain_record *r = &w->v->log.records[w->at];
        (void)snprintf(text, sizeof text, "%.40s %llu", chain_kind(r), (unsigned long long)chain_step(r));
    }
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%s", text);
    error_in_file(error, "log.jsonl");
    return HEARTH_E_FORMAT;
}

static hearth_status expect(walking *w, const char *kind, uint64_t step, hearth_error *error)
{
    const chain_log *log = &w->v->log;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "%s %llu", kind, (unsigned long long)step);
    if (w->at >= log->count || strcmp(chain_kind(&log->records[w->at]), kind) != 0 ||
        chain_step(&log->records[w->at]) != step) {
        return wrong(w, expected, error);
    }
    w->at++;
    return HEARTH_OK;
}

/* A checkpoint's record has nothing but its step and hashes; verify_states and verify_segments look at those. */
static hearth_status expect_checkpoint(walking *w, uint64_t step, hearth_error *error)
{
    checkpoint_state s = {.step = step};
    TRY(expect(w, "checkpoint", step, error));
    const chain_record *r = &w->v->log.records[w->at - 1];
    (void)snprintf(s.weights, sizeof s.weights, "%s", chain_text(r, "weights"));
    (void)snprintf(s.optimizer, sizeof s.optimizer, "%s", chain_text(r, "optimizer"));
    (void)snprintf(s.model, sizeof s.model, "%s", chain_text(r, "model"));
    return verify_record(w->v, w->at - 1, trainer_checkpoint_json(&s), error);
}

static bool due(uint64_t step, uint64_t every, uint64_t last)
{
    return step == last || (every > 0 && step % every == 0);
}

/* An evaluation stands where the recipe asks for one and there is text for it; without the corpus the log is believed
 * that there was. */
static bool evaluates(const verifying *v)
{
    if (v->ready.packed == NULL) {
        return chain_find(&v->log, "evaluation", v->recipe->train.steps) != NULL;
    }
    return v->ready.held_out != NULL && v->recipe->train.evaluate_sequences > 0 &&
           packed_sequences(v->ready.held_out) > 0;
}

static hearth_status walk(walking *w, hearth_error *error)
{
    verifying *v = w->v;
    const recipe_train *t = &v->recipe->train;
    const bool evaluation = evaluates(v);
    TRY(expect(w, "begin", 0, error));
    if (chain_number(&v->log.records[0], "version") != 1.0 ||
        chain_number(&v->log.records[0], "contract") != (double)v->recipe->contract) {
        w->at = 0;
        return wrong(w, "version 1 and the recipe's numeric contract", error);
    }
    for (uint64_t step = 1; step <= t->steps; step++) {
        TRY(expect(w, "step", step, error));
        if (evaluation && due(step, t->evaluate_steps, t->steps)) {
            TRY(expect(w, "evaluation", step, error));
        }
        if (due(step, t->checkpoint_steps, t->steps)) {
            TRY(expect_checkpoint(w, step, error));
            v->points[v->point_count++] = step;
        }
    }
    return w->at < v->log.count ? wrong(w, "the log's end", error) : HEARTH_OK;
}

hearth_status verify_records(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    walking w = {.v = v, .found = &found};
    char detail[96];
    v->points = mem_calloc(v->log.count + 1, sizeof *v->points);
    if (v->points == NULL) {
        return error_memory(error, v->log.count * sizeof *v->points);
    }
    v->point_count = 1; /* step 0 */
    const hearth_status status = walk(&w, &found);
    v->report->segments_there = v->point_count - 1;
    (void)snprintf(detail, sizeof detail, "%llu steps, %zu checkpoints, as the recipe says",
                   (unsigned long long)v->recipe->train.steps, v->point_count - 1);
    return verify_note(v, "records", status, &found, detail, error);
}
