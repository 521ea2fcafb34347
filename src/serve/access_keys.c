/* Keys: whose a request is, what it may, what its limits leave, what it took. */
#include "serve/access.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/cpu.h"
#include "serve/metrics.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "serve/values.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool asks_key(const request *r)
{
    return server_keys(r->s) != NULL && r->route->right != RIGHT_OPEN;
}

/* "Authorization: Bearer KEY", as OpenAI's clients have it, or "x-api-key: KEY", as Anthropic's. */
static const char *presented(const request *r)
{
    const char *header = http_call_header(r->call, "Authorization");
    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0) {
        return header + 7 + strspn(header + 7, " ");
    }
    return http_call_header(r->call, "x-api-key");
}

static bool has_right(const request *r)
{
    key_ring *k = server_keys(r->s);
    switch (r->route->right) {
    case RIGHT_WATCH:
        return keys_may_watch(k, r->access.key);
    case RIGHT_MANAGE:
        return keys_may_manage(k, r->access.key);
    default:
        return true;
    }
}

/* No message has anything of the key. */
static bool judge(request *r, key_state state, failure *f)
{
    switch (state) {
    case KEY_GOOD:
        break;
    case KEY_REVOKED:
        return failure_set(f, 401, "invalid_api_key", NULL, "This API key has been revoked.");
    case KEY_EXPIRED:
        return failure_set(f, 401, "invalid_api_key", NULL, "This API key has expired.");
    case KEY_GUESSED:
        (void)failure_set(f, 429, "rate_limit_exceeded", NULL, "Too many wrong API keys; try again later.");
        f->retry_s = 60;
        return false;
    default:
        return failure_set(f, 401, "invalid_api_key", NULL, "Incorrect API key provided.");
    }
    (void)snprintf(r->group, sizeof r->group, "%s", key_id(r->access.key));
    return has_right(r) || failure_set(f, 403, "insufficient_permissions", NULL,
                                       "This API key has no right to %.20s %.100s.", r->route->method, r->route->path);
}

bool access_identify(request *r, failure *f)
{
    audit *log = server_audit(r->s);
    if (log != NULL && r->route->right != RIGHT_OPEN) {
        if (audit_refuses(log)) {
            return failure_set(f, 503, "audit_log_unavailable", NULL,
                               "The server cannot write its audit log; requests are refused until it can.");
        }
        if (audit_has_contents(log)) {
            http_call_copy_answer(r->call, AUDIT_CONTENT_BYTES);
        }
    }
    if (!asks_key(r)) {
        return true;
    }
    const char *text = presented(r);
    if (text == NULL || text[0] == '\0') {
        return failure_set(f, 401, "missing_api_key", NULL,
                           "You didn't provide an API key: send it as Authorization: Bearer KEY or as x-api-key: KEY.");
    }
    const key_state state = keys_look_up(server_keys(r->s), text, &r->access.key);
    if (state != KEY_UNPROVEN) {
        return judge(r, state, f);
    }
    r->access.claim = mem_strdup(text);
    return r->access.claim != NULL || failure_memory(f);
}

bool access_is_proved(const request *r)
{
    return r->access.claim == NULL;
}

static void forget_claim(request *r)
{
    if (r->access.claim != NULL) {
        secret_wipe(r->access.claim, strlen(r->access.claim));
        mem_free(r->access.claim);
        r->access.claim = NULL;
    }
}

bool access_prove(request *r, failure *f)
{
    if (access_is_proved(r)) {
        return true;
    }
    const key_state state = keys_prove(server_keys(r->s), r->access.claim, &r->access.key);
    forget_claim(r);
    return judge(r, state, f);
}

/* ---- models and limits ---- */

/* Which one its handler will take: "model", or "name" as old clients of Ollama have it; none: the server's first. */
static void name_model(request *r)
{
    const char *asked = json_string_value(json_object_get(r->body, "model"));
    if (asked == NULL && r->route->shape == API_OLLAMA) {
        asked = json_string_value(json_object_get(r->body, "name"));
    }
    models_resolve(server_models(r->s), asked, r->access.model, sizeof r->access.model);
}

bool access_may_use(const request *r, const char *name)
{
    return r->access.key == NULL || keys_may_use(server_keys(r->s), r->access.key, name);
}

static void set_number(request *r, const char *name, uint64_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    http_call_set_header(r->call, name, text);
}

static void set_seconds(request *r, const char *name, double seconds)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%.3fs", seconds > 0 ? seconds : 0.0);
    http_call_set_header(r->call, name, text);
}

static void set_headers(request *r, const key_allowance *a)
{
    if (a->limits.requests_minute > 0) {
        set_number(r, "x-ratelimit-limit-requests", a->limits.requests_minute);
        set_number(r, "x-ratelimit-remaining-requests", a->requests_left);
        set_seconds(r, "x-ratelimit-reset-requests", a->requests_reset_s);
    }
    if (a->tokens_limit > 0) {
        set_number(r, "x-ratelimit-limit-tokens", a->tokens_limit);
        set_number(r, "x-ratelimit-remaining-tokens", a->tokens_left);
        set_seconds(r, "x-ratelimit-reset-tokens", a->tokens_reset_s);
    }
}

/* A body may be minutes on its way: what became of the key meanwhile counts. */
static bool is_still_good(request *r, failure *f)
{
    return judge(r, keys_state(server_keys(r->s), r->access.key), f);
}

bool access_begin(request *r, failure *f)
{
    key_allowance a;
    if (r->access.key == NULL || !r->route->takes_json || r->route->right == RIGHT_OPEN) {
        return true;
    }
    if (!is_still_good(r, f)) {
        return false;
    }
    r->access.begun = keys_begin(server_keys(r->s), r->access.key, &a);
    set_headers(r, &a);
    if (!r->access.begun) {
        (void)failure_set(f, 429, "rate_limit_exceeded", NULL, "Rate limit reached: %s.", a.refused);
        f->retry_s = a.retry_s;
    }
    return r->access.begun;
}

bool access_model(request *r, failure *f)
{
    if (strstr(r->route->path, "{model}") != NULL) {
        models_resolve(server_models(r->s), r->parameter, r->access.model, sizeof r->access.model);
        return access_may_use(r, r->access.model) || /* what lists do not show is not there */
               failure_set(f, 404, "model_not_found", "model", "The model `%.200s` does not exist.", r->parameter);
    }
    if (r->body == NULL || r->route->right == RIGHT_OPEN) {
        return true;
    }
    name_model(r);
    return r->route->right != RIGHT_INFER || access_may_use(r, r->access.model) ||
           failure_set(f, 403, "model_not_allowed", "model", "This API key may not use the model `%.200s`.",
                       r->access.model);
}

void access_spend(request *r, size_t prompt_tokens, size_t tokens)
{
    r->access.prompt_tokens += prompt_tokens;
    r->access.tokens += tokens;
    if (r->access.key != NULL) {
        keys_spend(server_keys(r->s), r->access.key, prompt_tokens, tokens);
    }
}

/* ---- the end ---- */

static json_t *audit_line(const request *r)
{
    char now[32];
    const request_access *a = &r->access;
    audit_time(now);
    json_t *line =
        json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:I, s:I, s:i, s:o, s:s}", "time", now, "request", r->id, "key",
                  values_text_or_null(a->key != NULL ? key_id(a->key) : NULL), "method", http_call_method(r->call),
                  "route", values_text_or_null(r->route != NULL ? r->route->path : NULL), "model",
                  values_text_or_null(a->model), "prompt_tokens", (json_int_t)a->prompt_tokens, "tokens",
                  (json_int_t)a->tokens, "status", (int)http_call_status(r->call), "seconds",
                  json_door_number((double)(int64_t)((time_seconds() - r->began) * 1e6) / 1e6), "client",
                  http_call_peer(r->call));
    if (http_call_is_gone(r->call)) {
        line = json_door_put(line, "left", json_true());
    }
    if (audit_has_contents(server_audit(r->s))) {
        const buffer *answer = http_call_answer_copy(r->call);
        line = json_door_put(line, "body", r->body != NULL ? json_incref(r->body) : json_null());
        line = json_door_put(line, "answer", json_door_text(buffer_text(answer), answer->length));
    }
    return line;
}

void access_end(request *r)
{
    audit *log = server_audit(r->s);
    metrics_served(r, http_call_status(r->call));
    if (r->access.begun) {
        keys_end(server_keys(r->s), r->access.key);
    }
    if (log != NULL && (r->route == NULL || r->route->right != RIGHT_OPEN)) {
        audit_write(log, audit_line(r));
    }
    forget_claim(r);
}
