/* From GGUF's keys to config.json, in the spelling that every version of transformers reads. */
#include "convert/config_folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- identity ---- */

json_t *config_id(const gguf_file *file, const char *key, uint64_t vocabulary)
{
    uint64_t id = 0;
    return gguf_get_u64(file, key, &id, NULL) == HEARTH_OK && id < vocabulary ? json_integer((json_int_t)id)
                                                                              : json_null();
}
static void put_identity(config_writer *w, dtype main)
{
    const char *dtype_name = main == DTYPE_F16 ? "float16" : main == DTYPE_BF16 ? "bfloat16" : "float32";
    config_put(w, "architectures", json_door_append(json_array(), json_string(w->row->hf_class)));
    config_put_text(w, "model_type", w->row->model_type);
    config_put_text(w, "torch_dtype", dtype_name);
    config_put(w, "bos_token_id", config_id(w->file, "tokenizer.ggml.bos_token_id", w->c->vocabulary));
    config_put(w, "eos_token_id", config_id(w->file, "tokenizer.ggml.eos_token_id", w->c->vocabulary));
    json_t *pad = config_id(w->file, "tokenizer.ggml.padding_token_id", w->c->vocabulary);
    if (w->c->form.residual_norm && json_is_null(pad)) { /* encoders' classes want a number, or nothing */
        json_decref(pad);
    } else {
        config_put(w, "pad_token_id", pad);
    }
    config_put_number(w, "vocab_size", w->c->vocabulary);
    config_put_flag(w, "tie_word_embeddings", w->c->tied);
    config_put_flag(w, "use_cache", true);
}

/* ---- shape ---- */

static void put_activation(config_writer *w)
{
    static const char *const names[] = {[ACTIVATE_SILU] = "silu",
                                        [ACTIVATE_GELU] = "gelu",
                                        [ACTIVATE_GELU_QUICK] = "quick_gelu",
                                        [ACTIVATE_RELU] = "relu",
                                        [ACTIVATE_RELU2] = "relu2",
                                        [ACTIVATE_XIELU] = "xielu",
                                        [ACTIVATE_GELU_TANH] = "gelu_pytorch_tanh"};
    const char *name = names[w->c->form.activation];
    if (config_is(w, "gpt2") || config_is(w, "phi")) {
        name = w->c->form.activation == ACTIVATE_GELU_TANH ? "gelu_new" : name;
    }
    if (w->row->style == STYLE_GPT2 || w->row->style == STYLE_EXAONE) {
        config_put_text(w, "activation_function", name);
    } else if (w->row->style == STYLE_FALCON) {
        config_put_text(w, "activation", name);
    } else if (w->row->style == STYLE_PLAIN) {
        config_put_text(w, w->hf->fixed_activation ? "hidden_activation" : "hidden_act", name);
    }
}

static void put_gpt2(config_writer *w)
{
    const model_config *c = w->c;
    config_put_number(w, "n_embd", c->width);
    config_put_number(w, "n_layer", c->layers);
    config_put_number(w, "n_head", c->heads);
    config_put_number(w, "n_positions", c->context);
    config_put_number(w, "n_ctx", c->context);
    config_put_number(w, "n_inner", c->ffn);
}

static void put_bloom(config_writer *w)
{
    config_put_number(w, "hidden_size", w->c->width);
    config_put_number(w, "n_layer", w->c->layers);
    config_put_number(w, "n_head", w->c->heads);
    config_put_number(w, "seq_length", w->c->context);
}

static void put_falcon(config_writer *w)
{
    const model_config *c = w->c;
    const bool newer = c->kv_heads != 1 && c->form.parallel;
    config_put_number(w, "hidden_size", c->width);
    config_put_number(w, "num_hidden_layers", c->layers);
    config_put_number(w, "num_attention_heads", c->heads);
    config_put_number(w, "num_kv_heads", c->kv_heads);
    config_put_number(w, "n_head_kv", c->kv_heads);
    config_put_number(w, "max_position_embeddings", c->context);
    config_put_number(w, "ffn_hidden_size", c->ffn);
    config_put_flag(w, "multi_query", c->kv_heads == 1 || newer);
    config_put_flag(w, "new_decoder_architecture", newer);
    config_put_flag(w, "parallel_attn", c->form.parallel);
    config_put_flag(w, "alibi", c->form.alibi);
    config_put_flag(w, "bias", c->form.mlp_bias);
    config_put(w, "num_ln_in_parallel_attn", newer ? json_integer(c->form.shared_norm ? 1 : 2) : json_null());
}

static void put_exaone(config_writer *w)
{
    const model_config *c = w->c;
    config_put_number(w, "hidden_size", c->width);
    config_put_number(w, "num_layers", c->layers);
    config_put_number(w, "num_attention_heads", c->heads);
    config_put_number(w, "num_key_value_heads", c->kv_heads);
    config_put_number(w, "head_dim", c->head_dim);
    config_put_number(w, "intermediate_size", c->ffn);
    config_put_number(w, "max_position_embeddings", c->context);
}

/* In both spellings: of the published files, and of transformers' own class. */
static void put_nomic(config_writer *w)
{
    const model_config *c = w->c;
    config_put_number(w, "hidden_size", c->width);
    config_put_number(w, "num_hidden_layers", c->layers);
    config_put_number(w, "num_attention_heads", c->heads);
    config_put_number(w, "intermediate_size", c->ffn);
    config_put_number(w, "max_position_embeddings", c->context);
    config_put_real(w, "layer_norm_eps", (double)c->eps);
    config_put_text(w, "hidden_act", "silu");
    config_put_number(w, "n_embd", c->width);
    config_put_number(w, "n_layer", c->layers);
    config_put_number(w, "n_head", c->heads);
    config_put_number(w, "n_inner", c->ffn);
    config_put_number(w, "n_positions", c->context);
    config_put_number(w, "max_trained_positions", 2048);
    config_put_number(w, "type_vocab_size", c->token_types);
    config_put_text(w, "activation_function", "swiglu");
    config_put_real(w, "rotary_emb_base", c->rope.theta);
    config_put_real(w, "rotary_emb_fraction", 1.0);
    config_put_flag(w, "rotary_emb_interleaved", false);
    config_put(w, "rotary_emb_scale_base", json_null());
    config_put_flag(w, "causal", false);
    config_put_flag(w, "prenorm", false);
    config_put_flag(w, "qkv_proj_bias", false);
    config_put_flag(w, "mlp_fc1_bias", false);
    config_put_flag(w, "mlp_fc2_bias", false);
}

static void put_encoder(config_writer *w)
{
    const model_config *c = w->c;
    config_put_number(w, "hidden_size", c->width);
    config_put_number(w, "num_hidden_layers", c->layers);
    config_put_number(w, "num_attention_heads", c->heads);
    config_put_number(w, "intermediate_size", c->ffn);
    config_put_number(w, "max_position_embeddings", c->context + w->hf->position_offset);
    config_put_number(w, "type_vocab_size", c->token_types);
    if (w->hf->position_offset != 0) { /* a text's first position is the one behind the padding's */
        config_put_number(w, "pad_token_id", w->hf->position_offset - 1);
    }
}

static void put_plain(config_writer *w)
{
    const model_config *c = w->c;
    config_put_number(w, "hidden_size", c->width);
    config_put_number(w, "num_hidden_layers", c->layers);
    config_put_number(w, "num_attention_heads", c->heads);
    config_put_number(w, "intermediate_size", w->hf->one_shared ? c->moe.ffn : c->ffn);
    if (c->mla.kv_rank != 0) {
        config_put_number(w, "num_key_value_heads", c->heads);
    } else {
        if (w->hf->names->order != FUSED_BY_HEAD) {
            config_put_number(w, "num_key_value_heads", c->kv_heads);
        }
        config_put_number(w, "head_dim", c->head_dim);
    }
    if (c->rope.kind != ROPE_FACTORS || strcmp(c->rope.tensor, "rope_factors_short.weight") != 0) {
        config_put_number(w, "max_position_embeddings", c->context);
    }
}
/* ---- layers, experts, what single families have ---- */

/* Of families whose layers differ in more than a window. */
static void put_layer_types(config_writer *w)
{
    const model_config *c = w->c;
    json_t *types = json_array();
    for (uint32_t i = 0; i < c->layers; i++) {
        const char *kind = w->hf->shared_alone                          ? "attention"
                           : layer_bit(c->recurrent, i)                 ? "linear_attention"
                           : c->chunk != 0 && layer_bit(c->windowed, i) ? "chunked_attention"
                                                                        : "full_attention";
        types = json_door_append(types, json_string(kind));
    }
    if (c->delta.taps != 0 || w->hf->chunk != 0 || w->hf->shared_alone) {
        config_put(w, "layer_types", types);
    } else {
        json_decref(types);
    }
}

static void put_delta(config_writer *w)
{
    const delta_config *d = &w->c->delta;
    if (d->taps == 0) {
        return;
    }
    config_put_number(w, "linear_conv_kernel_dim", d->taps);
    config_put_number(w, "linear_num_key_heads", d->key_heads);
    config_put_number(w, "linear_num_value_heads", d->value_heads);
    config_put_number(w, "linear_key_head_dim", d->key_dim);
    config_put_number(w, "linear_value_head_dim", d->value_dim);
}

/* A key of the file's architecture, or `otherwise`. */
static uint64_t file_number(const config_writer *w, const char *name, uint64_t otherwise)
{
    char key[96];
    uint64_t value = 0;
    snprintf(key, sizeof key, "%s.%s", w->c->family->gguf_architecture, name);
    return gguf_get_u64(w->file, key, &value, NULL) == HEARTH_OK ? value : otherwise;
}

static void put_llama4(config_writer *w)
{
    const model_config *c = w->c;
    if (!w->hf->one_shared) {
        return;
    }
    json_t *sparse = json_array();
    config_put_number(w, "intermediate_size_mlp", c->ffn);
    config_put_number(w, "interleave_moe_layer_step", file_number(w, "interleave_moe_layer_step", 1));
    for (uint32_t i = 0; i < c->layers; i++) {
        sparse = layer_bit(c->dense, i) ? sparse : json_door_append(sparse, json_integer(i));
    }
    config_put(w, "moe_layers", sparse);
    config_put(w, "attention_chunk_size", c->chunk == 0 ? json_null() : json_integer(c->chunk));
    config_put_flag(w, "attn_temperature_tuning", c->temperature.scale != 0.0f);
    config_put_real(w, "attn_scale", (double)c->temperature.scale);
    config_put_number(w, "floor_scale", c->temperature.length);
    config_put_flag(w, "use_qk_norm", c->form.qk_norm != QK_NORM_NONE);
}

/* Its classes want to hear of layers that a dense model does not have. */
static void put_granite4(config_writer *w)
{
    const model_config *c = w->c;
    if (!w->hf->shared_alone) {
        return;
    }
    const uint64_t heads = file_number(w, "ssm.time_step_rank", 0);
    const uint64_t inner = file_number(w, "ssm.inner_size", 0);
    config_put_number(w, "shared_intermediate_size", c->ffn);
    config_put_number(w, "num_local_experts", 0);
    config_put_number(w, "num_experts_per_tok", 0);
    config_put_text(w, "position_embedding_type", "rope");
    if (heads == 0 || inner == 0 || inner % heads != 0 || inner % c->width != 0) {
        return;
    }
    config_put_number(w, "mamba_n_heads", heads);
    config_put_number(w, "mamba_d_head", inner / heads);
    config_put_number(w, "mamba_expand", inner / c->width);
    config_put_number(w, "mamba_d_conv", file_number(w, "ssm.conv_kernel", 4));
    config_put_number(w, "mamba_d_state", file_number(w, "ssm.state_size", 256));
    config_put_number(w, "mamba_n_groups", file_number(w, "ssm.group_count", 1));
}

static void put_window(config_writer *w)
{
    const model_config *c = w->c;
    if (w->row->style != STYLE_PLAIN || c->form.residual_norm) {
        return;
    }
    config_put(w, "sliding_window", c->window == 0 ? json_null() : json_integer(c->window));
    if (w->hf->window_opt_in) {
        config_put_flag(w, "use_sliding_window", c->window != 0);
        config_put_number(w, "max_window_layers", c->window != 0 ? 0 : c->layers);
    }
    if (config_is(w, "ministral") ||
        (w->hf->window_every != 0 && (c->window != 0 || config_is(w, "gemma2") || config_is(w, "gemma3_text")))) {
        json_t *types = json_array();
        for (uint32_t i = 0; i < c->layers; i++) {
            types = json_door_append(types,
                                     json_string(layer_bit(c->windowed, i) ? "sliding_attention" : "full_attention"));
        }
        config_put(w, "layer_types", types);
        if (w->hf->window_every != 0) {
            config_put_number(w, "sliding_window_pattern", w->hf->window_every);
        }
    }
    put_layer_types(w);
    if (w->hf->unrotated_every != 0) {
        json_t *turns = json_array();
        for (uint32_t i = 0; i < c->layers; i++) {
            turns = json_door_append(turns, json_integer(layer_bit(c->unrotated, i) ? 0 : 1));
        }
        config_put(w, "no_rope_layers", turns);
        config_put_number(w, "no_rope_layer_interval", w->hf->unrotated_every);
    }
}

static void put_biases(config_writer *w)
{
    const layer_form *form = &w->c->form;
    if (w->row->style != STYLE_PLAIN || form->residual_norm) {
        return;
    }
    config_put_flag(w, "attention_bias", form->qkv_bias && (form->o_bias || w->hf->o_unbiased || w->hf->o_bias_key));
    config_put_flag(w, "mlp_bias", form->mlp_bias);
    if (w->hf->o_bias_key) {
        config_put_flag(w, "attention_out_bias", form->o_bias);
    }
    if (config_is(w, "internlm2")) {
        config_put_flag(w, "bias", form->qkv_bias);
    }
    if (w->hf->one_bias_key) {
        config_put_flag(w, "use_bias", form->mlp_bias);
    }
    if (config_is(w, "stablelm")) {
        config_put_flag(w, "use_qkv_bias", form->qkv_bias);
        config_put_flag(w, "qk_layernorm", form->qk_norm == QK_NORM_HEADS);
    }
    if (config_is(w, "stablelm") || config_is(w, "gpt_neox")) {
        config_put_flag(w, "use_parallel_residual", form->parallel);
    }
    if (config_is(w, "qwen2_moe")) {
        config_put_flag(w, "qkv_bias", form->qkv_bias);
    }
    if (config_is(w, "phimoe")) {
        config_put_flag(w, "lm_head_bias", form->output_bias);
    }
    if (w->hf->qk_norm_opt_in) {
        config_put_flag(w, "use_qk_norm", form->qk_norm != QK_NORM_NONE);
    }
}

/* MiniCPM's, which hang on the model's depth and width. */
static void put_depth_scales(config_writer *w)
{
    char key[96];
    double divisor = 1;
    snprintf(key, sizeof key, "%s.logit_scale", w->c->family->gguf_architecture);
    (void)gguf_get_f64(w->file, key, &divisor, NULL);
    config_put_real(w, "scale_emb", (double)w->c->embedding_scale);
    config_put(w, "scale_depth", json_real((double)w->c->residual_scale * sqrt((double)w->c->layers)));
    config_put(w, "dim_model_base", json_real(w->c->width / divisor));
}

static void put_scales(config_writer *w)
{
    const model_config *c = w->c;
    if (w->hf->scales_by_depth) {
        put_depth_scales(w);
    } else if (w->hf->logit_scale_divides) {
        char key[96];
        double divisor = 1;
        snprintf(key, sizeof key, "%s.logit_scale", c->family->gguf_architecture);
        (void)gguf_get_f64(w->file, key, &divisor, NULL);
        config_put_real(w, "attention_multiplier", (double)c->attention_scale);
        config_put_real(w, "embedding_multiplier", (double)c->embedding_scale);
        config_put_real(w, "residual_multiplier", (double)c->residual_scale);
        config_put_real(w, "logits_scaling", divisor);
    }
    if (config_is(w, "cohere") || config_is(w, "cohere2")) {
        config_put_real(w, "logit_scale", (double)c->logit_scale);
    }
    if (config_is(w, "gemma2") || config_is(w, "gemma3_text")) {
        const double scalar = 1.0 / ((double)c->attention_scale * (double)c->attention_scale);
        config_put_number(w, "query_pre_attn_scalar", (uint64_t)(scalar + 0.5));
        config_put_real_or_null(w, "attn_logit_softcapping", c->attention_softcap);
        config_put_real_or_null(w, "final_logit_softcapping", c->logit_softcap);
    }
    if (config_is(w, "olmo") || config_is(w, "olmoe")) {
        config_put_real_or_null(w, "clip_qkv", c->clip_qkv);
    }
}

static void put_latent(config_writer *w)
{
    const mla_config *m = &w->c->mla;
    const moe_config *e = &w->c->moe;
    const bool third = config_is(w, "deepseek_v3");
    uint32_t dense = 0;
    if (m->kv_rank == 0) {
        return;
    }
    while (dense < w->c->layers && layer_bit(w->c->dense, dense)) {
        dense++;
    }
    config_put_number(w, "kv_lora_rank", m->kv_rank);
    config_put(w, "q_lora_rank", m->q_rank == 0 ? json_null() : json_integer(m->q_rank));
    config_put_number(w, "qk_nope_head_dim", m->nope);
    config_put_number(w, "qk_rope_head_dim", m->rope);
    config_put_number(w, "v_head_dim", m->value);
    config_put_number(w, "n_routed_experts", e->experts);
    config_put_number(w, "n_shared_experts", e->ffn == 0 ? 0 : e->shared_ffn / e->ffn);
    config_put_number(w, "first_k_dense_replace", dense);
    config_put_number(w, "moe_layer_freq", 1);
    config_put_real(w, "routed_scaling_factor", (double)e->scale);
    config_put_text(w, "scoring_func", third ? "sigmoid" : "softmax");
    config_put_text(w, "topk_method", third ? "noaux_tc" : e->groups > 1 ? "group_limited_greedy" : "greedy");
    config_put_number(w, "n_group", e->groups > 1 ? e->groups : 1);
    config_put_number(w, "topk_group", e->groups > 1 ? e->groups_used : 1);
}

static void put_experts(config_writer *w)
{
    const moe_config *m = &w->c->moe;
    const bool local = config_is(w, "mixtral") || config_is(w, "granitemoe") || config_is(w, "phimoe") ||
                       config_is(w, "gpt_oss") || config_is(w, "llama4_text");
    if (m->experts == 0) {
        return;
    }
    config_put_number(w, "num_experts_per_tok", m->used);
    if (w->c->mla.kv_rank == 0) {
        config_put_number(w, local ? "num_local_experts" : "num_experts", m->experts);
    }
    if (!local) {
        config_put_flag(w, "norm_topk_prob", m->normalize);
        if (!config_is(w, "olmoe")) {
            config_put_number(w, "moe_intermediate_size", m->ffn);
        }
    }
    if (config_is(w, "qwen2_moe") || config_is(w, "qwen3_next")) {
        config_put_number(w, "shared_expert_intermediate_size", m->shared_ffn);
    }
    if (config_is(w, "qwen2_moe") || config_is(w, "qwen3_moe") || config_is(w, "qwen3_next")) {
        config_put_number(w, "decoder_sparse_step", 1);
        config_put(w, "mlp_only_layers", json_array());
    }
    if (m->jitter != 0.0f) {
        config_put_real(w, "router_jitter_noise", (double)m->jitter);
    }
    if (m->limit != 0.0f) {
        config_put_real(w, "swiglu_limit", (double)m->limit);
    }
    put_latent(w);
}

/* ---- xIELU's numbers: a tensor each ---- */

static hearth_status take_xielu(const config_writer *w, convert_plan *p, hearth_error *error)
{
    static const char *const parts[] = {"alpha_p", "alpha_n", "beta", "eps"};
    for (int part = 0; w->c->form.activation == ACTIVATE_XIELU && part < 4; part++) {
        char key[64];
        gguf_type type = GGUF_F32;
        uint64_t count = 0;
        int64_t index = 0;
        snprintf(key, sizeof key, "xielu.%s", parts[part]);
        TRY(gguf_get_array(w->file, key, &type, &count, &index, error));
        if (count != w->c->layers || type == GGUF_STRING || type == GGUF_ARRAY) {
            return error_set(error, HEARTH_E_FORMAT, key, "a number for each layer", "%llu", (unsigned long long)count);
        }
        for (uint32_t i = 0; i < w->c->layers; i++) {
            char stem[LIMIT_TENSOR_NAME_BYTES];
            char name[CONVERT_NAME_BYTES];
            const uint64_t one = 1;
            const float value = (float)gguf_array_f64(w->file, index, i);
            snprintf(name, sizeof name, "%s.%s", name_with(w->hf->names->activation, i, 0, stem, sizeof stem),
                     parts[part]);
            TRY(convert_plan_literal(p, name, part < 2 ? 1 : 0, &one, &value, 1, error));
        }
    }
    return HEARTH_OK;
}
/* ---- the files ---- */

/* gpt-oss with its experts as MXFP4, as it is published. */
static void put_quantization(config_writer *w, const convert_plan *p)
{
    static const char *const whole[] = {"model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
                                        "lm_head"};
    bool there = false;
    for (size_t i = 0; i < p->count && !there; i++) {
        there = p->tensors[i].kind == CONVERT_BLOCKS;
    }
    if (!there) {
        return;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        list = json_door_append(list, json_string(whole[i]));
    }
    json_t *value = json_door_put(json_object(), "quant_method", json_string("mxfp4"));
    config_put(w, "quantization_config", json_door_put(value, "modules_to_not_convert", list));
}
hearth_status convert_config_to_folder(const char *path, const gguf_file *file, const model_config *c,
                                       const model_family *hf, convert_plan *p, hearth_error *error)
{
    config_writer w = {.root = json_object(), .file = file, .c = c, .hf = hf, .row = convert_family_of(hf)};
    put_identity(&w, p->main);
    switch (w.row->style) {
    case STYLE_GPT2:
        put_gpt2(&w);
        break;
    case STYLE_BLOOM:
        put_bloom(&w);
        break;
    case STYLE_FALCON:
        put_falcon(&w);
        break;
    case STYLE_EXAONE:
        put_exaone(&w);
        break;
    case STYLE_NOMIC:
        put_nomic(&w);
        break;
    case STYLE_PLAIN:
        (c->form.residual_norm ? put_encoder : put_plain)(&w);
        break;
    }
    if (w.row->eps_key != NULL) {
        config_put_real(&w, w.row->eps_key, (double)c->eps);
    }
    put_activation(&w);
    put_window(&w);
    put_biases(&w);
    put_scales(&w);
    put_experts(&w);
    put_delta(&w);
    put_llama4(&w);
    put_granite4(&w);
    put_quantization(&w, p);
    hearth_status status = config_put_rope(&w, p, error);
    status = status != HEARTH_OK ? status : take_xielu(&w, p, error);
    if (status != HEARTH_OK) {
        json_decref(w.root);
        return status;
    }
    TRY(convert_write_json(path, "config.json", w.root, error));
    return config_write_beside(path, file, c, error);
}
