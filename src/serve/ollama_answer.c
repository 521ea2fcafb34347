/* Ollama's answers: lines of JSON as they come, or one object. */
#include "serve/ollama.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "serve/collected.h"
#include "serve/openai.h"
#include "serve/values.h"

#include <string.h>

typedef struct ollama_answer {
    request *r;
    ollama_settings s;
    const tokenizer *tokenizer;
    char *model;
    collected c; /* streamed: the tokens alone, which no line told yet */
    bool begun;
    int calls;
    token_list prompt, drawn; /* for settings.context */
} ollama_answer;

/* ---- lines ---- */

static json_t *envelope(const char *name)
{
    json_t *made = json_door_put(json_object(), "model", json_door_string(name));
    return json_door_put(made, "created_at", ollama_now());
}

/* "message" of a chat, or the text's own fields; NULL parts are left out. */
static json_t *put_parts(const ollama_settings *s, json_t *made, json_t *text, json_t *thinking, json_t *calls)
{
    json_t *to = s->chat ? json_door_put(json_object(), "role", json_string("assistant")) : made;
    to = json_door_put(to, s->chat ? "content" : "response", text);
    if (thinking != NULL) {
        to = json_door_put(to, "thinking", thinking);
    }
    if (calls != NULL) {
        to = json_door_put(to, "tool_calls", calls);
    }
    return s->chat ? json_door_put(made, "message", to) : to;
}

static json_t *call_json(const json_t *call, int index)
{
    json_t *function = json_door_put(json_object(), "index", json_integer(index));
    function = json_door_put(function, "name", json_incref(json_object_get(call, "name")));
    function = json_door_put(function, "arguments", json_incref(json_object_get(call, "arguments")));
    json_t *made = json_door_put(json_object(), "id", json_incref(json_object_get(call, "id")));
    return json_door_put(made, "function", function);
}

static bool send_parts(ollama_answer *a, json_t *text, json_t *thinking, json_t *calls)
{
    json_t *line = put_parts(&a->s, envelope(a->model), text, thinking, calls);
    if (a->c.tokens != NULL) {
        line = json_door_put(line, "logprobs", collected_take_tokens(&a->c));
    }
    return ollama_send(a->r, json_door_put(line, "done", json_false()));
}

/* ---- streamed ---- */

static bool stream_begin(void *context)
{
    ollama_answer *a = context;
    a->begun = true;
    ollama_begin_stream(a->r);
    return true;
}

static bool stream_text(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return send_parts(context, json_door_text(text, length), NULL, NULL);
}

static bool stream_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return send_parts(context, json_string(""), json_door_text(text, length), NULL);
}

static bool stream_call(void *context, unsigned index, const json_t *call)
{
    (void)index;
    ollama_answer *a = context;
    return send_parts(a, json_string(""), NULL, json_door_append(json_array(), call_json(call, a->calls++)));
}

/* ---- in one piece ---- */

static bool whole_begin(void *context)
{
    (void)context;
    return true;
}

static bool whole_text(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    ollama_answer *a = context;
    return collected_text(&a->c, text, length);
}

static bool whole_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    ollama_answer *a = context;
    return collected_reasoning(&a->c, text, length);
}

static bool whole_call(void *context, unsigned index, const json_t *call)
{
    (void)index;
    ollama_answer *a = context;
    return collected_call(&a->c, call);
}

/* ---- both ---- */

static bool take_token(void *context, unsigned index, const generation_token *token)
{
    (void)index;
    ollama_answer *a = context;
    return collected_token(&a->c, openai_logprob(a->tokenizer, token));
}

static bool finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)index;
    ollama_answer *a = context;
    return collected_finish(&a->c, why, stop);
}

static json_t *calls_json(const collected *c)
{
    json_t *calls = c->calls != NULL ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(c->calls); i++) {
        calls = json_door_append(calls, call_json(json_array_get(c->calls, i), (int)i));
    }
    return calls;
}

static json_t *context_json(const ollama_answer *a)
{
    json_t *ids = values_append_ids(json_array(), a->prompt.ids, a->prompt.count);
    return values_append_ids(ids, a->drawn.ids, a->drawn.count);
}

static json_t *put_usage(const ollama_answer *a, json_t *made, const answer_usage *u)
{
    made = json_door_put(made, "total_duration", ollama_duration(time_seconds() - a->r->began));
    made = json_door_put(made, "load_duration", ollama_duration(a->s.load_s));
    made = json_door_put(made, "prompt_eval_count", json_integer((json_int_t)u->prompt_tokens));
    made = json_door_put(made, "prompt_eval_duration", ollama_duration(u->prompt_s));
    made = json_door_put(made, "eval_count", json_integer((json_int_t)u->tokens));
    return json_door_put(made, "eval_duration", ollama_duration(u->answer_s));
}

/* The only object, or the last line: streamed, what it collected is empty. */
static json_t *last_json(ollama_answer *a, const answer_usage *usage)
{
    json_t *thinking = a->c.reasoning.length > 0 ? collected_reasoning_json(&a->c) : NULL;
    json_t *text = json_door_text(buffer_text(&a->c.text), a->c.text.length);
    json_t *made = put_parts(&a->s, envelope(a->model), text, thinking, calls_json(&a->c));
    if (a->c.tokens != NULL) {
        made = json_door_put(made, "logprobs", collected_take_tokens(&a->c));
    }
    made = json_door_put(made, "done", json_true());
    made = json_door_put(made, "done_reason", json_string(a->c.finish == FINISH_LENGTH ? "length" : "stop"));
    if (a->s.context) {
        made = json_door_put(made, "context", context_json(a));
    }
    return put_usage(a, made, usage);
}

static void end(void *context, const answer_usage *usage)
{
    ollama_answer *a = context;
    json_t *last = last_json(a, usage);
    if (a->s.stream) {
        (void)ollama_send(a->r, last);
        http_call_end_stream(a->r->call);
    } else {
        request_answer_json(a->r, last);
    }
}

static void fail(void *context, const hearth_error *error)
{
    ollama_answer *a = context;
    failure f;
    (void)failure_from(&f, error, NULL);
    if (a->begun) {
        request_failed_late(&f);
        (void)ollama_send(a->r, failure_json(API_OLLAMA, &f));
        http_call_end_stream(a->r->call);
    } else {
        request_refuse(a->r, &f);
    }
}

static void drop(void *context)
{
    ollama_answer *a = context;
    collected_free(&a->c);
    token_list_free(&a->prompt);
    token_list_free(&a->drawn);
    mem_free(a->model);
    mem_free(a);
}

static const answer_writer streamed = {.begin = stream_begin,
                                       .token = take_token,
                                       .text = stream_text,
                                       .reasoning = stream_reasoning,
                                       .call = stream_call,
                                       .finish = finish,
                                       .end = end,
                                       .fail = fail,
                                       .drop = drop};
static const answer_writer whole = {.begin = whole_begin,
                                    .token = take_token,
                                    .text = whole_text,
                                    .reasoning = whole_reasoning,
                                    .call = whole_call,
                                    .finish = finish,
                                    .end = end,
                                    .fail = fail,
                                    .drop = drop};

/* ---- beginning ---- */

static bool copy_prompt(ollama_answer *a, const chat_request *c, failure *f)
{
    hearth_error error = {0};
    for (size_t i = 0; i < c->prompts[0].count; i++) {
        if (token_list_append(&a->prompt, c->prompts[0].ids[i], &error) != HEARTH_OK) {
            return failure_from(f, &error, NULL);
        }
    }
    return true;
}

static ollama_answer *create(request *r, const chat_request *c, const ollama_settings *s, failure *f)
{
    ollama_answer *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        (void)failure_memory(f);
        return NULL;
    }
    a->r = r;
    a->s = *s;
    a->tokenizer = c->model->m->tokenizer;
    a->model = mem_strdup(c->model->name);
    collected_init(&a->c);
    if (a->model == NULL || (s->context && !copy_prompt(a, c, f))) {
        (void)failure_memory(f);
        drop(a);
        return NULL;
    }
    return a;
}

void ollama_answer_start(request *r, chat_request *c, const ollama_settings *settings)
{
    failure f = {0};
    ollama_answer *a = chat_request_encode(c, &f) ? create(r, c, settings, &f) : NULL;
    if (a == NULL) {
        chat_request_free(r, c);
        request_refuse(r, &f);
        return;
    }
    c->drawn = settings->context ? &a->drawn : NULL;
    if (!chat_request_start(r, c, settings->stream ? &streamed : &whole, a, &f)) {
        drop(a);
        request_refuse(r, &f);
    }
}

void ollama_answer_nothing(request *r, const char *name, const ollama_settings *settings, const char *reason)
{
    json_t *made = put_parts(settings, envelope(name), json_string(""), NULL, NULL);
    made = json_door_put(json_door_put(made, "done", json_true()), "done_reason", json_string(reason));
    if (!settings->stream) {
        request_answer_json(r, made);
        return;
    }
    ollama_begin_stream(r);
    (void)ollama_send(r, made);
    http_call_end_stream(r->call);
}
