/* The loop of a run: steps, records, evaluations, checkpoints. */
#include "train/run.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "train/run_resume.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DRY_STEPS 3u
#define SPIKE 8.0       /* times the usual norm */
#define SPIKE_STEPS 20u /* before it is usual */
#define SPIKE_MIX 0.02  /* of each step in what is usual */

typedef struct running {
    const run_options *o;
    const train_data *data;
    trainer *trainer;
    chain_writer log;
    file_append times;
    checkpoint_state state;
    char *log_path;
    double saved_at;   /* time_seconds of the last checkpoint */
    double usual_norm; /* a running mean */
    double joules;     /* up to the last step */
    group *group;
    bool writes; /* rank 0: the folder is its */
    run_result *result;
} running;

/* ---- the folder ---- */

static hearth_status other_recipe(const char *path, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "this recipe, byte for byte (another run: another -o)",
                    "another one's run");
    error_in_file(error, path);
    return HEARTH_E_ARGUMENT;
}

static hearth_status claim_at(const recipe *r, const char *path, hearth_error *error)
{
    if (!file_exists(path)) {
        TRY(corpus_check_place(r, path, error));
        TRY(file_make_place(path, error));
        return file_create(path, r->text, r->text_length, error);
    }
    buffer there;
    buffer_init(&there, LIMIT_CONFIG_FILE_BYTES);
    hearth_status status = file_read(path, LIMIT_CONFIG_FILE_BYTES, &there, error);
    if (status == HEARTH_OK &&
        (there.length != r->text_length || (there.length > 0 && memcmp(there.data, r->text, there.length) != 0))) {
        status = other_recipe(path, error);
    }
    buffer_free(&there);
    return status;
}

hearth_status run_claim(const recipe *r, const char *folder, hearth_error *error)
{
    char *path = file_join(folder, "recipe.yaml");
    const hearth_status status = path == NULL ? error_memory(error, 0) : claim_at(r, path, error);
    mem_free(path);
    return status;
}

/* ---- checkpoints ---- */

static void note(const running *n, const char *line)
{
    if (n->o->note != NULL && line != NULL) {
        n->o->note(n->o->context, line);
    }
}

static hearth_status append(running *n, json_t *record, hearth_error *error)
{
    hearth_status status = HEARTH_OK;
    if (record != NULL && n->o->expect != NULL) {
        status = n->o->expect(n->o->expect_context, n->trainer, record, error);
    }
    if (status == HEARTH_OK) {
        return chain_append(&n->log, record, error);
    }
    json_decref(record);
    return status;
}

static hearth_status write_folder(running *n, const char *path, bool state, const char *const *also,
                                  hearth_error *error)
{
    checkpoint_source source = {.model = trainer_model(n->trainer),
                                .recipe = n->data->recipe,
                                .values = trainer_values(n->trainer),
                                .tokenizer = n->data->tokenizer,
                                .end_of_document = n->data->end_of_document,
                                .end_token = n->data->end_token,
                                .also = also};
    if (!state) {
        source.values.mean = NULL;
        source.values.square = NULL;
    }
    return checkpoint_write(path, &source, &n->state, error);
}

/* The log first, then the folder that tells of it. */
static hearth_status save_folder(running *n, uint64_t step, const char *place, hearth_error *error)
{
    char name[32];
    checkpoint_name(step, name);
    TRY(file_append_sync(&n->log.file, error));
    n->state.log_bytes = n->log.file.length;
    memcpy(n->state.chain, n->log.last, sizeof n->state.chain);
    char *path = text_format("%s/%s/%s", n->o->folder, place, name);
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        file_remove_folder(path); /* passed over, or of a run that went on from before it */
    }
    status = status == HEARTH_OK ? write_folder(n, path, true, NULL, error) : status;
    if (status == HEARTH_OK) {
        n->saved_at = time_seconds();
        run_forget_resume(n->o->folder, strcmp(place, "resume") == 0 ? step : 0);
        if (n->o->saved != NULL) {
            n->o->saved(n->o->context, step, path);
        }
    }
    mem_free(path);
    return status;
}

/* Rank 0 writes, and reads the others' state for it. */
static hearth_status save(running *n, uint64_t step, const char *place, hearth_error *error)
{
    if (!n->writes) {
        return trainer_serve(n->trainer, error);
    }
    TRY(save_folder(n, step, place, error));
    return trainer_release(n->trainer, error);
}

static hearth_status save_in_chain(running *n, uint64_t step, hearth_error *error)
{
    n->state.step = step;
    TRY(trainer_digest(n->trainer, &n->state, error));
    TRY(n->writes ? append(n, trainer_checkpoint_json(&n->state), error) : HEARTH_OK);
    return save(n, step, "checkpoints", error);
}

static hearth_status save_for_resume(running *n, uint64_t step, hearth_error *error)
{
    n->state.step = step;
    TRY(trainer_digest(n->trainer, &n->state, error));
    return save(n, step, "resume", error);
}

/* ---- steps ---- */

static void watch_norm(running *n, uint64_t step, double norm)
{
    if (step > SPIKE_STEPS && n->usual_norm > 0.0 && norm > SPIKE * n->usual_norm) {
        char *line = text_format("step %llu: the gradient's norm is %.4g, %.0f times what is usual",
                                 (unsigned long long)step, norm, norm / n->usual_norm);
        note(n, line);
        mem_free(line);
    }
    n->usual_norm = n->usual_norm == 0.0 ? norm : n->usual_norm + SPIKE_MIX * (norm - n->usual_norm);
}

static hearth_status write_time(running *n, uint64_t step, double seconds, uint64_t bytes, hearth_error *error)
{
    char line[224];
    char energy[48] = "";
    char ranks[64] = "";
    if (group_count(n->group) > 1) {
        (void)snprintf(ranks, sizeof ranks, ",\"ranks\":%d,\"bytes\":%llu", group_count(n->group),
                       (unsigned long long)bytes);
    }
    if (n->o->joules != NULL) {
        const double now = n->o->joules(n->o->context);
        (void)snprintf(energy, sizeof energy, ",\"joules\":%.3f", now - n->joules);
        n->joules = now;
    }
    const int length = snprintf(line, sizeof line, "{\"step\":%llu,\"seconds\":%.6f,\"threads\":%d%s%s}\n",
                                (unsigned long long)step, seconds, n->result->threads, ranks, energy);
    return file_append_write(&n->times, line, (size_t)length, error);
}

/* What a rank thinks behind a step, and what rank 0 makes of it. */
typedef struct opinion {
    uint64_t stop; /* a signal came */
    uint64_t sent; /* bytes, in this step */
} opinion;

typedef struct decision {
    uint64_t go_on, save; /* the latter by the clock */
} decision;

/* Rank 0 alone. */
static hearth_status decide(running *n, const opinion *own, decision *ret, uint64_t *ret_sent, hearth_error *error)
{
    const size_t ranks = (size_t)group_count(n->group);
    const double seconds = (double)n->data->recipe->train.checkpoint_seconds;
    opinion *all = mem_calloc(ranks, sizeof *all);
    hearth_status status =
        all == NULL ? error_memory(error, ranks * sizeof *all) : group_gather(n->group, own, sizeof *own, all, error);
    *ret = (decision){1, seconds > 0.0 && time_seconds() - n->saved_at >= seconds};
    *ret_sent = 0;
    for (size_t i = 0; status == HEARTH_OK && i < ranks; i++) {
        ret->go_on = all[i].stop ? 0 : ret->go_on;
        *ret_sent += all[i].sent;
    }
    mem_free(all);
    return status;
}

/* All ranks stop behind the same step. `before`: what was counted when it began; *ret_bytes: what all sent in it, of
 * which the words that this takes all pass rank 0. */
static hearth_status agree(running *n, bool go_on, group_traffic before, decision *ret, uint64_t *ret_bytes,
                           hearth_error *error)
{
    const group_traffic worked = group_counted(n->group);
    const opinion own = {!go_on, worked.sent - before.sent};
    uint64_t sent = 0;
    if (n->writes) {
        TRY(decide(n, &own, ret, &sent, error));
    } else {
        TRY(group_gather(n->group, &own, sizeof own, NULL, error));
    }
    TRY(group_broadcast(n->group, ret, sizeof *ret, error));
    const group_traffic now = group_counted(n->group);
    *ret_bytes = sent + (now.sent - worked.sent) + (now.received - worked.received);
    return HEARTH_OK;
}

static hearth_status record_step(running *n, const run_step *now, uint64_t bytes, hearth_error *error)
{
    n->result->step = now->step;
    n->result->steps_done++;
    n->result->tokens += now->tokens;
    n->result->seconds += now->seconds;
    n->result->bytes += bytes;
    n->result->loss = now->record.loss;
    return n->o->dry ? HEARTH_OK : write_time(n, now->step, now->seconds, bytes, error);
}

static hearth_status one_step(running *n, uint64_t step, decision *ret, hearth_error *error)
{
    const recipe_train *t = &n->data->recipe->train;
    const double began = time_seconds();
    const group_traffic before = group_counted(n->group);
    uint64_t bytes = 0;
    run_step now = {.step = step, .steps = n->o->dry ? DRY_STEPS : t->steps};
    TRY(trainer_step(n->trainer, step, &now.record, error));
    now.seconds = time_seconds() - began;
    now.tokens = (uint64_t)t->sequences * t->length;
    now.step_flops = trainer_step_flops(n->trainer);
    if (n->writes && !n->o->dry) {
        TRY(append(n, trainer_step_json(step, &now.record), error));
    }
    const bool go_on = n->o->step == NULL || n->o->step(n->o->context, &now);
    TRY(agree(n, go_on, before, ret, &bytes, error));
    if (!n->writes) {
        n->result->steps_done++;
        return HEARTH_OK;
    }
    watch_norm(n, step, now.record.norm);
    return record_step(n, &now, bytes, error);
}

static hearth_status evaluate(running *n, uint64_t step, hearth_error *error)
{
    trainer_evaluation *e = &n->result->evaluation;
    TRY(trainer_evaluate(n->trainer, e, error));
    if (!n->writes) {
        return HEARTH_OK;
    }
    n->result->evaluated = true;
    TRY(append(n, trainer_evaluation_json(step, e), error));
    if (n->o->evaluated != NULL) {
        n->o->evaluated(n->o->context, step, e);
    }
    return HEARTH_OK;
}

static bool wants_evaluation(const running *n, uint64_t step)
{
    const recipe_train *t = &n->data->recipe->train;
    return n->data->held_out != NULL && t->evaluate_sequences > 0 && packed_sequences(n->data->held_out) > 0 &&
           (step == t->steps || (t->evaluate_steps > 0 && step % t->evaluate_steps == 0));
}

/* What stands behind a step: an evaluation, a checkpoint. */
static hearth_status after_step(running *n, uint64_t step, const decision *d, hearth_error *error)
{
    const recipe_train *t = &n->data->recipe->train;
    if (wants_evaluation(n, step)) {
        TRY(evaluate(n, step, error));
    }
    if (step == t->steps || (t->checkpoint_steps > 0 && step % t->checkpoint_steps == 0)) {
        TRY(save_in_chain(n, step, error));
    } else if (!d->go_on || d->save) {
        TRY(save_for_resume(n, step, error));
    }
    return d->go_on || step == t->steps ? HEARTH_OK : HEARTH_E_CANCELLED;
}

static hearth_status steps(running *n, hearth_error *error)
{
    const uint64_t last = n->o->dry ? DRY_STEPS : n->data->recipe->train.steps;
    n->saved_at = time_seconds();
    for (uint64_t step = n->state.step + 1; step <= last; step++) {
        decision d = {1, 0};
        TRY(one_step(n, step, &d, error));
        const hearth_status status =
            n->o->dry ? (d.go_on ? HEARTH_OK : HEARTH_E_CANCELLED) : after_step(n, step, &d, error);
        if (status == HEARTH_E_CANCELLED && error != NULL) {
            error->status = status;
        }
        TRY(status);
    }
    return HEARTH_OK;
}

/* ---- begin and end ---- */

/* model/, which appears when all is done. */
static hearth_status write_model(running *n, hearth_error *error)
{
    char *path = file_join(n->o->folder, "model");
    const char *const also[] = {n->log_path, n->data->manifest, NULL};
    checkpoint_state there = {0};
    hearth_status status = path == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && file_exists(path)) {
        if (checkpoint_check(path, &there, NULL) == HEARTH_OK && strcmp(there.chain, n->state.chain) == 0) {
            mem_free(path);
            return HEARTH_OK;
        }
        file_remove_folder(path);
    }
    status = status == HEARTH_OK ? write_folder(n, path, false, also, error) : status;
    mem_free(path);
    return status;
}

/* From here on the folder's checkpoints are this process's to sweep, to go on from and to write. */
static hearth_status open_log(running *n, hearth_error *error)
{
    char *times = file_join(n->o->folder, "times.jsonl");
    n->log_path = file_join(n->o->folder, "log.jsonl");
    hearth_status status = times == NULL || n->log_path == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? chain_open(n->log_path, &n->log, error) : status;
    status = status == HEARTH_OK ? file_append_open(times, FILE_APPEND_ALL, &n->times, error) : status;
    mem_free(times);
    return status;
}

/* The last loss and evaluation, by the log: this call may do no step. */
static void recall(running *n, const chain_log *log)
{
    const chain_record *step = chain_find(log, "step", n->state.step);
    const chain_record *e = chain_find(log, "evaluation", n->state.step);
    n->result->loss = step != NULL ? chain_number(step, "loss") : NAN;
    n->result->evaluated = e != NULL;
    if (e != NULL) {
        n->result->evaluation = (trainer_evaluation){.sequences = (uint64_t)chain_number(e, "sequences"),
                                                     .tokens = (uint64_t)chain_number(e, "tokens"),
                                                     .bytes = (uint64_t)chain_number(e, "bytes"),
                                                     .loss = chain_number(e, "loss"),
                                                     .bits_per_byte = chain_number(e, "bits_per_byte")};
    }
}

/* The data under our hands, and the first weights, must be what the log began with. */
static hearth_status check_begin(const running *n, const chain_log *log, const json_t *first, hearth_error *error)
{
    char text[320];
    chain_difference(&log->records[0], first, text, sizeof text);
    if (text[0] == '\0') {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_FORMAT, "line 1", "what this recipe and this folder's files begin with", "%s",
                    text);
    error_in_file(error, n->log_path);
    return HEARTH_E_FORMAT;
}

/* `first`: the log's first record, which is freed. */
static hearth_status begin_log(running *n, const chain_log *log, json_t *first, hearth_error *error)
{
    if (n->state.log_bytes == 0) {
        const hearth_status status = chain_go_on(&n->log, 0, NULL, error);
        if (status == HEARTH_OK) {
            return append(n, first, error);
        }
        json_decref(first);
        return status;
    }
    hearth_status status = check_begin(n, log, first, error);
    json_decref(first);
    TRY(status);
    recall(n, log);
    return chain_go_on(&n->log, n->state.log_bytes, n->state.chain, error);
}

static hearth_status resume(running *n, engine *e, hearth_error *error)
{
    json_t *first = NULL;
    resumed r = {0};
    TRY(n->writes ? trainer_begin_json(n->trainer, &first, error) : HEARTH_OK);
    hearth_status status = run_resume(n->o, n->data, n->trainer, &r, error);
    n->state = r.state;
    if (status == HEARTH_OK && r.state.step == 0 && r.touched) { /* by one that was passed over */
        trainer_free(n->trainer);
        n->trainer = NULL;
        status = trainer_create(e, n->data, &n->trainer, error);
    }
    (void)snprintf(n->state.recipe, sizeof n->state.recipe, "%s", n->data->recipe->sha256);
    if (status == HEARTH_OK && n->writes) {
        status = begin_log(n, &r.log, first, error);
    } else {
        json_decref(first);
    }
    chain_free(&r.log);
    return status;
}

static hearth_status begin(running *n, engine *e, hearth_error *error)
{
    TRY(run_same_data(n->data, e->threads, &n->result->threads, error));
    n->result->ranks = group_count(n->group);
    TRY(trainer_create(e, n->data, &n->trainer, error));
    if (n->o->dry) {
        return HEARTH_OK;
    }
    TRY(n->writes ? open_log(n, error) : HEARTH_OK);
    return resume(n, e, error);
}

static hearth_status finish(running *n, hearth_error *error)
{
    if (n->o->dry || !n->writes) {
        return HEARTH_OK;
    }
    TRY(write_model(n, error));
    run_forget_resume(n->o->folder, 0);
    memcpy(n->result->chain, n->log.last, sizeof n->result->chain);
    memcpy(n->result->weights, n->state.weights, sizeof n->result->weights);
    n->result->step = n->state.step;
    return HEARTH_OK;
}

hearth_status run_train(engine *e, const train_data *data, const run_options *options, run_result *ret,
                        hearth_error *error)
{
    running n = {.o = options,
                 .data = data,
                 .result = ret,
                 .group = data->group,
                 .writes = group_rank(data->group) == 0,
                 .times.descriptor = -1,
                 .log.file.descriptor = -1};
    *ret = (run_result){0};
    hearth_status status = begin(&n, e, error);
    ret->step_flops = status == HEARTH_OK ? trainer_step_flops(n.trainer) : 0.0;
    status = status == HEARTH_OK ? steps(&n, error) : status;
    status = status == HEARTH_OK ? finish(&n, error) : status;
    chain_close(&n.log);
    file_append_close(&n.times);
    trainer_free(n.trainer);
    mem_free(n.log_path);
    return status;
}
