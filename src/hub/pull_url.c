/* GGUF files by URL or path, into the local store: STORE/NAME.gguf, and beside it STORE/.sources/NAME.gguf.json, which
 * says where it came from. */
#define _GNU_SOURCE
#include "hub/pull_part.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/model_files.h"
#include "hub/verify.h"
#include "net/url.h"
#include "platform/file.h"
#include "platform/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct store_place {
    char *store, *target, *partial, *lock, *origin;
} store_place;

static hearth_status find_place(const char *file, store_place *ret, hearth_error *error)
{
    char *data = file_user_folder("data");
    ret->store = data != NULL ? file_join(data, "models") : NULL;
    mem_free(data);
    if (ret->store == NULL) {
        return error_set(error, HEARTH_E_NOT_FOUND, "XDG_DATA_HOME", "a place for models", "no HOME");
    }
    ret->target = text_format("%s/%s", ret->store, file);
    ret->partial = text_format("%s/.partial/%s.hearth-partial", ret->store, file);
    ret->lock = text_format("%s/.locks/%s.lock", ret->store, file);
    ret->origin = text_format("%s/.sources/%s.json", ret->store, file);
    const bool good = ret->target != NULL && ret->partial != NULL && ret->lock != NULL && ret->origin != NULL;
    return good ? HEARTH_OK : error_memory(error, strlen(file));
}

static void free_place(store_place *p)
{
    mem_free(p->store);
    mem_free(p->target);
    mem_free(p->partial);
    mem_free(p->lock);
    mem_free(p->origin);
}

/* A page that says "sign in" is no model. */
static hearth_status check_magic(const char *path, const char *name, hearth_error *error)
{
    char magic[4] = {0};
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    const bool good = descriptor >= 0 && read(descriptor, magic, 4) == 4 && memcmp(magic, "GGUF", 4) == 0;
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (good) {
        return HEARTH_OK;
    }
    const hearth_status status =
        error_set(error, HEARTH_E_FORMAT, NULL, "a GGUF file", "one that does not begin with \"GGUF\"");
    error_in_file(error, name);
    return status;
}

static hearth_status write_origin(const store_place *place, const char *source, const char *etag, const char *sha256,
                                  hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    json_t *value = json_pack("{s:s, s:s, s:s?}", "source", source, "sha256", sha256, "etag", etag);
    hearth_status status = value != NULL ? json_door_write(value, 2, &text, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? file_make_place(place->origin, error) : status;
    status = status == HEARTH_OK ? file_replace(place->origin, buffer_text(&text), text.length, error) : status;
    json_decref(value);
    buffer_free(&text);
    return status;
}

/* What the store knows of a file that is there; NULL for nothing. */
static json_t *read_origin(const store_place *place)
{
    json_t *value = NULL;
    buffer text;
    buffer_init(&text, 1 << 20);
    if (file_read(place->origin, 1 << 20, &text, NULL) == HEARTH_OK) {
        (void)json_door_parse(buffer_text(&text), text.length, place->origin, &value, NULL);
    }
    buffer_free(&text);
    return value;
}

static hearth_status finish(pull_context *c, const store_place *place, const char *file, const char *sha256,
                            uint64_t size, uint64_t fresh, hearth_error *error)
{
    pull_result *r = c->result;
    TRY(pull_add_file(c, file, sha256, size, fresh, error));
    (void)snprintf(r->commit, sizeof r->commit, "sha256:%s", sha256);
    r->path = mem_strdup(place->target);
    const size_t length = strlen(file) - (text_ends(file, ".gguf") ? 5 : 0);
    r->name = text_format("%.*s", (int)length, file);
    return r->path != NULL && r->name != NULL ? HEARTH_OK : error_memory(error, 0);
}

/* The partial file, whole, takes its place. */
static hearth_status take_place(pull_context *c, const store_place *place, const char *source, const char *etag,
                                const char *file, uint64_t fresh, hearth_error *error)
{
    char sha256[65];
    struct stat info;
    hearth_status status = check_magic(place->partial, source, error);
    status = status == HEARTH_OK ? hub_sha256(place->partial, pull_go_on, c, sha256, error) : status;
    if (status == HEARTH_OK && c->options->sha256 != NULL && strcmp(sha256, c->options->sha256) != 0) {
        status = error_set(error, HEARTH_E_FORMAT, "SHA-256", c->options->sha256, "%s", sha256);
        error_in_file(error, source);
    }
    if (status != HEARTH_OK) {
        if (status == HEARTH_E_FORMAT) {
            download_forget(place->partial);
        }
        return status;
    }
    TRY(write_origin(place, source, etag, sha256, error));
    if (stat(place->partial, &info) != 0 || rename(place->partial, place->target) != 0) {
        return error_errno(error, place->target, "write", errno);
    }
    download_forget_parts(place->partial);
    return finish(c, place, file, sha256, (uint64_t)info.st_size, fresh, error);
}

/* Another file of that name is never written over. */
static hearth_status already_there(pull_context *c, const store_place *place, const char *source, const char *file,
                                   hearth_error *error)
{
    struct stat info;
    json_t *origin = read_origin(place);
    const char *from = json_string_value(json_object_get(origin, "source"));
    const char *sha256 = json_string_value(json_object_get(origin, "sha256"));
    hearth_status status = HEARTH_OK;
    if (stat(place->target, &info) != 0) {
        status = error_errno(error, place->target, "read", errno);
    } else if (from == NULL || sha256 == NULL || strlen(sha256) != 64 || strcmp(from, source) != 0 ||
               (c->options->sha256 != NULL && strcmp(c->options->sha256, sha256) != 0)) {
        status = error_set(error, HEARTH_E_ARGUMENT, NULL, "a new name in the local store",
                           "one that is there, from %.100s; hearth rm %.100s removes it",
                           from != NULL ? from : "elsewhere", file);
        error_in_file(error, place->target);
    } else {
        char found[65];
        status = c->options->check ? hub_sha256(place->target, pull_go_on, c, found, error) : HEARTH_OK;
        if (status == HEARTH_OK && c->options->check && strcmp(found, sha256) != 0) {
            status = error_set(error, HEARTH_E_FORMAT, "SHA-256", sha256, "%s; hearth rm %.100s, then fetch it anew",
                               found, file);
            error_in_file(error, place->target);
        }
        status = status == HEARTH_OK ? finish(c, place, file, sha256, (uint64_t)info.st_size, 0, error) : status;
    }
    json_decref(origin);
    return status;
}

/* ---- URLs ---- */

typedef struct url_head {
    char etag[200]; /* a strong one; "" */
    char identity[512];
    uint64_t size;
    bool size_known;
} url_head;

/* What the server says of the file; one that does not answer HEAD says nothing. */
static hearth_status ask_url(pull_context *c, const char *url, url_head *ret, hearth_error *error)
{
    http_exchange *x = NULL;
    const http_request request = {.url = url, .head = true};
    TRY(http_fetch(c->client, &request, NULL, &x, error));
    hearth_status status = HEARTH_OK;
    if (http_code(x) == 200) {
        const char *etag = http_header(x, "ETag");
        const char *modified = http_header(x, "Last-Modified");
        ret->size_known = http_header_number(x, "Content-Length", &ret->size);
        (void)snprintf(ret->etag, sizeof ret->etag, "%s", etag != NULL && etag[0] == '"' ? etag : "");
        (void)snprintf(ret->identity, sizeof ret->identity, "%.200s %.100s", ret->etag,
                       modified != NULL ? modified : "");
    } else if (http_code(x) != 405 && http_code(x) != 501) {
        status = http_refused(x, error);
    }
    http_end(c->client, x);
    return status;
}

static hearth_status fetch_url(pull_context *c, const char *url, const char *file, const store_place *place,
                               hearth_error *error)
{
    uint64_t size = 0;
    uint64_t fresh = 0;
    url_head head = {0};
    char shown[1024]; /* what a query holds is nobody else's business */
    (void)url_shown(url, shown, sizeof shown);
    if (file_exists(place->target)) {
        return already_there(c, place, shown, file, error);
    }
    TRY(ask_url(c, url, &head, error));
    /* Without a validator nobody knows whether the rest is of the same file: then it comes whole. */
    const bool resumable = head.size_known && head.identity[0] != '\0' && strcmp(head.identity, " ") != 0;
    c->total = head.size;
    char *identity = text_format("%s %s", shown, head.identity);
    TRY(identity != NULL ? HEARTH_OK : error_memory(error, 0));
    if (!resumable) {
        download_forget(place->partial);
    }
    const download_source source = {.url = url,
                                    .if_range = head.etag[0] != '\0' ? head.etag : NULL,
                                    .identity = identity,
                                    .size_known = head.size_known,
                                    .size = head.size};
    const download_options how = {.client = c->client,
                                  .connections = c->options->connections,
                                  .retries = c->options->retries,
                                  .progress = pull_go_on,
                                  .context = c,
                                  .what = file,
                                  .total = head.size,
                                  .trouble = c->options->trouble,
                                  .trouble_context = c->options->trouble_context};
    hearth_status status = download_file(&source, &how, place->partial, &size, &fresh, error);
    mem_free(identity);
    return status == HEARTH_OK
               ? take_place(c, place, shown, head.etag[0] != '\0' ? head.etag : NULL, file, fresh, error)
               : status;
}

hearth_status pull_url(pull_context *c, const char *url, const model_name *name, hearth_error *error)
{
    store_place place = {0};
    file_lock lock = {-1};
    if (!model_files_is_gguf(name->file)) {
        return error_set(error, HEARTH_E_ARGUMENT, "URL", "one that ends in the name of a GGUF file", "%.160s",
                         name->file);
    }
    hearth_status status = find_place(name->file, &place, error);
    status = status == HEARTH_OK ? file_make_place(place.partial, error) : status;
    status = status == HEARTH_OK ? file_lock_take(place.lock, FILE_LOCK_ALONE, pull_go_on, c, &lock, error) : status;
    status = status == HEARTH_OK ? fetch_url(c, url, name->file, &place, error) : status;
    file_lock_free(&lock);
    free_place(&place);
    return status;
}

/* ---- paths ---- */

static hearth_status copy_bytes(pull_context *c, int from, int to, const char *path, const char *partial, uint64_t size,
                                hearth_error *error)
{
    uint64_t done = 0;
    for (;;) {
        const ssize_t some = copy_file_range(from, NULL, to, NULL, (size_t)64 << 20, 0);
        if (some < 0 && errno == EINTR) {
            continue;
        }
        if (some < 0) {
            return error_errno(error, partial, "write", errno);
        }
        if (some == 0) {
            return fsync(to) == 0 ? HEARTH_OK : error_errno(error, partial, "write", errno);
        }
        done += (uint64_t)some;
        if (!pull_go_on(c, path, done, size, "B")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
}

static hearth_status copy_file(pull_context *c, const char *path, const char *partial, hearth_error *error)
{
    struct stat info;
    const int from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0 || fstat(from, &info) != 0 || !S_ISREG(info.st_mode)) {
        const int reason = from < 0 ? errno : EISDIR;
        if (from >= 0) {
            close(from);
        }
        return error_errno(error, path, "read", reason);
    }
    (void)unlink(partial);
    const int to = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    hearth_status status = to < 0 ? error_errno(error, partial, "write", errno)
                                  : copy_bytes(c, from, to, path, partial, (uint64_t)info.st_size, error);
    if (to >= 0) {
        close(to);
    }
    close(from);
    if (status != HEARTH_OK) {
        (void)unlink(partial);
    }
    return status;
}

static hearth_status copy_into(pull_context *c, const char *path, const char *file, const store_place *place,
                               hearth_error *error)
{
    struct stat info;
    if (file_exists(place->target)) {
        return already_there(c, place, path, file, error);
    }
    TRY(check_magic(path, path, error));
    TRY(copy_file(c, path, place->partial, error));
    TRY(stat(place->partial, &info) == 0 ? HEARTH_OK : error_errno(error, place->partial, "read", errno));
    return take_place(c, place, path, NULL, file, (uint64_t)info.st_size, error);
}

hearth_status pull_path(pull_context *c, const char *path, hearth_error *error)
{
    store_place place = {0};
    file_lock lock = {-1};
    const char *file = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (file_is_folder(path) || !model_files_is_gguf(file) || !model_name_is_safe_path(file) || file[0] == '.') {
        const hearth_status status =
            error_set(error, HEARTH_E_ARGUMENT, NULL, "a GGUF file; a folder is used where it lies", "%s",
                      file_is_folder(path) ? "a folder" : "another file");
        error_in_file(error, path);
        return status;
    }
    char *whole = realpath(path, NULL);
    if (whole == NULL) {
        return error_errno(error, path, "open", errno);
    }
    hearth_status status = find_place(file, &place, error);
    status = status == HEARTH_OK ? file_make_place(place.partial, error) : status;
    status = status == HEARTH_OK ? file_lock_take(place.lock, FILE_LOCK_ALONE, pull_go_on, c, &lock, error) : status;
    status = status == HEARTH_OK ? copy_into(c, whole, file, &place, error) : status;
    file_lock_free(&lock);
    free_place(&place);
    free(whole); /* realpath's own */
    return status;
}
