/* Resolves what the user calls a model: a path, a name in the local store or cache, in the hub cache or in Ollama's. */
#include "model/locate.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "formats/hub_cache.h"
#include "formats/model_files.h"
#include "formats/ollama_store.h"
#include "platform/file.h"

#include <errno.h>
#include <string.h>

/* ---- folders ---- */

static bool folder_has(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    const bool found = path != NULL && file_exists(path);
    mem_free(path);
    return found;
}

/* The only GGUF file in a folder; *ret stays NULL when there is none. */
static hearth_status only_gguf(const char *folder, char **ret, hearth_error *error)
{
    file_list list = {0};
    const char *first = NULL;
    const char *second = NULL;
    TRY(file_list_folder(folder, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        if (model_files_is_gguf(list.names[i]) && !model_files_is_later_part(list.names[i])) {
            second = first != NULL && second == NULL ? list.names[i] : second;
            first = first == NULL ? list.names[i] : first;
        }
    }
    hearth_status status = HEARTH_OK;
    if (second != NULL) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "one GGUF file in the folder, or the name of one of them",
                           "%.64s, %.64s", first, second);
        error_in_file(error, folder);
    } else if (first != NULL && (*ret = file_join(folder, first)) == NULL) {
        status = error_memory(error, strlen(folder));
    }
    file_list_free(&list);
    return status;
}

/* A folder's model: the folder itself when it is in Hugging Face layout, else the only GGUF file in it. */
static hearth_status in_folder(const char *folder, char **ret, hearth_error *error)
{
    const bool config = folder_has(folder, "config.json");
    const bool weights = folder_has(folder, "model.safetensors") || folder_has(folder, "model.safetensors.index.json");
    if (!config || !weights) {
        TRY(only_gguf(folder, ret, error));
    }
    if (*ret == NULL && config) {
        *ret = mem_strdup(folder);
        return *ret != NULL ? HEARTH_OK : error_memory(error, strlen(folder));
    }
    if (*ret == NULL) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, "a folder with config.json or a GGUF file", "neither");
        error_in_file(error, folder);
        return HEARTH_E_NOT_FOUND;
    }
    return HEARTH_OK;
}

/* *ret stays NULL when nothing lies at `path`. */
static hearth_status at_path(const char *path, char **ret, hearth_error *error)
{
    if (file_is_folder(path)) {
        return in_folder(path, ret, error);
    }
    if (file_exists(path)) {
        *ret = mem_strdup(path);
        return *ret != NULL ? HEARTH_OK : error_memory(error, strlen(path));
    }
    return HEARTH_OK;
}

/* ---- the local store and the cache ---- */

/* NAME, then NAME.gguf, in FOLDER of the user's `kind` folder (in that folder itself for NULL). Adds the place to
 * `tried`. */
static hearth_status in_store(const char *kind, const char *folder, const char *name, char **ret, buffer *tried,
                              hearth_error *error)
{
    char *user = file_user_folder(kind);
    char *place = user != NULL && folder != NULL ? file_join(user, folder) : NULL;
    const char *store = folder != NULL ? place : user;
    hearth_status status = HEARTH_OK;
    buffer path;
    buffer_init(&path, 0);
    if (store != NULL) {
        status = buffer_printf(tried, error, ", %s", store);
    }
    for (int with_suffix = 0; status == HEARTH_OK && store != NULL && *ret == NULL && with_suffix < 2; with_suffix++) {
        buffer_clear(&path);
        status = buffer_printf(&path, error, "%s/%s%s", store, name, with_suffix != 0 ? ".gguf" : "");
        if (status == HEARTH_OK) {
            status = at_path(buffer_text(&path), ret, error);
        }
    }
    buffer_free(&path);
    mem_free(place);
    mem_free(user);
    return status;
}

/* ---- Hugging Face's hub cache ---- */

/* The first of the files of a snapshot that `select` means: a file, a pattern, a quantisation. */
static hearth_status selected(const char *snapshot, const char *select, char **ret, hearth_error *error)
{
    file_list list = {0};
    TRY(hub_cache_list_files(snapshot, &list, error));
    bool *take = mem_calloc(list.count + 1, sizeof *take);
    hearth_status status = take != NULL
                               ? model_files_choose((const char *const *)list.names, list.count, select, take, error)
                               : error_memory(error, list.count);
    size_t at = 0;
    while (status == HEARTH_OK && !take[at]) {
        at++;
    }
    if (status == HEARTH_OK && (*ret = file_join(snapshot, list.names[at])) == NULL) {
        status = error_memory(error, strlen(snapshot));
    }
    mem_free(take);
    file_list_free(&list);
    if (status != HEARTH_OK) {
        error_in_file(error, snapshot);
    }
    return status;
}

/* The model of a snapshot, or what `select` means in it. */
static hearth_status in_snapshot(const char *snapshot, const char *select, char **ret, hearth_error *error)
{
    if (*select == '\0') {
        return in_folder(snapshot, ret, error);
    }
    char *path = file_join(snapshot, select);
    if (path == NULL) {
        return error_memory(error, strlen(snapshot));
    }
    hearth_status status = at_path(path, ret, error);
    mem_free(path);
    return status == HEARTH_OK && *ret == NULL ? selected(snapshot, select, ret, error) : status;
}

static hearth_status in_hub(const model_name *name, char **ret, buffer *tried, hearth_error *error)
{
    char *hub = hub_cache_folder();
    if (hub == NULL) {
        return HEARTH_OK;
    }
    char *repository = hub_cache_repository(hub, name);
    char *snapshot = NULL;
    hearth_status status =
        repository != NULL ? buffer_printf(tried, error, ", %s", hub) : error_memory(error, strlen(hub));
    if (status == HEARTH_OK && file_is_folder(repository)) {
        status = hub_cache_snapshot(repository, name->revision, &snapshot, error);
        status = status == HEARTH_OK ? in_snapshot(snapshot, name->select, ret, error) : status;
    }
    mem_free(snapshot);
    mem_free(repository);
    mem_free(hub);
    return status;
}

/* ---- Ollama's store ---- */

/* The model's blob; what changes it (an adapter) cannot be left out silently. */
static hearth_status blob_of(const char *store, const ollama_manifest *manifest, char **ret, hearth_error *error)
{
    if (ollama_manifest_find(manifest, "adapter") != NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, NULL, "a model without adapters", "one with an adapter");
    }
    char *path = ollama_store_blob_path(store, ollama_manifest_find(manifest, "model")->digest);
    if (path == NULL) {
        return error_memory(error, strlen(store));
    }
    if (!file_exists(path)) {
        (void)error_errno(error, path, "open", ENOENT);
        mem_free(path);
        return HEARTH_E_NOT_FOUND;
    }
    *ret = path;
    return HEARTH_OK;
}

static hearth_status in_ollama(const model_name *name, char **ret, buffer *tried, hearth_error *error)
{
    char *store = ollama_store_folder();
    if (store == NULL) {
        return HEARTH_OK;
    }
    char *path = ollama_store_manifest_path(store, name);
    ollama_manifest *manifest = NULL;
    hearth_status status =
        path != NULL ? buffer_printf(tried, error, ", %s", store) : error_memory(error, strlen(store));
    if (status == HEARTH_OK && file_exists(path)) {
        status = ollama_store_read(store, name, &manifest, error);
        status = status == HEARTH_OK ? blob_of(store, manifest, ret, error) : status;
    }
    mem_free(manifest);
    mem_free(path);
    mem_free(store);
    return status;
}

/* ---- all of it ---- */

/* A name that may be looked up: no part between slashes is empty or starts with a dot. */
static bool is_store_name(const char *name)
{
    if (name[0] == '~') {
        return false;
    }
    for (const char *part = name; part != NULL; part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL) {
        if (*part == '\0' || *part == '/' || *part == '.') {
            return false;
        }
    }
    return true;
}

static hearth_status locate(const char *name, char **ret, buffer *tried, hearth_error *error)
{
    model_name parts;
    TRY(at_path(name, ret, error));
    if (*ret != NULL) {
        return HEARTH_OK;
    }
    TRY(model_name_parse(name, &parts, error));
    if (parts.source == MODEL_SOURCE_OLLAMA) {
        return in_ollama(&parts, ret, tried, error);
    }
    if (parts.source == MODEL_SOURCE_URL) { /* where it was fetched to */
        return in_store("data", "models", parts.file, ret, tried, error);
    }
    if (parts.source == MODEL_SOURCE_HF && parts.stated) {
        return in_hub(&parts, ret, tried, error);
    }
    if (!is_store_name(name)) {
        return HEARTH_OK;
    }
    TRY(in_store("data", "models", name, ret, tried, error));
    if (*ret == NULL) {
        TRY(in_store("cache", NULL, name, ret, tried, error));
    }
    return *ret == NULL && parts.source == MODEL_SOURCE_HF ? in_hub(&parts, ret, tried, error) : HEARTH_OK;
}

hearth_status model_locate(const char *name, char **ret_path, hearth_error *error)
{
    char *path = NULL;
    buffer tried;
    if (name[0] == '\0') {
        return error_set(error, HEARTH_E_ARGUMENT, "MODEL", "a file, a folder or a name", "nothing");
    }
    buffer_init(&tried, 0);
    hearth_status status = locate(name, &path, &tried, error);
    if (status == HEARTH_OK && path == NULL) {
        const bool looked = tried.length > 0;
        status = error_set(error, HEARTH_E_NOT_FOUND, NULL, "a GGUF file, a folder or the name of a model",
                           "none here%s%s", looked ? " or in " : "", looked ? buffer_text(&tried) + 2 : "");
        error_in_file(error, name);
    }
    buffer_free(&tried);
    if (status == HEARTH_OK) {
        *ret_path = path;
    }
    return status;
}
