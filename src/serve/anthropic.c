/* Anthropic's interface: POST /v1/messages and /v1/messages/count_tokens. */
#include "serve/anthropic.h"

#include "serve/fields.h"
#include "serve/routes.h"

#include <string.h>

/* Fields that would change the answer and that nothing here heeds. */
static bool refuse_unheeded(const json_t *body, failure *f)
{
    static const char *const names[] = {"container", "context_management", "mcp_servers", "output_config",
                                        "output_format"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = field_of(body, names[i]);
        const bool empty = (json_is_array(value) && json_array_size(value) == 0) ||
                           (json_is_object(value) && json_object_size(value) == 0);
        if (value != NULL && !empty) {
            return failure_set(f, 400, "unsupported", names[i], "%s: not supported by this server.", names[i]);
        }
    }
    return true;
}

static bool open_and_read(request *r, chat_request *c, failure *f)
{
    const char *name = NULL;
    if (!field_text(r->body, "model", &name, f) || !refuse_unheeded(r->body, f)) {
        return false;
    }
    if (name == NULL) {
        return failure_set(f, 400, NULL, "model", "model: Field required");
    }
    return chat_request_open(r, name, c, f) && anthropic_read(c, r->body, f);
}

static bool read_settings(chat_request *c, const json_t *body, bool *ret_stream, failure *f)
{
    uint64_t most = 0, top_k = c->sampling.top_k;
    if (field_of(body, "max_tokens") == NULL) {
        return failure_set(f, 400, NULL, "max_tokens", "max_tokens: Field required");
    }
    if (!field_count(body, "max_tokens", 1, INT32_MAX, &most, f) ||
        !field_real(body, "temperature", 0, 1, &c->sampling.temperature, f) ||
        !field_real(body, "top_p", 0, 1, &c->sampling.top_p, f) ||
        !field_count(body, "top_k", 0, INT32_MAX, &top_k, f) || !field_flag(body, "stream", ret_stream, f) ||
        !chat_request_stops(c, json_object_get(body, "stop_sequences"), "stop_sequences", f)) {
        return false;
    }
    c->most_tokens = (size_t)most;
    const uint32_t all = c->model->m->config.vocabulary;
    c->sampling.top_k = top_k > all ? all : (uint32_t)top_k;
    return true;
}

static void messages(request *r)
{
    failure f = {0};
    chat_request c = {0};
    bool stream = false;
    if (!open_and_read(r, &c, &f) || !read_settings(&c, r->body, &stream, &f)) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
        return;
    }
    anthropic_answer_start(r, &c, stream);
}

static void count_tokens(request *r)
{
    failure f = {0};
    chat_request c = {0};
    const bool good = open_and_read(r, &c, &f) && chat_request_encode(&c, &f);
    const json_int_t count = good ? (json_int_t)c.prompts[0].count : 0;
    chat_request_free(r, &c);
    if (good) {
        request_answer_json(r, json_pack("{s:I}", "input_tokens", count));
    } else {
        request_refuse(r, &f);
    }
}

const route routes_anthropic[] = {
    {"POST", "/v1/messages", RIGHT_INFER, API_ANTHROPIC, false, true, messages},
    {"POST", "/v1/messages/count_tokens", RIGHT_INFER, API_ANTHROPIC, false, true, count_tokens},
    {NULL, NULL, RIGHT_OPEN, API_ANTHROPIC, false, false, NULL},
};
