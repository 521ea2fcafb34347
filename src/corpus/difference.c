/* Two corpora compared: what corpus.json says, then document by document. */
#include "corpus/difference.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "corpus/stream.h"
#include "formats/json_file.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 256

typedef struct told {
    char *text;
    size_t size;
} told;

/* ---- values ---- */

static void print_value(const json_t *value, char ret[128])
{
    if (json_is_string(value)) {
        (void)snprintf(ret, 128, "%.120s", json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(ret, 128, "%lld", (long long)json_integer_value(value));
    } else {
        (void)snprintf(ret, 128, "%s", value == NULL ? "nothing" : json_type_name(value));
    }
}

/* Of an element of a list: what it is called, else its number. */
static void name_element(const char *list, const json_t *value, size_t index, char ret[NAME_BYTES])
{
    const char *name = json_string_value(json_object_get(value, "name"));
    name = name != NULL ? name : json_string_value(json_object_get(value, "rule"));
    if (name != NULL) {
        (void)snprintf(ret, NAME_BYTES, "%.100s, %.100s", list, name);
    } else {
        (void)snprintf(ret, NAME_BYTES, "%.100s, the %zu. entry", list, index + 1);
    }
}

/* `deep`: how far below the root; corpus.json and a manifest's line have three levels. */
static bool walk(const char *name, const json_t *theirs, const json_t *ours, unsigned deep, told *out);

static bool walk_object(const char *name, const json_t *theirs, const json_t *ours, unsigned deep, told *out)
{
    const json_t *const both[] = {theirs, ours};
    for (int side = 0; side < 2; side++) {
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach((json_t *)(uintptr_t)both[side], key, value)
        {
            char inner[NAME_BYTES];
            (void)snprintf(inner, sizeof inner, "%.150s%s%.90s", name, *name != '\0' ? ": " : "", key);
            if (walk(inner, json_object_get(theirs, key), json_object_get(ours, key), deep + 1, out)) {
                return true;
            }
        }
    }
    return false;
}

static bool walk(const char *name, const json_t *theirs, const json_t *ours, unsigned deep, told *out)
{
    char there[128];
    char found[128];
    if (json_equal(theirs, ours) != 0 && (theirs != NULL || ours != NULL)) {
        return false;
    }
    if (deep < 8 && json_is_object(theirs) && json_is_object(ours)) {
        return walk_object(name, theirs, ours, deep, out);
    }
    if (deep < 8 && json_is_array(theirs) && json_is_array(ours)) {
        const size_t a = json_array_size(theirs);
        const size_t b = json_array_size(ours);
        for (size_t i = 0; i < (a > b ? a : b); i++) {
            char inner[NAME_BYTES];
            name_element(name, json_array_get(i < a ? theirs : ours, i), i, inner);
            if (walk(inner, json_array_get(theirs, i), json_array_get(ours, i), deep + 1, out)) {
                return true;
            }
        }
        return false;
    }
    print_value(theirs, there);
    print_value(ours, found);
    (void)snprintf(out->text, out->size, "%s: there %s, found %s", name, there, found);
    return true;
}

/* ---- corpus.json ---- */

static bool compare_summaries(const json_t *theirs, const json_t *ours, told *out)
{
    static const char *const first[] = {"recipe", "libraries", "rules", "sources", NULL}; /* causes before effects */
    for (size_t i = 0; first[i] != NULL; i++) {
        const json_t *a = json_object_get(theirs, first[i]);
        const json_t *b = json_object_get(ours, first[i]);
        if ((a != NULL || b != NULL) && walk(first[i], a, b, 1, out)) {
            return true;
        }
    }
    return walk("", theirs, ours, 0, out);
}

hearth_status corpus_difference(const char *theirs, const char *ours, char *text, size_t size, hearth_error *error)
{
    told out = {text, size};
    json_t *a = NULL;
    json_t *b = NULL;
    text[0] = '\0';
    hearth_status status = json_file_read(theirs, LIMIT_CONFIG_FILE_BYTES, &a, error);
    status = status == HEARTH_OK ? json_file_read(ours, LIMIT_CONFIG_FILE_BYTES, &b, error) : status;
    if (status == HEARTH_OK) {
        (void)compare_summaries(a, b, &out);
    }
    json_decref(a);
    json_decref(b);
    return status;
}

/* ---- documents ---- */

typedef struct manifest_lines {
    byte_stream *stream;
    line_reader reader;
    document line;
} manifest_lines;

static hearth_status open_lines(const char *folder, manifest_lines *m, hearth_error *error)
{
    char *path = file_join(folder, "manifest.jsonl.zst");
    const hearth_status status =
        path == NULL ? error_memory(error, strlen(folder)) : byte_stream_open(path, &m->stream, error);
    mem_free(path);
    m->reader.stream = m->stream;
    return status;
}

static hearth_status next_line(manifest_lines *m, bool *ret_there, hearth_error *error)
{
    document_clear(&m->line);
    return line_next(&m->reader, &m->line, ret_there, error);
}

static hearth_status tell_lines(const document *theirs, const document *ours, uint64_t row, told *out,
                                hearth_error *error)
{
    json_t *a = NULL;
    json_t *b = NULL;
    hearth_status status = json_door_parse(buffer_text(&theirs->text), theirs->text.length, "manifest", &a, error);
    status = status == HEARTH_OK ? json_door_parse(buffer_text(&ours->text), ours->text.length, "manifest", &b, error)
                                 : status;
    if (status == HEARTH_OK) {
        char name[NAME_BYTES];
        const char *place = json_string_value(json_object_get(json_object_get(a, "metadata"), "place"));
        (void)snprintf(name, sizeof name, "document %llu (%.120s)", (unsigned long long)row,
                       place != NULL ? place : "no place");
        (void)walk(name, a, b, 0, out);
    }
    json_decref(a);
    json_decref(b);
    return status;
}

static hearth_status compare_lines(manifest_lines *theirs, manifest_lines *ours, told *out, hearth_error *error)
{
    for (uint64_t row = 1;; row++) {
        bool a = false;
        bool b = false;
        TRY(next_line(theirs, &a, error));
        TRY(next_line(ours, &b, error));
        if (a && b && strcmp(buffer_text(&theirs->line.text), buffer_text(&ours->line.text)) != 0) {
            return tell_lines(&theirs->line, &ours->line, row, out, error);
        }
        if (a != b) {
            (void)snprintf(out->text, out->size, "document %llu: there %s, found %s", (unsigned long long)row,
                           a ? "one" : "no more", b ? "one" : "no more");
        }
        if (!a || !b) {
            return HEARTH_OK;
        }
    }
}

hearth_status corpus_difference_of_documents(const char *theirs, const char *ours, char *text, size_t size,
                                             hearth_error *error)
{
    told out = {text, size};
    manifest_lines a = {0};
    manifest_lines b = {0};
    text[0] = '\0';
    document_init(&a.line);
    document_init(&b.line);
    hearth_status status = open_lines(theirs, &a, error);
    status = status == HEARTH_OK ? open_lines(ours, &b, error) : status;
    status = status == HEARTH_OK ? compare_lines(&a, &b, &out, error) : status;
    byte_stream_close(a.stream);
    byte_stream_close(b.stream);
    document_free(&a.line);
    document_free(&b.line);
    return status;
}
