/* GGUF metadata to a model_config. Keys: ARCHITECTURE.block_count and so on; docs/formats/gguf.md. */
#include "base/limits.h"
#include "kernels/kernels.h"
#include "model/config_check.h"
#include "model/tensor_names.h"

#include <stdio.h>
#include <string.h>

/* Where keys come from: "llama" and the file. */
typedef struct key_reader {
    const gguf_file *file;
    char architecture[64];
    char key[192];
} key_reader;

static const char *key_named(key_reader *r, const char *name)
{
    snprintf(r->key, sizeof r->key, "%s.%s", r->architecture, name);
    return r->key;
}

static bool key_there(key_reader *r, const char *name)
{
    return gguf_find(r->file, key_named(r, name)) >= 0;
}

static hearth_status read_number(key_reader *r, const char *name, uint32_t *ret, hearth_error *error)
{
    uint64_t value = 0;
    TRY(gguf_get_u64(r->file, key_named(r, name), &value, error));
    return model_config_number(r->key, value, ret, error);
}

/* Leaves *ret alone when the key is missing. */
static hearth_status read_number_or(key_reader *r, const char *name, uint32_t *ret, hearth_error *error)
{
    return key_there(r, name) ? read_number(r, name, ret, error) : HEARTH_OK;
}

static hearth_status read_real_or(key_reader *r, const char *name, double *ret, hearth_error *error)
{
    return key_there(r, name) ? gguf_get_f64(r->file, key_named(r, name), ret, error) : HEARTH_OK;
}

static hearth_status read_float_or(key_reader *r, const char *name, float *ret, hearth_error *error)
{
    double value = (double)*ret;
    TRY(read_real_or(r, name, &value, error));
    *ret = (float)value;
    return HEARTH_OK;
}

static hearth_status read_family(const gguf_file *file, key_reader *r, model_config *c, hearth_error *error)
{
    gguf_string name = {0};
    TRY(gguf_get_string(file, "general.architecture", &name, error));
    c->family = model_family_by_architecture(name.text, name.length);
    if (c->family == NULL || name.length >= sizeof r->architecture) {
        char known[MODEL_FAMILY_NAMES_SIZE];
        return error_set(error, HEARTH_E_UNSUPPORTED, "general.architecture", model_family_names(false, known), "%.*s",
                         (int)(name.length < 64 ? name.length : 64), name.text);
    }
    c->form = c->family->form;
    memcpy(r->architecture, name.text, name.length);
    if (gguf_find(file, "general.name") >= 0) {
        gguf_string title = {0};
        TRY(gguf_get_string(file, "general.name", &title, error));
        snprintf(c->name, sizeof c->name, "%.*s", (int)(title.length < 127 ? title.length : 127), title.text);
    }
    return HEARTH_OK;
}

static hearth_status read_head_dim(key_reader *r, model_config *c, hearth_error *error)
{
    uint32_t value_length = 0;
    c->head_dim = 0;
    TRY(read_number_or(r, "attention.key_length", &c->head_dim, error));
    if (c->head_dim == 0) {
        if (c->heads == 0 || c->width % c->heads != 0) {
            return error_set(error, HEARTH_E_FORMAT, "attention.head_count", "a divisor of the width", "%u of %u",
                             c->heads, c->width);
        }
        c->head_dim = c->width / c->heads;
    }
    value_length = c->head_dim;
    TRY(read_number_or(r, "attention.value_length", &value_length, error));
    if (value_length != c->head_dim && !c->family->latent) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "attention.value_length", "the same as key_length", "%u and %u",
                         value_length, c->head_dim);
    }
    return HEARTH_OK;
}

/* A number, or one for each layer, all of them the same. */
static hearth_status read_key_heads(key_reader *r, model_config *c, hearth_error *error)
{
    const char *key = key_named(r, "attention.head_count_kv");
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t index = 0;
    if (gguf_get_array(r->file, key, &type, &count, &index, NULL) != HEARTH_OK) {
        return read_number_or(r, "attention.head_count_kv", &c->kv_heads, error);
    }
    for (uint64_t i = 0; i < count; i++) {
        const double value = type == GGUF_STRING || type == GGUF_ARRAY ? -1 : gguf_array_f64(r->file, index, i);
        const double first = i == 0 ? value : (double)c->kv_heads;
        if (!(value >= 1 && value <= LIMIT_HEADS) || value != first) {
            return error_set(error, HEARTH_E_UNSUPPORTED, key, "the same number for each layer", "%g in layer %llu",
                             value, (unsigned long long)i);
        }
        c->kv_heads = (uint32_t)value;
    }
    return HEARTH_OK;
}

static bool tensor_there(const key_reader *r, const char *name)
{
    return tensor_table_find(gguf_tensors(r->file), name) != NULL;
}

static bool same(const gguf_string *text, const char *known)
{
    return text->length == strlen(known) && memcmp(text->text, known, text->length) == 0;
}

static hearth_status read_yarn(key_reader *r, const model_config *c, rope_config *rope, hearth_error *error)
{
    rope->kind = ROPE_YARN;
    rope->original_context = c->context;
    rope->beta_fast = 32.0;
    rope->beta_slow = 1.0;
    rope->truncate = !c->family->yarn_untruncated;
    rope->scale = rope_yarn_scale(rope->factor, 1.0);
    TRY(read_number_or(r, "rope.scaling.original_context_length", &rope->original_context, error));
    TRY(read_real_or(r, "rope.scaling.yarn_beta_fast", &rope->beta_fast, error));
    TRY(read_real_or(r, "rope.scaling.yarn_beta_slow", &rope->beta_slow, error));
    if (!c->family->latent && key_there(r, "rope.scaling.yarn_log_multiplier")) { /* mscale_all_dim, and mscale is 1 */
        double all = 0;
        TRY(read_real_or(r, "rope.scaling.yarn_log_multiplier", &all, error));
        rope->scale = rope_yarn_scale(rope->factor, 1.0) / rope_yarn_scale(rope->factor, all);
    }
    return read_real_or(r, "rope.scaling.attn_factor", &rope->scale, error);
}

/* Phi 3's lists: the short one for contexts up to the original, the long one for longer ones. */
static hearth_status read_short_factors(key_reader *r, model_config *c, rope_config *rope, hearth_error *error)
{
    uint32_t original = c->context;
    TRY(read_number_or(r, "rope.scaling.original_context_length", &original, error));
    if (original == 0) {
        return error_set(error, HEARTH_E_FORMAT, r->key, "1 or more", "0");
    }
    const double factor = (double)c->context / original;
    rope->kind = ROPE_FACTORS;
    rope->tensor = "rope_factors_short.weight";
    rope->scale = factor <= 1 ? 1.0 : __builtin_sqrt(1 + math64_log(factor) / math64_log(original));
    TRY(read_real_or(r, "rope.scaling.attn_factor", &rope->scale, error));
    if (tensor_there(r, "rope_factors_long.weight") && original < c->context && !c->family->latent) {
        rope->long_tensor = "rope_factors_long.weight";
        rope->long_scale = rope->scale;
        rope->switch_context = original;
    } else {
        c->context = original < c->context ? original : c->context;
    }
    return HEARTH_OK;
}

static hearth_status read_scaling(key_reader *r, model_config *c, rope_config *rope, hearth_error *error)
{
    gguf_string kind = {.text = "linear", .length = 6};
    rope->kind = ROPE_PLAIN;
    rope->factor = 1.0;
    rope->scale = 1.0;
    TRY(read_real_or(r, "rope.scale_linear", &rope->factor, error)); /* what old files say */
    TRY(read_real_or(r, "rope.scaling.factor", &rope->factor, error));
    if (key_there(r, "rope.scaling.type")) {
        TRY(gguf_get_string(r->file, key_named(r, "rope.scaling.type"), &kind, error));
    }
    if (tensor_there(r, "rope_factors_short.weight")) {
        return read_short_factors(r, c, rope, error);
    }
    if (same(&kind, "yarn")) {
        return read_yarn(r, c, rope, error);
    }
    const bool linear = same(&kind, "linear");
    if (!same(&kind, "none") && !linear) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling",
                         "none, linear, yarn or llama3 (rope_freqs.weight)", "%.*s",
                         (int)(kind.length < 64 ? kind.length : 64), kind.text);
    }
    if (linear && rope->factor != 1.0) {
        rope->kind = ROPE_LINEAR;
    }
    if (tensor_there(r, "rope_freqs.weight")) {
        if (rope->kind == ROPE_LINEAR) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling", "either linear or rope_freqs.weight", "both");
        }
        rope->kind = ROPE_FACTORS;
        rope->tensor = "rope_freqs.weight";
    }
    return HEARTH_OK;
}

static hearth_status read_rope(key_reader *r, model_config *c, hearth_error *error)
{
    c->rope.theta = c->family->rope_theta;
    TRY(read_real_or(r, "rope.freq_base", &c->rope.theta, error));
    c->rope.dims = c->family->rotary != 0 ? (uint32_t)(c->head_dim * c->family->rotary) : c->head_dim;
    TRY(read_number_or(r, "rope.dimension_count", &c->rope.dims, error));
    TRY(read_scaling(r, c, &c->rope, error));
    TRY(read_float_or(r, "attention.temperature_scale", &c->temperature.scale, error));
    c->temperature.length = c->temperature.length != 0 ? c->temperature.length : c->rope.original_context;
    TRY(read_number_or(r, "attention.temperature_length", &c->temperature.length, error));
    if (c->family->local_rope && c->window != 0) {
        double local = c->family->local_theta != 0 ? c->family->local_theta : c->rope.theta;
        TRY(read_real_or(r, "rope.freq_base_swa", &local, error));
        c->rope_local = (rope_config){.dims = c->rope.dims, .theta = local, .factor = 1.0, .scale = 1.0};
    }
    return HEARTH_OK;
}

/* Which layers are delta nets: a list, or every layer but each n-th. */
static hearth_status read_recurrent(key_reader *r, model_config *c, hearth_error *error)
{
    static const char list[] = "attention.recurrent_layers";
    uint32_t every = c->family->attention_every;
    gguf_type type = GGUF_BOOL;
    uint64_t count = 0;
    int64_t place = 0;
    TRY(read_number_or(r, "full_attention_interval", &every, error));
    const bool listed = key_there(r, list);
    if (listed) {
        TRY(gguf_get_array(r->file, key_named(r, list), &type, &count, &place, error));
        if (type != GGUF_BOOL || count < c->layers) {
            return error_set(error, HEARTH_E_FORMAT, r->key, "a truth value for each layer", "%llu of another kind",
                             (unsigned long long)count);
        }
    }
    for (uint32_t i = 0; i < c->layers; i++) {
        if (listed ? gguf_array_f64(r->file, place, i) != 0 : every == 0 || (i + 1) % every != 0) {
            layer_bit_set(c->recurrent, i);
        }
    }
    return HEARTH_OK;
}

static hearth_status read_delta(key_reader *r, model_config *c, hearth_error *error)
{
    delta_config *d = &c->delta;
    uint32_t inner = 0;
    if (c->family->attention_every == 0) {
        return HEARTH_OK;
    }
    TRY(read_number(r, "ssm.conv_kernel", &d->taps, error));
    TRY(read_number(r, "ssm.group_count", &d->key_heads, error));
    TRY(read_number(r, "ssm.state_size", &d->key_dim, error));
    TRY(read_number(r, "ssm.time_step_rank", &d->value_heads, error));
    TRY(read_number(r, "ssm.inner_size", &inner, error));
    if (d->value_heads == 0 || inner % d->value_heads != 0) {
        return error_set(error, HEARTH_E_FORMAT, r->key, "a multiple of the value heads", "%u of %u", inner,
                         d->value_heads);
    }
    d->value_dim = inner / d->value_heads;
    return read_recurrent(r, c, error);
}

/* Which layers see the window, where a list says it (-1: none does). */
static hearth_status find_pattern(key_reader *r, const model_config *c, int64_t *ret, hearth_error *error)
{
    gguf_type type = GGUF_BOOL;
    uint64_t count = 0;
    *ret = -1;
    if (!key_there(r, "attention.sliding_window_pattern") ||
        gguf_get_array(r->file, r->key, &type, &count, ret, NULL) != HEARTH_OK) { /* a number is the family's own */
        return HEARTH_OK;
    }
    if (type == GGUF_STRING || type == GGUF_ARRAY || count < c->layers) {
        return error_set(error, HEARTH_E_FORMAT, r->key, "a flag for each layer", "%llu", (unsigned long long)count);
    }
    return HEARTH_OK;
}

static hearth_status read_layers(key_reader *r, model_config *c, hearth_error *error)
{
    const uint32_t every = c->family->window_every;
    int64_t pattern = -1;
    if (c->family->chunk != 0 && key_there(r, "attention.sliding_window")) {
        return error_set(error, HEARTH_E_UNSUPPORTED, key_named(r, "attention.sliding_window"),
                         "silence: this family's layers see chunks of 8192", "a window, or none anywhere");
    }
    TRY(read_number_or(r, "attention.sliding_window", &c->window, error));
    TRY(find_pattern(r, c, &pattern, error));
    c->chunk = c->family->chunk;
    c->temperature = c->family->temperature;
    for (uint32_t i = 0; i < c->layers; i++) {
        const bool rests = c->family->unrotated_every != 0 && (i + 1) % c->family->unrotated_every == 0;
        const bool sees = c->chunk != 0  ? !rests
                          : pattern >= 0 ? gguf_array_i64(r->file, pattern, i) != 0
                                         : every == 0 || i % every < every - 1;
        if (sees) {
            layer_bit_set(c->windowed, i);
        }
        if (rests || (c->form.rope_windowed_only && c->window != 0 && !sees) || c->form.alibi || c->positions != 0) {
            layer_bit_set(c->unrotated, i);
        }
    }
    return HEARTH_OK;
}

static hearth_status read_scales(key_reader *r, model_config *c, hearth_error *error)
{
    const bool wide = c->family->wide_scale_layers == c->layers;
    c->attention_scale = (float)(1.0 / __builtin_sqrt(wide ? (double)c->width / c->heads : (double)c->head_dim));
    model_config_default_scales(c);
    TRY(read_float_or(r, "attention.scale", &c->attention_scale, error));
    TRY(read_float_or(r, "embedding_scale", &c->embedding_scale, error));
    TRY(read_float_or(r, "residual_scale", &c->residual_scale, error));
    TRY(read_float_or(r, "logit_scale", &c->logit_scale, error));
    TRY(read_float_or(r, "attn_logit_softcapping", &c->attention_softcap, error));
    TRY(read_float_or(r, "final_logit_softcapping", &c->logit_softcap, error));
    TRY(read_float_or(r, "attention.clamp_kqv", &c->clip_qkv, error));
    c->logit_scale = c->family->logit_scale_divides ? 1.0f / c->logit_scale : c->logit_scale;
    return HEARTH_OK;
}

static hearth_status read_gating(key_reader *r, model_config *c, hearth_error *error)
{
    moe_config *m = &c->moe;
    uint32_t function = 0;
    uint32_t shared = 0;
    TRY(read_number_or(r, "expert_gating_func", &function, error));
    if (function > 3) {
        return error_set(error, HEARTH_E_UNSUPPORTED, r->key, "1 (softmax), 2 (sigmoid) or 3 (softmax of the chosen)",
                         "%u", function);
    }
    if (function != 0) {
        m->score = function == 1 ? MOE_SOFTMAX : function == 2 ? MOE_SIGMOID : MOE_SOFTMAX_CHOSEN;
    } else if (c->family->latent) {
        m->score = MOE_SOFTMAX; /* what files of DeepSeek 2 mean by silence */
    }
    if (key_there(r, "expert_weights_norm")) {
        TRY(gguf_get_bool(r->file, key_named(r, "expert_weights_norm"), &m->normalize, error));
    } else if (c->family->latent) {
        m->normalize = false;
    }
    TRY(read_number_or(r, "expert_shared_count", &shared, error));
    if (c->family->latent && shared <= 1024 && m->ffn <= LIMIT_WIDTH * 8u) {
        m->shared_ffn = shared * m->ffn;
    }
    m->select_bias = false;
    for (uint32_t i = 0; i < c->layers && !m->select_bias; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.exp_probs_b.bias", i);
        m->select_bias = tensor_there(r, name);
    }
    m->score = function == 0 && m->select_bias ? MOE_SIGMOID : m->score;
    m->group_sum_of_two = m->select_bias;
    TRY(read_number_or(r, "expert_group_count", &m->groups, error));
    return read_number_or(r, "expert_group_used_count", &m->groups_used, error);
}

static hearth_status read_moe(key_reader *r, model_config *c, hearth_error *error)
{
    moe_config *m = &c->moe;
    uint32_t first = 0;
    uint32_t step = 1;
    TRY(read_number_or(r, "expert_count", &m->experts, error));
    if (m->experts == 0) {
        return HEARTH_OK;
    }
    model_config_default_moe(c);
    TRY(read_number(r, "expert_used_count", &m->used, error));
    TRY(read_number_or(r, "expert_feed_forward_length", &m->ffn, error));
    m->shared_ffn = c->family->one_shared ? m->ffn : 0;
    TRY(read_number_or(r, "expert_shared_feed_forward_length", &m->shared_ffn, error));
    TRY(read_float_or(r, "expert_weights_scale", &m->scale, error));
    TRY(read_number_or(r, "leading_dense_block_count", &first, error));
    TRY(read_gating(r, c, error));
    TRY(read_number_or(r, "interleave_moe_layer_step", &step, error));
    for (uint32_t i = 0; i < c->layers; i++) {
        if (i < first || step == 0 || (i + 1) % step != 0) {
            layer_bit_set(c->dense, i);
        }
    }
    if (m->experts == c->family->unnormed_experts) {
        c->form.qk_norm = QK_NORM_NONE;
    }
    return HEARTH_OK;
}

/* In the first layer that has attention. */
static bool layer_tensor_there(const key_reader *r, const model_config *c, const char *name)
{
    char whole[64];
    uint32_t layer = 0;
    while (layer + 1 < c->layers && layer_bit(c->recurrent, layer)) {
        layer++;
    }
    snprintf(whole, sizeof whole, "blk.%u.%s", layer, name);
    return tensor_there(r, whole);
}

/* What tensors and a few keys tell of the layers. */
static hearth_status read_form(key_reader *r, model_config *c, hearth_error *error)
{
    layer_form *form = &c->form;
    if (key_there(r, "use_parallel_residual")) {
        TRY(gguf_get_bool(r->file, key_named(r, "use_parallel_residual"), &form->parallel, error));
    }
    if (form->parallel && !form->no_pre_norm) {
        form->shared_norm = !tensor_there(r, "blk.0.ffn_norm.weight") && !tensor_there(r, "blk.0.attn_norm_2.weight");
    }
    form->shared_norm = form->shared_norm && form->parallel;
    if (c->family->falcon_keys && key_there(r, "attention.max_alibi_bias")) { /* Falcon RW */
        form->alibi = true;
        form->alibi_scaled = true;
    }
    c->tied = !form->headless && !tensor_there(r, "output.weight");
    form->qkv_bias =
        form->qkv_bias || layer_tensor_there(r, c, "attn_q.bias") || layer_tensor_there(r, c, "attn_qkv.bias");
    form->o_bias = layer_tensor_there(r, c, "attn_output.bias");
    form->mlp_bias = tensor_there(r, "blk.0.ffn_up.bias");
    form->output_bias = tensor_there(r, "output.bias");
    if (form->qk_norm == QK_NORM_NONE && layer_tensor_there(r, c, "attn_q_norm.weight")) {
        form->qk_norm = QK_NORM_HEADS;
    }
    return HEARTH_OK;
}

static hearth_status read_token_types(key_reader *r, model_config *c, hearth_error *error)
{
    const tensor_entry *types = tensor_table_find(gguf_tensors(r->file), "token_types.weight");
    if (types == NULL || c->family->names->types == NULL) {
        return HEARTH_OK;
    }
    return model_config_number("token types", types->shape[0], &c->token_types, error);
}

static hearth_status read_vocabulary(key_reader *r, model_config *c, hearth_error *error)
{
    const tensor_entry *embedding = tensor_table_find(gguf_tensors(r->file), "token_embd.weight");
    if (embedding != NULL && embedding->dims == 2) { /* what the products use; the metadata may be absent */
        return model_config_number("vocabulary", embedding->shape[0], &c->vocabulary, error);
    }
    if (key_there(r, "vocab_size")) {
        return read_number(r, "vocab_size", &c->vocabulary, error);
    }
    gguf_type type = GGUF_STRING;
    uint64_t count = 0;
    int64_t index = 0;
    TRY(gguf_get_array(r->file, "tokenizer.ggml.tokens", &type, &count, &index, error));
    return model_config_number("vocabulary", count, &c->vocabulary, error);
}

/* DeepSeek 2 and 3. */
static hearth_status read_latent(key_reader *r, model_config *c, hearth_error *error)
{
    mla_config *m = &c->mla;
    uint32_t whole = 0;
    if (!c->family->latent) {
        return HEARTH_OK;
    }
    const bool before = !key_there(r, "attention.key_length_mla"); /* files of before 2025, with attn_kv_b */
    TRY(read_number(r, "attention.kv_lora_rank", &m->kv_rank, error));
    TRY(read_number_or(r, "attention.q_lora_rank", &m->q_rank, error));
    TRY(read_number(r, "rope.dimension_count", &m->rope, error));
    TRY(read_number(r, before ? "attention.key_length" : "attention.key_length_mla", &whole, error));
    TRY(read_number(r, before ? "attention.value_length" : "attention.value_length_mla", &m->value, error));
    m->nope = whole > m->rope ? whole - m->rope : 0;
    return model_config_latent(c, error);
}

/* log_multiplier is 0.1 * mscale_all_dim: cosines keep their size, and the scale is sharpened instead. */
static hearth_status finish_latent(key_reader *r, model_config *c, hearth_error *error)
{
    double multiplier = 0;
    if (!c->family->latent) {
        return HEARTH_OK;
    }
    TRY(read_real_or(r, "rope.scaling.yarn_log_multiplier", &multiplier, error));
    const bool yarn = c->rope.kind == ROPE_YARN && multiplier != 0;
    const double sharper = yarn ? rope_yarn_scale(c->rope.factor, multiplier * 10) : 1.0;
    c->rope.scale = yarn ? 1.0 : c->rope.scale;
    c->attention_scale = (float)(sharper * sharper / __builtin_sqrt((double)c->mla.nope + c->mla.rope));
    return HEARTH_OK;
}

/* Files of some families count them among the layers, those of others leave them out. */
static bool has_layers_beyond(const gguf_file *file, const model_config *c)
{
    char name[64];
    if (c->beyond == 0 || c->beyond >= c->layers || c->layers > LIMIT_LAYERS) { /* too many are refused by the caller */
        return false;
    }
    (void)snprintf(name, sizeof name, "blk.%u.nextn.eh_proj.weight", c->layers - c->beyond);
    return c->family->attention_every != 0 || tensor_table_find(gguf_tensors(file), name) != NULL;
}

static hearth_status read_all(const gguf_file *file, model_config *c, hearth_error *error)
{
    key_reader r = {.file = file};
    TRY(read_family(file, &r, c, error));
    TRY(read_number(&r, "block_count", &c->layers, error));
    TRY(read_number_or(&r, "nextn_predict_layers", &c->beyond, error));
    c->beyond = has_layers_beyond(file, c) ? c->beyond : 0;
    c->layers -= c->beyond;
    if (c->layers > LIMIT_LAYERS) {
        return model_config_check(c, error);
    }
    TRY(read_number(&r, "embedding_length", &c->width, error));
    TRY(read_number(&r, "feed_forward_length", &c->ffn, error));
    TRY(read_number(&r, "attention.head_count", &c->heads, error));
    TRY(read_number(&r, "context_length", &c->context, error));
    c->positions = c->family->names->positions != NULL ? c->context : 0;
    c->kv_heads = c->heads;
    TRY(read_key_heads(&r, c, error));
    TRY(read_head_dim(&r, c, error));
    double eps = c->family->eps;
    TRY(read_real_or(&r, "attention.layer_norm_epsilon", &eps, error));
    TRY(read_real_or(&r, "attention.layer_norm_rms_epsilon", &eps, error));
    c->eps = (float)eps;
    TRY(read_vocabulary(&r, c, error));
    TRY(read_token_types(&r, c, error));
    TRY(read_delta(&r, c, error));
    TRY(read_form(&r, c, error));
    TRY(read_latent(&r, c, error));
    TRY(read_layers(&r, c, error));
    TRY(read_rope(&r, c, error));
    TRY(read_scales(&r, c, error));
    TRY(finish_latent(&r, c, error));
    TRY(read_moe(&r, c, error));
    return model_config_check(c, error);
}

hearth_status model_config_from_gguf(const gguf_file *file, model_config *ret, hearth_error *error)
{
    model_config c = {0};
    const hearth_status status = read_all(file, &c, error);
    if (status != HEARTH_OK) {
        error_in_file(error, gguf_path(file));
        return status;
    }
    *ret = c;
    return HEARTH_OK;
}
