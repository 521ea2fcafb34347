/* A token's experts: the choice (ties, NaN, bias, groups) and the weights, against binary64 by hand. */
#include "support.h"

#include "nn/moe.h"

#include <math.h>
#include <string.h>

static const kernel_table *scalar(void)
{
    const kernel_table *variants[8];
    assert_true(kernels_variants(engine_cpu(), variants) > 0);
    return variants[0];
}

static void route(const moe_config *c, const float *bias, const float *logits, uint32_t *chosen, float *weights)
{
    float scores[MOE_EXPERTS_MAX];
    memcpy(scores, logits, c->experts * sizeof *scores);
    moe_route(scalar(), c, bias, scores, chosen, weights);
}

static void expect_weight(float found, double expected)
{
    if (!(fabs((double)found - expected) < 1e-6)) {
        fail_msg("weight %g, expected %g", (double)found, expected);
    }
}

static void softmax_takes_the_largest(void **state)
{
    (void)state;
    const float logits[5] = {0.5f, 2.0f, -1.0f, 1.0f, 1.5f};
    moe_config c = {.experts = 5, .used = 2, .score = MOE_SOFTMAX, .scale = 1.5f};
    uint32_t chosen[2];
    float weights[2];
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        sum += exp((double)logits[i]);
    }
    route(&c, NULL, logits, chosen, weights);
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 4);
    expect_weight(weights[0], 1.5 * exp(2.0) / sum);
    expect_weight(weights[1], 1.5 * exp(1.5) / sum);
    c.normalize = true;
    route(&c, NULL, logits, chosen, weights);
    expect_weight(weights[0], 1.5 * exp(2.0) / (exp(2.0) + exp(1.5)));
    c = (moe_config){.experts = 5, .used = 2, .score = MOE_SOFTMAX_CHOSEN, .scale = 1.0f};
    route(&c, NULL, logits, chosen, weights);
    expect_weight(weights[0], exp(2.0) / (exp(2.0) + exp(1.5)));
    expect_weight(weights[1], exp(1.5) / (exp(2.0) + exp(1.5)));
}

static void ties_go_to_the_lower_index_and_nan_comes_last(void **state)
{
    (void)state;
    const float same[6] = {1, 3, 3, 3, 1, 3};
    const float odd[4] = {NAN, -5, NAN, -INFINITY};
    moe_config c = {.experts = 6, .used = 3, .score = MOE_SOFTMAX_CHOSEN, .scale = 1.0f};
    uint32_t chosen[4];
    float weights[4];
    route(&c, NULL, same, chosen, weights);
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 2);
    assert_int_equal(chosen[2], 3);
    c.experts = 4;
    c.used = 2;
    route(&c, NULL, odd, chosen, weights);
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 3);
    c.used = 3;
    route(&c, NULL, odd, chosen, weights);
    assert_int_equal(chosen[0], 0); /* the first NaN, when nothing else is left */
}

/* The bias chooses, and does not weigh. */
static void a_bias_only_chooses(void **state)
{
    (void)state;
    const float logits[4] = {2, 1, 0, -1};
    const float bias[4] = {-1, 0, 0, 1};
    const moe_config c = {.experts = 4, .used = 2, .score = MOE_SIGMOID, .normalize = true, .scale = 2.5f};
    uint32_t chosen[2];
    float weights[2];
    const double one = 1 / (1 + exp(-1.0));
    const double last = 1 / (1 + exp(1.0));
    route(&c, bias, logits, chosen, weights); /* biased: -0.12, 0.73, 0.5, 1.27 */
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 3);
    expect_weight(weights[0], 2.5 * one / (one + last));
    expect_weight(weights[1], 2.5 * last / (one + last));
}

static void groups_drop_out_whole(void **state)
{
    (void)state;
    /* groups of two: best 9, 5, 6, 7; sums of two 9, 10, 12, 7.5 */
    const float logits[8] = {9, 0, 5, 5, 6, 6, 7, 0.5f};
    moe_config c = {.experts = 8, .used = 3, .score = MOE_SOFTMAX_CHOSEN, .scale = 1.0f, .groups = 4, .groups_used = 2};
    uint32_t chosen[3];
    float weights[3];
    route(&c, NULL, logits, chosen, weights); /* groups 0 and 3 */
    assert_int_equal(chosen[0], 0);
    assert_int_equal(chosen[1], 6);
    assert_int_equal(chosen[2], 7);
    c.group_sum_of_two = true;
    route(&c, NULL, logits, chosen, weights); /* groups 1 and 2 */
    assert_int_equal(chosen[0], 2);
    assert_int_equal(chosen[1], 4);
    assert_int_equal(chosen[2], 5);
}

/* Phi 3.5 MoE: a softmax over what is within 2 epsilon of the best, then the same without it. */
static void the_sparse_mixer_masks_what_is_far(void **state)
{
    (void)state;
    const float logits[4] = {1.0f, 1.99f, 2.0f, 0.5f};
    const moe_config c = {.experts = 4, .used = 2, .score = MOE_SOFTMAX, .scale = 1.0f, .jitter = 0.01f};
    uint32_t chosen[2];
    float weights[2];
    route(&c, NULL, logits, chosen, weights);
    assert_int_equal(chosen[0], 1);
    assert_int_equal(chosen[1], 2);
    expect_weight(weights[1], 1 / (1 + exp(-0.01))); /* 2.0 beside 1.99 */
    expect_weight(weights[0], 1.0);                  /* 1.99 with 2.0 taken away: nobody else is near */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_takes_the_largest),
        cmocka_unit_test(ties_go_to_the_lower_index_and_nan_comes_last),
        cmocka_unit_test(a_bias_only_chooses),
        cmocka_unit_test(groups_drop_out_whole),
        cmocka_unit_test(the_sparse_mixer_masks_what_is_far),
    };
    return cmocka_run_group_tests_name("experts", tests, NULL, NULL);
}
