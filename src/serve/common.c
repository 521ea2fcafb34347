/* What is asked of the server itself: whether it lives, whether it takes more, what it counted. */
#include "serve/counters.h"
#include "serve/routes.h"
#include "serve/server.h"

static void health(request *r)
{
    request_answer_json(r, json_pack("{s:s}", "status", "ok"));
}

/* ---- load ---- */

typedef struct load {
    unsigned running, waiting, models, slots;
} load;

static void add_load(void *context, const models_row *row)
{
    load *l = context;
    l->running += row->stats.running;
    l->waiting += row->stats.waiting;
    l->models += row->open ? 1 : 0;
    l->slots += row->open ? row->slots : 0;
}

/* 503 while it stops, or where as many wait as run: a balancer goes elsewhere. */
static void ready(request *r)
{
    load l = {0};
    models_each(server_models(r->s), add_load, &l);
    const unsigned free_slots = l.slots > l.running + l.waiting ? l.slots - l.running - l.waiting : 0;
    if (server_is_quiet(r->s)) {
        request_refuse_with(r, 503, "shutting_down", NULL, "The server is shutting down.");
        return;
    }
    request_answer_json(r,
                        json_pack("{s:s, s:i, s:i, s:i, s:i}", "status", "ready", "free_slots", (int)free_slots,
                                  "running", (int)l.running, "waiting", (int)l.waiting, "models_open", (int)l.models));
}

/* ---- metrics ---- */

static hearth_status print_histogram(const char *name, const counters_histogram *h, buffer *out)
{
    uint64_t below = 0;
    TRY(buffer_printf(out, NULL, "# TYPE %s histogram\n", name));
    for (size_t i = 0; i < COUNTERS_BUCKETS - 1; i++) {
        below += h->counts[i];
        TRY(buffer_printf(out, NULL, "%s_bucket{le=\"%g\"} %llu\n", name, counters_bounds[i],
                          (unsigned long long)below));
    }
    return buffer_printf(out, NULL, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
                         (unsigned long long)h->count, name, h->sum, name, (unsigned long long)h->count);
}

static hearth_status print_number(const char *name, const char *kind, uint64_t value, buffer *out)
{
    return buffer_printf(out, NULL, "# TYPE %s %s\n%s %llu\n", name, kind, name, (unsigned long long)value);
}

static hearth_status print_metrics(request *r, buffer *out)
{
    counters c;
    load l = {0};
    counters_read(&c);
    models_each(server_models(r->s), add_load, &l);
    TRY(print_number("hearth_requests_total", "counter", c.requests, out));
    TRY(print_number("hearth_answers_total", "counter", c.answers, out));
    TRY(print_number("hearth_answers_cancelled_total", "counter", c.cancelled, out));
    TRY(print_number("hearth_prompt_tokens_total", "counter", c.prompt_tokens, out));
    TRY(print_number("hearth_prompt_tokens_kept_total", "counter", c.kept_tokens, out));
    TRY(print_number("hearth_tokens_total", "counter", c.tokens, out));
    TRY(print_number("hearth_running", "gauge", l.running, out));
    TRY(print_number("hearth_waiting", "gauge", l.waiting, out));
    TRY(print_number("hearth_connections", "gauge", http_server_connections(server_http(r->s)), out));
    TRY(buffer_append_text(out, "# TYPE hearth_errors_total counter\n", NULL));
    for (unsigned status = 0; status < 600; status++) {
        if (c.failed[status] > 0) {
            TRY(buffer_printf(out, NULL, "hearth_errors_total{status=\"%u\"} %llu\n", status,
                              (unsigned long long)c.failed[status]));
        }
    }
    TRY(print_histogram("hearth_first_token_seconds", &c.first_token, out));
    TRY(print_histogram("hearth_next_token_seconds", &c.next_token, out));
    return print_histogram("hearth_answer_seconds", &c.whole, out);
}

static void metrics(request *r)
{
    buffer text;
    buffer_init(&text, 0);
    if (print_metrics(r, &text) == HEARTH_OK) {
        http_call_answer(r->call, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_text(&text), text.length);
    } else {
        request_refuse_with(r, 503, "out_of_memory", NULL, "Out of memory.");
    }
    buffer_free(&text);
}

const route routes_common[] = {
    {"GET", "/health", RIGHT_OPEN, API_OPENAI, true, false, health},
    {"GET", "/ready", RIGHT_OPEN, API_OPENAI, false, false, ready},
    {"GET", "/metrics", RIGHT_WATCH, API_OPENAI, false, false, metrics},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
