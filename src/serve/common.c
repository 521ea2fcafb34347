/* What is asked of the server itself: whether it lives, whether it takes more (what it counted: metrics.c). */
#include "serve/load.h"
#include "serve/metrics.h"
#include "serve/routes.h"
#include "serve/server.h"

static void health(request *r)
{
    request_answer_json(r, json_pack("{s:s}", "status", "ok"));
}

/* ---- load ---- */

/* 503 while it stops: a balancer goes elsewhere. */
static void ready(request *r)
{
    server_load l;
    if (server_is_draining(r->s)) {
        request_refuse_with(r, 503, "shutting_down", NULL, "The server is shutting down.");
        return;
    }
    server_load_read(r->s, &l);
    request_answer_json(r, json_pack("{s:s, s:i, s:i, s:i, s:i}", "status", "ready", "free_slots", (int)l.free_slots,
                                     "running", (int)l.running, "waiting", (int)l.waiting, "models_open", (int)l.open));
}

const route routes_common[] = {
    {"GET", "/health", RIGHT_OPEN, API_OPENAI, true, false, health},
    {"GET", "/ready", RIGHT_OPEN, API_OPENAI, true, false, ready},
    {"GET", "/metrics", RIGHT_WATCH, API_OPENAI, false, false, metrics_answer},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
