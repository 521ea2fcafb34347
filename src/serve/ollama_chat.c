/* POST /api/chat and /api/generate: from their bodies to the canonical request. */
#include "serve/ollama.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/cpu.h"
#include "serve/fields.h"
#include "serve/openai_messages.h"
#include "serve/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PENALTY_WINDOW 64u /* Ollama's repeat_last_n, where a penalty is asked for and this is not */

/* ---- options ---- */

/* Whole numbers that may be negative, which then mean something else. */
static bool field_whole(const json_t *object, const char *name, json_int_t *ret, failure *f)
{
    const json_t *value = field_of(object, name);
    if (value == NULL) {
        return true;
    }
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= -2147483648.0 && number < 9.2e18) ||
        (double)(json_int_t)number != number) {
        return json_is_number(value)
                   ? failure_set(f, 400, "invalid_value", name, "Invalid '%s': %g is out of range.", name, number)
                   : field_wrong(name, "an integer", value, f);
    }
    *ret = json_is_integer(value) ? json_integer_value(value) : (json_int_t)number;
    return true;
}

static bool read_reals(sampling *s, const json_t *options, failure *f)
{
    return field_real(options, "temperature", 0, 100, &s->temperature, f) &&
           field_real(options, "top_p", 0, 1, &s->top_p, f) && field_real(options, "min_p", 0, 1, &s->min_p, f) &&
           field_real(options, "typical_p", 0, 1, &s->typical_p, f) &&
           field_real(options, "repeat_penalty", 0.01, 100, &s->repetition_penalty, f) &&
           field_real(options, "presence_penalty", -2, 2, &s->presence_penalty, f) &&
           field_real(options, "frequency_penalty", -2, 2, &s->frequency_penalty, f);
}

/* -1 stands for no limit, for any seed, for the whole context. */
static bool read_wholes(chat_request *c, const json_t *options, failure *f)
{
    json_int_t top_k = c->sampling.top_k, seed = -1, predict = -1, window = -1, context = 0, mirostat = 0;
    const bool penalised = field_of(options, "repeat_penalty") != NULL && field_of(options, "repeat_last_n") == NULL;
    if (!field_whole(options, "top_k", &top_k, f) || !field_whole(options, "seed", &seed, f) ||
        !field_whole(options, "num_predict", &predict, f) || !field_whole(options, "repeat_last_n", &window, f) ||
        !field_whole(options, "num_ctx", &context, f) || !field_whole(options, "mirostat", &mirostat, f)) {
        return false;
    }
    if (mirostat != 0) {
        return failure_set(f, 400, "unsupported", "mirostat", "'mirostat' is not supported.");
    }
    sampling *s = &c->sampling;
    s->top_k = top_k <= 0 ? 0 : top_k > LIMIT_VOCABULARY ? LIMIT_VOCABULARY : (uint32_t)top_k;
    s->seed = seed >= 0 ? (uint64_t)seed : s->seed;
    if (field_of(options, "num_predict") != NULL) {
        c->most_tokens = predict <= 0 ? 0 : predict > INT32_MAX ? INT32_MAX : (size_t)predict;
    }
    if (penalised || field_of(options, "repeat_last_n") != NULL) {
        s->penalty_window = penalised ? PENALTY_WINDOW : window < 0 || window > LIMIT_CONTEXT ? 0 : (uint32_t)window;
    }
    if (window == 0 && !penalised) { /* Ollama: off */
        s->repetition_penalty = 1;
        s->presence_penalty = s->frequency_penalty = 0;
    }
    return true;
}

static bool read_options(chat_request *c, const json_t *body, failure *f)
{
    const json_t *options = NULL;
    if (!field_object(body, "options", &options, f)) {
        return false;
    }
    return options == NULL || (read_reals(&c->sampling, options, f) && read_wholes(c, options, f) &&
                               chat_request_stops(c, json_object_get(options, "stop"), "stop", f));
}

/* ---- what both have ---- */

/* true, false, or how much: "low", "medium", "high". */
static bool read_think(chat_request *c, const json_t *body, failure *f)
{
    const json_t *think = field_of(body, "think");
    if (json_is_string(think)) {
        c->think = 1;
        return json_object_set(c->variables, "reasoning_effort", (json_t *)think) == 0 || failure_memory(f);
    }
    if (think != NULL && !json_is_boolean(think)) {
        return field_wrong("think", "a boolean or a string", think, f);
    }
    c->think = think == NULL ? -1 : json_is_true(think);
    return true;
}

/* A number of seconds or a duration as Go writes it ("5m", "-1s"): only whether it is none matters, since models are
 * kept as memory allows. */
static bool read_keep_alive(const json_t *body, bool *ret_none, failure *f)
{
    const json_t *value = field_of(body, "keep_alive");
    *ret_none = false;
    if (value == NULL) {
        return true;
    }
    if (!json_is_number(value) && !json_is_string(value)) {
        return field_wrong("keep_alive", "a duration or a number of seconds", value, f);
    }
    const char *text = json_string_value(value);
    char *end = NULL;
    const double number = text != NULL ? strtod(text, &end) : json_number_value(value);
    if (text != NULL && (end == text || strspn(end, "0123456789.hmsuµn") != strlen(end))) {
        return failure_set(f, 400, "invalid_value", "keep_alive", "time: invalid duration \"%.60s\"", text);
    }
    *ret_none = number == 0;
    return true;
}

static bool read_logprobs(chat_request *c, const json_t *body, failure *f)
{
    uint64_t top = 0;
    if (!field_flag(body, "logprobs", &c->logprobs, f) || !field_count(body, "top_logprobs", 0, 20, &top, f)) {
        return false;
    }
    c->top_logprobs = (unsigned)top;
    return true;
}

static bool refuse_images(const json_t *object, failure *f)
{
    const json_t *images = NULL;
    return field_array(object, "images", &images, f) &&
           (json_array_size(images) == 0 || failure_set(f, 400, "unsupported", "images",
                                                        "'images' are not supported: this server's models read text."));
}

/* "json", or a JSON Schema. */
static bool read_format(request *r, chat_request *c, const json_t *body, failure *f)
{
    const json_t *format = field_of(body, "format");
    const char *text = json_string_value(format);
    if (format == NULL || (text != NULL && text[0] == '\0')) {
        return true;
    }
    if (!json_is_object(format) && (text == NULL || strcmp(text, "json") != 0)) {
        return failure_set(f, 400, "invalid_value", "format",
                           "invalid format; expected \"json\" or a valid JSON Schema object");
    }
    const bool schema = json_is_object(format);
    return chat_request_grammar(r, c, schema ? GRAMMAR_SCHEMA : GRAMMAR_OBJECT, schema ? format : NULL, "format", f);
}

static bool read_common(request *r, chat_request *c, const json_t *body, failure *f)
{
    return read_options(c, body, f) && read_think(c, body, f) && read_logprobs(c, body, f) &&
           read_format(r, c, body, f);
}

/* Opens the model, or lets go of it: a request without a text. */
static void load_or_unload(request *r, const char *name, const ollama_settings *s, bool unload)
{
    failure f = {0};
    hearth_error error = {0};
    served_model *m = NULL;
    if (unload && r->access.key != NULL && !keys_may_manage(server_keys(r->s), r->access.key)) {
        request_refuse_with(r, 403, "forbidden", "keep_alive", "This API key may not let go of models.");
        return;
    }
    const hearth_status status =
        unload ? models_unload(server_models(r->s), name, &error) : models_take(server_models(r->s), name, &m, &error);
    if (status != HEARTH_OK) {
        (void)models_refusal(name, &error, &f);
        request_refuse(r, &f);
        return;
    }
    models_give_back(server_models(r->s), m);
    ollama_answer_nothing(r, name, s, unload ? "unload" : "load");
}

static bool open_model(request *r, const char *name, chat_request *c, ollama_settings *s, failure *f)
{
    const double began = time_seconds();
    const bool good = chat_request_open(r, name, c, f);
    s->load_s = time_seconds() - began;
    return good;
}

/* ---- messages ---- */

/* How far a conversation was read. */
typedef struct reading {
    size_t calls;         /* all of them */
    const json_t *latest; /* the calls of the last message that has some; NULL: none had */
    json_t *first;        /* of these, the first of each name */
    size_t results;       /* that came since */
} reading;

/* The call that a result belongs to, where it does not say: of the latest the one of that name, else the first that no
 * result came for. */
static const json_t *call_of_result(const reading *so_far, const char *name)
{
    const json_t *call = name != NULL ? json_object_get(so_far->first, name) : NULL;
    return call != NULL ? call : json_array_get(so_far->latest, so_far->results);
}

static bool put_result(reading *so_far, const json_t *message, json_t *made, failure *f)
{
    const char *name = NULL, *id = NULL;
    if (!field_text(message, "tool_name", &name, f) || !field_text(message, "tool_call_id", &id, f)) {
        return false;
    }
    const json_t *call = call_of_result(so_far, name);
    so_far->results++;
    json_t *known = json_object_get(call, "id");
    json_t *which = id != NULL      ? json_incref(json_object_get(message, "tool_call_id"))
                    : known != NULL ? json_incref(known)
                                    : json_string("call_0");
    json_t *called = json_incref(json_object_get(name != NULL ? message : call, name != NULL ? "tool_name" : "name"));
    bool good = json_object_set_new(made, "tool_call_id", which) == 0;
    good = good && (called == NULL || json_object_set_new(made, "name", called) == 0);
    return good || failure_memory(f);
}

/* From here on results belong to these. */
static bool note_calls(reading *so_far, const json_t *calls, failure *f)
{
    so_far->latest = calls;
    so_far->results = 0;
    (void)json_object_clear(so_far->first);
    for (size_t i = 0; i < json_array_size(calls); i++) {
        json_t *call = json_array_get(calls, i);
        const char *name = json_string_value(json_object_get(call, "name"));
        if (json_object_get(so_far->first, name) == NULL && json_object_set(so_far->first, name, call) != 0) {
            return failure_memory(f);
        }
    }
    return true;
}

static json_t *read_call(const json_t *call, size_t number, const char *place, failure *f)
{
    char id[32];
    const json_t *function = json_object_get(call, "function");
    json_t *name = json_object_get(function, "name");
    json_t *arguments = json_object_get(function, "arguments");
    json_t *own = json_object_get(call, "id");
    if (!json_is_string(name) || !json_is_object(arguments)) {
        (void)failure_set(f, 400, "invalid_value", place,
                          "Invalid '%s': expected calls with a 'function' with a 'name' and an object 'arguments'.",
                          place);
        return NULL;
    }
    snprintf(id, sizeof id, "call_%zu", number);
    json_t *made = json_is_string(own) && json_string_length(own) > 0 ? json_incref(own) : json_string(id);
    return json_pack("{s:o, s:O, s:O}", "id", made, "name", name, "arguments", arguments);
}

static bool put_calls(reading *so_far, const json_t *message, const char *place, json_t *made, failure *f)
{
    const json_t *calls = NULL;
    const char *thinking = NULL;
    if (!field_array(message, "tool_calls", &calls, f) || !field_text(message, "thinking", &thinking, f)) {
        return false;
    }
    if (thinking != NULL && json_object_set(made, "reasoning_content", json_object_get(message, "thinking")) != 0) {
        return failure_memory(f);
    }
    json_t *list = json_array_size(calls) > 0 ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(calls); i++) {
        json_t *call = read_call(json_array_get(calls, i), so_far->calls++, place, f);
        if (call == NULL || json_array_append_new(list, call) != 0) {
            json_decref(list);
            return call != NULL ? failure_memory(f) : f->status != 0 ? false : failure_memory(f);
        }
    }
    return list == NULL ||
           (json_object_set_new(made, "tool_calls", list) == 0 ? note_calls(so_far, list, f) : failure_memory(f));
}

static bool read_message(chat_request *c, const json_t *message, size_t index, reading *so_far, failure *f)
{
    static const char *const roles[] = {"system", "user", "assistant", "tool", NULL};
    char place[64];
    const char *role = NULL, *content = "";
    size_t known = 0;
    snprintf(place, sizeof place, "messages[%zu]", index);
    if (!json_is_object(message)) {
        return field_wrong(place, "an object", message, f);
    }
    if (!field_text(message, "role", &role, f) || !field_text(message, "content", &content, f) ||
        !refuse_images(message, f)) {
        return false;
    }
    while (roles[known] != NULL && (role == NULL || strcmp(role, roles[known]) != 0)) {
        known++;
    }
    if (roles[known] == NULL) {
        return failure_set(f, 400, "invalid_value", place,
                           "Invalid '%s': the role is none of system, user, assistant "
                           "and tool.",
                           place);
    }
    const json_t *text = field_of(message, "content");
    json_t *made = json_door_put(json_object(), "role", json_string(role));
    made = json_door_put(made, "content", text != NULL ? json_incref((json_t *)text) : json_string(""));
    bool good = made != NULL || failure_memory(f);
    if (good && strcmp(role, "assistant") == 0) {
        good = put_calls(so_far, message, place, made, f);
    } else if (good && strcmp(role, "tool") == 0) {
        good = put_result(so_far, message, made, f);
    }
    if (!good) {
        json_decref(made);
        return false;
    }
    return json_array_append_new(c->messages, made) == 0 || failure_memory(f);
}

static bool read_messages(chat_request *c, const json_t *messages, failure *f)
{
    if (json_array_size(messages) > LIMIT_MESSAGES) {
        return failure_set(f, 400, "invalid_value", "messages", "Invalid 'messages': at most %u are taken.",
                           LIMIT_MESSAGES);
    }
    reading so_far = {.first = json_object()};
    c->messages = json_array();
    bool good = (c->messages != NULL && so_far.first != NULL) || failure_memory(f);
    for (size_t i = 0; i < json_array_size(messages) && good; i++) {
        good = read_message(c, json_array_get(messages, i), i, &so_far, f);
    }
    json_decref(so_far.first);
    return good;
}

void ollama_chat(request *r)
{
    failure f = {0};
    chat_request c = {0};
    ollama_settings s = {.chat = true, .stream = true};
    const json_t *messages = NULL;
    bool unload = false;
    const char *name = ollama_model_name(r->body, &f);
    bool good = name != NULL && field_flag(r->body, "stream", &s.stream, &f) &&
                field_array(r->body, "messages", &messages, &f) && read_keep_alive(r->body, &unload, &f);
    if (good && json_array_size(messages) == 0) {
        load_or_unload(r, name, &s, unload);
        return;
    }
    good = good && open_model(r, name, &c, &s, &f) && read_messages(&c, messages, &f) &&
           openai_read_tools(&c, r->body, &f) && read_common(r, &c, r->body, &f);
    if (!good) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
        return;
    }
    ollama_answer_start(r, &c, &s);
}

/* ---- texts ---- */

/* Ollama's own templates are Go's; ours are Jinja. */
static bool read_template(chat_request *c, const json_t *body, failure *f)
{
    hearth_error error = {0};
    const char *source = NULL;
    const size_t length = json_string_length(json_object_get(body, "template"));
    if (!field_text(body, "template", &source, f) || length == 0) {
        return f->status == 0;
    }
    if (strstr(source, "{{ .") != NULL || strstr(source, "{{.") != NULL || strstr(source, "{{- .") != NULL ||
        strstr(source, "{{ if .") != NULL || strstr(source, "{{- if .") != NULL) {
        return failure_set(f, 400, "unsupported", "template",
                           "'template' is one of Go's; this server takes Jinja, as chat_template has it.");
    }
    return prompt_open(c->model->m, source, length, "template", &c->template, &error) == HEARTH_OK ||
           (failure_from(f, &error, "template"), f->status = 400, false);
}

static bool read_context(chat_request *c, const json_t *body, failure *f)
{
    const json_t *ids = NULL;
    return field_array(body, "context", &ids, f) &&
           field_tokens(ids, c->model->m->config.vocabulary, "context", &c->before, f);
}

static bool read_text(chat_request *c, const json_t *body, bool raw, failure *f)
{
    const json_t *prompt = json_object_get(body, "prompt");
    const char *system = NULL;
    if (raw) {
        return chat_request_prompt(c, json_string_value(prompt), json_string_length(prompt), true, f);
    }
    if (!field_text(body, "system", &system, f) || !read_template(c, body, f) || !read_context(c, body, f)) {
        return false;
    }
    const size_t system_length = json_string_length(field_of(body, "system"));
    if (system_length > 0 && c->template == NULL && c->model->template == NULL) {
        return failure_set(f, 400, "unsupported", "system",
                           "This model has no chat template that could tell 'system'.");
    }
    return (system_length == 0 || chat_request_add(c, "system", system, system_length, f)) &&
           chat_request_add(c, "user", json_string_value(prompt), json_string_length(prompt), f);
}

static bool read_generate(request *r, const char **ret_name, ollama_settings *s, bool *ret_raw, failure *f)
{
    const char *suffix = NULL;
    *ret_name = ollama_model_name(r->body, f);
    if (*ret_name == NULL || !field_flag(r->body, "stream", &s->stream, f) || !field_flag(r->body, "raw", ret_raw, f) ||
        !field_text(r->body, "suffix", &suffix, f) || !refuse_images(r->body, f)) {
        return false;
    }
    if (suffix != NULL && suffix[0] != '\0') {
        return failure_set(f, 400, "unsupported", "suffix",
                           "'suffix' is not supported: texts are continued at their "
                           "end.");
    }
    s->context = !*ret_raw;
    return true;
}

void ollama_generate(request *r)
{
    failure f = {0};
    chat_request c = {0};
    ollama_settings s = {.stream = true};
    const char *name = NULL, *prompt = NULL; /* the prompt may have zero bytes */
    bool raw = false, unload = false;
    bool good = read_generate(r, &name, &s, &raw, &f) && field_text(r->body, "prompt", &prompt, &f) &&
                read_keep_alive(r->body, &unload, &f);
    if (good && json_string_length(json_object_get(r->body, "prompt")) == 0) {
        load_or_unload(r, name, &s, unload);
        return;
    }
    good =
        good && open_model(r, name, &c, &s, &f) && read_text(&c, r->body, raw, &f) && read_common(r, &c, r->body, &f);
    if (!good) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
        return;
    }
    ollama_answer_start(r, &c, &s);
}
