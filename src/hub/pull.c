/* The frame of getting a model, and one file of it. */
#include "hub/pull.h"

#include "base/memory.h"
#include "base/text.h"
#include "hub/pull_part.h"
#include "hub/verify.h"
#include "platform/file.h"
#include "platform/file_lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the result ---- */

void pull_result_free(pull_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        mem_free(result->files[i].name);
    }
    mem_free(result->files);
    mem_free(result->path);
    mem_free(result->name);
    *result = (pull_result){0};
}

hearth_status pull_add_file(pull_context *c, const char *name, const char *digest, uint64_t size, uint64_t fetched,
                            hearth_error *error)
{
    pull_result *r = c->result;
    pull_file *grown = mem_realloc(r->files, (r->count + 1) * sizeof *grown);
    r->files = grown != NULL ? grown : r->files;
    char *copy = grown != NULL ? mem_strdup(name) : NULL;
    if (copy == NULL) {
        return error_memory(error, strlen(name));
    }
    pull_file *file = &r->files[r->count++];
    *file = (pull_file){.name = copy, .size = size, .fetched = fetched};
    if (digest != NULL) {
        (void)snprintf(file->digest, sizeof file->digest, "%s:%s",
                       hub_digest_kind_of(digest) == HUB_DIGEST_SHA256 ? "sha256" : "git-sha1", digest);
    }
    r->bytes += size;
    r->fetched += fetched;
    c->before += size;
    return HEARTH_OK;
}

/* ---- one file ---- */

bool pull_go_on(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    pull_context *c = context;
    const pull_options *o = c->options;
    c->told.what = what;
    c->told.unit = unit;
    c->told.done = done;
    c->told.total = total;
    return o->progress == NULL || o->progress(o->context, what, done, total, unit);
}

static bool is_there(const char *path, bool size_known, uint64_t size, uint64_t *ret_size)
{
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    *ret_size = (uint64_t)info.st_size;
    return !size_known || (uint64_t)info.st_size == size;
}

/* Fetches and checks. What was begun by an earlier try and ends with another digest is fetched once more, from the
 * beginning: a power failure can leave such. */
static hearth_status fetch_checked(pull_context *c, const download_source *source, const pull_target *t,
                                   uint64_t *ret_size, uint64_t *ret_new, hearth_error *error)
{
    const download_options how = {.client = c->client,
                                  .connections = c->options->connections,
                                  .retries = c->options->retries,
                                  .progress = pull_go_on,
                                  .context = c,
                                  .what = t->name,
                                  .before = c->before,
                                  .total = c->total,
                                  .trouble = c->options->trouble,
                                  .trouble_context = c->options->trouble_context,
                                  .refused = &c->refused};
    for (;;) {
        TRY(download_file(source, &how, t->partial, ret_size, ret_new, error));
        const hearth_status status =
            t->digest != NULL ? hub_verify(t->partial, t->digest, pull_go_on, c, error) : HEARTH_OK;
        if (status != HEARTH_E_FORMAT) {
            return status;
        }
        download_forget(t->partial);
        if (*ret_new == *ret_size) {
            if (error != NULL) {
                (void)snprintf(error->file, sizeof error->file, "%s", t->name);
            }
            return status;
        }
    }
}

static hearth_status fetch_locked(pull_context *c, const download_source *source, const pull_target *t,
                                  hearth_error *error)
{
    uint64_t size = 0;
    uint64_t fresh = 0;
    if (c->options->check && t->digest != NULL && is_there(t->target, source->size_known, source->size, &size)) {
        const hearth_status status = hub_verify(t->target, t->digest, pull_go_on, c, error);
        if (status == HEARTH_E_FORMAT && unlink(t->target) == 0) {
            size = 0; /* fetched anew below */
        } else if (status != HEARTH_OK) {
            return status;
        }
    }
    if (!is_there(t->target, source->size_known, source->size, &size)) {
        TRY(file_make_place(t->target, error));
        TRY(file_make_place(t->partial, error));
        TRY(fetch_checked(c, source, t, &size, &fresh, error));
        if (rename(t->partial, t->target) != 0) {
            return error_errno(error, t->target, "write", errno);
        }
        download_forget_parts(t->partial);
    }
    return pull_add_file(c, t->name, t->digest, size, fresh, error);
}

hearth_status pull_fetch(pull_context *c, const download_source *source, const pull_target *t, hearth_error *error)
{
    file_lock lock = {-1};
    TRY(file_lock_take(t->lock, FILE_LOCK_ALONE, pull_go_on, c, &lock, error));
    const hearth_status status = fetch_locked(c, source, t, error);
    file_lock_free(&lock);
    return status;
}

void pull_drop_link(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISLNK(info.st_mode)) {
        (void)unlink(path);
    }
}

hearth_status pull_blob(pull_context *c, const download_source *source, const char *blob, const char *lock,
                        const char *name, hearth_error *error)
{
    char *partial = text_format("%s.hearth-partial", blob);
    if (partial == NULL) {
        return error_memory(error, 0);
    }
    const pull_target target = {blob, partial, lock, source->identity, name};
    const hearth_status status = pull_fetch(c, source, &target, error);
    mem_free(partial);
    return status;
}

/* ---- all of it ---- */

bool hub_is_offline(void)
{
    static const char *const variables[] = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"};
    static const char *const yes[] = {"1", "ON", "YES", "TRUE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        for (size_t k = 0; value != NULL && k < sizeof yes / sizeof *yes; k++) {
            if (strcasecmp(value, yes[k]) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool is_path(const char *name)
{
    return file_exists(name) || name[0] == '/' || text_starts(name, "./") || text_starts(name, "../");
}

bool hub_can_pull(const char *name)
{
    model_name parts;
    return !is_path(name) && model_name_parse(name, &parts, NULL) == HEARTH_OK &&
           (parts.stated || (parts.source == MODEL_SOURCE_HF && parts.owner[0] != '\0'));
}

bool pull_client_go_on(void *context)
{
    pull_context *c = context;
    return pull_go_on(c, c->told.what != NULL ? c->told.what : "asking", c->told.done, c->told.total,
                      c->told.unit != NULL ? c->told.unit : "");
}

static long timeout_of(const char *variable, long least)
{
    const char *value = getenv(variable);
    const long seconds = value != NULL ? strtol(value, NULL, 10) : 0;
    return seconds > least ? (seconds < 3600 ? seconds : 3600) : least;
}

static hearth_status pull_from(pull_context *c, const char *text, const model_name *name, hearth_error *error)
{
    switch (name->source) {
    case MODEL_SOURCE_HF:
        return pull_hf(c, name, error);
    case MODEL_SOURCE_OLLAMA:
        return pull_ollama(c, name, error);
    default:
        return pull_url(c, text, name, error);
    }
}

hearth_status hub_pull(const char *text, const pull_options *options, pull_result *ret, hearth_error *error)
{
    model_name name;
    pull_context c = {.options = options, .result = ret};
    if (is_path(text)) {
        return pull_path(&c, text, error);
    }
    TRY(model_name_parse(text, &name, error));
    if (!hub_can_pull(text)) {
        const hearth_status status =
            error_set(error, HEARTH_E_ARGUMENT, NULL, "ORG/NAME, hf:NAME, ollama:NAME, a URL or a path",
                      "a name that says no source");
        error_in_file(error, text);
        return status;
    }
    const http_settings settings = {.connect_timeout_s = timeout_of("HF_HUB_ETAG_TIMEOUT", 10),
                                    .stall_timeout_s = timeout_of("HF_HUB_DOWNLOAD_TIMEOUT", 30),
                                    .retries = options->retries,
                                    .go_on = pull_client_go_on,
                                    .go_on_context = &c};
    TRY(http_client_create(&settings, &c.client, error));
    hearth_status status = pull_from(&c, text, &name, error);
    http_client_free(c.client);
    return status;
}
