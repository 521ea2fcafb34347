/* The weights of a model as the layers use them: matrices (tensor/matrix.h), biases and norms as binary32. */
#ifndef MODEL_WEIGHTS_H
#define MODEL_WEIGHTS_H

#include "base/arena.h"
#include "base/progress.h"
#include "model/config.h"
#include "model/engine.h"
#include "tensor/lossless.h"

typedef struct layer_weights {
    matrix q, k, v, o; /* [heads * head_dim, width], [kv_heads * head_dim, width] twice, [width, heads * head_dim]; with
                          an output gate q has the gate's rows, as many, behind the queries' */
    matrix gate, up, down; /* [ffn, width] twice, [width, ffn]; no rows: there is none */
    nn_norm attention_norm, attention_post, ffn_norm, ffn_post; /* [width]; NORM_NONE: there is none */
    nn_norm q_norm, k_norm;                                     /* as layer_form's qk_norm says */
    const float *q_bias, *k_bias, *v_bias;        /* NULL where there is none; rows in the matrices' order */
    const float *o_bias;                          /* likewise */
    const float *gate_bias, *up_bias, *down_bias; /* likewise */
    const float *activation;                      /* parameters, or NULL */
    const float *sinks;                           /* [heads], or NULL */
    /* latent attention, in place of k and v; q is then [heads * (nope + rope), q_rank or width] */
    matrix q_a, kv_a; /* [q_rank, width] or no rows, [kv_rank + rope, width] */
    nn_norm q_a_norm, kv_a_norm;
    matrix *k_b, *v_b; /* [heads]: [kv_rank, nope], [value, kv_rank] */
    /* a delta net (nn/delta_net.h), in place of q, k and v; o is then [width, values] */
    matrix delta_qkv, delta_z, delta_ba;
    const float *delta_taps, *delta_rate, *delta_step;
    nn_norm delta_norm;
    /* a mixture of experts, in place of gate, up and down */
    matrix router;               /* [experts, width]; no rows: a plain MLP */
    const float *selection_bias; /* [experts], or NULL */
    matrix *experts;             /* [experts][gate, up, down] */
    const float *router_bias;    /* [experts], or NULL */
    const float **expert_biases; /* [experts][gate, up, down], or NULL */
    matrix shared_gate, shared_up, shared_down, shared_router;
} layer_weights;

typedef struct model_weights model_weights;
struct model_weights {
    matrix embedding; /* [vocabulary, width]; mapped, one row is read per token; unused when tied */
    matrix positions; /* [config.positions, width], mapped; no rows: there is none */
    matrix types;     /* [config.token_types, width], mapped; no rows: there is none */
    matrix output;    /* [vocabulary, width]; when tied it is the embedding too; no rows: headless */
    bool tied;
    nn_norm embedding_norm, output_norm; /* [width] */
    const float *output_bias;            /* [vocabulary], or NULL */
    const float *rope_factors;           /* [rope.dims / 2], NULL unless ROPE_FACTORS */
    const float *rope_long_factors;      /* likewise, of contexts beyond rope.switch_context */
    const float *slopes;                 /* ALiBi: [heads], or NULL */
    layer_weights *layers;               /* [config.layers] */
    size_t layer_count;
    matrix **matrices; /* every matrix of the layers, for those who walk them */
    size_t matrix_count;
    size_t head_count;   /* of a layer with latent attention */
    size_t expert_count; /* of a layer that has experts */
    arena *vectors;      /* owns the norms, biases, layers, and matrices that had to be turned */
    bool packed;
    uint64_t matrix_bytes;   /* packed, or mapped; blocks that turn out not to fit the lossless form come on top */
    weight_stream *stream;   /* of matrices that did not fit in memory; NULL: there is none */
    uint64_t resident_bytes; /* where not all is packed: what is */
    uint64_t streamed_bytes; /* read from the file for each step */
    /* of a head that guesses a further token (model.h) */
    matrix *join;                        /* [width, 2 * width]; NULL: this is a model */
    nn_norm join_embedding, join_hidden; /* [width] */
    const model_weights *ends;           /* whose embedding and output these use; NULL: their own */
};

static inline const model_weights *weights_ends(const model_weights *w)
{
    return w->ends != NULL ? w->ends : w;
}

typedef enum model_packing {
    PACKING_AUTO,   /* packed where memory allows it; else as many as fit, and the others are read for each step */
    PACKING_PACKED, /* HEARTH_E_MEMORY where it does not fit */
    PACKING_MAPPED, /* weights stay in the file's mapping; same bits, slower */
} model_packing;

typedef struct weights_options {
    const gguf_file *gguf; /* GGUF's tensor names and row order, and a few numbers; NULL: Hugging Face's */
    compute compute;
    model_packing packing;
    lossless_choice lossless; /* of matrices that are packed */
    uint64_t memory_bytes;    /* PACKING_AUTO: what weights may take; 0: memory_available_bytes() less a margin */
    progress_fn progress;     /* NULL: none */
    void *progress_context;
} weights_options;

/* Finds, checks and (where so) packs every tensor. A missing, surplus or ill-shaped one is HEARTH_E_FORMAT naming it,
 * its shape and the shape expected. `tensors` must outlive the result. */
hearth_status weights_load(const tensor_table *tensors, const model_config *c, engine *e,
                           const weights_options *options, model_weights *ret, hearth_error *error);
/* Whether the file has a layer behind the last one that guesses a further token. */
bool weights_has_head(const tensor_table *tensors, const model_config *c, const weights_options *options);
/* Loads it; `of`, the model's own weights, outlive it and are packed. */
hearth_status weights_load_head(const tensor_table *tensors, const model_config *c, engine *e,
                                const weights_options *options, const model_weights *of, model_weights *ret,
                                hearth_error *error);
/* Whether a matrix of `matrices` belongs to an expert, of which a token uses some. */
bool weights_is_expert(const model_weights *w, const matrix *m);
/* Of the matrices in the lossless form of BF16: what has been packed by now, which is all that has been used. */
lossless_report weights_lossless_report(const model_weights *w);
/* Of panels that the first products will make, at most: they take no memory yet. */
uint64_t weights_unpacked_bytes(const model_weights *w);
/* Zeroed weights are allowed. */
void weights_free(model_weights *w);

#endif
