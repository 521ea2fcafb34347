/* Removing models, and what none of them uses. */
#define _GNU_SOURCE
#include "hub/store.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/model_files.h"
#include "formats/ollama_store.h"
#include "hub/store_part.h"
#include "platform/file_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void store_removed_free(store_removed *removed)
{
    for (size_t i = 0; i < removed->count; i++) {
        mem_free(removed->paths[i]);
    }
    mem_free(removed->paths);
    *removed = (store_removed){0};
}

/* ---- files and folders ---- */

static hearth_status note(const char *path, uint64_t bytes, store_removed *ret, hearth_error *error)
{
    char **grown = mem_realloc(ret->paths, (ret->count + 1) * sizeof *grown);
    ret->paths = grown != NULL ? grown : ret->paths;
    char *copy = grown != NULL ? mem_strdup(path) : NULL;
    if (copy == NULL) {
        return error_memory(error, strlen(path));
    }
    ret->paths[ret->count++] = copy;
    ret->bytes += bytes;
    return HEARTH_OK;
}

hearth_status store_unlink(const char *path, bool dry_run, store_removed *ret, hearth_error *error)
{
    struct stat info;
    if (lstat(path, &info) != 0) {
        return errno == ENOENT ? HEARTH_OK : error_errno(error, path, "remove", errno);
    }
    if (!dry_run && unlink(path) != 0) {
        return error_errno(error, path, "remove", errno);
    }
    const uint64_t bytes = S_ISREG(info.st_mode) && info.st_nlink == 1 ? (uint64_t)info.st_blocks * 512 : 0;
    return note(path, bytes < (uint64_t)info.st_size ? bytes : (uint64_t)info.st_size, ret, error);
}

static bool is_real_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Depth first; `depth` bounds what a strange tree can do. */
static hearth_status unlink_level(const char *folder, int depth, bool dry_run, store_removed *ret, hearth_error *error)
{
    file_list names = {0};
    TRY(file_list_folder(folder, &names, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < names.count && status == HEARTH_OK; i++) {
        char *path = file_join(folder, names.names[i]);
        if (path == NULL) {
            status = error_memory(error, strlen(folder));
        } else if (!is_real_folder(path)) {
            status = store_unlink(path, dry_run, ret, error);
        } else if (depth < 16) {
            status = unlink_level(path, depth + 1, dry_run, ret, error);
        }
        mem_free(path);
    }
    file_list_free(&names);
    TRY(status);
    return dry_run || rmdir(folder) == 0 ? HEARTH_OK : error_errno(error, folder, "remove", errno);
}

hearth_status store_unlink_tree(const char *folder, bool dry_run, store_removed *ret, hearth_error *error)
{
    return is_real_folder(folder) ? unlink_level(folder, 0, dry_run, ret, error) : HEARTH_OK;
}

/* Empty folders from here up to `top`, which stays. */
static void remove_empty(const char *path, const char *top)
{
    char *folder = mem_strdup(path);
    for (char *slash = folder != NULL ? strrchr(folder, '/') : NULL; slash != NULL; slash = strrchr(folder, '/')) {
        *slash = '\0';
        if (strlen(folder) <= strlen(top) || rmdir(folder) != 0) {
            break;
        }
    }
    mem_free(folder);
}

hearth_status store_files(const char *folder, file_list *ret, hearth_error *error)
{
    if (!file_is_folder(folder)) {
        *ret = (file_list){0};
        return HEARTH_OK;
    }
    return hub_cache_list_files(folder, ret, error);
}

/* ---- what is used ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool store_names_have(const file_list *list, const char *name)
{
    return list->count > 0 && bsearch(&name, list->names, list->count, sizeof *list->names, by_text) != NULL;
}

static void sort_names(file_list *list)
{
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof *list->names, by_text);
    }
}

hearth_status store_hf_used(const char *repository, file_list *ret, hearth_error *error)
{
    file_list files = {0};
    char *snapshots = file_join(repository, "snapshots");
    hearth_status status = snapshots != NULL ? store_files(snapshots, &files, error) : error_memory(error, 0);
    for (size_t i = 0; i < files.count && status == HEARTH_OK; i++) {
        char target[1024];
        char *link = file_join(snapshots, files.names[i]);
        const ssize_t length = link != NULL ? readlink(link, target, sizeof target - 1) : -1;
        mem_free(link);
        target[length > 0 ? length : 0] = '\0';
        const char *blob = strrchr(target, '/');
        if (blob != NULL) {
            status = file_list_add(ret, blob + 1, error);
        }
    }
    file_list_free(&files);
    mem_free(snapshots);
    sort_names(ret);
    return status;
}

static hearth_status add_layers(const char *path, file_list *ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    ollama_manifest *manifest = NULL;
    hearth_status status = file_read(path, (size_t)16 << 20, &text, error);
    status =
        status == HEARTH_OK ? ollama_manifest_parse(buffer_text(&text), text.length, path, &manifest, error) : status;
    for (size_t i = 0; status == HEARTH_OK && i < manifest->count; i++) {
        char name[80];
        (void)snprintf(name, sizeof name, "sha256-%s", strchr(manifest->layers[i].digest, ':') + 1);
        status = file_list_add(ret, name, error);
    }
    mem_free(manifest);
    buffer_free(&text);
    return status;
}

hearth_status store_ollama_used(const char *store, file_list *ret, hearth_error *error)
{
    file_list manifests = {0};
    hearth_status status = store_ollama_manifests(store, &manifests, error);
    for (size_t i = 0; i < manifests.count && status == HEARTH_OK; i++) {
        char *path = text_format("%s/manifests/%s", store, manifests.names[i]);
        status = path != NULL ? add_layers(path, ret, error) : error_memory(error, 0);
        mem_free(path);
    }
    file_list_free(&manifests);
    sort_names(ret);
    return status;
}

/* ---- what is not ---- */

static bool is_old(const char *path, double hours)
{
    struct stat info;
    return lstat(path, &info) == 0 && difftime(time(NULL), info.st_mtime) >= hours * 3600;
}

/* The part of "NAME.hearth-partial.parts", "ETAG.1234abcd.incomplete" or "sha256-HEX-partial-0" that the lock is named
 * by. */
static size_t stem_length(const char *name)
{
    const char *ours = strstr(name, ".hearth-partial");
    const char *ollamas = strstr(name, "-partial");
    return ours != NULL ? (size_t)(ours - name) : (ollamas != NULL ? (size_t)(ollamas - name) : strcspn(name, "."));
}

static hearth_status unlink_if_free(const char *path, const char *name, const char *locks, bool dry_run,
                                    store_removed *ret, hearth_error *error)
{
    file_lock lock = {-1};
    char *lock_path = text_format("%s/%.*s.lock", locks, (int)stem_length(name), name);
    if (lock_path == NULL) {
        return error_memory(error, strlen(name));
    }
    hearth_status status = HEARTH_OK;
    const bool locked_by_nobody = !file_exists(lock_path) || file_lock_try(lock_path, &lock, NULL) == HEARTH_OK;
    if (locked_by_nobody) {
        status = store_unlink(path, dry_run, ret, error);
    }
    file_lock_free(&lock);
    mem_free(lock_path);
    return status;
}

hearth_status store_unlink_unused(const char *blobs, const char *locks, const file_list *used, double hours,
                                  bool dry_run, store_removed *ret, hearth_error *error)
{
    file_list names = {0};
    if (!file_is_folder(blobs)) {
        return HEARTH_OK;
    }
    TRY(file_list_folder(blobs, &names, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < names.count && status == HEARTH_OK; i++) {
        char *path = file_join(blobs, names.names[i]);
        if (path == NULL) {
            status = error_memory(error, strlen(blobs));
        } else if (!is_real_folder(path) && !store_names_have(used, names.names[i]) && is_old(path, hours)) {
            status = unlink_if_free(path, names.names[i], locks, dry_run, ret, error);
        }
        mem_free(path);
    }
    file_list_free(&names);
    return status;
}

/* ---- Hugging Face's cache ---- */

static hearth_status prune_repository(const char *repository, const char *locks, double hours, bool dry_run,
                                      store_removed *ret, hearth_error *error)
{
    file_list used = {0};
    char *blobs = file_join(repository, "blobs");
    hearth_status status = blobs != NULL ? store_hf_used(repository, &used, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? store_unlink_unused(blobs, locks, &used, hours, dry_run, ret, error) : status;
    file_list_free(&used);
    mem_free(blobs);
    return status;
}

/* Refs that lead to a commit; *ret_others: another one leads there, too. */
static hearth_status remove_ref(const char *repository, const store_model *m, bool *ret_others, store_removed *ret,
                                hearth_error *error)
{
    file_list refs = {0};
    char *folder = file_join(repository, "refs");
    hearth_status status = folder != NULL ? store_files(folder, &refs, error) : error_memory(error, 0);
    for (size_t i = 0; i < refs.count && status == HEARTH_OK; i++) {
        char commit[HUB_CACHE_COMMIT];
        const bool there = hub_cache_read_ref(repository, refs.names[i], commit) && strcmp(commit, m->commit) == 0;
        if (there && strcmp(refs.names[i], m->revision) != 0) {
            *ret_others = true;
        } else if (there && m->member == NULL) {
            char *path = file_join(folder, refs.names[i]);
            status = path != NULL ? store_unlink(path, false, ret, error) : error_memory(error, 0);
            if (path != NULL) {
                remove_empty(path, folder);
            }
            mem_free(path);
        }
    }
    file_list_free(&refs);
    mem_free(folder);
    return status;
}

/* The files of one GGUF set. */
static hearth_status remove_members(const char *snapshot, const char *member, store_removed *ret, hearth_error *error)
{
    file_list files = {0};
    TRY(store_files(snapshot, &files, error));
    const size_t length = model_files_set_length(member);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < files.count && status == HEARTH_OK; i++) {
        const char *name = files.names[i];
        if (model_files_is_gguf(name) && model_files_set_length(name) == length && strncmp(name, member, length) == 0) {
            char *path = file_join(snapshot, name);
            status = path != NULL ? store_unlink(path, false, ret, error) : error_memory(error, 0);
            if (path != NULL) {
                remove_empty(path, snapshot);
            }
            mem_free(path);
        }
    }
    file_list_free(&files);
    return status;
}

static bool has_snapshots(const char *repository)
{
    file_list commits = {0};
    char *snapshots = file_join(repository, "snapshots");
    const bool some = snapshots != NULL && file_is_folder(snapshots) &&
                      file_list_folder(snapshots, &commits, NULL) == HEARTH_OK && commits.count > 0;
    file_list_free(&commits);
    mem_free(snapshots);
    return some;
}

/* `set_only`: other GGUF sets lie beside this one and stay. */
static hearth_status remove_snapshot(const store_model *m, bool set_only, const char *locks, store_removed *ret,
                                     hearth_error *error)
{
    bool others = false;
    store_model whole = *m;
    whole.member = set_only ? m->member : NULL;
    char *snapshot = text_format("%s/snapshots/%s", m->owner, m->commit);
    hearth_status status =
        snapshot != NULL ? remove_ref(m->owner, &whole, &others, ret, error) : error_memory(error, 0);
    if (status == HEARTH_OK && set_only) {
        status = remove_members(snapshot, m->member, ret, error);
    } else if (status == HEARTH_OK && !others) {
        status = store_unlink_tree(snapshot, false, ret, error);
    }
    mem_free(snapshot);
    TRY(status);
    if (has_snapshots(m->owner)) {
        return prune_repository(m->owner, locks, 0, false, ret, error);
    }
    return store_unlink_tree(m->owner, false, ret, error);
}

static hearth_status remove_hf(const store_model *m, bool set_only, store_removed *ret, hearth_error *error)
{
    file_lock lock = {-1};
    const char *own = strrchr(m->owner, '/') + 1;
    char *locks = text_format("%.*s/.locks/%s", (int)(own - 1 - m->owner), m->owner, own);
    char *path = locks != NULL ? text_format("%s/hearth.lock", locks) : NULL;
    hearth_status status = path != NULL ? file_lock_try(path, &lock, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? remove_snapshot(m, set_only, locks, ret, error) : status;
    file_lock_free(&lock);
    mem_free(path);
    mem_free(locks);
    return status;
}

/* ---- Ollama's store ---- */

static hearth_status prune_ollama(const char *store, double hours, bool dry_run, store_removed *ret,
                                  hearth_error *error)
{
    file_list used = {0};
    char *blobs = file_join(store, "blobs");
    char *locks = file_join(store, ".locks");
    hearth_status status =
        blobs != NULL && locks != NULL ? store_ollama_used(store, &used, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? store_unlink_unused(blobs, locks, &used, hours, dry_run, ret, error) : status;
    file_list_free(&used);
    mem_free(locks);
    mem_free(blobs);
    return status;
}

/* The blobs of one manifest that no other names. */
static hearth_status remove_layers(const char *store, const file_list *layers, store_removed *ret, hearth_error *error)
{
    file_list used = {0};
    TRY(store_ollama_used(store, &used, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < layers->count && status == HEARTH_OK; i++) {
        char *path = text_format("%s/blobs/%s", store, layers->names[i]);
        if (path == NULL) {
            status = error_memory(error, 0);
        } else if (!store_names_have(&used, layers->names[i])) {
            status = store_unlink(path, false, ret, error);
        }
        mem_free(path);
    }
    file_list_free(&used);
    return status;
}

static hearth_status remove_ollama(const store_model *m, store_removed *ret, hearth_error *error)
{
    file_lock lock = {-1};
    file_list layers = {0};
    char *store = ollama_store_folder();
    char *path = store != NULL ? text_format("%s/.locks/hearth.lock", store) : NULL;
    hearth_status status = path != NULL ? file_lock_try(path, &lock, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? add_layers(m->owner, &layers, error) : status;
    status = status == HEARTH_OK ? store_unlink(m->owner, false, ret, error) : status;
    if (status == HEARTH_OK) {
        char *manifests = file_join(store, "manifests");
        if (manifests != NULL) {
            remove_empty(m->owner, manifests);
        }
        mem_free(manifests);
        status = remove_layers(store, &layers, ret, error);
    }
    file_lock_free(&lock);
    file_list_free(&layers);
    mem_free(path);
    mem_free(store);
    return status;
}

/* ---- the local store ---- */

static hearth_status remove_parts(const char *folder, const char *first, store_removed *ret, hearth_error *error)
{
    file_list names = {0};
    TRY(file_list_folder(folder, &names, error));
    const size_t length = model_files_set_length(first);
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < names.count && status == HEARTH_OK; i++) {
        const char *name = names.names[i];
        const bool of_set =
            model_files_is_gguf(name) && model_files_set_length(name) == length && strncmp(name, first, length) == 0;
        char *path = file_join(folder, name);
        char *origin = text_format("%s/.sources/%s.json", folder, name);
        if (path == NULL || origin == NULL) {
            status = error_memory(error, 0);
        } else if (of_set) {
            status = store_unlink(path, false, ret, error);
            (void)unlink(origin);
        }
        mem_free(origin);
        mem_free(path);
    }
    file_list_free(&names);
    return status;
}

static hearth_status remove_local(const store_model *m, store_removed *ret, hearth_error *error)
{
    if (is_real_folder(m->owner)) {
        return store_unlink_tree(m->owner, false, ret, error);
    }
    const char *own = strrchr(m->owner, '/') + 1;
    char *folder = text_format("%.*s", (int)(own - 1 - m->owner), m->owner);
    const hearth_status status = folder != NULL ? remove_parts(folder, own, ret, error) : error_memory(error, 0);
    mem_free(folder);
    return status;
}

/* ---- by name ---- */

/* A row that the name means: its own name, or that of a revision's file in another spelling. */
static bool row_is(const store_model *m, const char *name)
{
    static const char prefix[] = "hf:";
    const char *bare = text_starts(name, prefix) && strchr(name, '/') != NULL ? name + sizeof prefix - 1 : name;
    const char *scheme = strstr(bare, "http://");
    char plain[2 * MODEL_NAME_LONG];
    (void)snprintf(plain, sizeof plain, "%s", bare);
    if (m->kind == STORE_OLLAMA && text_starts(bare, "ollama:")) {
        const char *rest = scheme == bare + 7 ? scheme + 7 : bare + 7;
        const char *last = strrchr(rest, '/');
        const bool tagged = strchr(last != NULL ? last : rest, ':') != NULL;
        (void)snprintf(plain, sizeof plain, "ollama:%s%s", rest, tagged ? "" : ":" MODEL_TAG_LATEST);
    }
    if ((m->kind == STORE_LOCAL || m->kind == STORE_CACHE) && text_ends(plain, ".gguf")) {
        plain[strlen(plain) - 5] = '\0';
    }
    return strcmp(m->name, plain) == 0;
}

/* The only row, or the one whose quantisation or file the name means. */
static hearth_status find_row(const store_list *list, const char *name, const store_model **ret, hearth_error *error)
{
    model_name parts;
    size_t among = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (row_is(&list->models[i], name)) {
            *ret = &list->models[i];
            return HEARTH_OK;
        }
    }
    if (model_name_parse(name, &parts, NULL) == HEARTH_OK && parts.source == MODEL_SOURCE_HF) {
        char *repository = text_format("/models--%s%s%s", parts.owner, parts.owner[0] != '\0' ? "--" : "", parts.name);
        for (size_t i = 0; repository != NULL && i < list->count; i++) {
            const store_model *m = &list->models[i];
            bool take = false;
            if (m->kind != STORE_HF || !text_ends(m->owner, repository) || m->member == NULL ||
                (strcmp(parts.revision, m->revision) != 0 && strcmp(parts.revision, m->commit) != 0) ||
                model_files_choose((const char *const *)&m->member, 1, parts.select, &take, NULL) != HEARTH_OK ||
                !take) {
                continue;
            }
            *ret = m;
            among++;
        }
        mem_free(repository);
    }
    if (among == 1) {
        return HEARTH_OK;
    }
    const hearth_status status =
        error_set(error, among == 0 ? HEARTH_E_NOT_FOUND : HEARTH_E_ARGUMENT, NULL, "one of the names in hearth list",
                  among == 0 ? "none of that name" : "several that fit");
    error_in_file(error, name);
    return status;
}

hearth_status store_remove(const char *name, store_removed *ret, hearth_error *error)
{
    store_list list = {0};
    const store_model *row = NULL;
    TRY(store_list_models(&list, error));
    hearth_status status = find_row(&list, name, &row, error);
    if (status == HEARTH_OK && row->kind == STORE_HF) {
        size_t beside = 0;
        for (size_t i = 0; i < list.count; i++) {
            const store_model *m = &list.models[i];
            beside += m->kind == STORE_HF && strcmp(m->owner, row->owner) == 0 && strcmp(m->commit, row->commit) == 0 &&
                      strcmp(m->revision, row->revision) == 0;
        }
        status = remove_hf(row, row->member != NULL && beside > 1, ret, error);
    } else if (status == HEARTH_OK) {
        status = row->kind == STORE_OLLAMA ? remove_ollama(row, ret, error) : remove_local(row, ret, error);
    }
    store_list_free(&list);
    return status;
}

/* ---- pruning ---- */

static hearth_status prune_hf(double hours, bool dry_run, store_removed *ret, hearth_error *error)
{
    file_list folders = {0};
    char *hub = hub_cache_folder();
    hearth_status status = HEARTH_OK;
    if (hub != NULL && file_is_folder(hub)) {
        status = file_list_folder(hub, &folders, error);
    }
    for (size_t i = 0; i < folders.count && status == HEARTH_OK; i++) {
        char name[2 * MODEL_NAME_PART];
        file_lock lock = {-1};
        char *repository = file_join(hub, folders.names[i]);
        char *locks = text_format("%s/.locks/%s", hub, folders.names[i]);
        char *path = locks != NULL ? text_format("%s/hearth.lock", locks) : NULL;
        if (repository == NULL || path == NULL) {
            status = error_memory(error, 0);
        } else if (hub_cache_repository_name(folders.names[i], name, sizeof name) &&
                   (!file_exists(path) || file_lock_try(path, &lock, NULL) == HEARTH_OK)) {
            status = prune_repository(repository, locks, hours, dry_run, ret, error);
        }
        file_lock_free(&lock);
        mem_free(path);
        mem_free(locks);
        mem_free(repository);
    }
    file_list_free(&folders);
    mem_free(hub);
    return status;
}

static hearth_status prune_ollama_store(double hours, bool dry_run, store_removed *ret, hearth_error *error)
{
    file_lock lock = {-1};
    hearth_status status = HEARTH_OK;
    char *store = ollama_store_folder();
    char *path = store != NULL ? text_format("%s/.locks/hearth.lock", store) : NULL;
    if (path != NULL && file_is_folder(store) &&
        (!file_exists(path) || file_lock_try(path, &lock, NULL) == HEARTH_OK)) {
        status = prune_ollama(store, hours, dry_run, ret, error);
    }
    file_lock_free(&lock);
    mem_free(path);
    mem_free(store);
    return status;
}

static hearth_status prune_local(double hours, bool dry_run, store_removed *ret, hearth_error *error)
{
    static const file_list none = {0};
    char *data = file_user_folder("data");
    char *partials = data != NULL ? text_format("%s/models/.partial", data) : NULL;
    hearth_status status = HEARTH_OK;
    if (partials != NULL) {
        char *locks = text_format("%s/models/.locks", data);
        status = locks != NULL ? store_unlink_unused(partials, locks, &none, hours, dry_run, ret, error)
                               : error_memory(error, 0);
        mem_free(locks);
    }
    mem_free(partials);
    mem_free(data);
    return status;
}

hearth_status store_prune(double hours, bool dry_run, store_removed *ret, hearth_error *error)
{
    TRY(prune_hf(hours, dry_run, ret, error));
    TRY(prune_ollama_store(hours, dry_run, ret, error));
    return prune_local(hours, dry_run, ret, error);
}
