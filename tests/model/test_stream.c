/* Weights larger than the memory they may take: the same bits as packed ones, for every family in both containers, any
 * budget and number of threads; after a step that was stopped; an error where the file shrinks. */
#include "support.h"

#include "base/hash.h"
#include "model/forward.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_SUBJECTS 256
#define TEXT 16u
#define CHUNK 7u

static char subjects[MOST_SUBJECTS][300];
static size_t subject_count;

static void add_subjects(const char *folder)
{
    DIR *d = opendir(golden_path(folder));
    assert_non_null(d);
    for (const struct dirent *entry = NULL; (entry = readdir(d)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        const bool gguf = length > 5 && strcmp(entry->d_name + length - 5, ".gguf") == 0;
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "families") != 0 &&
            strcmp(entry->d_name, "encoders") != 0 && (gguf || strchr(entry->d_name, '.') == NULL) &&
            subject_count < MOST_SUBJECTS) {
            snprintf(subjects[subject_count++], sizeof *subjects, "%s%s", folder, entry->d_name);
        }
    }
    closedir(d);
}

static model *open_with(engine *e, const char *path, compute how, uint64_t memory)
{
    const model_options options = {.compute = how, .memory_bytes = memory};
    model *m = NULL;
    OK(model_open(e, path, &options, &m, error));
    return m;
}

/* Logits of a text whose first CHUNK tokens want none, so that the last layer is left half way. */
static void digest(model *m, size_t chunk, char ret[HASH_HEX_SIZE])
{
    int32_t ids[TEXT];
    uint8_t raw[32];
    kv_cache cache = {0};
    forward *f = NULL;
    const float *rows = NULL;
    hash_state *hash = hash_create();
    assert_non_null(hash);
    for (uint32_t i = 0; i < TEXT; i++) {
        ids[i] = (int32_t)((i * 37 + 11) % m->config.vocabulary);
    }
    OK(kv_cache_create(&m->config, CACHE_F32, TEXT, &cache, error));
    OK(forward_create(m, chunk, &f, error));
    for (uint32_t at = 0; at < TEXT; at += (uint32_t)chunk) {
        const uint32_t count = TEXT - at < chunk ? TEXT - at : (uint32_t)chunk;
        const forward_want want = at < CHUNK ? WANT_NONE : WANT_ALL;
        const forward_segment segment = {
            .cache = &cache, .position = at, .count = count, .ids = ids + at, .want = want};
        OK(forward_step(f, &segment, 1, error));
        for (size_t row = 0; row < forward_rows(f); row++) {
            OK(forward_logits(f, row, 1, &rows, error));
            hash_update(hash, rows, m->config.vocabulary * sizeof *rows);
        }
    }
    hash_finish(hash, raw);
    hash_hex(raw, ret);
    forward_free(f);
    kv_cache_free(&cache);
}

static void test_same_bits(void **state)
{
    (void)state;
    size_t streamed = 0;
    size_t with_experts = 0;
    add_subjects("");
    add_subjects("families/");
    for (size_t i = 0; i < subject_count; i++) {
        const int threads = 1 + (int)(i % 3);
        const compute how = i % 2 == 0 ? COMPUTE_NATIVE : COMPUTE_F32;
        engine *e = make_engine(threads, NULL);
        char wanted[HASH_HEX_SIZE];
        char made[HASH_HEX_SIZE];
        model *m = open_with(e, golden_path(subjects[i]), how, 0);
        assert_true(m->weights.packed && m->weights.stream == NULL);
        const uint64_t whole = m->weights.matrix_bytes;
        digest(m, CHUNK, wanted);
        model_close(m);
        /* nothing may stay; half and nearly all of what is no ring */
        const uint64_t ring = weight_stream_ring(0);
        const uint64_t budgets[] = {1, whole / 2, whole - 1, ring + whole / 2};
        for (size_t j = 0; j < (i % 5 == 0 ? 4 : 2); j++) {
            m = open_with(e, golden_path(subjects[i]), how, budgets[j]);
            assert_true(m->weights.resident_bytes <= budgets[j]);
            streamed += m->weights.stream != NULL;
            with_experts += m->weights.stream != NULL && m->weights.expert_count != 0;
            digest(m, j == 1 && i % 4 == 0 ? 1 : CHUNK, made);
            if (strcmp(made, wanted) != 0) {
                fail_msg("%s with %llu bytes and %d threads: other bits", subjects[i], (unsigned long long)budgets[j],
                         threads);
            }
            model_close(m);
        }
        engine_free(e);
    }
    print_message("# %zu models, %zu times streamed, %zu of them mixtures\n", subject_count, streamed, with_experts);
    assert_true(subject_count > 60 && streamed > 100 && with_experts > 10);
}

/* ---- a step that stops ---- */

static bool stop_at(void *context, uint32_t done, uint32_t layers)
{
    (void)layers;
    return done != *(const uint32_t *)context;
}

static void test_stopped_steps(void **state)
{
    (void)state;
    engine *e = make_engine(2, NULL);
    model *m = open_with(e, golden_path("families/qwen3.gguf"), COMPUTE_NATIVE, 1);
    assert_non_null(m->weights.stream);
    char wanted[HASH_HEX_SIZE];
    char made[HASH_HEX_SIZE];
    digest(m, CHUNK, wanted);
    for (uint32_t layer = 0; layer < m->config.layers; layer++) {
        kv_cache cache = {0};
        forward *f = NULL;
        const int32_t id = 1;
        OK(kv_cache_create(&m->config, CACHE_F32, 4, &cache, error));
        OK(forward_create(m, 1, &f, error));
        forward_watch(f, stop_at, &layer);
        const forward_segment segment = {.cache = &cache, .count = 1, .ids = &id, .want = WANT_ALL};
        assert_int_equal(forward_step(f, &segment, 1, NULL), HEARTH_E_CANCELLED);
        forward_free(f);
        kv_cache_free(&cache);
        digest(m, CHUNK, made);
        assert_string_equal(made, wanted);
    }
    model_close(m);
    engine_free(e);
}

/* ---- the ring by itself ---- */

#define FILE_BYTES ((size_t)3 << 20)
#define UNITS 23u

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)((offset * 0x9e3779b97f4a7c15u) >> 56);
}

/* A file of bytes that tell their place; `units` are uneven parts of it. */
static void make_file(char path[64], stream_unit units[UNITS])
{
    snprintf(path, 64, "/tmp/hearth-stream-%ld", (long)getpid());
    uint8_t *bytes = malloc(FILE_BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        bytes[i] = byte_at(i);
    }
    OK(file_replace(path, bytes, FILE_BYTES, error));
    free(bytes);
    uint64_t at = 5;
    for (uint32_t i = 0; i < UNITS; i++) {
        const uint64_t size = 1 + (i * 7919u) % 123457u;
        units[i] = (stream_unit){.path = path, .file_size = FILE_BYTES, .offset = at, .bytes = size};
        at += size + i % 3;
    }
    units[UNITS - 1].offset = FILE_BYTES - units[UNITS - 1].bytes; /* up to the end */
}

static void test_ring(void **state)
{
    (void)state;
    char path[64];
    stream_unit units[UNITS];
    weight_stream *s = NULL;
    make_file(path, units);
    OK(weight_stream_create(units, UNITS, 140000, 1, &s, error)); /* hardly more than the largest */
    for (uint32_t round = 0; round < 40; round++) {
        const uint32_t most = round % 4 == 3 ? round % UNITS : UNITS;
        weight_stream_begin(s);
        for (uint32_t i = 0; i < most; i++) {
            const uint8_t *bytes = weight_stream_enter(s, i);
            assert_non_null(bytes);
            for (uint64_t j = 0; j < units[i].bytes; j++) {
                if (bytes[j] != byte_at(units[i].offset + j)) {
                    fail_msg("round %u, unit %u: byte %llu differs", round, i, (unsigned long long)j);
                }
            }
            weight_stream_leave(s, i);
        }
    }
    OK(weight_stream_status(s, error));
    weight_stream_free(s);
    unlink(path);
}

static void test_shrunken_file(void **state)
{
    (void)state;
    char path[64];
    stream_unit units[UNITS];
    weight_stream *s = NULL;
    hearth_error problem = {0};
    make_file(path, units);
    OK(weight_stream_create(units, UNITS, 140000, 1, &s, error));
    assert_int_equal(truncate(path, (off_t)units[UNITS - 1].offset + 1), 0);
    for (int round = 0; round < 2; round++) {
        weight_stream_begin(s);
        for (uint32_t i = 0; i < UNITS; i++) {
            const bool there = weight_stream_enter(s, i) != NULL;
            assert_true(there || i > 0 || round > 0);
            assert_true(!there || i + 1 < UNITS);
            weight_stream_leave(s, i);
        }
    }
    assert_int_equal(weight_stream_status(s, &problem), HEARTH_E_FORMAT);
    assert_string_equal(problem.file, path);
    weight_stream_free(s);
    /* and one that was another length from the beginning */
    assert_int_equal(weight_stream_create(units, UNITS, 140000, 1, &s, &problem), HEARTH_E_FORMAT);
    assert_string_equal(problem.file, path);
    units[0].file_size = 1;
    assert_int_equal(weight_stream_create(units, UNITS, 4096, 1, &s, NULL), HEARTH_E_FORMAT);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_stopped_steps),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_shrunken_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
