/* Models of a Hugging Face hub, into the cache that Hugging Face's own tools use.
 *
 * Order, so that whoever looks at any moment finds a whole model or none: all blobs, each under its name once checked;
 * then the snapshot's links; last the ref. */
#define _GNU_SOURCE
#include "hub/pull_part.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "formats/hub_cache.h"
#include "formats/json_file.h"
#include "formats/model_files.h"
#include "hub/verify.h"
#include "net/url.h"
#include "platform/file_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_ENDPOINT "https://huggingface.co"

typedef struct wanted_file {
    const char *name; /* borrowed from `listing` */
    char etag[80];
    uint64_t size;
} wanted_file;

typedef struct hf_pull {
    pull_context *c;
    const model_name *name;
    char *endpoint, *token; /* token: NULL for none */
    char *repository;       /* "org/name" */
    char *hub, *folder;     /* the cache, and this repository's place in it */
    char *locks;
    json_t *listing;
    char commit[48];
    const char **names; /* of all files, borrowed from listing */
    bool *take;
    size_t count;
    wanted_file *wanted;
    size_t wanted_count;
} hf_pull;

/* ---- where, and by whose leave ---- */

char *pull_hf_token(void)
{
    static const char *const variables[] = {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0') {
            return mem_strdup(value);
        }
    }
    const char *named = getenv("HF_TOKEN_PATH");
    char *home = hub_cache_home();
    char *path =
        named != NULL && named[0] != '\0' ? mem_strdup(named) : (home != NULL ? file_join(home, "token") : NULL);
    buffer text;
    buffer_init(&text, 0);
    char *token = NULL;
    if (path != NULL && file_read(path, 4096, &text, NULL) == HEARTH_OK && text.length > 0) {
        text.data[strcspn(text.data, " \r\n\t")] = '\0';
        token = text.data[0] != '\0' ? mem_strdup(text.data) : NULL;
    }
    buffer_free(&text);
    mem_free(path);
    mem_free(home);
    return token;
}

/* A token with a line break in it would be more than a header's value. */
bool pull_hf_is_token(const char *token)
{
    for (const char *at = token; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F) {
            return false;
        }
    }
    return true;
}

char *pull_hf_endpoint(void)
{
    const char *named = getenv("HF_ENDPOINT");
    return file_trimmed(named != NULL && named[0] != '\0' ? named : DEFAULT_ENDPOINT);
}

const char *hub_plain_endpoint(void)
{
    const char *named = getenv("HF_ENDPOINT");
    return named != NULL && url_is_web(named) && !url_is_https(named) && !url_is_own_machine(named) ? named : NULL;
}

static hearth_status find_places(hf_pull *p, hearth_error *error)
{
    p->endpoint = pull_hf_endpoint();
    p->token = pull_hf_token();
    p->repository = text_format("%s%s%s", p->name->owner, p->name->owner[0] != '\0' ? "/" : "", p->name->name);
    p->hub = hub_cache_folder();
    p->folder = p->hub != NULL ? hub_cache_repository(p->hub, p->name) : NULL;
    p->locks = p->folder != NULL ? text_format("%s/.locks/%s", p->hub, strrchr(p->folder, '/') + 1) : NULL;
    if (p->hub == NULL && getenv("HOME") == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "HF_HUB_CACHE", "a place for models",
                         "no HOME and no HF_HUB_CACHE");
    }
    if (p->endpoint == NULL || p->repository == NULL || p->locks == NULL) {
        return error_memory(error, 0);
    }
    if (p->token != NULL && !pull_hf_is_token(p->token)) {
        return error_set(error, HEARTH_E_ARGUMENT, "HF_TOKEN", "a token", "one with blanks or control characters");
    }
    return HEARTH_OK;
}

static void close_pull(hf_pull *p)
{
    if (p->token != NULL) {
        secret_wipe(p->token, strlen(p->token));
    }
    mem_free(p->endpoint);
    mem_free(p->token);
    mem_free(p->repository);
    mem_free(p->hub);
    mem_free(p->folder);
    mem_free(p->locks);
    mem_free(p->names);
    mem_free(p->take);
    mem_free(p->wanted);
    json_decref(p->listing);
}

/* ---- what the repository has ---- */

static hearth_status fetch_listing(hf_pull *p, hearth_error *error)
{
    buffer body;
    buffer_init(&body, LIMIT_LISTING_BYTES);
    http_exchange *x = NULL;
    char *revision = url_escape(p->name->revision, "");
    char *url =
        revision != NULL ? text_format("%s/api/models/%s/revision/%s", p->endpoint, p->repository, revision) : NULL;
    const http_request request = {.url = url, .token = p->token, .accept = "application/json"};
    hearth_status status = url != NULL ? http_fetch(p->c->client, &request, &body, &x, error) : error_memory(error, 0);
    if (status == HEARTH_OK && http_code(x) != 200) {
        status = http_refused(x, error);
    }
    if (status == HEARTH_OK) {
        status = json_door_parse(buffer_text(&body), body.length, url, &p->listing, error);
    }
    http_end(p->c->client, x);
    buffer_free(&body);
    mem_free(url);
    mem_free(revision);
    return status;
}

static hearth_status wrong_listing(const hf_pull *p, const char *expected, const char *found, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, "listing", expected, "%.160s", found);
    error_in_file(error, p->repository);
    return status;
}

static hearth_status read_listing(hf_pull *p, hearth_error *error)
{
    const char *sha = json_string_value(json_object_get(p->listing, "sha"));
    const json_t *siblings = json_object_get(p->listing, "siblings");
    if (sha == NULL || !text_is_hex(sha, 40)) {
        return wrong_listing(p, "a commit of 40 hexadecimal digits", sha != NULL ? sha : "none", error);
    }
    (void)snprintf(p->commit, sizeof p->commit, "%s", sha);
    p->count = json_array_size(siblings);
    if (p->count == 0 || p->count > LIMIT_LISTING_FILES) {
        return wrong_listing(p, "files", p->count == 0 ? "none" : "too many", error);
    }
    p->names = mem_calloc(p->count, sizeof *p->names);
    p->take = mem_calloc(p->count, sizeof *p->take);
    if (p->names == NULL || p->take == NULL) {
        return error_memory(error, p->count * sizeof *p->names);
    }
    for (size_t i = 0; i < p->count; i++) {
        const json_t *name = json_object_get(json_array_get(siblings, i), "rfilename");
        p->names[i] = json_string_value(name);
        if (p->names[i] == NULL || strlen(p->names[i]) != json_string_length(name) ||
            !model_name_is_safe_path(p->names[i])) {
            return wrong_listing(p, "names of files inside the repository", p->names[i] != NULL ? p->names[i] : "none",
                                 error);
        }
    }
    return HEARTH_OK;
}

/* ---- one file ---- */

static char *blob_path(const hf_pull *p, const char *etag)
{
    return text_format("%s/blobs/%s", p->folder, etag);
}

/* At the commit, not at the branch: all files are of one state of the repository. */
static char *file_url(const hf_pull *p, const char *name)
{
    char *escaped = url_escape(name, "/");
    char *url =
        escaped != NULL ? text_format("%s/%s/resolve/%s/%s", p->endpoint, p->repository, p->commit, escaped) : NULL;
    mem_free(escaped);
    return url;
}

/* W/"abc" and "abc" as abc. */
static void plain_etag(const char *text, char *ret, size_t size)
{
    text += text_starts(text, "W/") ? 2 : 0;
    text += *text == '"';
    (void)snprintf(ret, size, "%.*s", (int)strcspn(text, "\""), text);
}

static hearth_status read_head(const http_exchange *x, wanted_file *ret, hearth_error *error)
{
    const char *linked = http_header(x, "X-Linked-Etag");
    const char *etag = linked != NULL ? linked : http_header(x, "ETag");
    plain_etag(etag != NULL ? etag : "", ret->etag, sizeof ret->etag);
    if (hub_digest_kind_of(ret->etag) == HUB_DIGEST_NONE) {
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, "ETag", "a SHA-256 or a git SHA-1 to check the file by", "%s",
                      etag != NULL ? ret->etag : "none");
        error_in_file(error, ret->name);
        return status;
    }
    if (!http_header_number(x, "X-Linked-Size", &ret->size) &&
        (linked != NULL || !http_header_number(x, "Content-Length", &ret->size))) {
        const hearth_status status =
            error_set(error, HEARTH_E_FORMAT, "X-Linked-Size", "the file's size", "none, or too large");
        error_in_file(error, ret->name);
        return status;
    }
    return HEARTH_OK;
}

static hearth_status ask_file(hf_pull *p, const char *name, wanted_file *ret, hearth_error *error)
{
    http_exchange *x = NULL;
    char *url = file_url(p, name);
    const http_request request = {.url = url, .token = p->token, .head = true, .stay = true};
    hearth_status status = url != NULL ? http_fetch(p->c->client, &request, NULL, &x, error) : error_memory(error, 0);
    if (status == HEARTH_OK && http_code(x) >= 400) {
        status = http_refused(x, error);
    }
    *ret = (wanted_file){.name = name};
    status = status == HEARTH_OK ? read_head(x, ret, error) : status;
    http_end(p->c->client, x);
    mem_free(url);
    return status;
}

/* Without links the file lies in the snapshot itself. */
static bool lies_in_snapshot(const hf_pull *p, const wanted_file *file)
{
    struct stat info;
    char *path = text_format("%s/snapshots/%s/%s", p->folder, p->commit, file->name);
    const bool there =
        path != NULL && lstat(path, &info) == 0 && S_ISREG(info.st_mode) && (uint64_t)info.st_size == file->size;
    mem_free(path);
    return there;
}

static hearth_status fetch_file(hf_pull *p, const wanted_file *file, hearth_error *error)
{
    if (lies_in_snapshot(p, file)) {
        return pull_add_file(p->c, file->name, file->etag, file->size, 0, error);
    }
    char *url = file_url(p, file->name);
    char *blob = blob_path(p, file->etag);
    char *lock = text_format("%s/%s.lock", p->locks, file->etag);
    const download_source source = {
        .url = url, .token = p->token, .identity = file->etag, .size_known = true, .size = file->size};
    const hearth_status status = url != NULL && blob != NULL && lock != NULL
                                     ? pull_blob(p->c, &source, blob, lock, file->name, error)
                                     : error_memory(error, 0);
    mem_free(lock);
    mem_free(blob);
    mem_free(url);
    return status;
}

/* ---- all files ---- */

static hearth_status want(hf_pull *p, const char *name, hearth_error *error)
{
    wanted_file file;
    TRY(ask_file(p, name, &file, error));
    wanted_file *grown = mem_realloc(p->wanted, (p->wanted_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return error_memory(error, sizeof *grown);
    }
    p->wanted = grown;
    p->wanted[p->wanted_count++] = file;
    p->c->total += file.size;
    return HEARTH_OK;
}

static int find_name(const hf_pull *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static hearth_status take_shards_of(hf_pull *p, const json_t *index, const char *where, hearth_error *error)
{
    const char *tensor = NULL;
    json_t *file = NULL;
    json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map) || json_object_size(map) == 0) {
        return json_file_error(error, where, "weight_map", "an object", map);
    }
    json_object_foreach(map, tensor, file)
    {
        const char *name = json_string_value(file);
        const int at = name != NULL && strlen(name) == json_string_length(file) && model_name_is_safe_path(name)
                           ? find_name(p, name)
                           : -1;
        if (at < 0) {
            const hearth_status status =
                error_set(error, HEARTH_E_FORMAT, "weight_map", "names of files of the repository", "%.160s",
                          name != NULL ? name : "no text");
            error_in_file(error, MODEL_FILES_INDEX);
            return status;
        }
        p->take[at] = true;
    }
    return HEARTH_OK;
}

/* The index is fetched first: it says which files the weights are in. */
static hearth_status take_shards(hf_pull *p, hearth_error *error)
{
    json_t *index = NULL;
    const int at = find_name(p, MODEL_FILES_INDEX);
    if (at < 0 || !p->take[at] || p->name->select[0] != '\0') {
        return HEARTH_OK;
    }
    wanted_file file;
    TRY(ask_file(p, MODEL_FILES_INDEX, &file, error));
    if (file.size > LIMIT_CONFIG_FILE_BYTES) {
        return wrong_listing(p, "an index of at most 64 MiB", "a larger one", error);
    }
    p->c->total += file.size;
    TRY(fetch_file(p, &file, error));
    p->c->total -= file.size; /* it comes again among all, and is there then */
    p->c->before = 0;
    p->c->result->bytes = 0;
    mem_free(p->c->result->files[0].name);
    p->c->result->count = 0;
    char *path = blob_path(p, file.etag);
    hearth_status status =
        path != NULL ? json_file_read(path, LIMIT_CONFIG_FILE_BYTES, &index, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? take_shards_of(p, index, path, error) : status;
    json_decref(index);
    mem_free(path);
    return status;
}

static hearth_status fetch_all(hf_pull *p, hearth_error *error)
{
    TRY(take_shards(p, error));
    for (size_t i = 0; i < p->count; i++) {
        if (p->take[i]) {
            TRY(want(p, p->names[i], error));
        }
    }
    for (size_t i = 0; i < p->wanted_count; i++) {
        TRY(fetch_file(p, &p->wanted[i], error));
    }
    return HEARTH_OK;
}

/* ---- the snapshot ---- */

static bool links_are_off(void)
{
    const char *value = getenv("HF_HUB_DISABLE_SYMLINKS");
    return value != NULL && (strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0 ||
                             strcasecmp(value, "yes") == 0 || strcasecmp(value, "on") == 0);
}

/* Makes the link beside its place and moves it there; where the file system has no links, the file itself. */
static hearth_status put_link(const char *link, const char *text, const char *blob, hearth_error *error)
{
    struct stat info;
    if (stat(link, &info) == 0) {
        return HEARTH_OK;
    }
    TRY(file_make_place(link, error));
    char *beside = text_format("%s.tmp-%ld", link, (long)getpid());
    if (beside == NULL) {
        return error_memory(error, strlen(link));
    }
    (void)unlink(beside);
    int reason = links_are_off() || symlink(text, beside) != 0 ? -1 : 0;
    if (reason == 0) {
        reason = rename(beside, link) == 0 ? 0 : errno;
    } else {
        reason = rename(blob, link) == 0 ? 0 : errno;
    }
    mem_free(beside);
    return reason == 0 ? HEARTH_OK : error_errno(error, link, "write", reason);
}

static hearth_status link_file(const hf_pull *p, const wanted_file *file, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    char *blob = blob_path(p, file->etag);
    char *link = text_format("%s/snapshots/%s/%s", p->folder, p->commit, file->name);
    hearth_status status =
        blob != NULL && link != NULL ? buffer_append_text(&text, "../../", error) : error_memory(error, 0);
    for (const char *at = file->name; status == HEARTH_OK && (at = strchr(at, '/')) != NULL; at++) {
        status = buffer_append_text(&text, "../", error);
    }
    status = status == HEARTH_OK ? buffer_printf(&text, error, "blobs/%s", file->etag) : status;
    status = status == HEARTH_OK ? put_link(link, buffer_text(&text), blob, error) : status;
    mem_free(link);
    mem_free(blob);
    buffer_free(&text);
    return status;
}

static hearth_status write_ref(const hf_pull *p, hearth_error *error)
{
    if (strcmp(p->name->revision, p->commit) == 0) {
        return HEARTH_OK;
    }
    char *path = text_format("%s/refs/%s", p->folder, p->name->revision);
    hearth_status status = path != NULL ? file_make_place(path, error) : error_memory(error, 0);
    if (status == HEARTH_OK) {
        pull_drop_link(path);
    }
    status = status == HEARTH_OK ? file_replace(path, p->commit, strlen(p->commit), error) : status;
    mem_free(path);
    return status;
}

static hearth_status fill_result(const hf_pull *p, hearth_error *error)
{
    pull_result *r = p->c->result;
    (void)snprintf(r->revision, sizeof r->revision, "%s", p->name->revision);
    (void)snprintf(r->commit, sizeof r->commit, "%s", p->commit);
    const bool main = strcmp(p->name->revision, MODEL_REVISION_MAIN) == 0;
    const char *select = p->name->select;
    r->path = text_format("%s/snapshots/%s", p->folder, p->commit);
    r->name = text_format("%s%s%s%s%s%s", p->name->owner[0] == '\0' ? "hf:" : "", p->repository, main ? "" : "@",
                          main ? "" : p->name->revision, *select != '\0' ? ":" : "", select);
    return r->path != NULL && r->name != NULL ? HEARTH_OK : error_memory(error, 0);
}

/* ---- the story ---- */

static hearth_status pull_open(hf_pull *p, hearth_error *error)
{
    file_lock lock = {-1};
    TRY(fetch_listing(p, error));
    TRY(read_listing(p, error));
    const hearth_status chosen = model_files_choose(p->names, p->count, p->name->select, p->take, error);
    if (chosen != HEARTH_OK) {
        error_in_file(error, p->repository);
        return chosen;
    }
    char *path = text_format("%s/hearth.lock", p->locks); /* nobody removes from here meanwhile */
    hearth_status status =
        path != NULL ? file_lock_take(path, FILE_LOCK_SHARED, pull_go_on, p->c, &lock, error) : error_memory(error, 0);
    mem_free(path);
    status = status == HEARTH_OK ? fetch_all(p, error) : status;
    for (size_t i = 0; status == HEARTH_OK && i < p->wanted_count; i++) {
        status = link_file(p, &p->wanted[i], error);
    }
    status = status == HEARTH_OK ? write_ref(p, error) : status;
    file_lock_free(&lock);
    return status == HEARTH_OK ? fill_result(p, error) : status;
}

hearth_status pull_hf(pull_context *c, const model_name *name, hearth_error *error)
{
    hf_pull p = {.c = c, .name = name};
    hearth_status status = find_places(&p, error);
    if (status == HEARTH_OK && hub_is_offline()) {
        status = error_set(error, HEARTH_E_IO, NULL, NULL, "HF_HUB_OFFLINE is set: nothing is fetched");
        error_in_file(error, p.repository);
    }
    status = status == HEARTH_OK ? pull_open(&p, error) : status;
    close_pull(&p);
    return status;
}
