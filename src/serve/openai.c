/* OpenAI's interface: its routes, the list of models, and what its answers have in common. */
#include "serve/openai.h"

#include "serve/access.h"
#include "serve/fields.h"
#include "serve/routes.h"
#include "serve/server.h"

#include <string.h>

/* ---- models ---- */

/* "traced", which is not OpenAI's: whether /v1/trace knows what it was trained on. */
static json_t *model_json(const request *r, const models_row *row)
{
    json_t *m =
        json_pack("{s:s, s:I, s:s}", "object", "model", "created", (json_int_t)row->created, "owned_by", "openhearth");
    if (tracing_index(server_tracing(r->s), row->name) != NULL) {
        m = json_door_put(m, "traced", json_true());
    }
    return json_door_put(m, "id", json_door_string(row->name));
}

typedef struct model_list {
    const request *r;
    json_t *rows;
} model_list;

static void add_model(void *context, const models_row *row)
{
    model_list *list = context;
    if (access_may_use(list->r, row->name)) {
        list->rows = json_door_append(list->rows, model_json(list->r, row));
    }
}

static void list_models(request *r)
{
    model_list list = {.r = r, .rows = json_array()};
    models_each(server_models(r->s), add_model, &list);
    request_answer_json(r,
                        json_door_put(json_door_put(json_object(), "object", json_string("list")), "data", list.rows));
}

typedef struct model_search {
    const request *r;
    const char *name;
    json_t *found;
} model_search;

static void look_at_model(void *context, const models_row *row)
{
    model_search *s = context;
    if (s->found == NULL && strcmp(row->name, s->name) == 0) {
        s->found = model_json(s->r, row);
    }
}

static void show_model(request *r)
{
    model_search search = {.r = r, .name = r->parameter};
    models_each(server_models(r->s), look_at_model, &search);
    if (search.found == NULL) {
        request_refuse_with(r, 404, "model_not_found", "model", "The model `%.200s` does not exist.", r->parameter);
    } else {
        request_answer_json(r, search.found);
    }
}

const route routes_openai[] = {
    {"GET", "/v1/models", RIGHT_INFER, API_OPENAI, false, false, list_models},
    {"GET", "/v1/models/{model}", RIGHT_INFER, API_OPENAI, false, false, show_model},
    {"POST", "/v1/chat/completions", RIGHT_INFER, API_OPENAI, false, true, openai_chat},
    {"POST", "/v1/completions", RIGHT_INFER, API_OPENAI, false, true, openai_completions},
    {"POST", "/v1/embeddings", RIGHT_INFER, API_OPENAI, false, true, openai_embeddings},
    {"POST", "/v1/responses", RIGHT_INFER, API_OPENAI, false, true, openai_responses},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};

/* ---- parts of answers ---- */

const char *openai_finish_name(answer_finish why)
{
    return why == FINISH_CALLS ? "tool_calls" : why == FINISH_LENGTH ? "length" : "stop";
}

/* Guesses under the names that OpenAI has for predictions; here they are no part of the tokens. */
json_t *openai_usage(const answer_usage *u)
{
    return json_pack("{s:I, s:I, s:I, s:{s:I}, s:{s:I, s:I, s:I}}", "prompt_tokens", (json_int_t)u->prompt_tokens,
                     "completion_tokens", (json_int_t)u->tokens, "total_tokens",
                     (json_int_t)u->prompt_tokens + (json_int_t)u->tokens, "prompt_tokens_details", "cached_tokens",
                     (json_int_t)u->kept_tokens, "completion_tokens_details", "reasoning_tokens",
                     (json_int_t)u->reasoning_tokens, "accepted_prediction_tokens", (json_int_t)u->accepted,
                     "rejected_prediction_tokens", (json_int_t)(u->drafted - u->accepted));
}

bool openai_make_lead(json_t *envelope, buffer *ret)
{
    static const char end[] = ",\"choices\":[";
    buffer_init(ret, 0);
    bool good = envelope != NULL && buffer_append_text(ret, "data: ", NULL) == HEARTH_OK &&
                json_door_write(envelope, 0, ret, NULL) == HEARTH_OK;
    if (good) {
        ret->length--; /* the envelope's last brace */
        good = buffer_append(ret, end, sizeof end - 1, NULL) == HEARTH_OK;
    }
    json_decref(envelope);
    return good;
}

bool openai_send_choice(request *r, const buffer *lead, json_t *choice, bool usage)
{
    buffer text;
    buffer_init(&text, 0);
    bool good = choice != NULL && buffer_append(&text, buffer_text(lead), lead->length, NULL) == HEARTH_OK &&
                json_door_write(choice, 0, &text, NULL) == HEARTH_OK &&
                buffer_append_text(&text, usage ? "],\"usage\":null}\n\n" : "]}\n\n", NULL) == HEARTH_OK;
    good = good && http_call_write(r->call, buffer_text(&text), text.length);
    buffer_free(&text);
    json_decref(choice);
    return good;
}

void openai_end_stream(request *r, json_t *last)
{
    static const char done[] = "data: [DONE]\n\n";
    if (last == NULL || request_send_event(r, NULL, last)) {
        (void)http_call_write(r->call, done, sizeof done - 1);
    }
    http_call_end_stream(r->call);
}

void openai_fail(request *r, bool begun, const hearth_error *error)
{
    failure f;
    if (!begun) {
        request_refuse_error(r, error, NULL);
        return;
    }
    (void)failure_from(&f, error, NULL);
    request_failed_late(&f);
    (void)request_send_event(r, NULL, failure_json(API_OPENAI, &f));
    http_call_end_stream(r->call);
}

static json_t *one_logprob(const tokenizer *t, int32_t id, float logprob)
{
    buffer piece;
    buffer_init(&piece, 0);
    json_t *bytes = json_array();
    json_t *made = json_object();
    if (tokenizer_piece(t, id, DECODE_SPECIAL, &piece, NULL) == HEARTH_OK) {
        for (size_t i = 0; i < piece.length; i++) {
            bytes = json_door_append(bytes, json_integer((unsigned char)piece.data[i]));
        }
        made = json_door_put(made, "token", json_door_text(buffer_text(&piece), piece.length));
    }
    made = json_door_put(made, "logprob", json_door_float(logprob < -9999.0F ? -9999.0F : logprob));
    made = json_door_put(made, "bytes", bytes);
    buffer_free(&piece);
    return made;
}

json_t *openai_logprob(const tokenizer *t, const generation_token *token)
{
    json_t *top = json_array();
    for (size_t i = 0; i < token->top_count; i++) {
        top = json_door_append(top, one_logprob(t, token->top[i].id, token->top[i].logprob));
    }
    return json_door_put(one_logprob(t, token->drawn.id, token->drawn.logprob), "top_logprobs", top);
}

json_t *openai_call(const json_t *call, int index)
{
    buffer arguments;
    buffer_init(&arguments, 0);
    json_t *function = json_object();
    if (json_door_write(json_object_get(call, "arguments"), 0, &arguments, NULL) == HEARTH_OK) {
        function = json_door_put(function, "name", json_incref(json_object_get(call, "name")));
        function = json_door_put(function, "arguments", json_door_text(buffer_text(&arguments), arguments.length));
    }
    buffer_free(&arguments);
    json_t *made = json_object();
    if (index >= 0) {
        made = json_door_put(made, "index", json_integer(index));
    }
    made = json_door_put(made, "id", json_incref(json_object_get(call, "id")));
    made = json_door_put(made, "type", json_string("function"));
    return json_door_put(made, "function", function);
}

bool openai_stream_fields(const json_t *body, bool *ret_stream, bool *ret_usage, failure *f)
{
    const json_t *options = NULL;
    if (!field_flag(body, "stream", ret_stream, f) || !field_object(body, "stream_options", &options, f)) {
        return false;
    }
    if (options != NULL && !*ret_stream) {
        return failure_set(f, 400, "invalid_value", "stream_options",
                           "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
    }
    return options == NULL || field_flag(options, "include_usage", ret_usage, f);
}
