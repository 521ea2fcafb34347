/* Which experts of a mixture a token goes to, and with which weights. */
#ifndef NN_MOE_ROUTE_H
#define NN_MOE_ROUTE_H

#include "kernels/kernels.h"

#define MOE_EXPERTS_MAX 1024u
#define MOE_USED_MAX 64u

typedef enum moe_score {
    MOE_SOFTMAX,        /* softmax over all experts, then the largest */
    MOE_SOFTMAX_CHOSEN, /* the largest logits, then softmax over those */
    MOE_SIGMOID,        /* sigmoid of each */
    MOE_SIGMOID_CHOSEN, /* the largest logits, then the sigmoid of each of those */
} moe_score;

typedef struct moe_config {
    uint32_t experts; /* 0: a dense model */
    uint32_t used;    /* per token */
    uint32_t ffn;     /* inner width of an expert */
    uint32_t shared_ffn;
    moe_score score;
    bool normalize;   /* the chosen weights are divided by their sum (plus 1e-20 where scores are sigmoids) */
    float scale;      /* then multiplied with this */
    float jitter;     /* not 0: PhiMoE's sparse mixer with this epsilon: two experts, masked softmaxes */
    bool biased;      /* the router and the experts have biases */
    bool weigh_input; /* an expert's input, not its result, is multiplied with the weight */
    float limit;      /* of the experts' nn_mlp */
    bool shared_gate; /* the shared expert is multiplied with the sigmoid of a product of its own */
    uint32_t groups,
        groups_used;       /* experts lie in groups, and only the best groups are chosen from; 0 or 1: no groups */
    bool select_bias;      /* scores get a bias for the choice */
    bool group_sum_of_two; /* a group's score is the sum of its two best, not its best */
} moe_config;

/* The choice for one token: `scores` [experts] are the router's logits on entry and spoiled after. (MOE_SOFTMAX: they
 * are the probabilities.) */
void moe_route(const kernel_table *k, const moe_config *c, const float *selection_bias, float *scores, uint32_t *chosen,
               float *weights);

/* Choices by expert, within one by token: a counting sort. `chosen` [tokens, used]; slots [tokens, used]: the row of
 * each; of_token [tokens * used]: the token of each row; begin [experts + 1]: an expert's rows. */
void moe_sort_rows(const moe_config *c, size_t tokens, const uint32_t *chosen, uint32_t *slots, uint32_t *of_token,
                   uint32_t *begin);

#endif
