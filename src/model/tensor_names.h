/* What the containers call a layer's tensors, without ".weight" and ".bias". `%u` is the layer, in names of experts a
 * second one the expert. NULL: this family has no such tensor. Private to model/. */
#ifndef MODEL_TENSOR_NAMES_H
#define MODEL_TENSOR_NAMES_H

/* How rows of q, k and v lie in one matrix. */
typedef enum fused_order {
    FUSED_CONCATENATED, /* all of q, all of k, all of v */
    FUSED_BY_HEAD,      /* per head its q, k and v */
    FUSED_BY_GROUP,     /* per key head its q's, k, v */
} fused_order;

typedef struct tensor_names {
    const char *embedding, *positions, *types, *embedding_norm, *output, *output_norm;
    const char *attention_norm, *attention_post, *ffn_norm, *ffn_post;
    const char *q, *k, *v, *qkv, *o;
    const char *q_norm, *k_norm;
    const char *q_a, *q_a_norm, *q_b, *kv_a, *kv_a_norm, *kv_b; /* latent attention; q_b is q where there is no q_a */
    const char *k_b, *v_b;                                      /* what kv_b holds, a matrix [heads, …] each (GGUF) */
    /* a delta net: q, k, v and z in one matrix, by key heads, or z by itself; whole names of the vectors */
    const char *delta_qkvz, *delta_qkv, *delta_z, *delta_ba, *delta_o;
    const char *delta_conv, *delta_rate, *delta_step, *delta_norm;
    const char *gate, *up, *gate_up, *down;
    const char *join, *join_embedding, *join_hidden, *join_output; /* of a layer that guesses further tokens */
    const char *sinks;                                             /* the whole name */
    const char *activation;                                        /* parameters of it lie under this name */
    const char *router, *selection_bias;
    const char *expert_gate, *expert_up,
        *expert_down; /* one tensor an expert, or [experts, rows, cols] without the second %u */
    const char *shared_gate, *shared_up, *shared_down, *shared_router;
    /* endings of experts' names; NULL: ".weight" and ".bias" */
    const char *expert_tail, *expert_bias_tail;
    int experts_turned; /* their matrices are stored [in, out] */
    int experts_paired; /* rows of gate and up take turns, where they lie in one */
    fused_order order;
    int transposed;            /* matrices of layers are stored [in, out] */
    const char *const *unread; /* beginnings of names that files have and that are not read; ends with NULL */
} tensor_names;

extern const tensor_names names_gguf, names_gguf_two_norms, names_gguf_encoder, names_gguf_norm_after, names_bert,
    names_roberta, names_nomic_bert, names_llama, names_olmo2, names_gemma2, names_glm, names_glm4, names_phi,
    names_phi3, names_starcoder2, names_apertus, names_mixtral, names_qwen_moe, names_deepseek, names_granite_moe,
    names_internlm2, names_exaone, names_gpt_oss, names_qwen3_next, names_gguf_qwen3_next, names_llama4,
    names_granite_hybrid, names_stablelm, names_neox, names_bloom, names_falcon, names_falcon_new, names_gpt2;

#endif
