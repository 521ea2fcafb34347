/* Reading a corpus again: corpus.json, and the documents of the shards. */
#include "corpus/corpus.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/stream.h"
#include "formats/json_file.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

static hearth_status missing(const char *path, const char *what, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, what, "what `hearth corpus build` writes", "something else or nothing");
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

static bool take_hash(const json_t *root, const char *name, char ret[HASH_HEX_SIZE])
{
    const char *text = json_string_value(json_object_get(root, name));
    if (text == NULL || !text_is_hex(text, 64)) {
        return false;
    }
    memcpy(ret, text, HASH_HEX_SIZE);
    return true;
}

static bool take_number(const json_t *root, const char *name, uint64_t *ret)
{
    const json_t *value = json_object_get(root, name);
    *ret = (uint64_t)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static hearth_status take_summary(const json_t *root, const char *path, corpus_summary *ret, hearth_error *error)
{
    manifest_totals *t = &ret->totals;
    if (json_integer_value(json_object_get(root, "format")) != MANIFEST_FORMAT) {
        return missing(path, "format", error);
    }
    const bool good = take_number(root, "documents", &t->documents) && take_number(root, "kept", &t->kept) &&
                      take_number(root, "held_out", &t->held_out) && take_number(root, "bytes", &t->bytes) &&
                      take_number(root, "kept_bytes", &t->kept_bytes) && take_hash(root, "sha256", t->sha256) &&
                      take_hash(json_object_get(root, "recipe"), "sha256", ret->recipe_sha256);
    return good ? HEARTH_OK : missing(path, "totals", error);
}

/* Parses DIR/corpus.json. */
static hearth_status load(const char *folder, json_t **ret, char **ret_path, hearth_error *error)
{
    char *path = file_join(folder, "corpus.json");
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = json_file_read(path, LIMIT_CONFIG_FILE_BYTES, ret, error);
    if (status != HEARTH_OK) {
        mem_free(path);
        return status;
    }
    *ret_path = path;
    return HEARTH_OK;
}

hearth_status corpus_read_summary(const char *folder, corpus_summary *ret, hearth_error *error)
{
    json_t *root = NULL;
    char *path = NULL;
    TRY(load(folder, &root, &path, error));
    const hearth_status status = take_summary(root, path, ret, error);
    json_decref(root);
    mem_free(path);
    return status;
}

/* ---- documents ---- */

typedef struct each {
    corpus_document_fn fn;
    void *context;
    const char *path; /* of the shard */
    uint64_t line;
} each;

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static hearth_status hand_over(const each *e, const json_t *record, hearth_error *error)
{
    const json_t *text = json_object_get(record, "text");
    const json_t *metadata = json_object_get(record, "metadata");
    const char *split = json_string_value(json_object_get(metadata, "split"));
    const char *source = json_string_value(json_object_get(record, "source"));
    corpus_document d = {.source = source,
                         .language = text_of(metadata, "language"),
                         .place = text_of(metadata, "place"),
                         .licence = text_of(metadata, "license"),
                         .evidence = text_of(metadata, "license_evidence")};
    if (!json_is_string(text) || split == NULL || source == NULL || !take_number(metadata, "row", &d.row) ||
        !take_hash(record, "id", d.id)) {
        char place[64];
        (void)snprintf(place, sizeof place, "line %llu", (unsigned long long)e->line);
        return missing(e->path, place, error);
    }
    d.held_out = strcmp(split, "held-out") == 0;
    d.text = json_string_value(text);
    d.length = json_string_length(text);
    return e->fn(e->context, &d, error);
}

static hearth_status each_line(each *e, byte_stream *stream, document *line, hearth_error *error)
{
    line_reader l = {.stream = stream};
    for (;;) {
        bool there = false;
        json_t *record = NULL;
        document_clear(line);
        TRY(line_next(&l, line, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        e->line = l.number;
        TRY(json_door_parse(buffer_text(&line->text), line->text.length, e->path, &record, error));
        const hearth_status status = hand_over(e, record, error);
        json_decref(record);
        TRY(status);
    }
}

static hearth_status each_in(each *e, hearth_error *error)
{
    byte_stream *stream = NULL;
    document line;
    TRY(byte_stream_open(e->path, &stream, error));
    document_init(&line);
    line.most = line.text.limit = BUFFER_DEFAULT_LIMIT; /* escapes lengthen it */
    const hearth_status status = each_line(e, stream, &line, error);
    document_free(&line);
    byte_stream_close(stream);
    return status;
}

/* A shard's name comes from a file: it must lie in the corpus. */
static bool harmless(const char *name)
{
    return name != NULL && text_starts(name, "documents/") && strchr(name + strlen("documents/"), '/') == NULL &&
           strcmp(name, "documents/..") != 0;
}

hearth_status corpus_each_shard(const char *folder, corpus_shard_fn fn, void *context, hearth_error *error)
{
    json_t *root = NULL;
    char *path = NULL;
    size_t i = 0;
    const json_t *shard = NULL;
    TRY(load(folder, &root, &path, error));
    const json_t *shards = json_object_get(root, "shards");
    hearth_status status = json_is_array(shards) ? HEARTH_OK : missing(path, "shards", error);
    json_array_foreach((json_t *)(uintptr_t)shards, i, shard)
    {
        const char *name = json_string_value(json_object_get(shard, "file"));
        char hash[HASH_HEX_SIZE] = "";
        (void)take_hash(shard, "sha256", hash);
        char *file = status == HEARTH_OK && harmless(name) ? file_join(folder, name) : NULL;
        if (status == HEARTH_OK) {
            status = file != NULL ? fn(context, file, name + strlen("documents/"), hash, error)
                                  : missing(path, "shards", error);
        }
        mem_free(file);
    }
    json_decref(root);
    mem_free(path);
    return status;
}

static hearth_status read_shard(void *context, const char *path, const char *name, const char *sha256,
                                hearth_error *error)
{
    each e = *(const each *)context;
    (void)name;
    (void)sha256;
    e.path = path;
    return each_in(&e, error);
}

hearth_status corpus_each(const char *folder, corpus_document_fn fn, void *context, hearth_error *error)
{
    each e = {.fn = fn, .context = context};
    return corpus_each_shard(folder, read_shard, &e, error);
}
