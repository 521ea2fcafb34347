/* Ollama's interface: its routes, and what its answers have in common. */
#include "serve/ollama.h"

#include "serve/fields.h"
#include "serve/routes.h"
#include "serve/values.h"

#include "hearth/hearth.h"

/* The version of Ollama whose interface this is: clients ask for it to know what they may use. */
#define OLLAMA_VERSION "0.12.6"

static void version(request *r)
{
    request_answer_json(r, json_pack("{s:s, s:s}", "version", OLLAMA_VERSION, "openhearth", hearth_version()));
}

/* Ollama's own client looks at "/" first: the page answers (page.c). */
const route routes_ollama[] = {
    {"POST", "/api/chat", RIGHT_INFER, API_OLLAMA, false, true, ollama_chat},
    {"POST", "/api/generate", RIGHT_INFER, API_OLLAMA, false, true, ollama_generate},
    {"POST", "/api/embed", RIGHT_INFER, API_OLLAMA, false, true, ollama_embed},
    {"POST", "/api/embeddings", RIGHT_INFER, API_OLLAMA, false, true, ollama_embeddings},
    {"GET", "/api/tags", RIGHT_INFER, API_OLLAMA, false, false, ollama_tags},
    {"GET", "/api/ps", RIGHT_INFER, API_OLLAMA, false, false, ollama_ps},
    {"POST", "/api/show", RIGHT_INFER, API_OLLAMA, false, true, ollama_show},
    {"POST", "/api/pull", RIGHT_MANAGE, API_OLLAMA, false, true, ollama_pull},
    {"GET", "/api/version", RIGHT_OPEN, API_OLLAMA, true, false, version},
    {NULL, NULL, RIGHT_OPEN, API_OLLAMA, false, false, NULL},
};

static json_t *time_json(const struct timespec *when)
{
    char text[VALUES_TIME_SIZE];
    values_time(when, 6, text);
    return json_string(text);
}

json_t *ollama_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return time_json(&now);
}

json_t *ollama_time(int64_t unix_seconds)
{
    const struct timespec when = {.tv_sec = (time_t)unix_seconds};
    return time_json(&when);
}

json_t *ollama_duration(double seconds)
{
    return json_integer((json_int_t)((seconds > 0 ? seconds : 0) * 1e9));
}

bool ollama_send(request *r, json_t *value)
{
    buffer text;
    buffer_init(&text, 0);
    bool good = value != NULL && json_door_write(value, 0, &text, NULL) == HEARTH_OK &&
                buffer_append_char(&text, '\n', NULL) == HEARTH_OK;
    good = good && http_call_write(r->call, buffer_text(&text), text.length);
    buffer_free(&text);
    json_decref(value);
    return good;
}

void ollama_begin_stream(request *r)
{
    request_begin_stream(r, "application/x-ndjson");
}

const char *ollama_model_name(const json_t *body, failure *f)
{
    const char *name = NULL;
    if (!field_text(body, "name", &name, f) || !field_text(body, "model", &name, f)) {
        return NULL;
    }
    if (name == NULL || name[0] == '\0') {
        (void)failure_set(f, 400, "missing_required_parameter", "model", "model is required");
        return NULL;
    }
    return name;
}
