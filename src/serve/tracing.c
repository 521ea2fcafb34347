/* POST /v1/trace: {"model", "text", "prompt"} to the spans of `text` that stand in the training data. The model itself
 * is not asked, nor opened. */
#include "serve/tracing.h"

#include "base/memory.h"
#include "serve/access.h"
#include "serve/fields.h"
#include "serve/models.h"
#include "serve/routes.h"
#include "serve/server.h"
#include "trace/attribute.h"

#include <string.h>

typedef struct traced_model {
    char *name; /* NULL: all others */
    trace_index *index;
} traced_model;

struct tracing {
    traced_model *rows;
    size_t count;
};

/* ---- the indexes ---- */

static hearth_status open_row(const char *operand, traced_model *ret, hearth_error *error)
{
    const char *equals = strchr(operand, '=');
    const char *folder = equals != NULL ? equals + 1 : operand;
    if (equals != NULL) {
        ret->name = mem_strdup(operand);
        if (ret->name == NULL) {
            return error_memory(error, strlen(operand));
        }
        ret->name[equals - operand] = '\0';
    }
    return trace_index_open(folder, 1, &ret->index, error);
}

hearth_status tracing_open(const char *const *indexes, tracing **ret, hearth_error *error)
{
    size_t count = 0;
    while (indexes != NULL && indexes[count] != NULL) {
        count++;
    }
    tracing *t = mem_calloc(1, sizeof *t);
    traced_model *rows = mem_calloc(count + 1, sizeof *rows);
    if (t == NULL || rows == NULL) {
        mem_free(t);
        mem_free(rows);
        return error_memory(error, count * sizeof *rows);
    }
    t->rows = rows;
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; status == HEARTH_OK && i < count; i++) {
        status = open_row(indexes[i], &t->rows[t->count++], error);
    }
    if (status != HEARTH_OK) {
        tracing_close(t);
        return status;
    }
    *ret = t;
    return HEARTH_OK;
}

void tracing_close(tracing *t)
{
    if (t != NULL) {
        for (size_t i = 0; i < t->count; i++) {
            trace_index_close(t->rows[i].index);
            mem_free(t->rows[i].name);
        }
        mem_free(t->rows);
        mem_free(t);
    }
}

const trace_index *tracing_index(const tracing *t, const char *name)
{
    const trace_index *any = NULL;
    for (size_t i = 0; i < t->count; i++) {
        if (t->rows[i].name == NULL) {
            any = any != NULL ? any : t->rows[i].index;
        } else if (strcmp(t->rows[i].name, name) == 0) {
            return t->rows[i].index;
        }
    }
    return any;
}

/* ---- the request ---- */

typedef struct trace_request {
    char name[256];
    const trace_index *index;
    rank_text prompt, text;
    attribution_options how;
} trace_request;

static bool read_name(const request *r, trace_request *t, failure *f)
{
    const char *name = NULL;
    if (!field_text(r->body, "model", &name, f)) {
        return false;
    }
    models_resolve(server_models(r->s), name, t->name, sizeof t->name);
    if (!models_has(server_models(r->s), t->name)) {
        return failure_set(f, 404, "model_not_found", "model", "The model `%.200s` does not exist.", t->name);
    }
    t->index = tracing_index(server_tracing(r->s), t->name);
    return t->index != NULL || failure_set(f, 404, "no_index", "model",
                                           "The model `%.200s` has no index of its training data here.", t->name);
}

static bool read_texts(const json_t *body, trace_request *t, failure *f)
{
    const char *prompt = "", *text = NULL;
    if (!field_text(body, "prompt", &prompt, f) || !field_text(body, "text", &text, f)) {
        return false;
    }
    if (text == NULL) {
        return failure_set(f, 400, "missing_required_parameter", "text", "Missing required parameter: 'text'.");
    }
    t->text = (rank_text){text, json_string_length(json_object_get(body, "text"))};
    t->prompt = (rank_text){prompt, strlen(prompt)};
    return t->text.length <= ATTRIBUTION_MOST_ASKED ||
           failure_set(f, 400, "invalid_value", "text", "Invalid 'text': longer than %zu bytes.",
                       ATTRIBUTION_MOST_ASKED);
}

static bool read_request(const request *r, trace_request *t, failure *f)
{
    uint64_t documents = t->how.documents, context = t->how.context;
    const bool good = read_name(r, t, f) && read_texts(r->body, t, f) &&
                      field_count(r->body, "documents", 1, ATTRIBUTION_MOST_DOCUMENTS, &documents, f) &&
                      field_count(r->body, "context", 0, ATTRIBUTION_MOST_CONTEXT, &context, f) &&
                      field_count(r->body, "seed", 0, INT64_MAX, &t->how.seed, f);
    t->how.documents = (size_t)documents;
    t->how.context = (size_t)context;
    return good;
}

static void trace(request *r)
{
    failure f = {0};
    hearth_error error = {0};
    attribution found = {0};
    trace_request t = {.how = ATTRIBUTION_DEFAULTS};
    if (!read_request(r, &t, &f)) {
        request_refuse(r, &f);
    } else if (attribute_answer(t.index, &t.prompt, &t.text, &t.how, &found, &error) != HEARTH_OK) {
        error.file[0] = '\0'; /* a path of this machine's is nobody's business */
        request_refuse_error(r, &error, "text");
    } else {
        json_t *made = json_door_put(json_object(), "object", json_string("trace"));
        made = json_door_put(made, "model", json_door_string(t.name));
        request_answer_json(r, json_door_put(made, "trace", attribution_json(&found, t.index, &t.text)));
    }
    attribution_free(&found);
}

const route routes_trace[] = {
    {"POST", "/v1/trace", RIGHT_INFER, API_OPENAI, false, true, trace},
    {NULL, NULL, RIGHT_OPEN, API_OPENAI, false, false, NULL},
};
