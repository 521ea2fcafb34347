/* Hugging Face's hub cache: models--ORG--NAME/{blobs, refs, snapshots}. */
#define _GNU_SOURCE
#include "formats/hub_cache.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MOST 8

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

char *hub_cache_home(void)
{
    const char *home = setting("HF_HOME");
    const char *cache = setting("XDG_CACHE_HOME");
    const char *user = setting("HOME");
    if (home != NULL) {
        return mem_strdup(home);
    }
    if (cache != NULL && cache[0] == '/') {
        return file_join(cache, "huggingface");
    }
    return user != NULL ? file_join(user, ".cache/huggingface") : NULL;
}

char *hub_cache_folder(void)
{
    static const char *const whole[] = {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}; /* the second is the old name */
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        const char *hub = setting(whole[i]);
        if (hub != NULL) {
            return mem_strdup(hub);
        }
    }
    char *home = hub_cache_home();
    char *hub = home != NULL ? file_join(home, "hub") : NULL;
    mem_free(home);
    return hub;
}

char *hub_cache_repository(const char *hub, const model_name *name)
{
    return text_format("%s/models--%s%s%s", hub, name->owner, name->owner[0] != '\0' ? "--" : "", name->name);
}

bool hub_cache_repository_name(const char *folder, char *ret, size_t size)
{
    static const char prefix[] = "models--";
    if (!text_starts(folder, prefix)) {
        return false;
    }
    const char *owner = folder + sizeof prefix - 1;
    const char *split = strstr(owner, "--");
    const int wrote = split != NULL ? snprintf(ret, size, "%.*s/%s", (int)(split - owner), owner, split + 2)
                                    : snprintf(ret, size, "%s", owner);
    return wrote > 0 && (size_t)wrote < size;
}

bool hub_cache_read_ref(const char *repository, const char *revision, char ret[HUB_CACHE_COMMIT])
{
    buffer text;
    buffer_init(&text, 0);
    char *path = text_format("%s/refs/%s", repository, revision);
    const bool read = path != NULL && file_read(path, HUB_CACHE_COMMIT - 1, &text, NULL) == HEARTH_OK;
    (void)snprintf(ret, HUB_CACHE_COMMIT, "%s", buffer_text(&text));
    ret[strcspn(ret, " \r\n\t")] = '\0';
    buffer_free(&text);
    mem_free(path);
    return read && ret[0] != '\0' && ret[0] != '.' && strchr(ret, '/') == NULL;
}

/* "main" without a ref: what was fetched by its commit alone. */
static hearth_status only_snapshot(const char *repository, const char *snapshots, char ret[HUB_CACHE_COMMIT],
                                   hearth_error *error)
{
    file_list list = {0};
    TRY(file_list_folder(snapshots, &list, error));
    const size_t count = list.count;
    (void)snprintf(ret, HUB_CACHE_COMMIT, "%s", count == 1 ? list.names[0] : "");
    file_list_free(&list);
    if (count == 1) {
        return HEARTH_OK;
    }
    const hearth_status status =
        error_set(error, HEARTH_E_NOT_FOUND, NULL, "refs/main, or one snapshot", "%zu snapshots", count);
    error_in_file(error, repository);
    return status;
}

static hearth_status find_commit(const char *repository, const char *snapshots, const char *revision,
                                 char ret[HUB_CACHE_COMMIT], hearth_error *error)
{
    if (hub_cache_read_ref(repository, revision, ret)) {
        return HEARTH_OK;
    }
    if (strcmp(revision, MODEL_REVISION_MAIN) == 0) {
        return only_snapshot(repository, snapshots, ret, error);
    }
    char *folder = strchr(revision, '/') == NULL ? file_join(snapshots, revision) : NULL;
    const bool there = folder != NULL && file_is_folder(folder) && strlen(revision) < HUB_CACHE_COMMIT;
    (void)snprintf(ret, HUB_CACHE_COMMIT, "%s", there ? revision : "");
    mem_free(folder);
    if (there) {
        return HEARTH_OK;
    }
    const hearth_status status =
        error_set(error, HEARTH_E_NOT_FOUND, NULL, "a revision that is here", "no \"%.100s\"", revision);
    error_in_file(error, repository);
    return status;
}

hearth_status hub_cache_snapshot(const char *repository, const char *revision, char **ret, hearth_error *error)
{
    char commit[HUB_CACHE_COMMIT] = "";
    char *snapshots = file_join(repository, "snapshots");
    if (snapshots == NULL) {
        return error_memory(error, strlen(repository));
    }
    hearth_status status = find_commit(repository, snapshots, revision, commit, error);
    char *folder = status == HEARTH_OK ? file_join(snapshots, commit) : NULL;
    if (status == HEARTH_OK && folder == NULL) {
        status = error_memory(error, strlen(snapshots));
    }
    mem_free(snapshots);
    if (status == HEARTH_OK) {
        *ret = folder;
    }
    return status;
}

/* ---- files of a folder ---- */

static bool is_real_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static hearth_status add_name(file_list *list, const char *name, hearth_error *error)
{
    TRY(file_list_add(list, name, error));
    return list->count <= LIMIT_LISTING_FILES
               ? HEARTH_OK
               : error_set(error, HEARTH_E_LIMIT, NULL, NULL, "more than %u files", LIMIT_LISTING_FILES);
}

static hearth_status list_into(const char *folder, const char *prefix, int depth, file_list *ret, hearth_error *error)
{
    file_list here = {0};
    TRY(file_list_folder(folder, &here, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < here.count && status == HEARTH_OK; i++) {
        char *path = file_join(folder, here.names[i]);
        char *name = text_format("%s%s", prefix, here.names[i]);
        char *deeper = text_format("%s%s/", prefix, here.names[i]);
        if (path == NULL || name == NULL || deeper == NULL) {
            status = error_memory(error, strlen(folder));
        } else if (!is_real_folder(path)) {
            status = add_name(ret, name, error);
        } else if (depth < DEPTH_MOST) {
            status = list_into(path, deeper, depth + 1, ret, error);
        }
        mem_free(path);
        mem_free(name);
        mem_free(deeper);
    }
    file_list_free(&here);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

hearth_status hub_cache_list_files(const char *folder, file_list *ret, hearth_error *error)
{
    file_list list = {0};
    const hearth_status status = list_into(folder, "", 0, &list, error);
    if (status != HEARTH_OK) {
        file_list_free(&list);
        return status;
    }
    if (list.count > 0) {
        qsort(list.names, list.count, sizeof *list.names, by_name);
    }
    *ret = list;
    return HEARTH_OK;
}
