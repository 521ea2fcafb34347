/* Which experts a token goes to, and with which weights: one row of router logits at a time; and rows by expert. */
#include "nn/moe_route.h"

#include <math.h>
#include <string.h>

static void softmax(const kernel_table *k, const float *x, size_t n, float *out)
{
    const float sum = k->exp_sum(x, k->max(x, n), n, out);
    for (size_t i = 0; i < n; i++) {
        out[i] = out[i] / sum;
    }
}

static void sigmoid(const kernel_table *k, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        x[i] = -x[i];
    }
    k->exp(x, n, x);
    for (size_t i = 0; i < n; i++) {
        x[i] = 1.0f / (1.0f + x[i]);
    }
}

/* The largest of x, the lowest index among equals, -inf and NaN taken last; `taken` ones are passed over. */
static uint32_t best_of(const float *x, const bool *taken, uint32_t n)
{
    uint32_t best = n;
    for (uint32_t i = 0; i < n; i++) {
        if (!taken[i] && (best == n || x[i] > x[best] || (isnan(x[best]) && !isnan(x[i])))) {
            best = i;
        }
    }
    return best;
}

/* Marks as taken what lies in groups that are not among the best. */
static void drop_groups(const moe_config *c, const float *x, bool *taken)
{
    const uint32_t size = c->experts / c->groups;
    float of_group[MOE_EXPERTS_MAX];
    bool kept[MOE_EXPERTS_MAX] = {false};
    for (uint32_t g = 0; g < c->groups; g++) {
        bool seen[MOE_EXPERTS_MAX] = {false};
        const uint32_t first = best_of(x + g * size, seen, size);
        seen[first] = true;
        of_group[g] = x[g * size + first];
        if (c->group_sum_of_two && size > 1) {
            of_group[g] = of_group[g] + x[g * size + best_of(x + g * size, seen, size)];
        }
    }
    for (uint32_t i = 0; i < c->groups_used; i++) {
        kept[best_of(of_group, kept, c->groups)] = true;
    }
    for (uint32_t e = 0; e < c->experts; e++) {
        taken[e] = !kept[e / size];
    }
}

/* Ascending by expert. */
static void choose(const moe_config *c, const float *x, uint32_t *chosen)
{
    bool taken[MOE_EXPERTS_MAX] = {false};
    bool mine[MOE_EXPERTS_MAX] = {false};
    if (c->groups > 1) {
        drop_groups(c, x, taken);
    }
    for (uint32_t i = 0; i < c->used; i++) {
        const uint32_t e = best_of(x, taken, c->experts);
        taken[e] = true;
        mine[e] = true;
    }
    for (uint32_t e = 0, i = 0; e < c->experts && i < c->used; e++) {
        if (mine[e]) {
            chosen[i++] = e;
        }
    }
}

/* One step of PhiMoE's sparse mixer: the best of `x`, and its share in a softmax over those that are near it. */
static uint32_t mixer_step(const kernel_table *k, const moe_config *c, const float *x, const float *scores, float *room,
                           float *ret_weight)
{
    const uint32_t best = (uint32_t)k->argmax(x, c->experts);
    for (uint32_t e = 0; e < c->experts; e++) {
        const float size = fabsf(scores[e]);
        const float factor = size > x[best] ? size : x[best];
        room[e] = (x[best] - scores[e]) / factor > 2.0f * c->jitter ? -INFINITY : x[e];
    }
    softmax(k, room, c->experts, room);
    *ret_weight = room[best];
    return best;
}

static void sparse_mixer(const kernel_table *k, const moe_config *c, const float *scores, uint32_t *chosen,
                         float *weights)
{
    float left[MOE_EXPERTS_MAX];
    float room[MOE_EXPERTS_MAX];
    memcpy(left, scores, c->experts * sizeof *left);
    chosen[0] = mixer_step(k, c, left, scores, room, &weights[0]);
    left[chosen[0]] = -INFINITY;
    chosen[1] = mixer_step(k, c, left, scores, room, &weights[1]);
    if (chosen[1] < chosen[0]) {
        const uint32_t expert = chosen[0];
        const float weight = weights[0];
        chosen[0] = chosen[1];
        weights[0] = weights[1];
        chosen[1] = expert;
        weights[1] = weight;
    }
}

static void finish_weights(const moe_config *c, float *weights)
{
    float sum = 0;
    for (uint32_t i = 0; i < c->used; i++) {
        sum = sum + weights[i];
    }
    sum = c->score == MOE_SIGMOID ? sum + 1e-20f : sum;
    for (uint32_t i = 0; i < c->used; i++) {
        weights[i] = c->normalize ? weights[i] / sum : weights[i];
        weights[i] = weights[i] * c->scale;
    }
}

void moe_route(const kernel_table *k, const moe_config *c, const float *selection_bias, float *scores, uint32_t *chosen,
               float *weights)
{
    float biased[MOE_EXPERTS_MAX];
    if (c->jitter != 0.0f) {
        sparse_mixer(k, c, scores, chosen, weights);
        return;
    }
    if (c->score == MOE_SOFTMAX) {
        softmax(k, scores, c->experts, scores);
    } else if (c->score == MOE_SIGMOID) {
        sigmoid(k, scores, c->experts);
    }
    for (uint32_t e = 0; e < c->experts; e++) {
        biased[e] = selection_bias != NULL ? scores[e] + selection_bias[e] : scores[e];
    }
    choose(c, biased, chosen);
    for (uint32_t i = 0; i < c->used; i++) {
        weights[i] = scores[chosen[i]];
    }
    if (c->score == MOE_SOFTMAX_CHOSEN) {
        softmax(k, weights, c->used, weights);
    } else if (c->score == MOE_SIGMOID_CHOSEN) {
        sigmoid(k, weights, c->used);
    }
    finish_weights(c, weights);
}

/* ---- rows ---- */

void moe_sort_rows(const moe_config *c, size_t tokens, const uint32_t *chosen, uint32_t *slots, uint32_t *of_token,
                   uint32_t *begin)
{
    memset(begin, 0, (c->experts + 1) * sizeof *begin);
    for (size_t i = 0; i < tokens * c->used; i++) {
        begin[chosen[i] + 1]++;
    }
    for (uint32_t e = 0; e < c->experts; e++) {
        begin[e + 1] += begin[e];
    }
    uint32_t next[MOE_EXPERTS_MAX];
    memcpy(next, begin, c->experts * sizeof *next);
    for (size_t i = 0; i < tokens * c->used; i++) {
        const uint32_t row = next[chosen[i]]++;
        slots[i] = row;
        of_token[row] = (uint32_t)(i / c->used);
    }
}
