#include "indexing/suite.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/memory.h"
#include "corpus/source_part.h"
#include "corpus/stream.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    suite_item_fn fn;
    void *context;
    const char *path; /* of the file */
    suite_item item;
    suite_text *texts; /* [room] */
    size_t room;
    arena *keys; /* of one item */
} reading;

static hearth_status add_text(reading *r, const char *key, const char *text, size_t length, hearth_error *error)
{
    if (r->item.count == r->room) {
        const size_t room = r->room == 0 ? 16 : r->room * 2;
        suite_text *grown = mem_realloc(r->texts, room * sizeof *grown);
        if (grown == NULL) {
            return error_memory(error, room * sizeof *grown);
        }
        r->texts = grown;
        r->room = room;
    }
    r->texts[r->item.count++] = (suite_text){key, text, length};
    return HEARTH_OK;
}

/* ---- records ---- */

static hearth_status add_value(reading *r, const char *key, const json_t *value, hearth_error *error);

static hearth_status add_below(reading *r, const char *key, const char *name, const json_t *value, hearth_error *error)
{
    const char *whole =
        *key == '\0' ? arena_strndup(r->keys, name, strlen(name)) : arena_format(r->keys, "%s.%s", key, name);
    return whole != NULL ? add_value(r, whole, value, error) : error_memory(error, strlen(key));
}

/* Nesting is bounded by the JSON door. */
static hearth_status add_value(reading *r, const char *key, const json_t *value, hearth_error *error)
{
    if (json_is_string(value)) {
        return add_text(r, key, json_string_value(value), json_string_length(value), error);
    }
    const char *name = NULL;
    json_t *below = NULL;
    size_t i = 0;
    json_object_foreach((json_t *)(uintptr_t)value, name, below)
    {
        TRY(add_below(r, key, name, below, error));
    }
    json_array_foreach((json_t *)(uintptr_t)value, i, below)
    {
        char number[24];
        (void)snprintf(number, sizeof number, "%zu", i + 1);
        TRY(add_below(r, key, number, below, error));
    }
    return HEARTH_OK;
}

static hearth_status take_record(reading *r, const buffer *line, hearth_error *error)
{
    json_t *record = NULL;
    TRY(json_door_parse(buffer_text(line), line->length, r->path, &record, error));
    hearth_status status = add_value(r, "", record, error);
    if (status == HEARTH_OK) {
        r->item.texts = r->texts;
        status = r->fn(r->context, &r->item, error);
    }
    json_decref(record);
    return status;
}

static hearth_status take_line(reading *r, const buffer *line, hearth_error *error)
{
    TRY(add_text(r, "", buffer_text(line), line->length, error));
    r->item.texts = r->texts;
    return r->fn(r->context, &r->item, error);
}

/* ---- files ---- */

static hearth_status read_lines(reading *r, bool records, byte_stream *stream, document *line, hearth_error *error)
{
    line_reader l = {.stream = stream};
    for (;;) {
        bool there = false;
        document_clear(line);
        TRY(line_next(&l, line, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        r->item.count = 0;
        r->item.line = l.number;
        arena_reset(r->keys);
        if (line->text.length > 0) {
            TRY(records ? take_record(r, &line->text, error) : take_line(r, &line->text, error));
        }
    }
}

static hearth_status read_file(reading *r, const char *path, const char *place, hearth_error *error)
{
    byte_stream *stream = NULL;
    document line;
    TRY(byte_stream_open(path, &stream, error));
    document_init(&line);
    line.most = line.text.limit = BUFFER_DEFAULT_LIMIT; /* escapes lengthen it */
    r->path = path;
    r->item.file = place;
    const hearth_status status =
        read_lines(r, source_has_ending(path, (const char *const[]){".jsonl", NULL}), stream, &line, error);
    document_free(&line);
    byte_stream_close(stream);
    return status;
}

static hearth_status take_file(void *context, const char *path, const char *place, hearth_error *error)
{
    static const char *const known[] = {".jsonl", ".txt", ".csv", ".tsv", NULL};
    return source_has_ending(place, known) ? read_file(context, path, place, error) : HEARTH_OK;
}

hearth_status suite_each(const char *path, suite_item_fn fn, void *context, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    reading r = {.fn = fn, .context = context, .keys = arena_create(0)};
    if (r.keys == NULL) {
        return error_memory(error, 64);
    }
    const hearth_status status = file_is_folder(path) ? source_walk(path, take_file, &r, error)
                                                      : read_file(&r, path, slash != NULL ? slash + 1 : path, error);
    mem_free(r.texts);
    arena_destroy(r.keys);
    return status;
}
