/* Steps done again: segments between checkpoints, drawn by the verifier's seed. */
#include "train/verify_part.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- which ---- */

static int ascending(const void *a, const void *b)
{
    const verify_segment *x = a;
    const verify_segment *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* The first `count` of a shuffle (Fisher and Yates) of all segments. A model alone has no checkpoint to begin at: all
 * of them in a row, or the first. */
static hearth_status draw(verifying *v, hearth_error *error)
{
    verify_report *r = v->report;
    const size_t all = v->point_count - 1;
    const size_t wanted = v->alone && v->o->segments > 1 && v->o->segments < all ? 1 : (size_t)v->o->segments;
    const size_t count = v->o->all || wanted > all ? all : wanted;
    r->segments = mem_calloc(all, sizeof *r->segments);
    if (r->segments == NULL) {
        return error_memory(error, all * sizeof *r->segments);
    }
    for (size_t i = 0; i < all; i++) {
        r->segments[i] = (verify_segment){.from = v->points[i], .to = v->points[i + 1]};
    }
    for (size_t i = 0; i < count && !v->alone; i++) {
        uint32_t words[4];
        random_philox(v->o->seed, RANDOM_VERIFY, 0, i, words);
        const uint64_t wide = (uint64_t)words[0] << 32 | words[1];
        const size_t other = i + (size_t)(wide % (all - i));
        const verify_segment kept = r->segments[i];
        r->segments[i] = r->segments[other];
        r->segments[other] = kept;
    }
    qsort(r->segments, count, sizeof *r->segments, ascending);
    r->segment_count = count;
    r->segments_there = all;
    /* alone, a forger knows which one it is */
    r->caught = v->alone && count < all ? 0 : (double)count / (double)all;
    return HEARTH_OK;
}

/* ---- one of them ---- */

static void differ(verify_segment *s, const char *text)
{
    s->ok = false;
    const size_t used = strlen(s->detail);
    (void)snprintf(s->detail + used, sizeof s->detail - used, "%s%s", used > 0 ? "; " : "", text);
}

/* What a checkpoint is that cannot be read; a failure of the machine comes back. */
static hearth_status cannot_read(verify_segment *s, hearth_status status, const hearth_error *found,
                                 hearth_error *error)
{
    if (error_is_machine(status)) {
        if (error != NULL) {
            *error = *found;
        }
        return status;
    }
    char line[sizeof *found + 64];
    differ(s, hearth_error_line(found, line, sizeof line));
    return HEARTH_OK;
}

/* The first key of `ours`, which is freed, that the log's record says otherwise. */
static hearth_status compare(verify_segment *s, const chain_record *theirs, json_t *ours, hearth_error *error)
{
    if (ours == NULL) {
        return error_memory(error, 0);
    }
    char difference[320];
    chain_difference(theirs, ours, difference, sizeof difference);
    json_decref(ours);
    if (difference[0] != '\0') {
        char text[384];
        (void)snprintf(text, sizeof text, "step %llu: %s", (unsigned long long)chain_step(theirs), difference);
        differ(s, text);
    }
    return HEARTH_OK;
}

static hearth_status begin_at(verifying *v, uint64_t step, hearth_error *error)
{
    if (v->alone && step > 0 && v->done == step) {
        return HEARTH_OK;
    }
    if (step == 0) {
        trainer_free(v->trainer);
        v->trainer = NULL;
        return trainer_create(v->engine, &v->ready.data, &v->trainer, error);
    }
    const checkpoint_values values = trainer_values(v->trainer);
    char *folder = verify_checkpoint(v, step);
    const hearth_status status = folder == NULL ? error_memory(error, 0) : checkpoint_load(folder, &values, error);
    mem_free(folder);
    TRY(status);
    return trainer_changed(v->trainer, error);
}

static bool same_bits(float a, float b)
{
    uint32_t bits[2];
    memcpy(&bits[0], &a, sizeof a);
    memcpy(&bits[1], &b, sizeof b);
    return bits[0] == bits[1];
}

/* The first value of the checkpoint's that is another. */
static void locate(const checkpoint_values *ours, const checkpoint_values *theirs, uint64_t step, char *text,
                   size_t size)
{
    const float *const a[] = {ours->values, ours->mean, ours->square};
    const float *const b[] = {theirs->values, theirs->mean, theirs->square};
    static const char *const names[] = {"", " (mean of the gradient)", " (mean of its square)"};
    for (size_t k = 0; k < 3; k++) {
        for (size_t p = 0; p < ours->parameters; p++) {
            const train_parameter *t = &ours->table[p];
            for (uint64_t i = t->offset; i < t->offset + t->rows * t->cols; i++) {
                if (!same_bits(a[k][i], b[k][i])) {
                    (void)snprintf(text, size, "checkpoint of step %llu: %s%s, value %llu: there %.9g, found %.9g",
                                   (unsigned long long)step, t->name, names[k], (unsigned long long)(i - t->offset),
                                   (double)b[k][i], (double)a[k][i]);
                    return;
                }
            }
        }
    }
    (void)snprintf(text, size, "the checkpoint's values are these, but the chain's hashes are others");
}

hearth_status verify_locate(trainer *t, const char *folder, uint64_t step, char *text, size_t size, hearth_error *error)
{
    const checkpoint_values ours = trainer_values(t);
    checkpoint_values theirs = ours;
    theirs.values = mem_calloc((size_t)ours.count, sizeof(float));
    theirs.mean = mem_calloc((size_t)ours.count, sizeof(float));
    theirs.square = mem_calloc((size_t)ours.count, sizeof(float));
    hearth_status status = HEARTH_OK;
    if (theirs.values == NULL || theirs.mean == NULL || theirs.square == NULL) {
        status = error_memory(error, (size_t)ours.count * sizeof(float));
    } else {
        hearth_error problem = {0};
        status = checkpoint_load(folder, &theirs, &problem);
        if (status == HEARTH_OK) {
            locate(&ours, &theirs, step, text, size);
        } else if (error_is_machine(status)) {
            if (error != NULL) {
                *error = problem;
            }
        } else {
            (void)hearth_error_line(&problem, text, size);
            status = HEARTH_OK;
        }
    }
    mem_free(theirs.values);
    mem_free(theirs.mean);
    mem_free(theirs.square);
    return status;
}

static hearth_status compare_values(verifying *v, verify_segment *s, hearth_error *error)
{
    char text[VERIFY_DETAIL] = "";
    char *folder = verify_checkpoint(v, s->to);
    const hearth_status status =
        folder == NULL ? error_memory(error, 0) : verify_locate(v->trainer, folder, s->to, text, sizeof text, error);
    mem_free(folder);
    if (status == HEARTH_OK) {
        differ(s, text);
    }
    return status;
}

static hearth_status train_again(verifying *v, verify_segment *s, hearth_error *error)
{
    for (uint64_t step = s->from + 1; step <= s->to; step++) {
        trainer_step_record record;
        TRY(trainer_step(v->trainer, step, &record, error));
        v->report->steps_again++;
        v->done = step;
        if (s->ok) {
            TRY(compare(s, chain_find(&v->log, "step", step), trainer_step_json(step, &record), error));
        }
        const chain_record *evaluated = chain_find(&v->log, "evaluation", step);
        if (evaluated != NULL && s->ok) {
            trainer_evaluation e;
            TRY(trainer_evaluate(v->trainer, &e, error));
            TRY(compare(s, evaluated, trainer_evaluation_json(step, &e), error));
        }
        if (v->o->progress != NULL && !v->o->progress(v->o->progress_context, "training again", v->report->steps_again,
                                                      (s->to - s->from) * v->report->segment_count, "steps")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
    return HEARTH_OK;
}

static hearth_status one_segment(verifying *v, verify_segment *s, hearth_error *error)
{
    const chain_record *end = chain_find(&v->log, "checkpoint", s->to);
    checkpoint_state now = {0};
    s->ok = true;
    TRY(begin_at(v, s->from, error));
    TRY(train_again(v, s, error));
    TRY(trainer_digest(v->trainer, &now, error));
    if (strcmp(now.weights, chain_text(end, "weights")) != 0 ||
        strcmp(now.optimizer, chain_text(end, "optimizer")) != 0 || strcmp(now.model, chain_text(end, "model")) != 0) {
        if (!v->alone) {
            return compare_values(v, s, error);
        }
        char text[128];
        (void)snprintf(text, sizeof text, "step %llu: other values than the chain's hashes tell of",
                       (unsigned long long)s->to);
        differ(s, text);
    }
    return HEARTH_OK;
}

hearth_status verify_segments(verifying *v, hearth_error *error)
{
    verify_report *r = v->report;
    TRY(draw(v, error));
    for (size_t i = 0; i < r->segment_count; i++) {
        verify_segment *s = &r->segments[i];
        hearth_error found = {0};
        const hearth_status status = one_segment(v, s, &found);
        if (status != HEARTH_OK) {
            TRY(cannot_read(s, status, &found, error));
        }
        r->ok = r->ok && s->ok;
    }
    return HEARTH_OK;
}
