/* Checks that every configuration passes, whichever container it came from. */
#include "model/config_check.h"

#include "base/limits.h"
#include "base/memory.h"
#include "kernels/attention.h"

#include <math.h>
#include <stdio.h>

const char *rope_kind_name(rope_kind kind)
{
    static const char *const names[] = {"default", "linear", "llama3", "factors", "yarn"};
    return names[kind];
}

static hearth_status check_range(const char *place, uint64_t value, uint64_t least, uint64_t most, hearth_error *error)
{
    if (value >= least && value <= most) {
        return HEARTH_OK;
    }
    char expected[96];
    snprintf(expected, sizeof expected, "%llu to %llu", (unsigned long long)least, (unsigned long long)most);
    return error_set(error, value > most ? HEARTH_E_LIMIT : HEARTH_E_FORMAT, place, expected, "%llu",
                     (unsigned long long)value);
}

static hearth_status check_positive(const char *place, double value, hearth_error *error)
{
    if (isfinite(value) && value > 0 && value < 1e30) {
        return HEARTH_OK;
    }
    return error_set(error, HEARTH_E_FORMAT, place, "a positive number", "%g", value);
}

static hearth_status check_rope(const rope_config *rope, uint32_t head_dim, hearth_error *error)
{
    TRY(check_positive("RoPE base frequency", rope->theta, error));
    TRY(check_range("RoPE dimensions", rope->dims, 2, head_dim, error));
    if (rope->dims % 2 != 0) {
        return error_set(error, HEARTH_E_FORMAT, "RoPE dimensions", "an even number", "%u", rope->dims);
    }
    TRY(check_positive("RoPE attention factor", rope->scale, error));
    if (rope->kind == ROPE_YARN) {
        TRY(check_positive("RoPE scaling beta_fast", rope->beta_fast, error));
        TRY(check_positive("RoPE scaling beta_slow", rope->beta_slow, error));
        TRY(check_range("RoPE scaling original_max_position_embeddings", rope->original_context, 1, LIMIT_CONTEXT,
                        error));
        if (rope->theta <= 1) {
            return error_set(error, HEARTH_E_FORMAT, "RoPE base frequency", "more than 1 (YaRN)", "%g", rope->theta);
        }
    }
    if (rope->switch_context != 0) {
        TRY(check_positive(rope->dynamic ? "RoPE scaling factor" : "RoPE attention factor",
                           rope->dynamic ? rope->factor : rope->long_scale, error));
    }
    if (rope->kind == ROPE_LINEAR || rope->kind == ROPE_LLAMA3 || rope->kind == ROPE_YARN) {
        TRY(check_positive("RoPE scaling factor", rope->factor, error));
    }
    if (rope->kind == ROPE_LLAMA3) {
        TRY(check_positive("RoPE scaling low_freq_factor", rope->low_factor, error));
        TRY(check_positive("RoPE scaling high_freq_factor", rope->high_factor, error));
        if (rope->high_factor < rope->low_factor) { /* Llama 4's are the same */
            return error_set(error, HEARTH_E_FORMAT, "RoPE scaling high_freq_factor", "at least low_freq_factor",
                             "%g and %g", rope->high_factor, rope->low_factor);
        }
        TRY(check_range("RoPE scaling original_max_position_embeddings", rope->original_context, 1, LIMIT_CONTEXT,
                        error));
    }
    return HEARTH_OK;
}

void model_config_default_scales(model_config *c)
{
    c->embedding_scale = c->family->embedding_by_width ? (float)__builtin_sqrt((double)c->width) : 1.0f;
    c->residual_scale = 1.0f;
    c->logit_scale = 1.0f;
}

void model_config_default_moe(model_config *c)
{
    c->moe.ffn = c->ffn;
    c->moe.score = c->family->score;
    c->moe.normalize = c->family->normalize;
    c->moe.scale = 1.0f;
    c->moe.jitter = c->family->jitter;
    c->moe.shared_gate = c->form.shared_gate;
    c->moe.biased = c->family->experts_biased;
    c->moe.weigh_input = c->family->weighs_input;
    c->moe.limit = c->family->expert_limit;
}

hearth_status model_config_latent(model_config *c, hearth_error *error)
{
    const mla_config *m = &c->mla;
    TRY(check_range("latent width", m->kv_rank, 1, LIMIT_HEAD_DIM, error));
    TRY(check_range("query latent width", m->q_rank, 0, LIMIT_WIDTH, error));
    TRY(check_range("unrotated values of a head", m->nope, 1, LIMIT_HEAD_DIM, error));
    TRY(check_range("rotated values of a head", m->rope, 2, LIMIT_HEAD_DIM, error));
    TRY(check_range("value size of a head", m->value, 1, LIMIT_HEAD_DIM, error));
    c->head_dim = m->kv_rank + m->rope;
    c->kv_heads = 1;
    return HEARTH_OK;
}

static hearth_status check_scales(const model_config *c, hearth_error *error)
{
    TRY(check_positive("attention scale", (double)c->attention_scale, error));
    TRY(check_positive("embedding scale", (double)c->embedding_scale, error));
    TRY(check_positive("residual scale", (double)c->residual_scale, error));
    TRY(check_positive("logit scale", (double)c->logit_scale, error));
    const float caps[] = {c->attention_softcap, c->logit_softcap, c->clip_qkv};
    static const char *const names[] = {"attention soft-cap", "logit soft-cap", "clip of q, k and v"};
    for (size_t i = 0; i < 3; i++) {
        if (caps[i] != 0.0f) {
            TRY(check_positive(names[i], (double)caps[i], error));
        }
    }
    return HEARTH_OK;
}

static hearth_status check_temperature(const query_temperature *t, hearth_error *error)
{
    if (t->scale == 0.0f) {
        return HEARTH_OK;
    }
    TRY(check_positive("attention temperature scale", (double)t->scale, error));
    return check_range("attention temperature length", t->length, 1, LIMIT_CONTEXT, error);
}

static hearth_status check_moe(const moe_config *m, hearth_error *error)
{
    if (m->experts == 0) {
        return HEARTH_OK;
    }
    TRY(check_range("experts", m->experts, 1, MOE_EXPERTS_MAX, error));
    TRY(check_range("experts per token", m->used, 1, m->experts < MOE_USED_MAX ? m->experts : MOE_USED_MAX, error));
    TRY(check_range("expert width", m->ffn, 1, LIMIT_WIDTH * 8u, error));
    TRY(check_range("shared expert width", m->shared_ffn, 0, LIMIT_WIDTH * 8u, error));
    if (m->groups > 1) {
        TRY(check_range("expert groups used", m->groups_used, 1, m->groups, error));
        if (m->experts % m->groups != 0 || m->experts / m->groups * m->groups_used < m->used) {
            return error_set(error, HEARTH_E_FORMAT, "expert groups", "groups of one size that hold the chosen experts",
                             "%u experts in %u groups, %u used, %u chosen", m->experts, m->groups, m->groups_used,
                             m->used);
        }
    }
    if (m->limit != 0.0f) {
        TRY(check_positive("swiglu_limit", (double)m->limit, error));
    }
    if (m->jitter != 0.0f) {
        TRY(check_positive("router jitter", (double)m->jitter, error));
    }
    if (m->jitter != 0.0f && (m->used != 2 || m->experts < 2)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "experts per token", "2 (the sparse mixer)", "%u", m->used);
    }
    return check_positive("expert weights scale", (double)m->scale, error);
}

static hearth_status check_delta(const model_config *c, hearth_error *error)
{
    const delta_config *d = &c->delta;
    if (d->taps == 0) {
        return HEARTH_OK;
    }
    TRY(check_range("taps of the convolution", d->taps, 2, DELTA_TAPS_MAX, error));
    TRY(check_range("key heads of the delta net", d->key_heads, 1, LIMIT_HEADS, error));
    TRY(check_range("value heads of the delta net", d->value_heads, 1, LIMIT_HEADS, error));
    TRY(check_range("key size of the delta net", d->key_dim, 1, LIMIT_HEAD_DIM, error));
    TRY(check_range("value size of the delta net", d->value_dim, 1, LIMIT_HEAD_DIM, error));
    TRY(check_range("heads times head size of the delta net", delta_channels(d), 1, LIMIT_WIDTH * 8u, error));
    if (d->value_heads % d->key_heads != 0) {
        return error_set(error, HEARTH_E_FORMAT, "key heads of the delta net", "a divisor of the value heads",
                         "%u of %u", d->key_heads, d->value_heads);
    }
    return HEARTH_OK;
}

hearth_status model_config_check(const model_config *c, hearth_error *error)
{
    TRY(check_range("layers", c->layers, 1, LIMIT_LAYERS, error));
    TRY(check_range("width", c->width, 1, LIMIT_WIDTH, error));
    TRY(check_range("heads", c->heads, 1, LIMIT_HEADS, error));
    TRY(check_range("key heads", c->kv_heads, 1, c->heads, error));
    TRY(check_range("head size", c->head_dim, 2, LIMIT_HEAD_DIM, error));
    TRY(check_range("MLP width", c->ffn, 1, LIMIT_WIDTH * 8u, error));
    TRY(check_range("vocabulary", c->vocabulary, 1, LIMIT_VOCABULARY, error));
    TRY(check_range("context length", c->context, 1, LIMIT_CONTEXT, error));
    TRY(check_range("heads times head size", (uint64_t)c->heads * c->head_dim, 1, LIMIT_WIDTH * 8u, error));
    if (c->heads % c->kv_heads != 0) {
        return error_set(error, HEARTH_E_FORMAT, "key heads", "a divisor of the heads", "%u of %u heads", c->kv_heads,
                         c->heads);
    }
    if (c->head_dim % 2 != 0) {
        return error_set(error, HEARTH_E_FORMAT, "head size", "an even number", "%u", c->head_dim);
    }
    TRY(check_positive("norm epsilon", (double)c->eps, error));
    TRY(check_scales(c, error));
    TRY(check_range("attention chunk", c->chunk, 0, LIMIT_CONTEXT, error));
    TRY(check_temperature(&c->temperature, error));
    TRY(check_moe(&c->moe, error));
    TRY(check_delta(c, error));
    if (c->moe.experts != 0 && c->form.activation == ACTIVATE_XIELU) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "activation", "one without parameters in a mixture of experts",
                         "xielu");
    }
    if (c->moe.experts != 0 && c->form.parallel) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "experts", "layers one after the other", "parallel ones");
    }
    if (c->mla.kv_rank != 0) {
        return check_rope(&c->rope, c->mla.rope, error);
    }
    if (c->rope_local.dims != 0) {
        TRY(check_rope(&c->rope_local, c->head_dim, error));
    }
    return check_rope(&c->rope, c->head_dim, error);
}

hearth_status model_config_number(const char *place, uint64_t value, uint32_t *ret, hearth_error *error)
{
    if (value > UINT32_MAX) {
        return error_set(error, HEARTH_E_LIMIT, place, "a number below 4294967296", "%llu", (unsigned long long)value);
    }
    *ret = (uint32_t)value;
    return HEARTH_OK;
}

uint32_t model_config_recurrent_layers(const model_config *c)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->layers; i++) {
        count += layer_bit(c->recurrent, i);
    }
    return count;
}

uint32_t model_config_attention_layers(const model_config *c)
{
    return c->layers - model_config_recurrent_layers(c);
}

uint64_t model_config_state_bytes(const model_config *c)
{
    /* at most 2^10 layers of 2^23 channels times 2^12 keys (check_delta): fewer than 2^50 bytes */
    return c->delta.taps == 0
               ? 0
               : 2 * (uint64_t)model_config_recurrent_layers(c) * delta_state_floats(&c->delta) * sizeof(float);
}

uint32_t model_config_plain_context(const model_config *c)
{
    return c->rope.switch_context != 0 ? c->rope.switch_context : c->context;
}

uint64_t model_config_cache_bytes(const model_config *c, size_t positions, cache_type type)
{
    uint64_t bytes = 0;
    const uint64_t blocks = ((uint64_t)positions + ATTENTION_BLOCK - 1) / ATTENTION_BLOCK;
    const cache_shape block = {type, c->kv_heads, c->head_dim};
    const uint64_t a_layer = (uint64_t)cache_keys_bytes(block) + cache_values_bytes(block);
    if (!u64_mul(blocks, a_layer, &bytes) ||
        !u64_mul(bytes, c->form.bidirectional ? 1 : model_config_attention_layers(c), &bytes) ||
        !u64_add(bytes, model_config_state_bytes(c), &bytes)) {
        return UINT64_MAX;
    }
    return bytes;
}
