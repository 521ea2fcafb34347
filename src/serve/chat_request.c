/* From a canonical request to tokens and settings. */
#include "serve/chat_request.h"

#include "base/limits.h"
#include "base/memory.h"
#include "generate/tool_calls.h"
#include "generate/tool_grammar.h"
#include "serve/fields.h"
#include "serve/recording.h"
#include "serve/server.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OWN_MODEL "embedded:hearthside"
#define MOST_STOPS 64u
#define STOP_BYTES 1000u /* each is looked for at every byte of an answer */
#define MOST_BIASES 1024u
#define MOST_SEED ((uint64_t)INT64_MAX - ANSWERING_CHOICES) /* answer i draws with seed + i */

/* ---- opening ---- */

/* The program's own model is asked as `hearth run` asks it. */
static bool set_own(chat_request *c, failure *f)
{
    static const char line[] = "\n";
    c->sampling.temperature = 0;
    c->stops = mem_calloc(1, sizeof *c->stops);
    if (c->stops == NULL) {
        return failure_memory(f);
    }
    c->stops[0] = line;
    c->stop_count = 1;
    c->own_stops = true;
    return true;
}

/* A model of Ollama's store is asked as `hearth run` asks it: with its own settings, where a request says nothing. */
static bool set_brought(chat_request *c, failure *f)
{
    const ollama_brought *b = &c->model->brought;
    sampling *s = &c->sampling;
    const struct {
        double value;
        float *field;
    } rows[] = {{b->temperature, &s->temperature},
                {b->top_p, &s->top_p},
                {b->min_p, &s->min_p},
                {b->typical_p, &s->typical_p},
                {b->repetition_penalty, &s->repetition_penalty},
                {b->presence_penalty, &s->presence_penalty},
                {b->frequency_penalty, &s->frequency_penalty}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *rows[i].field = isnan(rows[i].value) ? *rows[i].field : (float)rows[i].value;
    }
    s->top_k = isnan(b->top_k) ? s->top_k : (uint32_t)b->top_k;
    s->penalty_window = isnan(b->penalty_window) ? s->penalty_window : (uint32_t)b->penalty_window;
    c->most_tokens = isnan(b->most_tokens) ? 0 : (size_t)b->most_tokens;
    if (json_array_size(b->stops) == 0) {
        return true;
    }
    const bool good = chat_request_stops(c, b->stops, "stop", f);
    c->own_stops = true;
    return good;
}

bool chat_request_open(request *r, const char *name, chat_request *ret, failure *f)
{
    hearth_error error = {0};
    ret->sampling = sampling_default();
    ret->think = -1;
    ret->choices = 1;
    ret->variables = json_object();
    if (models_take(server_models(r->s), name, &ret->model, &error) != HEARTH_OK) {
        return models_refusal(name, &error, f);
    }
    if (ret->model->scheduler == NULL) {
        return failure_set(f, 400, "unsupported", "model", "The model `%.200s` writes no text.", ret->model->name);
    }
    return strcmp(ret->model->source, OWN_MODEL) != 0 ? set_brought(ret, f) : set_own(ret, f);
}

void chat_request_free(request *r, chat_request *c)
{
    models_give_back(server_models(r->s), c->model);
    json_decref(c->messages);
    json_decref(c->tools);
    json_decref(c->variables);
    for (size_t i = 0; i < c->prompt_count; i++) {
        token_list_free(&c->prompts[i]);
    }
    mem_free(c->prompts);
    chat_close(c->template);
    token_list_free(&c->before);
    grammar_release(c->grammar);
    json_decref(c->bound);
    mem_free(c->biases);
    mem_free(c->stops);
    *c = (chat_request){0};
}

/* ---- fields ---- */

bool chat_request_sampling(chat_request *c, const json_t *body, failure *f)
{
    sampling *s = &c->sampling;
    uint64_t top_k = s->top_k, seed = s->seed, window = s->penalty_window;
    const bool good =
        field_real(body, "temperature", 0, 100, &s->temperature, f) && field_real(body, "top_p", 0, 1, &s->top_p, f) &&
        field_real(body, "min_p", 0, 1, &s->min_p, f) && field_real(body, "typical_p", 0, 1, &s->typical_p, f) &&
        field_real(body, "repetition_penalty", 0.01, 100, &s->repetition_penalty, f) &&
        field_real(body, "presence_penalty", -2, 2, &s->presence_penalty, f) &&
        field_real(body, "frequency_penalty", -2, 2, &s->frequency_penalty, f) &&
        field_count(body, "penalty_window", 0, LIMIT_CONTEXT, &window, f) &&
        field_count(body, "top_k", 0, LIMIT_VOCABULARY, &top_k, f) && field_count(body, "seed", 0, MOST_SEED, &seed, f);
    s->top_k = (uint32_t)top_k;
    s->penalty_window = (uint32_t)window;
    s->seed = seed;
    return good;
}

bool chat_request_stops(chat_request *c, const json_t *value, const char *name, failure *f)
{
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value) && !json_is_array(value)) {
        return field_wrong(name, "a string or an array of strings", value, f);
    }
    const size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > MOST_STOPS) {
        return failure_set(f, 400, "invalid_value", name, "Invalid '%s': at most %u stop sequences are taken.", name,
                           MOST_STOPS);
    }
    const char **stops = mem_realloc(c->stops, (count + 1) * sizeof *stops);
    if (stops == NULL) {
        return failure_memory(f);
    }
    c->stops = stops;
    c->stop_count = 0;
    c->own_stops = false;
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_string(text) || json_string_length(text) == 0) {
            return field_wrong(name, "strings that are not empty", text, f);
        }
        if (json_string_length(text) > STOP_BYTES || strlen(json_string_value(text)) != json_string_length(text)) {
            return failure_set(f, 400, "invalid_value", name,
                               "Invalid '%s': expected at most %u bytes each, none of them zero.", name, STOP_BYTES);
        }
        stops[c->stop_count++] = json_string_value(text);
    }
    return true;
}

bool chat_request_biases(chat_request *c, const json_t *value, failure *f)
{
    const char *key = NULL;
    json_t *bias = NULL;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_object(value)) {
        return field_wrong("logit_bias", "an object", value, f);
    }
    if (json_object_size(value) > MOST_BIASES) {
        return failure_set(f, 400, "invalid_value", "logit_bias", "Invalid 'logit_bias': at most %u tokens are taken.",
                           MOST_BIASES);
    }
    c->biases = mem_calloc(json_object_size(value) + 1, sizeof *c->biases);
    if (c->biases == NULL) {
        return failure_memory(f);
    }
    json_object_foreach((json_t *)value, key, bias)
    {
        char *end = NULL;
        const unsigned long long id = strtoull(key, &end, 10);
        if (key[0] < '0' || key[0] > '9' || (key[0] == '0' && key[1] != '\0') || *end != '\0' ||
            id >= c->model->m->config.vocabulary) {
            return failure_set(f, 400, "invalid_value", "logit_bias",
                               "Invalid 'logit_bias': expected ids of tokens below %u, but got \"%.60s\".",
                               c->model->m->config.vocabulary, key);
        }
        if (!json_is_number(bias) || !(fabs(json_number_value(bias)) <= 100)) {
            return failure_set(f, 400, "invalid_value", "logit_bias",
                               "Invalid 'logit_bias': expected values from -100 to 100.");
        }
        const double number = json_number_value(bias);
        c->biases[c->sampling.bias_count++] =
            (logit_bias){.token = (int32_t)id, .bias = number <= -100 ? -INFINITY : (float)number};
    }
    c->sampling.biases = c->biases;
    return true;
}

bool chat_request_add(chat_request *c, const char *role, const char *content, size_t length, failure *f)
{
    json_t *text = json_door_text(content, length);
    json_t *message = json_door_put(json_door_put(json_object(), "role", json_string(role)), "content", text);
    if (c->messages == NULL) {
        c->messages = json_array();
    }
    return json_array_append_new(c->messages, message) == 0 || failure_memory(f);
}

bool chat_request_offers(const chat_request *c, const char *name)
{
    return tool_calls_offered(c->tools, name);
}

bool chat_request_note_calls(json_t *names, const json_t *calls, failure *f)
{
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        const char *id = json_string_value(json_object_get(call, "id"));
        if (json_object_set(names, id, json_object_get(call, "name")) != 0) {
            return failure_memory(f);
        }
    }
    return true;
}

bool chat_request_grammar(request *r, chat_request *c, grammar_kind kind, const json_t *source, const char *name,
                          failure *f)
{
    hearth_error error = {0};
    grammar *made = NULL;
    const hearth_status status = grammars_take(server_grammars(r->s), kind, source, NULL, &made, &error);
    if (status != HEARTH_OK) {
        (void)failure_from(f, &error, name);
        f->status = error_is_machine(status) ? f->status : 400;
        f->code = status == HEARTH_E_MEMORY ? f->code : "invalid_schema";
        return false;
    }
    grammar_release(c->grammar);
    json_decref(c->bound);
    c->grammar = made;
    c->kind = kind;
    c->bound = json_pack("{s:s, s:O?}", "kind", grammar_kind_names[kind], "source", (json_t *)source);
    return c->bound != NULL || failure_memory(f);
}

/* ---- the prompt ---- */

/* A message as this model's template takes it. */
static json_t *shaped(const served_model *m, const json_t *message)
{
    const json_t *calls = json_object_get(message, "tool_calls");
    if (strcmp(json_string_value(json_object_get(message, "role")), "assistant") != 0) {
        return json_incref((json_t *)message);
    }
    json_t *content = json_object_get(message, "content");
    json_t *none = json_is_string(content) ? NULL : json_string("");
    json_t *made = chat_answer_message(&m->calls, none != NULL ? none : content,
                                       json_object_get(message, "reasoning_content"), calls);
    json_decref(none);
    return made;
}

static size_t calls_in(const json_t *messages)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        count += json_array_size(json_object_get(json_array_get(messages, i), "tool_calls"));
    }
    return count;
}

static const chat *template_of(const chat_request *c)
{
    return c->template != NULL ? c->template : c->model->template;
}

/* What the template is shown, and what is read as a call. */
static const json_t *offered(const chat_request *c)
{
    return c->choice == TOOLS_NONE || template_of(c) == NULL ? NULL : c->tools;
}

/* Where texts were there before, the prompt does not begin anew. */
static hearth_status put_before(const chat_request *c, token_list *list, hearth_error *error)
{
    token_list joined = {0};
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < c->before.count && status == HEARTH_OK; i++) {
        status = token_list_append(&joined, c->before.ids[i], error);
    }
    const size_t begin = list->count > 0 && list->ids[0] == tokenizer_bos(c->model->m->tokenizer) ? 1 : 0;
    for (size_t i = begin; i < list->count && status == HEARTH_OK; i++) {
        status = token_list_append(&joined, list->ids[i], error);
    }
    token_list_free(status == HEARTH_OK ? list : &joined);
    if (status == HEARTH_OK) {
        *list = joined;
    }
    return status;
}

/* An answer of a given form that nobody wants thinking before: what a template opens all the same is closed. */
static hearth_status close_thinking(chat_request *c, token_list *prompt, hearth_error *error)
{
    if (!c->thinks || c->grammar == NULL || c->think != 0) {
        return HEARTH_OK;
    }
    c->thinks = false;
    return answer_format_close_thinking(&c->model->format, c->model->m->tokenizer, prompt, error);
}

static hearth_status set_thinking(const chat_request *c, hearth_error *error)
{
    chat_switch found = CHAT_SWITCH_NONE;
    return c->think < 0 ? HEARTH_OK : chat_thinking(template_of(c), c->think == 1, c->variables, &found, error);
}

/* The model's rules, and what the client says, or else what the model brought along. NULL for no system message, or
 * when memory is out: *ret_status tells. */
static json_t *system_message(const served_model *m, const char *said, hearth_status *ret_status)
{
    buffer text;
    buffer_init(&text, 0);
    const char *own = said != NULL ? said : buffer_text(&m->brought.system);
    hearth_status status = buffer_append(&text, buffer_text(&m->rules), m->rules.length, NULL);
    status = status == HEARTH_OK ? buffer_append_text(&text, own, NULL) : status;
    if (status == HEARTH_OK && *own == '\0' && m->rules.length > 0) {
        text.length--; /* no newline behind the last rule */
    }
    json_t *message = NULL;
    if (status == HEARTH_OK && (text.length > 0 || said != NULL)) {
        json_t *content = json_door_text(buffer_text(&text), text.length);
        message = json_door_put(json_door_put(json_object(), "role", json_string("system")), "content", content);
        status = message != NULL ? HEARTH_OK : HEARTH_E_MEMORY;
    }
    buffer_free(&text);
    *ret_status = status;
    return message;
}

static hearth_status encode_messages(chat_request *c, token_list *ret, hearth_error *error)
{
    const served_model *m = c->model;
    json_t *messages = json_array();
    const json_t *first = json_array_get(c->messages, 0);
    const char *role = json_string_value(json_object_get(first, "role"));
    const bool told = role != NULL && strcmp(role, "system") == 0;
    const char *said = told ? json_string_value(json_object_get(first, "content")) : NULL;
    const bool joined = told && said != NULL && m->rules.length > 0;
    if (joined || !told || m->rules.length > 0) {
        hearth_status made = HEARTH_OK;
        json_t *system = system_message(m, joined ? said : told ? "" : NULL, &made);
        messages = system != NULL || made != HEARTH_OK ? json_door_append(messages, system) : messages;
    }
    for (size_t i = joined ? 1 : 0; i < json_array_size(c->messages); i++) {
        messages = json_door_append(messages, shaped(m, json_array_get(c->messages, i)));
    }
    if (messages == NULL) {
        return error_memory(error, 0);
    }
    const prompt_more more = {.tools = offered(c), .variables = c->variables};
    hearth_status status = set_thinking(c, error);
    if (status == HEARTH_OK) {
        status = prompt_encode(template_of(c), m->m->tokenizer, messages, &more, ret, error);
    }
    json_decref(messages);
    if (status == HEARTH_OK && ret->cut) {
        return HEARTH_OK; /* chat_request_check refuses it */
    }
    if (status == HEARTH_OK) {
        status = answer_format_prompt_thinks(&m->format, m->m->tokenizer, ret->ids, ret->count, &c->thinks, error);
        status = status == HEARTH_OK ? close_thinking(c, ret, error) : status;
    }
    if (status == HEARTH_OK && c->before.count > 0) {
        status = put_before(c, ret, error);
    }
    return status;
}

/* Room for another prompt. Of one that is up to twice too long, clients are told how long it is. */
static token_list *add_prompt(chat_request *c, failure *f)
{
    token_list *prompts = mem_realloc(c->prompts, (c->prompt_count + 1) * sizeof *prompts);
    if (prompts == NULL) {
        (void)failure_memory(f);
        return NULL;
    }
    c->prompts = prompts;
    prompts[c->prompt_count] = (token_list){.most = 2 * c->model->context};
    return &prompts[c->prompt_count++];
}

bool chat_request_prompt(chat_request *c, const char *text, size_t length, bool special, failure *f)
{
    hearth_error error = {0};
    token_list *list = add_prompt(c, f);
    const unsigned flags = ENCODE_ADD_BOS | (special ? ENCODE_PARSE_SPECIAL : 0);
    return list != NULL && (tokenizer_encode(c->model->m->tokenizer, text, length, flags, list, &error) == HEARTH_OK ||
                            failure_from(f, &error, "prompt"));
}

bool chat_request_ids(chat_request *c, const json_t *ids, const char *name, failure *f)
{
    token_list *list = add_prompt(c, f);
    return list != NULL && field_tokens(ids, c->model->m->config.vocabulary, name, list, f);
}

/* A model without a template continues the last message as it is. */
static bool encode_messages_or_last(chat_request *c, failure *f)
{
    hearth_error error = {0};
    if (template_of(c) == NULL) {
        const json_t *last = json_array_get(c->messages, json_array_size(c->messages) - 1);
        const json_t *text = json_object_get(last, "content");
        return chat_request_prompt(c, json_string_value(text), json_string_length(text), false, f);
    }
    token_list *list = add_prompt(c, f);
    if (list != NULL && encode_messages(c, list, &error) != HEARTH_OK) {
        (void)failure_from(f, &error, "messages");
        f->status = error_is_machine(error.status) ? f->status : 400;
        return false;
    }
    return list != NULL;
}

bool chat_request_check(const chat_request *c, failure *f)
{
    const char *name = c->messages != NULL ? "messages" : "prompt";
    for (size_t i = 0; i < c->prompt_count; i++) {
        const token_list *list = &c->prompts[i];
        if (list->count == 0 && !list->cut) {
            return failure_set(f, 400, "invalid_value", name,
                               "The prompt is empty: this model begins with at least one token.");
        }
        if (list->count >= c->model->context || list->cut) {
            return failure_set(f, 400, "context_length_exceeded", name,
                               "This model's maximum context length is %zu tokens. However, your %s resulted in %s%zu "
                               "tokens. Please reduce the length of the %s.",
                               c->model->context, name, list->cut ? "more than " : "",
                               list->cut ? list->most : list->count, name);
        }
    }
    return c->prompt_count * c->choices <= ANSWERING_CHOICES ||
           failure_set(f, 400, "invalid_value", "n", "Invalid request: at most %u answers are made at a time.",
                       ANSWERING_CHOICES);
}

bool chat_request_encode(chat_request *c, failure *f)
{
    if ((c->messages != NULL && !encode_messages_or_last(c, f)) || !chat_request_check(c, f)) {
        return false;
    }
    c->encoded = true;
    return true;
}

/* tool_choice: the answer is a call. */
static bool require_call(chat_request *c, const answer_plan *p, failure *f)
{
    hearth_error error = {0};
    grammar *made = NULL;
    const tool_grammar_options how = {.tools = c->tools,
                                      .name = c->choice == TOOLS_NAMED ? c->tool : NULL,
                                      .parallel = !c->one_call,
                                      .thinks = p->thinks};
    const hearth_status status = grammar_from_tools(&c->model->format, &how, &made, &error);
    if (status != HEARTH_OK) {
        (void)failure_from(f, &error, "tools");
        f->status = error_is_machine(status) ? f->status : 400;
        return false;
    }
    grammar_release(c->grammar);
    json_decref(c->bound);
    c->grammar = made;
    c->bound = json_pack("{s:s, s:{s:O, s:s?, s:b, s:b}}", "kind", RECORDED_CALLS, "source", "tools", c->tools, "name",
                         how.name, "parallel", (int)how.parallel, "thinks", (int)how.thinks);
    return c->bound != NULL || failure_memory(f);
}

/* What a model thinks comes before the form that the answer has. */
static bool allow_thinking(request *r, chat_request *c, const answer_plan *p, failure *f)
{
    hearth_error error = {0};
    grammar *made = NULL;
    const grammar_before before = {.format = &p->format, .thinks = p->thinks, .may_think = c->think != 0};
    if (c->grammar == NULL || !grammar_before_any(&before)) {
        return true;
    }
    if (grammars_take(server_grammars(r->s), c->kind, json_object_get(c->bound, "source"), &before, &made, &error) !=
        HEARTH_OK) {
        return failure_from(f, &error, NULL);
    }
    grammar_release(c->grammar);
    c->grammar = made;
    c->bound = json_door_put(c->bound, "thinks", json_boolean(before.thinks));
    c->bound = json_door_put(c->bound, "may_think", json_boolean(before.may_think));
    return c->bound != NULL || failure_memory(f);
}

/* Its template shows tools, or speaks of calls (then the system message is to tell of the tools). */
static bool can_call(const served_model *m)
{
    return m->template != NULL && (m->calls.takes_tools || m->format.calls != NULL);
}

/* Everything but the model is the caller's again. */
static bool start(request *r, chat_request *c, const answer_writer *writer, void *context, failure *f)
{
    hearth_error error = {0};
    if (!c->encoded && !chat_request_encode(c, f)) {
        return false;
    }
    answer_plan p = {.model = c->model,
                     .prompts = c->prompts,
                     .prompt_count = c->prompt_count,
                     .drawn = c->drawn,
                     .format = c->messages != NULL && template_of(c) != NULL ? c->model->format : (answer_format){0},
                     .thinks = c->thinks,
                     .tools = offered(c),
                     .calls_before = calls_in(c->messages),
                     .sampling = c->sampling,
                     .stops = c->stops,
                     .stop_count = c->stop_count,
                     .own_stops = c->own_stops,
                     .most_tokens = c->most_tokens,
                     .choices = c->choices,
                     .logprobs = c->logprobs,
                     .top_logprobs = c->top_logprobs,
                     .ignore_end = c->ignore_end,
                     .one_call = c->one_call};
    if (c->tools != NULL && c->choice != TOOLS_NONE && !can_call(c->model)) {
        return failure_set(f, 400, "unsupported", "tools", "The model `%.200s` has no chat template that shows tools.",
                           c->model->name);
    }
    if (p.tools != NULL && c->choice != TOOLS_AUTO && c->grammar != NULL) {
        return failure_set(
            f, 400, "invalid_value", "tool_choice",
            "Invalid 'tool_choice': a call that is required and a form of the answer exclude each other.");
    }
    if (!allow_thinking(r, c, &p, f)) {
        return false;
    }
    p.tools = c->grammar != NULL ? NULL : p.tools; /* an answer of a given form is no call */
    if (p.tools != NULL && c->choice != TOOLS_AUTO && !require_call(c, &p, f)) {
        return false;
    }
    p.grammar = c->grammar;
    p.bound = c->bound;
    const bool goes_past = c->grammar != NULL || c->ignore_end; /* JSON may have ends of lines */
    p.stop_count = goes_past && c->own_stops ? 0 : p.stop_count;
    return answering_start(r, &p, writer, context, &error) == HEARTH_OK || failure_from(f, &error, NULL);
}

bool chat_request_start(request *r, chat_request *c, const answer_writer *writer, void *context, failure *f)
{
    const bool good = start(r, c, writer, context, f);
    if (good) {
        c->model = NULL; /* the answering's */
    }
    chat_request_free(r, c);
    return good;
}
