/* Checkpoints: written whole, checked, listed. */
#include "train/checkpoint.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "platform/file_append.h"
#include "platform/file_stream.h"
#include "train/checkpoint_tensors.h"
#include "train/digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_VERSION 1

void checkpoint_name(uint64_t step, char ret[32])
{
    (void)snprintf(ret, 32, "step-%06llu", (unsigned long long)step);
}

bool checkpoint_step_of(const char *name, uint64_t *ret_step)
{
    char again[32];
    if (strncmp(name, "step-", 5) != 0) {
        return false;
    }
    *ret_step = strtoull(name + 5, NULL, 10);
    checkpoint_name(*ret_step, again);
    return strcmp(again, name) == 0;
}

/* ---- writing ---- */

static hearth_status copy_file(const char *from, const char *folder, const char *name, hearth_error *error)
{
    buffer bytes;
    buffer_init(&bytes, LIMIT_JSON_FILE_BYTES);
    char *to = file_join(folder, name);
    hearth_status status = to == NULL ? error_memory(error, strlen(folder)) : HEARTH_OK;
    status = status == HEARTH_OK ? file_read(from, LIMIT_JSON_FILE_BYTES, &bytes, error) : status;
    status = status == HEARTH_OK ? file_create(to, bytes.data, bytes.length, error) : status;
    buffer_free(&bytes);
    mem_free(to);
    return status;
}

static hearth_status write_recipe(const char *folder, const recipe *r, hearth_error *error)
{
    char *to = file_join(folder, "recipe.yaml");
    const hearth_status status =
        to == NULL ? error_memory(error, strlen(folder)) : file_create(to, r->text, r->text_length, error);
    mem_free(to);
    return status;
}

static hearth_status write_json(const char *folder, const char *name, json_t *value, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_JSON_FILE_BYTES);
    char *path = file_join(folder, name);
    hearth_status status = value == NULL || path == NULL ? error_memory(error, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? json_door_write(value, 2, &text, error) : status;
    status = status == HEARTH_OK ? buffer_append_char(&text, '\n', error) : status;
    status = status == HEARTH_OK ? file_create(path, text.data, text.length, error) : status;
    buffer_free(&text);
    mem_free(path);
    json_decref(value);
    return status;
}

/* What transformers needs beside tokenizer.json. */
static hearth_status write_tokenizer_config(const char *folder, const checkpoint_source *s, hearth_error *error)
{
    json_t *value =
        json_pack("{s:s, s:b, s:I}", "tokenizer_class", "PreTrainedTokenizerFast", "clean_up_tokenization_spaces", 0,
                  "model_max_length", (json_int_t)s->recipe->model.context);
    if (s->end_of_document != NULL) {
        value = json_door_put(value, "eos_token", json_string(s->end_of_document));
    }
    return write_json(folder, "tokenizer_config.json", value, error);
}

/* config.json of the model, with the tokens that end and begin a text: else transformers takes its class's own. */
static hearth_status write_config(const char *folder, const checkpoint_source *s, hearth_error *error)
{
    json_t *end = s->end_of_document != NULL ? json_integer((json_int_t)s->end_token) : json_null();
    json_t *value = json_door_put(train_model_config(s->model), "eos_token_id", end);
    value = json_door_put(value, "bos_token_id", json_null());
    value = json_door_put(value, "pad_token_id", json_null());
    return write_json(folder, "config.json", value, error);
}

static hearth_status write_model_files(const char *folder, const checkpoint_source *s, hearth_error *error)
{
    TRY(write_config(folder, s, error));
    if (s->tokenizer != NULL) {
        TRY(copy_file(s->tokenizer, folder, "tokenizer.json", error));
        TRY(write_tokenizer_config(folder, s, error));
    }
    if (s->end_of_document != NULL) {
        json_t *value = json_pack("{s:i}", "eos_token_id", (int)s->end_token);
        TRY(write_json(folder, "generation_config.json", value, error));
    }
    TRY(write_recipe(folder, s->recipe, error));
    for (size_t i = 0; s->also != NULL && s->also[i] != NULL; i++) {
        const char *slash = strrchr(s->also[i], '/');
        TRY(copy_file(s->also[i], folder, slash != NULL ? slash + 1 : s->also[i], error));
    }
    return checkpoint_write_tensors(folder, s->recipe->train.format, &s->values, error);
}

/* Name and hash of every file that is there. */
static hearth_status hash_files(const char *folder, json_t **ret, hearth_error *error)
{
    file_list list = {0};
    TRY(file_list_folder(folder, &list, error));
    json_t *files = json_object();
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < list.count && status == HEARTH_OK; i++) {
        char hash[HASH_HEX_SIZE];
        char *path = file_join(folder, list.names[i]);
        status = path == NULL ? error_memory(error, 0) : digest_file(path, hash, error);
        files = status == HEARTH_OK ? json_door_put(files, list.names[i], json_string(hash)) : files;
        mem_free(path);
    }
    file_list_free(&list);
    *ret = files;
    return status == HEARTH_OK && files == NULL ? error_memory(error, 0) : status;
}

static hearth_status write_state(const char *folder, const checkpoint_state *t, hearth_error *error)
{
    json_t *files = NULL;
    const hearth_status status = hash_files(folder, &files, error);
    if (status != HEARTH_OK) {
        json_decref(files);
        return status;
    }
    json_t *value = json_pack("{s:i, s:I, s:I, s:s, s:s, s:s, s:s, s:o}", "version", STATE_VERSION, "step",
                              (json_int_t)t->step, "log_bytes", (json_int_t)t->log_bytes, "chain", t->chain, "recipe",
                              t->recipe, "weights", t->weights, "optimizer", t->optimizer, "files", files);
    return write_json(folder, "state.json", value, error);
}

static hearth_status write_whole(const char *temporary, const char *folder, const checkpoint_source *s,
                                 const checkpoint_state *state, hearth_error *error)
{
    TRY(file_make_folders(temporary, error));
    TRY(write_model_files(temporary, s, error));
    TRY(write_state(temporary, state, error));
    TRY(file_sync_folder(temporary, error));
    return file_move_folder(temporary, folder, error);
}

hearth_status checkpoint_write(const char *folder, const checkpoint_source *s, const checkpoint_state *state,
                               hearth_error *error)
{
    char *temporary = text_format("%s.tmp-%ld", folder, (long)getpid());
    char *place = text_format("%s/..", folder);
    hearth_status status = HEARTH_OK;
    if (temporary == NULL || place == NULL) {
        status = error_memory(error, strlen(folder));
    } else {
        file_remove_folder(temporary);
        status = write_whole(temporary, folder, s, state, error);
        if (status == HEARTH_OK) {
            status = file_sync_folder(place, error);
        } else {
            file_remove_folder(temporary);
        }
    }
    mem_free(temporary);
    mem_free(place);
    return status;
}

void checkpoint_sweep(const char *place)
{
    file_list list = {0};
    if (file_list_folder(place, &list, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        char *path = strstr(list.names[i], ".tmp-") != NULL ? file_join(place, list.names[i]) : NULL;
        if (path != NULL) {
            file_remove_folder(path);
        }
        mem_free(path);
    }
    file_list_free(&list);
}

/* ---- checking ---- */

static hearth_status wrong_file(const char *folder, const char *name, const char *expected, const char *found,
                                hearth_error *error)
{
    char *path = file_join(folder, name);
    char text[128];
    (void)snprintf(text, sizeof text, "SHA-256 %s", expected);
    (void)error_set(error, HEARTH_E_FORMAT, NULL, text, "%s", found);
    error_in_file(error, path != NULL ? path : name);
    mem_free(path);
    return HEARTH_E_FORMAT;
}

static hearth_status check_files(const char *folder, json_t *files, hearth_error *error)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(files, name, value)
    {
        char hash[HASH_HEX_SIZE];
        const char *expected = json_is_string(value) ? json_string_value(value) : "";
        if (strchr(name, '/') != NULL) {
            return wrong_file(folder, "state.json", "of files of this folder", name, error);
        }
        char *path = file_join(folder, name);
        const hearth_status status = path == NULL ? error_memory(error, 0) : digest_file(path, hash, error);
        mem_free(path);
        TRY(status);
        if (strcmp(hash, expected) != 0) {
            return wrong_file(folder, name, expected, hash, error);
        }
    }
    return HEARTH_OK;
}

static void take_hash(char to[HASH_HEX_SIZE], const char *from)
{
    (void)snprintf(to, HASH_HEX_SIZE, "%s", from);
}

static hearth_status read_state(json_t *value, const char *path, checkpoint_state *ret, json_t **ret_files,
                                hearth_error *error)
{
    json_int_t step = 0;
    json_int_t bytes = 0;
    int version = 0;
    const char *chain = NULL;
    const char *made_by = NULL;
    const char *weights = NULL;
    const char *optimizer = NULL;
    json_error_t problem;
    if (json_unpack_ex(value, &problem, 0, "{s:i, s:I, s:I, s:s, s:s, s:s, s:s, s:o}", "version", &version, "step",
                       &step, "log_bytes", &bytes, "chain", &chain, "recipe", &made_by, "weights", &weights,
                       "optimizer", &optimizer, "files", ret_files) != 0 ||
        version != STATE_VERSION || step < 0 || bytes < 0 || !json_is_object(*ret_files)) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "the state of a checkpoint, version 1", "%s", problem.text);
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    *ret = (checkpoint_state){.step = (uint64_t)step, .log_bytes = (uint64_t)bytes};
    take_hash(ret->chain, chain);
    take_hash(ret->recipe, made_by);
    take_hash(ret->weights, weights);
    take_hash(ret->optimizer, optimizer);
    const char *model = json_string_value(json_object_get(*ret_files, "model.safetensors"));
    take_hash(ret->model, model != NULL ? model : "");
    return HEARTH_OK;
}

static hearth_status check_state(const char *folder, const char *path, checkpoint_state *ret, hearth_error *error)
{
    buffer text;
    json_t *value = NULL;
    json_t *files = NULL;
    buffer_init(&text, LIMIT_CONFIG_FILE_BYTES);
    hearth_status status = file_read(path, LIMIT_CONFIG_FILE_BYTES, &text, error);
    status = status == HEARTH_OK ? json_door_parse(buffer_text(&text), text.length, path, &value, error) : status;
    status = status == HEARTH_OK ? read_state(value, path, ret, &files, error) : status;
    status = status == HEARTH_OK ? check_files(folder, files, error) : status;
    json_decref(value);
    buffer_free(&text);
    return status;
}

hearth_status checkpoint_check(const char *folder, checkpoint_state *ret, hearth_error *error)
{
    char *path = file_join(folder, "state.json");
    const hearth_status status = path == NULL ? error_memory(error, 0) : check_state(folder, path, ret, error);
    mem_free(path);
    return status;
}
