/* Sources: which documents come of them, in which order, with which identity; and that a build's hash depends on
 * nothing else. */
#include "corpus_support.h"

#include "corpus/generator.h"
#include "platform/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *hash_of(const char *text)
{
    static char hex[HASH_HEX_SIZE];
    assert_int_equal(hash_bytes_hex(text, strlen(text), hex, NULL), HEARTH_OK);
    return hex;
}

static recipe_source source(recipe_source_kind kind, const char *path)
{
    return (recipe_source){.name = "source", .kind = kind, .path = path, .licence = "CC0-1.0", .evidence = "LICENSE"};
}

static recipe one(const recipe_source *s)
{
    return make_recipe(s, 1, NULL, 0);
}

static void folders_are_read_in_byte_order_of_paths(void **state)
{
    (void)state;
    place_write("in/b/two", "second");
    place_write("in/b-c", "first");
    place_write("in/b0", "third");
    place_write("in/a/x/y", "deep");
    place_write("in/empty", "");
    place_write_bytes("in/binary", "\xFF\xFE\x00", 3);
    assert_int_equal(symlink("/etc/passwd", place("in/link")), 0);
    const recipe_source s = source(SOURCE_FOLDER, "in");
    const recipe r = one(&s);
    const manifest_totals t = must_build(&r, "out", 1);
    assert_int_equal(t.documents, 6);
    assert_int_equal(t.kept, 4);
    json_t *m = read_manifest("out");
    static const char *const places[] = {"a/x/y", "b-c", "b/two", "b0", "binary", "empty"};
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(text_of(row_of(m, i + 1), "place"), places[i]);
    }
    assert_string_equal(kept_texts("out"), "deep\n--\nfirst\n--\nsecond\n--\nthird\n--\n");
    assert_string_equal(text_of(row_of(m, 3), "id"), hash_of("second"));
    assert_string_equal(text_of(row_of(m, 5), "fate"), "invalid_utf8");
    assert_string_equal(text_of(row_of(m, 6), "fate"), "empty");
    assert_string_equal(text_of(row_of(m, 1), "license"), "CC0-1.0");
    assert_string_equal(text_of(row_of(m, 1), "license_evidence"), "LICENSE");
    json_decref(m);
}

static void add_entry(struct archive *a, const char *name, const char *text, time_t changed)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, text != NULL ? AE_IFREG : AE_IFDIR);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, changed, 0);
    archive_entry_set_size(entry, text != NULL ? (la_int64_t)strlen(text) : 0);
    assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
    if (text != NULL) {
        assert_int_equal(archive_write_data(a, text, strlen(text)), (la_ssize_t)strlen(text));
    }
    archive_entry_free(entry);
}

static void write_archive(const char *path, const char *format, const char *filter)
{
    struct archive *a = archive_write_new();
    assert_int_equal(archive_write_set_format_by_name(a, format), ARCHIVE_OK);
    if (*filter != '\0') {
        assert_int_equal(archive_write_add_filter_by_name(a, filter), ARCHIVE_OK);
    }
    assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
    add_entry(a, "docs", NULL, 1000000000);
    add_entry(a, "docs/z.txt", "zed", 1000000000);
    add_entry(a, "docs/a.txt", "ay", 1000000000);
    assert_int_equal(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static void archives_are_read_in_their_own_order(void **state)
{
    (void)state;
    static const char *const kinds[][3] = {{"a.tar", "pax", ""},
                                           {"a.tar.gz", "pax", "gzip"},
                                           {"a.tar.zst", "pax", "zstd"},
                                           {"a.tar.xz", "pax", "xz"},
                                           {"a.zip", "zip", ""}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        write_archive(place(kinds[i][0]), kinds[i][1], kinds[i][2]);
        const recipe_source s = source(SOURCE_ARCHIVE, kinds[i][0]);
        const recipe r = one(&s);
        assert_int_equal(must_build(&r, "out", 1).kept, 2);
        assert_string_equal(kept_texts("out"), "zed\n--\nay\n--\n");
        json_t *m = read_manifest("out");
        assert_string_equal(text_of(row_of(m, 1), "place"), "docs/z.txt");
        if (strcmp(kinds[i][1], "zip") == 0) { /* its times are those of a zone that it does not name */
            assert_false(json_is_string(json_object_get(row_of(m, 1), "created")));
        } else {
            assert_string_equal(text_of(row_of(m, 1), "created"), "2001-09-09T01:46:40Z");
        }
        json_decref(m);
    }
}

static const char records[] = "{\"text\": \"one\", \"license\": \"MIT\", \"lang\": \"de\", \"date\": \"2024-05-06\", "
                              "\"meta\": {\"l\": \"ISC\"}}\n"
                              "\n"
                              "{\"text\": \"two\\u0000\\u001f \\\"x\\\" \\u20ac\"}\r\n"
                              "{\"text\": 3}\n"
                              "{\"text\": \"four\"\n"
                              "{\"text\": \"five\"}";

static void check_records(const char *manifest_place)
{
    char expected[64];
    json_t *m = read_manifest("out");
    assert_int_equal(json_array_size(m), 5);
    const json_t *first = row_of(m, 1);
    snprintf(expected, sizeof expected, "%s:1", manifest_place);
    assert_string_equal(text_of(first, "place"), expected);
    assert_string_equal(text_of(first, "license"), "MIT");
    assert_string_equal(text_of(first, "license_evidence"), "the record's field license");
    assert_string_equal(text_of(first, "language"), "de");
    assert_string_equal(text_of(first, "created"), "2024-05-06");
    assert_string_equal(text_of(row_of(m, 2), "license"), "NOASSERTION");
    assert_string_equal(text_of(row_of(m, 3), "fate"), "unreadable");
    assert_string_equal(text_of(row_of(m, 3), "reason"), "no string \"text\" in the record");
    assert_string_equal(text_of(row_of(m, 4), "fate"), "unreadable");
    snprintf(expected, sizeof expected, "%s:6", manifest_place);
    assert_string_equal(text_of(row_of(m, 5), "place"), expected);
    json_decref(m);
}

static hearth_status second_text(void *context, const corpus_document *d, hearth_error *error)
{
    (void)error;
    if (d->row == 2) {
        assert_int_equal(d->length, 13);
        assert_memory_equal(d->text, "two\0\x1f \"x\" \xE2\x82\xAC", 13);
        ++*(int *)context;
    }
    return HEARTH_OK;
}

static void json_lines_plain_and_compressed(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"r.jsonl", ""}, {"r.gz", "gzip"}, {"r.zst", "zstd"}, {"r.xz", "xz"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (*names[i][1] == '\0') {
            place_write(names[i][0], records);
        } else {
            place_compress(names[i][0], names[i][1], records);
        }
        recipe_source s = source(SOURCE_JSONL, names[i][0]);
        s.licence = NULL;
        s.licence_field = "license";
        const recipe r = one(&s);
        assert_int_equal(must_build(&r, "out", 1).kept, 3);
        check_records(names[i][0]);
        int seen = 0;
        assert_int_equal(corpus_each(place("out"), second_text, &seen, NULL), HEARTH_OK);
        assert_int_equal(seen, 1);
    }
    recipe_source s = source(SOURCE_JSONL, "r.jsonl");
    s.field = "meta.l";
    const recipe r = one(&s);
    (void)must_build(&r, "out", 1);
    assert_string_equal(kept_texts("out"), "ISC\n--\n");
    s.documents = 2;
    assert_int_equal(must_build(&r, "out", 1).documents, 2);
}

static void text_is_split(void **state)
{
    (void)state;
    place_write("t.txt", "a\r\nb\n \t\n\nc\rd\n\ne");
    static const struct {
        const char *split, *texts;
    } wanted[] = {{"line", "a\n--\nb\n--\nc\rd\n--\ne\n--\n"},
                  {"paragraph", "a\nb\n--\nc\rd\n--\ne\n--\n"},
                  {"file", "a\r\nb\n \t\n\nc\rd\n\ne\n--\n"}};
    for (size_t i = 0; i < 3; i++) {
        recipe_source s = source(SOURCE_TEXT, "t.txt");
        s.split = wanted[i].split;
        const recipe r = one(&s);
        (void)must_build(&r, "out", 1);
        assert_string_equal(kept_texts("out"), wanted[i].texts);
    }
    json_t *m = read_manifest("out");
    assert_string_equal(text_of(row_of(m, 1), "place"), "t.txt");
    json_decref(m);
    recipe_source s = source(SOURCE_TEXT, "t.txt");
    s.split = "paragraph";
    const recipe r = one(&s);
    (void)must_build(&r, "out", 1);
    m = read_manifest("out");
    assert_string_equal(text_of(row_of(m, 2), "place"), "t.txt:5");
    json_decref(m);
    s.split = "word";
    assert_string_equal(must_fail(&r), "split: expected line, paragraph or file, found \"word\"");
}

/* A line of 65 MiB: dropped, yet known by its hash; memory holds no more than the limit. */
static void what_is_too_large_is_dropped_whole(void **state)
{
    (void)state;
    const size_t length = ((size_t)65 << 20) + 4;
    char *text = malloc(length);
    char id[HASH_HEX_SIZE];
    assert_non_null(text);
    memset(text, 'x', length);
    memcpy(text + length - 4, "\n\nb\n", 4);
    place_write_bytes("large.txt", text, length);
    assert_int_equal(hash_bytes_hex(text, length - 4, id, NULL), HEARTH_OK);
    free(text);
    static const char *const splits[] = {"line", "paragraph"};
    for (size_t i = 0; i < 2; i++) {
        recipe_source s = source(SOURCE_TEXT, "large.txt");
        s.split = splits[i];
        const recipe r = one(&s);
        const manifest_totals t = must_build(&r, "out", 1);
        assert_int_equal(t.documents, 2);
        assert_int_equal(t.kept, 1);
        json_t *m = read_manifest("out");
        assert_string_equal(text_of(row_of(m, 1), "fate"), "too_large");
        assert_string_equal(text_of(row_of(m, 1), "id"), id);
        assert_string_equal(text_of(row_of(m, 1), "place"), "large.txt:1");
        assert_string_equal(text_of(row_of(m, 2), "place"), "large.txt:3");
        json_decref(m);
    }
}

static void commands_are_hashed_and_their_failures_seen(void **state)
{
    (void)state;
    place_write("r.jsonl", records);
    recipe_source s = {.name = "piped", .kind = SOURCE_COMMAND, .command = "cat r.jsonl", .licence = "MIT"};
    char right[HASH_HEX_SIZE], wrong[HASH_HEX_SIZE];
    memcpy(right, hash_of(records), sizeof right);
    memset(wrong, '0', 64);
    wrong[64] = '\0';
    const recipe r = one(&s);
    assert_int_equal(must_build(&r, "out", 1).kept, 3);
    s.sha256 = right;
    assert_int_equal(must_build(&r, "out", 1).kept, 3);
    s.documents = 1; /* the hash is still of all that it writes */
    assert_int_equal(must_build(&r, "out", 1).documents, 1);
    s.sha256 = wrong;
    assert_non_null(strstr(must_fail(&r), right));
    s.sha256 = NULL;
    s.documents = 0;
    s.command = "cat r.jsonl; exit 3";
    assert_non_null(strstr(must_fail(&r), "expected exit status 0, found exit status 3"));
}

static void generators_make_the_same_everywhere(void **state)
{
    (void)state;
    recipe_source s = {.name = "made", .kind = SOURCE_GENERATOR, .generator = "sums", .documents = 700};
    recipe r = one(&s);
    const manifest_totals first = must_build(&r, "out", 1), second = must_build(&r, "again", 3);
    assert_int_equal(first.kept, 700);
    assert_string_equal(first.sha256, second.sha256);
    buffer text;
    buffer_init(&text, 0);
    assert_int_equal(corpus_generator_find("sums")->make(7, 0, &text, NULL), HEARTH_OK);
    int a = 0, b = 0, c = 0;
    char sign = 0;
    assert_int_equal(sscanf(text.data, "%d %c %d = %d\n", &a, &sign, &b, &c), 4);
    assert_int_equal(sign == '+' ? a + b : a - b, c);
    assert_memory_equal(kept_texts("out"), text.data, text.length);
    buffer_free(&text);
    r.seed = 8;
    assert_string_not_equal(must_build(&r, "out", 1).sha256, first.sha256);
    s.generator = "nothing";
    assert_non_null(strstr(must_fail(&r), "\"nothing\""));
}

static void datasets_read_what_they_know(void **state)
{
    (void)state;
    place_write("set/README.md", "---\nlicense: mit\n---\n");
    place_write("set/data/train-00000.jsonl", "{\"text\": \"t0\"}\n");
    place_write("set/data/train-00001.txt", "t1\nt2\n");
    place_compress("set/data/train-00002.jsonl.zst", "zstd", "{\"text\": \"t3\"}\n");
    const recipe_source s = source(SOURCE_DATASET, "set");
    const recipe r = one(&s);
    (void)must_build(&r, "out", 1);
    assert_string_equal(kept_texts("out"), "t0\n--\nt1\n--\nt2\n--\nt3\n--\n");
    json_t *m = read_manifest("out");
    assert_string_equal(text_of(row_of(m, 3), "place"), "data/train-00001.txt:2");
    json_decref(m);
    place_write("set/data/x.parquet", "PAR1");
    assert_non_null(strstr(must_fail(&r), "x.parquet: expected jsonl or txt, found Parquet or Arrow"));
    assert_int_equal(unlink(place("set/data/x.parquet")), 0);
}

static void pinned_files_are_checked_before_they_are_read(void **state)
{
    (void)state;
    place_write("pin/a", "x");
    place_write("pin/b/c", "y");
    char list[256], ids[2][HASH_HEX_SIZE], sum[HASH_HEX_SIZE];
    memcpy(ids[0], hash_of("x"), HASH_HEX_SIZE);
    memcpy(ids[1], hash_of("y"), HASH_HEX_SIZE);
    snprintf(list, sizeof list, "%s  a\n%s  b/c\n", ids[0], ids[1]);
    memcpy(sum, hash_of(list), sizeof sum);
    recipe_pin pins[] = {{"b/c", ids[1]}, {"a", ids[0]}};
    recipe_source s = source(SOURCE_FOLDER, "pin");
    s.sha256 = sum;
    s.pins = pins;
    s.pin_count = 2;
    const recipe r = one(&s);
    (void)must_build(&r, "out", 1);
    pins[0].sha256 = ids[0];
    assert_non_null(strstr(must_fail(&r), "b/c: expected SHA-256"));
    s.pin_count = 0;
    place_write("pin/b/d", "z");
    assert_non_null(strstr(must_fail(&r), sum));
}

static void one_hash_whatever_the_threads_the_folder_and_the_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        char name[32], text[64];
        snprintf(name, sizeof name, "many/%02u", i);
        snprintf(text, sizeof text, "text %u\n\npart two of %u\n", i, i % 7);
        place_write(name, text);
    }
    const recipe_rule rules[] = {{.name = "nfc"}, {.name = "exact_duplicates"}};
    recipe_source s[2] = {source(SOURCE_FOLDER, "many"),
                          {.name = "g", .kind = SOURCE_GENERATOR, .generator = "sums", .documents = 1500}};
    recipe r = make_recipe(s, 2, rules, 2);
    r.held_out = 0.25;
    const manifest_totals first = must_build(&r, "out", 1);
    assert_true(first.held_out > first.kept / 5 && first.held_out < first.kept * 3 / 10);
    for (int threads = 2; threads <= 5; threads++) {
        assert_string_equal(must_build(&r, "again", threads).sha256, first.sha256);
    }
    assert_int_equal(rename(place("many"), place("other")), 0);
    s[0].path = "other";
    assert_string_equal(must_build(&r, "again", 2).sha256, first.sha256);
    corpus_summary summary;
    assert_int_equal(corpus_read_summary(place("again"), &summary, NULL), HEARTH_OK);
    assert_string_equal(summary.totals.sha256, first.sha256);
    assert_int_equal(summary.totals.held_out, first.held_out);
    assert_int_equal(summary.totals.kept_bytes, first.kept_bytes);
    place_write("other/39", "Text 39");
    assert_string_not_equal(must_build(&r, "again", 2).sha256, first.sha256);
}

/* An empty shard among full ones is no failure, whatever its kind and compression. */
static void empty_files_hold_no_documents(void **state)
{
    (void)state;
    place_write("none/a.jsonl", "");
    place_compress("none/b.jsonl.gz", "gzip", "");
    place_compress("none/c.txt.zst", "zstd", "");
    place_write("none/d.txt", "");
    place_write("none/e.txt", "one line\n");
    recipe_source s = source(SOURCE_DATASET, "none");
    const recipe r = one(&s);
    assert_int_equal(must_build(&r, "out", 1).documents, 1);
    static const recipe_source_kind kinds[] = {SOURCE_JSONL, SOURCE_TEXT, SOURCE_WARC};
    static const char *const files[] = {"none/a.jsonl", "none/b.jsonl.gz", "none/c.txt.zst"};
    for (size_t i = 0; i < 9; i++) {
        s = source(kinds[i / 3], files[i % 3]);
        assert_int_equal(must_build(&r, "out", 1).documents, 0);
    }
}

/* The growing corpus would be read as documents. */
static void a_source_does_not_hold_the_output(void **state)
{
    (void)state;
    place_write("holds/a", "A text");
    place_write("holds-not/b", "Another text");
    assert_int_equal(symlink("holds", place("to-it")), 0);
    manifest_totals t;
    static const char *const sources[] = {".", "holds", "to-it", "holds/"};
    static const char *const outputs[] = {"holds/out", "holds/not/yet/out", "to-it/out"};
    recipe_source s = source(SOURCE_FOLDER, NULL);
    const recipe r = one(&s);
    for (size_t i = 0; i < 12; i++) {
        hearth_error error = {0};
        s.path = sources[i / 3];
        assert_int_equal(corpus_build(&r, place(outputs[i % 3]), &(corpus_options){0}, &t, &error), HEARTH_E_ARGUMENT);
        assert_string_equal(error.place, "source");
        assert_string_equal(error.expected, "an output outside of the source's folder");
        assert_false(file_exists(place("holds/not")));
    }
    s.path = "holds";
    assert_int_equal(must_build(&r, "holds-not/out", 1).documents, 1);
    s.path = "holds-not/b";
    s.kind = SOURCE_TEXT;
    assert_int_equal(must_build(&r, "holds-not/out", 1).documents, 1);
}

/* A killed build's folder, whose process had this one's number. */
static void what_a_killed_build_left_is_no_obstacle(void **state)
{
    (void)state;
    char name[64], file[128];
    const recipe_source g = {.name = "g", .kind = SOURCE_GENERATOR, .generator = "sums", .documents = 3};
    const recipe r = one(&g);
    const manifest_totals clean = must_build(&r, "out", 1);
    snprintf(name, sizeof name, "out.tmp-%ld", (long)getpid());
    assert_int_equal(rename(place("out"), place(name)), 0);
    snprintf(file, sizeof file, "%s/documents/00001.jsonl.zst", name);
    place_write(file, "half");
    assert_string_equal(must_build(&r, "out", 1).sha256, clean.sha256);
    assert_false(file_exists(place(name)));
    assert_false(file_exists(place("out/documents/00001.jsonl.zst")));
}

static void errors_are_one_line_and_leave_nothing(void **state)
{
    (void)state;
    recipe_source s = source(SOURCE_JSONL, "not-there");
    const recipe r = one(&s);
    assert_non_null(strstr(must_fail(&r), "not-there: cannot open"));
    s.kind = SOURCE_FOLDER;
    assert_non_null(strstr(must_fail(&r), "not-there"));
    static const char broken[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03not deflate";
    place_write_bytes("broken.gz", broken, sizeof broken - 1);
    s = source(SOURCE_JSONL, "broken.gz");
    (void)must_fail(&r);
    s = source(SOURCE_ARCHIVE, "broken.gz");
    assert_non_null(strstr(must_fail(&r), "broken.gz"));
    const recipe_source good = {.name = "g", .kind = SOURCE_GENERATOR, .generator = "sums", .documents = 1};
    const recipe g = one(&good);
    (void)must_build(&g, "out", 1);
    hearth_error error = {0};
    manifest_totals t;
    assert_int_equal(corpus_build(&g, place("out"), &(corpus_options){0}, &t, &error), HEARTH_E_ARGUMENT);
    assert_string_equal(error.found, "one that is there");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_read_in_byte_order_of_paths),
        cmocka_unit_test(archives_are_read_in_their_own_order),
        cmocka_unit_test(json_lines_plain_and_compressed),
        cmocka_unit_test(text_is_split),
        cmocka_unit_test(what_is_too_large_is_dropped_whole),
        cmocka_unit_test(commands_are_hashed_and_their_failures_seen),
        cmocka_unit_test(generators_make_the_same_everywhere),
        cmocka_unit_test(datasets_read_what_they_know),
        cmocka_unit_test(pinned_files_are_checked_before_they_are_read),
        cmocka_unit_test(one_hash_whatever_the_threads_the_folder_and_the_time),
        cmocka_unit_test(empty_files_hold_no_documents),
        cmocka_unit_test(a_source_does_not_hold_the_output),
        cmocka_unit_test(what_a_killed_build_left_is_no_obstacle),
        cmocka_unit_test(errors_are_one_line_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, place_make, place_remove);
}
