/* A mixture of experts (Shazeer et al., 2017; Fedus et al., "Switch Transformers", 2021): a router gives each token a
 * few of many MLPs, whose results are added with its weights.
 *
 * Routing is exact and does not see the batch: a token's experts depend on its own row alone, and equal scores go to
 * the lower index. Results are added in ascending order of experts, each product rounded before it is added. */
#ifndef NN_MOE_H
#define NN_MOE_H

#include "nn/mlp.h"
#include "nn/moe_route.h"

typedef struct nn_moe {
    const moe_config *config;
    const matrix *router;        /* [experts, width] */
    const float *router_bias;    /* [experts], or NULL */
    const float *selection_bias; /* [experts], added to scores for the choice alone; or NULL */
    const nn_mlp *experts;       /* [experts] */
    const nn_mlp *shared;        /* NULL: none */
    const matrix *shared_router; /* [1, width], with config->shared_gate */
} nn_moe;

/* What a step needs beside the rows: made once, for `tokens` tokens. */
typedef struct moe_room {
    float *normed;       /* [tokens, width], stride ldn */
    float *scores;       /* [tokens, experts] */
    uint32_t *chosen;    /* [tokens, used], ascending */
    float *weights;      /* [tokens, used] */
    uint32_t *slots;     /* [tokens, used]: the row of a, b and y of each choice: rows are sorted by expert */
    uint32_t *tokens;    /* [tokens * used]: the token of each row */
    uint32_t *begin;     /* [experts + 1]: an expert's rows */
    float *shared_scale; /* [tokens] */
    float *a, *b;        /* [tokens * used, max(ffn, width)] */
    size_t ldn, lda;
    nn_input *inputs;  /* [experts + 1]: where each expert's rows are prepared; NULL pointers until then */
    uint8_t *prepared; /* room for those, `prepared_bytes` */
    size_t prepared_bytes;
} moe_room;

/* Bytes of `prepared` for so many tokens. */
size_t moe_prepared_bytes(const moe_config *c, size_t tokens, size_t width, unsigned kinds);

/* y = the experts' sum (and the shared expert's), on this thread's rows of the experts' down; `x` is complete for every
 * thread on entry; y: [tokens, width], stride ldy. `a`, `b`: room of the shared expert, [tokens, max(ffn, width)]. No
 * barrier at the end. */
void nn_moe_apply(const nn_worker *w, const nn_moe *moe, const moe_room *room, const nn_norm *norm, const float *x,
                  size_t ldx, size_t tokens, size_t width, float *y, size_t ldy, float *a, float *b, size_t lda);

#endif
