/* What an Ollama model brings along besides its weights: a system message and settings (docs/hub.md). They are what
 * the options would be; each option that was given goes before them. */
#include "cli/run.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "formats/json_file.h"
#include "formats/ollama_store.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAYER_BYTES ((size_t)1 << 20)
#define OLLAMA_REPEAT_LAST_N 64 /* where repeat_penalty is given and this is not */

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

static hearth_status take_reals(const json_t *params, const char *where, run_settings *s, hearth_error *error)
{
    const struct {
        const char *key;
        double *field;
        double least, most;
    } rows[] = {
        {"temperature", &s->temperature, 0, 100},
        {"top_p", &s->top_p, 0, 1},
        {"min_p", &s->min_p, 0, 1},
        {"typical_p", &s->typical, 0, 1},
        {"repeat_penalty", &s->repetition_penalty, 0.01, 100},
        {"presence_penalty", &s->presence_penalty, -100, 100},
        {"frequency_penalty", &s->frequency_penalty, -100, 100},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value = NAN;
        TRY(number(params, where, rows[i].key, rows[i].least, rows[i].most, &value, error));
        *rows[i].field = isnan(*rows[i].field) ? value : *rows[i].field;
    }
    return HEARTH_OK;
}

static hearth_status take_counts(const json_t *params, const char *where, run_settings *s, hearth_error *error)
{
    double top_k = NAN, last = NAN, most = NAN;
    TRY(number(params, where, "top_k", 0, LIMIT_VOCABULARY, &top_k, error));
    TRY(number(params, where, "repeat_last_n", -1, LIMIT_CONTEXT, &last, error));
    TRY(number(params, where, "num_predict", -2, 1e9, &most, error));
    if (s->top_k == RUN_TOP_K_UNSET && !isnan(top_k)) {
        s->top_k = (size_t)top_k;
    }
    if (s->penalty_window == 0 && json_object_get(params, "repeat_penalty") != NULL) {
        s->penalty_window = isnan(last) ? OLLAMA_REPEAT_LAST_N : (last > 0 ? (size_t)last : 0); /* -1: all */
    }
    if (s->most_tokens == 0 && most >= 1) {
        s->most_tokens = (size_t)most;
    }
    return HEARTH_OK;
}

static hearth_status take_stops(const json_t *params, const char *where, run_settings *s, hearth_error *error)
{
    const json_t *stops = json_object_get(params, "stop");
    if (stops == NULL || s->stops.count > 0) {
        return HEARTH_OK;
    }
    if (!json_is_array(stops) || json_array_size(stops) > 1000) {
        return json_file_error(error, where, "stop", "an array of texts", stops);
    }
    const size_t count = json_array_size(stops);
    const char **items = mem_realloc(s->stops.items, (count + 1) * sizeof *items);
    if (items == NULL) {
        return error_memory(error, count * sizeof *items);
    }
    s->stops.items = items;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(stops, i));
        if (text == NULL || text[0] == '\0') {
            return json_file_error(error, where, "stop", "an array of texts", json_array_get(stops, i));
        }
        items[s->stops.count++] = text; /* the JSON value stays as long as the settings */
    }
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

static hearth_status take_params(const char *store, const ollama_manifest *manifest, run_settings *s,
                                 run_brought *brought, hearth_error *error)
{
    char *path = NULL;
    buffer text;
    buffer_init(&text, LAYER_BYTES);
    hearth_status status = read_layer(store, manifest, "params", &path, &text, error);
    if (status == HEARTH_OK && path != NULL) {
        status = json_door_parse(buffer_text(&text), text.length, path, &brought->params, error);
        status = status == HEARTH_OK ? take_reals(brought->params, path, s, error) : status;
        status = status == HEARTH_OK ? take_counts(brought->params, path, s, error) : status;
        status = status == HEARTH_OK ? take_stops(brought->params, path, s, error) : status;
    }
    buffer_free(&text);
    mem_free(path);
    return status;
}

static hearth_status take_system(const char *store, const ollama_manifest *manifest, run_brought *brought,
                                 hearth_error *error)
{
    char *path = NULL;
    buffer_init(&brought->system, LAYER_BYTES);
    hearth_status status = read_layer(store, manifest, "system", &path, &brought->system, error);
    const buffer *text = &brought->system;
    if (status == HEARTH_OK && text->length > 0 &&
        (!utf8_valid(text->data, text->length) || memchr(text->data, '\0', text->length) != NULL)) {
        status = error_set(error, HEARTH_E_FORMAT, "system message", "UTF-8 without NUL", "something else");
        error_in_file(error, path);
    }
    mem_free(path);
    return status;
}

hearth_status run_take_brought(const char *name, run_settings *s, run_brought *ret, hearth_error *error)
{
    model_name parts;
    if (file_exists(name) || model_name_parse(name, &parts, NULL) != HEARTH_OK || parts.source != MODEL_SOURCE_OLLAMA) {
        return HEARTH_OK;
    }
    ollama_manifest *manifest = NULL;
    char *store = ollama_store_folder();
    hearth_status status = store != NULL ? ollama_store_read(store, &parts, &manifest, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? take_params(store, manifest, s, ret, error) : status;
    if (status == HEARTH_OK && s->system == NULL) {
        status = take_system(store, manifest, ret, error);
    }
    mem_free(manifest);
    mem_free(store);
    return status;
}

void run_free_brought(run_brought *brought)
{
    json_decref(brought->params);
    buffer_free(&brought->system);
    *brought = (run_brought){0};
}
