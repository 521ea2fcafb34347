/* Every family against transformers (tests/model/make_families.py), in both containers, and the same bits out of both:
 * logits to 2e-4 in --compute f32, 48 greedy tokens, for each folder under golden/families. Prints docs/models.md's
 * table. The same bits over chunks, threads and instruction sets, in both computations. NAME.stored.gguf holds the same
 * values in another format, whose bits in native are its own: the golden alone. */
#include "support.h"

#include "base/hash.h"
#include "base/sanitizer.h"
#include "kernels/fp8.h"
#include "kernels/kernels.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLERANCE 2e-4
#define MOST_FAMILIES 128
#define TEXT_LENGTH 72u /* past the chunk of 64; golden texts are longer */
/* Every access is watched: native, the best instruction set and chunks of several tokens are enough there. */
#define WATCHED (SANITIZER_ADDRESS || SANITIZER_THREAD)

typedef struct subject {
    char name[64];
    bool gguf;        /* it is there, or, in check_golden, it is meant */
    const char *tail; /* of the path that check_golden opens */
    char title[96];
} subject;

static const char *path_of(const char *name, const char *tail)
{
    char path[256];
    snprintf(path, sizeof path, "families/%s%s", name, tail);
    return golden_path(path);
}

/* Folders in FP8 keep 8 bits a value (tests/matmul has the products): every matrix but embedding and output. */
static void check_fp8_stays(const model *m)
{
    size_t found = 0;
    for (size_t i = 0; i < m->weights.matrix_count; i++) {
        const matrix *w = m->weights.matrices[i];
        found += w->type == DTYPE_F8_SCALED;
        assert_true(w->type != DTYPE_F8_SCALED ||
                    matrix_packed_bytes(w->type, w->rows, w->cols) < 2 * ((w->rows + 15) / 16 * 16) * w->cols);
    }
    assert_true(found >= 7 * (size_t)m->config.layers);
}

static void check_golden(void **state)
{
    const subject *s = *state;
    json_t *golden = read_json(path_of(s->name, "/golden.json"));
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path_of(s->name, s->tail), COMPUTE_F32);
    size_t count = 0;
    size_t prompt = 0;
    if (strncmp(s->name, "llama-fp8", strlen("llama-fp8")) == 0) {
        check_fp8_stays(m);
    }
    int32_t *text = json_ids(json_object_get(golden, "text"), &count);
    float *logits = all_logits(m, text, count, 512, -1);
    const json_t *positions = json_object_get(golden, "positions");
    const json_t *rows = json_object_get(golden, "logits");
    double worst = 0;
    assert_true(json_array_size(rows) > 0 && json_array_size(rows) == json_array_size(positions));
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const size_t position = (size_t)json_integer_value(json_array_get(positions, i));
        assert_int_equal(json_array_size(row), m->config.vocabulary);
        for (size_t j = 0; j < json_array_size(row); j++) {
            const double ours = (double)logits[position * m->config.vocabulary + j];
            const double off = fabs(ours - json_number_value(json_array_get(row, j)));
            worst = off > worst || isnan(off) ? off : worst;
        }
    }
    int32_t *ids = json_ids(json_object_get(golden, "greedy"), &count);
    prompt = (size_t)json_integer_value(json_object_get(golden, "prompt"));
    int32_t *ours = malloc(count * sizeof *ours);
    assert_non_null(ours);
    assert_true(prompt > 0 && count == prompt + 48);
    greedy_tokens(m, ids, prompt, count - prompt, ours);
    size_t same = 0;
    while (same < 48 && ours[same] == ids[prompt + same]) {
        same++;
    }
    print_message("# | %s | %s | %s | %.1e | %zu of 48 |\n", m->config.family->name, s->name,
                  s->gguf ? "GGUF" : "folder", worst, same);
    free(ours);
    free(ids);
    free(text);
    free(logits);
    model_close(m);
    engine_free(e);
    json_decref(golden);
    if (!(worst <= TOLERANCE)) {
        fail_msg("%s: logits differ by %g", s->title, worst);
    }
    assert_int_equal(same, 48);
}

static void logits_hash(engine *e, const char *path, compute how, size_t chunk, char ret[HASH_HEX_SIZE])
{
    int32_t ids[TEXT_LENGTH];
    model *m = open_model(e, path, how);
    for (uint32_t i = 0; i < TEXT_LENGTH; i++) {
        ids[i] = (int32_t)(i * i * 7 % m->config.vocabulary);
    }
    float *logits = all_logits(m, ids, TEXT_LENGTH, chunk, -1);
    OK(hash_bytes_hex(logits, TEXT_LENGTH * m->config.vocabulary * sizeof *logits, ret, error));
    free(logits);
    model_close(m);
}

/* Folder and GGUF, chunks, threads, instruction sets. */
static void check_one_result(void **state)
{
    const subject *s = *state;
    for (int how = COMPUTE_NATIVE; how < (WATCHED ? 1 : 2); how++) {
        char first[HASH_HEX_SIZE];
        const kernel_table *variants[8];
        const size_t count = kernels_variants(engine_cpu(), variants);
        const size_t begin = WATCHED ? count - 1 : 0;
        for (size_t v = begin; v < count; v++) {
            const int threads = 1 + (int)v % 3;
            engine *e = make_engine(threads, variants[v]->name);
            char hash[HASH_HEX_SIZE];
            logits_hash(e, path_of(s->name, ""), (compute)how, v == begin ? 512 : 7, hash);
            if (v == begin) {
                memcpy(first, hash, sizeof first);
            }
            assert_string_equal(first, hash);
            if (s->gguf) {
                logits_hash(e, path_of(s->name, ".gguf"), (compute)how, 64, hash);
                assert_string_equal(first, hash);
            }
            engine_free(e);
        }
        engine *e = make_engine(3, NULL);
        char hash[HASH_HEX_SIZE];
        logits_hash(e, path_of(s->name, ""), (compute)how, WATCHED ? 7 : 1, hash);
        assert_string_equal(first, hash);
        engine_free(e);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static size_t list_families(char names[MOST_FAMILIES][64])
{
    size_t count = 0;
    DIR *folder = opendir(golden_path("families"));
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.' && strchr(entry->d_name, '.') == NULL) {
            assert_true(count < MOST_FAMILIES && strlen(entry->d_name) < 64);
            memcpy(names[count++], entry->d_name, strlen(entry->d_name) + 1);
        }
    }
    closedir(folder);
    qsort(names, count, 64, by_name);
    return count;
}

/* HEARTH_FAMILY=NAME runs one row alone. */
int main(void)
{
    const char *only = getenv("HEARTH_FAMILY");
    static char names[MOST_FAMILIES][64];
    static subject subjects[4 * MOST_FAMILIES];
    static struct CMUnitTest tests[4 * MOST_FAMILIES];
    const size_t families = list_families(names);
    size_t count = 0;
    for (size_t i = 0; i < families; i++) {
        static const char *const titles[] = {"folder", "GGUF", "one result", "stored GGUF"};
        static const char *const tails[] = {"", ".gguf", "", ".stored.gguf"};
        const bool gguf = file_exists(path_of(names[i], ".gguf"));
        const bool stored = file_exists(path_of(names[i], ".stored.gguf"));
        if (only != NULL && strcmp(only, names[i]) != 0) {
            continue;
        }
        for (int kind = 0; kind < 4; kind++) {
            subject *s = &subjects[count];
            if ((kind == 1 && !gguf) || (kind == 3 && !stored)) {
                continue;
            }
            snprintf(s->name, sizeof s->name, "%s", names[i]);
            snprintf(s->title, sizeof s->title, "%s, %s", names[i], titles[kind]);
            s->gguf = kind == 0 ? false : kind == 3 ? stored : gguf;
            s->tail = tails[kind];
            tests[count] = (struct CMUnitTest){s->title, kind == 2 ? check_one_result : check_golden, NULL, NULL, s};
            count++;
        }
    }
    return _cmocka_run_group_tests("families", tests, count, NULL, NULL);
}
