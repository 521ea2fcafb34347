/* POST /v1/responses: an answer as a list of items (thinking, a message, calls), in one piece or as events. */
#include "serve/openai_responses.h"

#include "base/memory.h"
#include "serve/collected.h"
#include "serve/fields.h"
#include "serve/openai.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef enum item_kind { ITEM_NONE, ITEM_REASONING, ITEM_MESSAGE, ITEM_CALL } item_kind;

typedef struct responses_answer {
    request *r;
    const tokenizer *tokenizer;
    char *model;
    json_int_t created;
    bool stream, begun, logprobs;
    json_int_t sequence;
    json_t *output;  /* items that are whole */
    item_kind open;  /* the one that grows */
    collected grown; /* its text, a call's arguments; tokens that are part of no text yet */
    json_t *tokens;  /* of its text */
    json_t *call;    /* {"id", "name"}, of a call */
    bool bad;        /* it is malformed */
    answer_finish finish;
} responses_answer;

/* ---- objects ---- */

static json_t *item_id(const responses_answer *a, const char *kind)
{
    char id[80];
    snprintf(id, sizeof id, "%s_%s%zu", kind, a->r->id, json_array_size(a->output));
    return json_string(id);
}

/* A field of the request as it was, or what it is where there was none. */
static json_t *echoed(const responses_answer *a, const char *name, json_t *otherwise)
{
    json_t *asked = json_object_get(a->r->body, name);
    if (asked != NULL) {
        json_decref(otherwise);
        return json_incref(asked);
    }
    return otherwise;
}

static json_t *usage_json(const answer_usage *u)
{
    return json_pack("{s:I, s:{s:I}, s:I, s:{s:I}, s:I}", "input_tokens", (json_int_t)u->prompt_tokens,
                     "input_tokens_details", "cached_tokens", (json_int_t)u->kept_tokens, "output_tokens",
                     (json_int_t)u->tokens, "output_tokens_details", "reasoning_tokens",
                     (json_int_t)u->reasoning_tokens, "total_tokens",
                     (json_int_t)u->prompt_tokens + (json_int_t)u->tokens);
}

static json_t *response_json(const responses_answer *a, const char *status, json_t *usage, json_t *error)
{
    char id[64];
    snprintf(id, sizeof id, "resp_%s", a->r->id);
    json_t *made =
        json_pack("{s:s, s:s, s:I, s:s}", "id", id, "object", "response", "created_at", a->created, "status", status);
    made = json_door_put(made, "error", error);
    made = json_door_put(made, "incomplete_details",
                         strcmp(status, "incomplete") == 0 ? json_pack("{s:s}", "reason", "max_output_tokens")
                                                           : json_null());
    made = json_door_put(made, "model", json_door_string(a->model));
    made = json_door_put(made, "output", json_copy(a->output));
    made = json_door_put(made, "usage", usage);
    static const char *const same[] = {"instructions", "max_output_tokens", "temperature", "top_p", "user"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        made = json_door_put(made, same[i], echoed(a, same[i], json_null()));
    }
    made = json_door_put(made, "tools", echoed(a, "tools", json_array()));
    made = json_door_put(made, "tool_choice", echoed(a, "tool_choice", json_string("auto")));
    made = json_door_put(made, "parallel_tool_calls", echoed(a, "parallel_tool_calls", json_true()));
    made = json_door_put(made, "text", echoed(a, "text", json_pack("{s:{s:s}}", "format", "type", "text")));
    made = json_door_put(made, "reasoning", echoed(a, "reasoning", json_pack("{s:n, s:n}", "effort", "summary")));
    made = json_door_put(made, "metadata", echoed(a, "metadata", json_object()));
    made = json_door_put(made, "truncation", json_string("disabled"));
    made = json_door_put(made, "previous_response_id", json_null());
    return json_door_put(made, "store", json_false());
}

/* ---- events ---- */

/* True where there is no stream. Frees `event`, an object to which its type and number are added. */
static bool send(responses_answer *a, const char *type, json_t *event)
{
    if (!a->stream) {
        json_decref(event);
        return true;
    }
    event = json_door_put(event, "type", json_string(type));
    event = json_door_put(event, "sequence_number", json_integer(a->sequence++));
    return request_send_event(a->r, type, event);
}

/* {"item_id", "output_index"}, and "content_index" where the item has parts. */
static json_t *place(const responses_answer *a, const char *kind, bool parts)
{
    json_t *made = json_door_put(json_object(), "item_id", item_id(a, kind));
    made = json_door_put(made, "output_index", json_integer((json_int_t)json_array_size(a->output)));
    return parts ? json_door_put(made, "content_index", json_integer(0)) : made;
}

static bool send_item(responses_answer *a, const char *type, json_t *item)
{
    json_t *event = json_door_put(json_object(), "output_index", json_integer((json_int_t)json_array_size(a->output)));
    return send(a, type, json_door_put(event, "item", item));
}

/* ---- the item that grows ---- */

static json_t *part_json(const responses_answer *a, bool whole)
{
    const buffer *text = a->open == ITEM_MESSAGE ? &a->grown.text : &a->grown.reasoning;
    json_t *words = whole ? json_door_text(buffer_text(text), text->length) : json_string("");
    if (a->open == ITEM_REASONING) {
        return json_door_put(json_pack("{s:s}", "type", "reasoning_text"), "text", words);
    }
    json_t *made = json_pack("{s:s, s:[]}", "type", "output_text", "annotations");
    made = json_door_put(made, "text", words);
    return json_door_put(made, "logprobs", whole && a->tokens != NULL ? json_incref(a->tokens) : json_array());
}

static json_t *item_json(const responses_answer *a, bool whole)
{
    json_t *content = json_array();
    if (whole) {
        content = json_door_append(content, part_json(a, true));
    }
    if (a->open == ITEM_REASONING) {
        json_t *made = json_pack("{s:s, s:[]}", "type", "reasoning", "summary");
        made = json_door_put(made, "id", item_id(a, "rs"));
        return json_door_put(made, "content", content);
    }
    json_t *made = json_pack("{s:s, s:s, s:s}", "type", "message", "role", "assistant", "status",
                             !whole                       ? "in_progress"
                             : a->finish == FINISH_LENGTH ? "incomplete"
                                                          : "completed");
    made = json_door_put(made, "id", item_id(a, "msg"));
    return json_door_put(made, "content", content);
}

static const char *prefix_of(item_kind kind)
{
    return kind == ITEM_MESSAGE ? "msg" : "rs";
}

static bool open_item(responses_answer *a, item_kind kind)
{
    a->open = kind;
    json_t *event = json_door_put(place(a, prefix_of(kind), true), "part", part_json(a, false));
    if (!send_item(a, "response.output_item.added", item_json(a, false))) {
        json_decref(event);
        return false;
    }
    return send(a, "response.content_part.added", event);
}

static json_t *call_item(const responses_answer *a, json_t *arguments, const char *status)
{
    json_t *made = json_pack("{s:s, s:s, s:O?, s:O?}", "type", "function_call", "status", status, "call_id",
                             json_object_get(a->call, "id"), "name", json_object_get(a->call, "name"));
    made = json_door_put(made, "id", item_id(a, "fc"));
    return json_door_put(made, "arguments", arguments);
}

/* `item` is whole, and the next one can begin. */
static bool keep_item(responses_answer *a, json_t *item)
{
    const bool good = send_item(a, "response.output_item.done", json_incref(item));
    a->output = json_door_append(a->output, item);
    collected_free(&a->grown);
    collected_init(&a->grown);
    json_decref(a->tokens);
    json_decref(a->call);
    a->tokens = NULL;
    a->call = NULL;
    a->open = ITEM_NONE;
    return good && a->output != NULL;
}

static bool close_call(responses_answer *a)
{
    json_t *arguments = json_door_text(buffer_text(&a->grown.text), a->grown.text.length);
    json_t *item =
        call_item(a, json_incref(arguments), a->bad || a->finish == FINISH_LENGTH ? "incomplete" : "completed");
    json_t *done = json_door_put(place(a, "fc", false), "arguments", arguments);
    done = json_door_put(done, "name", json_incref(json_object_get(a->call, "name")));
    if (!send(a, "response.function_call_arguments.done", done)) {
        json_decref(item);
        return false;
    }
    return keep_item(a, item);
}

static bool close_item(responses_answer *a)
{
    if (a->open == ITEM_NONE) {
        return true;
    }
    if (a->open == ITEM_CALL) {
        return close_call(a);
    }
    const bool message = a->open == ITEM_MESSAGE;
    const buffer *text = message ? &a->grown.text : &a->grown.reasoning;
    const char *prefix = prefix_of(a->open);
    json_t *done = json_door_put(place(a, prefix, true), "text", json_door_text(buffer_text(text), text->length));
    if (message) {
        done = json_door_put(done, "logprobs", a->tokens != NULL ? json_incref(a->tokens) : json_array());
    }
    return send(a, message ? "response.output_text.done" : "response.reasoning_text.done", done) &&
           send(a, "response.content_part.done", json_door_put(place(a, prefix, true), "part", part_json(a, true))) &&
           keep_item(a, item_json(a, true));
}

static bool change_item(responses_answer *a, item_kind kind)
{
    return a->open == kind || (close_item(a) && open_item(a, kind));
}

/* ---- what is told ---- */

static bool begin(void *context)
{
    responses_answer *a = context;
    a->begun = true;
    if (!a->stream) {
        return true;
    }
    request_begin_stream(a->r, REQUEST_EVENTS);
    json_t *made = response_json(a, "in_progress", json_null(), json_null());
    const bool good = send(a, "response.created", json_door_put(json_object(), "response", json_incref(made))) &&
                      send(a, "response.in_progress", json_door_put(json_object(), "response", json_incref(made)));
    json_decref(made);
    return good;
}

static bool take_token(void *context, unsigned index, const generation_token *token)
{
    (void)index;
    responses_answer *a = context;
    return collected_token(&a->grown, openai_logprob(a->tokenizer, token));
}

static bool take_text(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    responses_answer *a = context;
    json_t *tokens = collected_take_tokens(&a->grown);
    if (!change_item(a, ITEM_MESSAGE) || !collected_text(&a->grown, text, length)) {
        json_decref(tokens);
        return false;
    }
    a->tokens = a->tokens != NULL ? a->tokens : json_array();
    (void)json_array_extend(a->tokens, tokens);
    json_t *event = json_door_put(place(a, "msg", true), "delta", json_door_text(text, length));
    return send(a, "response.output_text.delta", json_door_put(event, "logprobs", tokens));
}

static bool take_reasoning(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    responses_answer *a = context;
    if (!change_item(a, ITEM_REASONING) || !collected_reasoning(&a->grown, text, length)) {
        return false;
    }
    json_t *event = json_door_put(place(a, "rs", true), "delta", json_door_text(text, length));
    return send(a, "response.reasoning_text.delta", event);
}

/* {"id", "name"}: its arguments follow. */
static bool take_call_begin(void *context, unsigned index, const json_t *call)
{
    (void)index;
    responses_answer *a = context;
    json_decref(collected_take_tokens(&a->grown));
    if (!close_item(a)) {
        return false;
    }
    a->open = ITEM_CALL;
    a->call = json_incref((json_t *)call);
    return send_item(a, "response.output_item.added", call_item(a, json_string(""), "in_progress"));
}

static bool take_call_piece(void *context, unsigned index, const char *text, size_t length)
{
    (void)index;
    responses_answer *a = context;
    json_decref(collected_take_tokens(&a->grown));
    return collected_text(&a->grown, text, length) &&
           send(a, "response.function_call_arguments.delta",
                json_door_put(place(a, "fc", false), "delta", json_door_text(text, length)));
}

static bool take_call(void *context, unsigned index, const json_t *call)
{
    buffer text;
    buffer_init(&text, 0);
    const bool good = json_door_write(json_object_get(call, "arguments"), 0, &text, NULL) == HEARTH_OK &&
                      take_call_begin(context, index, call) &&
                      take_call_piece(context, index, buffer_text(&text), text.length) && close_item(context);
    buffer_free(&text);
    return good;
}

/* One that is malformed must not be taken for a whole one. */
static bool take_call_end(void *context, unsigned index, bool good)
{
    (void)index;
    responses_answer *a = context;
    a->bad = !good;
    return close_item(a);
}

static bool finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)index;
    (void)stop;
    responses_answer *a = context;
    a->finish = why;
    return close_item(a);
}

static void end(void *context, const answer_usage *usage)
{
    responses_answer *a = context;
    const char *status = a->finish == FINISH_LENGTH ? "incomplete" : "completed";
    json_t *made = response_json(a, status, usage_json(usage), json_null());
    if (!a->stream) {
        request_answer_json(a->r, made);
        return;
    }
    (void)send(a, a->finish == FINISH_LENGTH ? "response.incomplete" : "response.completed",
               json_door_put(json_object(), "response", made));
    http_call_end_stream(a->r->call);
}

static void fail(void *context, const hearth_error *error)
{
    responses_answer *a = context;
    failure f;
    if (!a->stream || !a->begun) {
        request_refuse_error(a->r, error, NULL);
        return;
    }
    (void)failure_from(&f, error, NULL);
    request_failed_late(&f);
    json_t *what = json_pack("{s:s, s:o}", "code", "server_error", "message", json_door_string(f.message));
    json_t *made = response_json(a, "failed", json_null(), what);
    (void)send(a, "response.failed", json_door_put(json_object(), "response", made));
    http_call_end_stream(a->r->call);
}

static void drop(void *context)
{
    responses_answer *a = context;
    collected_free(&a->grown);
    json_decref(a->tokens);
    json_decref(a->call);
    json_decref(a->output);
    mem_free(a->model);
    mem_free(a);
}

/* A call that turns out malformed is text of an answer in one piece: its pieces must not have been told. */
static const answer_writer whole = {.begin = begin,
                                    .token = take_token,
                                    .text = take_text,
                                    .reasoning = take_reasoning,
                                    .call = take_call,
                                    .finish = finish,
                                    .end = end,
                                    .fail = fail,
                                    .drop = drop};
static const answer_writer streamed = {.begin = begin,
                                       .token = take_token,
                                       .text = take_text,
                                       .reasoning = take_reasoning,
                                       .call = take_call,
                                       .call_begin = take_call_begin,
                                       .call_piece = take_call_piece,
                                       .call_end = take_call_end,
                                       .finish = finish,
                                       .end = end,
                                       .fail = fail,
                                       .drop = drop};

/* ---- the request ---- */

static responses_answer *create_answer(request *r, const chat_request *c, bool stream)
{
    responses_answer *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return NULL;
    }
    a->r = r;
    a->tokenizer = c->model->m->tokenizer;
    a->created = (json_int_t)time(NULL);
    a->stream = stream;
    a->output = json_array();
    a->model = mem_strdup(c->model->name);
    collected_init(&a->grown);
    if (a->model == NULL || a->output == NULL) {
        drop(a);
        return NULL;
    }
    return a;
}

void openai_responses(request *r)
{
    failure f = {0};
    chat_request c = {0};
    responses_answer *a = NULL;
    bool stream = false;
    bool good = responses_read(r, &c, &stream, &f);
    if (good && (a = create_answer(r, &c, stream)) == NULL) {
        good = failure_memory(&f);
    }
    if (!good) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
    } else if (!chat_request_start(r, &c, stream ? &streamed : &whole, a, &f)) {
        drop(a);
        request_refuse(r, &f);
    }
}
