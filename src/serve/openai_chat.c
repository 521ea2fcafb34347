/* POST /v1/chat/completions: the request, and its answer in one piece or in chunks. */
#include "serve/openai.h"

#include "base/memory.h"
#include "serve/collected.h"
#include "serve/fields.h"
#include "serve/openai_messages.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* One choice so far. */
typedef struct chat_part {
    collected c;   /* streamed: the tokens alone. They are those that are part of no text yet */
    json_t *texts; /* in one piece: the tokens of the text so far */
    bool begun;    /* streamed: its role was told */
    int calls;     /* streamed: how many were told */
} chat_part;

typedef struct chat_answer {
    request *r;
    const tokenizer *tokenizer;
    char *model;
    char fingerprint[32];
    json_int_t created;
    bool stream, usage, logprobs;
    unsigned choices;
    buffer lead; /* streamed: of each chunk */
    chat_part part[];
} chat_answer;

/* What every object of this answer begins with. */
static json_t *envelope(const chat_answer *a, const char *object)
{
    char id[64];
    snprintf(id, sizeof id, "chatcmpl-%s", a->r->id);
    json_t *made = json_pack("{s:s, s:s, s:I, s:s}", "id", id, "object", object, "created", a->created,
                             "system_fingerprint", a->fingerprint);
    return json_door_put(made, "model", json_door_string(a->model));
}

static json_t *logprobs_json(const chat_answer *a, json_t *content)
{
    if (!a->logprobs) {
        json_decref(content);
        return json_null();
    }
    return json_door_put(json_door_put(json_object(), "content", content), "refusal", json_null());
}

/* ---- streamed ---- */

static bool send_chunk(chat_answer *a, unsigned index, json_t *delta, json_t *logprobs, const char *finish)
{
    json_t *choice = json_door_put(json_object(), "index", json_integer(index));
    choice = json_door_put(choice, "delta", delta);
    choice = json_door_put(choice, "logprobs", logprobs);
    choice = json_door_put(choice, "finish_reason", finish != NULL ? json_string(finish) : json_null());
    return openai_send_choice(a->r, &a->lead, choice, a->usage);
}

/* The first chunk of a choice tells who speaks. */
static bool begin_choice(chat_answer *a, unsigned index)
{
    chat_part *p = &a->part[index];
    if (p->begun) {
        return true;
    }
    p->begun = true;
    json_t *delta = json_pack("{s:s, s:s}", "role", "assistant", "content", "");
    return send_chunk(a, index, delta, json_null(), NULL);
}

static bool stream_begin(void *context)
{
    chat_answer *a = context;
    if (!openai_make_lead(envelope(a, "chat.completion.chunk"), &a->lead)) {
        return false;
    }
    request_begin_stream(a->r, REQUEST_EVENTS);
    for (unsigned i = 0; i < a->choices; i++) {
        if (!begin_choice(a, i)) {
            return false;
        }
    }
    return true;
}

static bool stream_text(void *context, unsigned index, const char *text, size_t length)
{
    chat_answer *a = context;
    json_t *delta = json_door_put(json_object(), "content", json_door_text(text, length));
    return send_chunk(a, index, delta, logprobs_json(a, collected_take_tokens(&a->part[index].c)), NULL);
}

static bool stream_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    json_t *delta = json_door_put(json_object(), "reasoning_content", json_door_text(text, length));
    return send_chunk(context, index, delta, json_null(), NULL);
}

static bool stream_call(void *context, unsigned index, const json_t *call)
{
    chat_answer *a = context;
    chat_part *p = &a->part[index];
    json_decref(collected_take_tokens(&p->c));
    json_t *calls = json_door_append(json_array(), openai_call(call, p->calls++));
    return send_chunk(a, index, json_door_put(json_object(), "tool_calls", calls), json_null(), NULL);
}

/* {"id", "name"}: its arguments follow. */
static bool stream_call_begin(void *context, unsigned index, const json_t *call)
{
    chat_answer *a = context;
    chat_part *p = &a->part[index];
    json_decref(collected_take_tokens(&p->c));
    json_t *made = json_pack("{s:i, s:O, s:s, s:{s:O, s:s}}", "index", p->calls++, "id", json_object_get(call, "id"),
                             "type", "function", "function", "name", json_object_get(call, "name"), "arguments", "");
    json_t *calls = json_door_append(json_array(), made);
    return send_chunk(a, index, json_door_put(json_object(), "tool_calls", calls), json_null(), NULL);
}

static bool stream_call_piece(void *context, unsigned index, const char *text, size_t length)
{
    chat_answer *a = context;
    json_t *function = json_door_put(json_object(), "arguments", json_door_text(text, length));
    json_t *call = json_door_put(json_object(), "index", json_integer(a->part[index].calls - 1));
    json_t *calls = json_door_append(json_array(), json_door_put(call, "function", function));
    json_decref(collected_take_tokens(&a->part[index].c));
    return send_chunk(a, index, json_door_put(json_object(), "tool_calls", calls), json_null(), NULL);
}

static bool stream_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)stop;
    chat_answer *a = context;
    json_t *rest = collected_take_tokens(&a->part[index].c); /* of a stop text */
    json_t *logprobs = json_array_size(rest) > 0 ? logprobs_json(a, rest) : json_null();
    if (json_array_size(rest) == 0) {
        json_decref(rest);
    }
    return send_chunk(a, index, json_object(), logprobs, openai_finish_name(why));
}

static void stream_end(void *context, const answer_usage *usage)
{
    chat_answer *a = context;
    json_t *last = NULL;
    if (a->usage) {
        last = json_door_put(envelope(a, "chat.completion.chunk"), "choices", json_array());
        last = json_door_put(last, "usage", openai_usage(usage));
    }
    openai_end_stream(a->r, last);
}

/* ---- in one piece ---- */

static bool whole_begin(void *context)
{
    (void)context;
    return true;
}

/* What was drawn is part of the text. */
static bool keep_tokens(chat_part *p)
{
    json_t *tokens = collected_take_tokens(&p->c);
    p->texts = p->texts != NULL ? p->texts : json_array();
    const bool good = json_array_extend(p->texts, tokens) == 0;
    json_decref(tokens);
    return good;
}

static bool whole_text(void *context, unsigned index, const char *text, size_t length)
{
    chat_answer *a = context;
    return keep_tokens(&a->part[index]) && collected_text(&a->part[index].c, text, length);
}

static bool whole_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    chat_answer *a = context;
    return collected_reasoning(&a->part[index].c, text, length);
}

static bool whole_call(void *context, unsigned index, const json_t *call)
{
    chat_answer *a = context;
    json_decref(collected_take_tokens(&a->part[index].c));
    return collected_call(&a->part[index].c, call);
}

static bool whole_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    chat_answer *a = context;
    return keep_tokens(&a->part[index]) && collected_finish(&a->part[index].c, why, stop);
}

static json_t *whole_choice(chat_answer *a, unsigned index)
{
    chat_part *p = &a->part[index];
    json_t *message = json_door_put(json_object(), "role", json_string("assistant"));
    message = json_door_put(message, "content", collected_text_json(&p->c));
    message = json_door_put(message, "refusal", json_null());
    if (p->c.reasoning.length > 0) {
        message = json_door_put(message, "reasoning_content", collected_reasoning_json(&p->c));
    }
    if (p->c.calls != NULL) {
        json_t *calls = json_array();
        for (size_t i = 0; i < json_array_size(p->c.calls); i++) {
            calls = json_door_append(calls, openai_call(json_array_get(p->c.calls, i), -1));
        }
        message = json_door_put(message, "tool_calls", calls);
    }
    json_t *choice = json_door_put(json_object(), "index", json_integer(index));
    choice = json_door_put(choice, "message", message);
    choice = json_door_put(choice, "logprobs", logprobs_json(a, json_incref(p->texts)));
    return json_door_put(choice, "finish_reason", json_string(openai_finish_name(p->c.finish)));
}

static void whole_end(void *context, const answer_usage *usage)
{
    chat_answer *a = context;
    json_t *choices = json_array();
    for (unsigned i = 0; i < a->choices; i++) {
        choices = json_door_append(choices, whole_choice(a, i));
    }
    json_t *made = json_door_put(envelope(a, "chat.completion"), "choices", choices);
    request_answer_json(a->r, json_door_put(made, "usage", openai_usage(usage)));
}

/* ---- both ---- */

static bool take_token(void *context, unsigned index, const generation_token *token)
{
    chat_answer *a = context;
    return collected_token(&a->part[index].c, openai_logprob(a->tokenizer, token));
}

static void fail(void *context, const hearth_error *error)
{
    chat_answer *a = context;
    openai_fail(a->r, a->stream && a->part[0].begun, error);
}

static void drop(void *context)
{
    chat_answer *a = context;
    for (unsigned i = 0; i < a->choices; i++) {
        collected_free(&a->part[i].c);
        json_decref(a->part[i].texts);
    }
    buffer_free(&a->lead);
    mem_free(a->model);
    mem_free(a);
}

static const answer_writer streamed = {.begin = stream_begin,
                                       .token = take_token,
                                       .text = stream_text,
                                       .reasoning = stream_reasoning,
                                       .call = stream_call,
                                       .call_begin = stream_call_begin,
                                       .call_piece = stream_call_piece,
                                       .finish = stream_finish,
                                       .end = stream_end,
                                       .fail = fail,
                                       .drop = drop};
static const answer_writer whole = {.begin = whole_begin,
                                    .token = take_token,
                                    .text = whole_text,
                                    .reasoning = whole_reasoning,
                                    .call = whole_call,
                                    .finish = whole_finish,
                                    .end = whole_end,
                                    .fail = fail,
                                    .drop = drop};

/* ---- the request ---- */

static bool read_lengths(chat_request *c, const json_t *body, failure *f)
{
    uint64_t most = c->most_tokens, choices = 1, top = 0;
    bool logprobs = false;
    if (!field_count(body, "max_tokens", 1, INT32_MAX, &most, f) ||
        !field_count(body, "max_completion_tokens", 1, INT32_MAX, &most, f) ||
        !field_count(body, "n", 1, ANSWERING_CHOICES, &choices, f) || !field_flag(body, "logprobs", &logprobs, f) ||
        !field_count(body, "top_logprobs", 0, 20, &top, f)) {
        return false;
    }
    if (field_of(body, "top_logprobs") != NULL && !logprobs) {
        return failure_set(f, 400, "invalid_value", "top_logprobs", "'top_logprobs' needs 'logprobs' to be true.");
    }
    c->most_tokens = (size_t)most;
    c->choices = (unsigned)choices;
    c->logprobs = logprobs;
    c->top_logprobs = (unsigned)top;
    return field_flag(body, "ignore_eos", &c->ignore_end, f);
}

static bool read_request(request *r, chat_request *c, failure *f)
{
    const char *name = NULL;
    return field_text(r->body, "model", &name, f) && chat_request_open(r, name, c, f) &&
           openai_read_messages(c, r->body, f) && openai_read_tools(c, r->body, f) &&
           openai_read_thinking(c, r->body, f) && openai_read_format(r, c, r->body, f) && read_lengths(c, r->body, f) &&
           chat_request_sampling(c, r->body, f) && chat_request_stops(c, json_object_get(r->body, "stop"), "stop", f) &&
           chat_request_biases(c, json_object_get(r->body, "logit_bias"), f);
}

static chat_answer *create_answer(request *r, const chat_request *c)
{
    chat_answer *a = mem_calloc(1, sizeof *a + c->choices * sizeof(chat_part));
    if (a == NULL) {
        return NULL;
    }
    a->r = r;
    a->tokenizer = c->model->m->tokenizer;
    a->model = mem_strdup(c->model->name);
    memcpy(a->fingerprint, c->model->fingerprint, sizeof a->fingerprint);
    a->created = (json_int_t)time(NULL);
    a->choices = c->choices;
    a->logprobs = c->logprobs;
    for (unsigned i = 0; i < c->choices; i++) {
        collected_init(&a->part[i].c);
    }
    if (a->model == NULL) {
        drop(a);
        return NULL;
    }
    return a;
}

void openai_chat(request *r)
{
    failure f = {0};
    chat_request c = {0};
    chat_answer *a = NULL;
    bool stream = false, usage = false;
    bool good = read_request(r, &c, &f) && openai_stream_fields(r->body, &stream, &usage, &f);
    if (good && (a = create_answer(r, &c)) == NULL) {
        good = failure_memory(&f);
    }
    if (!good) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
        return;
    }
    a->stream = stream;
    a->usage = usage;
    if (!chat_request_start(r, &c, stream ? &streamed : &whole, a, &f)) {
        drop(a);
        request_refuse(r, &f);
    }
}
