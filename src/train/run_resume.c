/* Finding the checkpoint to go on from. */
#include "train/run_resume.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/file_stream.h"

#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    uint64_t step;
    const char *place; /* "checkpoints" or "resume" */
} candidate;

typedef struct candidates {
    candidate *items;
    size_t count;
} candidates;

static hearth_status add_place(const char *folder, const char *place, candidates *c, hearth_error *error)
{
    file_list list = {0};
    char *path = file_join(folder, place);
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    hearth_status status = HEARTH_OK;
    if (file_is_folder(path)) {
        checkpoint_sweep(path);
        status = file_list_folder(path, &list, error);
    }
    candidate *more = list.count > 0 ? mem_realloc(c->items, (c->count + list.count) * sizeof *more) : c->items;
    if (list.count > 0 && more == NULL) {
        status = error_memory(error, list.count * sizeof *more);
    } else {
        c->items = more;
        for (size_t i = 0; i < list.count; i++) {
            uint64_t step = 0;
            if (checkpoint_step_of(list.names[i], &step)) {
                c->items[c->count++] = (candidate){step, place};
            }
        }
    }
    file_list_free(&list);
    mem_free(path);
    return status;
}

/* The newest first; of two of one step, that of the chain. */
static int newer(const void *a, const void *b)
{
    const candidate *x = a;
    const candidate *y = b;
    return x->step != y->step ? (x->step < y->step) - (x->step > y->step) : strcmp(x->place, y->place);
}

/* The log's beginning must be what the checkpoint was made behind. */
static hearth_status read_log(const char *folder, resumed *ret, hearth_error *error)
{
    const checkpoint_state *s = &ret->state;
    char *path = file_join(folder, "log.jsonl");
    hearth_status status = path == NULL ? error_memory(error, 0) : chain_read(path, s->log_bytes, &ret->log, error);
    const chain_log *log = &ret->log;
    if (status == HEARTH_OK && (log->count == 0 || strcmp(log->records[log->count - 1].hash, s->chain) != 0)) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "a record of the hash that the checkpoint tells of", "another");
        error_in_file(error, path);
        status = HEARTH_E_FORMAT;
    }
    mem_free(path);
    return status;
}

static hearth_status try_one(const char *folder, const char *path, const recipe *r, trainer *t, resumed *ret,
                             hearth_error *error)
{
    const checkpoint_values values = trainer_values(t);
    checkpoint_state now = {0};
    TRY(checkpoint_check(path, &ret->state, error));
    if (strcmp(ret->state.recipe, r->sha256) != 0) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "a checkpoint of this recipe", "one of another");
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    TRY(read_log(folder, ret, error));
    ret->touched = true;
    TRY(checkpoint_load(path, &values, error));
    TRY(trainer_digest(t, &now, error));
    if (strcmp(now.weights, ret->state.weights) != 0 || strcmp(now.optimizer, ret->state.optimizer) != 0) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "values of the hashes in state.json", "others");
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    return trainer_changed(t, error);
}

static void tell(const run_options *o, const hearth_error *error)
{
    char line[sizeof *error + 64];
    char *text = text_format("passes over a checkpoint: %s", hearth_error_line(error, line, sizeof line));
    if (text != NULL && o->note != NULL) {
        o->note(o->context, text);
    }
    mem_free(text);
}

static hearth_status try_all(const run_options *o, const candidates *c, const recipe *r, trainer *t, resumed *ret,
                             hearth_error *error)
{
    for (size_t i = 0; i < c->count; i++) {
        hearth_error problem = {0};
        char name[32];
        checkpoint_name(c->items[i].step, name);
        char *path = text_format("%s/%s/%s", o->folder, c->items[i].place, name);
        const hearth_status status =
            path == NULL ? error_memory(&problem, 0) : try_one(o->folder, path, r, t, ret, &problem);
        mem_free(path);
        if (status == HEARTH_OK) {
            return HEARTH_OK;
        }
        chain_free(&ret->log);
        if (error_is_machine(status)) {
            if (error != NULL) {
                *error = problem;
            }
            return status;
        }
        tell(o, &problem);
    }
    ret->state = (checkpoint_state){0};
    return HEARTH_OK;
}

hearth_status run_resume(const run_options *o, const recipe *r, trainer *t, resumed *ret, hearth_error *error)
{
    candidates c = {0};
    hearth_status status = add_place(o->folder, "checkpoints", &c, error);
    status = status == HEARTH_OK ? add_place(o->folder, "resume", &c, error) : status;
    *ret = (resumed){0};
    if (status == HEARTH_OK && c.count > 0) {
        qsort(c.items, c.count, sizeof *c.items, newer);
        status = try_all(o, &c, r, t, ret, error);
    }
    mem_free(c.items);
    return status;
}

void run_forget_resume(const char *folder, uint64_t step)
{
    file_list list = {0};
    char *place = file_join(folder, "resume");
    if (place == NULL || !file_is_folder(place) || file_list_folder(place, &list, NULL) != HEARTH_OK) {
        mem_free(place);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        uint64_t found = 0;
        char *path =
            checkpoint_step_of(list.names[i], &found) && found != step ? file_join(place, list.names[i]) : NULL;
        if (path != NULL) {
            file_remove_folder(path);
        }
        mem_free(path);
    }
    file_list_free(&list);
    mem_free(place);
}
