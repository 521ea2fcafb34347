/* POST /v1/embeddings: texts to vectors. */
#include "serve/openai.h"

#include "base/base64.h"
#include "serve/access.h"
#include "serve/embedding.h"
#include "serve/fields.h"
#include "serve/values.h"

#include <string.h>

typedef struct embed_request {
    embedding e;
    bool base64;
} embed_request;

/* ---- the request ---- */

/* Tokens become the text that they stand for. */
static bool read_tokens(embedding *e, size_t index, const json_t *ids, failure *f)
{
    token_list list = {0};
    buffer text;
    hearth_error error = {0};
    buffer_init(&text, 0);
    bool good = field_tokens(ids, e->model->m->config.vocabulary, "input", &list, f);
    if (good &&
        tokenizer_decode(e->model->m->tokenizer, list.ids, list.count, DECODE_PLAIN, &text, &error) != HEARTH_OK) {
        good = failure_from(f, &error, "input");
    }
    if (good) {
        e->decoded[index] = text; /* any bytes, zeroes among them */
        e->texts[index] = (embed_text){buffer_text(&e->decoded[index]), text.length};
    } else {
        buffer_free(&text);
    }
    token_list_free(&list);
    return good;
}

static bool read_text(embedding *e, size_t index, const json_t *input, failure *f)
{
    if (json_is_array(input) && json_array_size(input) > 0) {
        return read_tokens(e, index, input, f);
    }
    if (!json_is_string(input)) {
        return field_wrong("input", "a string, an array of strings, an array of tokens or an array of arrays of tokens",
                           input, f);
    }
    e->texts[index] = (embed_text){json_string_value(input), json_string_length(input)};
    return json_string_length(input) > 0 ||
           failure_set(f, 400, "invalid_value", "input", "Invalid 'input': a text is empty.");
}

static bool read_input(embedding *e, const json_t *body, failure *f)
{
    const json_t *input = field_of(body, "input");
    if (input == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "input", "Missing required parameter: 'input'.");
    }
    const bool one = !json_is_array(input) || json_is_integer(json_array_get(input, 0));
    bool good = embedding_room(e, one ? 1 : json_array_size(input), f);
    for (size_t i = 0; i < e->count && good; i++) {
        good = read_text(e, i, one ? input : json_array_get(input, i), f);
    }
    return good;
}

static bool read_request(request *r, embed_request *e, failure *f)
{
    const char *name = NULL, *format = "float";
    if (!field_text(r->body, "model", &name, f) || !field_text(r->body, "encoding_format", &format, f) ||
        !field_count(r->body, "dimensions", 1, INT32_MAX, &e->e.dimensions, f)) {
        return false;
    }
    e->base64 = strcmp(format, "base64") == 0;
    if (!e->base64 && strcmp(format, "float") != 0) {
        return failure_set(f, 400, "invalid_value", "encoding_format",
                           "Invalid 'encoding_format': expected 'float' or 'base64', but got '%.60s'.", format);
    }
    return embedding_open(r, name, &e->e, f) && read_input(&e->e, r->body, f);
}

/* ---- vectors ---- */

static json_t *vector_json(const embed_request *e, size_t index)
{
    const size_t width = e->e.width;
    const float *v = e->e.vectors + index * width;
    json_t *value = NULL;
    if (e->base64) {
        buffer text;
        buffer_init(&text, 0);
        if (base64_encode(v, width * sizeof *v, &text, NULL) == HEARTH_OK) {
            value = json_stringn(buffer_text(&text), text.length);
        }
        buffer_free(&text);
    } else {
        value = values_vector(v, width);
    }
    json_t *row = json_pack("{s:s, s:I}", "object", "embedding", "index", (json_int_t)index);
    return json_door_put(row, "embedding", value);
}

static void answer(request *r, const embed_request *e)
{
    json_t *data = json_array();
    for (size_t i = 0; i < e->e.count; i++) {
        data = json_door_append(data, vector_json(e, i));
    }
    json_t *made = json_door_put(json_door_put(json_object(), "object", json_string("list")), "data", data);
    made = json_door_put(made, "model", json_door_string(e->e.model->name));
    access_spend(r, e->e.counts.tokens, 0);
    request_answer_json(r, json_door_put(made, "usage",
                                         json_pack("{s:I, s:I}", "prompt_tokens", (json_int_t)e->e.counts.tokens,
                                                   "total_tokens", (json_int_t)e->e.counts.tokens)));
}

void openai_embeddings(request *r)
{
    failure f = {0};
    embed_request e = {0};
    if (read_request(r, &e, &f) && embedding_run(r, &e.e, "input", &f)) {
        answer(r, &e);
    } else {
        request_refuse(r, &f);
    }
    embedding_free(r, &e.e);
}
