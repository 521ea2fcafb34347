/* Every family in every number format, in both containers: logits to 2e-4 in --compute f32 and the same greedy tokens
 * as transformers with the weights that the files stand for (make_family_formats.py, which names each file's bytes by
 * their hash); in native the same bits over instruction sets, threads and chunks. Prints the rows of docs/models.md's
 * table.
 *
 *   test_family_formats                    a spread: each family with some formats, each format with some families
 *   test_family_formats all                the product; HEARTH_FAMILY=NAME of one family alone
 *   test_family_formats write SPEC FOLDER  the files, for make_family_formats.py */
#include "family_files.h"

#include "base/base64.h"
#include "base/sanitizer.h"
#include "convert/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOLERANCE 2e-4
#define MOST_FAMILIES 96
#define LEAST_FAMILIES 49 /* goldens that there are */
/* Every access is watched: one variant, and a family of four. */
#define WATCHED (SANITIZER_ADDRESS || SANITIZER_THREAD)
enum { TEXT = 40, GREEDY = 16, PLACES = 2 };
static const size_t places[PLACES] = {20, TEXT - 1};

typedef struct subject {
    char name[64];
    size_t number;
} subject;

static bool all; /* of the product */
static char folder[64];

static const char *path_of(const char *name, const char *tail)
{
    static char paths[4][192];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s%s", folder, name, tail);
    return path;
}

static void forget(const char *name)
{
    static const char *const tails[] = {"/config.json", "/model.safetensors", ".gguf"};
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        (void)unlink(path_of(name, tails[i]));
    }
    (void)rmdir(path_of(name, ""));
}

/* ---- one model ---- */

static float *logits_of(const char *path, const int32_t *text, compute how, const char *isa, int threads, size_t chunk)
{
    engine *e = make_engine(threads, isa);
    model *m = open_model(e, path, how);
    float *logits = all_logits(m, text, TEXT, chunk, -1);
    model_close(m);
    engine_free(e);
    return logits;
}

/* In native: instruction sets, threads and chunks give the bits of the best set's whole text; in a spread, one of them.
 */
static void check_one_result(size_t number, const char *path, const int32_t *text, size_t vocabulary)
{
    static const size_t chunks[] = {7, 1, 16};
    const kernel_table *variants[8];
    const size_t count = kernels_variants(engine_cpu(), variants);
    float *expected = logits_of(path, text, COMPUTE_NATIVE, NULL, 2, TEXT);
    for (size_t v = 0; v <= count; v++) { /* the best one again, with other threads and chunks */
        if (WATCHED ? v < count : !all && v != number % (count + 1)) {
            continue;
        }
        const char *isa = v < count ? variants[v]->name : NULL;
        float *logits = logits_of(path, text, COMPUTE_NATIVE, isa, 1 + (int)(v + 2) % 3, chunks[v % 3]);
        if (memcmp(logits, expected, sizeof *logits * TEXT * vocabulary) != 0) {
            fail_msg("%s: %s has other bits in native", path, isa == NULL ? "another number of threads" : isa);
        }
        free(logits);
    }
    free(expected);
}

static double worst_difference(const json_t *cell, const float *logits, size_t vocabulary)
{
    buffer bytes;
    const json_t *text = json_object_get(cell, "logits");
    double worst = 0;
    buffer_init(&bytes, 0);
    OK(base64_decode(json_string_value(text), json_string_length(text), &bytes, error));
    assert_int_equal(bytes.length, PLACES * vocabulary * sizeof(float));
    for (size_t i = 0; i < PLACES * vocabulary; i++) {
        float theirs = 0;
        memcpy(&theirs, buffer_text(&bytes) + 4 * i, 4);
        const double off = fabs((double)logits[places[i / vocabulary] * vocabulary + i % vocabulary] - (double)theirs);
        worst = off > worst || isnan(off) ? off : worst;
    }
    buffer_free(&bytes);
    return worst;
}

static void draw_text(uint32_t seed, uint32_t vocabulary, int32_t text[TEXT])
{
    for (size_t i = 0; i < TEXT; i++) {
        seed = (seed * 1103515245u + 12345u) & 0x7fffffffu;
        text[i] = (int32_t)((seed >> 16) % vocabulary);
    }
}

static void check_cell(const subject *s, const char *format, const json_t *cell, const char *path)
{
    const bool gguf = !file_is_folder(path);
    size_t count = 0;
    size_t same = 0;
    int32_t text[TEXT];
    int32_t ours[GREEDY];
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_F32);
    const size_t vocabulary = m->config.vocabulary;
    int32_t *theirs = json_ids(json_object_get(cell, "greedy"), &count);
    assert_int_equal(count, GREEDY);
    draw_text((uint32_t)json_integer_value(json_object_get(cell, "text")), (uint32_t)vocabulary, text);
    float *logits = all_logits(m, text, TEXT, TEXT, -1);
    const double worst = worst_difference(cell, logits, vocabulary);
    greedy_tokens(m, text, TEXT, GREEDY, ours);
    while (same < GREEDY && ours[same] == theirs[same]) {
        same++;
    }
    print_message("# | %s | %s | %s | %s | %.1e | %zu |\n", m->config.family->name, s->name, gguf ? "GGUF" : "folder",
                  format, worst, same);
    free(theirs);
    free(logits);
    model_close(m);
    engine_free(e);
    if (!(worst <= TOLERANCE) || same != GREEDY) {
        fail_msg("%s, %s, %s: logits differ by %g, %zu of %d greedy tokens are the same", s->name,
                 gguf ? "GGUF" : "folder", format, worst, same, GREEDY);
    }
    check_one_result(s->number, path, text, vocabulary);
}

/* ---- the files ---- */

static const struct {
    const char *name;
    dtype type;
} plain_formats[] = {{"F32", DTYPE_F32}, {"F16", DTYPE_F16}, {"BF16", DTYPE_BF16}};

static void convert_folder(const char *name)
{
    const convert_options options = {.type = DTYPE_LIMIT, .kernels = kernels_select("scalar", (kernel_cpu){0})};
    convert_result result;
    OK(convert_model(path_of(name, ""), path_of(name, ".gguf"), &options, &result, error));
}

static void check_hash(const subject *s, const char *format, const json_t *cell, const char *path)
{
    char hash[HASH_HEX_SIZE];
    const char *expected = json_string_value(json_object_get(cell, "data"));
    family_data_hash(path, hash);
    assert_non_null(expected);
    if (strncmp(hash, expected, 16) != 0) {
        fail_msg("%s, %s: the tensors' bytes are %s, the golden's were %s", s->name, format, hash, expected);
    }
}

static void check_plain(const subject *s, const json_t *spec, size_t i)
{
    const char *format = plain_formats[i].name;
    const json_t *cell = json_object_get(json_object_get(spec, "cells"), format);
    assert_non_null(cell);
    family_write_folder(spec, plain_formats[i].type, path_of(format, ""));
    check_hash(s, format, cell, path_of(format, ""));
    const bool gguf = json_is_true(json_object_get(spec, "gguf"));
    if (all || !gguf || s->number % 2 == 0) {
        check_cell(s, format, cell, path_of(format, ""));
    }
    if (gguf && (all || s->number % 2 == 1)) {
        convert_folder(format);
        check_cell(s, format, cell, path_of(format, ".gguf"));
    }
    forget(format);
}

static void check_blocks(const subject *s, const family_format *f, const json_t *cell)
{
    family_write_blocks(path_of("values", ".gguf"), f, path_of(f->name, ".gguf"));
    check_hash(s, f->name, cell, path_of(f->name, ".gguf"));
    check_cell(s, f->name, cell, path_of(f->name, ".gguf"));
    forget(f->name);
}

/* The formats that there are goldens of; of them all, or two. */
static void check_gguf(const subject *s, const json_t *cells)
{
    const family_format *there[64];
    size_t count = 0;
    for (size_t i = 0; i < family_format_count; i++) {
        if (json_object_get(cells, family_formats[i].name) != NULL) {
            there[count++] = &family_formats[i];
        } else if (i < FAMILY_FORMATS_MAIN) {
            fail_msg("%s: no golden of %s", s->name, family_formats[i].name);
        }
    }
    for (size_t i = 0; i < count; i++) {
        const bool other = count > FAMILY_FORMATS_MAIN && i >= FAMILY_FORMATS_MAIN && (i + s->number) % 3 == 0;
        if (all || i == s->number % count || (!WATCHED && (i == (s->number + 3) % count || other))) {
            check_blocks(s, there[i], json_object_get(cells, there[i]->name));
        }
    }
}

static void check_family(void **state)
{
    const subject *s = *state;
    char name[128];
    snprintf(name, sizeof name, "../golden_formats/%s.json", s->name);
    json_t *spec = read_json(golden_path(name));
    for (size_t i = 0; i < 3; i++) {
        if (all || s->number % 3 == i) {
            check_plain(s, spec, i);
        }
    }
    if (json_is_true(json_object_get(spec, "gguf"))) {
        family_write_folder(spec, DTYPE_F32, path_of("values", ""));
        convert_folder("values");
        check_gguf(s, json_object_get(spec, "cells"));
        forget("values");
    }
    json_decref(spec);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hearth-families-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

/* What a failed test left goes, too. */
static int remove_folder(void **state)
{
    (void)state;
    forget("values");
    for (size_t i = 0; i < 3; i++) {
        forget(plain_formats[i].name);
    }
    for (size_t i = 0; i < family_format_count; i++) {
        forget(family_formats[i].name);
    }
    return rmdir(folder);
}

/* FOLDER/F32, F16, BF16 and, where GGUF has the family, FORMAT.gguf. */
static void write_files(void **state)
{
    const char *path = *state;
    json_t *spec = read_json(path);
    for (size_t i = 0; i < 3; i++) {
        family_write_folder(spec, plain_formats[i].type, path_of(plain_formats[i].name, ""));
    }
    if (json_is_true(json_object_get(spec, "gguf"))) {
        convert_folder("F32");
        for (size_t i = 0; i < family_format_count; i++) {
            family_write_blocks(path_of("F32", ".gguf"), &family_formats[i], path_of(family_formats[i].name, ".gguf"));
        }
    }
    json_decref(spec);
}

int main(int argc, char **argv)
{
    static subject subjects[MOST_FAMILIES];
    static struct CMUnitTest tests[MOST_FAMILIES];
    const char *only = getenv("HEARTH_FAMILY");
    file_list list;
    size_t count = 0;
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        const struct CMUnitTest write = {"files", write_files, NULL, NULL, argv[2]};
        snprintf(folder, sizeof folder, "%s", argv[3]);
        return _cmocka_run_group_tests("files", &write, 1, NULL, NULL);
    }
    all = argc == 2 && strcmp(argv[1], "all") == 0;
    OK(file_list_folder(golden_path("../golden_formats"), &list, error));
    for (size_t i = 0; i < list.count; i++) {
        subject *s = &subjects[count];
        const int length = (int)strcspn(list.names[i], ".");
        assert_true(count < MOST_FAMILIES && length < 64);
        snprintf(s->name, sizeof s->name, "%.*s", length, list.names[i]);
        s->number = i;
        if (only == NULL ? !WATCHED || all || i % 4 == 0 : strcmp(only, s->name) == 0) {
            tests[count++] = (struct CMUnitTest){s->name, check_family, NULL, NULL, s};
        }
    }
    const size_t goldens = list.count;
    file_list_free(&list);
    if (only == NULL ? goldens < LEAST_FAMILIES : count == 0) {
        fprintf(stderr, "test_family_formats: expected at least %d families, or the one named; found %zu\n",
                LEAST_FAMILIES, goldens);
        return 2;
    }
    return _cmocka_run_group_tests("family_formats", tests, count, make_folder, remove_folder);
}
