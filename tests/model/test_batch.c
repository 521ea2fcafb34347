/* Sequences that decode together give the bits that each gives alone: grouped heads, windows, soft-caps, sinks, latent
 * attention, mixtures of experts and recurrent states, with every format of the cache, in batches that take every way
 * through the products and attention. */
#include "support.h"

#include "../share.h"

#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 17, STEPS = 2, PROMPT_MOST = 70 };

/* Lengths on both sides of a block of 64 positions, and of the families' windows. */
static uint32_t prompt_length(size_t sequence)
{
    static const uint32_t lengths[] = {1, 5, 17, 62, 63, 64, PROMPT_MOST};
    return lengths[sequence % (sizeof lengths / sizeof lengths[0])];
}

static void make_prompt(const model *m, size_t sequence, int32_t ids[PROMPT_MOST])
{
    for (size_t i = 0; i < PROMPT_MOST; i++) {
        ids[i] = (int32_t)((i * i * 7 + 13 * sequence + 3) % m->config.vocabulary);
    }
}

/* One sequence's tokens: its prompt, then what is chosen greedily. */
typedef struct sequence {
    kv_cache cache;
    uint32_t position;
    int32_t next;
} sequence;

/* The prompts, each in a step of its own; `begin`: those of [begin, begin + count). */
static void read_prompts(model *m, forward *f, cache_type type, size_t begin, size_t count, sequence *s)
{
    for (size_t i = 0; i < count; i++) {
        int32_t ids[PROMPT_MOST];
        const float *logits = NULL;
        make_prompt(m, begin + i, ids);
        OK(kv_cache_create(&m->config, type, PROMPT_MOST + STEPS, &s[i].cache, error));
        s[i].position = prompt_length(begin + i);
        const forward_segment segment = {.cache = &s[i].cache, .count = s[i].position, .ids = ids, .want = WANT_LAST};
        OK(forward_step(f, &segment, 1, error));
        OK(forward_logits(f, 0, 1, &logits, error));
        s[i].next = (int32_t)m->engine->kernels->argmax(logits, m->config.vocabulary);
    }
}

/* One step of all; their logits to ret + i * stride. */
static void go_on(model *m, forward *f, sequence *s, size_t count, float *ret, size_t stride)
{
    forward_segment segments[SEQUENCES];
    const size_t vocabulary = m->config.vocabulary;
    for (size_t i = 0; i < count; i++) {
        segments[i] = (forward_segment){
            .cache = &s[i].cache, .position = s[i].position++, .count = 1, .ids = &s[i].next, .want = WANT_LAST};
    }
    OK(forward_step(f, segments, count, error));
    assert_int_equal(forward_rows(f), count);
    const float *logits = NULL;
    OK(forward_logits(f, 0, count, &logits, error));
    for (size_t i = 0; i < count; i++) {
        memcpy(ret + i * stride, logits + i * vocabulary, vocabulary * sizeof *ret);
        s[i].next = (int32_t)m->engine->kernels->argmax(logits + i * vocabulary, vocabulary);
    }
}

/* Sequences [begin, begin + count) together: their logits, [count, STEPS, vocabulary]. */
static void decode(model *m, forward *f, cache_type type, size_t begin, size_t count, float *ret)
{
    sequence s[SEQUENCES] = {0};
    const size_t vocabulary = m->config.vocabulary;
    read_prompts(m, f, type, begin, count, s);
    for (size_t step = 0; step < STEPS; step++) {
        go_on(m, f, s, count, ret + step * vocabulary, STEPS * vocabulary);
    }
    for (size_t i = 0; i < count; i++) {
        kv_cache_free(&s[i].cache);
    }
}

static void check_batches(const char *path, compute how, cache_type type, int threads)
{
    static const size_t sizes[] = {2, 3, 5, SEQUENCES};
    engine *e = make_engine(threads, NULL);
    model *m = open_model(e, golden_path(path), how);
    forward *f = NULL;
    OK(forward_create(m, PROMPT_MOST, &f, error));
    const size_t floats = STEPS * (size_t)m->config.vocabulary;
    float *alone = malloc(SEQUENCES * floats * sizeof *alone);
    float *together = malloc(SEQUENCES * floats * sizeof *together);
    assert_true(alone != NULL && together != NULL);
    for (size_t i = 0; i < SEQUENCES; i++) {
        decode(m, f, type, i, 1, alone + i * floats);
    }
    assert_memory_not_equal(alone, alone + floats, floats * sizeof *alone);
    for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
        const size_t begin = SEQUENCES - sizes[n];
        decode(m, f, type, begin, sizes[n], together);
        for (size_t i = 0; i < sizes[n]; i++) {
            if (memcmp(alone + (begin + i) * floats, together + i * floats, floats * sizeof *alone) != 0) {
                fail_msg("%s, %s, cache %s, %d threads: sequence %zu of %zu is not what it is alone", path,
                         how == COMPUTE_F32 ? "f32" : "native", cache_type_names[type], threads, i, sizes[n]);
            }
        }
    }
    free(alone);
    free(together);
    forward_free(f);
    model_close(m);
    engine_free(e);
}

/* Every format of the cache with 2 threads, which share heads out evenly; the usual one with 1, and with 3, where
 * pieces are drawn. Under sanitizers a third of the formats for each model, others for the next. */
static void batches(void **state)
{
    static int turn;
    const char *path = *state;
    const int step = (int)share_of(1, 3);
    for (int type = turn++ % step; type < CACHE_TYPES; type += step) {
        check_batches(path, COMPUTE_NATIVE, (cache_type)type, 2);
    }
    check_batches(path, COMPUTE_F32, CACHE_F32, 2);
    check_batches(path, COMPUTE_NATIVE, CACHE_F16, 1);
    check_batches(path, COMPUTE_NATIVE, CACHE_F16, 3);
}

int main(void)
{
    static const char *const paths[] = {
        "llama-gqa.gguf",        "llama-odd.gguf",        "families/mistral-window",   "families/gemma2.gguf",
        "families/mixtral.gguf", "families/gpt-oss.gguf", "families/deepseek-v2.gguf", "families/qwen3-next.gguf",
    };
    const size_t count = sizeof paths / sizeof paths[0];
    struct CMUnitTest tests[sizeof paths / sizeof paths[0]];
    for (size_t i = 0; i < count; i++) {
        tests[i] = (struct CMUnitTest){paths[i], batches, NULL, NULL, (void *)(uintptr_t)paths[i]};
    }
    return _cmocka_run_group_tests("batches", tests, count, NULL, NULL);
}
