/* Resolves what the user calls a model: a path, a name in the local store or cache, or one of the hub cache. */
#include "model/locate.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- folders ---- */

static bool folder_has(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    const bool found = path != NULL && file_exists(path);
    mem_free(path);
    return found;
}

static bool is_gguf_name(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".gguf") == 0;
}

/* A later part of a split set (NAME-00002-of-00003.gguf): opening its first part opens it. */
static bool is_later_part(const char *name)
{
    const size_t length = strlen(name);
    const char *suffix = length > 20 ? name + length - 20 : "";
    return suffix[0] == '-' && strncmp(suffix + 6, "-of-", 4) == 0 && strncmp(suffix + 1, "00001", 5) != 0;
}

/* The only GGUF file in a folder; *ret stays NULL when there is none. */
static hearth_status only_gguf(const char *folder, char **ret, hearth_error *error)
{
    file_list list = {0};
    const char *first = NULL;
    const char *second = NULL;
    TRY(file_list_folder(folder, &list, error));
    for (size_t i = 0; i < list.count; i++) {
        if (is_gguf_name(list.names[i]) && !is_later_part(list.names[i])) {
            second = first != NULL && second == NULL ? list.names[i] : second;
            first = first == NULL ? list.names[i] : first;
        }
    }
    hearth_status status = HEARTH_OK;
    if (second != NULL) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "one GGUF file in the folder, or the name of one of them",
                           "%.64s, %.64s", first, second);
        (void)error_in_file(error, folder);
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
        (void)error_in_file(error, folder);
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

/* ---- Hugging Face's hub cache: models--ORG--NAME/{refs/main, snapshots/COMMIT/} ---- */

static char *hub_folder(void)
{
    static const char *const whole[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}; /* the second is the old name */
    const char *home = getenv("HF_HOME");
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *user = getenv("HOME");
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        const char *hub = getenv(whole[i]);
        if (hub != NULL && hub[0] != '\0') {
            return mem_strdup(hub);
        }
    }
    if (home != NULL && home[0] != '\0') {
        return file_join(home, "hub");
    }
    if (cache != NULL && cache[0] == '/') {
        return file_join(cache, "huggingface/hub");
    }
    return user != NULL && user[0] != '\0' ? file_join(user, ".cache/huggingface/hub") : NULL;
}

/* The commit that refs/main names, into `ret`; false when there is none, or one that is no plain name. */
static bool read_ref(const char *repository, char ret[128])
{
    buffer text;
    buffer_init(&text, 0);
    char *path = file_join(repository, "refs/main");
    const bool read = path != NULL && file_read(path, 127, &text, NULL) == HEARTH_OK;
    (void)snprintf(ret, 128, "%s", buffer_text(&text));
    ret[strcspn(ret, " \r\n\t")] = '\0';
    buffer_free(&text);
    mem_free(path);
    return read && ret[0] != '\0' && ret[0] != '.' && strchr(ret, '/') == NULL;
}

/* The model of a snapshot, or its file `rest` where that is not "". */
static hearth_status in_snapshot(const char *snapshot, const char *rest, char **ret, hearth_error *error)
{
    if (*rest == '\0') {
        return in_folder(snapshot, ret, error);
    }
    char *path = file_join(snapshot, rest);
    if (path == NULL) {
        return error_memory(error, strlen(snapshot));
    }
    hearth_status status = at_path(path, ret, error);
    mem_free(path);
    if (status == HEARTH_OK && *ret == NULL) {
        status = error_set(error, HEARTH_E_NOT_FOUND, NULL, "a file or a folder in it", "no %.120s", rest);
        (void)error_in_file(error, snapshot);
    }
    return status;
}

static hearth_status in_snapshots(const char *repository, const char *rest, char **ret, hearth_error *error)
{
    char commit[128] = "";
    file_list list = {0};
    char *snapshots = file_join(repository, "snapshots");
    if (snapshots == NULL) {
        return error_memory(error, strlen(repository));
    }
    hearth_status status = HEARTH_OK;
    if (!read_ref(repository, commit)) {
        status = file_list_folder(snapshots, &list, error);
        if (status == HEARTH_OK && list.count == 1) {
            (void)snprintf(commit, sizeof commit, "%s", list.names[0]);
        } else if (status == HEARTH_OK) {
            status =
                error_set(error, HEARTH_E_NOT_FOUND, NULL, "refs/main, or one snapshot", "%zu snapshots", list.count);
            (void)error_in_file(error, repository);
        }
        file_list_free(&list);
    }
    char *snapshot = status == HEARTH_OK ? file_join(snapshots, commit) : NULL;
    if (snapshot != NULL) {
        status = in_snapshot(snapshot, rest, ret, error);
    } else if (status == HEARTH_OK) {
        status = error_memory(error, strlen(snapshots));
    }
    mem_free(snapshot);
    mem_free(snapshots);
    return status;
}

/* "org/name", or "name" for a repository without an organisation; "org/name/FILE" for one file of it. */
static hearth_status in_hub(const char *name, char **ret, buffer *tried, hearth_error *error)
{
    char *hub = hub_folder();
    if (hub == NULL) {
        return HEARTH_OK;
    }
    buffer repository;
    buffer_init(&repository, 0);
    const char *slash = strchr(name, '/');
    const size_t organisation = slash != NULL ? (size_t)(slash - name) : 0;
    const char *own = slash != NULL ? slash + 1 : name;
    const size_t length = strcspn(own, "/");
    const char *rest = own[length] == '/' ? own + length + 1 : "";
    hearth_status status = buffer_printf(tried, error, ", %s", hub);
    if (status == HEARTH_OK) {
        status = buffer_printf(&repository, error, "%s/models--%.*s%s%.*s", hub, (int)organisation, name,
                               slash != NULL ? "--" : "", (int)length, own);
    }
    if (status == HEARTH_OK && file_is_folder(buffer_text(&repository))) {
        status = in_snapshots(buffer_text(&repository), rest, ret, error);
    }
    buffer_free(&repository);
    mem_free(hub);
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
    TRY(at_path(name, ret, error));
    if (*ret != NULL || !is_store_name(name)) {
        return HEARTH_OK;
    }
    TRY(in_store("data", "models", name, ret, tried, error));
    if (*ret == NULL) {
        TRY(in_store("cache", NULL, name, ret, tried, error));
    }
    return *ret == NULL ? in_hub(name, ret, tried, error) : HEARTH_OK;
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
        (void)error_in_file(error, name);
    }
    buffer_free(&tried);
    if (status == HEARTH_OK) {
        *ret_path = path;
    }
    return status;
}
