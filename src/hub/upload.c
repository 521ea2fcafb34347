/* The commit: what the hub wants of each file, the large ones, then all at once. */
#include "base/base64.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "formats/model_name.h"
#include "hub/pull_part.h"
#include "hub/upload_part.h"
#include "hub/verify.h"
#include "net/url.h"
#include "platform/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_BYTES 512 /* of a file's beginning, by which the hub tells texts from the rest */
#define ASKED_AT_ONCE 256u
#define COMMIT_STALL_S 600 /* a hub takes its time for one */
#define CODE_THERE 409     /* a repository of that name */

/* ---- asking ---- */

bool upload_go_on(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    const uploading *u = context;
    return u->o->progress == NULL || u->o->progress(u->o->context, what, done, total, unit);
}

static bool client_goes_on(void *context)
{
    uploading *u = context;
    return upload_go_on(u, "publishing", u->done, u->total, "B");
}

static bool from_memory(void *context, uint64_t offset, void *out, size_t most, size_t *ret_length)
{
    const buffer *text = context;
    const size_t left = text->length - (size_t)offset;
    *ret_length = most < left ? most : left;
    memcpy(out, text->data + offset, *ret_length);
    return true;
}

static hearth_status send_text(uploading *u, http_client *client, const char *url, const char *type, buffer *text,
                               json_t **ret, long *ret_code, hearth_error *error)
{
    static const char *const lines[] = {"Accept: application/vnd.git-lfs+json, application/json", NULL};
    buffer answer;
    http_exchange *x = NULL;
    buffer_init(&answer, LIMIT_LISTING_BYTES);
    const http_request request = {.url = url,
                                  .token = url_same_origin(url, u->endpoint) ? u->token : NULL,
                                  .post = true,
                                  .content_type = type,
                                  .lines = lines,
                                  .body_bytes = text->length,
                                  .source = from_memory,
                                  .source_context = text};
    hearth_status status = http_fetch(client, &request, &answer, &x, error);
    const long code = status == HEARTH_OK ? http_code(x) : 0;
    if (ret_code != NULL) {
        *ret_code = code;
    }
    if (status == HEARTH_OK && (code < 200 || code >= 300) && (ret_code == NULL || code != CODE_THERE)) {
        status = http_refused(x, error);
    }
    if (status == HEARTH_OK && ret != NULL) {
        char shown[200];
        status = json_door_parse(buffer_text(&answer), answer.length, url_shown(url, shown, sizeof shown), ret, error);
    }
    http_end(client, x);
    buffer_free(&answer);
    return status;
}

hearth_status upload_ask(uploading *u, http_client *client, const char *url, const char *type, json_t *body,
                         json_t **ret, long *ret_code, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_COMMIT_BYTES);
    hearth_status status =
        body != NULL && url != NULL ? json_door_write(body, 0, &text, error) : error_memory(error, LIMIT_COMMIT_BYTES);
    json_decref(body);
    status = status == HEARTH_OK ? send_text(u, client, url, type, &text, ret, ret_code, error) : status;
    buffer_free(&text);
    return status;
}

static hearth_status wrong_answer(const uploading *u, const char *place, const char *expected, hearth_error *error)
{
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, place, expected, "another answer");
    error_in_file(error, u->o->repository);
    return status;
}

/* ---- the repository ---- */

static hearth_status create(uploading *u, hearth_error *error)
{
    const char *slash = strchr(u->o->repository, '/');
    const char *name = slash != NULL ? slash + 1 : u->o->repository;
    long code = 0;
    char *url = text_format("%s/api/repos/create", u->endpoint);
    json_t *body = json_door_put(json_object(), "type", json_string("model"));
    body = json_door_put(body, "name", json_string(name));
    if (slash != NULL) {
        body =
            json_door_put(body, "organization", json_door_text(u->o->repository, (size_t)(slash - u->o->repository)));
    }
    body = json_door_put(body, "private", json_boolean(u->o->is_private));
    const hearth_status status = upload_ask(u, u->client, url, "application/json", body, NULL, &code, error);
    u->result->created = status == HEARTH_OK && code != CODE_THERE;
    mem_free(url);
    return status;
}

/* The commit that the branch is at: the new one must follow it, or somebody else was faster. */
static hearth_status find_head(uploading *u, char ret[80], hearth_error *error)
{
    buffer body;
    http_exchange *x = NULL;
    json_t *json = NULL;
    buffer_init(&body, LIMIT_LISTING_BYTES);
    char *url = text_format("%s/api/models/%s/revision/%s", u->endpoint, u->o->repository, u->revision);
    const http_request request = {.url = url, .token = u->token, .accept = "application/json"};
    hearth_status status =
        url != NULL ? http_fetch(u->client, &request, &body, &x, error) : error_memory(error, sizeof *u);
    if (status == HEARTH_OK && http_code(x) != 200) {
        status = http_refused(x, error);
    }
    status = status == HEARTH_OK ? json_door_parse(buffer_text(&body), body.length, url, &json, error) : status;
    const char *sha = json_string_value(json_object_get(json, "sha"));
    if (status == HEARTH_OK && (sha == NULL || !text_is_hex(sha, 40))) {
        status = wrong_answer(u, "sha", "a commit of 40 hexadecimal digits", error);
    }
    (void)snprintf(ret, 80, "%s", status == HEARTH_OK ? sha : "");
    json_decref(json);
    http_end(u->client, x);
    buffer_free(&body);
    mem_free(url);
    return status;
}

/* ---- what the hub wants ---- */

static json_t *sample_of(const upload_file *file)
{
    uint8_t bytes[SAMPLE_BYTES];
    buffer text;
    const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = descriptor >= 0 ? read(descriptor, bytes, sizeof bytes) : -1;
    if (descriptor >= 0) {
        close(descriptor);
    }
    buffer_init(&text, 0);
    json_t *value = length >= 0 && base64_encode(bytes, (size_t)length, &text, NULL) == HEARTH_OK
                        ? json_string(buffer_text(&text))
                        : NULL;
    buffer_free(&text);
    return value;
}

/* One of the answer's rows: how the file is to come, and what is there under its name. */
static hearth_status take_mode(uploading *u, upload_file *file, const json_t *row, hearth_error *error)
{
    char digest[HASH_HEX_SIZE];
    const char *mode = json_string_value(json_object_get(row, "uploadMode"));
    const char *oid = json_string_value(json_object_get(row, "oid"));
    if (mode == NULL || (strcmp(mode, "lfs") != 0 && strcmp(mode, "regular") != 0)) {
        return wrong_answer(u, "uploadMode", "lfs or regular", error);
    }
    file->large = strcmp(mode, "lfs") == 0 && file->size > 0; /* storage takes no empty object */
    if (oid == NULL) {
        return HEARTH_OK;
    }
    if (!file->large) {
        TRY(hub_git_sha1(file->path, digest, error));
    }
    file->unchanged = strcmp(oid, file->large ? file->sha256 : digest) == 0;
    return HEARTH_OK;
}

static upload_file *find_file(uploading *u, size_t begin, size_t end, const char *name)
{
    for (size_t i = begin; name != NULL && i < end; i++) {
        if (strcmp(u->files[i].name, name) == 0) {
            return &u->files[i];
        }
    }
    return NULL;
}

static hearth_status ask_modes(uploading *u, size_t begin, size_t end, hearth_error *error)
{
    json_t *rows = json_array();
    json_t *answer = NULL;
    size_t told = 0;
    for (size_t i = begin; i < end; i++) {
        json_t *row = json_door_put(json_object(), "path", json_string(u->files[i].name));
        row = json_door_put(row, "sample", sample_of(&u->files[i]));
        rows = json_door_append(rows, json_door_put(row, "size", json_integer((json_int_t)u->files[i].size)));
    }
    char *url = text_format("%s/api/models/%s/preupload/%s", u->endpoint, u->o->repository, u->revision);
    hearth_status status = upload_ask(u, u->client, url, "application/json",
                                      json_door_put(json_object(), "files", rows), &answer, NULL, error);
    const json_t *modes = json_object_get(answer, "files");
    for (size_t i = 0; status == HEARTH_OK && i < json_array_size(modes); i++) {
        const json_t *row = json_array_get(modes, i);
        upload_file *file = find_file(u, begin, end, json_string_value(json_object_get(row, "path")));
        status = file != NULL ? take_mode(u, file, row, error) : wrong_answer(u, "path", "one that was asked", error);
        told++;
    }
    if (status == HEARTH_OK && told != end - begin) {
        status = wrong_answer(u, "files", "each file once", error);
    }
    json_decref(answer);
    mem_free(url);
    return status;
}

/* ---- the commit ---- */

static hearth_status add_line(json_t *value, buffer *out, hearth_error *error)
{
    hearth_status status = value != NULL ? json_door_write(value, 0, out, error) : error_memory(error, 0);
    json_decref(value);
    return status == HEARTH_OK ? buffer_append_char(out, '\n', error) : status;
}

static json_t *keyed(const char *key, json_t *value)
{
    return json_door_put(json_door_put(json_object(), "key", json_string(key)), "value", value);
}

static hearth_status add_small(const upload_file *file, buffer *out, hearth_error *error)
{
    buffer bytes, text;
    buffer_init(&bytes, LIMIT_COMMIT_BYTES);
    buffer_init(&text, LIMIT_COMMIT_BYTES);
    hearth_status status = file_read(file->path, LIMIT_COMMIT_BYTES, &bytes, error);
    status = status == HEARTH_OK ? base64_encode(buffer_text(&bytes), bytes.length, &text, error) : status;
    if (status == HEARTH_OK) {
        json_t *value = json_door_put(json_object(), "content", json_string(buffer_text(&text)));
        value = json_door_put(value, "path", json_string(file->name));
        status = add_line(keyed("file", json_door_put(value, "encoding", json_string("base64"))), out, error);
    }
    buffer_free(&text);
    buffer_free(&bytes);
    return status;
}

static hearth_status add_large(const upload_file *file, buffer *out, hearth_error *error)
{
    json_t *value = json_door_put(json_object(), "path", json_string(file->name));
    value = json_door_put(value, "algo", json_string("sha256"));
    value = json_door_put(value, "oid", json_string(file->sha256));
    value = json_door_put(value, "size", json_integer((json_int_t)file->size));
    return add_line(keyed("lfsFile", value), out, error);
}

static hearth_status write_commit(const uploading *u, const char *head, buffer *out, hearth_error *error)
{
    json_t *header = json_door_put(json_object(), "summary", json_door_string(u->o->message));
    header = json_door_put(header, "description", json_string(""));
    TRY(add_line(keyed("header", json_door_put(header, "parentCommit", json_string(head))), out, error));
    for (size_t i = 0; i < u->count; i++) {
        if (!u->files[i].unchanged) {
            TRY(u->files[i].large ? add_large(&u->files[i], out, error) : add_small(&u->files[i], out, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status commit(uploading *u, const char *head, hearth_error *error)
{
    buffer text;
    json_t *answer = NULL;
    buffer_init(&text, LIMIT_COMMIT_BYTES);
    char *url = text_format("%s/api/models/%s/commit/%s", u->endpoint, u->o->repository, u->revision);
    hearth_status status = url != NULL ? write_commit(u, head, &text, error) : error_memory(error, sizeof *u);
    if (status == HEARTH_OK) {
        status = send_text(u, u->once, url, "application/x-ndjson", &text, &answer, NULL, error);
    }
    const char *oid = json_string_value(json_object_get(answer, "commitOid"));
    if (status == HEARTH_OK && (oid == NULL || !text_is_hex(oid, 40))) {
        status = wrong_answer(u, "commitOid", "a commit of 40 hexadecimal digits", error);
    }
    (void)snprintf(u->result->commit, sizeof u->result->commit, "%s", status == HEARTH_OK ? oid : "");
    json_decref(answer);
    buffer_free(&text);
    mem_free(url);
    return status;
}

/* ---- the story ---- */

static hearth_status begin(uploading *u, hearth_error *error)
{
    const http_settings settings = {.retries = u->o->retries, .go_on = client_goes_on, .go_on_context = u};
    const http_settings once = {.stall_timeout_s = COMMIT_STALL_S, .go_on = client_goes_on, .go_on_context = u};
    u->endpoint = u->o->endpoint != NULL ? mem_strdup(u->o->endpoint) : pull_hf_endpoint();
    u->revision = url_escape(u->o->revision, "");
    u->token = pull_hf_token();
    if (u->endpoint == NULL || u->revision == NULL) {
        return error_memory(error, sizeof *u);
    }
    if (u->token == NULL || !pull_hf_is_token(u->token)) {
        return error_set(error, HEARTH_E_ARGUMENT, "HF_TOKEN", "a token that may write",
                         u->token == NULL ? "none" : "one with blanks or control characters");
    }
    if (hub_is_offline()) {
        return error_set(error, HEARTH_E_IO, NULL, NULL, "HF_HUB_OFFLINE is set: nothing is sent");
    }
    TRY(http_client_create(&settings, &u->client, error));
    return http_client_create(&once, &u->once, error);
}

static hearth_status send_all(uploading *u, hearth_error *error)
{
    char head[80];
    size_t changed = 0;
    if (u->o->create) {
        TRY(create(u, error));
    }
    TRY(find_head(u, head, error));
    for (size_t i = 0; i < u->count; i++) {
        TRY(hub_sha256(u->files[i].path, upload_go_on, u, u->files[i].sha256, error));
    }
    for (size_t i = 0; i < u->count; i += ASKED_AT_ONCE) {
        TRY(ask_modes(u, i, i + ASKED_AT_ONCE < u->count ? i + ASKED_AT_ONCE : u->count, error));
    }
    for (size_t i = 0; i < u->count; i++) {
        changed += !u->files[i].unchanged;
    }
    u->result->unchanged = u->count - changed;
    (void)snprintf(u->result->commit, sizeof u->result->commit, "%s", head);
    if (changed == 0) {
        return HEARTH_OK; /* an empty commit tells nobody anything */
    }
    TRY(upload_large(u, error));
    return commit(u, head, error);
}

hearth_status hub_upload(const upload_options *options, upload_file *files, size_t count, upload_result *ret,
                         hearth_error *error)
{
    uploading u = {.o = options, .files = files, .count = count, .result = ret};
    *ret = (upload_result){.commit = ""};
    hearth_status status = begin(&u, error);
    status = status == HEARTH_OK ? send_all(&u, error) : status;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        ret->sent += !files[i].unchanged;
    }
    http_client_free(u.client);
    http_client_free(u.once);
    if (u.token != NULL) {
        secret_wipe(u.token, strlen(u.token));
    }
    mem_free(u.token);
    mem_free(u.endpoint);
    mem_free(u.revision);
    return status;
}
