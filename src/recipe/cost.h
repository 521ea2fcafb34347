/* What a recipe costs, by its shape alone: parameters, tokens, operations, memory, bytes that machines exchange. */
#ifndef RECIPE_COST_H
#define RECIPE_COST_H

#include "recipe/recipe.h"

typedef struct recipe_cost {
    uint32_t vocabulary;
    double parameters, active_parameters; /* active: that a token uses; with the embeddings */
    double tokens, step_tokens;
    double flops_6nd; /* 6 * active parameters * tokens: the rule of thumb */
    /* Exact for sequences that are one document each: multiplications and additions of the matrix products and of
     * attention, forward, for the gradient, and again where activations are recomputed. Documents that are shorter
     * than a sequence attend to less. */
    double flops, flops_attention;
    double bytes_weights, bytes_gradient, bytes_optimizer, bytes_activations, bytes_memory;
    uint64_t checkpoints;
    double bytes_checkpoint; /* weights and the optimiser's state */
} recipe_cost;

/* `vocabulary`: the tokenizer's; 0: the recipe's vocab_size. Doubles, since a plan may be of any size. */
void recipe_find_cost(const recipe *r, uint32_t vocabulary, recipe_cost *ret);

/* On `machines` like one that computes `flops_per_second` in training, a connection of `network` bytes a second each.
 */
typedef struct recipe_time {
    uint32_t machines_used; /* whole subtrees of the batch tree: a power of two, at most micro_batches */
    double seconds, seconds_computing, seconds_exchanging;
    double bytes_step; /* that each machine sends in a step: gradients reduced and weights gathered around a ring */
} recipe_time;
void recipe_find_time(const recipe *r, const recipe_cost *cost, double flops_per_second, uint32_t machines,
                      double network, recipe_time *ret);

#endif
