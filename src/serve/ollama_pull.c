/* POST /api/pull: a model comes to this machine, and is served from then on. */
#include "serve/ollama.h"

#include "base/text.h"
#include "hub/pull.h"
#include "platform/cpu.h"
#include "serve/fields.h"
#include "serve/server.h"

#include <stdio.h>
#include <string.h>

#define LINE_SECONDS 0.1 /* between two lines of one file */

typedef struct pulling {
    request *r;
    bool stream;
    double told; /* when the last line was */
    char what[256];
} pulling;

/* Who asks from this machine may, and whoever has a key that says so (its right was checked on the way here). */
static bool is_allowed(const request *r)
{
    const char *peer = http_call_peer(r->call);
    return r->access.key != NULL || text_starts(peer, "127.") || strcmp(peer, "::1") == 0 ||
           text_starts(peer, "::ffff:127.");
}

/* Bare names are Ollama's, "hf.co/…" is the hub's; all others are as `hearth pull` takes them. */
static void name_for_hub(const char *name, char *ret, size_t size)
{
    const char *hub = text_starts(name, "hf.co/") ? name + 6 : text_starts(name, "huggingface.co/") ? name + 15 : NULL;
    if (hub != NULL) {
        snprintf(ret, size, "hf:%s", hub);
    } else {
        snprintf(ret, size, "%s%s", strchr(name, '/') == NULL && !text_starts(name, "ollama:") ? "ollama:" : "", name);
    }
}

static json_t *status_json(const char *status)
{
    return json_door_put(json_object(), "status", json_door_string(status));
}

static bool on_progress(void *context, const char *what, uint64_t done, uint64_t total, const char *unit)
{
    pulling *p = context;
    char line[320];
    const double now = time_seconds();
    if (http_call_is_gone(p->r->call) || server_is_quiet(p->r->s)) {
        return false;
    }
    const bool same = strncmp(what, p->what, sizeof p->what - 1) == 0;
    if (!p->stream || strcmp(unit, "B") != 0 || (same && done < total && now - p->told < LINE_SECONDS)) {
        return true;
    }
    p->told = now;
    snprintf(p->what, sizeof p->what, "%s", what);
    snprintf(line, sizeof line, "pulling %s", what);
    json_t *made = json_door_put(status_json(line), "digest", json_door_string(what));
    made = json_door_put(made, "total", json_integer((json_int_t)total));
    return ollama_send(p->r, json_door_put(made, "completed", json_integer((json_int_t)done)));
}

/* The end of it, in its shape. */
static void tell_end(const pulling *p, const hearth_error *error)
{
    failure f;
    if (error->status != HEARTH_OK) {
        (void)failure_from(&f, error, "model");
    }
    if (!p->stream) {
        if (error->status != HEARTH_OK) {
            request_refuse(p->r, &f);
        } else {
            request_answer_json(p->r, status_json("success"));
        }
        return;
    }
    if (error->status != HEARTH_OK) {
        request_failed_late(&f);
    }
    (void)ollama_send(p->r, error->status != HEARTH_OK ? failure_json(API_OLLAMA, &f) : status_json("success"));
    http_call_end_stream(p->r->call);
}

static void pull(request *r, const char *asked, bool stream)
{
    char name[700];
    hearth_error error = {0};
    pull_result result = {0};
    pulling p = {.r = r, .stream = stream};
    const pull_options how = {
        .connections = PULL_CONNECTIONS, .retries = PULL_RETRIES, .progress = on_progress, .context = &p};
    name_for_hub(asked, name, sizeof name);
    if (stream) {
        ollama_begin_stream(r);
        (void)ollama_send(r, status_json("pulling manifest"));
    }
    if (hub_pull(name, &how, &result, &error) == HEARTH_OK) {
        (void)models_add(server_models(r->s), result.name, result.name, &error);
    }
    pull_result_free(&result);
    tell_end(&p, &error);
}

void ollama_pull(request *r)
{
    failure f = {0};
    bool stream = true, insecure = false;
    const char *name = ollama_model_name(r->body, &f);
    bool good =
        name != NULL && field_flag(r->body, "stream", &stream, &f) && field_flag(r->body, "insecure", &insecure, &f);
    if (good && strlen(name) > 512) {
        good = failure_set(&f, 400, "invalid_value", "model", "invalid model name");
    }
    if (good && (text_starts(name, ".") || text_starts(name, "/") || text_starts(name, "file:"))) {
        good = failure_set(&f, 400, "invalid_value", "model", "A model is pulled by its name, not from a path.");
    }
    if (good && !server_pulls(r->s)) {
        good = failure_set(&f, 403, "forbidden", NULL, "This server fetches no models (--no-pull).");
    }
    if (good && !is_allowed(r)) {
        good = failure_set(&f, 403, "forbidden", NULL, "Models are pulled from this machine alone.");
    }
    if (good) {
        pull(r, name, stream);
    } else {
        request_refuse(r, &f);
    }
}
