/* From GGUF's keys to config.json and generation_config.json, in the spelling that every version of transformers
 * reads. */
#include "base/memory.h"
#include "convert/metadata.h"
#include "platform/file_stream.h"
#include "nn/rope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

hearth_status convert_write_json(const char *path, const char *name, json_t *value, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    char *file = file_join(path, name);
    hearth_status status = file == NULL || value == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
    status = status != HEARTH_OK ? status : json_door_write(value, 2, &text, error);
    status = status != HEARTH_OK ? status : buffer_append_char(&text, '\n', error);
    status = status != HEARTH_OK ? status : file_create(file, text.data, text.length, error);
    buffer_free(&text);
    mem_free(file);
    json_decref(value);
    return status;
}

/* config.json under construction; NULL once memory ran out. */
typedef struct config_writer {
    json_t *root;
    const gguf_file *file;
    const model_config *c;
    const model_family *hf;
    const convert_family *row;
} config_writer;

static void put(config_writer *w, const char *key, json_t *value)
{
    w->root = json_door_put(w->root, key, value);
}

static void put_number(config_writer *w, const char *key, uint64_t value)
{
    put(w, key, json_integer((json_int_t)value));
}

static void put_real(config_writer *w, const char *key, double value)
{
    put(w, key, json_door_float((float)value));
}

/* null for 0 */
static void put_real_or_null(config_writer *w, const char *key, float value)
{
    put(w, key, value == 0.0f ? json_null() : json_door_float(value));
}

static void put_flag(config_writer *w, const char *key, bool value)
{
    put(w, key, json_boolean(value));
}

static void put_text(config_writer *w, const char *key, const char *text)
{
    put(w, key, json_string(text));
}

static bool is(const config_writer *w, const char *model_type)
{
    return strcmp(w->row->model_type, model_type) == 0;
}

/* ---- identity ---- */

/* A token's id by key, or null. */
static json_t *id_value(const gguf_file *file, const char *key, uint64_t vocabulary)
{
    uint64_t id = 0;
    return gguf_get_u64(file, key, &id, NULL) == HEARTH_OK && id < vocabulary ? json_integer((json_int_t)id)
                                                                              : json_null();
}

static void put_identity(config_writer *w, dtype main)
{
    const char *dtype_name = main == DTYPE_F16 ? "float16" : main == DTYPE_BF16 ? "bfloat16" : "float32";
    put(w, "architectures", json_door_append(json_array(), json_string(w->row->hf_class)));
    put_text(w, "model_type", w->row->model_type);
    put_text(w, "torch_dtype", dtype_name);
    put(w, "bos_token_id", id_value(w->file, "tokenizer.ggml.bos_token_id", w->c->vocabulary));
    put(w, "eos_token_id", id_value(w->file, "tokenizer.ggml.eos_token_id", w->c->vocabulary));
    json_t *pad = id_value(w->file, "tokenizer.ggml.padding_token_id", w->c->vocabulary);
    if (w->c->form.residual_norm && json_is_null(pad)) { /* encoders' classes want a number, or nothing */
        json_decref(pad);
    } else {
        put(w, "pad_token_id", pad);
    }
    put_number(w, "vocab_size", w->c->vocabulary);
    put_flag(w, "tie_word_embeddings", w->c->tied);
    put_flag(w, "use_cache", true);
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
    if (is(w, "gpt2") || is(w, "phi")) {
        name = w->c->form.activation == ACTIVATE_GELU_TANH ? "gelu_new" : name;
    }
    if (w->row->style == STYLE_GPT2 || w->row->style == STYLE_EXAONE) {
        put_text(w, "activation_function", name);
    } else if (w->row->style == STYLE_FALCON) {
        put_text(w, "activation", name);
    } else if (w->row->style == STYLE_PLAIN) {
        put_text(w, w->hf->fixed_activation ? "hidden_activation" : "hidden_act", name);
    }
}

static void put_gpt2(config_writer *w)
{
    const model_config *c = w->c;
    put_number(w, "n_embd", c->width);
    put_number(w, "n_layer", c->layers);
    put_number(w, "n_head", c->heads);
    put_number(w, "n_positions", c->context);
    put_number(w, "n_ctx", c->context);
    put_number(w, "n_inner", c->ffn);
}

static void put_bloom(config_writer *w)
{
    put_number(w, "hidden_size", w->c->width);
    put_number(w, "n_layer", w->c->layers);
    put_number(w, "n_head", w->c->heads);
    put_number(w, "seq_length", w->c->context);
}

static void put_falcon(config_writer *w)
{
    const model_config *c = w->c;
    const bool newer = c->kv_heads != 1 && c->form.parallel;
    put_number(w, "hidden_size", c->width);
    put_number(w, "num_hidden_layers", c->layers);
    put_number(w, "num_attention_heads", c->heads);
    put_number(w, "num_kv_heads", c->kv_heads);
    put_number(w, "n_head_kv", c->kv_heads);
    put_number(w, "max_position_embeddings", c->context);
    put_number(w, "ffn_hidden_size", c->ffn);
    put_flag(w, "multi_query", c->kv_heads == 1 || newer);
    put_flag(w, "new_decoder_architecture", newer);
    put_flag(w, "parallel_attn", c->form.parallel);
    put_flag(w, "alibi", c->form.alibi);
    put_flag(w, "bias", c->form.mlp_bias);
    put(w, "num_ln_in_parallel_attn", newer ? json_integer(c->form.shared_norm ? 1 : 2) : json_null());
}

static void put_exaone(config_writer *w)
{
    const model_config *c = w->c;
    put_number(w, "hidden_size", c->width);
    put_number(w, "num_layers", c->layers);
    put_number(w, "num_attention_heads", c->heads);
    put_number(w, "num_key_value_heads", c->kv_heads);
    put_number(w, "head_dim", c->head_dim);
    put_number(w, "intermediate_size", c->ffn);
    put_number(w, "max_position_embeddings", c->context);
}

/* In both spellings: of the published files, and of transformers' own class. */
static void put_nomic(config_writer *w)
{
    const model_config *c = w->c;
    put_number(w, "hidden_size", c->width);
    put_number(w, "num_hidden_layers", c->layers);
    put_number(w, "num_attention_heads", c->heads);
    put_number(w, "intermediate_size", c->ffn);
    put_number(w, "max_position_embeddings", c->context);
    put_real(w, "layer_norm_eps", (double)c->eps);
    put_text(w, "hidden_act", "silu");
    put_number(w, "n_embd", c->width);
    put_number(w, "n_layer", c->layers);
    put_number(w, "n_head", c->heads);
    put_number(w, "n_inner", c->ffn);
    put_number(w, "n_positions", c->context);
    put_number(w, "max_trained_positions", 2048);
    put_number(w, "type_vocab_size", c->token_types);
    put_text(w, "activation_function", "swiglu");
    put_real(w, "rotary_emb_base", c->rope.theta);
    put_real(w, "rotary_emb_fraction", 1.0);
    put_flag(w, "rotary_emb_interleaved", false);
    put(w, "rotary_emb_scale_base", json_null());
    put_flag(w, "causal", false);
    put_flag(w, "prenorm", false);
    put_flag(w, "qkv_proj_bias", false);
    put_flag(w, "mlp_fc1_bias", false);
    put_flag(w, "mlp_fc2_bias", false);
}

static void put_encoder(config_writer *w)
{
    const model_config *c = w->c;
    put_number(w, "hidden_size", c->width);
    put_number(w, "num_hidden_layers", c->layers);
    put_number(w, "num_attention_heads", c->heads);
    put_number(w, "intermediate_size", c->ffn);
    put_number(w, "max_position_embeddings", c->context + w->hf->position_offset);
    put_number(w, "type_vocab_size", c->token_types);
    if (w->hf->position_offset != 0) { /* a text's first position is the one behind the padding's */
        put_number(w, "pad_token_id", w->hf->position_offset - 1);
    }
}

static void put_plain(config_writer *w)
{
    const model_config *c = w->c;
    put_number(w, "hidden_size", c->width);
    put_number(w, "num_hidden_layers", c->layers);
    put_number(w, "num_attention_heads", c->heads);
    put_number(w, "intermediate_size", w->hf->one_shared ? c->moe.ffn : c->ffn);
    if (c->mla.kv_rank != 0) {
        put_number(w, "num_key_value_heads", c->heads);
    } else {
        if (w->hf->names->order != FUSED_BY_HEAD) {
            put_number(w, "num_key_value_heads", c->kv_heads);
        }
        put_number(w, "head_dim", c->head_dim);
    }
    if (c->rope.kind != ROPE_FACTORS || strcmp(c->rope.tensor, "rope_factors_short.weight") != 0) {
        put_number(w, "max_position_embeddings", c->context);
    }
}

/* ---- RoPE ---- */

/* Llama 3.1's settings, out of the table that they make: the file does not keep them. */
static bool find_llama3(const rope_config *rope, const float *factors, double high, double *ret_factor,
                        uint32_t *ret_original)
{
    const uint32_t half = rope->dims / 2;
    float made[LIMIT_HEAD_DIM / 2];
    float frequencies[LIMIT_HEAD_DIM / 2];
    float factor = 1.0f;
    for (uint32_t i = 0; i < half; i++) {
        factor = factors[i] > factor ? factors[i] : factor;
    }
    *ret_factor = (double)factor;
    for (uint32_t shift = 13; shift < 13 + 21; shift++) { /* 8192 first, then every power of two below 2^21 */
        *ret_original = (uint32_t)1 << (shift % 21);
        rope_frequencies(rope->theta, rope->dims, frequencies);
        rope_llama3_factors(frequencies, rope->dims, *ret_factor, 1.0, high, *ret_original, made);
        bool same = true;
        for (uint32_t i = 0; i < half; i++) {
            same = same && fabs((double)made[i] - (double)factors[i]) <= 2e-6 * (double)factors[i];
        }
        if (same) {
            return true;
        }
    }
    return false;
}

static json_t *kind_object(const char *kind)
{
    return json_door_put(json_object(), "rope_type", json_string(kind));
}

static hearth_status llama3_object(const config_writer *w, convert_plan *p, json_t **ret, hearth_error *error)
{
    const rope_config *rope = &w->c->rope;
    double factor = 1;
    uint32_t original = 0;
    const tensor_entry *entry = convert_plan_take(p, "rope_freqs.weight");
    if (entry == NULL || entry->type != DTYPE_F32 || entry->dims != 1 || entry->shape[0] != rope->dims / 2 ||
        rope->dims > LIMIT_HEAD_DIM) {
        return error_set(error, HEARTH_E_FORMAT, "tensor rope_freqs.weight", "a binary32 factor for each pair",
                         "another shape");
    }
    float factors[LIMIT_HEAD_DIM / 2];
    memcpy(factors, entry->data, entry->size_bytes);
    double high = 4.0; /* Llama 4's is 1 */
    if (!find_llama3(rope, factors, high, &factor, &original)) {
        high = 1.0;
        if (!find_llama3(rope, factors, high, &factor, &original)) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "tensor rope_freqs.weight",
                             "what Llama 3.1's formula makes of a factor, 1, 4 or 1 and a power of two",
                             "another table");
        }
    }
    *ret = json_door_put(kind_object("llama3"), "factor", json_door_float((float)factor));
    *ret = json_door_put(*ret, "low_freq_factor", json_real(1.0));
    *ret = json_door_put(*ret, "high_freq_factor", json_real(high));
    *ret = json_door_put(*ret, "original_max_position_embeddings", json_integer(original));
    return HEARTH_OK;
}

static json_t *factor_list(const tensor_entry *entry)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < entry->shape[0]; i++) {
        float value = 0;
        memcpy(&value, entry->data + 4 * i, 4);
        list = json_door_append(list, json_door_float(value));
    }
    return list;
}

static hearth_status longrope_object(config_writer *w, convert_plan *p, json_t **ret, hearth_error *error)
{
    static const char *const names[2][2] = {{"rope_factors_short.weight", "short_factor"},
                                            {"rope_factors_long.weight", "long_factor"}};
    char key[96];
    uint64_t context = 0;
    const uint32_t original = model_config_plain_context(w->c);
    snprintf(key, sizeof key, "%s.context_length", w->c->family->gguf_architecture);
    TRY(gguf_get_u64(w->file, key, &context, error));
    *ret = json_door_put(kind_object("longrope"), "type", json_string("longrope"));
    for (int i = 0; i < 2; i++) {
        const tensor_entry *entry = convert_plan_take(p, names[i][0]);
        if (entry == NULL || entry->type != DTYPE_F32 || entry->dims != 1) {
            json_decref(*ret);
            *ret = NULL;
            return error_set(error, HEARTH_E_FORMAT, names[i][0], "a list of binary32 factors", "none");
        }
        *ret = json_door_put(*ret, names[i][1], factor_list(entry));
    }
    put_number(w, "max_position_embeddings", context);
    put_number(w, "original_max_position_embeddings", original);
    *ret = json_door_put(*ret, "original_max_position_embeddings", json_integer(original));
    const double factor = (double)context / original;
    const double plain = factor <= 1 ? 1.0 : sqrt(1 + log(factor) / log((double)original));
    if (fabs(plain - w->c->rope.scale) > 1e-6) {
        *ret = json_door_put(*ret, "attention_factor", json_door_float((float)w->c->rope.scale));
    }
    return HEARTH_OK;
}

static json_t *yarn_object(const config_writer *w)
{
    const rope_config *rope = &w->c->rope;
    char key[96];
    double multiplier = 0;
    json_t *value = json_door_put(kind_object("yarn"), "factor", json_door_float((float)rope->factor));
    value = json_door_put(value, "original_max_position_embeddings", json_integer(rope->original_context));
    if (rope->beta_fast != 32.0 || rope->beta_slow != 1.0) {
        value = json_door_put(value, "beta_fast", json_door_float((float)rope->beta_fast));
        value = json_door_put(value, "beta_slow", json_door_float((float)rope->beta_slow));
    }
    snprintf(key, sizeof key, "%s.rope.scaling.yarn_log_multiplier", w->c->family->gguf_architecture);
    if (w->c->family->latent && gguf_get_f64(w->file, key, &multiplier, NULL) == HEARTH_OK && multiplier != 0) {
        value = json_door_put(value, "mscale", json_door_float((float)(multiplier * 10)));
        return json_door_put(value, "mscale_all_dim", json_door_float((float)(multiplier * 10)));
    }
    if (is(w, "ministral3") && gguf_get_f64(w->file, key, &multiplier, NULL) == HEARTH_OK && multiplier != 0) {
        const double read = rope_yarn_scale(rope->factor, 1.0) / rope_yarn_scale(rope->factor, multiplier);
        value = json_door_put(value, "mscale", json_real(1.0));
        value = json_door_put(value, "mscale_all_dim", json_door_float((float)multiplier));
        return (float)rope->scale == (float)read
                   ? value
                   : json_door_put(value, "attention_factor", json_door_float((float)rope->scale));
    }
    if (!rope->truncate) {
        value = json_door_put(value, "truncate", json_false());
    }
    if ((float)rope->scale != (float)rope_yarn_scale(rope->factor, 1.0)) {
        value = json_door_put(value, "attention_factor", json_door_float((float)rope->scale));
    }
    return value;
}

static hearth_status put_rope(config_writer *w, convert_plan *p, hearth_error *error)
{
    const model_config *c = w->c;
    const rope_config *rope = &c->rope;
    json_t *scaling = json_null();
    if (c->form.alibi || c->positions != 0) {
        return HEARTH_OK;
    }
    if (rope->kind == ROPE_LINEAR) {
        scaling = json_door_put(kind_object("linear"), "factor", json_door_float((float)rope->factor));
    } else if (rope->kind == ROPE_YARN) {
        scaling = yarn_object(w);
    } else if (rope->kind == ROPE_FACTORS && strcmp(rope->tensor, "rope_freqs.weight") == 0) {
        TRY(llama3_object(w, p, &scaling, error));
    } else if (rope->kind == ROPE_FACTORS) {
        TRY(longrope_object(w, p, &scaling, error));
    }
    if (is(w, "ministral3")) {
        scaling = json_is_null(scaling) ? kind_object("default") : scaling;
        scaling = json_door_put(scaling, "llama_4_scaling_beta", json_door_float(c->temperature.scale));
        scaling = json_door_put(scaling, "original_max_position_embeddings", json_integer(c->temperature.length));
    }
    put_real(w, is(w, "gpt_neox") ? "rotary_emb_base" : "rope_theta", rope->theta);
    put(w, "rope_scaling", scaling);
    if (w->row->style == STYLE_NOMIC) { /* which has keys of its own */
        return HEARTH_OK;
    }
    if (c->mla.kv_rank == 0 && (rope->dims != c->head_dim || w->hf->rotary != 0)) {
        put_real(w, is(w, "gpt_neox") ? "rotary_pct" : "partial_rotary_factor", (double)rope->dims / c->head_dim);
    }
    if (c->rope_local.dims != 0 && w->hf->local_theta != 0) {
        put_real(w, "rope_local_base_freq", c->rope_local.theta);
    }
    return HEARTH_OK;
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
        put(w, "layer_types", types);
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
    put_number(w, "linear_conv_kernel_dim", d->taps);
    put_number(w, "linear_num_key_heads", d->key_heads);
    put_number(w, "linear_num_value_heads", d->value_heads);
    put_number(w, "linear_key_head_dim", d->key_dim);
    put_number(w, "linear_value_head_dim", d->value_dim);
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
    put_number(w, "intermediate_size_mlp", c->ffn);
    put_number(w, "interleave_moe_layer_step", file_number(w, "interleave_moe_layer_step", 1));
    for (uint32_t i = 0; i < c->layers; i++) {
        sparse = layer_bit(c->dense, i) ? sparse : json_door_append(sparse, json_integer(i));
    }
    put(w, "moe_layers", sparse);
    put(w, "attention_chunk_size", c->chunk == 0 ? json_null() : json_integer(c->chunk));
    put_flag(w, "attn_temperature_tuning", c->temperature.scale != 0.0f);
    put_real(w, "attn_scale", (double)c->temperature.scale);
    put_number(w, "floor_scale", c->temperature.length);
    put_flag(w, "use_qk_norm", c->form.qk_norm != QK_NORM_NONE);
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
    put_number(w, "shared_intermediate_size", c->ffn);
    put_number(w, "num_local_experts", 0);
    put_number(w, "num_experts_per_tok", 0);
    put_text(w, "position_embedding_type", "rope");
    if (heads == 0 || inner == 0 || inner % heads != 0 || inner % c->width != 0) {
        return;
    }
    put_number(w, "mamba_n_heads", heads);
    put_number(w, "mamba_d_head", inner / heads);
    put_number(w, "mamba_expand", inner / c->width);
    put_number(w, "mamba_d_conv", file_number(w, "ssm.conv_kernel", 4));
    put_number(w, "mamba_d_state", file_number(w, "ssm.state_size", 256));
    put_number(w, "mamba_n_groups", file_number(w, "ssm.group_count", 1));
}

static void put_window(config_writer *w)
{
    const model_config *c = w->c;
    if (w->row->style != STYLE_PLAIN || c->form.residual_norm) {
        return;
    }
    put(w, "sliding_window", c->window == 0 ? json_null() : json_integer(c->window));
    if (w->hf->window_opt_in) {
        put_flag(w, "use_sliding_window", c->window != 0);
        put_number(w, "max_window_layers", c->window != 0 ? 0 : c->layers);
    }
    if (is(w, "ministral") ||
        (w->hf->window_every != 0 && (c->window != 0 || is(w, "gemma2") || is(w, "gemma3_text")))) {
        json_t *types = json_array();
        for (uint32_t i = 0; i < c->layers; i++) {
            types = json_door_append(types,
                                     json_string(layer_bit(c->windowed, i) ? "sliding_attention" : "full_attention"));
        }
        put(w, "layer_types", types);
        if (w->hf->window_every != 0) {
            put_number(w, "sliding_window_pattern", w->hf->window_every);
        }
    }
    put_layer_types(w);
    if (w->hf->unrotated_every != 0) {
        json_t *turns = json_array();
        for (uint32_t i = 0; i < c->layers; i++) {
            turns = json_door_append(turns, json_integer(layer_bit(c->unrotated, i) ? 0 : 1));
        }
        put(w, "no_rope_layers", turns);
        put_number(w, "no_rope_layer_interval", w->hf->unrotated_every);
    }
}

static void put_biases(config_writer *w)
{
    const layer_form *form = &w->c->form;
    if (w->row->style != STYLE_PLAIN || form->residual_norm) {
        return;
    }
    put_flag(w, "attention_bias", form->qkv_bias && (form->o_bias || w->hf->o_unbiased || w->hf->o_bias_key));
    put_flag(w, "mlp_bias", form->mlp_bias);
    if (w->hf->o_bias_key) {
        put_flag(w, "attention_out_bias", form->o_bias);
    }
    if (is(w, "internlm2")) {
        put_flag(w, "bias", form->qkv_bias);
    }
    if (w->hf->one_bias_key) {
        put_flag(w, "use_bias", form->mlp_bias);
    }
    if (is(w, "stablelm")) {
        put_flag(w, "use_qkv_bias", form->qkv_bias);
        put_flag(w, "qk_layernorm", form->qk_norm == QK_NORM_HEADS);
    }
    if (is(w, "stablelm") || is(w, "gpt_neox")) {
        put_flag(w, "use_parallel_residual", form->parallel);
    }
    if (is(w, "qwen2_moe")) {
        put_flag(w, "qkv_bias", form->qkv_bias);
    }
    if (is(w, "phimoe")) {
        put_flag(w, "lm_head_bias", form->output_bias);
    }
    if (w->hf->qk_norm_opt_in) {
        put_flag(w, "use_qk_norm", form->qk_norm != QK_NORM_NONE);
    }
}

/* MiniCPM's, which hang on the model's depth and width. */
static void put_depth_scales(config_writer *w)
{
    char key[96];
    double divisor = 1;
    snprintf(key, sizeof key, "%s.logit_scale", w->c->family->gguf_architecture);
    (void)gguf_get_f64(w->file, key, &divisor, NULL);
    put_real(w, "scale_emb", (double)w->c->embedding_scale);
    put(w, "scale_depth", json_real((double)w->c->residual_scale * sqrt((double)w->c->layers)));
    put(w, "dim_model_base", json_real(w->c->width / divisor));
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
        put_real(w, "attention_multiplier", (double)c->attention_scale);
        put_real(w, "embedding_multiplier", (double)c->embedding_scale);
        put_real(w, "residual_multiplier", (double)c->residual_scale);
        put_real(w, "logits_scaling", divisor);
    }
    if (is(w, "cohere") || is(w, "cohere2")) {
        put_real(w, "logit_scale", (double)c->logit_scale);
    }
    if (is(w, "gemma2") || is(w, "gemma3_text")) {
        const double scalar = 1.0 / ((double)c->attention_scale * (double)c->attention_scale);
        put_number(w, "query_pre_attn_scalar", (uint64_t)(scalar + 0.5));
        put_real_or_null(w, "attn_logit_softcapping", c->attention_softcap);
        put_real_or_null(w, "final_logit_softcapping", c->logit_softcap);
    }
    if (is(w, "olmo") || is(w, "olmoe")) {
        put_real_or_null(w, "clip_qkv", c->clip_qkv);
    }
}

static void put_latent(config_writer *w)
{
    const mla_config *m = &w->c->mla;
    const moe_config *e = &w->c->moe;
    const bool third = is(w, "deepseek_v3");
    uint32_t dense = 0;
    if (m->kv_rank == 0) {
        return;
    }
    while (dense < w->c->layers && layer_bit(w->c->dense, dense)) {
        dense++;
    }
    put_number(w, "kv_lora_rank", m->kv_rank);
    put(w, "q_lora_rank", m->q_rank == 0 ? json_null() : json_integer(m->q_rank));
    put_number(w, "qk_nope_head_dim", m->nope);
    put_number(w, "qk_rope_head_dim", m->rope);
    put_number(w, "v_head_dim", m->value);
    put_number(w, "n_routed_experts", e->experts);
    put_number(w, "n_shared_experts", e->ffn == 0 ? 0 : e->shared_ffn / e->ffn);
    put_number(w, "first_k_dense_replace", dense);
    put_number(w, "moe_layer_freq", 1);
    put_real(w, "routed_scaling_factor", (double)e->scale);
    put_text(w, "scoring_func", third ? "sigmoid" : "softmax");
    put_text(w, "topk_method", third ? "noaux_tc" : e->groups > 1 ? "group_limited_greedy" : "greedy");
    put_number(w, "n_group", e->groups > 1 ? e->groups : 1);
    put_number(w, "topk_group", e->groups > 1 ? e->groups_used : 1);
}

static void put_experts(config_writer *w)
{
    const moe_config *m = &w->c->moe;
    const bool local =
        is(w, "mixtral") || is(w, "granitemoe") || is(w, "phimoe") || is(w, "gpt_oss") || is(w, "llama4_text");
    if (m->experts == 0) {
        return;
    }
    put_number(w, "num_experts_per_tok", m->used);
    if (w->c->mla.kv_rank == 0) {
        put_number(w, local ? "num_local_experts" : "num_experts", m->experts);
    }
    if (!local) {
        put_flag(w, "norm_topk_prob", m->normalize);
        if (!is(w, "olmoe")) {
            put_number(w, "moe_intermediate_size", m->ffn);
        }
    }
    if (is(w, "qwen2_moe") || is(w, "qwen3_next")) {
        put_number(w, "shared_expert_intermediate_size", m->shared_ffn);
    }
    if (is(w, "qwen2_moe") || is(w, "qwen3_moe") || is(w, "qwen3_next")) {
        put_number(w, "decoder_sparse_step", 1);
        put(w, "mlp_only_layers", json_array());
    }
    if (m->jitter != 0.0f) {
        put_real(w, "router_jitter_noise", (double)m->jitter);
    }
    if (m->limit != 0.0f) {
        put_real(w, "swiglu_limit", (double)m->limit);
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
    put(w, "quantization_config", json_door_put(value, "modules_to_not_convert", list));
}

static hearth_status write_generation(const char *path, const gguf_file *file, const model_config *c,
                                      hearth_error *error)
{
    static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        json_t *id = id_value(file, ends[i], c->vocabulary);
        if (json_is_integer(id)) {
            list = json_door_append(list, id);
        }
    }
    if (json_array_size(list) == 0) {
        json_decref(list);
        return HEARTH_OK;
    }
    json_t *value =
        json_door_put(json_object(), "bos_token_id", id_value(file, "tokenizer.ggml.bos_token_id", c->vocabulary));
    value = json_door_put(value, "eos_token_id", list);
    return convert_write_json(path, "generation_config.json", value, error);
}

/* README.md with the licence, where the file states one: what a folder keeps it in. */
static hearth_status write_card(const char *path, const gguf_file *file, hearth_error *error)
{
    gguf_string license = {0};
    gguf_string name = {"model", 5};
    buffer text;
    if (gguf_get_string(file, "general.license", &license, NULL) != HEARTH_OK ||
        memchr(license.text, '\n', license.length) != NULL) {
        return HEARTH_OK;
    }
    (void)gguf_get_string(file, "general.name", &name, NULL);
    char *card = file_join(path, "README.md");
    buffer_init(&text, 0);
    hearth_status status = card == NULL ? error_memory(error, strlen(path)) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = buffer_printf(&text, error, "---\nlicense: %.*s\n---\n\n# %.*s\n", (int)license.length, license.text,
                               (int)name.length, name.text);
    }
    status = status != HEARTH_OK ? status : file_create(card, text.data, text.length, error);
    buffer_free(&text);
    mem_free(card);
    return status;
}

/* sentence-transformers' files, where the file says how a text's vector is made; GGUF means that it is normed. */
static json_t *module_json(size_t index, const char *path, const char *type)
{
    char number[8];
    char class[64];
    snprintf(number, sizeof number, "%zu", index);
    snprintf(class, sizeof class, "sentence_transformers.models.%s", type);
    json_t *value = json_door_put(json_object(), "idx", json_integer((json_int_t)index));
    value = json_door_put(value, "name", json_string(number));
    value = json_door_put(value, "path", json_string(path));
    return json_door_put(value, "type", json_string(class));
}

static hearth_status write_pooling(const char *path, const model_config *c, uint64_t kind, hearth_error *error)
{
    static const char *const flags[] = {"pooling_mode_mean_tokens", "pooling_mode_cls_token", "pooling_mode_lasttoken"};
    json_t *pooling = json_door_put(json_object(), "word_embedding_dimension", json_integer(c->width));
    for (uint64_t i = 0; i < 3; i++) {
        pooling = json_door_put(pooling, flags[i], json_boolean(i + 1 == kind));
    }
    char *folder = file_join(path, "1_Pooling");
    hearth_status status = folder == NULL ? error_memory(error, strlen(path)) : file_make_folders(folder, error);
    if (status != HEARTH_OK) {
        json_decref(pooling);
    } else {
        status = convert_write_json(folder, "config.json", pooling, error);
    }
    mem_free(folder);
    return status;
}

static hearth_status write_modules(const char *path, const gguf_file *file, const model_config *c, hearth_error *error)
{
    char key[96];
    uint64_t kind = 0;
    snprintf(key, sizeof key, "%s.pooling_type", c->family->gguf_architecture);
    if (gguf_get_u64(file, key, &kind, NULL) != HEARTH_OK || kind == 0 || kind > 3) {
        return HEARTH_OK;
    }
    json_t *modules = json_door_append(json_array(), module_json(0, "", "Transformer"));
    modules = json_door_append(modules, module_json(1, "1_Pooling", "Pooling"));
    modules = json_door_append(modules, module_json(2, "2_Normalize", "Normalize"));
    TRY(convert_write_json(path, "modules.json", modules, error));
    json_t *sentence = json_door_put(json_object(), "max_seq_length", json_integer(c->context));
    sentence = json_door_put(sentence, "do_lower_case", json_false());
    TRY(convert_write_json(path, "sentence_bert_config.json", sentence, error));
    return write_pooling(path, c, kind, error);
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
        put_real(&w, w.row->eps_key, (double)c->eps);
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
    hearth_status status = put_rope(&w, p, error);
    status = status != HEARTH_OK ? status : take_xielu(&w, p, error);
    if (status != HEARTH_OK) {
        json_decref(w.root);
        return status;
    }
    TRY(convert_write_json(path, "config.json", w.root, error));
    TRY(write_card(path, file, error));
    TRY(write_modules(path, file, c, error));
    return write_generation(path, file, c, error);
}
