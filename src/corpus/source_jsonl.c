/* Sources that are JSON lines: files, compressed or not, and the output of programs. */
#include "corpus/source_part.h"
#include "corpus/stream.h"

#include "base/json.h"
#include "base/memory.h"

#include <string.h>

/* Where records keep what they say of themselves; the first that is there counts. */
static const char *const language_keys[] = {"language", "lang", NULL};
static const char *const created_keys[] = {"created", "timestamp", "date", NULL};

static const char *first_of(const json_t *record, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        const char *text = json_string_value(json_object_get(record, *keys));
        if (text != NULL && *text != '\0') {
            return text;
        }
    }
    return NULL;
}

/* A dotted name goes into objects: "metadata.license". */
static const json_t *find(const json_t *record, const char *name)
{
    const json_t *whole = json_object_get(record, name);
    const char *dot = strchr(name, '.');
    char first[128];
    if (whole != NULL || dot == NULL || (size_t)(dot - name) >= sizeof first) {
        return whole;
    }
    memcpy(first, name, (size_t)(dot - name));
    first[dot - name] = '\0';
    const json_t *inner = json_object_get(record, first);
    return inner != NULL ? find(inner, dot + 1) : NULL;
}

/* The document's fields from the record; its text becomes the record's. */
static hearth_status take(source_reader *reader, const json_t *record, hearth_error *error)
{
    const recipe_source *s = reader->s;
    document *d = &reader->d;
    const char *field = s->field != NULL ? s->field : "text";
    const json_t *text = find(record, field);
    if (!json_is_string(text)) {
        return document_drop(d, FATE_UNREADABLE, -1, error, "no string \"%s\" in the record", field);
    }
    const char *licence = s->licence_field != NULL ? json_string_value(find(record, s->licence_field)) : NULL;
    if (licence != NULL) {
        TRY(document_set(&d->licence, licence, error));
        buffer_clear(&d->evidence);
        TRY(buffer_printf(&d->evidence, error, "the record's field %s", s->licence_field));
    }
    if (s->language == NULL) {
        TRY(document_set(&d->language, first_of(record, language_keys), error));
    }
    TRY(document_set(&d->created, first_of(record, created_keys), error));
    buffer_clear(&d->text);
    d->bytes = 0;
    return document_add(d, json_string_value(text), json_string_length(text), error);
}

static hearth_status read_record(source_reader *reader, hearth_error *error)
{
    document *d = &reader->d;
    json_t *record = NULL;
    hearth_error why = {0};
    if (d->too_large) { /* it stays the line's beginning */
        return HEARTH_OK;
    }
    hearth_status status = json_door_parse(buffer_text(&d->text), d->text.length, "", &record, &why);
    if (status == HEARTH_E_MEMORY) {
        return error_memory(error, d->text.length);
    }
    if (status != HEARTH_OK) {
        char line[512];
        return document_drop(d, FATE_UNREADABLE, -1, error, "%s", hearth_error_line(&why, line, sizeof line));
    }
    status = take(reader, record, error);
    json_decref(record);
    return status;
}

static hearth_status read_lines(source_reader *reader, byte_stream *stream, const char *place, hearth_error *error)
{
    line_reader l = {.stream = stream};
    while (!reader->full) {
        bool there = false;
        TRY(source_begin(reader, error));
        TRY(line_next(&l, &reader->d, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        if (reader->d.bytes == 0) {
            continue;
        }
        TRY(buffer_printf(&reader->d.place, error, "%s:%llu", place, (unsigned long long)l.number));
        TRY(read_record(reader, error));
        TRY(source_put(reader, error));
    }
    return HEARTH_OK;
}

hearth_status source_read_jsonl(source_reader *reader, const char *path, const char *place, hearth_error *error)
{
    byte_stream *stream = NULL;
    TRY(byte_stream_open(path, &stream, error));
    byte_stream_watch(stream, reader->sink->go_on, reader->sink->context);
    const hearth_status status = read_lines(reader, stream, place, error);
    byte_stream_close(stream);
    return status;
}

/* Reads what is left: its hash is of all that it wrote. */
static hearth_status drain(byte_stream *stream, hearth_error *error)
{
    const char *bytes = NULL;
    size_t length = 1;
    while (length > 0) {
        TRY(byte_stream_read(stream, &bytes, &length, error));
    }
    return HEARTH_OK;
}

hearth_status source_read_command(source_reader *reader, hearth_error *error)
{
    byte_stream *stream = NULL;
    if (reader->s->command == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, reader->s->name, "a command", "none");
    }
    TRY(byte_stream_run(reader->s->command, reader->r->folder, &stream, error));
    byte_stream_watch(stream, reader->sink->go_on, reader->sink->context);
    hearth_status status = read_lines(reader, stream, "output", error);
    if (status == HEARTH_OK) {
        status = drain(stream, error);
    }
    if (status == HEARTH_OK) {
        status = byte_stream_finish(stream, reader->report->sha256, error);
    }
    byte_stream_close(stream);
    return status;
}
