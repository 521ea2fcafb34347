/* One source read: whose row it is, what all its documents have in common. */
#include "corpus/source_part.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/generator.h"
#include "corpus/stream.h"
#include "platform/file.h"

#include <string.h>

static const char *const kind_names[SOURCE_KINDS] = {
    [SOURCE_FOLDER] = "folder",   [SOURCE_ARCHIVE] = "archive", [SOURCE_JSONL] = "jsonl",
    [SOURCE_WARC] = "warc",       [SOURCE_TEXT] = "text",       [SOURCE_COMMAND] = "command",
    [SOURCE_DATASET] = "dataset", [SOURCE_DEBIAN] = "debian",   [SOURCE_GENERATOR] = "generator",
};

const char *source_kind_name(recipe_source_kind kind)
{
    return kind_names[kind];
}

hearth_status source_begin(source_reader *reader, hearth_error *error)
{
    const recipe_source *s = reader->s;
    document *d = &reader->d;
    document_clear(d);
    d->source = reader->index;
    TRY(document_set(&d->licence, s->licence != NULL ? s->licence : "NOASSERTION", error));
    TRY(document_set(&d->evidence, s->licence != NULL ? s->evidence : NULL, error));
    return document_set(&d->language, s->language, error);
}

void source_count(source_reader *reader, uint64_t documents)
{
    reader->documents += documents;
    reader->full = reader->s->documents != 0 && reader->documents >= reader->s->documents;
}

hearth_status source_put(source_reader *reader, hearth_error *error)
{
    source_count(reader, 1);
    return reader->sink->put(reader->sink->context, &reader->d, error);
}

hearth_status source_go_on(const document_sink *sink, hearth_error *error)
{
    return sink != NULL && sink->go_on != NULL ? sink->go_on(sink->context, error) : HEARTH_OK;
}

hearth_status source_read_generator(source_reader *reader, hearth_error *error)
{
    const corpus_generator *g = corpus_generator_find(reader->s->generator);
    if (g == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, reader->s->name, "a generator of this program's", "\"%s\"",
                         reader->s->generator);
    }
    for (uint64_t i = 0; i < reader->s->documents; i++) {
        TRY(source_begin(reader, error));
        document *d = &reader->d;
        if (reader->s->licence == NULL) {
            TRY(document_set(&d->licence, g->licence, error));
        }
        if (reader->s->language == NULL) {
            TRY(document_set(&d->language, g->language, error));
        }
        if (d->evidence.length == 0) {
            TRY(document_set(&d->evidence, "made by this program's generator", error));
        }
        TRY(buffer_printf(&d->place, error, "%s:%llu", g->name, (unsigned long long)i));
        TRY(g->make(reader->r->seed, i, &d->text, error));
        d->bytes = d->text.length;
        TRY(source_put(reader, error));
    }
    return HEARTH_OK;
}

/* ---- text ---- */

static bool blank(const buffer *b)
{
    for (size_t i = 0; i < b->length; i++) {
        if (strchr(" \t\v\f\r", b->data[i]) == NULL || b->data[i] == '\0') {
            return false;
        }
    }
    return true;
}

static hearth_status put_lines(source_reader *reader, line_reader *l, const char *place, hearth_error *error)
{
    while (!reader->full) {
        bool there = false;
        TRY(source_begin(reader, error));
        TRY(line_next(l, &reader->d, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        if (reader->d.too_large || !blank(&reader->d.text)) {
            TRY(buffer_printf(&reader->d.place, error, "%s:%llu", place, (unsigned long long)l->number));
            TRY(source_put(reader, error));
        }
    }
    return HEARTH_OK;
}

/* A paragraph that is there is put; a new one begins. */
static hearth_status end_paragraph(source_reader *reader, hearth_error *error)
{
    if (reader->d.bytes > 0) {
        TRY(source_put(reader, error));
    }
    return source_begin(reader, error);
}

/* One more line of a paragraph. One that is too large by itself is a document by itself, so that its hash is whole. */
static hearth_status add_line(source_reader *reader, document *line, uint64_t number, const char *place,
                              hearth_error *error)
{
    document *d = &reader->d;
    if (line->too_large) {
        TRY(end_paragraph(reader, error));
        if (reader->full) {
            return HEARTH_OK;
        }
        const buffer text = d->text;
        d->text = line->text;
        line->text = text;
        d->bytes = line->bytes;
        d->rest = line->rest;
        d->too_large = true;
        line->rest = NULL;
        TRY(buffer_printf(&d->place, error, "%s:%llu", place, (unsigned long long)number));
        return end_paragraph(reader, error);
    }
    if (d->bytes > 0) {
        TRY(document_add(d, "\n", 1, error));
    } else {
        TRY(buffer_printf(&d->place, error, "%s:%llu", place, (unsigned long long)number));
    }
    return document_add(d, buffer_text(&line->text), line->text.length, error);
}

/* Lines until an empty one; `line` is the caller's, to read into. */
static hearth_status put_paragraphs(source_reader *reader, line_reader *l, const char *place, document *line,
                                    hearth_error *error)
{
    TRY(source_begin(reader, error));
    for (bool there = true; there && !reader->full;) {
        document_clear(line);
        TRY(line_next(l, line, &there, error));
        if (!there || (!line->too_large && blank(&line->text))) {
            TRY(end_paragraph(reader, error));
        } else {
            TRY(add_line(reader, line, l->number, place, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status put_whole(source_reader *reader, byte_stream *stream, const char *place, hearth_error *error)
{
    const char *bytes = NULL;
    size_t length = 0;
    TRY(source_begin(reader, error));
    TRY(document_set(&reader->d.place, place, error));
    do {
        TRY(byte_stream_read(stream, &bytes, &length, error));
        TRY(document_add(&reader->d, bytes, length, error));
    } while (length > 0);
    return source_put(reader, error);
}

hearth_status source_read_text(source_reader *reader, const char *path, const char *place, const char *split,
                               hearth_error *error)
{
    byte_stream *stream = NULL;
    document line;
    TRY(byte_stream_open(path, &stream, error));
    byte_stream_watch(stream, reader->sink->go_on, reader->sink->context);
    document_init(&line);
    line_reader l = {.stream = stream};
    hearth_status status = HEARTH_OK;
    if (strcmp(split, "line") == 0) {
        status = put_lines(reader, &l, place, error);
    } else if (strcmp(split, "paragraph") == 0) {
        status = put_paragraphs(reader, &l, place, &line, error);
    } else if (strcmp(split, "file") == 0) {
        status = put_whole(reader, stream, place, error);
    } else {
        status = error_set(error, HEARTH_E_ARGUMENT, "split", "line, paragraph or file", "\"%s\"", split);
    }
    document_free(&line);
    byte_stream_close(stream);
    return status;
}

/* ---- all kinds ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static hearth_status read_kind(source_reader *reader, hearth_error *error)
{
    const recipe_source *s = reader->s;
    const char *place = reader->path != NULL ? base_name(reader->path) : "";
    switch (s->kind) {
    case SOURCE_FOLDER:
        return source_read_folder(reader, error);
    case SOURCE_ARCHIVE:
        return source_read_archive(reader, error);
    case SOURCE_JSONL:
        return source_read_jsonl(reader, reader->path, place, error);
    case SOURCE_TEXT:
        return source_read_text(reader, reader->path, place, s->split != NULL ? s->split : "line", error);
    case SOURCE_COMMAND:
        return source_read_command(reader, error);
    case SOURCE_DATASET:
        return source_read_dataset(reader, error);
    case SOURCE_GENERATOR:
        return source_read_generator(reader, error);
    case SOURCE_WARC:
        return source_read_warc(reader, error);
    case SOURCE_DEBIAN:
        return source_read_debian(reader, error);
    case SOURCE_KINDS:
        break;
    }
    return error_set(error, HEARTH_E_ARGUMENT, s->name, "a kind of source", "%d", (int)s->kind);
}

static hearth_status resolve(source_reader *reader, hearth_error *error)
{
    const char *path = reader->s->path;
    const recipe_source_kind kind = reader->s->kind;
    if (path == NULL) {
        return kind == SOURCE_COMMAND || kind == SOURCE_GENERATOR
                   ? HEARTH_OK
                   : error_set(error, HEARTH_E_ARGUMENT, reader->s->name, "a path", "none");
    }
    reader->path = recipe_place(reader->r, path);
    return reader->path == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
}

hearth_status source_read(const recipe *r, uint32_t index, const document_sink *sink, source_report *ret,
                          hearth_error *error)
{
    source_reader reader = {.r = r, .s = &r->sources[index], .index = index, .sink = sink, .report = ret};
    memset(ret, 0, sizeof *ret);
    document_init(&reader.d);
    hearth_status status = resolve(&reader, error);
    if (status == HEARTH_OK && reader.path != NULL) {
        status = source_check(&reader, error);
    }
    if (status == HEARTH_OK) {
        status = read_kind(&reader, error);
    }
    if (status == HEARTH_OK && reader.path == NULL && ret->sha256[0] != '\0') {
        status = source_compare(reader.s, ret->sha256, error);
    }
    ret->documents = reader.documents;
    document_free(&reader.d);
    mem_free(reader.path);
    return status;
}
