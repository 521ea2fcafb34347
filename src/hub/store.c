/* Walking the stores. */
#define _GNU_SOURCE
#include "hub/store.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/gguf.h"
#include "formats/hf.h"
#include "formats/hub_cache.h"
#include "formats/model_files.h"
#include "formats/ollama_store.h"
#include "hub/store_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *store_kind_name(store_kind kind)
{
    static const char *const names[] = {"huggingface", "ollama", "local", "cache"};
    return names[kind];
}

static void free_model(store_model *m)
{
    mem_free(m->name);
    mem_free(m->path);
    mem_free(m->owner);
    mem_free(m->member);
}

void store_list_free(store_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free_model(&list->models[i]);
    }
    mem_free(list->models);
    *list = (store_list){0};
}

/* Takes the texts of `m` over, also where it fails. */
static hearth_status add_model(store_list *list, store_model m, hearth_error *error)
{
    store_model *grown = mem_realloc(list->models, (list->count + 1) * sizeof *grown);
    list->models = grown != NULL ? grown : list->models;
    if (grown == NULL || m.name == NULL || m.path == NULL || m.owner == NULL) {
        free_model(&m);
        return error_memory(error, sizeof *grown);
    }
    list->models[list->count++] = m;
    return HEARTH_OK;
}

/* ---- what a model is ---- */

/* The number format with most bytes. */
static const char *main_format(const tensor_table *table)
{
    uint64_t bytes[DTYPE_LIMIT] = {0};
    size_t most = 0;
    for (size_t i = 0; i < table->count; i++) {
        const size_t type = (size_t)table->entries[i].type;
        bytes[type] += table->entries[i].size_bytes;
        most = bytes[type] > bytes[most] ? type : most;
    }
    const dtype_info *info = table->count > 0 ? dtype_get_info((uint32_t)most) : NULL;
    return info != NULL && info->name != NULL ? info->name : "";
}

static void describe_gguf(const char *path, char ret[48])
{
    gguf_file *file = NULL;
    if (gguf_open(path, &file, NULL) != HEARTH_OK) {
        (void)snprintf(ret, 48, "GGUF, not readable");
        return;
    }
    (void)snprintf(ret, 48, "GGUF %s", main_format(gguf_tensors(file)));
    gguf_close(file);
}

static void describe_folder(const char *path, bool weights, char ret[48])
{
    hf_folder *folder = NULL;
    if (!weights) {
        (void)snprintf(ret, 48, "no weights");
        return;
    }
    if (hf_open(path, true, &folder, NULL) != HEARTH_OK) {
        (void)snprintf(ret, 48, "incomplete");
        return;
    }
    (void)snprintf(ret, 48, "safetensors %s", main_format(&folder->tensors));
    hf_close(folder);
}

static bool has_safetensors(const file_list *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (text_ends(files->names[i], ".safetensors")) {
            return true;
        }
    }
    return false;
}

/* Of a file, or of what a link leads to; `when` is the file's own. */
static uint64_t size_of(const char *path, int64_t *when)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return 0;
    }
    *when = (int64_t)info.st_mtime > *when ? (int64_t)info.st_mtime : *when;
    return (uint64_t)info.st_size;
}

static uint64_t size_of_files(const char *folder, const file_list *files, const char *set, int64_t *when)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->count; i++) {
        const char *name = files->names[i];
        const size_t length = model_files_set_length(name);
        if (set != NULL &&
            (!model_files_is_gguf(name) || length != model_files_set_length(set) || strncmp(name, set, length) != 0)) {
            continue;
        }
        char *path = file_join(folder, name);
        bytes += path != NULL ? size_of(path, when) : 0;
        mem_free(path);
    }
    return bytes;
}

/* ---- Hugging Face's cache ---- */

typedef struct hf_snapshot {
    const char *repository, *name; /* "…/models--org--name", "org/name" */
    const char *revision;
    char commit[HUB_CACHE_COMMIT];
} hf_snapshot;

static hearth_status add_snapshot_row(store_list *list, const hf_snapshot *s, const char *snapshot,
                                      const file_list *files, const char *member, hearth_error *error)
{
    const bool main = strcmp(s->revision, MODEL_REVISION_MAIN) == 0;
    const bool plain = strchr(s->name, '/') != NULL;
    store_model m = {.kind = STORE_HF};
    (void)snprintf(m.revision, sizeof m.revision, "%s", s->revision);
    (void)snprintf(m.commit, sizeof m.commit, "%.79s", s->commit);
    m.name = text_format("%s%s%s%s%s%s", plain ? "" : "hf:", s->name, main ? "" : "@", main ? "" : s->revision,
                         member != NULL ? ":" : "", member != NULL ? member : "");
    m.path = member != NULL ? file_join(snapshot, member) : mem_strdup(snapshot);
    m.owner = mem_strdup(s->repository);
    m.member = member != NULL ? mem_strdup(member) : NULL;
    m.bytes = size_of_files(snapshot, files, member, &m.when_s);
    if (m.path != NULL && member != NULL) {
        describe_gguf(m.path, m.format);
    } else if (m.path != NULL) {
        describe_folder(m.path, has_safetensors(files), m.format);
    }
    return add_model(list, m, error);
}

/* One row for safetensors; where there are none, one for each GGUF set, named by its file where there are several. */
static hearth_status add_snapshot(store_list *list, const hf_snapshot *s, hearth_error *error)
{
    file_list files = {0};
    char *snapshot = text_format("%s/snapshots/%s", s->repository, s->commit);
    hearth_status status = snapshot != NULL ? store_files(snapshot, &files, error) : error_memory(error, 0);
    size_t sets = 0;
    const bool folder = has_safetensors(&files);
    for (size_t i = 0; i < files.count; i++) {
        sets += model_files_is_gguf(files.names[i]) && !model_files_is_later_part(files.names[i]);
    }
    if (status == HEARTH_OK && files.count > 0 && (folder || sets == 0)) {
        status = add_snapshot_row(list, s, snapshot, &files, NULL, error);
    }
    for (size_t i = 0; i < files.count && status == HEARTH_OK && !folder; i++) {
        if (model_files_is_gguf(files.names[i]) && !model_files_is_later_part(files.names[i])) {
            status = add_snapshot_row(list, s, snapshot, &files, files.names[i], error);
            if (status == HEARTH_OK && sets == 1) { /* then the repository's name is enough */
                *strrchr(list->models[list->count - 1].name, ':') = '\0';
            }
        }
    }
    file_list_free(&files);
    mem_free(snapshot);
    return status;
}

static hearth_status add_repository(store_list *list, const char *repository, const char *name, hearth_error *error)
{
    file_list refs = {0}, commits = {0};
    char *refs_folder = file_join(repository, "refs");
    char *snapshots = file_join(repository, "snapshots");
    hearth_status status = refs_folder != NULL && snapshots != NULL ? HEARTH_OK : error_memory(error, 0);
    status = status == HEARTH_OK ? store_files(refs_folder, &refs, error) : status;
    if (status == HEARTH_OK && file_is_folder(snapshots)) {
        status = file_list_folder(snapshots, &commits, error);
    }
    bool named[64] = {false};
    for (size_t i = 0; i < refs.count && status == HEARTH_OK; i++) {
        hf_snapshot s = {.repository = repository, .name = name, .revision = refs.names[i]};
        if (hub_cache_read_ref(repository, refs.names[i], s.commit)) {
            status = add_snapshot(list, &s, error);
        }
        for (size_t k = 0; k < commits.count && k < 64; k++) {
            named[k] = named[k] || strcmp(commits.names[k], s.commit) == 0;
        }
    }
    for (size_t k = 0; k < commits.count && k < 64 && status == HEARTH_OK; k++) {
        if (!named[k]) {
            hf_snapshot s = {.repository = repository, .name = name, .revision = commits.names[k]};
            (void)snprintf(s.commit, sizeof s.commit, "%s", commits.names[k]);
            status = add_snapshot(list, &s, error);
        }
    }
    file_list_free(&refs);
    file_list_free(&commits);
    mem_free(refs_folder);
    mem_free(snapshots);
    return status;
}

static hearth_status list_hf(store_list *list, hearth_error *error)
{
    file_list folders = {0};
    char *hub = hub_cache_folder();
    hearth_status status = HEARTH_OK;
    if (hub != NULL && file_is_folder(hub)) {
        status = file_list_folder(hub, &folders, error);
    }
    for (size_t i = 0; i < folders.count && status == HEARTH_OK; i++) {
        char name[2 * MODEL_NAME_PART];
        char *repository = file_join(hub, folders.names[i]);
        if (repository == NULL) {
            status = error_memory(error, 0);
        } else if (hub_cache_repository_name(folders.names[i], name, sizeof name)) {
            status = add_repository(list, repository, name, error);
        }
        mem_free(repository);
    }
    file_list_free(&folders);
    mem_free(hub);
    return status;
}

/* ---- Ollama's store ---- */

/* "HOST/NAMESPACE/NAME/TAG" as what hearth takes; false for another depth. */
static bool split_manifest(const char *text, model_name *ret)
{
    const char *parts[4] = {text};
    size_t count = 1;
    for (const char *at = text; (at = strchr(at, '/')) != NULL; at++) {
        if (count == 4) {
            return false;
        }
        parts[count++] = at + 1;
    }
    *ret = (model_name){.source = MODEL_SOURCE_OLLAMA};
    const bool own_host = count == 4 && strncmp(text, OLLAMA_HOST "/", sizeof OLLAMA_HOST) == 0;
    if (count != 4 || parts[1] - parts[0] >= MODEL_NAME_LONG || parts[2] - parts[1] >= MODEL_NAME_PART ||
        parts[3] - parts[2] >= MODEL_NAME_PART) {
        return false;
    }
    (void)snprintf(ret->host, sizeof ret->host, "%.*s", own_host ? 0 : (int)(parts[1] - parts[0] - 1), parts[0]);
    (void)snprintf(ret->owner, sizeof ret->owner, "%.*s", (int)(parts[2] - parts[1] - 1), parts[1]);
    (void)snprintf(ret->name, sizeof ret->name, "%.*s", (int)(parts[3] - parts[2] - 1), parts[2]);
    (void)snprintf(ret->revision, sizeof ret->revision, "%s", parts[3]);
    return true;
}

static hearth_status add_manifest(store_list *list, const char *store, const char *file, hearth_error *error)
{
    model_name name;
    ollama_manifest *manifest = NULL;
    if (!split_manifest(file, &name) || ollama_store_read(store, &name, &manifest, NULL) != HEARTH_OK) {
        return HEARTH_OK;
    }
    const bool spaced = name.host[0] != '\0' || strcmp(name.owner, OLLAMA_NAMESPACE) != 0;
    store_model m = {.kind = STORE_OLLAMA};
    m.name = text_format("ollama:%s%s%s%s%s:%s", name.host, name.host[0] != '\0' ? "/" : "", spaced ? name.owner : "",
                         spaced ? "/" : "", name.name, name.revision);
    m.path = ollama_store_blob_path(store, ollama_manifest_find(manifest, "model")->digest);
    m.owner = ollama_store_manifest_path(store, &name);
    (void)snprintf(m.revision, sizeof m.revision, "%s", name.revision);
    (void)snprintf(m.commit, sizeof m.commit, "%s", ollama_manifest_find(manifest, "model")->digest);
    for (size_t i = 0; i < manifest->count; i++) {
        m.bytes += manifest->layers[i].size;
    }
    if (m.path != NULL && m.owner != NULL) {
        (void)size_of(m.owner, &m.when_s);
        describe_gguf(m.path, m.format);
    }
    mem_free(manifest);
    return add_model(list, m, error);
}

hearth_status store_ollama_manifests(const char *store, file_list *ret, hearth_error *error)
{
    char *folder = file_join(store, "manifests");
    const hearth_status status = folder != NULL ? store_files(folder, ret, error) : error_memory(error, 0);
    mem_free(folder);
    return status;
}

static hearth_status list_ollama(store_list *list, hearth_error *error)
{
    file_list manifests = {0};
    char *store = ollama_store_folder();
    hearth_status status = store != NULL ? store_ollama_manifests(store, &manifests, error) : HEARTH_OK;
    for (size_t i = 0; i < manifests.count && status == HEARTH_OK; i++) {
        status = add_manifest(list, store, manifests.names[i], error);
    }
    file_list_free(&manifests);
    mem_free(store);
    return status;
}

/* ---- the local store and the program's cache ---- */

/* The program keeps other things in its cache, too (hashes, indexes of corpora): a model has one of these at its top.
 */
static bool holds_model(const char *folder)
{
    file_list names = {0};
    bool found = false;
    if (file_list_folder(folder, &names, NULL) != HEARTH_OK) {
        return false;
    }
    for (size_t i = 0; i < names.count; i++) {
        found = found || strcmp(names.names[i], "config.json") == 0 || model_files_is_gguf(names.names[i]);
    }
    file_list_free(&names);
    return found;
}

static hearth_status add_file(store_list *list, store_kind kind, const char *folder, const char *name,
                              hearth_error *error)
{
    file_list files = {0};
    store_model m = {.kind = kind};
    m.path = file_join(folder, name);
    m.owner = file_join(folder, name);
    const bool is_folder = m.path != NULL && file_is_folder(m.path);
    const bool is_other = is_folder && kind == STORE_CACHE && !holds_model(m.path);
    if (m.path != NULL && (name[0] == '.' || is_other || (!is_folder && !model_files_is_gguf(name)) ||
                           (!is_folder && model_files_is_later_part(name)))) {
        free_model(&m);
        return HEARTH_OK;
    }
    m.name = text_format("%.*s", (int)(strlen(name) - (text_ends(name, ".gguf") ? 5 : 0)), name);
    if (is_folder && store_files(m.path, &files, NULL) == HEARTH_OK) {
        m.bytes = size_of_files(m.path, &files, NULL, &m.when_s);
        describe_folder(m.path, has_safetensors(&files), m.format);
        file_list_free(&files);
    } else if (m.path != NULL) {
        m.bytes = size_of(m.path, &m.when_s);
        describe_gguf(m.path, m.format);
    }
    return add_model(list, m, error);
}

static hearth_status list_folder(store_list *list, store_kind kind, hearth_error *error)
{
    file_list names = {0};
    char *user = file_user_folder(kind == STORE_LOCAL ? "data" : "cache");
    char *folder = user != NULL && kind == STORE_LOCAL ? file_join(user, "models") : NULL;
    const char *place = kind == STORE_LOCAL ? folder : user;
    hearth_status status = HEARTH_OK;
    if (place != NULL && file_is_folder(place)) {
        status = file_list_folder(place, &names, error);
    }
    for (size_t i = 0; i < names.count && status == HEARTH_OK; i++) {
        status = add_file(list, kind, place, names.names[i], error);
    }
    file_list_free(&names);
    mem_free(folder);
    mem_free(user);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const store_model *)a)->name, ((const store_model *)b)->name);
}

hearth_status store_list_models(store_list *ret, hearth_error *error)
{
    store_list list = {0};
    hearth_status status = list_hf(&list, error);
    status = status == HEARTH_OK ? list_ollama(&list, error) : status;
    status = status == HEARTH_OK ? list_folder(&list, STORE_LOCAL, error) : status;
    status = status == HEARTH_OK ? list_folder(&list, STORE_CACHE, error) : status;
    if (status != HEARTH_OK) {
        store_list_free(&list);
        return status;
    }
    if (list.count > 0) {
        qsort(list.models, list.count, sizeof *list.models, by_name);
    }
    *ret = list;
    return HEARTH_OK;
}
