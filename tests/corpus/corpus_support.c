/* Recipes by hand, files, and what came of them. */
#include "corpus_support.h"

#include "base/json.h"
#include "corpus/stream.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "tokenizer/spec.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char folder[] = "/tmp/hearth-corpus-XXXXXX";

int place_make(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int place_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

const char *place(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void place_write_bytes(const char *name, const void *bytes, size_t length)
{
    const char *path = place(name);
    assert_int_equal(file_make_place(path, NULL), HEARTH_OK);
    assert_int_equal(file_replace(path, bytes, length, NULL), HEARTH_OK);
}

void place_write(const char *name, const char *text)
{
    place_write_bytes(name, text, strlen(text));
}

void place_compress(const char *name, const char *filter, const char *text)
{
    struct archive *a = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(a), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(a, place(name)), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(a, text, strlen(text)), (la_ssize_t)strlen(text));
    archive_entry_free(entry);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

recipe make_recipe(const recipe_source *sources, size_t source_count, const recipe_rule *rules, size_t rule_count)
{
    recipe r = {.version = 1,
                .name = "test",
                .seed = 7,
                .sources = sources,
                .source_count = source_count,
                .rules = rules,
                .rule_count = rule_count,
                .path = "recipe.yaml",
                .folder = folder};
    memset(r.sha256, '0', 64);
    return r;
}

static hearth_status build(const recipe *r, const char *name, int threads, manifest_totals *ret, hearth_error *error)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s'", place(name));
    assert_int_equal(system(command), 0);
    const corpus_options options = {.threads = threads};
    return corpus_build(r, place(name), &options, ret, error);
}

manifest_totals must_build(const recipe *r, const char *name, int threads)
{
    manifest_totals totals = {0};
    hearth_error error = {0};
    char line[512];
    if (build(r, name, threads, &totals, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    return totals;
}

const char *must_fail(const recipe *r)
{
    static char line[1024];
    manifest_totals totals = {0};
    hearth_error error = {0};
    assert_int_not_equal(build(r, "failed", 1, &totals, &error), HEARTH_OK);
    assert_false(file_exists(place("failed")));
    return hearth_error_line(&error, line, sizeof line);
}

json_t *read_manifest(const char *name)
{
    char path[256];
    byte_stream *stream = NULL;
    json_t *all = json_array();
    document line;
    bool there = true;
    snprintf(path, sizeof path, "%s/manifest.jsonl.zst", name);
    assert_int_equal(byte_stream_open(place(path), &stream, NULL), HEARTH_OK);
    document_init(&line);
    line_reader l = {.stream = stream};
    for (;;) {
        json_t *record = NULL;
        document_clear(&line);
        assert_int_equal(line_next(&l, &line, &there, NULL), HEARTH_OK);
        if (!there) {
            break;
        }
        assert_int_equal(json_door_parse(buffer_text(&line.text), line.text.length, "manifest", &record, NULL),
                         HEARTH_OK);
        json_array_append_new(all, record);
    }
    document_free(&line);
    byte_stream_close(stream);
    return all;
}

const json_t *row_of(const json_t *manifest, size_t row)
{
    const json_t *record = json_array_get(manifest, row - 1);
    assert_non_null(record);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(record, "metadata"), "row")), row);
    return record;
}

const char *text_of(const json_t *record, const char *name)
{
    const json_t *value = json_object_get(record, name);
    value = value != NULL ? value : json_object_get(json_object_get(record, "metadata"), name);
    return json_is_string(value) ? json_string_value(value) : "";
}

static hearth_status add_text(void *context, const corpus_document *d, hearth_error *error)
{
    TRY(buffer_append(context, d->text, d->length, error));
    return buffer_append_text(context, "\n--\n", error);
}

const char *kept_texts(const char *name)
{
    static buffer all;
    buffer_free(&all);
    buffer_init(&all, 0);
    assert_int_equal(corpus_each(place(name), add_text, &all, NULL), HEARTH_OK);
    return buffer_text(&all);
}

tokenizer *byte_tokenizer(unsigned size)
{
    json_t *vocabulary = json_object();
    char key[32];
    for (unsigned b = 0; b < 256; b++) {
        const unsigned c = byte_alphabet_character((uint8_t)b);
        const char utf8[3] = {(char)(c < 0x80 ? c : 0xC0 | c >> 6), (char)(c < 0x80 ? 0 : 0x80 | (c & 63)), 0};
        json_object_set_new(vocabulary, utf8, json_integer(b));
    }
    for (unsigned id = 256; id < size - 1; id++) {
        snprintf(key, sizeof key, "<filler %u>", id);
        json_object_set_new(vocabulary, key, json_integer(id));
    }
    json_t *root = json_pack(
        "{s:s, s:[{s:i, s:s, s:b, s:b, s:b, s:b, s:b}], s:n, s:{s:s, s:b, s:b, s:b}, s:n, s:{s:s}, s:{s:s, s:o, s:[]}}",
        "version", "1.0", "added_tokens", "id", (int)size - 1, "content", "<|end|>", "single_word", 0, "lstrip", 0,
        "rstrip", 0, "normalized", 0, "special", 1, "normalizer", "pre_tokenizer", "type", "ByteLevel",
        "add_prefix_space", 0, "trim_offsets", 1, "use_regex", 1, "post_processor", "decoder", "type", "ByteLevel",
        "model", "type", "BPE", "vocab", vocabulary, "merges");
    assert_non_null(root);
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(json_door_write(root, 0, &text, NULL), HEARTH_OK);
    json_decref(root);
    tokenizer *t = NULL;
    hearth_error error = {0};
    char line[512];
    if (load_tokenizer_json_text(text.data, text.length, &t, &error) != HEARTH_OK) {
        fail_msg("%s", hearth_error_line(&error, line, sizeof line));
    }
    buffer_free(&text);
    return t;
}
