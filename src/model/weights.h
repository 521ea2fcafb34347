/* The weights of a model as the layers use them: matrices (tensor/matrix.h), biases and norms as binary32. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/progress.h"
#include "model/config.h"
#include "tensor/matrix.h"

typedef struct layer_weights {
    matrix q, k, v, o; /* [heads * head_dim, width], [kv_heads * head_dim, width] twice, [width, heads * head_dim] */
    matrix gate, up, down;                        /* [ffn, width] twice, [width, ffn] */
    const float *attention_norm, *ffn_norm;       /* [width] */
    const float *q_bias, *k_bias, *v_bias;        /* NULL where there is none; rows in the matrices' order */
    const float *o_bias;                          /* likewise */
    const float *gate_bias, *up_bias, *down_bias; /* likewise */
} layer_weights;

typedef struct model_weights {
    matrix embedding; /* [vocabulary, width]; mapped, one row is read per token; unused when tied */
    matrix output;    /* [vocabulary, width]; when tied it is the embedding too */
    bool tied;
    const float *output_norm;  /* [width] */
    const float *rope_factors; /* [rope.dims / 2], NULL unless ROPE_FACTORS */
    layer_weights *layers;     /* [config.layers] */
    size_t layer_count;
    arena *vectors; /* owns the norms, biases and layers */
    bool packed;
    uint64_t matrix_bytes; /* packed, or mapped */
    double pack_seconds;
} model_weights;

#endif
