/* Finding the checkpoint to go on from. */
#include "train/run_resume.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/file_stream.h"

#include <stdio.h>
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

/* Rank 0's look at a folder, before anybody reads values of it. */
static hearth_status look_at(const char *folder, const char *path, const recipe *r, resumed *ret, hearth_error *error)
{
    TRY(checkpoint_check(path, &ret->state, error));
    if (strcmp(ret->state.recipe, r->sha256) != 0) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "a checkpoint of this recipe", "one of another");
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    return read_log(folder, ret, error);
}

static hearth_status compare_hashes(const char *path, const checkpoint_state *now, const checkpoint_state *told,
                                    hearth_error *error)
{
    if (strcmp(now->weights, told->weights) == 0 && strcmp(now->optimizer, told->optimizer) == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_FORMAT, NULL, "values of the hashes in state.json", "others");
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

/* Each rank's values and share of the state; all of it good or not at all ranks. */
static hearth_status load_from(const char *path, const train_data *data, trainer *t, resumed *ret, hearth_error *error)
{
    const checkpoint_values values = trainer_values(t);
    checkpoint_state now = {0};
    ret->touched = true;
    TRY(group_agree(data->group, checkpoint_load(path, &values, error), error));
    TRY(trainer_digest(t, &now, error));
    const hearth_status same =
        group_rank(data->group) == 0 ? compare_hashes(path, &now, &ret->state, error) : HEARTH_OK;
    TRY(group_agree(data->group, same, error));
    return trainer_changed(t, error);
}

/* What rank 0 tells the others to read. */
typedef struct attempt {
    uint64_t step; /* UINT64_MAX: nothing more */
    uint64_t in_resume;
} attempt;

static hearth_status announce(const train_data *data, attempt a, hearth_error *error)
{
    return group_broadcast(data->group, &a, sizeof a, error);
}

static char *checkpoint_path(const run_options *o, uint64_t step, const char *place)
{
    char name[32];
    checkpoint_name(step, name);
    return text_format("%s/%s/%s", o->folder, place, name);
}

static hearth_status try_one(const run_options *o, const candidate *c, const train_data *data, trainer *t, resumed *ret,
                             hearth_error *error)
{
    char *path = checkpoint_path(o, c->step, c->place);
    hearth_status status = path == NULL ? error_memory(error, 0) : look_at(o->folder, path, data->recipe, ret, error);
    if (status == HEARTH_OK) {
        status = announce(data, (attempt){c->step, strcmp(c->place, "resume") == 0}, error);
        status = status == HEARTH_OK ? load_from(path, data, t, ret, error) : status;
    }
    mem_free(path);
    return status;
}

/* The other ranks, until one is good or rank 0 has no more. */
static hearth_status follow(const run_options *o, const train_data *data, trainer *t, resumed *ret, hearth_error *error)
{
    for (;;) {
        attempt a = {0};
        hearth_error problem = {0};
        TRY(group_broadcast(data->group, &a, sizeof a, error));
        if (a.step == UINT64_MAX) {
            ret->state = (checkpoint_state){0};
            return HEARTH_OK;
        }
        char *path = checkpoint_path(o, a.step, a.in_resume ? "resume" : "checkpoints");
        const hearth_status status = path == NULL ? error_memory(&problem, 0) : load_from(path, data, t, ret, &problem);
        mem_free(path);
        ret->state.step = a.step;
        if (status == HEARTH_OK) {
            return HEARTH_OK;
        }
        if (error_is_machine(status)) {
            if (error != NULL) {
                *error = problem;
            }
            return status;
        }
    }
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

static hearth_status try_all(const run_options *o, const candidates *c, const train_data *data, trainer *t,
                             resumed *ret, hearth_error *error)
{
    for (size_t i = 0; i < c->count; i++) {
        hearth_error problem = {0};
        const hearth_status status = try_one(o, &c->items[i], data, t, ret, &problem);
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
    return announce(data, (attempt){UINT64_MAX, 0}, error);
}

hearth_status run_resume(const run_options *o, const train_data *data, trainer *t, resumed *ret, hearth_error *error)
{
    candidates c = {0};
    *ret = (resumed){0};
    if (group_rank(data->group) != 0) {
        return follow(o, data, t, ret, error);
    }
    hearth_status status = add_place(o->folder, "checkpoints", &c, error);
    status = status == HEARTH_OK ? add_place(o->folder, "resume", &c, error) : status;
    if (status == HEARTH_OK && c.count > 0) {
        qsort(c.items, c.count, sizeof *c.items, newer);
    }
    if (status == HEARTH_OK) {
        status = try_all(o, &c, data, t, ret, error);
    }
    mem_free(c.items);
    return status;
}

/* ---- the others' data ---- */

typedef struct same_data {
    char recipe[HASH_HEX_SIZE], packed[HASH_HEX_SIZE], held_out[HASH_HEX_SIZE];
    int threads;
} same_data;

static hearth_status check_same(const same_data *all, size_t ranks, int *ret_threads, hearth_error *error)
{
    *ret_threads = 0;
    for (size_t i = 0; i < ranks; i++) {
        const bool same = strcmp(all[i].recipe, all[0].recipe) == 0;
        if (!same || strcmp(all[i].packed, all[0].packed) != 0 || strcmp(all[i].held_out, all[0].held_out) != 0) {
            char place[32];
            (void)snprintf(place, sizeof place, "rank %zu", i);
            return error_set(error, HEARTH_E_FORMAT, place, "what rank 0 reads", "%s",
                             same ? "other sequences" : "another recipe");
        }
        *ret_threads += all[i].threads;
    }
    return HEARTH_OK;
}

hearth_status run_same_data(const train_data *data, int threads, int *ret_threads, hearth_error *error)
{
    const size_t ranks = (size_t)group_count(data->group);
    same_data own;
    memset(&own, 0, sizeof own); /* all of it is sent */
    own.threads = threads;
    (void)snprintf(own.recipe, sizeof own.recipe, "%s", data->recipe->sha256);
    (void)snprintf(own.packed, sizeof own.packed, "%s", packed_hash(data->packed));
    (void)snprintf(own.held_out, sizeof own.held_out, "%s", data->held_out != NULL ? packed_hash(data->held_out) : "");
    same_data *all = mem_calloc(ranks, sizeof *all);
    hearth_status status = all == NULL ? error_memory(error, ranks * sizeof *all)
                                       : group_gather(data->group, &own, sizeof own, all, error);
    if (status == HEARTH_OK && group_rank(data->group) == 0) {
        status = check_same(all, ranks, ret_threads, error);
    }
    mem_free(all);
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
