/* The weights of a model as the layers use them: matrices (tensor/matrix.h), biases and norms as binary32. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/progress.h"
#include "model/config.h"
#include "model/engine.h"
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

typedef enum model_packing {
    PACKING_AUTO,   /* packed where memory_available_bytes() allows the copy, else mapped */
    PACKING_PACKED, /* HEARTH_E_MEMORY where it does not fit */
    PACKING_MAPPED, /* weights stay in the file's mapping; same bits, slower */
} model_packing;

typedef struct weights_options {
    bool gguf; /* GGUF's tensor names and row order, else Hugging Face's */
    compute compute;
    model_packing packing;
    progress_fn progress; /* NULL: none */
    void *progress_context;
} weights_options;

/* Finds, checks and (where so) packs every tensor. A missing, surplus or ill-shaped one is HEARTH_E_FORMAT naming it,
 * its shape and the shape expected. `tensors` must outlive the result. */
hearth_status weights_load(const tensor_table *tensors, const model_config *c, engine *e,
                           const weights_options *options, model_weights *ret, hearth_error *error);
/* Zeroed weights are allowed. */
void weights_free(model_weights *w);

#endif
