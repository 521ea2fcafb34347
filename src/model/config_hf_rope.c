/* RoPE's settings in config.json. Both spellings are read: rope_theta and rope_scaling (transformers 4),
 * rope_parameters (5), there also per kind of layer. */
#include "kernels/kernels.h"
#include "model/config_json.h"

#include <string.h>

static hearth_status read_llama3(const json_t *config, const json_t *scaling, const model_config *c, rope_config *rope,
                                 hearth_error *error)
{
    rope->kind = ROPE_LLAMA3;
    rope->low_factor = 1.0;
    rope->high_factor = 4.0;
    rope->original_context = c->context;
    TRY(config_real_or(scaling, "low_freq_factor", &rope->low_factor, error));
    TRY(config_real_or(scaling, "high_freq_factor", &rope->high_factor, error));
    TRY(config_number_or(scaling, "original_max_position_embeddings", &rope->original_context, error));
    return config_number_or(config, "original_max_position_embeddings", &rope->original_context, error);
}

static hearth_status read_yarn(const json_t *config, const json_t *scaling, const model_config *c, rope_config *rope,
                               hearth_error *error)
{
    double mscale = 0;
    double mscale_all = 0;
    rope->kind = ROPE_YARN;
    rope->original_context = c->context;
    rope->beta_fast = 32.0;
    rope->beta_slow = 1.0;
    rope->truncate = true;
    TRY(config_number_or(config, "original_max_position_embeddings", &rope->original_context, error));
    TRY(config_number_or(scaling, "original_max_position_embeddings", &rope->original_context, error));
    TRY(config_real_or(scaling, "beta_fast", &rope->beta_fast, error));
    TRY(config_real_or(scaling, "beta_slow", &rope->beta_slow, error));
    TRY(config_flag_or(scaling, "truncate", &rope->truncate, error));
    TRY(config_real_or(scaling, "mscale", &mscale, error));
    TRY(config_real_or(scaling, "mscale_all_dim", &mscale_all, error));
    rope->scale = mscale != 0 && mscale_all != 0
                      ? rope_yarn_scale(rope->factor, mscale) / rope_yarn_scale(rope->factor, mscale_all)
                      : rope_yarn_scale(rope->factor, 1.0);
    return config_real_or(scaling, "attention_factor", &rope->scale, error);
}

static hearth_status read_factors(const json_t *scaling, const char *key, const rope_config *rope,
                                  float ret[ROPE_LISTED], hearth_error *error)
{
    const json_t *list = config_value(scaling, key);
    if (!json_is_array(list) || json_array_size(list) != rope->dims / 2 || rope->dims / 2 > ROPE_LISTED) {
        return error_set(error, HEARTH_E_FORMAT, key, "one factor for each pair of a head's values", "%zu for %u",
                         json_array_size(list), rope->dims / 2);
    }
    for (uint32_t i = 0; i < rope->dims / 2; i++) {
        const json_t *value = json_array_get(list, i);
        ret[i] = (float)json_number_value(value);
        if (!(ret[i] > 0) || !(ret[i] < 1e9f)) {
            return error_set(error, HEARTH_E_FORMAT, key, "positive factors", "%g", (double)ret[i]);
        }
    }
    return HEARTH_OK;
}

/* Phi 3's lists: the short one for contexts up to the original, the long one for longer ones. */
static hearth_status read_longrope(const json_t *config, const json_t *scaling, model_config *c, rope_config *rope,
                                   hearth_error *error)
{
    uint32_t original = c->context;
    double factor = 0;
    TRY(config_number_or(config, "original_max_position_embeddings", &original, error));
    TRY(config_number_or(scaling, "original_max_position_embeddings", &original, error));
    TRY(read_factors(scaling, "short_factor", rope, rope->list, error));
    if (original == 0) {
        return error_set(error, HEARTH_E_FORMAT, "original_max_position_embeddings", "1 or more", "0");
    }
    rope->kind = ROPE_FACTORS;
    rope->listed = rope->dims / 2;
    factor = (double)c->context / original;
    TRY(config_real_or(scaling, "factor", &factor, error));
    rope->scale = factor <= 1 ? 1.0 : __builtin_sqrt(1 + math64_log(factor) / math64_log(original));
    TRY(config_real_or(scaling, "attention_factor", &rope->scale, error));
    rope->long_scale = rope->scale;
    TRY(config_real_or(scaling, "short_mscale", &rope->scale, error)); /* Phi 3.5 MoE's own */
    TRY(config_real_or(scaling, "long_mscale", &rope->long_scale, error));
    if (original < c->context) {
        TRY(read_factors(scaling, "long_factor", rope, rope->long_list, error));
        rope->switch_context = original;
    }
    return HEARTH_OK;
}

/* Theta grows with the context that is beyond the one that the model was made for, of which it may be a multiple. */
static hearth_status read_dynamic(const json_t *scaling, model_config *c, rope_config *rope, hearth_error *error)
{
    TRY(config_real_or(scaling, "factor", &rope->factor, error));
    if (!(rope->factor >= 1 && rope->factor < 1e6)) {
        return error_set(error, HEARTH_E_FORMAT, "RoPE scaling factor", "1 or more", "%g", rope->factor);
    }
    const double most = c->context * rope->factor;
    if (rope->factor > 1 && rope->dims > 2 && most <= LIMIT_CONTEXT) {
        rope->dynamic = true;
        rope->switch_context = c->context;
        c->context = (uint32_t)most;
    }
    return HEARTH_OK;
}

static hearth_status read_scaling(const json_t *config, const json_t *scaling, model_config *c, rope_config *rope,
                                  hearth_error *error)
{
    const json_t *kind = config_value(scaling, "rope_type");
    kind = kind != NULL ? kind : config_value(scaling, "type");
    const char *name = kind == NULL ? "default" : json_string_value(kind);
    rope->kind = ROPE_PLAIN;
    rope->factor = 1.0;
    if (name == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "rope_type", "a string", "%s", config_kind(kind));
    }
    if (strcmp(name, "default") == 0) {
        return HEARTH_OK;
    }
    if (strcmp(name, "dynamic") == 0) {
        return read_dynamic(scaling, c, rope, error);
    }
    if (strcmp(name, "longrope") == 0 || strcmp(name, "su") == 0) {
        return read_longrope(config, scaling, c, rope, error);
    }
    if (strcmp(name, "linear") != 0 && strcmp(name, "llama3") != 0 && strcmp(name, "yarn") != 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling",
                         "default, dynamic, linear, llama3, longrope or yarn", "%.64s", name);
    }
    if (config_value(scaling, "factor") == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "RoPE scaling", "a factor", "nothing");
    }
    TRY(config_real_or(scaling, "factor", &rope->factor, error));
    if (strcmp(name, "llama3") == 0) {
        return read_llama3(config, scaling, c, rope, error);
    }
    if (strcmp(name, "yarn") == 0) {
        return read_yarn(config, scaling, c, rope, error);
    }
    rope->kind = ROPE_LINEAR;
    return HEARTH_OK;
}

static hearth_status read_dims(const json_t *config, const json_t *scaling, const model_config *c, rope_config *rope,
                               hearth_error *error)
{
    double partial = c->family->rotary != 0 ? c->family->rotary : 1.0;
    TRY(config_real_or(config, "partial_rotary_factor rotary_pct rope_pct", &partial, error));
    TRY(config_real_or(scaling, "partial_rotary_factor", &partial, error));
    if (!(partial > 0 && partial <= 1)) {
        return error_set(error, HEARTH_E_FORMAT, "partial_rotary_factor", "more than 0, at most 1", "%g", partial);
    }
    rope->dims = c->mla.kv_rank != 0 ? c->mla.rope : (uint32_t)(c->head_dim * partial);
    return HEARTH_OK;
}

static hearth_status read_one(const json_t *config, const json_t *scaling, double theta, model_config *c,
                              rope_config *rope, hearth_error *error)
{
    if (scaling != NULL && !json_is_object(scaling)) {
        return error_set(error, HEARTH_E_FORMAT, "rope_scaling", "an object", "%s", config_kind(scaling));
    }
    rope->theta = theta;
    rope->scale = 1.0;
    TRY(config_real_or(scaling, "rope_theta", &rope->theta, error));
    TRY(read_dims(config, scaling, c, rope, error));
    return read_scaling(config, scaling, c, rope, error);
}

hearth_status config_hf_rope(const json_t *config, model_config *c, hearth_error *error)
{
    double theta = c->family->rope_theta;
    const json_t *scaling = config_value(config, "rope_parameters");
    scaling = scaling != NULL ? scaling : config_value(config, "rope_scaling");
    TRY(config_float_or(scaling, "llama_4_scaling_beta", &c->temperature.scale, error));
    if (config_value(scaling, "llama_4_scaling_beta") != NULL) {
        TRY(config_number_or(scaling, "original_max_position_embeddings", &c->temperature.length, error));
    }
    TRY(config_real_or(config, "rope_theta rotary_emb_base", &theta, error));
    if (config_value(scaling, "full_attention") != NULL) {
        const json_t *local = config_value(scaling, "sliding_attention");
        TRY(read_one(config, config_value(scaling, "full_attention"), theta, c, &c->rope, error));
        if (local != NULL) {
            TRY(read_one(config, local, theta, c, &c->rope_local, error));
        }
        if (c->rope_local.kind == ROPE_FACTORS || c->rope_local.dynamic) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling of sliding_attention", "no list of factors",
                             "longrope or dynamic");
        }
        return HEARTH_OK;
    }
    TRY(read_one(config, scaling, theta, c, &c->rope, error));
    if (c->family->latent && c->rope.switch_context != 0) { /* nn/mla.h has one table; no model is known */
        return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling", "none that changes with the context",
                         "latent attention with it");
    }
    if (c->family->local_rope && c->window != 0) {
        double local = c->family->local_theta != 0 ? c->family->local_theta : c->rope.theta;
        TRY(config_real_or(config, "rope_local_base_freq", &local, error));
        c->rope_local = (rope_config){.dims = c->rope.dims, .theta = local, .factor = 1.0, .scale = 1.0};
    }
    return HEARTH_OK;
}
