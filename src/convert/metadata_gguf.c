/* From a folder's configuration to GGUF's keys, as llama.cpp's converter writes them. */
#include "base/memory.h"
#include "convert/metadata.h"
#include "model/config_json.h"
#include "model/embedding_config.h"
#include "nn/rope.h"

#include <stdio.h>
#include <string.h>

typedef struct keys {
    gguf_writer *w;
    const char *architecture;
    hearth_error *error;
    hearth_status status; /* the first failure stays */
} keys;

static const char *named(const keys *k, const char *name, char ret[128])
{
    snprintf(ret, 128, "%s.%s", k->architecture, name);
    return ret;
}

static void put_number(keys *k, const char *name, uint32_t value)
{
    char key[128];
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_u32(k->w, named(k, name, key), value, k->error);
    }
}

static void put_real(keys *k, const char *name, double value)
{
    char key[128];
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_f32(k->w, named(k, name, key), (float)value, k->error);
    }
}

static void put_flag(keys *k, const char *name, bool value)
{
    char key[128];
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_bool(k->w, named(k, name, key), value, k->error);
    }
}

static void put_text(keys *k, const char *name, const char *text)
{
    char key[128];
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_string(k->w, named(k, name, key), text, strlen(text), k->error);
    }
}

static void put_general(keys *k, const char *key, const char *text, size_t length)
{
    if (k->status == HEARTH_OK && length > 0) {
        k->status = gguf_write_string(k->w, key, text, length, k->error);
    }
}

static bool is(const keys *k, const char *architecture)
{
    return strcmp(k->architecture, architecture) == 0;
}

/* ---- general.* ---- */

/* The value of a line "license: apache-2.0" of README.md's front matter (between two lines of ---). */
static const char *front_matter(const char *text, const char *name, size_t *ret_length)
{
    const size_t size = strlen(name);
    const char *end = strncmp(text, "---\n", 4) == 0 ? strstr(text + 3, "\n---") : NULL;
    for (const char *line = end != NULL ? text + 3 : NULL; line != NULL && line < end; line = strchr(line + 1, '\n')) {
        if (strncmp(line + 1, name, size) == 0 && line[1 + size] == ':') {
            const char *value = line + 2 + size + strspn(line + 2 + size, " \"'");
            *ret_length = strcspn(value, "\"'\r\n");
            return *ret_length > 0 ? value : NULL;
        }
    }
    return NULL;
}

static void put_license(keys *k, const hf_folder *folder)
{
    buffer text;
    char *path = file_join(folder->path, "README.md");
    buffer_init(&text, 0);
    if (path == NULL) {
        k->status = k->status != HEARTH_OK ? k->status : error_memory(k->error, strlen(folder->path));
    } else if (file_exists(path) && file_read(path, LIMIT_CONFIG_FILE_BYTES, &text, NULL) == HEARTH_OK) {
        size_t length = 0;
        const char *value = front_matter(buffer_text(&text), "license", &length);
        if (value != NULL) {
            put_general(k, "general.license", value, length);
        }
    }
    buffer_free(&text);
    mem_free(path);
}

/* The family's word for what most matrices are: llama.cpp's enumeration of file types. */
static uint32_t file_type(const convert_plan *p)
{
    const dtype type = p->main;
    for (size_t i = 0; i < p->count; i++) {
        if (p->tensors[i].out.type == DTYPE_MXFP4) {
            return 38; /* experts of it */
        }
    }
    return type == DTYPE_F32 ? 0 : type == DTYPE_F16 ? 1 : type == DTYPE_Q5_0 ? 8 : 32;
}

static void put_description(keys *k, const hf_folder *folder, const model_config *c, const convert_plan *p)
{
    put_general(k, "general.architecture", k->architecture, strlen(k->architecture));
    put_general(k, "general.type", "model", 5);
    put_general(k, "general.name", c->name, strlen(c->name));
    put_license(k, folder);
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_u32(k->w, "general.file_type", file_type(p), k->error);
    }
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_u32(k->w, "general.quantization_version", 2, k->error);
    }
}

/* ---- RoPE ---- */

static const json_t *scaling_of(const json_t *config)
{
    const json_t *scaling = config_value(config, "rope_parameters");
    scaling = scaling != NULL ? scaling : config_value(config, "rope_scaling");
    const json_t *whole = config_value(scaling, "full_attention");
    return whole != NULL ? whole : scaling;
}

static void put_yarn(keys *k, const json_t *config, const model_config *c)
{
    const rope_config *rope = &c->rope;
    const double plain = rope_yarn_scale(rope->factor, 1.0);
    put_text(k, "rope.scaling.type", "yarn");
    put_real(k, "rope.scaling.factor", rope->factor);
    put_number(k, "rope.scaling.original_context_length", rope->original_context);
    if (rope->beta_fast != 32.0 || config_value(scaling_of(config), "beta_fast") != NULL) {
        put_real(k, "rope.scaling.yarn_beta_fast", rope->beta_fast);
    }
    if (rope->beta_slow != 1.0 || config_value(scaling_of(config), "beta_slow") != NULL) {
        put_real(k, "rope.scaling.yarn_beta_slow", rope->beta_slow);
    }
    const json_t *all = config_value(scaling_of(config), "mscale_all_dim");
    if (c->family->latent) {
        if (json_is_number(all)) {
            put_real(k, "rope.scaling.yarn_log_multiplier", 0.1 * json_number_value(all));
        }
        return;
    }
    double read = plain; /* what a file without attn_factor means */
    if (is(k, "mistral3") && json_is_number(all)) {
        put_real(k, "rope.scaling.yarn_log_multiplier", json_number_value(all));
        read = plain / rope_yarn_scale(rope->factor, json_number_value(all));
    }
    if ((float)rope->scale != (float)read) {
        put_real(k, "rope.scaling.attn_factor", rope->scale);
    }
}

/* That queries of far positions are sharpened; Llama 4's is the family's own. */
static void put_temperature(keys *k, const model_config *c)
{
    if (c->temperature.scale == 0.0f || c->family->temperature.scale != 0.0f) {
        return;
    }
    put_real(k, "attention.temperature_scale", (double)c->temperature.scale);
    if (c->temperature.length != c->rope.original_context) {
        put_number(k, "attention.temperature_length", c->temperature.length);
    }
}

static hearth_status add_llama3(const model_config *c, convert_plan *p, hearth_error *error)
{
    const rope_config *rope = &c->rope;
    const uint64_t half = rope->dims / 2;
    float *values = mem_calloc(2 * half, sizeof *values);
    if (values == NULL) {
        return error_memory(error, 2 * half * sizeof *values);
    }
    rope_frequencies(rope->theta, rope->dims, values);
    rope_llama3_factors(values, rope->dims, rope->factor, rope->low_factor, rope->high_factor, rope->original_context,
                        values + half);
    const hearth_status status = convert_plan_literal(p, "rope_freqs.weight", 1, &half, values + half, half, error);
    mem_free(values);
    return status;
}

static hearth_status add_list(const json_t *list, const char *name, uint64_t half, convert_plan *p, hearth_error *error)
{
    float values[ROPE_LISTED];
    if (!json_is_array(list) || json_array_size(list) != half || half > ROPE_LISTED) {
        return error_set(error, HEARTH_E_FORMAT, "long_factor", "one factor for each pair of a head's values", "%zu",
                         json_array_size(list));
    }
    for (size_t i = 0; i < half; i++) {
        values[i] = (float)json_number_value(json_array_get(list, i));
    }
    return convert_plan_literal(p, name, 1, &half, values, half, error);
}

static hearth_status put_longrope(keys *k, const json_t *config, const model_config *c, convert_plan *p)
{
    const json_t *scaling = scaling_of(config);
    put_text(k, "rope.scaling.type", "longrope");
    put_number(k, "rope.scaling.original_context_length",
               model_config_plain_context(c)); /* where the short list ends */
    put_real(k, "rope.scaling.attn_factor", c->rope.scale);
    TRY(add_list(config_value(scaling, "long_factor"), "rope_factors_long.weight", c->rope.dims / 2, p, k->error));
    return add_list(config_value(scaling, "short_factor"), "rope_factors_short.weight", c->rope.dims / 2, p, k->error);
}

static hearth_status put_rope(keys *k, const json_t *config, const model_config *c, convert_plan *p)
{
    const rope_config *rope = &c->rope;
    if (c->form.alibi || c->positions != 0) {
        return HEARTH_OK;
    }
    put_number(k, "rope.dimension_count", rope->dims);
    if (is(k, "phi3") && rope->kind == ROPE_PLAIN && config_value(config, "original_max_position_embeddings") != NULL) {
        uint32_t original = 0;
        TRY(config_number_or(config, "original_max_position_embeddings", &original, k->error));
        put_number(k, "rope.scaling.original_context_length", original);
    }
    put_real(k, "rope.freq_base", rope->theta);
    if (c->rope_local.dims != 0 && c->family->local_theta != 0) {
        put_real(k, "rope.freq_base_swa", c->rope_local.theta);
    }
    if (rope->kind == ROPE_LINEAR) {
        put_text(k, "rope.scaling.type", "linear");
        put_real(k, "rope.scaling.factor", rope->factor);
    } else if (rope->kind == ROPE_YARN) {
        put_yarn(k, config, c);
    } else if (rope->kind == ROPE_LLAMA3) {
        TRY(add_llama3(c, p, k->error));
    } else if (rope->kind == ROPE_FACTORS) {
        TRY(put_longrope(k, config, c, p));
    }
    return k->status;
}

/* ---- the rest of the shape ---- */

static uint32_t whole_context(const json_t *config, const model_config *c)
{
    uint32_t context = c->context;
    if (c->rope.kind == ROPE_FACTORS) { /* the context that the long list is for */
        (void)config_number_or(config, "max_position_embeddings", &context, NULL);
    }
    return context;
}

static void put_unscaled(keys *k, const model_config *c)
{
    if (c->rope.kind == ROPE_PLAIN) {
        put_text(k, "rope.scaling.type", "none");
    }
}

/* A number; llama.cpp's converter has one for each layer where some could be without attention. */
static void put_key_heads(keys *k, const model_config *c)
{
    char key[128];
    int32_t all[LIMIT_LAYERS];
    if (!c->family->shared_alone) {
        put_number(k, "attention.head_count_kv", c->kv_heads);
        return;
    }
    for (uint32_t i = 0; i < c->layers; i++) {
        all[i] = (int32_t)c->kv_heads;
    }
    if (k->status == HEARTH_OK) {
        named(k, "attention.head_count_kv", key);
        k->status = gguf_write_numbers(k->w, key, GGUF_I32, all, c->layers, k->error);
    }
}

static void put_shape(keys *k, const json_t *config, const model_config *c)
{
    put_number(k, "block_count", c->layers);
    put_number(k, "context_length", whole_context(config, c));
    if (c->form.bidirectional) {
        put_flag(k, "attention.causal", false);
    }
    put_number(k, "embedding_length", c->width);
    put_number(k, "feed_forward_length", c->ffn);
    put_number(k, "vocab_size", c->vocabulary);
    put_number(k, "attention.head_count", c->heads);
    put_key_heads(k, c);
    put_real(k, c->form.norm == NORM_RMS ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon",
             (double)c->eps);
    if (is(k, "nemotron")) { /* both, as llama.cpp's converter has it, and that RoPE is not scaled */
        put_real(k, "attention.layer_norm_rms_epsilon", (double)c->eps);
        put_unscaled(k, c);
    }
    if (is(k, "exaone")) { /* both, as config.json may spell it */
        put_real(k, "attention.layer_norm_epsilon", (double)c->eps);
    }
    if (is(k, "phimoe")) { /* llama.cpp reads this one, for layer norms too */
        put_real(k, "attention.layer_norm_rms_epsilon", (double)c->eps);
    }
    if (c->mla.kv_rank != 0) {
        put_number(k, "attention.key_length", c->head_dim);
        put_number(k, "attention.value_length", c->mla.kv_rank);
        put_number(k, "attention.kv_lora_rank", c->mla.kv_rank);
        if (c->mla.q_rank != 0) {
            put_number(k, "attention.q_lora_rank", c->mla.q_rank);
        }
        put_number(k, "attention.key_length_mla", c->mla.nope + c->mla.rope);
        put_number(k, "attention.value_length_mla", c->mla.value);
    } else {
        put_number(k, "attention.key_length", c->head_dim);
        put_number(k, "attention.value_length", c->head_dim);
    }
    if (c->window != 0 || is(k, "phi3")) { /* llama.cpp tells Phi 4 from Phi 3 by a zero */
        put_number(k, "attention.sliding_window", c->window);
    }
    if (is(k, "gptneox") || is(k, "stablelm")) {
        put_flag(k, "use_parallel_residual", c->form.parallel);
    }
    if (is(k, "falcon") &&
        !c->form.parallel) { /* llama.cpp has no such Falcon: it says that there is a tensor too many */
        put_flag(k, "use_parallel_residual", false);
    }
    if (is(k, "falcon") && c->form.alibi) {
        put_real(k, "attention.max_alibi_bias", 8.0);
    }
    if (is(k, "falcon")) {
        put_text(k, "tensor_data_layout", "jploski"); /* all of q, all of k, all of v */
    }
}

static void put_pattern(keys *k, const model_config *c)
{
    char key[128];
    uint8_t sees[LIMIT_LAYERS];
    bool differ = false;
    for (uint32_t i = 0; i < c->layers; i++) {
        sees[i] = layer_bit(c->windowed, i) ? 1 : 0;
        differ = differ || sees[i] != sees[0];
    }
    if (c->window == 0 || !(is(k, "olmo2") || is(k, "exaone4") || (is(k, "llama") && differ))) {
        return;
    }
    if (k->status == HEARTH_OK) {
        named(k, "attention.sliding_window_pattern", key);
        k->status = gguf_write_numbers(k->w, key, GGUF_BOOL, sees, c->layers, k->error);
    }
}

/* What a file without the key means. */
static float usual_scale(const model_config *c)
{
    const bool wide = c->family->wide_scale_layers == c->layers;
    return (float)(1.0 / __builtin_sqrt(wide ? (double)c->width / c->heads : (double)c->head_dim));
}

static void put_scales(keys *k, const json_t *config, const model_config *c)
{
    if (c->attention_softcap != 0.0f) {
        put_real(k, "attn_logit_softcapping", (double)c->attention_softcap);
    }
    if (c->logit_softcap != 0.0f) {
        put_real(k, "final_logit_softcapping", (double)c->logit_softcap);
    }
    if (c->clip_qkv != 0.0f) {
        put_real(k, "attention.clamp_kqv", (double)c->clip_qkv);
    }
    if (c->family->scales_by_depth) {
        double base = c->width;
        (void)config_real_or(config, "dim_model_base", &base, NULL);
        put_real(k, "embedding_scale", (double)c->embedding_scale);
        put_real(k, "residual_scale", (double)c->residual_scale);
        put_real(k, "logit_scale", c->width / base);
    } else if (c->family->logit_scale_divides) {
        float divisor = 1.0f;
        put_real(k, "attention.scale", (double)c->attention_scale);
        put_real(k, "embedding_scale", (double)c->embedding_scale);
        put_real(k, "residual_scale", (double)c->residual_scale);
        (void)config_float_or(config, "logits_scaling", &divisor, NULL);
        put_real(k, "logit_scale", (double)divisor);
    } else if (is(k, "command-r") || is(k, "cohere2")) {
        put_real(k, "logit_scale", (double)c->logit_scale);
        put_unscaled(k, c);
    } else if (!c->family->latent &&
               c->attention_scale != usual_scale(c)) { /* llama.cpp does not read it, hearth does */
        put_real(k, "attention.scale", (double)c->attention_scale);
    }
}

/* Which layers are delta nets, and what those are made of. */
static void put_delta(keys *k, const json_t *config, const model_config *c)
{
    char key[128];
    const delta_config *d = &c->delta;
    uint8_t recurrent[LIMIT_LAYERS];
    uint32_t every = c->family->attention_every;
    if (d->taps == 0) {
        return;
    }
    put_number(k, "ssm.conv_kernel", d->taps);
    put_number(k, "ssm.state_size", d->key_dim);
    put_number(k, "ssm.group_count", d->key_heads);
    put_number(k, "ssm.time_step_rank", d->value_heads);
    put_number(k, "ssm.inner_size", d->value_heads * d->value_dim);
    for (uint32_t i = 0; i < c->layers; i++) {
        recurrent[i] = layer_bit(c->recurrent, i) ? 1 : 0;
    }
    if (k->status == HEARTH_OK) {
        named(k, "attention.recurrent_layers", key);
        k->status = gguf_write_numbers(k->w, key, GGUF_BOOL, recurrent, c->layers, k->error);
    }
    (void)config_number_or(config, "full_attention_interval", &every, NULL);
    put_number(k, "full_attention_interval", every);
}

/* Granite 4's dense models say what their layers with a state would be, if there were some. */
static void put_granite4(keys *k, const json_t *config, const model_config *c)
{
    static const char *const pairs[][2] = {{"mamba_d_conv", "ssm.conv_kernel"},
                                           {"mamba_d_state", "ssm.state_size"},
                                           {"mamba_n_groups", "ssm.group_count"},
                                           {"mamba_n_heads", "ssm.time_step_rank"}};
    uint32_t value = 0;
    put_number(k, "expert_count", 0);
    put_number(k, "expert_used_count", 0);
    put_number(k, "expert_shared_feed_forward_length", c->ffn);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (config_number(config, pairs[i][0], &value, NULL) == HEARTH_OK) {
            put_number(k, pairs[i][1], value);
        }
    }
    if (config_number(config, "mamba_expand", &value, NULL) == HEARTH_OK && value <= 64) {
        put_number(k, "ssm.inner_size", value * c->width);
    }
    put_flag(k, "rope.scaling.finetuned", true);
}

static void put_experts(keys *k, const json_t *config, const model_config *c)
{
    const moe_config *m = &c->moe;
    uint32_t dense = 0;
    if (c->family->shared_alone) {
        put_granite4(k, config, c);
    }
    if (m->experts == 0) {
        return;
    }
    if (c->family->one_shared) {
        uint32_t step = 1;
        (void)config_number_or(config, "interleave_moe_layer_step", &step, NULL);
        put_number(k, "interleave_moe_layer_step", step);
    }
    put_number(k, "expert_count", m->experts);
    put_number(k, "expert_used_count", m->used);
    if (m->ffn != c->ffn || c->family->latent || c->family->one_shared || c->delta.taps != 0 || is(k, "gpt-oss")) {
        put_number(k, "expert_feed_forward_length", m->ffn);
    }
    if (!c->family->latent) {
        if (m->shared_ffn != 0 && !c->family->one_shared) {
            put_number(k, "expert_shared_feed_forward_length", m->shared_ffn);
        }
        return;
    }
    while (dense < c->layers && layer_bit(c->dense, dense)) {
        dense++;
    }
    put_number(k, "leading_dense_block_count", dense);
    put_number(k, "expert_shared_count", m->ffn == 0 ? 0 : m->shared_ffn / m->ffn);
    put_real(k, "expert_weights_scale", (double)m->scale);
    if (m->normalize) {
        put_flag(k, "expert_weights_norm", true);
    }
    if (m->score == MOE_SIGMOID) {
        put_number(k, "expert_gating_func", 2);
    }
    if (m->groups > 1) {
        put_number(k, "expert_group_count", m->groups);
        put_number(k, "expert_group_used_count", m->groups_used);
    }
}

/* ---- xIELU's numbers, a key each in GGUF ---- */

static hearth_status put_xielu(keys *k, const model_config *c, convert_plan *p)
{
    static const char *const parts[] = {"alpha_p", "alpha_n", "beta", "eps"};
    static const float defaults[] = {0.0f, 0.0f, 0.5f, -1e-6f};
    float values[LIMIT_LAYERS];
    if (c->form.activation != ACTIVATE_XIELU || c->family->names->activation == NULL) {
        return k->status;
    }
    for (int part = 0; part < 4; part++) {
        char key[64];
        for (uint32_t i = 0; i < c->layers; i++) {
            char stem[LIMIT_TENSOR_NAME_BYTES];
            char name[CONVERT_NAME_BYTES];
            snprintf(name, sizeof name, "%s.%s", name_with(c->family->names->activation, i, 0, stem, sizeof stem),
                     parts[part]);
            const tensor_entry *entry = convert_plan_take(p, name);
            values[i] = defaults[part];
            if (entry != NULL && entry->type == DTYPE_F32) {
                memcpy(&values[i], entry->data, 4);
            } else if (entry != NULL) {
                uint16_t half = 0;
                memcpy(&half, entry->data, 2);
                values[i] = entry->type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
            } else if (part < 2) {
                return convert_no_name(p, name, k->error);
            }
        }
        snprintf(key, sizeof key, "xielu.%s", parts[part]);
        TRY(gguf_write_numbers(k->w, key, GGUF_F32, values, c->layers, k->error));
    }
    return HEARTH_OK;
}

/* How an encoder makes one vector of a text; token types. */
static void put_encoder(keys *k, const hf_folder *folder, const model_config *c)
{
    embedding_config e = {.pooling = POOLING_KINDS};
    if (k->status == HEARTH_OK) {
        k->status = embedding_config_modules(folder, &e, k->error);
    }
    if (e.pooling != POOLING_KINDS) {
        put_number(k, "pooling_type", (uint32_t)e.pooling + 1);
    }
    if (k->status == HEARTH_OK) {
        k->status = gguf_write_u32(k->w, "tokenizer.ggml.token_type_count", c->token_types, k->error);
    }
}

hearth_status convert_metadata_to_gguf(gguf_writer *w, const hf_folder *folder, const model_config *c,
                                       const char *architecture, convert_plan *p, hearth_error *error)
{
    keys k = {.w = w, .architecture = architecture, .error = error};
    const json_t *text = c->wrapped ? config_value(folder->config, "text_config") : folder->config;
    put_description(&k, folder, c, p);
    if (c->form.residual_norm) {
        put_encoder(&k, folder, c);
    }
    put_shape(&k, text, c);
    put_pattern(&k, c);
    put_scales(&k, text, c);
    put_experts(&k, text, c);
    put_delta(&k, text, c);
    put_temperature(&k, c);
    TRY(k.status);
    TRY(put_rope(&k, text, c, p));
    return put_xielu(&k, c, p);
}
