/* The shape of a model: what config.json or GGUF metadata say, checked against base/limits.h. docs/models.md. */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include "base/limits.h"
#include "formats/gguf.h"
#include "formats/hf.h"
#include "kernels/attention.h"
#include "nn/attention.h"
#include "nn/delta_net.h"
#include "nn/mla.h"
#include "nn/moe.h"

/* What a family's layers are made of, where it is a choice and no number. A row of the table sets it; what a file says
 * goes over it. */
typedef struct layer_form {
    norm_kind norm;       /* of the residual stream */
    bool norm_weightless; /* norms have no weights */
    bool norm_bias;       /* layer norms have biases */
    bool norm_plus_one;   /* Hugging Face's files hold weight - 1 (GGUF's hold the weight) */
    bool no_pre_norm;     /* attention and MLP read the residual stream itself */
    bool post_norm;       /* their results are normed before they are added */
    bool residual_norm;   /* the residual stream is normed after each is added to it */
    bool bidirectional;   /* an encoder: every token sees the whole text */
    bool headless;        /* no output matrix: hidden states are all there is */
    bool parallel;        /* attention and MLP read the same residual stream */
    bool shared_norm;     /* parallel, and through the same norm */
    qk_norm_kind qk_norm; /* and its norm is of the same kind as the others */
    bool qkv_bias, o_bias, mlp_bias, output_bias;
    bool ungated; /* MLP without a gate */
    activate_kind activation;
    bool alibi;              /* no RoPE but a slope on the distance */
    bool alibi_scaled;       /* the slope is multiplied with the scale, too */
    bool embedding_norm;     /* after the embedding */
    bool rope_windowed_only; /* layers without a window do not rotate */
    bool shared_gate;        /* of a mixture's shared expert */
    bool sinks;              /* each head attends to nothing, too, with a learned logit */
    bool output_gate;        /* attention's output is gated: q's matrix has each head's gate behind its query */
} layer_form;

struct model_config;
struct tensor_names;

/* A row of the table of families (model/families.c): what differs between them is data. */
typedef struct model_family {
    const char *name;                      /* for people: "Llama" */
    const char *hf_class;                  /* config.json "architectures"[0] */
    const char *hf_alias;                  /* another spelling of the class, or NULL */
    const char *gguf_architecture;         /* general.architecture; NULL when GGUF files carry another row's */
    const struct tensor_names *names;      /* of Hugging Face's tensors */
    const struct tensor_names *gguf_names; /* of GGUF's, where they differ from the usual ones */
    layer_form form;
    bool gguf_interleaved;    /* GGUF keeps rows of Q and K interleaved for RoPE on neighbours */
    bool hf_interleaved;      /* so does Hugging Face */
    bool window_opt_in;       /* sliding_window counts only where use_sliding_window is true */
    bool tied;                /* where config.json says nothing of tie_word_embeddings */
    double rope_theta;        /* where the file says nothing */
    double eps;               /* likewise */
    double rotary;            /* likewise: the share of a head that turns; 0: all */
    uint32_t window_every;    /* layers i with i % n < n - 1 have the window, where no list says so; 0: all have */
    uint32_t unrotated_every; /* layers i with (i + 1) % n == 0 do not rotate, where no list says so; 0: all do */
    uint32_t attention_every; /* layers i with (i + 1) % n != 0 are delta nets, where nothing says so; 0: none is */
    bool logit_scale_divides;
    bool embedding_by_width; /* embeddings are multiplied with sqrt(width) */
    bool o_unbiased;         /* attention_bias speaks of q, k and v alone */
    bool local_rope;         /* layers with a window rotate unscaled, with local_theta (0: the same theta) */
    double local_theta;
    uint32_t wide_scale_layers; /* GGUF: with so many layers the scale is 1 / sqrt(width / heads) */
    uint32_t unnormed_experts;  /* GGUF: with so many experts queries and keys are not normed */
    uint32_t chunk;             /* attention_chunk_size of layers that rotate, where the file says nothing; 0: none */
    query_temperature temperature; /* where the file says nothing */
    bool temperature_unrotated;    /* of layers that do not rotate alone */
    float jitter;                  /* of moe_config */
    /* keys of config.json that only some families' classes know, or whose silence means something else there */
    bool attention_biased;     /* attention_bias is true where it is not there */
    bool one_bias_key;         /* use_bias (true where it is not there) is for all of q, k, v, o and the MLP */
    bool fixed_activation;     /* hidden_act is not believed; hidden_activation is */
    bool parallel_shares_norm; /* with use_parallel_residual the MLP reads attention's norm */
    bool qk_norm_opt_in;       /* use_qk_norm: norms of each head with its own weight */
    bool qk_layernorm_key;     /* qk_layernorm: likewise */
    bool scales_by_depth;      /* scale_emb, scale_depth (over the root of the layers), dim_model_base */
    bool o_bias_key;           /* attention_out_bias is o's, false where it is not there */
    bool falcon_keys;          /* multi_query, new_decoder_architecture, parallel_attn, bias */
    bool mlp_of_four;          /* the MLP is n_inner wide, else four times the width; other keys say nothing */

    bool latent; /* multi-head latent attention */
    moe_score score;
    bool normalize;        /* of a mixture, where the file says nothing */
    bool experts_biased;   /* its router and experts have biases */
    bool shared_alone;     /* the MLP is a mixture's shared expert; layers turn where position_embedding_type is rope */
    bool weighs_input;     /* weigh_input of moe_config */
    bool one_shared;       /* a shared expert as wide as the others; the MLP of other layers is intermediate_size_mlp */
    float expert_limit;    /* its experts' clamped gate, where the file says nothing */
    bool yarn_untruncated; /* where the file says nothing */
    uint32_t position_offset; /* rows that Hugging Face's learned position table has before position 0 */
} model_family;

const model_family *model_family_by_class(const char *hf_class, size_t length);
const model_family *model_family_by_architecture(const char *architecture, size_t length);
/* "a, b, c or one of 30 others": what the table knows, by config.json's classes or by GGUF's architectures. */
#define MODEL_FAMILY_NAMES_SIZE 192
const char *model_family_names(bool hf_classes, char ret[MODEL_FAMILY_NAMES_SIZE]);

typedef enum rope_kind {
    ROPE_PLAIN,
    ROPE_LINEAR,
    ROPE_LLAMA3,
    ROPE_FACTORS, /* of a tensor, or of config.json's long or short list */
    ROPE_YARN,
} rope_kind;
const char *rope_kind_name(rope_kind kind);

#define ROPE_LISTED 256u

typedef struct rope_config {
    rope_kind kind;
    uint32_t dims; /* values of a head that turn; even; 0: none do */
    double theta;
    double factor;                  /* LINEAR, LLAMA3, YARN */
    double low_factor, high_factor; /* LLAMA3 */
    uint32_t original_context;      /* LLAMA3, YARN */
    double beta_fast, beta_slow;    /* YARN */
    bool truncate;                  /* YARN */
    double scale;                   /* of cosines and sines; 1 unless YARN or a list says otherwise */
    /* FACTORS: each frequency is divided by its factor: GGUF's tensor of this name, [dims / 2], binary32, or, where
     * `listed` is not 0, the list */
    const char *tensor;
    uint32_t listed;
    float list[ROPE_LISTED];
    /* What a sequence turns with that is opened for more than `switch_context` positions (0: the same as others):
     * frequencies of a theta that grows with those positions (`dynamic`, with `factor`), or factors of their own. */
    uint32_t switch_context;
    bool dynamic;
    const char *long_tensor;
    float long_list[ROPE_LISTED];
    double long_scale;
} rope_config;

typedef uint64_t layer_bits[LIMIT_LAYERS / 64];

static inline bool layer_bit(const layer_bits bits, uint32_t layer)
{
    return (bits[layer / 64] >> layer % 64 & 1) != 0;
}
static inline void layer_bit_set(layer_bits bits, uint32_t layer)
{
    bits[layer / 64] |= (uint64_t)1 << layer % 64;
}

/* How a Hugging Face folder keeps its matrices: config.json's quantization_config. */
typedef enum hf_quantized {
    HF_QUANTIZED_NOT,
    HF_QUANTIZED_FP8,
    HF_QUANTIZED_MXFP4,
    HF_QUANTIZED_GPTQ,
    HF_QUANTIZED_AWQ,
} hf_quantized;

typedef struct hf_quantization {
    hf_quantized kind;
    uint32_t group;   /* GPTQ, AWQ: values of a row that share a scale; 0: all */
    bool zeros_whole; /* GPTQ: zeros are kept as they are, not less one */
} hf_quantization;

typedef struct model_config {
    const model_family *family;
    char name[128]; /* general.name, or the folder's name; "" when unknown */
    uint32_t layers;
    uint32_t width;    /* of the residual stream */
    uint32_t heads;    /* query heads */
    uint32_t kv_heads; /* divides heads */
    uint32_t head_dim; /* even */
    uint32_t ffn;      /* inner width of the MLP */
    uint32_t vocabulary;
    uint32_t context;         /* positions the model was made for */
    uint32_t positions;       /* rows of a learned position table; 0: none */
    uint32_t position_offset; /* of its rows before position 0 */
    uint32_t token_types;     /* rows of a table of token types, of which row 0 is added to every token; 0: none */
    float eps;                /* of the norms */
    bool tied;                /* the output matrix is the embedding */
    layer_form form;
    rope_config rope, rope_local; /* rope_local: of layers with a window, where it differs; dims 0: it does not */
    float attention_scale;
    float attention_softcap, logit_softcap; /* 0: none */
    float clip_qkv;                         /* 0: none */
    float embedding_scale, residual_scale, logit_scale;
    uint32_t window;      /* of layers in `windowed`; 0: none */
    uint32_t chunk;       /* likewise: attention_form's; 0: none. Not together with a window */
    layer_bits windowed;  /* layers that see a window, or their chunk */
    layer_bits unrotated; /* layers without RoPE */
    layer_bits dense;     /* layers of a mixture that have a plain MLP */
    layer_bits recurrent; /* layers that are delta nets */
    uint32_t beyond;      /* layers in the file behind the last one, which guess further tokens (model.h: head) */
    query_temperature temperature; /* of layers that do not rotate alone, where the family says so */
    bool wrapped;                  /* the text part of a model of several parts, whose other tensors are not read */
    moe_config moe;
    hf_quantization quantization;
    mla_config mla; /* with it head_dim is kv_rank + rope and kv_heads is 1: what attention sees */
    delta_config delta;
} model_config;

/* HEARTH_E_UNSUPPORTED for another family, activation or RoPE scaling (named); HEARTH_E_FORMAT or HEARTH_E_LIMIT for
 * numbers that cannot be. */
hearth_status model_config_from_gguf(const gguf_file *file, model_config *ret, hearth_error *error);
hearth_status model_config_from_hf(const hf_folder *folder, model_config *ret, hearth_error *error);

/* Layers that keep keys and values, and layers that keep a state instead. */
uint32_t model_config_attention_layers(const model_config *c);
uint32_t model_config_recurrent_layers(const model_config *c);

/* Positions that a sequence is opened for where nobody says: up to where RoPE would change. */
uint32_t model_config_plain_context(const model_config *c);

/* Bytes of the KV cache for `positions` (rounded up to the cache's block), the states among them. UINT64_MAX when it
 * does not fit. */
uint64_t model_config_cache_bytes(const model_config *c, size_t positions, cache_type type);
/* Of these, what does not grow with the positions: the states of recurrent layers, and their checkpoint. */
uint64_t model_config_state_bytes(const model_config *c);

#endif
