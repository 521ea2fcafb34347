/* POST /v1/completions: texts that are continued as they are. */
#include "serve/openai.h"

#include "base/memory.h"
#include "serve/collected.h"
#include "serve/access.h"
#include "serve/fields.h"
#include "serve/openai_messages.h"
#include "serve/prompt_scores.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define MOST_LOGPROBS 20u
#define DEFAULT_TOKENS 16u

typedef struct text_part {
    collected c;
    size_t offset; /* characters told so far, the prompt's among them where it is echoed */
} text_part;

/* A prompt that is sent back: its text, and what is said of each of its tokens. */
typedef struct echoed {
    buffer text;
    json_t *tokens; /* as collected.tokens; NULL where nobody asked */
} echoed;

typedef struct text_answer {
    request *r;
    const tokenizer *tokenizer;
    char *model;
    char fingerprint[32];
    json_int_t created;
    bool stream, usage, logprobs, begun;
    unsigned each; /* choices of one prompt */
    unsigned choices;
    echoed *echo; /* [choices / each]; NULL: not asked for */
    buffer lead;  /* streamed: of each chunk */
    text_part part[];
} text_answer;

typedef struct text_settings {
    bool stream, usage, echo, nothing; /* nothing: max_tokens is 0, with echo */
} text_settings;

static json_t *envelope(const text_answer *a)
{
    char id[64];
    snprintf(id, sizeof id, "cmpl-%s", a->r->id);
    json_t *made = json_pack("{s:s, s:s, s:I, s:s}", "id", id, "object", "text_completion", "created", a->created,
                             "system_fingerprint", a->fingerprint);
    return json_door_put(made, "model", json_door_string(a->model));
}

/* ---- log-probabilities ---- */

static json_t *token_text(const tokenizer *t, int32_t id)
{
    buffer piece;
    buffer_init(&piece, 0);
    json_t *text = NULL;
    if (tokenizer_piece(t, id, DECODE_SPECIAL, &piece, NULL) == HEARTH_OK) {
        text = json_door_text(buffer_text(&piece), piece.length);
    }
    buffer_free(&piece);
    return text;
}

/* [text, log-probability or null, {text: log-probability} or null]: a token until its turn comes. */
static json_t *token_row(const tokenizer *t, const generation_choice *drawn, const generation_choice *top, size_t count,
                         bool scored)
{
    json_t *row = json_door_append(json_array(), token_text(t, drawn->id));
    row = json_door_append(row, scored ? json_door_float(drawn->logprob) : json_null());
    json_t *others = scored && count > 0 ? json_object() : json_null();
    for (size_t i = 0; i < count && json_is_object(others); i++) {
        json_t *text = token_text(t, top[i].id);
        const char *key = json_string_value(text);
        if (key != NULL && json_object_get(others, key) == NULL) {
            others = json_door_put(others, key, json_door_float(top[i].logprob));
        }
        json_decref(text);
    }
    return json_door_append(row, others);
}

static size_t characters_of(const json_t *text)
{
    size_t count = 0;
    const char *bytes = json_string_value(text);
    for (size_t i = 0; i < json_string_length(text); i++) {
        count += ((unsigned char)bytes[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

/* The lists of OpenAI's logprobs of these tokens; frees `rows`. */
static json_t *logprobs_of(const text_answer *a, text_part *p, json_t *rows)
{
    if (!a->logprobs) {
        json_decref(rows);
        return json_null();
    }
    json_t *lists[4] = {json_array(), json_array(), json_array(), json_array()};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        for (size_t k = 0; k < 3; k++) {
            lists[k] = json_door_append(lists[k], json_incref(json_array_get(row, k)));
        }
        lists[3] = json_door_append(lists[3], json_integer((json_int_t)p->offset));
        p->offset += characters_of(json_array_get(row, 0));
    }
    json_decref(rows);
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", lists[0], "token_logprobs", lists[1], "top_logprobs", lists[2],
                     "text_offset", lists[3]);
}

/* ---- what is told ---- */

static json_t *choice_json(unsigned index, json_t *text, json_t *logprobs, const char *finish)
{
    json_t *choice = json_door_put(json_object(), "text", text);
    choice = json_door_put(choice, "index", json_integer(index));
    choice = json_door_put(choice, "logprobs", logprobs);
    return json_door_put(choice, "finish_reason", finish != NULL ? json_string(finish) : json_null());
}

static bool send_chunk(text_answer *a, json_t *choice)
{
    return openai_send_choice(a->r, &a->lead, choice, a->usage);
}

static json_t *echo_rows(const text_answer *a, unsigned index)
{
    json_t *rows = a->echo[index / a->each].tokens;
    return rows != NULL ? json_copy(rows) : json_array();
}

static bool stream_begin(void *context)
{
    text_answer *a = context;
    if (!openai_make_lead(envelope(a), &a->lead)) {
        return false;
    }
    a->begun = true;
    request_begin_stream(a->r, REQUEST_EVENTS);
    for (unsigned i = 0; a->echo != NULL && i < a->choices; i++) {
        const buffer *text = &a->echo[i / a->each].text;
        json_t *logprobs = logprobs_of(a, &a->part[i], echo_rows(a, i));
        if (!send_chunk(a, choice_json(i, json_door_text(buffer_text(text), text->length), logprobs, NULL))) {
            return false;
        }
    }
    return true;
}

static bool stream_text(void *context, unsigned index, const char *text, size_t length)
{
    text_answer *a = context;
    text_part *p = &a->part[index];
    json_t *logprobs = logprobs_of(a, p, collected_take_tokens(&p->c));
    return send_chunk(a, choice_json(index, json_door_text(text, length), logprobs, NULL));
}

static bool stream_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    (void)stop;
    text_answer *a = context;
    text_part *p = &a->part[index];
    const bool rest = json_array_size(p->c.tokens) > 0; /* of a stop text */
    json_t *logprobs = rest ? logprobs_of(a, p, collected_take_tokens(&p->c)) : json_null();
    return send_chunk(a, choice_json(index, json_string(""), logprobs, openai_finish_name(why)));
}

static void stream_end(void *context, const answer_usage *usage)
{
    text_answer *a = context;
    json_t *chunk = a->usage ? json_door_put(envelope(a), "choices", json_array()) : NULL;
    openai_end_stream(a->r, a->usage ? json_door_put(chunk, "usage", openai_usage(usage)) : NULL);
}

static bool whole_begin(void *context)
{
    text_answer *a = context;
    bool good = true;
    for (unsigned i = 0; a->echo != NULL && i < a->choices && good; i++) {
        const buffer *text = &a->echo[i / a->each].text;
        a->part[i].c.tokens = echo_rows(a, i);
        good = collected_text(&a->part[i].c, buffer_text(text), text->length);
    }
    return good;
}

static bool whole_text(void *context, unsigned index, const char *text, size_t length)
{
    text_answer *a = context;
    return collected_text(&a->part[index].c, text, length);
}

static bool whole_finish(void *context, unsigned index, answer_finish why, const char *stop)
{
    text_answer *a = context;
    return collected_finish(&a->part[index].c, why, stop);
}

static void whole_end(void *context, const answer_usage *usage)
{
    text_answer *a = context;
    json_t *choices = json_array();
    for (unsigned i = 0; i < a->choices; i++) {
        text_part *p = &a->part[i];
        json_t *logprobs = logprobs_of(a, p, collected_take_tokens(&p->c));
        json_t *text = json_door_text(buffer_text(&p->c.text), p->c.text.length);
        choices = json_door_append(choices, choice_json(i, text, logprobs, openai_finish_name(p->c.finish)));
    }
    json_t *made = json_door_put(envelope(a), "choices", choices);
    request_answer_json(a->r, json_door_put(made, "usage", openai_usage(usage)));
}

static bool take_token(void *context, unsigned index, const generation_token *token)
{
    text_answer *a = context;
    json_t *row = token_row(a->tokenizer, &token->drawn, token->top, token->top_count, true);
    return collected_token(&a->part[index].c, row);
}

static void fail(void *context, const hearth_error *error)
{
    text_answer *a = context;
    openai_fail(a->r, a->stream && a->begun, error);
}

static void drop(void *context)
{
    text_answer *a = context;
    for (unsigned i = 0; a->echo != NULL && i < a->choices / a->each; i++) {
        buffer_free(&a->echo[i].text);
        json_decref(a->echo[i].tokens);
    }
    for (unsigned i = 0; i < a->choices; i++) {
        collected_free(&a->part[i].c);
    }
    mem_free(a->echo);
    buffer_free(&a->lead);
    mem_free(a->model);
    mem_free(a);
}

static const answer_writer streamed = {.begin = stream_begin,
                                       .token = take_token,
                                       .text = stream_text,
                                       .finish = stream_finish,
                                       .end = stream_end,
                                       .fail = fail,
                                       .drop = drop};
static const answer_writer whole = {.begin = whole_begin,
                                    .token = take_token,
                                    .text = whole_text,
                                    .finish = whole_finish,
                                    .end = whole_end,
                                    .fail = fail,
                                    .drop = drop};

/* ---- prompts that are sent back ---- */

typedef struct echo_rows_context {
    const text_answer *a;
    echoed *e;
} echo_rows_context;

static bool add_echo_row(void *context, const generation_choice *drawn, const generation_choice *top, size_t count)
{
    const echo_rows_context *x = context;
    json_t *row = token_row(x->a->tokenizer, drawn, top, count, json_array_size(x->e->tokens) > 0);
    x->e->tokens = json_door_append(x->e->tokens, row);
    return x->e->tokens != NULL;
}

static hearth_status make_echo(text_answer *a, const chat_request *c, hearth_error *error)
{
    a->echo = mem_calloc(c->prompt_count, sizeof *a->echo);
    if (a->echo == NULL) {
        return error_memory(error, c->prompt_count * sizeof *a->echo);
    }
    for (size_t i = 0; i < c->prompt_count; i++) {
        const token_list *list = &c->prompts[i];
        buffer_init(&a->echo[i].text, 0);
        TRY(tokenizer_decode(a->tokenizer, list->ids, list->count, DECODE_PLAIN, &a->echo[i].text, error));
        if (c->logprobs) {
            echo_rows_context x = {.a = a, .e = &a->echo[i]};
            a->echo[i].tokens = json_array();
            TRY(prompt_scores(a->r, c->model, list, c->top_logprobs, add_echo_row, &x, error));
        }
    }
    return HEARTH_OK;
}

/* ---- the request ---- */

static bool read_one_prompt(chat_request *c, const json_t *prompt, failure *f)
{
    if (json_is_string(prompt)) {
        return chat_request_prompt(c, json_string_value(prompt), json_string_length(prompt), true, f);
    }
    return json_is_array(prompt) ? chat_request_ids(c, prompt, "prompt", f)
                                 : field_wrong("prompt",
                                               "a string, an array of strings, an array of tokens or an array "
                                               "of arrays of tokens",
                                               prompt, f);
}

static bool read_prompts(chat_request *c, const json_t *body, failure *f)
{
    const json_t *prompt = field_of(body, "prompt");
    const json_t *first = json_array_get(prompt, 0);
    if (prompt == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "prompt", "Missing required parameter: 'prompt'.");
    }
    if (!json_is_string(first) && !json_is_array(first)) {
        return read_one_prompt(c, prompt, f);
    }
    if (json_array_size(prompt) > ANSWERING_CHOICES) {
        return failure_set(f, 400, "invalid_value", "prompt", "Invalid 'prompt': at most %u prompts are taken.",
                           ANSWERING_CHOICES);
    }
    for (size_t i = 0; i < json_array_size(prompt); i++) {
        if (!read_one_prompt(c, json_array_get(prompt, i), f)) {
            return false;
        }
    }
    return true;
}

static bool read_lengths(chat_request *c, const json_t *body, text_settings *s, failure *f)
{
    uint64_t most = DEFAULT_TOKENS, choices = 1, top = 0, best = 0;
    const char *suffix = NULL;
    if (!field_flag(body, "echo", &s->echo, f) || !field_count(body, "max_tokens", 0, INT32_MAX, &most, f) ||
        !field_count(body, "n", 1, ANSWERING_CHOICES, &choices, f) ||
        !field_count(body, "best_of", 1, ANSWERING_CHOICES, &best, f) ||
        !field_count(body, "logprobs", 0, MOST_LOGPROBS, &top, f) || !field_text(body, "suffix", &suffix, f)) {
        return false;
    }
    if (suffix != NULL && suffix[0] != '\0') {
        return failure_set(f, 400, "unsupported", "suffix",
                           "'suffix' is not supported: texts are continued at their end.");
    }
    if (best > choices) {
        return failure_set(f, 400, "unsupported", "best_of", "'best_of' is not supported beyond 'n'.");
    }
    if (most == 0 && !s->echo) {
        return failure_set(f, 400, "invalid_value", "max_tokens", "Invalid 'max_tokens': 0 needs 'echo'.");
    }
    s->nothing = most == 0;
    c->most_tokens = (size_t)most;
    c->choices = (unsigned)choices;
    c->logprobs = field_of(body, "logprobs") != NULL;
    c->top_logprobs = (unsigned)top;
    return field_flag(body, "ignore_eos", &c->ignore_end, f);
}

static bool read_request(request *r, chat_request *c, text_settings *s, failure *f)
{
    const char *name = NULL;
    return field_text(r->body, "model", &name, f) && chat_request_open(r, name, c, f) && read_prompts(c, r->body, f) &&
           read_lengths(c, r->body, s, f) && chat_request_sampling(c, r->body, f) &&
           chat_request_stops(c, json_object_get(r->body, "stop"), "stop", f) && openai_read_format(r, c, r->body, f) &&
           chat_request_biases(c, json_object_get(r->body, "logit_bias"), f) && chat_request_check(c, f) &&
           openai_stream_fields(r->body, &s->stream, &s->usage, f);
}

static text_answer *create_answer(request *r, const chat_request *c, const text_settings *s, hearth_error *error)
{
    const unsigned count = (unsigned)c->prompt_count * c->choices;
    text_answer *a = mem_calloc(1, sizeof *a + count * sizeof(text_part));
    if (a == NULL) {
        (void)error_memory(error, sizeof *a);
        return NULL;
    }
    a->r = r;
    a->tokenizer = c->model->m->tokenizer;
    memcpy(a->fingerprint, c->model->fingerprint, sizeof a->fingerprint);
    a->created = (json_int_t)time(NULL);
    a->stream = s->stream;
    a->usage = s->usage;
    a->logprobs = c->logprobs;
    a->each = c->choices;
    a->choices = count;
    for (unsigned i = 0; i < count; i++) {
        collected_init(&a->part[i].c);
    }
    a->model = mem_strdup(c->model->name);
    if (a->model == NULL || (s->echo && make_echo(a, c, error) != HEARTH_OK)) {
        (void)(a->model == NULL ? error_memory(error, 0) : HEARTH_OK);
        drop(a);
        return NULL;
    }
    return a;
}

/* The prompts alone. */
static void answer_echo(text_answer *a, const chat_request *c)
{
    answer_usage usage = {0};
    for (size_t i = 0; i < c->prompt_count; i++) {
        usage.prompt_tokens += c->prompts[i].count;
    }
    const answer_writer *w = a->stream ? &streamed : &whole;
    bool good = w->begin(a);
    for (unsigned i = 0; i < a->choices && good; i++) {
        good = w->finish(a, i, FINISH_LENGTH, NULL);
    }
    access_spend(a->r, usage.prompt_tokens, 0);
    w->end(a, &usage);
    drop(a);
}

void openai_completions(request *r)
{
    failure f = {0};
    hearth_error error = {0};
    chat_request c = {0};
    text_settings s = {0};
    text_answer *a = NULL;
    bool good = read_request(r, &c, &s, &f);
    if (good && (a = create_answer(r, &c, &s, &error)) == NULL) {
        good = failure_from(&f, &error, NULL);
    }
    if (!good) {
        chat_request_free(r, &c);
        request_refuse(r, &f);
    } else if (s.nothing) {
        answer_echo(a, &c);
        chat_request_free(r, &c);
    } else if (!chat_request_start(r, &c, s.stream ? &streamed : &whole, a, &f)) {
        drop(a);
        request_refuse(r, &f);
    }
}
