/* GGUF metadata to a model_config. Keys: ARCHITECTURE.block_count and so on; docs/formats/gguf.md. */
#include "base/limits.h"
#include "model/config_check.h"

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
    if (value_length != c->head_dim) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "attention.value_length", "the same as key_length", "%u and %u",
                         value_length, c->head_dim);
    }
    return HEARTH_OK;
}

static hearth_status read_scaling(key_reader *r, rope_config *rope, hearth_error *error)
{
    rope->kind = ROPE_PLAIN;
    rope->factor = 1.0;
    TRY(read_real_or(r, "rope.scale_linear", &rope->factor, error)); /* what old files say */
    TRY(read_real_or(r, "rope.scaling.factor", &rope->factor, error));
    gguf_string kind = {.text = "linear", .length = 6};
    if (key_there(r, "rope.scaling.type")) {
        TRY(gguf_get_string(r->file, key_named(r, "rope.scaling.type"), &kind, error));
    }
    const bool none = kind.length == 4 && memcmp(kind.text, "none", 4) == 0;
    const bool linear = kind.length == 6 && memcmp(kind.text, "linear", 6) == 0;
    if (!none && !linear) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling", "none, linear or llama3 (rope_freqs.weight)",
                         "%.*s", (int)(kind.length < 64 ? kind.length : 64), kind.text);
    }
    if (linear && rope->factor != 1.0) {
        rope->kind = ROPE_LINEAR;
    }
    if (tensor_table_find(gguf_tensors(r->file), "rope_freqs.weight") != NULL) {
        if (rope->kind == ROPE_LINEAR) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling", "either linear or rope_freqs.weight", "both");
        }
        rope->kind = ROPE_FACTORS;
    }
    return HEARTH_OK;
}

static hearth_status read_rope(key_reader *r, model_config *c, hearth_error *error)
{
    c->rope.theta = c->family->rope_theta;
    TRY(read_real_or(r, "rope.freq_base", &c->rope.theta, error));
    c->rope.dims = c->head_dim;
    TRY(read_number_or(r, "rope.dimension_count", &c->rope.dims, error));
    if (c->family->permuted && c->rope.dims != c->head_dim) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "rope.dimension_count", "the head size", "%u of %u", c->rope.dims,
                         c->head_dim);
    }
    return read_scaling(r, &c->rope, error);
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

static hearth_status read_all(const gguf_file *file, model_config *c, hearth_error *error)
{
    key_reader r = {.file = file};
    double eps = 0;
    uint32_t window = 0;
    TRY(read_family(file, &r, c, error));
    TRY(read_number(&r, "block_count", &c->layers, error));
    TRY(read_number(&r, "embedding_length", &c->width, error));
    TRY(read_number(&r, "feed_forward_length", &c->ffn, error));
    TRY(read_number(&r, "attention.head_count", &c->heads, error));
    TRY(read_number(&r, "context_length", &c->context, error));
    c->kv_heads = c->heads;
    TRY(read_number_or(&r, "attention.head_count_kv", &c->kv_heads, error));
    TRY(read_head_dim(&r, c, error));
    eps = c->family->eps;
    TRY(read_real_or(&r, "attention.layer_norm_rms_epsilon", &eps, error));
    c->eps = (float)eps;
    TRY(read_number_or(&r, "attention.sliding_window", &window, error));
    if (window != 0 && window < c->context) {
        c->context = window; /* inside the window, windowed attention is plain attention */
    }
    uint32_t experts = 0;
    TRY(read_number_or(&r, "expert_count", &experts, error));
    if (experts != 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "expert_count", "0 (a dense model)", "%u", experts);
    }
    TRY(read_vocabulary(&r, c, error));
    TRY(read_rope(&r, c, error));
    const tensor_table *tensors = gguf_tensors(file);
    c->tied = tensor_table_find(tensors, "output.weight") == NULL;
    c->qkv_bias = c->family->qkv_bias || tensor_table_find(tensors, "blk.0.attn_q.bias") != NULL;
    c->o_bias = tensor_table_find(tensors, "blk.0.attn_output.bias") != NULL;
    c->mlp_bias = tensor_table_find(tensors, "blk.0.ffn_gate.bias") != NULL;
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
