/* Anthropic's answers: events of content blocks, or one message. */
#include "serve/anthropic.h"

#include "base/memory.h"
#include "serve/collected.h"

#include <stdio.h>
#include <string.h>

typedef enum block_kind { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL } block_kind;

typedef struct anthropic_answer {
    request *r;
    char *model;
    bool begun;
    size_t prompt_tokens;
    collected c;    /* streamed: how it ended, alone */
    json_t *blocks; /* in one piece: what is whole of its content */
    block_kind open;
    buffer text; /* in one piece: of the open block */
    int index;   /* streamed: of the open block, or the next */
} anthropic_answer;

/* ---- events ---- */

/* Frees `more`, what the event has beside its type. */
static bool send(anthropic_answer *a, const char *name, json_t *more)
{
    json_t *event = json_door_put(json_object(), "type", json_string(name));
    const bool whole = event != NULL && more != NULL && json_object_update(event, more) == 0;
    json_decref(more);
    if (!whole) {
        json_decref(event);
        return false;
    }
    return request_send_event(a->r, name, event);
}

static json_t *usage_json(size_t input, size_t kept, size_t output)
{
    return json_pack("{s:I, s:i, s:I, s:I}", "input_tokens", (json_int_t)input, "cache_creation_input_tokens", 0,
                     "cache_read_input_tokens", (json_int_t)kept, "output_tokens", (json_int_t)output);
}

static json_t *message_json(const anthropic_answer *a, json_t *content, json_t *reason, json_t *stop, json_t *usage)
{
    char id[64];
    snprintf(id, sizeof id, "msg_%s", a->r->id);
    json_t *made = json_pack("{s:s, s:s, s:s}", "id", id, "type", "message", "role", "assistant");
    made = json_door_put(made, "model", json_door_string(a->model));
    made = json_door_put(made, "content", content);
    made = json_door_put(made, "stop_reason", reason);
    made = json_door_put(made, "stop_sequence", stop);
    return json_door_put(made, "usage", usage);
}

static json_t *reason_json(const collected *c)
{
    return json_string(c->stop != NULL              ? "stop_sequence"
                       : c->finish == FINISH_CALLS  ? "tool_use"
                       : c->finish == FINISH_LENGTH ? "max_tokens"
                                                    : "end_turn");
}

static json_t *stop_json(const collected *c)
{
    return c->stop != NULL ? json_door_string(c->stop) : json_null();
}

/* ---- streamed ---- */

static bool stream_begin(void *context)
{
    anthropic_answer *a = context;
    a->begun = true;
    request_begin_stream(a->r, REQUEST_EVENTS);
    json_t *message = message_json(a, json_array(), json_null(), json_null(), usage_json(a->prompt_tokens, 0, 0));
    return send(a, "message_start", json_door_put(json_object(), "message", message)) && send(a, "ping", json_object());
}

static bool send_start(anthropic_answer *a, json_t *block)
{
    json_t *event = json_door_put(json_object(), "index", json_integer(a->index));
    return send(a, "content_block_start", json_door_put(event, "content_block", block));
}

static bool send_delta(anthropic_answer *a, const char *type, const char *field, json_t *value)
{
    json_t *delta = json_door_put(json_door_put(json_object(), "type", json_string(type)), field, value);
    json_t *event = json_door_put(json_object(), "index", json_integer(a->index));
    return send(a, "content_block_delta", json_door_put(event, "delta", delta));
}

static bool close_block(anthropic_answer *a)
{
    const block_kind open = a->open;
    a->open = BLOCK_NONE;
    if (open == BLOCK_NONE) {
        return true;
    }
    if (open == BLOCK_THINKING && !send_delta(a, "signature_delta", "signature", json_string(""))) {
        return false;
    }
    json_t *event = json_door_put(json_object(), "index", json_integer(a->index++));
    return send(a, "content_block_stop", event);
}

static bool open_block(anthropic_answer *a, block_kind kind)
{
    if (a->open == kind) {
        return true;
    }
    if (!close_block(a)) {
        return false;
    }
    a->open = kind;
    return send_start(a, kind == BLOCK_TEXT
                             ? json_pack("{s:s, s:s}", "type", "text", "text", "")
                             : json_pack("{s:s, s:s, s:s}", "type", "thinking", "thinking", "", "signature", ""));
}

static bool stream_text(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return open_block(context, BLOCK_TEXT) && send_delta(context, "text_delta", "text", json_door_text(text, length));
}

static bool stream_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return open_block(context, BLOCK_THINKING) &&
           send_delta(context, "thinking_delta", "thinking", json_door_text(text, length));
}

static json_t *call_block(const json_t *call, json_t *input)
{
    json_t *made = json_door_put(json_object(), "type", json_string("tool_use"));
    made = json_door_put(made, "id", json_incref(json_object_get(call, "id")));
    made = json_door_put(made, "name", json_incref(json_object_get(call, "name")));
    return json_door_put(made, "input", input);
}

/* {"id", "name"}: its arguments follow. */
static bool stream_call_begin(void *context, unsigned index, const json_t *call)
{
    (void)index;
    anthropic_answer *a = context;
    if (!close_block(a)) {
        return false;
    }
    a->open = BLOCK_CALL;
    return send_start(a, call_block(call, json_object()));
}

static bool stream_call_piece(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return send_delta(context, "input_json_delta", "partial_json", json_door_text(text, length));
}

static bool stream_call(void *context, unsigned index, const json_t *call)
{
    buffer text;
    buffer_init(&text, 0);
    const bool good = json_door_write(json_object_get(call, "arguments"), 0, &text, NULL) == HEARTH_OK &&
                      stream_call_begin(context, index, call) &&
                      stream_call_piece(context, index, buffer_text(&text), text.length) && close_block(context);
    buffer_free(&text);
    return good;
}

/* A client closes a block's input and reads it: of one that is malformed it gets the error instead. */
static bool stream_call_end(void *context, unsigned index, bool good)
{
    (void)index;
    return !good || close_block(context);
}

static bool stream_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)index;
    anthropic_answer *a = context;
    return collected_finish(&a->c, why, stop) && close_block(a);
}

static void stream_end(void *context, const answer_usage *u)
{
    anthropic_answer *a = context;
    json_t *delta = json_door_put(json_object(), "stop_reason", reason_json(&a->c));
    delta = json_door_put(delta, "stop_sequence", stop_json(&a->c));
    json_t *event = json_door_put(json_object(), "delta", delta);
    event = json_door_put(event, "usage", usage_json(u->prompt_tokens - u->kept_tokens, u->kept_tokens, u->tokens));
    if (send(a, "message_delta", event)) {
        (void)send(a, "message_stop", json_object());
    }
    http_call_end_stream(a->r->call);
}

/* ---- in one piece ---- */

static bool whole_begin(void *context)
{
    (void)context;
    return true;
}

static bool put_block(anthropic_answer *a, json_t *block)
{
    a->blocks = json_door_append(a->blocks != NULL ? a->blocks : json_array(), block);
    return a->blocks != NULL;
}

static bool put_open_block(anthropic_answer *a)
{
    const block_kind open = a->open;
    a->open = BLOCK_NONE;
    if (open == BLOCK_NONE) {
        return true;
    }
    const bool thinking = open == BLOCK_THINKING;
    const char *name = thinking ? "thinking" : "text";
    json_t *block = json_door_put(json_object(), "type", json_string(name));
    block = json_door_put(block, name, json_door_text(buffer_text(&a->text), a->text.length));
    buffer_clear(&a->text);
    return put_block(a, thinking ? json_door_put(block, "signature", json_string("")) : block);
}

static bool take_text(anthropic_answer *a, block_kind kind, const char *text, size_t length)
{
    if (a->open != kind && !put_open_block(a)) {
        return false;
    }
    a->open = kind;
    return buffer_append(&a->text, text, length, NULL) == HEARTH_OK;
}

static bool whole_text(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return take_text(context, BLOCK_TEXT, text, length);
}

static bool whole_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    return take_text(context, BLOCK_THINKING, text, length);
}

static bool whole_call(void *context, unsigned index, const json_t *call)
{
    (void)index;
    return put_open_block(context) &&
           put_block(context, call_block(call, json_incref(json_object_get(call, "arguments"))));
}

static bool whole_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)index;
    anthropic_answer *a = context;
    return collected_finish(&a->c, why, stop) && put_open_block(a);
}

static void whole_end(void *context, const answer_usage *u)
{
    anthropic_answer *a = context;
    json_t *content = a->blocks != NULL ? json_incref(a->blocks) : json_array();
    json_t *usage = usage_json(u->prompt_tokens - u->kept_tokens, u->kept_tokens, u->tokens);
    request_answer_json(a->r, message_json(a, content, reason_json(&a->c), stop_json(&a->c), usage));
}

/* ---- both ---- */

static void fail(void *context, const hearth_error *error)
{
    anthropic_answer *a = context;
    failure f;
    (void)failure_from(&f, error, NULL);
    if (a->begun) {
        request_failed_late(&f);
        (void)send(a, "error", failure_json(API_ANTHROPIC, &f));
        http_call_end_stream(a->r->call);
    } else {
        request_refuse(a->r, &f);
    }
}

static void drop(void *context)
{
    anthropic_answer *a = context;
    collected_free(&a->c);
    buffer_free(&a->text);
    json_decref(a->blocks);
    mem_free(a->model);
    mem_free(a);
}

static const answer_writer streamed = {.begin = stream_begin,
                                       .text = stream_text,
                                       .reasoning = stream_reasoning,
                                       .call = stream_call,
                                       .call_begin = stream_call_begin,
                                       .call_piece = stream_call_piece,
                                       .call_end = stream_call_end,
                                       .finish = stream_finish,
                                       .end = stream_end,
                                       .fail = fail,
                                       .drop = drop};
static const answer_writer whole = {.begin = whole_begin,
                                    .text = whole_text,
                                    .reasoning = whole_reasoning,
                                    .call = whole_call,
                                    .finish = whole_finish,
                                    .end = whole_end,
                                    .fail = fail,
                                    .drop = drop};

static anthropic_answer *create(request *r, const chat_request *c)
{
    anthropic_answer *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->r = r;
    a->prompt_tokens = c->prompts[0].count;
    a->model = mem_strdup(c->model->name);
    collected_init(&a->c);
    buffer_init(&a->text, 0);
    if (a->model == NULL) {
        drop(a);
        return NULL;
    }
    return a;
}

void anthropic_answer_start(request *r, chat_request *c, bool stream)
{
    failure f = {0};
    anthropic_answer *a = NULL;
    bool good = chat_request_encode(c, &f);
    if (good && (a = create(r, c)) == NULL) {
        good = failure_memory(&f);
    }
    if (!good) {
        chat_request_free(r, c);
        request_refuse(r, &f);
        return;
    }
    if (!chat_request_start(r, c, stream ? &streamed : &whole, a, &f)) {
        drop(a);
        request_refuse(r, &f);
    }
}
