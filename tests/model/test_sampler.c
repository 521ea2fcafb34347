/* Sampling: what is left after each filter equals what transformers' filters leave; ties, greedy, penalties, biases,
 * hostile logits, and how often each token is drawn. */
#include "support.h"

#include "base/random.h"
#include "generate/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static sampling all_off(void)
{
    return (sampling){.temperature = 1, .top_p = 1, .typical_p = 1, .repetition_penalty = 1};
}

static sampler *make(const sampling *s, size_t vocabulary)
{
    static engine *e;
    sampler *made = NULL;
    if (e == NULL) {
        e = make_engine(1, NULL);
    }
    OK(sampler_create(e->kernels, s, vocabulary, &made, error));
    return made;
}

static float setting(const json_t *settings, const char *key, float otherwise)
{
    const json_t *value = json_object_get(settings, key);
    return value == NULL ? otherwise : (float)json_number_value(value);
}

static void like_transformers(void **state)
{
    (void)state;
    json_t *golden = read_json(golden_path("sampling.json"));
    const json_t *rows = json_object_get(golden, "rows");
    assert_true(json_array_size(rows) >= 39);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *o = json_object_get(row, "settings");
        const json_t *expected = json_object_get(row, "probabilities");
        const json_t *given = json_object_get(row, "logits");
        const size_t n = json_array_size(given);
        float logits[1024], got[1024];
        size_t history_count = 0;
        int32_t *history = json_ids(json_object_get(row, "history"), &history_count);
        for (size_t j = 0; j < n; j++) {
            logits[j] = (float)json_number_value(json_array_get(given, j));
        }
        const sampling s = {.temperature = setting(o, "temperature", 1),
                            .top_k = (uint32_t)setting(o, "top_k", 0),
                            .top_p = setting(o, "top_p", 1),
                            .min_p = setting(o, "min_p", 0),
                            .typical_p = setting(o, "typical_p", 1),
                            .repetition_penalty = setting(o, "repetition_penalty", 1)};
        sampler *made = make(&s, n);
        sampler_distribution(made, logits, history, history_count, got);
        for (size_t j = 0; j < n; j++) {
            const double p = json_number_value(json_array_get(expected, j));
            if (fabs(p - (double)got[j]) > 2e-5 * p + 1e-12 || (p == 0) != (got[j] == 0)) {
                fail_msg("row %zu, token %zu: %g, expected %g", i, j, (double)got[j], p);
            }
        }
        sampler_free(made);
        free(history);
    }
    json_decref(golden);
}

static int32_t next(const sampling *s, const float *logits, size_t n, uint64_t index)
{
    sampler *made = make(s, n);
    const int32_t token = sampler_next(made, logits, NULL, 0, index);
    sampler_free(made);
    return token;
}

static void greedy_and_ties(void **state)
{
    (void)state;
    const float logits[6] = {1, 5, 2, 5, 5, 0};
    sampling s = all_off();
    s.temperature = 0;
    assert_int_equal(next(&s, logits, 6, 3), 1);
    const logit_bias biases[2] = {{1, -INFINITY}, {4, 0.5f}};
    s.biases = biases;
    s.bias_count = 2;
    assert_int_equal(next(&s, logits, 6, 3), 4);
    s = all_off();
    s.top_k = 2; /* of three equals, the two with the lowest ids */
    float p[6];
    sampler *made = make(&s, 6);
    sampler_distribution(made, logits, NULL, 0, p);
    sampler_free(made);
    assert_true(p[1] == 0.5f && p[3] == 0.5f && p[4] == 0);
    /* Greedy begins below a temperature of 0.000001. */
    const float near[2] = {0, 1e-6f};
    for (int low = 0; low < 2; low++) {
        s = all_off();
        s.temperature = low ? 0.9e-6f : 1.1e-6f;
        made = make(&s, 2);
        sampler_distribution(made, near, NULL, 0, p);
        sampler_free(made);
        assert_true(low ? p[0] == 0 && p[1] == 1 : p[0] > 0.2f && p[1] < 0.8f);
    }
}

typedef struct ranked {
    int32_t id;
    float key;
} ranked;

static int by_rank(const void *a, const void *b)
{
    const ranked *x = a;
    const ranked *y = b;
    return x->key != y->key ? (x->key > y->key ? -1 : 1) : (x->id < y->id ? -1 : 1);
}

enum { EQUALS = 24 };

/* What docs/sampling.md says, by sorting: the k first, then those until `share` of the weight; among equals lower ids.
 */
static void kept_by_sorting(const float *logits, size_t k, double share, bool ret_kept[EQUALS])
{
    ranked list[EQUALS];
    double total = 0;
    double mass = 0;
    size_t kept = 0;
    for (int i = 0; i < EQUALS; i++) {
        list[i] = (ranked){i, logits[i]};
        ret_kept[i] = false;
    }
    qsort(list, EQUALS, sizeof *list, by_rank);
    for (size_t i = 0; i < k; i++) {
        total += exp((double)list[i].key - (double)list[0].key);
    }
    while (kept < k && (kept == 0 || mass < share * total)) {
        mass += exp((double)list[kept].key - (double)list[0].key);
        ret_kept[list[kept++].id] = true;
    }
}

static void equals_go_by_id(void **state)
{
    (void)state;
    uint32_t random = 5;
    float logits[EQUALS], p[EQUALS];
    bool kept[EQUALS];
    for (int round = 0; round < 400; round++) {
        for (int i = 0; i < EQUALS; i++) {
            random = random * 1664525u + 1013904223u;
            logits[i] = (float)(random >> 29); /* eight values: most are there several times */
        }
        sampling s = all_off();
        s.top_k = (uint32_t)(1 + round % EQUALS);
        s.top_p = round % 3 == 0 ? 1.0f : 0.37f + 0.0013f * (float)round; /* far from any sum of weights */
        s.top_p = s.top_p < 1.0f ? s.top_p : 1.0f;
        sampler *made = make(&s, EQUALS);
        sampler_distribution(made, logits, NULL, 0, p);
        kept_by_sorting(logits, s.top_k, (double)s.top_p, kept);
        for (int i = 0; i < EQUALS; i++) {
            if ((p[i] > 0) != kept[i]) {
                fail_msg("round %d: token %d is %s", round, i, kept[i] ? "cut" : "kept");
            }
        }
        sampler_free(made);
    }
    /* All equal: what stays are the lowest ids, whichever filter cuts. */
    for (int i = 0; i < EQUALS; i++) {
        logits[i] = 1;
    }
    for (int filter = 0; filter < 3; filter++) {
        sampling s = all_off();
        s.top_k = filter == 0 ? 7 : 0;
        s.top_p = filter == 1 ? 6.5f / EQUALS : 1;
        s.typical_p = filter == 2 ? 6.5f / EQUALS : 1;
        sampler *made = make(&s, EQUALS);
        sampler_distribution(made, logits, NULL, 0, p);
        for (int i = 0; i < EQUALS; i++) {
            assert_true((p[i] > 0) == (i < 7));
        }
        sampler_free(made);
    }
}

/* The draw, as docs/sampling.md has it: weights added up by rising id until the random number is passed. */
static void draws_go_by_id(void **state)
{
    (void)state;
    uint32_t random = 9;
    float logits[EQUALS], p[EQUALS];
    for (uint64_t n = 0; n < 600; n++) {
        for (int i = 0; i < EQUALS; i++) {
            random = random * 1664525u + 1013904223u;
            logits[i] = (float)(random >> 24) / 64.0f;
        }
        sampling s = all_off();
        s.seed = n / 7;
        s.top_k = n % 2 == 0 ? 15 : 0;
        s.top_p = n % 3 == 0 ? 0.9f : 1;
        s.typical_p = n % 5 == 0 ? 0.8f : 1;
        sampler *made = make(&s, EQUALS);
        sampler_distribution(made, logits, NULL, 0, p);
        const double u = (double)random_uniform(s.seed, RANDOM_SAMPLING, n, 0);
        double sum = 0;
        int expected = 0;
        while (expected < EQUALS - 1 && sum + (double)p[expected] < u) {
            sum += (double)p[expected++];
        }
        const bool at_a_border = fabs(sum - u) < 1e-5 || fabs(sum + (double)p[expected] - u) < 1e-5;
        assert_true(at_a_border || sampler_next(made, logits, NULL, 0, n) == expected);
        sampler_free(made);
    }
}

static void penalties(void **state)
{
    (void)state;
    const float logits[4] = {2, 2, -1, 0};
    const int32_t history[6] = {0, 0, 2, 9, -1, 0};
    sampling s = all_off();
    s.presence_penalty = 0.5f;
    s.frequency_penalty = 0.25f;
    float p[4];
    sampler *made = make(&s, 4);
    sampler_distribution(made, logits, history, 6, p); /* 0: 2 - 0.5 - 0.75; 2: -1 - 0.5 - 0.25 */
    assert_true(fabs((double)p[0] / (double)p[1] - exp(-1.25)) < 1e-6);
    assert_true(fabs((double)p[2] / (double)p[3] - exp(-1.75)) < 1e-6);
    sampler_free(made);
    s.penalty_window = 1; /* the last 0 alone */
    made = make(&s, 4);
    sampler_distribution(made, logits, history, 6, p);
    assert_true(fabs((double)p[0] / (double)p[1] - exp(-0.75)) < 1e-6);
    assert_true(fabs((double)p[2] / (double)p[3] - exp(-1.0)) < 1e-6);
    sampler_free(made);
}

/* A mask is a vocabulary without the others: same probabilities, same draws. */
static void only_allowed(void **state)
{
    (void)state;
    enum { ALL = 200, WORDS = (ALL + 63) / 64 };
    static const int32_t greedy[1] = {0};
    uint32_t random = 3;
    float logits[ALL], few[ALL], p[ALL], q[ALL];
    int32_t ids[ALL], history[40], few_history[40];
    for (uint64_t round = 0; round < 300; round++) {
        uint64_t allowed[WORDS] = {0};
        size_t count = 0, few_count = 0;
        for (int32_t i = 0; i < ALL; i++) {
            random = random * 1664525u + 1013904223u;
            logits[i] = random % 11 == 0 ? (i % 2 ? NAN : -INFINITY) : (float)(random >> 24) / 40.0f;
            const bool in = round % 3 == 0 ? random >> 27 == 0 : round % 3 == 1 ? random >> 31 == 0 : i / 64 == 1;
            if (in || i == 131) {
                allowed[i / 64] |= (uint64_t)1 << i % 64;
                few[count] = logits[i];
                ids[count++] = i;
            }
        }
        for (int i = 0; i < 40; i++) {
            random = random * 1664525u + 1013904223u;
            history[i] = (int32_t)(random >> 8) % ALL;
            for (size_t j = 0; j < count; j++) {
                if (ids[j] == history[i]) {
                    few_history[few_count++] = (int32_t)j;
                }
            }
        }
        sampling s = round % 2 == 0 ? all_off() : sampling_default();
        s.temperature = round % 5 == 0 ? 0 : 1.5f;
        s.typical_p = round % 7 == 0 ? 0.7f : 1;
        s.repetition_penalty = 1.2f;
        s.frequency_penalty = 0.3f;
        sampler *masked = make(&s, ALL);
        sampler *small = make(&s, count);
        sampler_allow(masked, allowed);
        sampler_distribution(masked, logits, history, 40, p);
        sampler_distribution(small, few, few_history, few_count, q);
        for (size_t j = 0; j < count; j++) {
            assert_true(p[ids[j]] == q[j]);
            p[ids[j]] = 0;
        }
        for (int i = 0; i < ALL; i++) {
            assert_true(p[i] == 0);
        }
        assert_int_equal(sampler_next(masked, logits, history, 40, round),
                         ids[sampler_next(small, few, few_history, few_count, round)]);
        sampler_allow(masked, NULL);
        sampler_free(small);
        small = make(&s, ALL);
        assert_int_equal(sampler_next(masked, logits, greedy, 1, round), sampler_next(small, logits, greedy, 1, round));
        sampler_free(small);
        sampler_free(masked);
    }
}

/* Whatever the logits and biases are, what comes is allowed. */
static void nothing_else(void **state)
{
    (void)state;
    const float rows[4][4] = {
        {NAN, NAN, NAN, NAN}, {5, -INFINITY, 5, -INFINITY}, {INFINITY, NAN, INFINITY, NAN}, {INFINITY, 1, 2, 1}};
    const uint64_t allowed = 0xa; /* 1 and 3 */
    const logit_bias biases[2] = {{1, -INFINITY}, {3, -INFINITY}};
    for (int i = 0; i < 16; i++) {
        sampling s = i & 4 ? sampling_default() : all_off();
        s.temperature = i & 4 ? 1.0f : 0.0f;
        s.biases = biases;
        s.bias_count = i & 8 ? 2 : 0;
        sampler *made = make(&s, 4);
        sampler_allow(made, &allowed);
        for (uint64_t n = 0; n < 20; n++) {
            const int32_t token = sampler_next(made, rows[i & 3], NULL, 0, n);
            assert_true(token == 1 || (token == 3 && (i & 15) == 7));
        }
        sampler_free(made);
    }
}

static void hostile_logits(void **state)
{
    (void)state;
    sampling s = sampling_default();
    s.typical_p = 0.9f;
    const float nan_some[4] = {NAN, 1, NAN, 2};
    const float nan_all[4] = {NAN, NAN, NAN, NAN};
    const float low[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
    const float high[4] = {1, INFINITY, 3, INFINITY};
    const float huge[4] = {-3e38f, 3e38f, 0, 1};
    for (uint64_t i = 0; i < 50; i++) {
        const int32_t token = next(&s, nan_some, 4, i);
        assert_true(token == 1 || token == 3);
        assert_in_range(next(&s, nan_all, 4, i), 0, 3);
        assert_in_range(next(&s, low, 4, i), 0, 3);
        assert_int_equal(next(&s, high, 4, i), 1);
        assert_int_equal(next(&s, huge, 4, i), 1);
    }
}

static void frequencies(void **state)
{
    (void)state;
    const float logits[5] = {0, 1, 2, -1, 0.5f};
    sampling s = all_off();
    float p[5];
    int counts[5] = {0};
    sampler *made = make(&s, 5);
    sampler_distribution(made, logits, NULL, 0, p);
    for (uint64_t i = 0; i < 40000; i++) {
        counts[sampler_next(made, logits, NULL, 0, i)]++;
    }
    for (int i = 0; i < 5; i++) {
        const double expected = 40000.0 * (double)p[i];
        assert_true(fabs(counts[i] - expected) < 5 * sqrt(expected));
    }
    sampler_free(made);
}

static void refused(void **state)
{
    (void)state;
    hearth_error error;
    const logit_bias outside = {7, 1};
    sampling bad[8];
    for (int i = 0; i < 8; i++) {
        bad[i] = all_off();
    }
    bad[0].temperature = -1;
    bad[1].temperature = NAN;
    bad[2].top_p = 1.5f;
    bad[3].min_p = -0.1f;
    bad[4].typical_p = NAN;
    bad[5].repetition_penalty = 0;
    bad[6].frequency_penalty = INFINITY;
    bad[7].biases = &outside;
    bad[7].bias_count = 1;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(sampling_check(&bad[i], 7, &error), HEARTH_E_ARGUMENT);
    }
    assert_string_equal(error.place, "logit bias");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_transformers), cmocka_unit_test(greedy_and_ties), cmocka_unit_test(penalties),
        cmocka_unit_test(hostile_logits),    cmocka_unit_test(frequencies),     cmocka_unit_test(refused),
        cmocka_unit_test(equals_go_by_id),   cmocka_unit_test(draws_go_by_id),  cmocka_unit_test(only_allowed),
        cmocka_unit_test(nothing_else),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
