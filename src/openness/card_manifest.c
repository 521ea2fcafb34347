/* Adding up a manifest's lines. */
#include "openness/card_manifest.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/stream.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *manifest_sum_place(const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/') {
        length--;
    }
    char *beside = text_format("%.*s.manifest.jsonl.zst", (int)length, folder);
    if (beside != NULL && file_exists(beside)) {
        return beside;
    }
    mem_free(beside);
    char *in_run = text_format("%s/../corpus/manifest.jsonl.zst", folder);
    if (in_run != NULL && file_exists(in_run)) {
        return in_run;
    }
    mem_free(in_run);
    return NULL;
}

/* Adds to counts[name]. */
static hearth_status count(json_t *counts, const char *name, size_t length, uint64_t bytes, hearth_error *error)
{
    char key[256];
    (void)snprintf(key, sizeof key, "%.*s", (int)(length < 255 ? length : 255), name);
    json_t *row = json_object_get(counts, key);
    if (row == NULL) {
        row = json_pack("{s:i, s:i}", "documents", 0, "bytes", 0);
        if (row == NULL || json_object_set_new(counts, key, row) != 0) {
            return error_memory(error, sizeof key);
        }
        row = json_object_get(counts, key);
    }
    json_t *documents = json_object_get(row, "documents");
    json_t *sum = json_object_get(row, "bytes");
    (void)json_integer_set(documents, json_integer_value(documents) + 1);
    (void)json_integer_set(sum, json_integer_value(sum) + (json_int_t)bytes);
    return HEARTH_OK;
}

/* Of "https://host/path" the host, of "package_1.0_all.deb:file" the package, else the first folder. */
static const char *place_of(const char *place, size_t *ret_length)
{
    const char *host = strstr(place, "://");
    const char *deb = strstr(place, ".deb:");
    const char *name = host != NULL ? host + 3 : place;
    const char *signs = host != NULL ? "/:?#" : deb != NULL ? "_" : "/";
    *ret_length = strcspn(name, signs);
    return name;
}

static const char *text_of(const json_t *object, const char *key, const char *none)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && *text != '\0' ? text : none;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    const json_int_t value = json_integer_value(json_object_get(object, key));
    return value > 0 ? (uint64_t)value : 0;
}

/* "2023-01-17T…" as 20230117; 0 for another text. */
static uint64_t day_of(const char *created)
{
    unsigned year = 0, month = 0, day = 0;
    return sscanf(created, "%4u-%2u-%2u", &year, &month, &day) == 3 ? year * 10000u + month * 100u + day : 0;
}

static hearth_status add_kept(manifest_sum *m, const json_t *line, const json_t *meta, hearth_error *error)
{
    const uint64_t bytes = number_of(meta, "kept_bytes");
    const char *licence = text_of(meta, "license", "not told");
    const char *language = text_of(meta, "language", "not told");
    const char *source = text_of(line, "source", "not told");
    const uint64_t day = day_of(text_of(line, "created", ""));
    size_t length = 0;
    const char *place = place_of(text_of(meta, "place", "not told"), &length);
    m->kept++;
    m->kept_bytes += bytes;
    m->held_out += strcmp(text_of(meta, "split", ""), "train") != 0;
    if (day > 0) {
        m->first_kept = m->first_kept == 0 || day < m->first_kept ? day : m->first_kept;
        m->last_kept = day > m->last_kept ? day : m->last_kept;
    }
    TRY(count(m->licences, licence, strlen(licence), bytes, error));
    TRY(count(m->languages, language, strlen(language), bytes, error));
    TRY(count(m->sources, source, strlen(source), bytes, error));
    return count(m->places, place, length, bytes, error);
}

static hearth_status add_line(manifest_sum *m, const char *text, size_t length, hearth_error *error)
{
    json_t *line = NULL;
    TRY(json_door_parse(text, length, "", &line, error));
    const json_t *meta = json_object_get(line, "metadata");
    const char *fate = text_of(meta, "fate", "not told");
    const uint64_t bytes = number_of(meta, "bytes");
    m->documents++;
    m->bytes += bytes;
    hearth_status status = count(m->fates, fate, strlen(fate), bytes, error);
    if (status == HEARTH_OK && strcmp(fate, "kept") == 0) {
        status = add_kept(m, line, meta, error);
    }
    json_decref(line);
    return status;
}

static hearth_status add_all(byte_stream *stream, manifest_sum *m, hash_state *hash, hearth_error *error)
{
    line_reader lines = {.stream = stream};
    document d;
    hearth_status status = HEARTH_OK;
    document_init(&d);
    for (bool there = true; there && status == HEARTH_OK;) {
        document_clear(&d);
        status = line_next(&lines, &d, &there, error);
        if (status == HEARTH_OK && there && d.text.length > 0 && !d.too_large) {
            hash_update(hash, d.text.data, d.text.length);
            hash_update(hash, "\n", 1);
            status = add_line(m, d.text.data, d.text.length, error);
            if (status == HEARTH_E_FORMAT && error != NULL) {
                (void)snprintf(error->place, sizeof error->place, "line %llu", (unsigned long long)lines.number);
            }
        }
    }
    document_free(&d);
    return status;
}

hearth_status manifest_sum_read(const char *path, manifest_sum *ret, hearth_error *error)
{
    *ret = (manifest_sum){.licences = json_object(),
                          .languages = json_object(),
                          .sources = json_object(),
                          .places = json_object(),
                          .fates = json_object()};
    byte_stream *stream = NULL;
    hash_state *hash = hash_create();
    uint8_t digest[32];
    const bool made = hash != NULL && ret->licences != NULL && ret->languages != NULL && ret->sources != NULL &&
                      ret->places != NULL && ret->fates != NULL;
    hearth_status status = made ? byte_stream_open(path, &stream, error) : error_memory(error, 0);
    status = status == HEARTH_OK ? add_all(stream, ret, hash, error) : status;
    byte_stream_close(stream);
    if (hash != NULL) {
        hash_finish(hash, digest);
        hash_hex(digest, ret->sha256);
    }
    if (status != HEARTH_OK) {
        error_in_file(error, path);
        manifest_sum_free(ret);
    }
    return status;
}

void manifest_sum_free(manifest_sum *m)
{
    json_decref(m->licences);
    json_decref(m->languages);
    json_decref(m->sources);
    json_decref(m->places);
    json_decref(m->fates);
    *m = (manifest_sum){0};
}

typedef struct count_row {
    const char *name;
    json_int_t documents, bytes;
} count_row;

static int by_bytes(const void *a, const void *b)
{
    const count_row *x = a;
    const count_row *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : strcmp(x->name, y->name);
}

json_t *manifest_sum_rows(const json_t *counts)
{
    count_row *rows = mem_calloc(json_object_size(counts) + 1, sizeof *rows);
    json_t *list = rows != NULL ? json_array() : NULL;
    size_t made = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)counts, name, value)
    {
        if (rows != NULL) {
            rows[made++] = (count_row){name, json_integer_value(json_object_get(value, "documents")),
                                       json_integer_value(json_object_get(value, "bytes"))};
        }
    }
    if (rows != NULL) {
        qsort(rows, made, sizeof *rows, by_bytes);
    }
    for (size_t i = 0; i < made; i++) {
        list = json_door_append(list, json_pack("[s, I, I]", rows[i].name, rows[i].documents, rows[i].bytes));
    }
    mem_free(rows);
    return list;
}
