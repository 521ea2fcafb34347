/* The layers "params" and "system". */
#include "hub/ollama_brought.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "formats/json_file.h"
#include "formats/ollama_store.h"
#include "platform/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER_BYTES ((size_t)1 << 20)
#define REPEAT_LAST_N 64 /* where repeat_penalty is given and this is not */
#define MOST_STOPS 1000

/* A number of the layer within [least, most]; NAN where it is not there. */
static hearth_status number(const json_t *params, const char *where, const char *key, double least, double most,
                            double *ret, hearth_error *error)
{
    char expected[64];
    const json_t *value = json_object_get(params, key);
    *ret = NAN;
    if (value == NULL) {
        return HEARTH_OK;
    }
    (void)snprintf(expected, sizeof expected, "a number from %g to %g", least, most);
    if (!json_is_number(value) || !(json_number_value(value) >= least && json_number_value(value) <= most)) {
        return json_file_error(error, where, key, expected, value);
    }
    *ret = json_number_value(value);
    return HEARTH_OK;
}

static hearth_status take_numbers(ollama_brought *b, const char *where, hearth_error *error)
{
    double last = NAN;
    const struct {
        const char *key;
        double *field;
        double least, most;
    } rows[] = {
        {"temperature", &b->temperature, 0, 100},
        {"top_p", &b->top_p, 0, 1},
        {"min_p", &b->min_p, 0, 1},
        {"typical_p", &b->typical_p, 0, 1},
        {"repeat_penalty", &b->repetition_penalty, 0.01, 100},
        {"presence_penalty", &b->presence_penalty, -100, 100},
        {"frequency_penalty", &b->frequency_penalty, -100, 100},
        {"top_k", &b->top_k, 0, LIMIT_VOCABULARY},
        {"repeat_last_n", &last, -1, LIMIT_CONTEXT},
        {"num_predict", &b->most_tokens, -2, 1e9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        TRY(number(b->params, where, rows[i].key, rows[i].least, rows[i].most, rows[i].field, error));
    }
    b->top_k = floor(b->top_k);
    b->most_tokens = b->most_tokens >= 1 ? floor(b->most_tokens) : NAN;
    if (!isnan(b->repetition_penalty)) {
        b->penalty_window = isnan(last) ? REPEAT_LAST_N : last > 0 ? floor(last) : 0; /* -1: all */
    }
    return HEARTH_OK;
}

static hearth_status take_stops(ollama_brought *b, const char *where, hearth_error *error)
{
    const json_t *stops = json_object_get(b->params, "stop");
    if (stops == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_array(stops) || json_array_size(stops) > MOST_STOPS) {
        return json_file_error(error, where, "stop", "an array of texts", stops);
    }
    for (size_t i = 0; i < json_array_size(stops); i++) {
        const char *text = json_string_value(json_array_get(stops, i));
        if (text == NULL || text[0] == '\0') {
            return json_file_error(error, where, "stop", "an array of texts", json_array_get(stops, i));
        }
    }
    b->stops = stops;
    return HEARTH_OK;
}

static hearth_status read_layer(const char *store, const ollama_manifest *manifest, const char *kind, char **ret_path,
                                buffer *out, hearth_error *error)
{
    const ollama_layer *layer = ollama_manifest_find(manifest, kind);
    *ret_path = layer != NULL ? ollama_store_blob_path(store, layer->digest) : NULL;
    if (*ret_path == NULL) {
        return layer == NULL ? HEARTH_OK : error_memory(error, 0);
    }
    return file_read(*ret_path, LAYER_BYTES, out, error);
}

static hearth_status take_params(const char *store, const ollama_manifest *manifest, ollama_brought *b,
                                 hearth_error *error)
{
    char *path = NULL;
    buffer text;
    buffer_init(&text, LAYER_BYTES);
    hearth_status status = read_layer(store, manifest, "params", &path, &text, error);
    if (status == HEARTH_OK && path != NULL) {
        status = json_door_parse(buffer_text(&text), text.length, path, &b->params, error);
        status = status == HEARTH_OK ? take_numbers(b, path, error) : status;
        status = status == HEARTH_OK ? take_stops(b, path, error) : status;
    }
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status take_system(const char *store, const ollama_manifest *manifest, ollama_brought *b,
                                 hearth_error *error)
{
    char *path = NULL;
    hearth_status status = read_layer(store, manifest, "system", &path, &b->system, error);
    const buffer *text = &b->system;
    if (status == HEARTH_OK && text->length > 0 &&
        (!utf8_valid(text->data, text->length) || memchr(text->data, '\0', text->length) != NULL)) {
        status = error_set(error, HEARTH_E_FORMAT, "system message", "UTF-8 without NUL", "something else");
        error_in_file(error, path);
    }
    mem_free(path);
    return status;
}

hearth_status ollama_brought_read(const char *name, ollama_brought *ret, hearth_error *error)
{
    model_name parts;
    *ret = (ollama_brought){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NULL, {0}, NULL};
    buffer_init(&ret->system, LAYER_BYTES);
    if (file_exists(name) || model_name_parse(name, &parts, NULL) != HEARTH_OK || parts.source != MODEL_SOURCE_OLLAMA) {
        return HEARTH_OK;
    }
    ollama_manifest *manifest = NULL;
    char *store = ollama_store_folder();
    hearth_status status = store != NULL ? ollama_store_read(store, &parts, &manifest, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? take_params(store, manifest, ret, error) : status;
    status = status == HEARTH_OK ? take_system(store, manifest, ret, error) : status;
    mem_free(manifest);
    mem_free(store);
    return status;
}

void ollama_brought_free(ollama_brought *b)
{
    json_decref(b->params);
    buffer_free(&b->system);
    *b = (ollama_brought){.params = NULL};
}
