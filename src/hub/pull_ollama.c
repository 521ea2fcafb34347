/* Models of an Ollama registry, into Ollama's own store: blobs first, the manifest last. */
#include "hub/pull_part.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/ollama_store.h"
#include "net/url.h"
#include "platform/file.h"
#include "platform/file_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MANIFEST_TYPE "application/vnd.docker.distribution.manifest.v2+json"

typedef struct ollama_pull {
    pull_context *c;
    const model_name *name;
    char *store;
    char *base;  /* "https://HOST/v2/NAMESPACE/NAME" */
    char *token; /* what the registry gave for the asking; NULL */
    buffer text; /* the manifest, as it came */
    ollama_manifest *manifest;
} ollama_pull;

/* ---- a token, where the registry wants one ---- */

/* The value of key="value" in a challenge; freed with mem_free. */
static char *challenge_value(const char *challenge, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = challenge; (at = strstr(at, key)) != NULL; at += length) {
        const bool begins = at > challenge && (at[-1] == ' ' || at[-1] == ',');
        if (begins && at[length] == '=' && at[length + 1] == '"') {
            return text_format("%.*s", (int)strcspn(at + length + 2, "\""), at + length + 2);
        }
    }
    return NULL;
}

static hearth_status ask_token(ollama_pull *p, const char *url, hearth_error *error)
{
    http_exchange *x = NULL;
    json_t *answer = NULL;
    buffer body;
    buffer_init(&body, 1 << 20);
    const http_request request = {.url = url};
    hearth_status status = http_fetch(p->c->client, &request, &body, &x, error);
    if (status == HEARTH_OK && http_code(x) != 200) {
        status = http_refused(x, error);
    }
    status = status == HEARTH_OK ? json_door_parse(buffer_text(&body), body.length, "token", &answer, error) : status;
    const char *token = json_string_value(json_object_get(answer, "token"));
    token = token != NULL ? token : json_string_value(json_object_get(answer, "access_token"));
    if (status == HEARTH_OK && (token == NULL || strpbrk(token, "\r\n") != NULL)) {
        status = error_set(error, HEARTH_E_FORMAT, "token", "a text", "none");
    }
    if (status == HEARTH_OK && (p->token = mem_strdup(token)) == NULL) {
        status = error_memory(error, strlen(token));
    }
    json_decref(answer);
    http_end(p->c->client, x);
    buffer_free(&body);
    return status;
}

/* "Bearer realm=…,service=…,scope=…": the realm must be of the registry's own host. */
static hearth_status answer_challenge(ollama_pull *p, const http_exchange *refused, hearth_error *error)
{
    const char *challenge = http_header(refused, "WWW-Authenticate");
    if (challenge == NULL || strncasecmp(challenge, "Bearer ", 7) != 0) {
        return http_refused(refused, error);
    }
    char *realm = challenge_value(challenge, "realm");
    char *service = challenge_value(challenge, "service");
    char *scope = challenge_value(challenge, "scope");
    char *service_escaped = url_escape(service != NULL ? service : "", "");
    char *scope_escaped = url_escape(scope != NULL ? scope : "", "");
    char *url = realm != NULL && service_escaped != NULL && scope_escaped != NULL
                    ? text_format("%s?service=%s&scope=%s", realm, service_escaped, scope_escaped)
                    : NULL;
    hearth_status status = HEARTH_OK;
    if (realm == NULL || !url_same_origin(realm, p->base)) {
        status = error_set(error, HEARTH_E_FORMAT, "WWW-Authenticate", "a realm of the registry's own host", "%.160s",
                           realm != NULL ? realm : "none");
    } else {
        status = url != NULL ? ask_token(p, url, error) : error_memory(error, 0);
    }
    mem_free(url);
    mem_free(scope_escaped);
    mem_free(service_escaped);
    mem_free(scope);
    mem_free(service);
    mem_free(realm);
    return status;
}

/* ---- manifest and layers ---- */

static hearth_status fetch_manifest(ollama_pull *p, hearth_error *error)
{
    char *url = text_format("%s/manifests/%s", p->base, p->name->revision);
    if (url == NULL) {
        return error_memory(error, 0);
    }
    hearth_status status = HEARTH_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        http_exchange *x = NULL;
        const http_request request = {.url = url, .token = p->token, .accept = MANIFEST_TYPE};
        buffer_clear(&p->text);
        status = http_fetch(p->c->client, &request, &p->text, &x, error);
        const bool challenged = status == HEARTH_OK && http_code(x) == 401 && p->token == NULL;
        if (challenged) {
            status = answer_challenge(p, x, error);
        } else if (status == HEARTH_OK && http_code(x) != 200) {
            status = http_refused(x, error);
        }
        http_end(p->c->client, x);
        if (!challenged || status != HEARTH_OK) {
            break;
        }
    }
    if (status == HEARTH_OK) {
        status = ollama_manifest_parse(buffer_text(&p->text), p->text.length, url, &p->manifest, error);
    }
    mem_free(url);
    return status;
}

static hearth_status fetch_layer(ollama_pull *p, const ollama_layer *layer, hearth_error *error)
{
    const char *hex = strchr(layer->digest, ':') + 1;
    char *url = text_format("%s/blobs/%s", p->base, layer->digest);
    char *blob = ollama_store_blob_path(p->store, layer->digest);
    char *lock = text_format("%s/.locks/sha256-%s.lock", p->store, hex);
    const download_source source = {
        .url = url, .token = p->token, .identity = hex, .size_known = true, .size = layer->size};
    const hearth_status status =
        url != NULL && blob != NULL && lock != NULL
            ? pull_blob(p->c, &source, blob, lock, layer->kind[0] != '\0' ? layer->kind : "layer", error)
            : error_memory(error, 0);
    mem_free(lock);
    mem_free(blob);
    mem_free(url);
    return status;
}

static hearth_status write_manifest(ollama_pull *p, hearth_error *error)
{
    pull_result *r = p->c->result;
    const ollama_layer *model = ollama_manifest_find(p->manifest, "model");
    char *path = ollama_store_manifest_path(p->store, p->name);
    hearth_status status = path != NULL ? file_make_place(path, error) : error_memory(error, 0);
    if (status == HEARTH_OK) {
        pull_drop_link(path);
    }
    status = status == HEARTH_OK ? file_replace(path, p->text.data, p->text.length, error) : status;
    mem_free(path);
    TRY(status);
    (void)snprintf(r->revision, sizeof r->revision, "%s", p->name->revision);
    (void)snprintf(r->commit, sizeof r->commit, "%s", model->digest);
    const bool own_space = strcmp(p->name->owner, OLLAMA_NAMESPACE) != 0 || p->name->host[0] != '\0';
    r->path = ollama_store_blob_path(p->store, model->digest);
    r->name = text_format("ollama:%s%s%s%s%s%s:%s", p->name->plain_http ? "http://" : "", p->name->host,
                          p->name->host[0] != '\0' ? "/" : "", own_space ? p->name->owner : "", own_space ? "/" : "",
                          p->name->name, p->name->revision);
    return r->path != NULL && r->name != NULL ? HEARTH_OK : error_memory(error, 0);
}

static hearth_status pull_layers(ollama_pull *p, hearth_error *error)
{
    file_lock lock = {-1};
    TRY(fetch_manifest(p, error));
    for (size_t i = 0; i < p->manifest->count; i++) {
        p->c->total += p->manifest->layers[i].size;
    }
    char *path = text_format("%s/.locks/hearth.lock", p->store); /* nobody removes from here meanwhile */
    hearth_status status =
        path != NULL ? file_lock_take(path, FILE_LOCK_SHARED, pull_go_on, p->c, &lock, error) : error_memory(error, 0);
    mem_free(path);
    for (size_t i = 0; status == HEARTH_OK && i < p->manifest->count; i++) {
        status = fetch_layer(p, &p->manifest->layers[i], error);
    }
    status = status == HEARTH_OK ? write_manifest(p, error) : status;
    file_lock_free(&lock);
    return status;
}

hearth_status pull_ollama(pull_context *c, const model_name *name, hearth_error *error)
{
    ollama_pull p = {.c = c, .name = name};
    buffer_init(&p.text, LIMIT_LISTING_BYTES);
    p.store = ollama_store_folder();
    p.base = text_format("%s://%s/v2/%s/%s", name->plain_http ? "http" : "https",
                         name->host[0] != '\0' ? name->host : OLLAMA_HOST, name->owner, name->name);
    hearth_status status = HEARTH_OK;
    if (p.store == NULL && getenv("HOME") == NULL) {
        status =
            error_set(error, HEARTH_E_NOT_FOUND, "OLLAMA_MODELS", "a place for models", "no HOME and no OLLAMA_MODELS");
    } else if (p.store == NULL || p.base == NULL) {
        status = error_memory(error, 0);
    } else {
        status = pull_layers(&p, error);
    }
    mem_free(p.manifest);
    mem_free(p.token);
    mem_free(p.base);
    mem_free(p.store);
    buffer_free(&p.text);
    return status;
}
