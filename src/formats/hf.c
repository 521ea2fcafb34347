/* Opens a Hugging Face model folder: which file gives what, and which are optional. */
#include "formats/hf.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/json_file.h"

#include <string.h>

/* The path of `name` in the folder, or NULL in *ret when there is no such file. */
static hearth_status optional_path(const char *folder, const char *name, char **ret, hearth_error *error)
{
    char *path = file_join(folder, name);
    if (path == NULL) {
        return error_memory(error, strlen(folder) + strlen(name));
    }
    *ret = path;
    if (!file_exists(path)) {
        mem_free(path);
        *ret = NULL;
    }
    return HEARTH_OK;
}

/* Reads an optional object; *ret stays NULL when the file is absent. */
static hearth_status optional_json(const char *folder, const char *name, json_t **ret, hearth_error *error)
{
    char *path = NULL;
    TRY(optional_path(folder, name, &path, error));
    if (path == NULL) {
        return HEARTH_OK;
    }
    const hearth_status status = json_file_read(path, LIMIT_CONFIG_FILE_BYTES, ret, error);
    mem_free(path);
    return status;
}

static hearth_status read_config(hf_folder *folder, hearth_error *error)
{
    TRY(optional_json(folder->path, "config.json", &folder->config, error));
    if (folder->config == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "config.json", "a Hugging Face model folder with this file",
                         "none");
    }
    TRY(optional_json(folder->path, "tokenizer_config.json", &folder->tokenizer_config, error));
    TRY(optional_json(folder->path, "generation_config.json", &folder->generation_config, error));
    return optional_json(folder->path, "special_tokens_map.json", &folder->special_tokens_map, error);
}

/* ---- chat template ---- */

/* Keeps a copy of a template: UTF-8 without NUL. */
static hearth_status keep_template(hf_folder *folder, const char *text, size_t length, const char *place,
                                   hearth_error *error)
{
    if (length > LIMIT_TEMPLATE_BYTES) {
        return error_set(error, HEARTH_E_LIMIT, place, "at most 1 MiB", "%zu bytes", length);
    }
    if (!utf8_valid(text, length) || memchr(text, '\0', length) != NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, "UTF-8 without NUL", "other bytes");
    }
    folder->chat_template = mem_alloc(length + 1);
    if (folder->chat_template == NULL) {
        return error_memory(error, length + 1);
    }
    memcpy(folder->chat_template, text, length);
    folder->chat_template[length] = '\0';
    return HEARTH_OK;
}

static hearth_status read_template_file(hf_folder *folder, const char *path, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = file_read(path, LIMIT_TEMPLATE_BYTES, &text, error);
    if (status == HEARTH_OK) {
        status = keep_template(folder, buffer_text(&text), text.length, NULL, error);
    }
    buffer_free(&text);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
    }
    return status;
}

/* The entry "default" of a list of {"name", "template"}; NULL when there is none. */
static hearth_status find_default(const json_t *list, const json_t **ret, hearth_error *error)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i);
        const json_t *name = json_object_get(entry, "name");
        const json_t *text = json_object_get(entry, "template");
        if (!json_is_string(name) || !json_is_string(text)) {
            return error_set(error, HEARTH_E_FORMAT, "key chat_template", "a list of {\"name\", \"template\"}",
                             "another entry (%zu)", i);
        }
        if (*ret == NULL && strcmp(json_string_value(name), "default") == 0) {
            *ret = text;
        }
    }
    return HEARTH_OK;
}

static hearth_status read_template_key(hf_folder *folder, hearth_error *error)
{
    const json_t *value = json_object_get(folder->tokenizer_config, "chat_template");
    const json_t *text = json_is_array(value) ? NULL : value;
    if (json_is_array(value)) {
        TRY(find_default(value, &text, error));
    }
    if (text == NULL || json_is_null(text)) {
        return HEARTH_OK;
    }
    if (!json_is_string(text)) {
        return error_set(error, HEARTH_E_FORMAT, "key chat_template", "a string or a list", "%s", json_type_name(text));
    }
    return keep_template(folder, json_string_value(text), json_string_length(text), "key chat_template", error);
}

static hearth_status read_template(hf_folder *folder, hearth_error *error)
{
    char *path = NULL;
    TRY(optional_path(folder->path, "chat_template.jinja", &path, error));
    hearth_status status = HEARTH_OK;
    if (path != NULL) {
        status = read_template_file(folder, path, error);
        mem_free(path);
        return status;
    }
    status = read_template_key(folder, error);
    char *named = status != HEARTH_OK ? file_join(folder->path, "tokenizer_config.json") : NULL;
    if (named != NULL) {
        error_in_file(error, named);
        mem_free(named);
    }
    return status;
}

/* ---- the folder ---- */

static hearth_status read_weights(hf_folder *folder, hearth_error *error)
{
    char *path = NULL;
    TRY(optional_path(folder->path, "model.safetensors", &path, error));
    const bool sharded = path == NULL;
    if (sharded) {
        TRY(optional_path(folder->path, "model.safetensors.index.json", &path, error));
    }
    if (path == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "weights", "model.safetensors or model.safetensors.index.json",
                         "neither");
    }
    const hearth_status status = sharded ? safetensors_open_index(path, &folder->tensors, error)
                                         : safetensors_open(path, &folder->tensors, error);
    mem_free(path);
    return status;
}

static hearth_status read_folder(hf_folder *folder, bool with_weights, hearth_error *error)
{
    if (!file_exists(folder->path)) {
        return error_set(error, HEARTH_E_NOT_FOUND, NULL, "a folder", "none of this name");
    }
    if (!file_is_folder(folder->path)) {
        return error_set(error, HEARTH_E_ARGUMENT, NULL, "a folder", "a file");
    }
    TRY(read_config(folder, error));
    TRY(read_template(folder, error));
    static const char *const names[] = {"tokenizer.json", "tokenizer.model", "tekken.json", "qwen.tiktoken",
                                        "vocab.txt"};
    for (size_t i = 0; i < sizeof names / sizeof names[0] && folder->tokenizer_path == NULL; i++) {
        TRY(optional_path(folder->path, names[i], &folder->tokenizer_path, error));
    }
    return with_weights ? read_weights(folder, error) : HEARTH_OK;
}

hearth_status hf_open(const char *path, bool with_weights, hf_folder **ret, hearth_error *error)
{
    hf_folder *folder = mem_calloc(1, sizeof *folder);
    if (folder == NULL || (folder->path = mem_strdup(path)) == NULL) {
        mem_free(folder);
        return error_memory(error, sizeof *folder);
    }
    const hearth_status status = read_folder(folder, with_weights, error);
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        hf_close(folder);
        return status;
    }
    *ret = folder;
    return HEARTH_OK;
}

hearth_status hf_open_config(const char *path, hf_folder **ret, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    hf_folder *folder = mem_calloc(1, sizeof *folder);
    if (folder == NULL || (folder->path = mem_strdup(slash != NULL ? path : ".")) == NULL) {
        mem_free(folder);
        return error_memory(error, sizeof *folder);
    }
    if (slash != NULL) {
        folder->path[slash == path ? 1 : slash - path] = '\0';
    }
    const hearth_status status = json_file_read(path, LIMIT_CONFIG_FILE_BYTES, &folder->config, error);
    if (status != HEARTH_OK) {
        hf_close(folder);
        return status;
    }
    *ret = folder;
    return HEARTH_OK;
}

void hf_close(hf_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    json_decref(folder->config);
    json_decref(folder->tokenizer_config);
    json_decref(folder->generation_config);
    json_decref(folder->special_tokens_map);
    tensor_table_free(&folder->tensors);
    mem_free(folder->chat_template);
    mem_free(folder->tokenizer_path);
    mem_free(folder->path);
    mem_free(folder);
}
