/* The KV cache's number formats: for models with plain attention, windows and soft-caps, latent attention and sinks,
 * the same bits over chunks and threads (instruction sets: tests/kernels), and logits as near to those of a binary32
 * cache as the format allows. Also that the bytes which `plan` counts are those that a cache has. */
#include "support.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LENGTH 90u /* two blocks of positions, the last one not whole */

typedef struct subject {
    const char *path;         /* under golden */
    double most[CACHE_TYPES]; /* root mean square of a position's errors over that of its logits, the median position's
                                 (where experts are chosen, a few positions get others): 1.2 to 2 times what is seen */
} subject;

static const subject subjects[] = {
    {"llama-odd", {0, 4e-4, 4e-3, 1e-2, 0.2}},
    {"families/gemma2", {0, 5e-4, 4e-3, 1e-2, 0.2}},
    {"families/deepseek-v2", {0, 1.2e-3, 8e-3, 3e-2, 0.5}},
    {"families/gpt-oss", {0, 0.1, 0.1, 0.1, 0.4}},          /* other experts are chosen at most positions */
    {"families/qwen3-next", {0, 4e-5, 4e-4, 1e-3, 1.5e-2}}, /* one layer in four has a cache */
};

static float *logits_with(const char *path, int threads, size_t chunk, cache_type type, size_t *ret)
{
    int32_t ids[TEXT_LENGTH];
    engine *e = make_engine(threads, NULL);
    model *m = open_model(e, golden_path(path), COMPUTE_F32);
    for (uint32_t i = 0; i < TEXT_LENGTH; i++) {
        ids[i] = (int32_t)(i * i * 7 % m->config.vocabulary);
    }
    float *logits = all_logits(m, ids, TEXT_LENGTH, chunk, type);
    *ret = TEXT_LENGTH * (size_t)m->config.vocabulary;
    model_close(m);
    engine_free(e);
    return logits;
}

static int by_size(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The error of the position that half of the others are nearer than; NaN counts as the worst. */
static double error_of(const float *exact, const float *found, size_t vocabulary)
{
    double errors[TEXT_LENGTH];
    for (size_t t = 0; t < TEXT_LENGTH; t++) {
        double off = 0;
        double all = 0;
        for (size_t i = t * vocabulary; i < (t + 1) * vocabulary; i++) {
            off += ((double)found[i] - (double)exact[i]) * ((double)found[i] - (double)exact[i]);
            all += (double)exact[i] * (double)exact[i];
        }
        errors[t] = off >= 0 ? sqrt(off / all) : HUGE_VAL;
    }
    qsort(errors, TEXT_LENGTH, sizeof *errors, by_size);
    return errors[TEXT_LENGTH / 2];
}

static void check_formats(void **state)
{
    const subject *s = *state;
    size_t count = 0;
    float *exact = logits_with(s->path, 1, 512, CACHE_F32, &count);
    for (int type = 0; type < CACHE_TYPES; type++) {
        float *whole = logits_with(s->path, 1, 512, (cache_type)type, &count);
        float *pieces = logits_with(s->path, 2, 7, (cache_type)type, &count);
        assert_memory_equal(whole, pieces, count * sizeof *whole);
        free(pieces);
        pieces = logits_with(s->path, 1, 1, (cache_type)type, &count);
        assert_memory_equal(whole, pieces, count * sizeof *whole);
        free(pieces);
        const double error = error_of(exact, whole, count / TEXT_LENGTH);
        print_message("# %s, %s: %.1e of the logits\n", s->path, cache_type_names[type], error);
        assert_true(error <= s->most[type]);
        assert_true(type == CACHE_F32 || error > 0); /* the format is what was asked for */
        free(whole);
    }
    free(exact);
}

static void check_bytes(void **state)
{
    const subject *s = *state;
    engine *e = make_engine(1, NULL);
    model *m = open_model(e, golden_path(s->path), COMPUTE_F32);
    uint64_t bytes[CACHE_TYPES];
    for (int type = 0; type < CACHE_TYPES; type++) {
        kv_cache cache = {0};
        bytes[type] = model_config_cache_bytes(&m->config, 100, (cache_type)type);
        assert_true(bytes[type] > model_config_state_bytes(&m->config));
        bytes[type] -= model_config_state_bytes(&m->config);
        OK(kv_cache_create(&m->config, (cache_type)type, 100, &cache, error));
        assert_int_equal(bytes[type], 2 * cache.page_bytes);
        assert_int_equal(cache.page_bytes, kv_cache_page_bytes(&m->config, (cache_type)type));
        const double a_position = cache_position_bytes((cache_type)type, m->config.kv_heads, m->config.head_dim);
        assert_int_equal(cache.layers, model_config_attention_layers(&m->config));
        assert_int_equal(2 * cache.states_bytes, model_config_state_bytes(&m->config));
        assert_true(a_position * cache.layers * 128 == (double)bytes[type]);
        kv_cache_free(&cache);
    }
    assert_true(bytes[CACHE_F16] * 2 == bytes[CACHE_F32] && bytes[CACHE_BF16] == bytes[CACHE_F16]);
    assert_true(bytes[CACHE_Q4_0] * 34 == bytes[CACHE_Q8_0] * 18);
    if (m->config.head_dim % 32 == 0) {
        assert_true(bytes[CACHE_Q8_0] * 64 == bytes[CACHE_F16] * 34);
    }
    model_close(m);
    engine_free(e);
}

int main(void)
{
    const size_t count = sizeof subjects / sizeof subjects[0];
    struct CMUnitTest tests[2 * sizeof subjects / sizeof subjects[0]];
    for (size_t i = 0; i < count; i++) {
        tests[2 * i] = (struct CMUnitTest){subjects[i].path, check_formats, NULL, NULL, (void *)&subjects[i]};
        tests[2 * i + 1] = (struct CMUnitTest){subjects[i].path, check_bytes, NULL, NULL, (void *)&subjects[i]};
    }
    return _cmocka_run_group_tests("cache formats", tests, 2 * count, NULL, NULL);
}
