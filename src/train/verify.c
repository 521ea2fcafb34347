/* Verification: what is looked at, in which order. */
#include "train/verify.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "train/digest.h"
#include "train/verify_part.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hearth_status verify_note(verifying *v, const char *what, hearth_status status, const hearth_error *found,
                          const char *detail, hearth_error *error)
{
    verify_report *r = v->report;
    if (error_is_machine(status)) {
        if (error != NULL) {
            *error = *found;
        }
        return status;
    }
    if (r->check_count == VERIFY_CHECKS) {
        return error_set(error, HEARTH_E_LIMIT, "checks", NULL, "more than %d", VERIFY_CHECKS);
    }
    verify_check *c = &r->checks[r->check_count++];
    c->what = what;
    c->ok = status == HEARTH_OK;
    if (c->ok) {
        (void)snprintf(c->detail, sizeof c->detail, "%s", detail);
    } else {
        (void)hearth_error_line(found, c->detail, sizeof c->detail);
        r->ok = false;
    }
    return HEARTH_OK;
}

bool verify_failed(const verifying *v)
{
    const verify_report *r = v->report;
    return r->check_count > 0 && !r->checks[r->check_count - 1].ok;
}

char *verify_path(const verifying *v, const char *name)
{
    return file_join(v->folder, name);
}

char *verify_checkpoint(const verifying *v, uint64_t step)
{
    char name[32];
    checkpoint_name(step, name);
    return text_format("%s/checkpoints/%s", v->folder, name);
}

hearth_status verify_unknown(const char *folder, const char *name, const char *expected, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, NULL, expected, "%s", name);
    error_in_file(error, folder);
    return HEARTH_E_FORMAT;
}

hearth_status verify_equal(const char *file, const char *place, const char *expected, const char *found,
                           hearth_error *error)
{
    if (strcmp(expected, found) == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_FORMAT, place, expected[0] != '\0' ? expected : "nothing", "%s", found);
    error_in_file(error, file);
    return HEARTH_E_FORMAT;
}

/* ---- the folder, the chain, the recipe ---- */

static bool same_folder(const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

hearth_status verify_find_folder(const char *given, char **ret, bool *ret_alone, hearth_error *error)
{
    char *checkpoints = file_join(given, "checkpoints");
    char *above = file_join(given, "../checkpoints");
    char *model = file_join(given, "../model");
    char *log = file_join(given, "log.jsonl");
    hearth_status status = HEARTH_OK;
    if (checkpoints == NULL || above == NULL || model == NULL || log == NULL) {
        status = error_memory(error, 0);
    } else if (!file_exists(log)) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, "the folder of hearth train, with log.jsonl", "none");
        error_in_file(error, given);
        status = HEARTH_E_NOT_FOUND;
    } else {
        const bool is_run = file_is_folder(checkpoints);
        const bool of_run = !is_run && file_is_folder(above) && same_folder(given, model);
        *ret_alone = !is_run && !of_run;
        *ret = of_run ? file_join(given, "..") : mem_strdup(given);
        status = *ret == NULL ? error_memory(error, 0) : HEARTH_OK;
    }
    mem_free(checkpoints);
    mem_free(above);
    mem_free(model);
    mem_free(log);
    return status;
}

/* A name that would make the run's folder itself a model, which nothing here would have looked at. */
static bool is_models(const char *name)
{
    return strcmp(name, "config.json") == 0 || strcmp(name, "generation_config.json") == 0 ||
           text_ends(name, ".safetensors") || text_ends(name, ".safetensors.index.json") || text_ends(name, ".gguf");
}

static hearth_status check_top(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    file_list list = {0};
    hearth_status status = v->alone ? HEARTH_OK : file_list_folder(v->folder, &list, &found);
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        if (is_models(list.names[i])) {
            status = verify_unknown(v->folder, list.names[i], "a model in model/ and checkpoints/ alone", &found);
        }
    }
    file_list_free(&list);
    return status == HEARTH_OK ? HEARTH_OK : verify_note(v, "folder", status, &found, "", error);
}

static hearth_status read_chain(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    char *path = verify_path(v, "log.jsonl");
    file_map map = {0};
    hearth_status status = path == NULL ? error_memory(&found, 0) : file_map_open(path, &map, &found);
    if (status == HEARTH_OK) {
        status = map.size == 0 ? verify_equal(path, NULL, "a first record", "an empty log", &found)
                               : chain_read(path, map.size, &v->log, &found);
    }
    file_map_close(&map);
    mem_free(path);
    char detail[128] = "";
    if (status == HEARTH_OK) {
        memcpy(v->report->chain, v->log.records[v->log.count - 1].hash, HASH_HEX_SIZE);
        (void)snprintf(detail, sizeof detail, "%zu records, %s", v->log.count, v->report->chain);
    }
    return verify_note(v, "chain of hashes", status, &found, detail, error);
}

/* FOLDER/NAME's hash is what the log's first record says under `key`. */
static hearth_status check_file(verifying *v, const char *what, const char *name, const char *key, hearth_error *error)
{
    hearth_error found = {0};
    char hash[HASH_HEX_SIZE] = "";
    char *path = verify_path(v, name);
    hearth_status status = path == NULL ? error_memory(&found, 0) : digest_file(path, hash, &found);
    if (status == HEARTH_OK) {
        status = verify_equal(path, "SHA-256", chain_text(&v->log.records[0], key), hash, &found);
    }
    if (status == HEARTH_OK && strcmp(key, "tokenizer") == 0) { /* one that the recipe names by its hash */
        status = prepare_check_tokenizer(v->recipe, path, &found);
    }
    mem_free(path);
    return verify_note(v, what, status, &found, hash, error);
}

static hearth_status open_recipe(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    TRY(check_file(v, "recipe", "recipe.yaml", "recipe", error));
    if (verify_failed(v)) {
        return HEARTH_OK;
    }
    char *path = verify_path(v, "recipe.yaml");
    const hearth_status status = path == NULL ? error_memory(&found, 0) : recipe_open(path, &v->recipe, &found);
    mem_free(path);
    return status == HEARTH_OK ? HEARTH_OK : verify_note(v, "recipe", status, &found, "", error);
}

/* ---- the first weights ---- */

static hearth_status make_trainer(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    hearth_status status = trainer_create(v->engine, &v->ready.data, &v->trainer, &found);
    char weights[HASH_HEX_SIZE] = "";
    if (status == HEARTH_OK) {
        const checkpoint_values values = trainer_values(v->trainer);
        status = digest_values(values.values, NULL, values.count, weights, &found);
    }
    if (status == HEARTH_OK) {
        status = verify_equal(v->folder, "first weights", chain_text(&v->log.records[0], "weights"), weights, &found);
    }
    return verify_note(v, "first weights", status, &found, weights, error);
}

/* All that the log begins with, by what was made again; it is noted where it differs alone. */
static hearth_status check_begin(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    json_t *ours = NULL;
    hearth_status status = trainer_begin_json(v->trainer, &ours, &found);
    status = status == HEARTH_OK ? verify_record(v, 0, ours, &found) : status;
    return status == HEARTH_OK ? HEARTH_OK : verify_note(v, "first record", status, &found, "", error);
}

/* Each stage stands on those before: where one fails, those behind it have nothing to say. */
static hearth_status verify_all(verifying *v, hearth_error *error)
{
    TRY(verify_find_folder(v->o->folder, &v->folder, &v->alone, error));
    TRY(check_top(v, error));
    TRY(read_chain(v, error));
    if (verify_failed(v)) {
        return HEARTH_OK;
    }
    TRY(open_recipe(v, error));
    if (v->recipe == NULL) {
        return HEARTH_OK;
    }
    TRY(check_file(v, "tokenizer", "tokenizer.json", "tokenizer", error));
    TRY(check_file(v, "corpus", v->alone ? "corpus.json" : "corpus/corpus.json", "corpus", error));
    TRY(verify_data(v, error));
    if (v->ready.packed == NULL && !(v->alone && (v->o->recipe == NULL || (v->report->gone > 0 && v->report->ok)))) {
        return HEARTH_OK;
    }
    TRY(verify_records(v, error));
    if (verify_failed(v) || v->ready.packed == NULL) {
        return verify_failed(v) ? HEARTH_OK : verify_carried(v, error);
    }
    TRY(make_trainer(v, error));
    if (v->trainer == NULL) {
        return HEARTH_OK;
    }
    TRY(check_begin(v, error));
    TRY(verify_states(v, error));
    TRY(verify_segments(v, error));
    return v->alone && v->done == v->recipe->train.steps ? verify_trained(v, error) : HEARTH_OK;
}

hearth_status verify_run(engine *e, const verify_options *o, verify_report *ret, hearth_error *error)
{
    const char *place = getenv("TMPDIR");
    place = place != NULL && place[0] == '/' ? place : "/tmp";
    char *name = text_format("%s/hearth-verify-XXXXXX", place);
    if (name == NULL) {
        return error_memory(error, strlen(place));
    }
    *ret = (verify_report){.ok = true};
    verifying v = {.engine = e, .o = o, .report = ret, .scratch = mkdtemp(name)};
    if (v.scratch == NULL) {
        const hearth_status failed = error_errno(error, name, "make", errno);
        mem_free(name);
        return failed;
    }
    const hearth_status status = verify_all(&v, error);
    trainer_free(v.trainer);
    prepare_free(&v.ready);
    verify_clear(&v);
    recipe_close(v.recipe);
    chain_free(&v.log);
    mem_free(v.points);
    mem_free(v.folder);
    (void)rmdir(v.scratch);
    mem_free(name);
    return status;
}

void verify_free(verify_report *r)
{
    mem_free(r->segments);
    *r = (verify_report){0};
}
