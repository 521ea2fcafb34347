/* config.json of a Hugging Face folder to a model_config. */
#include "base/limits.h"
#include "base/text.h"
#include "model/config_json.h"
#include "model/tensor_names.h"

#include <stdio.h>
#include <string.h>

/* "LlamaModel" is LlamaForCausalLM without its output matrix: what embedding models made of such a family call
 * themselves. */
static const model_family *family_without_head(const char *hf_class, size_t length)
{
    static const char tail[] = "Model";
    char whole[80];
    const size_t stem = length < sizeof tail - 1 ? 0 : length - (sizeof tail - 1);
    if (stem == 0 || stem > 60 || memcmp(hf_class + stem, tail, sizeof tail - 1) != 0) {
        return NULL;
    }
    const int written = snprintf(whole, sizeof whole, "%.*sForCausalLM", (int)stem, hf_class);
    return model_family_by_class(whole, (size_t)written);
}

/* Models of several parts: the class, the kind of its text part, and the class that the part would have alone. */
static const char *const wrappers[][3] = {
    {"Llama4ForConditionalGeneration", "llama4_text", "Llama4ForCausalLM"},
    {"Mistral3ForConditionalGeneration", "mistral", "MistralForCausalLM"},
    {"Mistral3ForConditionalGeneration", "ministral3", "Ministral3ForCausalLM"},
};

/* The class of the text part; `class` itself where the model is no such one. Goes into the part in *config. */
static hearth_status unwrap(const json_t **config, const char *class, const char **ret, hearth_error *error)
{
    const json_t *text = config_value(*config, "text_config");
    const char *kind = json_string_value(config_value(text, "model_type"));
    bool wraps = false;
    *ret = class;
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        if (strcmp(class, wrappers[i][0]) == 0) {
            wraps = true;
            if (kind != NULL && strcmp(kind, wrappers[i][1]) == 0) {
                *ret = wrappers[i][2];
                *config = text;
                return HEARTH_OK;
            }
        }
    }
    if (wraps) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "text_config: model_type", "llama4_text, mistral or ministral3",
                         "%.64s", kind == NULL ? "nothing" : kind);
    }
    return HEARTH_OK;
}

static hearth_status read_family(const json_t **config, model_config *c, hearth_error *error)
{
    char known[MODEL_FAMILY_NAMES_SIZE];
    const json_t *architectures = config_value(*config, "architectures");
    const json_t *whole = *config;
    const char *class = json_string_value(json_array_get(architectures, 0));
    if (class == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "architectures", "an array that names the model's class", "%s",
                         architectures == NULL ? "nothing" : config_kind(architectures));
    }
    TRY(unwrap(config, class, &class, error));
    c->wrapped = *config != whole;
    c->family = model_family_by_class(class, strlen(class));
    const bool headless = c->family == NULL;
    if (headless) {
        c->family = family_without_head(class, strlen(class));
    }
    if (c->family == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "architectures", model_family_names(true, known), "%.64s", class);
    }
    c->form = c->family->form;
    c->form.headless = c->form.headless || headless;
    return HEARTH_OK;
}

static hearth_status read_activation(const json_t *config, model_config *c, hearth_error *error)
{
    static const struct {
        const char *name;
        activate_kind kind;
    } known[] = {{"silu", ACTIVATE_SILU},
                 {"swish", ACTIVATE_SILU},
                 {"swiglu", ACTIVATE_SILU},
                 {"gelu", ACTIVATE_GELU},
                 {"gelu_new", ACTIVATE_GELU_TANH},
                 {"gelu_fast", ACTIVATE_GELU_TANH},
                 {"gelu_pytorch_tanh", ACTIVATE_GELU_TANH},
                 {"quick_gelu", ACTIVATE_GELU_QUICK},
                 {"relu", ACTIVATE_RELU},
                 {"relu2", ACTIVATE_RELU2},
                 {"xielu", ACTIVATE_XIELU}};
    static const char *const keys[] = {"hidden_activation", "hidden_act", "activation_function", "activation"};
    const json_t *value = NULL;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0] && value == NULL; i++) {
        value = config_value(config, keys[i]);
    }
    /* Gemma 1's files say "gelu" in hidden_act, and their authors mean the other one */
    if (value == NULL || (c->family->fixed_activation && config_value(config, "hidden_activation") == NULL)) {
        return HEARTH_OK;
    }
    for (size_t i = 0; json_is_string(value) && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(json_string_value(value), known[i].name) == 0) {
            c->form.activation = known[i].kind;
            return HEARTH_OK;
        }
    }
    return error_set(error, HEARTH_E_UNSUPPORTED, "hidden_act", "silu, gelu, gelu_pytorch_tanh, relu, relu2 or xielu",
                     "%.64s", json_is_string(value) ? json_string_value(value) : config_kind(value));
}

static hearth_status read_heads(const json_t *config, model_config *c, hearth_error *error)
{
    TRY(config_number(config, "num_attention_heads n_head", &c->heads, error));
    c->kv_heads = c->heads;
    TRY(config_number_or(config, "head_dim", &c->head_dim, error));
    if (c->family->names->order != FUSED_BY_HEAD &&
        !c->family->names->transposed) { /* those have a key for each query */
        TRY(config_number_or(config, "num_key_value_heads", &c->kv_heads, error));
    }
    if (c->head_dim == 0 && config_value(config, "head_dim") != NULL) {
        return error_set(error, HEARTH_E_FORMAT, "head_dim", "at least 2, or silence", "0");
    }
    if (c->head_dim == 0) {
        if (c->heads == 0 || c->width % c->heads != 0) {
            return error_set(error, HEARTH_E_FORMAT, "num_attention_heads", "a divisor of hidden_size", "%u of %u",
                             c->heads, c->width);
        }
        c->head_dim = c->width / c->heads;
    }
    return HEARTH_OK;
}

static hearth_status read_shape(const json_t *config, model_config *c, hearth_error *error)
{
    double eps = c->family->eps;
    TRY(config_number(config, "num_hidden_layers n_layer num_layers", &c->layers, error));
    TRY(config_number(config, "hidden_size n_embd", &c->width, error));
    if (c->layers > LIMIT_LAYERS || c->width > LIMIT_WIDTH) {
        return model_config_check(c, error);
    }
    c->ffn = 4 * c->width;
    TRY(config_number_or(config, "ffn_hidden_size n_inner", &c->ffn, error));
    if (!c->family->mlp_of_four) {
        TRY(config_number_or(config,
                             c->family->shared_alone ? "shared_intermediate_size" : "intermediate_size ffn_hidden_size",
                             &c->ffn, error));
    }
    if (c->family->one_shared) {
        TRY(config_number_or(config, "intermediate_size_mlp", &c->ffn, error));
    }
    TRY(config_number(config, "vocab_size", &c->vocabulary, error));
    c->context = c->form.alibi ? 2048 : 0;
    TRY(config_number_or(config, "max_position_embeddings n_positions seq_length", &c->context, error));
    if (c->family->names->positions != NULL) {
        c->positions = c->context;
        c->position_offset = c->family->position_offset;
        c->context -= c->context < c->position_offset ? c->context : c->position_offset;
    }
    c->token_types = c->family->names->types != NULL ? 2 : 0;
    TRY(config_number_or(config, "type_vocab_size", &c->token_types, error));
    TRY(read_heads(config, c, error));
    TRY(config_real_or(config, "rms_norm_eps layer_norm_eps layer_norm_epsilon norm_epsilon norm_eps", &eps, error));
    c->eps = (float)eps;
    return HEARTH_OK;
}

/* Which layers see a window: a list of kinds, else the family's pattern. */
static hearth_status read_windowed(const json_t *config, model_config *c, hearth_error *error)
{
    const json_t *types = config_value(config, "layer_types");
    uint32_t every = c->family->window_every;
    uint32_t from = 0;
    uint32_t apart = c->family->attention_every;
    TRY(config_number_or(config, "full_attention_interval", &apart, error));
    if (!json_is_array(types)) { /* beside the list the pattern may be a text */
        TRY(config_number_or(config, "sliding_window_pattern _sliding_window_pattern", &every, error));
    }
    if (c->family->window_opt_in) {
        TRY(config_number_or(config, "max_window_layers", &from, error));
    }
    for (uint32_t i = 0; i < c->layers; i++) {
        bool sees = i >= from && (every == 0 || i % every < every - 1);
        if (json_is_array(types)) {
            const char *type = json_string_value(json_array_get(types, i));
            if (type != NULL && c->delta.taps != 0 && strcmp(type, "linear_attention") == 0) {
                layer_bit_set(c->recurrent, i);
            } else if (type == NULL || (strcmp(type, "full_attention") != 0 && strcmp(type, "sliding_attention") != 0 &&
                                        strcmp(type, "chunked_attention") != 0 && strcmp(type, "attention") != 0)) {
                return error_set(error, HEARTH_E_UNSUPPORTED, "layer_types", "full_attention or sliding_attention",
                                 "%.64s", type == NULL ? "no string" : type);
            }
            sees = strcmp(type, "full_attention") != 0 && strcmp(type, "attention") != 0;
        } else if (c->delta.taps != 0 && (apart == 0 || (i + 1) % apart != 0)) {
            layer_bit_set(c->recurrent, i);
        }
        if (sees) {
            layer_bit_set(c->windowed, i);
        }
    }
    if (json_array_size(types) > c->layers) {
        return error_set(error, HEARTH_E_FORMAT, "layer_types", "a kind for each layer", "%zu for %u",
                         json_array_size(types), c->layers);
    }
    return HEARTH_OK;
}

/* Which layers do not turn: a list of 1 and 0 (0: does not), else the family's pattern. */
static hearth_status read_unrotated(const json_t *config, model_config *c, hearth_error *error)
{
    const json_t *turns = config_value(config, "no_rope_layers");
    uint32_t every = c->family->unrotated_every;
    if (every != 0) {
        TRY(config_number_or(config, "no_rope_layer_interval", &every, error));
    }
    if (json_array_size(turns) != 0 && json_array_size(turns) < c->layers) {
        return error_set(error, HEARTH_E_FORMAT, "no_rope_layers", "a number for each layer", "%zu for %u",
                         json_array_size(turns), c->layers);
    }
    const char *position = json_string_value(config_value(config, "position_embedding_type"));
    const bool none = c->family->shared_alone && (position == NULL || strcmp(position, "rope") != 0);
    for (uint32_t i = 0; i < c->layers; i++) {
        bool unrotated = every != 0 && (i + 1) % every == 0;
        if (json_array_size(turns) != 0) {
            unrotated = json_integer_value(json_array_get(turns, i)) == 0;
        }
        unrotated = unrotated || (c->form.rope_windowed_only && c->window != 0 && !layer_bit(c->windowed, i));
        if (unrotated || none || c->form.alibi || c->positions != 0) {
            layer_bit_set(c->unrotated, i);
        }
    }
    return HEARTH_OK;
}

/* Llama 4's: layers that turn see their chunk alone, the others have a temperature. */
static hearth_status read_chunk(const json_t *config, model_config *c, hearth_error *error)
{
    const json_t *tuned = config_value(config, "attn_temperature_tuning"); /* true, or a number */
    if (c->family->chunk == 0) {
        return HEARTH_OK;
    }
    c->chunk = json_is_null(json_object_get(config, "attention_chunk_size")) ? 0 : c->family->chunk;
    TRY(config_number_or(config, "attention_chunk_size", &c->chunk, error));
    for (uint32_t i = 0; i < c->layers && !json_is_array(config_value(config, "layer_types")); i++) {
        c->windowed[i / 64] &= ~((uint64_t)layer_bit(c->unrotated, i) << i % 64);
    }
    c->temperature = c->family->temperature;
    TRY(config_float_or(config, "attn_scale", &c->temperature.scale, error));
    TRY(config_number_or(config, "floor_scale", &c->temperature.length, error));
    if (json_is_false(tuned) || (json_is_integer(tuned) && json_integer_value(tuned) == 0)) {
        c->temperature.scale = 0;
    }
    return HEARTH_OK;
}

static hearth_status read_delta(const json_t *config, model_config *c, hearth_error *error)
{
    delta_config *d = &c->delta;
    if (c->family->attention_every == 0) {
        return HEARTH_OK;
    }
    TRY(config_number(config, "linear_conv_kernel_dim", &d->taps, error));
    TRY(config_number(config, "linear_num_key_heads", &d->key_heads, error));
    TRY(config_number(config, "linear_num_value_heads", &d->value_heads, error));
    TRY(config_number(config, "linear_key_head_dim", &d->key_dim, error));
    return config_number(config, "linear_value_head_dim", &d->value_dim, error);
}

static hearth_status read_window(const json_t *config, model_config *c, hearth_error *error)
{
    bool used = !c->family->window_opt_in;
    TRY(config_flag_or(config, "use_sliding_window", &used, error));
    if (used && config_value(config, "sliding_window") != NULL &&
        !json_is_false(config_value(config, "sliding_window"))) {
        TRY(config_number_or(config, "sliding_window", &c->window, error));
    }
    TRY(read_windowed(config, c, error));
    TRY(read_unrotated(config, c, error));
    return read_chunk(config, c, error);
}

/* What Falcon's sizes differ in. */
static hearth_status read_falcon(const json_t *config, model_config *c, hearth_error *error)
{
    bool multi_query = true;
    bool newer = false;
    bool parallel = true;
    bool bias = false;
    uint32_t norms = 2;
    TRY(config_flag_or(config, "multi_query", &multi_query, error));
    TRY(config_flag_or(config, "new_decoder_architecture", &newer, error));
    TRY(config_flag_or(config, "parallel_attn", &parallel, error));
    TRY(config_flag_or(config, "alibi", &c->form.alibi, error));
    TRY(config_flag_or(config, "bias", &bias, error));
    TRY(config_number_or(config, "num_ln_in_parallel_attn", &norms, error));
    c->form.alibi_scaled = c->form.alibi;
    c->kv_heads = multi_query ? 1 : c->heads;
    if (newer) {
        TRY(config_number_or(config, "num_kv_heads n_head_kv", &c->kv_heads, error));
    }
    c->form.parallel = parallel || newer;
    c->form.shared_norm = newer ? norms == 1 : parallel;
    c->form.qkv_bias = bias;
    c->form.o_bias = bias;
    c->form.mlp_bias = bias;
    return HEARTH_OK;
}

static hearth_status read_biases(const json_t *config, model_config *c, hearth_error *error)
{
    bool attention = c->family->attention_biased;
    TRY(config_flag_or(config, "attention_bias", &attention, error));
    TRY(config_flag_or(config, "mlp_bias", &c->form.mlp_bias, error));
    TRY(config_flag_or(config, "use_qkv_bias qkv_bias", &c->form.qkv_bias, error));
    TRY(config_flag_or(config, "lm_head_bias", &c->form.output_bias, error));
    if (c->family->attention_biased) {
        c->form.qkv_bias = attention;
        c->form.o_bias = attention;
    }
    if (c->family->o_bias_key) {
        c->form.o_bias = false;
        TRY(config_flag_or(config, "attention_out_bias", &c->form.o_bias, error));
        c->form.qkv_bias = attention;
        return HEARTH_OK;
    }
    if (c->family->one_bias_key) {
        bool all = true;
        TRY(config_flag_or(config, "use_bias", &all, error));
        c->form.qkv_bias = all;
        c->form.o_bias = all;
        c->form.mlp_bias = all;
    }
    c->form.qkv_bias = c->form.qkv_bias || attention;
    c->form.o_bias = c->form.o_bias || (attention && !c->family->o_unbiased);
    return HEARTH_OK;
}

static hearth_status read_form(const json_t *config, model_config *c, hearth_error *error)
{
    bool qk_norm = false;
    TRY(read_activation(config, c, error));
    TRY(read_biases(config, c, error));
    TRY(config_flag_or(config, "use_parallel_residual", &c->form.parallel, error));
    if (c->family->parallel_shares_norm) {
        c->form.shared_norm = c->form.parallel;
    }
    TRY(config_flag_or(config, "qk_layernorm", &qk_norm, error));
    if (qk_norm && !c->family->qk_layernorm_key) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "qk_layernorm", "false", "true");
    }
    c->form.qk_norm = qk_norm ? QK_NORM_HEADS : c->form.qk_norm;
    if (c->family->qk_norm_opt_in) {
        TRY(config_flag_or(config, "use_qk_norm", &qk_norm, error));
        c->form.qk_norm = qk_norm ? QK_NORM_HEADS : QK_NORM_NONE;
    } else if (c->form.qk_norm == QK_NORM_TURNED) {
        qk_norm = true;
        TRY(config_flag_or(config, "use_qk_norm", &qk_norm, error));
        c->form.qk_norm = qk_norm ? QK_NORM_TURNED : QK_NORM_NONE;
    }
    if (c->family->falcon_keys) {
        TRY(read_falcon(config, c, error));
    }
    return HEARTH_OK;
}

static hearth_status read_scales(const json_t *config, model_config *c, hearth_error *error)
{
    double scalar = c->head_dim;
    model_config_default_scales(c);
    TRY(config_real_or(config, "query_pre_attn_scalar", &scalar, error));
    c->attention_scale = (float)(1.0 / __builtin_sqrt(scalar));
    TRY(config_float_or(config, "attention_multiplier", &c->attention_scale, error));
    TRY(config_float_or(config, "embedding_multiplier", &c->embedding_scale, error));
    TRY(config_float_or(config, "residual_multiplier", &c->residual_scale, error));
    TRY(config_float_or(config, c->family->logit_scale_divides ? "logits_scaling" : "logit_scale", &c->logit_scale,
                        error));
    TRY(config_float_or(config, "attn_logit_softcapping", &c->attention_softcap, error));
    TRY(config_float_or(config, "final_logit_softcapping", &c->logit_softcap, error));
    TRY(config_float_or(config, "clip_qkv", &c->clip_qkv, error));
    if (c->family->scales_by_depth) {
        double depth = 1.0;
        double base = c->width;
        TRY(config_float_or(config, "scale_emb", &c->embedding_scale, error));
        TRY(config_real_or(config, "scale_depth", &depth, error));
        TRY(config_real_or(config, "dim_model_base", &base, error));
        c->residual_scale = (float)(depth / __builtin_sqrt((double)c->layers));
        c->logit_scale = (float)(c->width / base);
    }
    c->logit_scale = c->family->logit_scale_divides ? 1.0f / c->logit_scale : c->logit_scale;
    return HEARTH_OK;
}

/* Layers of a mixture with a plain MLP. */
static hearth_status read_dense(const json_t *config, model_config *c, hearth_error *error)
{
    uint32_t step = 1;
    uint32_t first = 0;
    const json_t *listed = config_value(config, "mlp_only_layers");
    const json_t *sparse = config_value(config, "moe_layers");
    TRY(config_number_or(config, "decoder_sparse_step interleave_moe_layer_step", &step, error));
    TRY(config_number_or(config, "first_k_dense_replace", &first, error));
    for (uint32_t i = 0; i < c->layers; i++) {
        if (i < first || step == 0 || (i + 1) % step != 0 || json_is_array(sparse)) {
            layer_bit_set(c->dense, i);
        }
    }
    for (size_t i = 0; i < json_array_size(sparse); i++) {
        const json_int_t layer = json_integer_value(json_array_get(sparse, i));
        if (layer < 0 || layer >= (json_int_t)c->layers) {
            return error_set(error, HEARTH_E_FORMAT, "moe_layers", "numbers of layers", "%lld of %u", (long long)layer,
                             c->layers);
        }
        c->dense[layer / 64] &= ~((uint64_t)1 << layer % 64);
    }
    for (size_t i = 0; i < json_array_size(listed); i++) {
        const json_int_t layer = json_integer_value(json_array_get(listed, i));
        if (layer >= 0 && layer < (json_int_t)c->layers) {
            layer_bit_set(c->dense, (uint32_t)layer);
        }
    }
    return HEARTH_OK;
}

/* DeepSeek's: shared experts by number, groups, the bias that only chooses. */
static hearth_status read_groups(const json_t *config, model_config *c, hearth_error *error)
{
    moe_config *m = &c->moe;
    uint32_t shared = 0;
    const char *method = json_string_value(config_value(config, "topk_method"));
    TRY(config_number_or(config, "n_shared_experts", &shared, error));
    if (shared > 1024 || m->ffn > LIMIT_WIDTH * 8u) {
        return error_set(error, HEARTH_E_LIMIT, "n_shared_experts", "at most 1024", "%u of %u", shared, m->ffn);
    }
    m->shared_ffn = shared * m->ffn;
    m->select_bias = m->score == MOE_SIGMOID && c->family->latent;
    m->group_sum_of_two = m->select_bias;
    if (method == NULL || strcmp(method, "greedy") != 0) {
        TRY(config_number_or(config, "n_group", &m->groups, error));
        TRY(config_number_or(config, "topk_group", &m->groups_used, error));
    }
    return HEARTH_OK;
}

static hearth_status read_moe(const json_t *config, model_config *c, hearth_error *error)
{
    moe_config *m = &c->moe;
    if (c->family->names->router == NULL) {
        TRY(config_number_or(config, "num_local_experts", &m->experts, error));
        if (m->experts != 0) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "num_local_experts", "0 in this family", "%u", m->experts);
        }
        return HEARTH_OK;
    }
    model_config_default_moe(c);
    TRY(config_number(config, "num_local_experts num_experts n_routed_experts", &m->experts, error));
    TRY(config_number(config, "num_experts_per_tok experts_per_token", &m->used, error));
    TRY(config_number_or(config, c->family->one_shared ? "intermediate_size" : "moe_intermediate_size", &m->ffn,
                         error));
    TRY(read_groups(config, c, error));
    m->shared_ffn = c->family->one_shared ? m->ffn : m->shared_ffn;
    TRY(config_number_or(config, "shared_expert_intermediate_size", &m->shared_ffn, error));
    TRY(config_flag_or(config, "norm_topk_prob", &m->normalize, error));
    TRY(config_float_or(config, "routed_scaling_factor", &m->scale, error));
    if (m->limit != 0) {
        TRY(config_float_or(config, "swiglu_limit", &m->limit, error));
        if (!(m->limit > 0)) {
            return error_set(error, HEARTH_E_FORMAT, "swiglu_limit", "a positive number", "%g", (double)m->limit);
        }
    }
    if (m->jitter != 0) {
        TRY(config_float_or(config, "router_jitter_noise", &m->jitter, error));
    }
    return read_dense(config, c, error);
}

/* Latent attention's scale: RoPE's settings may sharpen it. */
static hearth_status read_latent_scale(const json_t *config, model_config *c, hearth_error *error)
{
    double mscale = 0;
    const json_t *scaling = config_value(config, "rope_parameters");
    scaling = scaling != NULL ? scaling : config_value(config, "rope_scaling");
    TRY(config_real_or(scaling, "mscale_all_dim", &mscale, error));
    const double sharper = c->rope.kind == ROPE_YARN && mscale != 0 ? rope_yarn_scale(c->rope.factor, mscale) : 1.0;
    c->attention_scale = (float)(sharper * sharper / __builtin_sqrt((double)c->mla.nope + c->mla.rope));
    return HEARTH_OK;
}

static hearth_status read_latent(const json_t *config, model_config *c, hearth_error *error)
{
    mla_config *m = &c->mla;
    if (!c->family->latent) {
        return HEARTH_OK;
    }
    TRY(config_number(config, "kv_lora_rank", &m->kv_rank, error));
    TRY(config_number_or(config, "q_lora_rank", &m->q_rank, error));
    TRY(config_number(config, "qk_nope_head_dim", &m->nope, error));
    TRY(config_number(config, "qk_rope_head_dim", &m->rope, error));
    TRY(config_number(config, "v_head_dim", &m->value, error));
    bool interleaved = true;
    uint32_t every = 1;
    TRY(config_flag_or(config, "rope_interleave", &interleaved, error));
    TRY(config_number_or(config, "moe_layer_freq", &every, error));
    if (!interleaved || every != 1) {
        return error_set(error, HEARTH_E_UNSUPPORTED, interleaved ? "moe_layer_freq" : "rope_interleave",
                         interleaved ? "1" : "true", "another value");
    }
    TRY(config_number_or(config, "num_nextn_predict_layers", &c->beyond, error));
    c->beyond = c->beyond < LIMIT_LAYERS - c->layers ? c->beyond : 0;
    return model_config_latent(c, error);
}

/* The methods that model/weights_stored.c reads. */
static hearth_status read_quantization(const json_t *config, model_config *c, hearth_error *error)
{
    static const struct {
        const char *name;
        hf_quantized kind;
    } methods[] = {
        {"fp8", HF_QUANTIZED_FP8},        {"compressed-tensors", HF_QUANTIZED_FP8}, /* its FP8 alone: tensors tell */
        {"fbgemm_fp8", HF_QUANTIZED_FP8}, {"mxfp4", HF_QUANTIZED_MXFP4},
        {"gptq", HF_QUANTIZED_GPTQ},      {"awq", HF_QUANTIZED_AWQ}};
    const json_t *q = config_value(config, "quantization_config");
    const char *method = json_string_value(config_value(q, "quant_method"));
    hf_quantization *ret = &c->quantization;
    if (!json_is_object(q)) {
        return HEARTH_OK;
    }
    for (size_t i = 0; method != NULL && i < sizeof methods / sizeof methods[0]; i++) {
        ret->kind = strcmp(method, methods[i].name) == 0 ? methods[i].kind : ret->kind;
    }
    if (ret->kind == HF_QUANTIZED_NOT) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "quantization_config: quant_method",
                         "fp8, compressed-tensors, fbgemm_fp8, mxfp4, gptq or awq", "%.64s",
                         method == NULL ? "no string" : method);
    }
    if (ret->kind == HF_QUANTIZED_GPTQ || ret->kind == HF_QUANTIZED_AWQ) {
        const json_t *size = config_value(q, "group_size");
        const char *format = json_string_value(config_value(q, "checkpoint_format"));
        const char *version = json_string_value(config_value(q, "version"));
        uint32_t bits = 4;
        TRY(config_number_or(q, "bits", &bits, error));
        if (!json_is_integer(size) || json_integer_value(size) != -1) {
            TRY(config_number(q, "group_size", &ret->group, error));
            if (ret->group == 0) {
                return error_set(error, HEARTH_E_FORMAT, "quantization_config: group_size", "at least 1, or -1", "0");
            }
        }
        ret->zeros_whole = format != NULL && strcmp(format, "gptq_v2") == 0;
        if (bits != 4 || (ret->kind == HF_QUANTIZED_AWQ && version != NULL && strcmp(version, "gemm") != 0)) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "quantization_config", "4 bits, and awq's version gemm",
                             "%u bits, %.32s", bits, version == NULL ? "no version" : version);
        }
    }
    return HEARTH_OK;
}

static hearth_status read_all(const json_t *whole, model_config *c, hearth_error *error)
{
    const json_t *config = whole;
    TRY(read_family(&config, c, error));
    TRY(read_shape(config, c, error));
    TRY(read_form(config, c, error));
    TRY(read_delta(config, c, error));
    TRY(read_window(config, c, error));
    TRY(read_latent(config, c, error));
    TRY(config_hf_rope(config, c, error));
    TRY(read_scales(config, c, error));
    if (c->family->latent) {
        TRY(read_latent_scale(config, c, error));
    }
    TRY(read_moe(config, c, error));
    TRY(read_quantization(whole, c, error));
    c->tied = c->family->tied;
    TRY(config_flag_or(config, "tie_word_embeddings", &c->tied, error));
    c->tied = c->tied && !c->form.headless;
    return model_config_check(c, error);
}

/* "org/name" where the folder is one of the hub cache, …/models--org--name/snapshots/COMMIT. */
static bool name_after_repository(const char *path, model_config *c)
{
    static const char mark[] = "models--";
    const char *end = strstr(path, "/snapshots/");
    for (const char *next = end; next != NULL; next = strstr(next + 1, "/snapshots/")) {
        end = next;
    }
    const char *begin = end;
    while (begin != NULL && begin > path && begin[-1] != '/') {
        begin--;
    }
    if (begin == NULL || strncmp(begin, mark, sizeof mark - 1) != 0) {
        return false;
    }
    size_t at = 0;
    for (begin += sizeof mark - 1; begin < end && at + 1 < sizeof c->name; begin++) {
        const bool slash = strncmp(begin, "--", 2) == 0;
        c->name[at++] = slash ? '/' : *begin;
        begin += slash;
    }
    c->name[at] = '\0';
    return true;
}

static void name_after_folder(const char *path, model_config *c)
{
    if (name_after_repository(path, c)) {
        return;
    }
    size_t length = 0;
    const char *name = text_last_part(path, &length);
    snprintf(c->name, sizeof c->name, "%.*s", (int)(length < 127 ? length : 127), name);
}

hearth_status model_config_from_hf(const hf_folder *folder, model_config *ret, hearth_error *error)
{
    model_config c = {0};
    const hearth_status status = read_all(folder->config, &c, error);
    if (status != HEARTH_OK) {
        if (error != NULL && error->file[0] == '\0') {
            snprintf(error->file, sizeof error->file, "%.240s/config.json", folder->path);
        }
        return status;
    }
    name_after_folder(folder->path, &c);
    *ret = c;
    return HEARTH_OK;
}
