/* A recording's lines, checked. */
#include "serve/replay.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "hearth/hearth.h"
#include "model/kv_cache.h"
#include "platform/file.h"
#include "serve/fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ---- */

static hearth_status wrong(const char *path, size_t line, const char *field, const char *expected, const char *found,
                           hearth_error *error)
{
    char place[200];
    snprintf(place, sizeof place, "line %zu, %s", line, field);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%.200s", found);
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

/* What a reader of fields says (serve/fields.h). */
static hearth_status wrong_field(const char *path, size_t line, const failure *f, hearth_error *error)
{
    return wrong(path, line, f->param[0] != '\0' ? f->param : "a field", NULL, f->message, error);
}

/* ---- fields ---- */

static hearth_status read_text(const json_t *o, const char *path, size_t line, const char *name, char **ret,
                               hearth_error *error)
{
    const json_t *value = json_object_get(o, name);
    if (json_string_length(value) == 0 || strlen(json_string_value(value)) != json_string_length(value)) {
        return wrong(path, line, name, "a text", "something else", error);
    }
    *ret = mem_strdup(json_string_value(value));
    return *ret != NULL ? HEARTH_OK : error_memory(error, json_string_length(value));
}

static hearth_status read_ids(const json_t *o, const char *path, size_t line, const char *name, token_list *ret,
                              hearth_error *error)
{
    const json_t *list = json_object_get(o, name);
    if (json_array_size(list) == 0 || json_array_size(list) > LIMIT_CONTEXT) {
        return wrong(path, line, name, "tokens", "none, or too many", error);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *id = json_array_get(list, i);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= LIMIT_VOCABULARY) {
            return wrong(path, line, name, "ids of tokens", "something else among them", error);
        }
        TRY(token_list_append(ret, (int32_t)json_integer_value(id), error));
    }
    return HEARTH_OK;
}

/* The place of a field's text in a list; its length where it is none of it. */
static size_t place_in(const char *const *list, const json_t *value)
{
    size_t i = 0;
    while (list[i] != NULL && (!json_is_string(value) || strcmp(list[i], json_string_value(value)) != 0)) {
        i++;
    }
    return i;
}

static hearth_status read_model(const json_t *o, const char *path, replay_record *r, hearth_error *error)
{
    static const char *const computes[] = {"native", "f32", NULL}; /* as compute has them */
    const json_t *print = json_object_get(o, "fingerprint");
    const size_t how = place_in(computes, json_object_get(o, "compute"));
    const size_t cache = place_in(cache_type_names, json_object_get(o, "cache"));
    uint64_t context = 0;
    failure f = {0};
    TRY(read_text(o, path, r->line, "model", &r->model, error));
    TRY(read_text(o, path, r->line, "source", &r->source, error));
    if (json_string_length(print) == 0 || json_string_length(print) >= sizeof r->fingerprint) {
        return wrong(path, r->line, "fingerprint", "a model's fingerprint", "something else", error);
    }
    snprintf(r->fingerprint, sizeof r->fingerprint, "%s", json_string_value(print));
    if (computes[how] == NULL || cache_type_names[cache] == NULL) {
        return wrong(path, r->line, computes[how] == NULL ? "compute" : "cache", "how this program computes",
                     "something else", error);
    }
    r->compute = (compute)how;
    r->cache = (int)cache;
    if (!field_count(o, "context", 1, LIMIT_CONTEXT, &context, &f)) {
        return wrong_field(path, r->line, &f, error);
    }
    r->context = (size_t)context;
    return context > 0 ? HEARTH_OK : wrong(path, r->line, "context", "a number of tokens", "none", error);
}

static hearth_status read_biases(const json_t *list, const char *path, replay_record *r, hearth_error *error)
{
    const size_t count = json_array_size(list);
    if (!json_is_array(list) || count > LIMIT_VOCABULARY) {
        return wrong(path, r->line, "biases", "pairs of a token and a number", "something else", error);
    }
    r->biases = mem_calloc(count + 1, sizeof *r->biases);
    if (r->biases == NULL) {
        return error_memory(error, count * sizeof *r->biases);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(list, i);
        const json_t *id = json_array_get(pair, 0), *bias = json_array_get(pair, 1);
        if (json_array_size(pair) != 2 || !json_is_integer(id) || json_integer_value(id) < 0 ||
            json_integer_value(id) >= LIMIT_VOCABULARY ||
            !(json_is_null(bias) || (json_is_number(bias) && fabs(json_number_value(bias)) <= 1e6))) {
            return wrong(path, r->line, "biases", "pairs of a token and a number", "something else", error);
        }
        r->biases[i] = (logit_bias){.token = (int32_t)json_integer_value(id),
                                    .bias = json_is_null(bias) ? -INFINITY : (float)json_number_value(bias)};
    }
    r->sampling.biases = r->biases;
    r->sampling.bias_count = count;
    return HEARTH_OK;
}

static hearth_status read_settings(const json_t *o, const char *path, replay_record *r, hearth_error *error)
{
    failure f = {0};
    const json_t *s = json_object_get(o, "sampling");
    sampling *to = &r->sampling;
    uint64_t top_k = 0, window = 0, seed = 0;
    *to = sampling_default();
    if (!json_is_object(s)) {
        return wrong(path, r->line, "sampling", "an object", "something else", error);
    }
    const bool good =
        field_real(s, "temperature", 0, 100, &to->temperature, &f) && field_real(s, "top_p", 0, 1, &to->top_p, &f) &&
        field_real(s, "min_p", 0, 1, &to->min_p, &f) && field_real(s, "typical_p", 0, 1, &to->typical_p, &f) &&
        field_real(s, "repetition_penalty", 0.01, 100, &to->repetition_penalty, &f) &&
        field_real(s, "presence_penalty", -100, 100, &to->presence_penalty, &f) &&
        field_real(s, "frequency_penalty", -100, 100, &to->frequency_penalty, &f) &&
        field_count(s, "top_k", 0, LIMIT_VOCABULARY, &top_k, &f) &&
        field_count(s, "penalty_window", 0, LIMIT_CONTEXT, &window, &f) &&
        field_count(s, "seed", 0, INT64_MAX, &seed, &f) && field_flag(o, "ignore_end", &r->ignore_end, &f);
    if (!good) {
        return wrong_field(path, r->line, &f, error);
    }
    to->top_k = (uint32_t)top_k;
    to->penalty_window = (uint32_t)window;
    to->seed = seed;
    return read_biases(json_object_get(s, "biases"), path, r, error);
}

static hearth_status read_calls(json_t *source, const char *path, replay_record *r, hearth_error *error)
{
    const json_t *tools = json_object_get(source, "tools");
    bool good = json_array_size(tools) > 0;
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *function = json_object_get(json_array_get(tools, i), "function");
        good = good && json_is_string(json_object_get(function, "name"));
    }
    r->bound = r->calls = true;
    r->constraint = json_incref(source);
    return good ? HEARTH_OK : wrong(path, r->line, "constraint", "tools with their names", "something else", error);
}

static hearth_status read_constraint(const json_t *o, const char *path, replay_record *r, hearth_error *error)
{
    const json_t *bound = json_object_get(o, "constraint");
    const size_t kind = place_in(grammar_kind_names, json_object_get(bound, "kind"));
    json_t *source = json_object_get(bound, "source");
    if (bound == NULL) {
        return HEARTH_OK;
    }
    if (json_is_string(json_object_get(bound, "kind")) &&
        strcmp(json_string_value(json_object_get(bound, "kind")), RECORDED_CALLS) == 0) {
        return read_calls(source, path, r, error);
    }
    const bool fits = kind == GRAMMAR_OBJECT || (kind == GRAMMAR_GBNF ? json_is_string(source) : source != NULL);
    if (grammar_kind_names[kind] == NULL || !fits) {
        return wrong(path, r->line, "constraint", "a schema, any object or a grammar", "something else", error);
    }
    r->bound = true;
    r->kind = (grammar_kind)kind;
    r->thought_before = json_is_boolean(json_object_get(bound, "thinks"));
    r->thinks = json_is_true(json_object_get(bound, "thinks"));
    r->may_think = json_is_true(json_object_get(bound, "may_think"));
    r->constraint = kind == GRAMMAR_OBJECT ? NULL : json_incref(source);
    return HEARTH_OK;
}

static hearth_status check_hash(const json_t *o, const char *path, const replay_record *r, hearth_error *error)
{
    char made[HASH_HEX_SIZE];
    const char *kept = json_string_value(json_object_get(o, "sha256"));
    TRY(recording_hash(&r->tokens, made, error));
    if (kept == NULL || strcmp(kept, made) != 0) {
        return wrong(path, r->line, "sha256", made, kept != NULL ? kept : "none", error);
    }
    return HEARTH_OK;
}

static hearth_status read_record(const json_t *o, const char *path, replay_record *r, hearth_error *error)
{
    const json_t *version = json_object_get(o, "hearth_record"), *contract = json_object_get(o, "contract");
    char found[64];
    if (!json_is_integer(version) || json_integer_value(version) != RECORDING_VERSION) {
        return wrong(path, r->line, "hearth_record", "1", "something else", error);
    }
    if (!json_is_integer(contract) || json_integer_value(contract) != (json_int_t)hearth_numeric_contract()) {
        char expected[64];
        snprintf(expected, sizeof expected, "%u, this program's numeric contract", hearth_numeric_contract());
        snprintf(found, sizeof found, "%lld", (long long)json_integer_value(contract));
        return wrong(path, r->line, "contract", expected, found, error);
    }
    TRY(read_model(o, path, r, error));
    TRY(read_settings(o, path, r, error));
    TRY(read_constraint(o, path, r, error));
    TRY(read_ids(o, path, r->line, "prompt", &r->prompt, error));
    TRY(read_ids(o, path, r->line, "tokens", &r->tokens, error));
    if (recording_ends[place_in(recording_ends, json_object_get(o, "end"))] == NULL) {
        return wrong(path, r->line, "end", "why the answer ended", "something else", error);
    }
    if (r->prompt.count + r->tokens.count > r->context + 1) {
        return wrong(path, r->line, "tokens", "no more than the context holds", "more", error);
    }
    return check_hash(o, path, r, error);
}

/* ---- lines ---- */

static hearth_status add_line(replay_file *f, const char *text, size_t length, size_t line, size_t *room,
                              hearth_error *error)
{
    json_t *o = NULL;
    if (f->count == *room) {
        const size_t grown = *room == 0 ? 64 : *room * 2;
        replay_record *records = mem_realloc(f->records, grown * sizeof *records);
        if (records == NULL) {
            return error_memory(error, grown * sizeof *records);
        }
        f->records = records;
        *room = grown;
    }
    if (json_door_parse(text, length, NULL, &o, error) != HEARTH_OK) {
        char why[300];
        return wrong(f->path, line, "JSON", NULL, hearth_error_line(error, why, sizeof why), error);
    }
    f->records[f->count] = (replay_record){.line = line};
    const hearth_status status = read_record(o, f->path, &f->records[f->count++], error);
    json_decref(o);
    return status;
}

static hearth_status read_lines(replay_file *f, const file_map *map, hearth_error *error)
{
    const char *text = (const char *)map->data;
    size_t room = 0, line = 1;
    for (size_t at = 0; at < map->size; line++) {
        const char *end = memchr(text + at, '\n', map->size - at);
        if (end == NULL) {
            f->cut = true;
            break;
        }
        const size_t length = (size_t)(end - (text + at));
        TRY(add_line(f, text + at, length, line, &room, error));
        at += length + 1;
    }
    if (f->count == 0) {
        return wrong(f->path, 1, "JSON", "a recorded answer", "none", error);
    }
    return HEARTH_OK;
}

hearth_status replay_read(const char *path, replay_file *ret, hearth_error *error)
{
    file_map map = {0};
    ret->path = mem_strdup(path);
    if (ret->path == NULL) {
        return error_memory(error, strlen(path));
    }
    TRY(file_map_open(path, &map, error));
    const hearth_status status = read_lines(ret, &map, error);
    file_map_close(&map);
    return status;
}

void replay_free(replay_file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        replay_record *r = &f->records[i];
        mem_free(r->model);
        mem_free(r->source);
        mem_free(r->biases);
        json_decref(r->constraint);
        token_list_free(&r->prompt);
        token_list_free(&r->tokens);
        mem_free(r->recorded_text);
        mem_free(r->found_text);
    }
    mem_free(f->records);
    mem_free(f->path);
    *f = (replay_file){0};
}
