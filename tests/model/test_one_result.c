/* One result: the same bits over instruction sets, threads, chunkings, prefill or step by step, batch composition,
 * packed or mapped weights; for both computations. Hashes of logits, of a sampled transcript and of scores; they are
 * those of golden/results.hashes. */
#include "known_hashes.h"
#include "support.h"

#include "base/hash.h"
#include "base/sanitizer.h"
#include "generate/score.h"
#include "kernels/kernels.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH 200u

#if SANITIZER_ADDRESS || SANITIZER_THREAD
#define MOST_THREADS 3 /* every access is watched there: what more threads would show, three do */
#else
#define MOST_THREADS 5
#endif

/* A model, and how much of everything is done with it. */
typedef struct subject {
    const char *name;
    size_t tokens;
    size_t drawn;
    size_t chunk; /* one that leaves a rest, beside 1, 7 and all at once */
} subject;

static const char *subject_path(const char *name)
{
    if (strcmp(name, "SmolLM2") == 0) {
        return smollm2_path();
    }
    return strncmp(name, "tiny:", 5) == 0 ? golden_path(name + 5) : fixture_path(name);
}

static void make_ids(const model *m, int32_t *ids, size_t count)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < count; i++) {
        x = x * 1664525u + 1013904223u;
        ids[i] = (int32_t)((x >> 8) % m->config.vocabulary);
    }
}

static void hash_of(const void *bytes, size_t length, char ret[HASH_HEX_SIZE])
{
    OK(hash_bytes_hex(bytes, length, ret, error));
}

static void logits_hash(model *m, size_t tokens, size_t chunk, char ret[HASH_HEX_SIZE])
{
    int32_t ids[LENGTH];
    make_ids(m, ids, tokens);
    float *logits = all_logits(m, ids, tokens, chunk, -1);
    hash_of(logits, tokens * m->config.vocabulary * sizeof *logits, ret);
    free(logits);
}

/* Sampled with every filter and penalty on. */
static void transcript_hash(model *m, size_t drawn, size_t chunk, char ret[HASH_HEX_SIZE])
{
    int32_t ids[LENGTH];
    session *s = NULL;
    session_options options = session_options_default();
    make_ids(m, ids, 20);
    options.context_length = 20 + drawn;
    options.chunk = chunk;
    options.sampling.temperature = 1.3f;
    options.sampling.typical_p = 0.98f;
    options.sampling.repetition_penalty = 1.1f;
    options.sampling.frequency_penalty = 0.1f;
    options.sampling.seed = 7;
    OK(session_create(m, &options, &s, error));
    OK(session_feed(s, ids, 20, NULL, NULL, error));
    for (size_t i = 0; i < drawn; i++) {
        int32_t token = 0;
        OK(session_sample(s, &token, error));
        OK(session_feed(s, &token, 1, NULL, NULL, error));
    }
    hash_of(session_tokens(s), (20 + drawn) * sizeof(int32_t), ret);
    session_free(s);
}

static void score_hash(model *m, size_t tokens, size_t chunk, char ret[HASH_HEX_SIZE])
{
    int32_t ids[LENGTH];
    score_result r = {0};
    make_ids(m, ids, tokens);
    const score_options options = {.window = tokens / 2 + 3, .stride = tokens / 4, .cache = -1, .chunk = chunk};
    OK(score_tokens(m, ids, tokens, 100, &options, &r, error));
    memcpy(ret, r.hash, HASH_HEX_SIZE);
    score_result_free(&r);
}

typedef struct hashes {
    char logits[HASH_HEX_SIZE], transcript[HASH_HEX_SIZE], score[HASH_HEX_SIZE];
} hashes;

static hashes all_hashes(model *m, const subject *s, size_t chunk)
{
    hashes h;
    logits_hash(m, s->tokens, chunk, h.logits);
    transcript_hash(m, s->drawn, chunk, h.transcript);
    score_hash(m, s->tokens, chunk, h.score);
    return h;
}

static void expect_same(const hashes *a, const hashes *b, const char *what)
{
    if (memcmp(a, b, sizeof *a) != 0) {
        fail_msg("%s: logits %s, transcript %s, score %s", what, strcmp(a->logits, b->logits) == 0 ? "same" : "DIFFER",
                 strcmp(a->transcript, b->transcript) == 0 ? "same" : "DIFFER",
                 strcmp(a->score, b->score) == 0 ? "same" : "DIFFER");
    }
}

/* Prints the hashes and holds them to those that are known. */
static void tell(const char *name, compute how, const hashes *h)
{
    static const char *const names[] = {"logits", "transcript", "score"};
    const char *const values[] = {h->logits, h->transcript, h->score};
    for (int i = 0; i < 3; i++) {
        print_message("# hash %s %s %s %s\n", name, how == COMPUTE_F32 ? "f32" : "native", names[i], values[i]);
    }
    for (int i = 0; i < 3; i++) {
        known_hash_check(name, how, names[i], values[i]);
    }
}

static void one_result(const subject *s, compute how)
{
    const char *path = subject_path(s->name);
    if (!file_exists(path)) {
        SKIP("%s is not here\n", s->name);
    }
    const kernel_table *variants[8];
    const size_t count = kernels_variants(engine_cpu(), variants);
    hashes first;
    char what[128];
    bool any = false;
    for (size_t v = 0; v < count; v++) {
        for (int threads = 1; threads <= MOST_THREADS; threads++) {
            engine *e = make_engine(threads, variants[v]->name);
            model *m = open_model(e, path, how);
            const size_t chunks[] = {512, 1, 7, s->chunk};
            /* every chunking with 2 threads, one or two of them with the others */
            for (size_t c = 0; c < (threads == 2 ? 4u : 1u); c++) {
                const size_t chunk = threads == 2 ? chunks[c] : chunks[(size_t)threads % 4];
                const hashes h = all_hashes(m, s, chunk);
                snprintf(what, sizeof what, "%s %s, %s, %d threads, chunks of %zu", s->name,
                         how == COMPUTE_F32 ? "f32" : "native", variants[v]->name, threads, chunk);
                if (any) {
                    expect_same(&first, &h, what);
                } else {
                    first = h;
                    any = true;
                }
            }
            model_close(m);
            engine_free(e);
        }
    }
    print_message("# %s: %zu instruction sets\n", s->name, count);
    tell(s->name, how, &first);
}

static void one_result_native(void **state)
{
    one_result(*state, COMPUTE_NATIVE);
}

static void one_result_f32(void **state)
{
    one_result(*state, COMPUTE_F32);
}

/* Three sequences in one batch, prompts and single tokens mixed, against each alone. */
static void batch_composition(void **state)
{
    const subject *s = *state;
    const char *path = subject_path(s->name);
    if (!file_exists(path)) {
        SKIP("%s is not here\n", s->name);
    }
    static const uint32_t steps[4][3] = {{5, 1, 9}, {1, 1, 1}, {3, 17, 1}, {1, 64, 2}};
    for (int how = 0; how < 2; how++) {
        engine *e = make_engine(3, NULL);
        model *m = open_model(e, path, (compute)how);
        const size_t vocabulary = m->config.vocabulary;
        int32_t ids[3][LENGTH];
        float *alone[3];
        kv_cache caches[3];
        uint32_t at[3] = {0};
        forward *f = NULL;
        OK(forward_create(m, 128, &f, error));
        for (int i = 0; i < 3; i++) {
            make_ids(m, ids[i], 100);
            ids[i][0] = i + 3;
            alone[i] = all_logits(m, ids[i], 100, 512, -1);
            OK(kv_cache_create(&m->config, how == COMPUTE_F32 ? CACHE_F32 : CACHE_F16, 100, &caches[i], error));
        }
        for (int step = 0; step < 4; step++) {
            forward_segment segments[3];
            for (int i = 0; i < 3; i++) {
                segments[i] = (forward_segment){.cache = &caches[i],
                                                .position = at[i],
                                                .count = steps[step][i],
                                                .ids = ids[i] + at[i],
                                                .want = i == 0 ? WANT_ALL : WANT_LAST};
                at[i] += steps[step][i];
            }
            OK(forward_step(f, segments, 3, error));
            assert_int_equal(forward_rows(f), steps[step][0] + 2);
            const float *logits = NULL;
            OK(forward_logits(f, 0, forward_rows(f), &logits, error));
            const size_t row = vocabulary * sizeof(float);
            assert_memory_equal(logits, alone[0] + (at[0] - steps[step][0]) * vocabulary, row * steps[step][0]);
            assert_memory_equal(logits + steps[step][0] * vocabulary, alone[1] + (at[1] - 1) * vocabulary, row);
            assert_memory_equal(logits + (steps[step][0] + 1) * vocabulary, alone[2] + (at[2] - 1) * vocabulary, row);
        }
        for (int i = 0; i < 3; i++) {
            free(alone[i]);
            kv_cache_free(&caches[i]);
        }
        forward_free(f);
        model_close(m);
        engine_free(e);
    }
}

/* A prompt whose last token alone is wanted gives what WANT_ALL gives there. */
static void last_or_all(void **state)
{
    const subject *s = *state;
    const char *path = subject_path(s->name);
    if (!file_exists(path)) {
        SKIP("%s is not here\n", s->name);
    }
    engine *e = make_engine(2, NULL);
    model *m = open_model(e, path, COMPUTE_NATIVE);
    int32_t ids[LENGTH];
    session *one = NULL;
    make_ids(m, ids, 90);
    float *all = all_logits(m, ids, 90, 512, -1);
    OK(session_create(m, NULL, &one, error));
    OK(session_feed(one, ids, 90, NULL, NULL, error));
    const size_t row = m->config.vocabulary * sizeof(float);
    assert_memory_equal(session_logits(one), all + 89 * m->config.vocabulary, row);
    size_t kept = 0;
    OK(session_rewind(one, 40, error));
    assert_null(session_logits(one));
    OK(session_feed_shared(one, ids, 60, NULL, NULL, &kept, error));
    assert_int_equal(kept, 40);
    assert_memory_equal(session_logits(one), all + 59 * m->config.vocabulary, row);
    OK(session_feed_shared(one, ids, 60, NULL, NULL, &kept, error));
    assert_int_equal(kept, 60);
    OK(session_feed_shared(one, ids, 30, NULL, NULL, &kept, error));
    assert_int_equal(kept, 29);
    assert_memory_equal(session_logits(one), all + 29 * m->config.vocabulary, row);
    session_free(one);
    free(all);
    model_close(m);
    engine_free(e);
}

static void packed_or_mapped(void **state)
{
    const subject *s = *state;
    const char *path = subject_path(s->name);
    if (!file_exists(path)) {
        SKIP("%s is not here\n", s->name);
    }
    engine *e = make_engine(2, NULL);
    for (int how = 0; how < 2; how++) {
        hashes h[2];
        for (int packing = 0; packing < 2; packing++) {
            model *m = NULL;
            const model_options options = {.compute = (compute)how,
                                           .packing = packing == 0 ? PACKING_PACKED : PACKING_MAPPED};
            OK(model_open(e, path, &options, &m, error));
            assert_int_equal(m->weights.packed, packing == 0);
            h[packing] = all_hashes(m, s, 64);
            model_close(m);
        }
        expect_same(&h[0], &h[1], "packed and mapped");
    }
    engine_free(e);
}

static subject stories = {"stories260K/stories260K-f32.gguf", 72, 20, 64};
static subject tinystories = {"tinystories-656k", 72, 20, 64};
static subject odd = {"tiny:llama-odd", 72, 20, 64};
static subject smollm2 = {"SmolLM2", 18, 6, 16};

#define ALL_OF(subject)                                                                                                \
    {"native " #subject, one_result_native, NULL, NULL, &subject},                                                     \
        {"f32 " #subject, one_result_f32, NULL, NULL, &subject},                                                       \
        {"batch " #subject, batch_composition, NULL, NULL, &subject},                                                  \
        {"last or all " #subject, last_or_all, NULL, NULL, &subject},                                                  \
    {                                                                                                                  \
        "packed or mapped " #subject, packed_or_mapped, NULL, NULL, &subject                                           \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ALL_OF(stories), ALL_OF(tinystories), ALL_OF(odd)};
    const struct CMUnitTest long_tests[] = {ALL_OF(smollm2)};
    if (argc > 1 && strcmp(argv[1], "long") == 0) {
        return cmocka_run_group_tests_name("one result, long", long_tests, NULL, NULL);
    }
    return cmocka_run_group_tests_name("one result", tests, NULL, NULL);
}
