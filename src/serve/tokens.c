/* /tokenize, /detokenize, /v1/score: what a model reads, and how likely it finds a text. */
#include "serve/access.h"
#include "serve/fields.h"
#include "serve/prompt_scores.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "serve/values.h"

#include "base/memory.h"

#include <string.h>

/* The model that the body names. */
static bool take_model(request *r, served_model **ret, failure *f)
{
    hearth_error error = {0};
    const char *name = NULL;
    return field_text(r->body, "model", &name, f) &&
           (models_take(server_models(r->s), name, ret, &error) == HEARTH_OK || models_refusal(name, &error, f));
}

/* ---- text to tokens ---- */

/* "prompt" (as vLLM has it) or "content" (as llama-server has it). */
static bool read_text(const json_t *body, const char **ret, size_t *ret_length, failure *f)
{
    const char *name = field_of(body, "prompt") != NULL ? "prompt" : "content";
    if (field_of(body, name) == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "prompt", "Missing required parameter: 'prompt'.");
    }
    *ret_length = json_string_length(json_object_get(body, name));
    return field_fits(name, *ret_length, f) && field_text(body, name, ret, f);
}

static bool tokenize_text(request *r, const served_model *m, token_list *list, failure *f)
{
    const char *text = NULL;
    size_t length = 0;
    bool add_special = true, parse_special = true;
    hearth_error error = {0};
    if (!read_text(r->body, &text, &length, f) || !field_flag(r->body, "add_special_tokens", &add_special, f) ||
        !field_flag(r->body, "add_special", &add_special, f) ||
        !field_flag(r->body, "parse_special", &parse_special, f)) {
        return false;
    }
    const unsigned flags = (add_special ? ENCODE_ADD_BOS : 0) | (parse_special ? ENCODE_PARSE_SPECIAL : 0);
    return tokenizer_encode(m->m->tokenizer, text, length, flags, list, &error) == HEARTH_OK ||
           failure_from(f, &error, "prompt");
}

static void tokenize(request *r)
{
    failure f = {0};
    served_model *m = NULL;
    token_list list = {0};
    if (take_model(r, &m, &f) && tokenize_text(r, m, &list, &f)) {
        request_answer_json(r, json_pack("{s:o, s:I, s:I}", "tokens",
                                         values_append_ids(json_array(), list.ids, list.count), "count",
                                         (json_int_t)list.count, "max_model_len", (json_int_t)m->context));
    } else {
        request_refuse(r, &f);
    }
    token_list_free(&list);
    models_give_back(server_models(r->s), m);
}

/* ---- tokens to text ---- */

static bool read_ids(const json_t *body, const served_model *m, token_list *list, failure *f)
{
    const json_t *ids = NULL;
    if (!field_array(body, "tokens", &ids, f)) {
        return false;
    }
    if (ids == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "tokens", "Missing required parameter: 'tokens'.");
    }
    return field_tokens(ids, tokenizer_vocabulary_size(m->m->tokenizer), "tokens", list, f);
}

static void detokenize(request *r)
{
    failure f = {0};
    served_model *m = NULL;
    token_list list = {0};
    buffer text;
    hearth_error error = {0};
    buffer_init(&text, 0);
    bool good = take_model(r, &m, &f) && read_ids(r->body, m, &list, &f);
    if (good && tokenizer_decode(m->m->tokenizer, list.ids, list.count, DECODE_SPECIAL, &text, &error) != HEARTH_OK) {
        good = failure_from(&f, &error, "tokens");
    }
    if (good) {
        json_t *prompt = json_door_text(buffer_text(&text), text.length);
        json_t *made = json_door_put(json_object(), "prompt", prompt);
        request_answer_json(r, json_door_put(made, "content", json_incref(prompt)));
    } else {
        request_refuse(r, &f);
    }
    buffer_free(&text);
    token_list_free(&list);
    models_give_back(server_models(r->s), m);
}

/* ---- scores ---- */

typedef struct score_sum {
    json_t *rows;
    double sum;
} score_sum;

static bool add_score(void *context, const generation_choice *token, const generation_choice *top, size_t count)
{
    (void)top;
    (void)count;
    score_sum *s = context;
    const bool first = json_array_size(s->rows) == 0;
    s->sum += first ? 0 : (double)token->logprob;
    s->rows = json_door_append(s->rows, first ? json_null() : json_door_float(token->logprob));
    return s->rows != NULL;
}

static bool score_text(request *r, served_model *m, token_list *list, score_sum *sum, failure *f)
{
    hearth_error error = {0};
    if (m->scheduler == NULL) {
        return failure_set(f, 400, "unsupported", "model", "The model `%.200s` predicts no text.", m->name);
    }
    list->most = 2 * m->context;
    if (!tokenize_text(r, m, list, f)) {
        return false;
    }
    if (list->cut || list->count < 2 || list->count > m->context) {
        const bool empty = !list->cut && list->count < 2;
        return failure_set(f, 400, empty ? "invalid_value" : "context_length_exceeded", "prompt",
                           "Invalid 'prompt': expected 2 to %zu tokens, but got %s%zu.", m->context,
                           list->cut ? "more than " : "", list->cut ? list->most : list->count);
    }
    return prompt_scores(r, m, list, 0, add_score, sum, &error) == HEARTH_OK || failure_from(f, &error, "prompt");
}

static void score(request *r)
{
    failure f = {0};
    served_model *m = NULL;
    token_list list = {0};
    score_sum sum = {.rows = json_array()};
    if (take_model(r, &m, &f) && score_text(r, m, &list, &sum, &f)) {
        json_t *made = json_pack("{s:s, s:o, s:O}", "object", "score", "tokens",
                                 values_append_ids(json_array(), list.ids, list.count), "logprobs", sum.rows);
        access_spend(r, list.count, 0);
        made = json_door_put(made, "sum", json_door_number(sum.sum));
        request_answer_json(r, json_door_put(made, "model", json_door_string(m->name)));
    } else {
        request_refuse(r, &f);
    }
    json_decref(sum.rows);
    token_list_free(&list);
    models_give_back(server_models(r->s), m);
}

const route routes_tokens[] = {
    {"POST", "/tokenize", RIGHT_INFER, API_OPENAI, false, true, tokenize},
    {"POST", "/detokenize", RIGHT_INFER, API_OPENAI, false, true, detokenize},
    {"POST", "/v1/score", RIGHT_INFER, API_OPENAI, false, true, score},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
