/* Rules by lists: licences, those who opted out, evaluation sets. */
#include "corpus/rule_functions.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/source_part.h"
#include "recipe/spdx.h"
#include "corpus/stream.h"
#include "corpus/word_grams.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- licences ---- */

hearth_status rule_licence_allow(rule *r, document *d, int part, hearth_error *error)
{
    (void)part;
    const char *licence = buffer_text(&d->licence);
    const spdx_verdict verdict = spdx_allows(licence, r->values[0].text);
    if (verdict == SPDX_ALLOWED) {
        return HEARTH_OK;
    }
    return RULE_DROP(r, d, error,
                     verdict == SPDX_MALFORMED ? "\"%.200s\" is no SPDX expression" : "%.200s is not allowed", licence);
}

/* ---- files that rules read ---- */

/* Holds a file or folder against the parameter `sha256`, where there is one. */
static hearth_status check_pinned(rule *r, const char *path, const char *sha256, hearth_error *error)
{
    TRY(source_hash(path, r->file_sha256, error));
    if (*sha256 == '\0' || strcmp(r->file_sha256, sha256) == 0) {
        return HEARTH_OK;
    }
    char expected[96];
    (void)snprintf(expected, sizeof expected, "%s of SHA-256 %s", r->values[0].text, r->file_sha256);
    return rule_wrong(r, "sha256", expected, sha256, error);
}

/* ---- those who opted out ---- */

typedef struct opt_out {
    char *text;          /* the file */
    const char **places; /* lines that are no ids, sorted; those that end in '*' are in `beginnings` */
    size_t place_count;
    const char **beginnings; /* without the '*' */
    size_t beginning_count;
    const char **ids; /* sorted */
    size_t id_count;
} opt_out;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_in(const char *const *list, size_t count, const char *text)
{
    return count > 0 && bsearch(&text, list, count, sizeof *list, by_text) != NULL;
}

static hearth_status sort_lines(opt_out *o, hearth_error *error)
{
    size_t lines = 1;
    for (const char *p = o->text; *p != '\0'; p++) {
        lines += *p == '\n';
    }
    o->places = mem_calloc(lines, sizeof *o->places);
    o->beginnings = mem_calloc(lines, sizeof *o->beginnings);
    o->ids = mem_calloc(lines, sizeof *o->ids);
    if (o->places == NULL || o->beginnings == NULL || o->ids == NULL) {
        return error_memory(error, lines * sizeof *o->places);
    }
    char *rest = NULL;
    for (char *line = strtok_r(o->text, "\r\n", &rest); line != NULL; line = strtok_r(NULL, "\r\n", &rest)) {
        const size_t length = strlen(line);
        if (*line == '#') {
            continue;
        }
        if (text_is_hex(line, 64)) {
            o->ids[o->id_count++] = line;
        } else if (line[length - 1] == '*') {
            line[length - 1] = '\0';
            o->beginnings[o->beginning_count++] = line;
        } else {
            o->places[o->place_count++] = line;
        }
    }
    qsort(o->ids, o->id_count, sizeof *o->ids, by_text);
    qsort(o->places, o->place_count, sizeof *o->places, by_text);
    return HEARTH_OK;
}

static hearth_status read_list(rule *r, opt_out *o, const char *path, hearth_error *error)
{
    buffer text;
    TRY(check_pinned(r, path, r->values[1].text, error));
    buffer_init(&text, 0);
    const hearth_status status = file_read(path, LIMIT_TEXT_BYTES, &text, error);
    o->text = status == HEARTH_OK ? mem_strdup(buffer_text(&text)) : NULL;
    buffer_free(&text);
    TRY(status);
    return o->text == NULL ? error_memory(error, LIMIT_TEXT_BYTES) : sort_lines(o, error);
}

hearth_status opt_out_open(rule *r, hearth_error *error)
{
    r->state = mem_calloc(1, sizeof(opt_out));
    char *path = recipe_place(r->recipe, r->values[0].text);
    const hearth_status status =
        r->state == NULL || path == NULL ? error_memory(error, sizeof(opt_out)) : read_list(r, r->state, path, error);
    mem_free(path);
    return status;
}

hearth_status opt_out_apply(rule *r, document *d, int part, hearth_error *error)
{
    const opt_out *o = r->state;
    const char *place = buffer_text(&d->place);
    (void)part;
    if (is_in(o->ids, o->id_count, d->id)) {
        return RULE_DROP(r, d, error, "its SHA-256 is in %s", r->values[0].text);
    }
    bool out = is_in(o->places, o->place_count, place);
    for (size_t i = 0; !out && i < o->beginning_count; i++) {
        out = text_starts(place, o->beginnings[i]);
    }
    return out ? RULE_DROP(r, d, error, "its place is in %s", r->values[0].text) : HEARTH_OK;
}

void opt_out_close(rule *r)
{
    opt_out *o = r->state;
    if (o != NULL) {
        mem_free(o->text);
        mem_free(o->places);
        mem_free(o->beginnings);
        mem_free(o->ids);
        mem_free(o);
    }
}

/* ---- evaluation sets ---- */

enum { CONTAMINATION_PATH, CONTAMINATION_SHA256, CONTAMINATION_WORDS, CONTAMINATION_MATCHES };

typedef struct contamination {
    hash_list grams; /* of all evaluation texts */
    gram_reader reader;
    size_t n;
} contamination;

static hearth_status add_text(contamination *c, const char *text, size_t length, hearth_error *error)
{
    return gram_reader_add(&c->reader, text, length, c->n, false, &c->grams, error);
}

/* Every string in a JSON value, each by itself. */
static hearth_status add_strings(contamination *c, const json_t *value, hearth_error *error)
{
    const char *key = NULL;
    json_t *inner = NULL;
    size_t i = 0;
    if (json_is_string(value)) {
        return add_text(c, json_string_value(value), json_string_length(value), error);
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, inner)
    {
        TRY(add_strings(c, inner, error));
    }
    json_array_foreach((json_t *)(uintptr_t)value, i, inner)
    {
        TRY(add_strings(c, inner, error));
    }
    return HEARTH_OK;
}

static hearth_status add_line(contamination *c, const document *line, bool json, const char *path, hearth_error *error)
{
    json_t *value = NULL;
    if (!json) {
        return add_text(c, buffer_text(&line->text), line->text.length, error);
    }
    if (line->text.length == 0) {
        return HEARTH_OK;
    }
    TRY(json_door_parse(buffer_text(&line->text), line->text.length, path, &value, error));
    const hearth_status status = add_strings(c, value, error);
    json_decref(value);
    return status;
}

static hearth_status add_lines(contamination *c, byte_stream *stream, document *line, bool json, const char *path,
                               hearth_error *error)
{
    line_reader l = {.stream = stream};
    for (bool there = true; there;) {
        document_clear(line);
        TRY(line_next(&l, line, &there, error));
        if (there) {
            TRY(add_line(c, line, json, path, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status add_file(void *context, const char *path, const char *place, hearth_error *error)
{
    const bool json = source_has_ending(place, (const char *const[]){".jsonl", NULL});
    const bool text = source_has_ending(place, (const char *const[]){".txt", ".csv", ".tsv", NULL});
    if (!json && !text) {
        return HEARTH_OK;
    }
    byte_stream *stream = NULL;
    document line;
    TRY(byte_stream_open(path, &stream, error));
    document_init(&line);
    const hearth_status status = add_lines(context, stream, &line, json, path, error);
    document_free(&line);
    byte_stream_close(stream);
    return status;
}

static hearth_status read_sets(rule *r, const char *path, hearth_error *error)
{
    contamination *c = r->state;
    TRY(check_pinned(r, path, r->values[CONTAMINATION_SHA256].text, error));
    TRY(file_is_folder(path) ? source_walk(path, add_file, c, error) : add_file(c, path, path, error));
    if (c->grams.count == 0) {
        return rule_wrong(r, "path", "evaluation texts in .jsonl, .txt, .csv or .tsv", r->values[0].text, error);
    }
    hash_list_sort(&c->grams);
    return HEARTH_OK;
}

hearth_status contamination_open(rule *r, hearth_error *error)
{
    contamination *c = mem_calloc(1, sizeof *c);
    char *path = recipe_place(r->recipe, r->values[CONTAMINATION_PATH].text);
    r->state = c;
    if (c == NULL || path == NULL) {
        mem_free(path);
        return error_memory(error, sizeof *c);
    }
    c->n = (size_t)r->values[CONTAMINATION_WORDS].number;
    gram_reader_init(&c->reader);
    const hearth_status status = read_sets(r, path, error);
    mem_free(path);
    return status;
}

hearth_status contamination_apply(rule *r, document *d, int part, hearth_error *error)
{
    const contamination *c = r->state;
    gram_reader reader;
    hash_list grams = {0};
    size_t matches = 0, first = 0;
    (void)part;
    gram_reader_init(&reader);
    hearth_status status = gram_reader_add(&reader, buffer_text(&d->text), d->text.length, c->n, false, &grams, error);
    for (size_t i = 0; status == HEARTH_OK && i < grams.count; i++) {
        if (hash_list_has(&c->grams, grams.items[i])) {
            first = matches == 0 ? i : first;
            matches++;
        }
    }
    if (status == HEARTH_OK && (double)matches >= r->values[CONTAMINATION_MATCHES].number) {
        const text_span *w = reader.words.items;
        const size_t begin = w[first].begin, end = w[first + c->n - 1].end;
        status = RULE_DROP(r, d, error, "%zu groups of %zu words are in %s, first: %.*s", matches, c->n,
                           r->values[CONTAMINATION_PATH].text, (int)(end - begin < 300 ? end - begin : 300),
                           reader.plain.data + begin);
    }
    hash_list_free(&grams);
    gram_reader_free(&reader);
    return status;
}

void contamination_close(rule *r)
{
    contamination *c = r->state;
    if (c != NULL) {
        hash_list_free(&c->grams);
        gram_reader_free(&c->reader);
        mem_free(c);
    }
}
