/* Names of tensors, per spelling. */
#include "model/tensor_names.h"

#include <stddef.h>

#define GGUF_NAMES                                                                                                     \
    .embedding = "token_embd", .positions = "position_embd", .embedding_norm = "token_embd_norm", .output = "output",  \
    .q = "blk.%u.attn_q", .k = "blk.%u.attn_k", .v = "blk.%u.attn_v", .qkv = "blk.%u.attn_qkv",                        \
    .o = "blk.%u.attn_output", .q_norm = "blk.%u.attn_q_norm", .k_norm = "blk.%u.attn_k_norm",                         \
    .q_a = "blk.%u.attn_q_a", .q_a_norm = "blk.%u.attn_q_a_norm", .q_b = "blk.%u.attn_q_b",                            \
    .kv_a = "blk.%u.attn_kv_a_mqa", .kv_a_norm = "blk.%u.attn_kv_a_norm", .k_b = "blk.%u.attn_k_b",                    \
    .v_b = "blk.%u.attn_v_b", .kv_b = "blk.%u.attn_kv_b", .gate = "blk.%u.ffn_gate", .up = "blk.%u.ffn_up",            \
    .gate_up = "blk.%u.ffn_up", .down = "blk.%u.ffn_down", .router = "blk.%u.ffn_gate_inp",                            \
    .selection_bias = "blk.%u.exp_probs_b.bias", .expert_gate = "blk.%u.ffn_gate_exps",                                \
    .expert_up = "blk.%u.ffn_up_exps", .expert_down = "blk.%u.ffn_down_exps", .shared_gate = "blk.%u.ffn_gate_shexp",  \
    .shared_up = "blk.%u.ffn_up_shexp", .sinks = "blk.%u.attn_sinks.weight", .shared_down = "blk.%u.ffn_down_shexp",   \
    .shared_router = "blk.%u.ffn_gate_inp_shexp"

#define GGUF_POST                                                                                                      \
    .output_norm = "output_norm", .attention_post = "blk.%u.post_attention_norm", .ffn_post = "blk.%u.post_ffw_norm"

const tensor_names names_gguf = {GGUF_NAMES,
                                 GGUF_POST,
                                 .join = "blk.%u.nextn.eh_proj",
                                 .join_embedding = "blk.%u.nextn.enorm",
                                 .join_hidden = "blk.%u.nextn.hnorm",
                                 .join_output = "blk.%u.nextn.shared_head_norm",
                                 .attention_norm = "blk.%u.attn_norm",
                                 .ffn_norm = "blk.%u.ffn_norm"};

/* Falcon 40B and 180B */
const tensor_names names_gguf_two_norms = {GGUF_NAMES, GGUF_POST, .attention_norm = "blk.%u.attn_norm_2",
                                           .ffn_norm = "blk.%u.attn_norm"};

/* the MLP's norm is called what it comes after */
const tensor_names names_gguf_norm_after = {GGUF_NAMES, GGUF_POST, .attention_norm = "blk.%u.attn_norm",
                                            .ffn_norm = "blk.%u.post_attention_norm"};
/* `rate` there is -exp(A_log); files of 2025 have q, k, v and z in one */
const tensor_names names_gguf_qwen3_next = {GGUF_NAMES,
                                            GGUF_POST,
                                            .attention_norm = "blk.%u.attn_norm",
                                            .ffn_norm = "blk.%u.post_attention_norm",
                                            .delta_qkvz = "blk.%u.ssm_in",
                                            .delta_qkv = "blk.%u.attn_qkv",
                                            .delta_z = "blk.%u.attn_gate",
                                            .delta_ba = "blk.%u.ssm_ba",
                                            .delta_o = "blk.%u.ssm_out",
                                            .delta_conv = "blk.%u.ssm_conv1d.weight",
                                            .delta_rate = "blk.%u.ssm_a",
                                            .delta_step = "blk.%u.ssm_dt.bias",
                                            .delta_norm = "blk.%u.ssm_norm.weight"};

/* BERT and its like */
const tensor_names names_gguf_encoder = {GGUF_NAMES, .types = "token_types",
                                         .attention_post = "blk.%u.attn_output_norm",
                                         .ffn_post = "blk.%u.layer_output_norm"};

#define LLAMA_ENDS .embedding = "model.embed_tokens", .output = "lm_head", .output_norm = "model.norm"
#define LLAMA_ATTENTION                                                                                                \
    .q = "model.layers.%u.self_attn.q_proj", .k = "model.layers.%u.self_attn.k_proj",                                  \
    .v = "model.layers.%u.self_attn.v_proj", .o = "model.layers.%u.self_attn.o_proj",                                  \
    .q_norm = "model.layers.%u.self_attn.q_norm", .k_norm = "model.layers.%u.self_attn.k_norm"
#define LLAMA_NORMS                                                                                                    \
    .attention_norm = "model.layers.%u.input_layernorm", .ffn_norm = "model.layers.%u.post_attention_layernorm"
#define LLAMA_MLP                                                                                                      \
    .gate = "model.layers.%u.mlp.gate_proj", .up = "model.layers.%u.mlp.up_proj",                                      \
    .down = "model.layers.%u.mlp.down_proj"

const tensor_names names_llama = {LLAMA_ENDS, LLAMA_ATTENTION, LLAMA_NORMS, LLAMA_MLP};

const tensor_names names_olmo2 = {LLAMA_ENDS, LLAMA_ATTENTION, LLAMA_MLP,
                                  .attention_post = "model.layers.%u.post_attention_layernorm",
                                  .ffn_post = "model.layers.%u.post_feedforward_layernorm"};

const tensor_names names_gemma2 = {LLAMA_ENDS,
                                   LLAMA_ATTENTION,
                                   LLAMA_MLP,
                                   .attention_norm = "model.layers.%u.input_layernorm",
                                   .attention_post = "model.layers.%u.post_attention_layernorm",
                                   .ffn_norm = "model.layers.%u.pre_feedforward_layernorm",
                                   .ffn_post = "model.layers.%u.post_feedforward_layernorm"};

const tensor_names names_glm = {LLAMA_ENDS, LLAMA_ATTENTION, LLAMA_NORMS, .gate_up = "model.layers.%u.mlp.gate_up_proj",
                                .down = "model.layers.%u.mlp.down_proj"};

const tensor_names names_glm4 = {LLAMA_ENDS,
                                 LLAMA_ATTENTION,
                                 LLAMA_NORMS,
                                 .attention_post = "model.layers.%u.post_self_attn_layernorm",
                                 .ffn_post = "model.layers.%u.post_mlp_layernorm",
                                 .gate_up = "model.layers.%u.mlp.gate_up_proj",
                                 .down = "model.layers.%u.mlp.down_proj"};

const tensor_names names_phi = {.embedding = "model.embed_tokens",
                                .output = "lm_head",
                                .output_norm = "model.final_layernorm",
                                .attention_norm = "model.layers.%u.input_layernorm",
                                .q = "model.layers.%u.self_attn.q_proj",
                                .k = "model.layers.%u.self_attn.k_proj",
                                .v = "model.layers.%u.self_attn.v_proj",
                                .o = "model.layers.%u.self_attn.dense",
                                .up = "model.layers.%u.mlp.fc1",
                                .down = "model.layers.%u.mlp.fc2"};

const tensor_names names_phi3 = {LLAMA_ENDS,
                                 LLAMA_NORMS,
                                 .qkv = "model.layers.%u.self_attn.qkv_proj",
                                 .o = "model.layers.%u.self_attn.o_proj",
                                 .gate_up = "model.layers.%u.mlp.gate_up_proj",
                                 .down = "model.layers.%u.mlp.down_proj"};

const tensor_names names_starcoder2 = {LLAMA_ENDS, LLAMA_ATTENTION, LLAMA_NORMS, .up = "model.layers.%u.mlp.c_fc",
                                       .down = "model.layers.%u.mlp.c_proj"};

const tensor_names names_apertus = {LLAMA_ENDS,
                                    LLAMA_ATTENTION,
                                    .attention_norm = "model.layers.%u.attention_layernorm",
                                    .ffn_norm = "model.layers.%u.feedforward_layernorm",
                                    .activation = "model.layers.%u.mlp.act_fn",
                                    .up = "model.layers.%u.mlp.up_proj",
                                    .down = "model.layers.%u.mlp.down_proj"};

const tensor_names names_mixtral = {LLAMA_ENDS,
                                    LLAMA_ATTENTION,
                                    LLAMA_NORMS,
                                    .router = "model.layers.%u.block_sparse_moe.gate",
                                    .expert_gate = "model.layers.%u.block_sparse_moe.experts.%u.w1",
                                    .expert_up = "model.layers.%u.block_sparse_moe.experts.%u.w3",
                                    .expert_down = "model.layers.%u.block_sparse_moe.experts.%u.w2"};

const tensor_names names_qwen_moe = {LLAMA_ENDS,
                                     LLAMA_ATTENTION,
                                     LLAMA_NORMS,
                                     LLAMA_MLP,
                                     .router = "model.layers.%u.mlp.gate",
                                     .expert_gate = "model.layers.%u.mlp.experts.%u.gate_proj",
                                     .expert_up = "model.layers.%u.mlp.experts.%u.up_proj",
                                     .expert_down = "model.layers.%u.mlp.experts.%u.down_proj",
                                     .shared_gate = "model.layers.%u.mlp.shared_expert.gate_proj",
                                     .shared_up = "model.layers.%u.mlp.shared_expert.up_proj",
                                     .shared_down = "model.layers.%u.mlp.shared_expert.down_proj",
                                     .shared_router = "model.layers.%u.mlp.shared_expert_gate"};

static const char *const qwen3_next_unread[] = {"mtp.", "model.mtp.", NULL}; /* which guess further tokens */

const tensor_names names_qwen3_next = {LLAMA_ENDS,
                                       LLAMA_ATTENTION,
                                       LLAMA_NORMS,
                                       LLAMA_MLP,
                                       .delta_qkvz = "model.layers.%u.linear_attn.in_proj_qkvz",
                                       .delta_ba = "model.layers.%u.linear_attn.in_proj_ba",
                                       .delta_o = "model.layers.%u.linear_attn.out_proj",
                                       .delta_conv = "model.layers.%u.linear_attn.conv1d.weight",
                                       .delta_rate = "model.layers.%u.linear_attn.A_log",
                                       .delta_step = "model.layers.%u.linear_attn.dt_bias",
                                       .delta_norm = "model.layers.%u.linear_attn.norm.weight",
                                       .router = "model.layers.%u.mlp.gate",
                                       .expert_gate = "model.layers.%u.mlp.experts.%u.gate_proj",
                                       .expert_up = "model.layers.%u.mlp.experts.%u.up_proj",
                                       .expert_down = "model.layers.%u.mlp.experts.%u.down_proj",
                                       .shared_gate = "model.layers.%u.mlp.shared_expert.gate_proj",
                                       .shared_up = "model.layers.%u.mlp.shared_expert.up_proj",
                                       .shared_down = "model.layers.%u.mlp.shared_expert.down_proj",
                                       .shared_router = "model.layers.%u.mlp.shared_expert_gate",
                                       .unread = qwen3_next_unread};

const tensor_names names_deepseek = {LLAMA_ENDS,
                                     LLAMA_NORMS,
                                     LLAMA_MLP,
                                     .join = "model.layers.%u.eh_proj",
                                     .join_embedding = "model.layers.%u.enorm",
                                     .join_hidden = "model.layers.%u.hnorm",
                                     .join_output = "model.layers.%u.shared_head.norm",
                                     .q = "model.layers.%u.self_attn.q_proj",
                                     .o = "model.layers.%u.self_attn.o_proj",
                                     .q_a = "model.layers.%u.self_attn.q_a_proj",
                                     .q_a_norm = "model.layers.%u.self_attn.q_a_layernorm",
                                     .q_b = "model.layers.%u.self_attn.q_b_proj",
                                     .kv_a = "model.layers.%u.self_attn.kv_a_proj_with_mqa",
                                     .kv_a_norm = "model.layers.%u.self_attn.kv_a_layernorm",
                                     .kv_b = "model.layers.%u.self_attn.kv_b_proj",
                                     .router = "model.layers.%u.mlp.gate",
                                     .selection_bias = "model.layers.%u.mlp.gate.e_score_correction_bias",
                                     .expert_gate = "model.layers.%u.mlp.experts.%u.gate_proj",
                                     .expert_up = "model.layers.%u.mlp.experts.%u.up_proj",
                                     .expert_down = "model.layers.%u.mlp.experts.%u.down_proj",
                                     .shared_gate = "model.layers.%u.mlp.shared_experts.gate_proj",
                                     .shared_up = "model.layers.%u.mlp.shared_experts.up_proj",
                                     .shared_down = "model.layers.%u.mlp.shared_experts.down_proj"};

const tensor_names names_granite_moe = {LLAMA_ENDS,
                                        LLAMA_ATTENTION,
                                        LLAMA_NORMS,
                                        .router = "model.layers.%u.block_sparse_moe.router.layer",
                                        .expert_gate = "model.layers.%u.block_sparse_moe.input_linear",
                                        .expert_up = "model.layers.%u.block_sparse_moe.input_linear",
                                        .expert_down = "model.layers.%u.block_sparse_moe.output_linear"};

const tensor_names names_granite_hybrid = {LLAMA_ENDS, LLAMA_ATTENTION, LLAMA_NORMS,
                                           .gate_up = "model.layers.%u.shared_mlp.input_linear",
                                           .down = "model.layers.%u.shared_mlp.output_linear"};

const tensor_names names_stablelm = {LLAMA_ENDS,
                                     LLAMA_NORMS,
                                     LLAMA_MLP,
                                     .q = "model.layers.%u.self_attn.q_proj",
                                     .k = "model.layers.%u.self_attn.k_proj",
                                     .v = "model.layers.%u.self_attn.v_proj",
                                     .o = "model.layers.%u.self_attn.o_proj",
                                     .q_norm = "model.layers.%u.self_attn.q_layernorm.norms.%u",
                                     .k_norm = "model.layers.%u.self_attn.k_layernorm.norms.%u"};

const tensor_names names_internlm2 = {.embedding = "model.tok_embeddings",
                                      .output = "output",
                                      .output_norm = "model.norm",
                                      .attention_norm = "model.layers.%u.attention_norm",
                                      .ffn_norm = "model.layers.%u.ffn_norm",
                                      .qkv = "model.layers.%u.attention.wqkv",
                                      .o = "model.layers.%u.attention.wo",
                                      .gate = "model.layers.%u.feed_forward.w1",
                                      .up = "model.layers.%u.feed_forward.w3",
                                      .down = "model.layers.%u.feed_forward.w2",
                                      .order = FUSED_BY_GROUP};

const tensor_names names_exaone = {.embedding = "transformer.wte",
                                   .output = "lm_head",
                                   .output_norm = "transformer.ln_f",
                                   .attention_norm = "transformer.h.%u.ln_1",
                                   .ffn_norm = "transformer.h.%u.ln_2",
                                   .q = "transformer.h.%u.attn.attention.q_proj",
                                   .k = "transformer.h.%u.attn.attention.k_proj",
                                   .v = "transformer.h.%u.attn.attention.v_proj",
                                   .o = "transformer.h.%u.attn.attention.out_proj",
                                   .gate = "transformer.h.%u.mlp.c_fc_0",
                                   .up = "transformer.h.%u.mlp.c_fc_1",
                                   .down = "transformer.h.%u.mlp.c_proj"};

const tensor_names names_gpt_oss = {LLAMA_ENDS,
                                    LLAMA_ATTENTION,
                                    LLAMA_NORMS,
                                    .sinks = "model.layers.%u.self_attn.sinks",
                                    .router = "model.layers.%u.mlp.router",
                                    .expert_gate = "model.layers.%u.mlp.experts.gate_up_proj",
                                    .expert_up = "model.layers.%u.mlp.experts.gate_up_proj",
                                    .expert_down = "model.layers.%u.mlp.experts.down_proj",
                                    .expert_tail = "",
                                    .expert_bias_tail = "_bias",
                                    .experts_turned = 1,
                                    .experts_paired = 1};

const tensor_names names_llama4 = {LLAMA_ENDS,
                                   LLAMA_ATTENTION,
                                   LLAMA_NORMS,
                                   .gate = "model.layers.%u.feed_forward.gate_proj",
                                   .up = "model.layers.%u.feed_forward.up_proj",
                                   .down = "model.layers.%u.feed_forward.down_proj",
                                   .router = "model.layers.%u.feed_forward.router",
                                   .expert_gate = "model.layers.%u.feed_forward.experts.gate_up_proj",
                                   .expert_up = "model.layers.%u.feed_forward.experts.gate_up_proj",
                                   .expert_down = "model.layers.%u.feed_forward.experts.down_proj",
                                   .expert_tail = "",
                                   .experts_turned = 1,
                                   .shared_gate = "model.layers.%u.feed_forward.shared_expert.gate_proj",
                                   .shared_up = "model.layers.%u.feed_forward.shared_expert.up_proj",
                                   .shared_down = "model.layers.%u.feed_forward.shared_expert.down_proj"};

const tensor_names names_neox = {.embedding = "gpt_neox.embed_in",
                                 .output = "embed_out",
                                 .output_norm = "gpt_neox.final_layer_norm",
                                 .attention_norm = "gpt_neox.layers.%u.input_layernorm",
                                 .ffn_norm = "gpt_neox.layers.%u.post_attention_layernorm",
                                 .qkv = "gpt_neox.layers.%u.attention.query_key_value",
                                 .o = "gpt_neox.layers.%u.attention.dense",
                                 .up = "gpt_neox.layers.%u.mlp.dense_h_to_4h",
                                 .down = "gpt_neox.layers.%u.mlp.dense_4h_to_h",
                                 .order = FUSED_BY_HEAD};

#define FALCON_NAMES                                                                                                   \
    .embedding = "transformer.word_embeddings", .output = "lm_head", .output_norm = "transformer.ln_f",                \
    .qkv = "transformer.h.%u.self_attention.query_key_value", .o = "transformer.h.%u.self_attention.dense",            \
    .up = "transformer.h.%u.mlp.dense_h_to_4h", .down = "transformer.h.%u.mlp.dense_4h_to_h"
#define FALCON_NORMS                                                                                                   \
    .attention_norm = "transformer.h.%u.input_layernorm", .ffn_norm = "transformer.h.%u.post_attention_layernorm"

const tensor_names names_bloom = {FALCON_NAMES, FALCON_NORMS, .order = FUSED_BY_HEAD,
                                  .embedding_norm = "transformer.word_embeddings_layernorm"};

/* Falcon 7B and 1B share one norm; 40B and 180B (the "new" architecture) have ln_attn and ln_mlp. */
const tensor_names names_falcon = {FALCON_NAMES, FALCON_NORMS, .order = FUSED_BY_GROUP};
const tensor_names names_falcon_new = {FALCON_NAMES, .attention_norm = "transformer.h.%u.ln_attn",
                                       .ffn_norm = "transformer.h.%u.ln_mlp", .order = FUSED_BY_GROUP};

const tensor_names names_gpt2 = {.embedding = "transformer.wte",
                                 .positions = "transformer.wpe",
                                 .output = "lm_head",
                                 .output_norm = "transformer.ln_f",
                                 .attention_norm = "transformer.h.%u.ln_1",
                                 .ffn_norm = "transformer.h.%u.ln_2",
                                 .qkv = "transformer.h.%u.attn.c_attn",
                                 .o = "transformer.h.%u.attn.c_proj",
                                 .up = "transformer.h.%u.mlp.c_fc",
                                 .down = "transformer.h.%u.mlp.c_proj",
                                 .transposed = 1};

/* ---- encoders; the part before the first dot may be missing ---- */

static const char *const bert_unread[] = {
    "embeddings.position_ids", "embeddings.token_type_ids", "pooler.", "cls.", "lm_head.", NULL};

#define BERT_NAMES(prefix)                                                                                             \
    .embedding = prefix "embeddings.word_embeddings", .positions = prefix "embeddings.position_embeddings",            \
    .types = prefix "embeddings.token_type_embeddings", .embedding_norm = prefix "embeddings.LayerNorm",               \
    .q = prefix "encoder.layer.%u.attention.self.query", .k = prefix "encoder.layer.%u.attention.self.key",            \
    .v = prefix "encoder.layer.%u.attention.self.value", .o = prefix "encoder.layer.%u.attention.output.dense",        \
    .attention_post = prefix "encoder.layer.%u.attention.output.LayerNorm",                                            \
    .up = prefix "encoder.layer.%u.intermediate.dense", .down = prefix "encoder.layer.%u.output.dense",                \
    .ffn_post = prefix "encoder.layer.%u.output.LayerNorm", .unread = bert_unread

const tensor_names names_bert = {BERT_NAMES("bert.")};
const tensor_names names_roberta = {BERT_NAMES("roberta.")};

const tensor_names names_nomic_bert = {.embedding = "bert.embeddings.word_embeddings",
                                       .types = "bert.embeddings.token_type_embeddings",
                                       .embedding_norm = "bert.emb_ln",
                                       .qkv = "bert.encoder.layers.%u.attn.Wqkv",
                                       .o = "bert.encoder.layers.%u.attn.out_proj",
                                       .attention_post = "bert.encoder.layers.%u.norm1",
                                       .up = "bert.encoder.layers.%u.mlp.fc11",
                                       .gate = "bert.encoder.layers.%u.mlp.fc12",
                                       .down = "bert.encoder.layers.%u.mlp.fc2",
                                       .ffn_post = "bert.encoder.layers.%u.norm2",
                                       .unread = bert_unread};
