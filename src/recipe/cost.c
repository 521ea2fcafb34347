/* Sums over the shape of a model. */
#include "recipe/cost.h"

#include <string.h>

typedef struct shape {
    double attention, mlp, mlp_active, norms; /* parameters of a layer */
    double products;                          /* of them, of matrices that a token is multiplied with */
} shape;

static bool is_family(const recipe_model *m, const char *name)
{
    return strcmp(m->family, name) == 0;
}

static shape find_shape(const recipe_model *m)
{
    const double d = m->width, q = (double)m->heads * m->head_size, kv = (double)m->kv_heads * m->head_size;
    shape s = {.attention = 2 * d * q + 2 * d * kv, .norms = 2 * d};
    const double expert = 3 * d * m->mlp, router = m->experts > 0 ? d * m->experts : 0;
    s.mlp = m->experts > 0 ? router + m->experts * expert : expert;
    s.mlp_active = m->experts > 0 ? router + m->experts_used * expert : expert;
    s.products = s.attention + s.mlp_active;
    if (is_family(m, "qwen2")) {
        s.attention += q + 2 * kv; /* biases */
    } else if (is_family(m, "qwen3") || is_family(m, "qwen3-moe")) {
        s.norms += 2.0 * m->head_size;
    } else if (is_family(m, "olmo2")) {
        s.norms += q + kv;
    }
    return s;
}

/* Bytes that a token's activations take from the forward pass to the gradient: inputs of both halves of a layer, their
 * norms, Q, K, V, the attention's output, the MLP's two and their product (of each expert that is used, with what it
 * gave; and the router's scores); logits once. */
static double activation_bytes(const recipe *r, uint32_t vocabulary)
{
    const recipe_model *m = &r->model;
    const double q = (double)m->heads * m->head_size, kv = (double)m->kv_heads * m->head_size;
    const double mlp = m->experts > 0 ? m->experts_used * (3.0 * m->mlp + m->width) + m->experts : 3.0 * m->mlp;
    const double layer = 4.0 * m->width + 2 * q + 2 * kv + mlp;
    const double kept = r->train.recompute ? (double)m->layers * m->width + layer : m->layers * layer;
    return 4 * (kept + vocabulary);
}

void recipe_find_cost(const recipe *r, uint32_t vocabulary, recipe_cost *ret)
{
    const recipe_model *m = &r->model;
    const recipe_train *t = &r->train;
    const shape s = find_shape(m);
    const uint32_t v = vocabulary != 0 ? vocabulary : r->tokenizer.vocab_size;
    const double embedding = (double)v * m->width, output = m->tied ? 0 : embedding;
    const double layers = m->layers;
    *ret = (recipe_cost){.vocabulary = v};
    ret->parameters = embedding + output + m->width + layers * (s.attention + s.mlp + s.norms);
    ret->active_parameters = embedding + output + m->width + layers * (s.attention + s.mlp_active + s.norms);
    ret->step_tokens = (double)t->sequences * t->length;
    ret->tokens = (double)t->steps * ret->step_tokens;
    ret->flops_6nd = 6 * ret->active_parameters * ret->tokens;

    const double passes = t->recompute ? 4 : 3; /* a gradient takes two products for each of the forward pass */
    const double attention = 4.0 * m->heads * m->head_size * (t->length + 1) / 2; /* QK and PV of a token, forward */
    ret->flops_attention = passes * layers * attention * ret->tokens;
    ret->flops = (passes * layers * 2 * s.products + 3 * 2 * embedding) * ret->tokens + ret->flops_attention;

    const double matrices = layers * (s.attention + s.mlp);
    const bool muon = t->optimizer == OPTIMIZER_MUON;
    const double operands = t->format == TRAIN_BF16 ? 2 : 4; /* weights as products read them, both ways around */
    ret->bytes_weights = (4 + 2 * operands) * ret->parameters;
    ret->bytes_gradient = 4 * ret->parameters;
    ret->bytes_optimizer = 8 * ret->parameters - (muon ? 4 * matrices : 0);
    ret->bytes_activations = activation_bytes(r, v) * ret->step_tokens / t->micro_batches;
    ret->bytes_memory = ret->bytes_weights + ret->bytes_gradient + ret->bytes_optimizer + ret->bytes_activations;
    ret->bytes_checkpoint = 4 * ret->parameters + ret->bytes_optimizer;
    ret->checkpoints = t->steps / t->checkpoint_steps + (t->steps % t->checkpoint_steps != 0);
}

void recipe_find_time(const recipe *r, const recipe_cost *cost, double flops_per_second, uint32_t machines,
                      double network, recipe_time *ret)
{
    uint32_t used = 1;
    while (used * 2 <= machines && used * 2 <= r->train.micro_batches) {
        used *= 2;
    }
    *ret = (recipe_time){.machines_used = used};
    ret->bytes_step = used > 1 ? 2.0 * (used - 1) / used * 4 * cost->parameters : 0;
    ret->seconds_computing = cost->flops / flops_per_second / used;
    ret->seconds_exchanging = used > 1 ? (double)r->train.steps * ret->bytes_step / network : 0;
    ret->seconds = ret->seconds_computing + ret->seconds_exchanging;
}
