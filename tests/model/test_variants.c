/* One result of everything: the logits of every model under golden/, in both containers, with every format of the KV
 * cache, and of a model of every number format; over instruction sets, threads and chunks, in both computations. Each
 * gives a line "# hash MODEL COMPUTE CACHE HASH", which is that of golden/results.hashes; aarch64.py compares them
 * between machines, too.
 *
 *   test_variants [INSTRUCTION SET...]      those alone; without: all that were built and run here
 *
 * HEARTH_FAMILY=TEXT: models with that in their names; HEARTH_PART=I/N: every Nth from number I on. */
#include "format_models.h"
#include "known_hashes.h"
#include "support.h"

#include "base/hash.h"
#include "kernels/kernels.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_LENGTH 72u /* two blocks of positions, the last one not whole */
#define MOST_SUBJECTS 512
#define MOST_VARIANTS 8

/* A file or folder under golden/, or a number format. */
typedef struct subject {
    char name[96];
    size_t number;
    int format; /* -1: none */
} subject;

static const kernel_table *variants[MOST_VARIANTS];
static size_t variant_count;
static subject subjects[MOST_SUBJECTS];
static size_t subject_count;
static char scratch[64];

typedef struct expectation {
    bool known;
    char hash[HASH_HEX_SIZE];
} expectation;

static void logits_hash(model *m, size_t chunk, cache_type cache, char ret[HASH_HEX_SIZE])
{
    int32_t ids[TEXT_LENGTH];
    for (uint32_t i = 0; i < TEXT_LENGTH; i++) {
        ids[i] = (int32_t)(i * i * 7 % m->config.vocabulary);
    }
    float *logits = all_logits(m, ids, TEXT_LENGTH, chunk, cache);
    OK(hash_bytes_hex(logits, TEXT_LENGTH * m->config.vocabulary * sizeof *logits, ret, error));
    free(logits);
}

static void check_cache(const subject *s, model *m, const char *isa, size_t chunk, cache_type cache, expectation *first)
{
    char hash[HASH_HEX_SIZE];
    logits_hash(m, chunk, cache, hash);
    if (!first->known) {
        memcpy(first->hash, hash, sizeof hash);
        first->known = true;
    }
    if (strcmp(first->hash, hash) != 0) {
        fail_msg("%s, %s, cache %s, %s, %d threads, chunks of %zu: other bits", s->name,
                 m->compute == COMPUTE_F32 ? "f32" : "native", cache_type_names[cache], isa, m->engine->threads, chunk);
    }
}

/* One instruction set: every cache with one thread; the usual one and another with several: more than most machines
 * that emulate have cores, so that no thread spins there (threads/pool.c), and in long steps, where they meet less
 * often. */
static void check_variant(const subject *s, const char *path, compute how, size_t v, expectation first[CACHE_TYPES])
{
    static const size_t chunks[] = {512, 1, 7, 64};
    static const size_t long_chunks[] = {64, 512, 7};
    for (int several = 0; several < 2; several++) {
        engine *e = make_engine(several ? 3 + 2 * (int)((v + s->number) % 2) : 1, variants[v]->name);
        model *m = open_model(e, path, how);
        for (size_t cache = 0; cache < CACHE_TYPES; cache++) {
            const bool usual = cache == (how == COMPUTE_F32 ? CACHE_F32 : CACHE_F16);
            const bool wanted = usual || (s->format < 0 && (!several || cache == s->number % CACHE_TYPES));
            const size_t chunk = several ? long_chunks[(v + s->number) % 3] : chunks[(v + cache + s->number) % 4];
            if (wanted) { /* a cache knows nothing of the weights' format: the formats have the usual one */
                check_cache(s, m, variants[v]->name, chunk, (cache_type)cache, &first[cache]);
            }
        }
        model_close(m);
        engine_free(e);
    }
}

static void check_computation(const subject *s, const char *path, compute how)
{
    const char *name = how == COMPUTE_F32 ? "f32" : "native";
    expectation first[CACHE_TYPES] = {0};
    for (size_t v = 0; v < variant_count; v++) {
        check_variant(s, path, how, v, first);
    }
    for (int cache = 0; cache < CACHE_TYPES; cache++) {
        if (first[cache].known) {
            print_message("# hash %s %s %s %s\n", s->name, name, cache_type_names[cache], first[cache].hash);
            known_hash_check(s->name, how, cache_type_names[cache], first[cache].hash);
        }
    }
}

static void check_subject(void **state)
{
    const subject *s = *state;
    char path[1024];
    if (s->format < 0) {
        snprintf(path, sizeof path, "%s", golden_path(s->name));
    } else {
        snprintf(path, sizeof path, "%s/format.gguf", scratch);
        format_model_write(path, (size_t)s->format, false);
    }
    check_computation(s, path, COMPUTE_NATIVE);
    check_computation(s, path, COMPUTE_F32);
    if (s->format >= 0) {
        unlink(path);
    }
}

/* ---- what there is ---- */

static void add_subject(const char *name, int format)
{
    const char *only = getenv("HEARTH_FAMILY");
    if (only != NULL && strstr(name, only) == NULL) {
        return;
    }
    assert_true(subject_count < MOST_SUBJECTS);
    subject *s = &subjects[subject_count];
    assert_true((size_t)snprintf(s->name, sizeof s->name, "%s", name) < sizeof s->name);
    s->number = subject_count++;
    s->format = format;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* GGUF files, and folders with a model. */
static void add_folder(const char *folder)
{
    static char names[MOST_SUBJECTS][96];
    size_t count = 0;
    DIR *entries = opendir(golden_path(folder));
    assert_non_null(entries);
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        char config[512];
        const size_t length = strlen(entry->d_name);
        snprintf(config, sizeof config, "%s%s/config.json", folder, entry->d_name);
        if ((length > 5 && strcmp(entry->d_name + length - 5, ".gguf") == 0) || file_exists(golden_path(config))) {
            assert_true(count < MOST_SUBJECTS);
            assert_true((size_t)snprintf(names[count], sizeof names[count], "%s%s", folder, entry->d_name) <
                        sizeof names[count]);
            count++;
        }
    }
    closedir(entries);
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        add_subject(names[i], -1);
    }
}

static void choose_variants(char **names, int count)
{
    const kernel_table *all[MOST_VARIANTS];
    const size_t built = kernels_variants(engine_cpu(), all);
    for (size_t v = 0; v < built; v++) {
        bool wanted = count == 0;
        for (int i = 0; i < count; i++) {
            wanted = wanted || strcmp(names[i], all[v]->name) == 0;
        }
        if (wanted) {
            print_message("# instruction set: %s\n", all[v]->name);
            variants[variant_count++] = all[v];
        }
    }
}

static int make_scratch(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/hearth-variants-XXXXXX");
    return mkdtemp(scratch) == NULL ? -1 : 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    return rmdir(scratch);
}

/* Of all tests, those that HEARTH_PART asks for; how many. */
static size_t make_tests(struct CMUnitTest *tests)
{
    const char *part = getenv("HEARTH_PART");
    size_t first = 0;
    size_t step = 1;
    size_t count = 0;
    if (part != NULL && (sscanf(part, "%zu/%zu", &first, &step) != 2 || first >= step)) {
        fprintf(stderr, "test_variants: HEARTH_PART is %s, expected a number, / and a larger one\n", part);
        exit(2);
    }
    for (size_t i = first; i < subject_count; i += step) {
        tests[count++] = (struct CMUnitTest){subjects[i].name, check_subject, NULL, NULL, &subjects[i]};
    }
    return count;
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MOST_SUBJECTS];
    choose_variants(argv + 1, argc - 1);
    if (variant_count == 0) {
        fprintf(stderr, "test_variants: no such instruction set here\n");
        return 2;
    }
    add_folder("");
    add_folder("families/");
    for (size_t i = 0; i < format_models(); i++) {
        char name[64];
        snprintf(name, sizeof name, "format/%s", dtype_get_info(format_model_type(i))->name);
        add_subject(name, (int)i);
    }
    const size_t count = make_tests(tests);
    if (count == 0) {
        fprintf(stderr, "test_variants: no such model\n");
        return 2;
    }
    return _cmocka_run_group_tests("variants", tests, count, make_scratch, remove_scratch);
}
