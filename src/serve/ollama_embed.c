/* POST /api/embed and /api/embeddings. */
#include "serve/ollama.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "serve/access.h"
#include "serve/embedding.h"
#include "serve/fields.h"
#include "serve/server.h"
#include "serve/values.h"

#include <string.h>

typedef struct vectors {
    embedding e;
    bool one; /* a single text, whose vector is told by itself */
    bool truncate;
    double load_s;
} vectors;

static bool read_one(vectors *v, size_t index, const json_t *text, const char *name, failure *f)
{
    if (!json_is_string(text)) {
        return field_wrong(name, "a string or an array of strings", text, f);
    }
    v->e.texts[index] = (embed_text){json_string_value(text), json_string_length(text)};
    return json_string_length(text) > 0 ||
           failure_set(f, 400, "invalid_value", name, "Invalid '%s': a text is empty.", name);
}

static bool read_texts(vectors *v, const json_t *body, failure *f)
{
    const char *name = v->one ? "prompt" : "input";
    const json_t *input = field_of(body, name);
    if (input == NULL) {
        return failure_set(f, 400, "missing_required_parameter", name, "%s is required", name);
    }
    const bool list = json_is_array(input) && !v->one;
    const size_t count = list ? json_array_size(input) : 1;
    if (!embedding_room(&v->e, count, f)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_one(v, i, list ? json_array_get(input, i) : input, name, f)) {
            return false;
        }
    }
    return true;
}

static bool read_request(request *r, vectors *v, failure *f)
{
    uint64_t dimensions = 0;
    const double began = time_seconds();
    const char *name = ollama_model_name(r->body, f);
    if (name == NULL || !embedding_open(r, name, &v->e, f)) {
        return false;
    }
    v->load_s = time_seconds() - began;
    if (!field_flag(r->body, "truncate", &v->truncate, f) ||
        !field_count(r->body, "dimensions", 0, v->e.model->m->config.width, &dimensions, f)) {
        return false;
    }
    v->e.dimensions = dimensions;
    return read_texts(v, r->body, f);
}

static void answer(request *r, const vectors *v)
{
    access_spend(r, v->e.counts.tokens, 0);
    if (v->one) {
        request_answer_json(r, json_door_put(json_object(), "embedding", values_vector(v->e.vectors, v->e.width)));
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < v->e.count; i++) {
        list = json_door_append(list, values_vector(v->e.vectors + i * v->e.width, v->e.width));
    }
    json_t *made = json_door_put(json_object(), "model", json_door_string(v->e.model->name));
    made = json_door_put(made, "embeddings", list);
    made = json_door_put(made, "total_duration", ollama_duration(time_seconds() - r->began));
    made = json_door_put(made, "load_duration", ollama_duration(v->load_s));
    request_answer_json(r, json_door_put(made, "prompt_eval_count", json_integer((json_int_t)v->e.counts.tokens)));
}

static void embed(request *r, bool one)
{
    failure f = {0};
    vectors v = {.one = one, .truncate = true};
    bool good = read_request(r, &v, &f) && embedding_run(r, &v.e, one ? "prompt" : "input", &f);
    if (good && !v.truncate && v.e.counts.cut > 0) {
        good = failure_set(&f, 400, "context_length_exceeded", "input", "the input length exceeds the context length");
    }
    if (good) {
        answer(r, &v);
    } else {
        request_refuse(r, &f);
    }
    embedding_free(r, &v.e);
}

void ollama_embed(request *r)
{
    embed(r, false);
}

void ollama_embeddings(request *r)
{
    embed(r, true);
}
