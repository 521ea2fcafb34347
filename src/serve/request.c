/* Answers and refusals. */
#include "serve/request.h"

#include "base/text.h"
#include "serve/metrics.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define JSON_TYPE "application/json"

bool failure_set(failure *f, unsigned status, const char *code, const char *param, const char *format, ...)
{
    *f = (failure){.status = status, .code = code};
    snprintf(f->param, sizeof f->param, "%s", param != NULL ? param : "");
    va_list values;
    va_start(values, format);
    vsnprintf(f->message, sizeof f->message, format, values);
    va_end(values);
    return false;
}

bool failure_memory(failure *f)
{
    return failure_set(f, 503, "out_of_memory", NULL, "Out of memory.");
}

static const char *code_of(hearth_status status)
{
    switch (status) {
    case HEARTH_E_NOT_FOUND:
        return "not_found";
    case HEARTH_E_LIMIT:
        return "limit_exceeded";
    case HEARTH_E_UNSUPPORTED:
        return "unsupported";
    case HEARTH_E_MEMORY:
        return "out_of_memory";
    case HEARTH_E_CANCELLED:
        return "cancelled";
    case HEARTH_E_IO:
    case HEARTH_E_FORMAT:
        return "internal_error";
    default:
        return "invalid_value";
    }
}

bool failure_from(failure *f, const hearth_error *error, const char *param)
{
    static const unsigned status_of[] = {
        [HEARTH_E_ARGUMENT] = 400,    [HEARTH_E_NOT_FOUND] = 404, [HEARTH_E_IO] = 500,     [HEARTH_E_FORMAT] = 500,
        [HEARTH_E_UNSUPPORTED] = 400, [HEARTH_E_LIMIT] = 429,     [HEARTH_E_MEMORY] = 503, [HEARTH_E_CANCELLED] = 503,
    };
    char line[1024];
    const bool known = error->status > HEARTH_OK && error->status <= HEARTH_E_CANCELLED;
    return failure_set(f, known ? status_of[error->status] : 500, code_of(error->status), param, "%s",
                       hearth_error_line(error, line, sizeof line));
}

/* ---- the APIs' shapes ---- */

static const char *openai_type(unsigned status)
{
    return status == 401   ? "authentication_error"
           : status == 403 ? "permission_error"
           : status == 429 ? "rate_limit_error"
           : status >= 500 ? "server_error"
                           : "invalid_request_error";
}

static const char *anthropic_type(unsigned status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 413:
        return "request_too_large";
    case 429:
        return "rate_limit_error";
    case 503:
    case 529:
        return "overloaded_error";
    default:
        return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

json_t *failure_json(api_shape shape, const failure *f)
{
    json_t *message = json_door_string(f->message);
    if (shape == API_OLLAMA) {
        return json_door_put(json_object(), "error", message);
    }
    json_t *inner = json_door_put(json_object(), "message", message);
    if (shape == API_ANTHROPIC) {
        inner = json_door_put(inner, "type", json_string(f->type != NULL ? f->type : anthropic_type(f->status)));
        return json_door_put(json_door_put(json_object(), "type", json_string("error")), "error", inner);
    }
    inner = json_door_put(inner, "type", json_string(f->type != NULL ? f->type : openai_type(f->status)));
    inner = json_door_put(inner, "param", f->param[0] != '\0' ? json_door_string(f->param) : json_null());
    inner = json_door_put(inner, "code", f->code != NULL ? json_string(f->code) : json_null());
    return json_door_put(json_object(), "error", inner);
}

/* ---- answering ---- */

static void answer(http_call *call, unsigned status, json_t *value)
{
    static const char none[] = "{\"error\":\"out of memory\"}";
    buffer text;
    buffer_init(&text, 0);
    if (value != NULL && json_door_write(value, 0, &text, NULL) == HEARTH_OK) {
        http_call_answer(call, status, JSON_TYPE, buffer_text(&text), text.length);
    } else {
        http_call_answer_static(call, 503, JSON_TYPE, none, sizeof none - 1);
    }
    buffer_free(&text);
    json_decref(value);
}

void request_refuse(request *r, const failure *f)
{
    const api_shape shape = r->route != NULL ? r->route->shape : API_OPENAI;
    metrics_refused(f);
    if (f->status == 401) {
        http_call_set_header(r->call, "WWW-Authenticate", "Bearer");
    }
    if (f->status == 429 || f->status == 503) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.0f", f->retry_s > 1 ? ceil(f->retry_s) : 1.0);
        http_call_set_header(r->call, "Retry-After", seconds);
    }
    answer(r->call, f->status, failure_json(shape, f));
}

void request_failed_late(const failure *f)
{
    metrics_refused(f);
}

void request_refuse_error(request *r, const hearth_error *error, const char *param)
{
    failure f;
    (void)failure_from(&f, error, param);
    request_refuse(r, &f);
}

void request_refuse_with(request *r, unsigned status, const char *code, const char *param, const char *format, ...)
{
    failure f = {.status = status, .code = code};
    snprintf(f.param, sizeof f.param, "%s", param != NULL ? param : "");
    va_list values;
    va_start(values, format);
    vsnprintf(f.message, sizeof f.message, format, values);
    va_end(values);
    request_refuse(r, &f);
}

void request_answer_json(request *r, json_t *value)
{
    answer(r->call, 200, value);
}

void request_begin_stream(request *r, const char *type)
{
    http_call_set_header(r->call, "Cache-Control", "no-cache");
    http_call_set_header(r->call, "X-Accel-Buffering", "no");
    http_call_begin_stream(r->call, 200, type);
}

bool request_send_event(request *r, const char *name, json_t *value)
{
    buffer text;
    buffer_init(&text, 0);
    const bool named = name == NULL || buffer_printf(&text, NULL, "event: %s\n", name) == HEARTH_OK;
    const bool made = named && value != NULL && buffer_append_text(&text, "data: ", NULL) == HEARTH_OK &&
                      json_door_write(value, 0, &text, NULL) == HEARTH_OK &&
                      buffer_append_text(&text, "\n\n", NULL) == HEARTH_OK;
    const bool good = made && http_call_write(r->call, buffer_text(&text), text.length);
    buffer_free(&text);
    json_decref(value);
    return good;
}

request *request_retain(request *r)
{
    (void)http_call_retain(r->call);
    return r;
}

void request_release(request *r)
{
    http_call_release(r->call);
}

bool request_goes_on(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    const request *r = context;
    (void)what;
    (void)done;
    (void)total;
    (void)unit;
    return !http_call_is_gone(r->call);
}
