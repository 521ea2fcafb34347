/* Large files by Git LFS: the batch API says where each goes; one piece is a PUT, several are a PUT each and a word
 * that puts them together. What breaks is sent again, that piece alone. */
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "hub/upload_part.h"
#include "net/url.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_FILES 100u
#define LFS_TYPE "application/vnd.git-lfs+json"

/* A piece of a file on its way. */
typedef struct piece {
    uploading *u;
    int descriptor;
    uint64_t start;
} piece;

static bool from_file(void *context, uint64_t offset, void *out, size_t most, size_t *ret_length)
{
    piece *p = context;
    ssize_t got = -1;
    do {
        got = pread(p->descriptor, out, most, (off_t)(p->start + offset));
    } while (got < 0 && errno == EINTR);
    *ret_length = got > 0 ? (size_t)got : 0;
    if (!upload_go_on(p->u, "publishing", p->u->done + offset, p->u->total, "B")) {
        return false;
    }
    return got > 0;
}

static hearth_status wrong(const upload_file *file, const char *place, const char *expected, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, expected, "another answer");
    error_in_file(error, file->name);
    return status;
}

/* `url` is what the hub wrote under `key`; NULL where it wrote none. Private weights must not leave in clear. */
static hearth_status check_place(const uploading *u, const upload_file *file, const char *key, const char *url,
                                 hearth_error *error)
{
    return url != NULL && url_is_web(url) && (url_is_https(url) || !url_is_https(u->endpoint))
               ? HEARTH_OK
               : wrong(file, key, "an address, encrypted as the hub is", error);
}

/* *ret_etag is the storage's name for what came (mem_free); NULL: nobody wants it. */
static hearth_status put_piece(uploading *u, const upload_file *file, int descriptor, const char *url, uint64_t start,
                               uint64_t length, char **ret_etag, hearth_error *error)
{
    http_exchange *x = NULL;
    piece p = {.u = u, .descriptor = descriptor, .start = start};
    const http_request request = {
        .url = url, .put = true, .body_bytes = length, .source = from_file, .source_context = &p};
    hearth_status status = http_fetch(u->client, &request, NULL, &x, error);
    if (status == HEARTH_OK && (http_code(x) < 200 || http_code(x) >= 300)) {
        status = http_refused(x, error);
    }
    if (status == HEARTH_OK && ret_etag != NULL) {
        const char *etag = http_header(x, "ETag");
        *ret_etag = etag != NULL ? mem_strdup(etag) : NULL;
        status = etag == NULL        ? wrong(file, "ETag", "a name for each part", error)
                 : *ret_etag == NULL ? error_memory(error, strlen(etag))
                                     : HEARTH_OK;
    }
    http_end(u->client, x);
    if (status == HEARTH_OK) {
        u->done += length;
    }
    return status;
}

/* "1", "2", … of an upload's header are the addresses of its parts. */
static hearth_status put_parts(uploading *u, const upload_file *file, int descriptor, const json_t *header,
                               uint64_t size, json_t **parts, hearth_error *error)
{
    const uint64_t count = (file->size + size - 1) / size;
    if (count > LIMIT_UPLOAD_PARTS) {
        return wrong(file, "chunk_size", "at most 10000 parts", error);
    }
    for (uint64_t i = 0; i < count; i++) {
        char key[32], padded[32];
        char *etag = NULL;
        (void)snprintf(key, sizeof key, "%llu", (unsigned long long)i + 1);
        (void)snprintf(padded, sizeof padded, "%05llu", (unsigned long long)i + 1);
        const json_t *value = json_object_get(header, key);
        const char *url = json_string_value(value != NULL ? value : json_object_get(header, padded));
        TRY(check_place(u, file, key, url, error));
        const uint64_t start = i * size;
        const uint64_t length = file->size - start < size ? file->size - start : size;
        TRY(put_piece(u, file, descriptor, url, start, length, &etag, error));
        json_t *part = json_door_put(json_object(), "partNumber", json_integer((json_int_t)i + 1));
        *parts = json_door_append(*parts, json_door_put(part, "etag", json_string(etag)));
        mem_free(etag);
        if (*parts == NULL) {
            return error_memory(error, sizeof *part);
        }
    }
    return HEARTH_OK;
}

static hearth_status put_file(uploading *u, const upload_file *file, const json_t *action, hearth_error *error)
{
    const char *url = json_string_value(json_object_get(action, "href"));
    const json_t *header = json_object_get(action, "header");
    const json_t *chunk = json_object_get(header, "chunk_size");
    TRY(check_place(u, file, "href", url, error));
    const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return error_errno(error, file->path, "open", errno);
    }
    hearth_status status = HEARTH_OK;
    if (chunk == NULL) {
        status = put_piece(u, file, descriptor, url, 0, file->size, NULL, error);
    } else {
        const char *text = json_string_value(chunk);
        const long long size = text != NULL ? strtoll(text, NULL, 10) : (long long)json_integer_value(chunk);
        json_t *parts = json_array();
        status = size > 0 ? put_parts(u, file, descriptor, header, (uint64_t)size, &parts, error)
                          : wrong(file, "chunk_size", "a number of bytes", error);
        if (status == HEARTH_OK) {
            json_t *body = json_door_put(json_object(), "oid", json_string(file->sha256));
            status = upload_ask(u, u->client, url, LFS_TYPE, json_door_put(body, "parts", parts), NULL, NULL, error);
        } else {
            json_decref(parts);
        }
    }
    close(descriptor);
    return status;
}

/* No actions: the hub has the bytes. */
static hearth_status take_object(uploading *u, const json_t *object, hearth_error *error)
{
    const char *oid = json_string_value(json_object_get(object, "oid"));
    const json_t *problem = json_object_get(object, "error");
    const json_t *actions = json_object_get(object, "actions");
    upload_file *file = NULL;
    for (size_t i = 0; oid != NULL && file == NULL && i < u->count; i++) {
        upload_file *f = &u->files[i];
        file = f->large && !f->unchanged && strcmp(f->sha256, oid) == 0 ? f : NULL;
    }
    if (file == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "objects", "those that were asked for", "another one");
    }
    if (problem != NULL) {
        const char *message = json_string_value(json_object_get(problem, "message"));
        const hearth_status status =
            error_set(error, HEARTH_E_IO, NULL, NULL, "refused: %.200s", message != NULL ? message : "no reason");
        error_in_file(error, file->name);
        return status;
    }
    const json_t *upload = json_object_get(actions, "upload");
    const json_t *verify = json_object_get(actions, "verify");
    if (upload == NULL) {
        u->done += file->size;
        return HEARTH_OK;
    }
    TRY(put_file(u, file, upload, error));
    u->result->sent_bytes += file->size;
    if (verify == NULL) {
        return HEARTH_OK;
    }
    const char *url = json_string_value(json_object_get(verify, "href"));
    json_t *body = json_door_put(json_object(), "oid", json_string(file->sha256));
    body = json_door_put(body, "size", json_integer((json_int_t)file->size));
    const hearth_status status = check_place(u, file, "verify", url, error);
    if (status != HEARTH_OK) {
        json_decref(body);
        return status;
    }
    return upload_ask(u, u->client, url, LFS_TYPE, body, NULL, NULL, error);
}

/* Files of the same content are one object. */
static bool is_first(const uploading *u, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        const upload_file *f = &u->files[i];
        if (f->large && !f->unchanged && strcmp(f->sha256, u->files[at].sha256) == 0) {
            return false;
        }
    }
    return true;
}

static hearth_status send_batch(uploading *u, json_t *objects, hearth_error *error)
{
    json_t *answer = NULL;
    char *url = text_format("%s/%s.git/info/lfs/objects/batch", u->endpoint, u->o->repository);
    const size_t wanted = json_array_size(objects);
    json_t *transfers =
        json_door_append(json_door_append(json_array(), json_string("basic")), json_string("multipart"));
    json_t *ref = json_door_put(json_object(), "name", json_string(u->o->revision));
    json_t *body = json_door_put(json_object(), "operation", json_string("upload"));
    body = json_door_put(body, "transfers", transfers);
    body = json_door_put(body, "objects", objects);
    body = json_door_put(body, "hash_algo", json_string("sha256"));
    hearth_status status =
        upload_ask(u, u->client, url, LFS_TYPE, json_door_put(body, "ref", ref), &answer, NULL, error);
    const json_t *rows = json_object_get(answer, "objects");
    if (status == HEARTH_OK && json_array_size(rows) != wanted) {
        status =
            error_set(error, HEARTH_E_FORMAT, "objects", "those that were asked for", "%zu", json_array_size(rows));
    }
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(rows); i++) {
        status = take_object(u, json_array_get(rows, i), error);
    }
    json_decref(answer);
    mem_free(url);
    return status;
}

hearth_status upload_large(uploading *u, hearth_error *error)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < u->count; i++) {
        u->total += u->files[i].large && !u->files[i].unchanged && is_first(u, i) ? u->files[i].size : 0;
    }
    for (size_t i = 0; i <= u->count; i++) {
        const bool ends = i == u->count;
        const upload_file *f = ends ? NULL : &u->files[i];
        if (!ends && f->large && !f->unchanged && is_first(u, i)) {
            json_t *one = json_door_put(json_object(), "oid", json_string(f->sha256));
            objects = json_door_append(objects, json_door_put(one, "size", json_integer((json_int_t)f->size)));
            if (objects == NULL) {
                return error_memory(error, sizeof *f);
            }
        }
        if (json_array_size(objects) == BATCH_FILES || (ends && json_array_size(objects) > 0)) {
            TRY(send_batch(u, objects, error));
            objects = json_array();
        }
    }
    json_decref(objects);
    return HEARTH_OK;
}
