/* From a method and a path to a handler. */
#include "serve/routes.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "platform/cpu.h"
#include "serve/access.h"
#include "serve/counters.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

const route *const routes_tables[] = {routes_common,    routes_openai,  routes_tokens, routes_about, routes_page,
                                      routes_anthropic, routes_openapi, routes_ollama, routes_trace, NULL};

/* The small blocks of a larger body's JSON go back to the system with it. */
#define LARGE_BODY_BYTES ((size_t)1 << 20)

/* ---- which route ---- */

/* Whether `path` is this route's; what {…} stands for goes to `parameter`. */
static bool matches(const route *t, const char *path, char *parameter, size_t size)
{
    const char *brace = strchr(t->path, '{');
    if (brace == NULL) {
        return strcmp(t->path, path) == 0;
    }
    const size_t before = (size_t)(brace - t->path);
    const char *after = strchr(brace, '}') + 1;
    const size_t length = strlen(path);
    if (length <= before + strlen(after) || strncmp(t->path, path, before) != 0 || !text_ends(path, after)) {
        return false;
    }
    const size_t part = length - before - strlen(after);
    if (part >= size) {
        return false;
    }
    memcpy(parameter, path + before, part);
    parameter[part] = '\0';
    return true;
}

/* A path without {…} goes before one with. *ret_other: the path has a route with another method. */
static const route *find(const char *method, request *r, const char *path, const route **ret_other)
{
    const route *found = NULL;
    for (size_t i = 0; routes_tables[i] != NULL; i++) {
        for (const route *t = routes_tables[i]; t->method != NULL; t++) {
            char parameter[sizeof r->parameter] = "";
            if (!matches(t, path, parameter, sizeof parameter)) {
                continue;
            }
            *ret_other = *ret_other != NULL ? *ret_other : t;
            if (strcmp(t->method, method) == 0 && (found == NULL || strchr(found->path, '{') != NULL)) {
                memcpy(r->parameter, parameter, sizeof parameter);
                found = t;
            }
        }
    }
    return found;
}

/* ---- a request ---- */

static void free_request(void *kept)
{
    request *r = kept;
    const bool large = http_call_body(r->call)->length > LARGE_BODY_BYTES; /* maybe one that was no JSON */
    access_end(r);
    json_decref(r->body);
    json_decref(r->translation);
    mem_free(r);
    if (large) {
        memory_trim();
    }
}

static request *create_request(server *s, http_call *call)
{
    request *r = mem_calloc(1, sizeof *r);
    uint8_t random[16] = {0};
    if (r != NULL && secret_random(random, sizeof random, NULL) != HEARTH_OK) {
        mem_free(r);
        return NULL;
    }
    if (r != NULL) {
        r->s = s;
        r->call = call;
        r->began = time_seconds();
        hash_hex_bytes(random, sizeof random, r->id);
        http_call_keep(call, r, free_request);
    }
    return r;
}

/* Where no route says it, the path tells which API's client asks. */
static api_shape shape_of(const char *path)
{
    return text_starts(path, "/api/") ? API_OLLAMA : text_starts(path, "/v1/messages") ? API_ANTHROPIC : API_OPENAI;
}

static void refuse_early(request *r, api_shape shape, const failure *f)
{
    const route stand_in = {.shape = shape};
    r->route = &stand_in;
    request_refuse(r, f);
    r->route = NULL;
}

static void refuse_unknown(request *r, const route *other, const char *method, const char *path)
{
    failure f;
    if (other != NULL) {
        http_call_set_header(r->call, "Allow", other->method);
        (void)failure_set(&f, 405, "method_not_allowed", NULL, "%.100s takes %s, not %s.", path, other->method, method);
    } else {
        (void)failure_set(&f, 404, "unknown_url", NULL, "Unknown request URL: %s %.200s", method, path);
    }
    refuse_early(r, other != NULL ? other->shape : shape_of(path), &f);
}

bool routes_admit(void *context, http_call *call)
{
    request *r = create_request(context, call);
    failure f;
    if (r == NULL) {
        http_call_answer_static(call, 503, "text/plain", "out of memory\n", 14);
        return false;
    }
    const char *path = http_call_path(call);
    const char *method = http_call_method(call);
    const route *other = NULL;
    counters_request();
    r->route = find(strcmp(method, "HEAD") == 0 ? "GET" : method, r, path, &other);
    if (r->route == NULL && (other == NULL || strcmp(method, "OPTIONS") != 0)) {
        refuse_unknown(r, other, method, path);
    } else if (!access_check(r, &f)) {
        refuse_early(r, other->shape, &f);
    } else if (r->route == NULL) {
        access_preflight(r);
    } else if (server_is_quiet(r->s) && r->route->right != RIGHT_OPEN) {
        request_refuse_with(r, 503, "shutting_down", NULL, "The server is shutting down.");
    } else if (!access_identify(r, &f)) {
        request_refuse(r, &f);
    } else if (r->route->at_once && access_is_proved(r)) {
        r->route->handle(r);
    } else {
        return true;
    }
    return false;
}

/* Refused where it is no object, or has too much. */
static bool parse_body(request *r)
{
    const buffer *body = http_call_body(r->call);
    hearth_error error = {0};
    size_t left = LIMIT_BODY_VALUES;
    const hearth_status status = json_door_parse_within(buffer_text(body), body->length, &left, &r->body, &error);
    if (status == HEARTH_OK && json_is_object(r->body)) {
        return true;
    }
    char line[512];
    if (status == HEARTH_OK) {
        request_refuse_with(r, 400, "invalid_json", NULL, "The request's body must be a JSON object.");
    } else if (status == HEARTH_E_MEMORY) {
        request_refuse_error(r, &error, NULL);
    } else {
        request_refuse_with(r, 400, "invalid_json", NULL, "The request's body: %s.",
                            hearth_error_line(&error, line, sizeof line));
    }
    return false;
}

void routes_handle(void *context, http_call *call)
{
    (void)context;
    request *r = http_call_kept(call);
    failure f;
    if (!access_prove(r, &f) || !access_begin(r, &f)) { /* a key past its limits has nothing of its read */
        request_refuse(r, &f);
        return;
    }
    if (r->route->takes_json && !parse_body(r)) {
        return;
    }
    if (!access_model(r, &f)) {
        request_refuse(r, &f);
        return;
    }
    r->route->handle(r);
}

void routes_refuse(void *context, http_call *call, unsigned status, const char *why)
{
    request *r = http_call_kept(call);
    r = r != NULL ? r : create_request(context, call);
    failure f;
    (void)failure_set(&f, status, status == 413 ? "request_too_large" : NULL, NULL, "%s", why);
    if (r == NULL) {
        http_call_answer_static(call, status, "text/plain", "", 0);
    } else if (r->route == NULL) {
        refuse_early(r, shape_of(http_call_path(call)), &f);
    } else {
        request_refuse(r, &f);
    }
}
