/* What can be checked of a model that comes with its recipe and its log. */
#include "cli/openness.h"
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/memory.h"
#include "platform/file.h"
#include "recipe/cost.h"
#include "train/chain.h"
#include "train/cost.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- the log ---- */

static json_t *record_json(const chain_record *r, const char *const *keys)
{
    json_t *row = json_pack("{s:I}", "step", (json_int_t)chain_step(r));
    for (size_t i = 0; keys[i] != NULL; i++) {
        const json_t *value = json_object_get(r->value, keys[i]);
        if (value != NULL) {
            row = json_door_put(row, keys[i], json_deep_copy(value));
        }
    }
    return row;
}

static json_t *records_json(const chain_log *log, const char *kind, const char *const *keys)
{
    json_t *list = json_array();
    for (size_t i = 0; i < log->count; i++) {
        if (strcmp(chain_kind(&log->records[i]), kind) == 0) {
            list = json_door_append(list, record_json(&log->records[i], keys));
        }
    }
    return list;
}

static json_t *costs_json(const char *folder)
{
    cost_totals t = {0};
    char *above = file_join(folder, "..");
    json_t *value = json_null();
    if ((cost_read(folder, &t, NULL) == HEARTH_OK && t.steps > 0) ||
        (above != NULL && cost_read(above, &t, NULL) == HEARTH_OK && t.steps > 0)) {
        value = json_pack("{s:f, s:f, s:I}", "seconds", t.seconds, "core_seconds", t.core_seconds, "steps",
                          (json_int_t)t.steps);
        value = json_door_put(value, "joules", t.measured == t.steps ? json_door_number(t.joules) : json_null());
    }
    mem_free(above);
    return value;
}

static json_t *training_json(const chain_log *log, const recipe *r, const char *folder, const recipe_cost *cost)
{
    static const char *const of_step[] = {"loss", NULL};
    static const char *const of_evaluation[] = {"sequences", "tokens", "bytes", "loss", "bits_per_byte", NULL};
    static const char *const of_checkpoint[] = {"weights", "model", NULL};
    json_t *steps = records_json(log, "step", of_step);
    json_t *value =
        json_pack("{s:I, s:s}", "steps", (json_int_t)r->train.steps, "chain", log->records[log->count - 1].hash);
    value = json_door_put(value, "parameters", json_deep_copy(json_object_get(log->records[0].value, "parameters")));
    value = json_door_put(value, "tokens", json_door_number(cost->tokens));
    value = json_door_put(value, "flop", json_door_number(cost->flops));
    value = json_door_put(value, "flop_6nd", json_door_number(cost->flops_6nd));
    value = json_door_put(value, "first", json_deep_copy(json_array_get(steps, 0)));
    value = json_door_put(value, "last", json_deep_copy(json_array_get(steps, json_array_size(steps) - 1)));
    value = json_door_put(value, "evaluations", records_json(log, "evaluation", of_evaluation));
    value = json_door_put(value, "checkpoints", records_json(log, "checkpoint", of_checkpoint));
    value = json_door_put(value, "cost", costs_json(folder));
    json_decref(steps);
    return value;
}

static hearth_status read_training(openness_evidence *e, hearth_error *error)
{
    chain_log log = {0};
    recipe *r = NULL;
    char *path = file_join(e->folder, "log.jsonl");
    char *text = file_join(e->folder, "recipe.yaml");
    hearth_status status = path == NULL || text == NULL ? error_memory(error, 0) : recipe_open(text, &r, error);
    status = status == HEARTH_OK ? chain_read(path, 0, &log, error) : status;
    if (status == HEARTH_OK && log.count > 0) {
        const json_t *vocabulary = json_object_get(log.records[0].value, "vocabulary");
        recipe_cost cost;
        recipe_find_cost(r, (uint32_t)json_integer_value(vocabulary), &cost);
        e->flop = cost.flops;
        e->training = training_json(&log, r, e->folder, &cost);
        status = e->training == NULL ? error_memory(error, 0) : HEARTH_OK;
    }
    chain_free(&log);
    recipe_close(r);
    mem_free(path);
    mem_free(text);
    return status;
}

/* ---- checks ---- */

static void add_check(openness_evidence *e, const char *what, const char *detail, bool ok)
{
    if (e->check_count < sizeof e->checks / sizeof *e->checks) {
        e->checks[e->check_count++] = (subject_check){.what = what, .detail = detail, .ok = ok};
    }
}

static hearth_status run_checks(cli *c, const openness_wish *wish, openness_evidence *e, hearth_error *error)
{
    opened o = {0};
    terminal_progress bar = {.quiet = c->quiet};
    TRY(open_engine(c, &o, error));
    const verify_options how = {.folder = e->folder, .progress = terminal_progress_step, .progress_context = &bar};
    (void)signals_leave_at_once(false);
    hearth_status status = verify_run(o.engine, &how, &e->verified, error);
    for (size_t i = 0; i < e->verified.check_count && status == HEARTH_OK; i++) {
        add_check(e, e->verified.checks[i].what, e->verified.checks[i].detail, e->verified.checks[i].ok);
    }
    if (status == HEARTH_OK && wish->reproduce) {
        const reproduce_options again = {.model = e->folder,
                                         .folder = wish->work,
                                         .sources = wish->sources,
                                         .progress = terminal_progress_step,
                                         .progress_context = &bar};
        status = reproduce(o.engine, &again, &e->again, error);
        for (size_t i = 0; i < e->again.check_count && status == HEARTH_OK; i++) {
            add_check(e, e->again.checks[i].what, e->again.checks[i].detail, e->again.checks[i].same);
        }
    }
    terminal_progress_end(&bar);
    open_close(&o);
    return status;
}

static bool has(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    const bool there = path != NULL && file_exists(path);
    mem_free(path);
    return there;
}

hearth_status openness_evidence_read(cli *c, const char *path, const openness_wish *wish, openness_evidence *ret,
                                     hearth_error *error)
{
    *ret = (openness_evidence){.flop = NAN};
    ret->folder = subject_root(path);
    if (ret->folder == NULL) {
        return error_memory(error, strlen(path));
    }
    ret->there = file_is_folder(ret->folder) && has(ret->folder, "recipe.yaml") && has(ret->folder, "log.jsonl");
    if (!ret->there) {
        return wish->reproduce ? error_set(error, HEARTH_E_ARGUMENT, "--reproduce",
                                           "a model with recipe.yaml and log.jsonl", "%.200s", path)
                               : HEARTH_OK;
    }
    TRY(run_checks(c, wish, ret, error));
    return ret->verified.ok ? read_training(ret, error) : HEARTH_OK;
}

void openness_evidence_free(openness_evidence *e)
{
    verify_free(&e->verified);
    reproduce_free(&e->again);
    json_decref(e->training);
    mem_free(e->folder);
    *e = (openness_evidence){0};
}
