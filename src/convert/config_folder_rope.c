/* RoPE from GGUF's keys and factors to config.json. */
#include "convert/config_folder.h"
#include "nn/rope.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
    config_put_number(w, "max_position_embeddings", context);
    config_put_number(w, "original_max_position_embeddings", original);
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
    if (config_is(w, "ministral3") && gguf_get_f64(w->file, key, &multiplier, NULL) == HEARTH_OK && multiplier != 0) {
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

hearth_status config_put_rope(config_writer *w, convert_plan *p, hearth_error *error)
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
    if (config_is(w, "ministral3")) {
        scaling = json_is_null(scaling) ? kind_object("default") : scaling;
        scaling = json_door_put(scaling, "llama_4_scaling_beta", json_door_float(c->temperature.scale));
        scaling = json_door_put(scaling, "original_max_position_embeddings", json_integer(c->temperature.length));
    }
    config_put_real(w, config_is(w, "gpt_neox") ? "rotary_emb_base" : "rope_theta", rope->theta);
    config_put(w, "rope_scaling", scaling);
    if (w->row->style == STYLE_NOMIC) { /* which has keys of its own */
        return HEARTH_OK;
    }
    if (c->mla.kv_rank == 0 && (rope->dims != c->head_dim || w->hf->rotary != 0)) {
        config_put_real(w, config_is(w, "gpt_neox") ? "rotary_pct" : "partial_rotary_factor",
                        (double)rope->dims / c->head_dim);
    }
    if (c->rope_local.dims != 0 && w->hf->local_theta != 0) {
        config_put_real(w, "rope_local_base_freq", c->rope_local.theta);
    }
    return HEARTH_OK;
}
