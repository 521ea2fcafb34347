/* config.json of a Hugging Face folder to a model_config. Both spellings of RoPE's settings are read: rope_theta and
 * rope_scaling (transformers 4), rope_parameters (5). */
#include "base/limits.h"
#include "model/config_check.h"

#include <stdio.h>
#include <string.h>

/* NULL for a missing key and for null. */
static const json_t *value_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL || json_is_null(value) ? NULL : value;
}

static const char *kind_of(const json_t *value)
{
    static const char *const names[] = {"an object", "an array", "a string", "a number",
                                        "a number",  "true",     "false",    "null"};
    return names[json_typeof(value)];
}

/* Leaves *ret alone when the key is missing. */
static hearth_status read_number_or(const json_t *object, const char *key, uint32_t *ret, hearth_error *error)
{
    const json_t *value = value_of(object, key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return error_set(error, HEARTH_E_FORMAT, key, "a whole number, not negative", "%s", kind_of(value));
    }
    return model_config_number(key, (uint64_t)json_integer_value(value), ret, error);
}

static hearth_status read_number(const json_t *object, const char *key, uint32_t *ret, hearth_error *error)
{
    if (value_of(object, key) == NULL) {
        return error_set(error, HEARTH_E_FORMAT, key, "a number", "nothing");
    }
    return read_number_or(object, key, ret, error);
}

static hearth_status read_real_or(const json_t *object, const char *key, double *ret, hearth_error *error)
{
    const json_t *value = value_of(object, key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_number(value)) {
        return error_set(error, HEARTH_E_FORMAT, key, "a number", "%s", kind_of(value));
    }
    *ret = json_number_value(value);
    return HEARTH_OK;
}

static hearth_status read_flag_or(const json_t *object, const char *key, bool *ret, hearth_error *error)
{
    const json_t *value = value_of(object, key);
    if (value == NULL) {
        return HEARTH_OK;
    }
    if (!json_is_boolean(value)) {
        return error_set(error, HEARTH_E_FORMAT, key, "true or false", "%s", kind_of(value));
    }
    *ret = json_is_true(value);
    return HEARTH_OK;
}

static hearth_status read_family(const json_t *config, model_config *c, hearth_error *error)
{
    const json_t *architectures = value_of(config, "architectures");
    const json_t *first = json_array_get(architectures, 0);
    if (!json_is_string(first)) {
        return error_set(error, HEARTH_E_FORMAT, "architectures", "an array that names the model's class", "%s",
                         architectures == NULL ? "nothing" : kind_of(architectures));
    }
    c->family = model_family_by_class(json_string_value(first), json_string_length(first));
    if (c->family == NULL) {
        char known[MODEL_FAMILY_NAMES_SIZE];
        return error_set(error, HEARTH_E_UNSUPPORTED, "architectures", model_family_names(true, known), "%.64s",
                         json_string_value(first));
    }
    const json_t *activation = value_of(config, "hidden_act");
    if (activation != NULL && (!json_is_string(activation) || strcmp(json_string_value(activation), "silu") != 0)) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "hidden_act", "silu", "%.64s",
                         json_is_string(activation) ? json_string_value(activation) : kind_of(activation));
    }
    return HEARTH_OK;
}

/* "full_attention" alone, or anything at all when every layer is the same. */
static bool any_layer_slides(const json_t *config)
{
    const json_t *types = value_of(config, "layer_types");
    if (!json_is_array(types)) {
        return true; /* the window is all we know */
    }
    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (type == NULL || strcmp(type, "full_attention") != 0) {
            return true;
        }
    }
    return false;
}

static hearth_status read_window(const json_t *config, model_config *c, hearth_error *error)
{
    bool used = !c->family->window_opt_in;
    uint32_t window = 0;
    TRY(read_flag_or(config, "use_sliding_window", &used, error));
    TRY(read_number_or(config, "sliding_window", &window, error));
    if (used && window != 0 && window < c->context && any_layer_slides(config)) {
        c->context = window; /* inside the window, windowed attention is plain attention */
    }
    return HEARTH_OK;
}

static hearth_status read_llama3(const json_t *config, const json_t *scaling, const model_config *c, rope_config *rope,
                                 hearth_error *error)
{
    rope->kind = ROPE_LLAMA3;
    rope->low_factor = 1.0;
    rope->high_factor = 4.0;
    rope->original_context = c->context;
    TRY(read_real_or(scaling, "low_freq_factor", &rope->low_factor, error));
    TRY(read_real_or(scaling, "high_freq_factor", &rope->high_factor, error));
    TRY(read_number_or(scaling, "original_max_position_embeddings", &rope->original_context, error));
    return read_number_or(config, "original_max_position_embeddings", &rope->original_context, error);
}

static hearth_status read_scaling(const json_t *config, const json_t *scaling, const model_config *c, rope_config *rope,
                                  hearth_error *error)
{
    const json_t *kind = value_of(scaling, "rope_type");
    kind = kind != NULL ? kind : value_of(scaling, "type");
    const char *name = kind == NULL ? "default" : json_string_value(kind);
    rope->kind = ROPE_PLAIN;
    rope->factor = 1.0;
    if (name == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "rope_type", "a string", "%s", kind_of(kind));
    }
    if (strcmp(name, "default") == 0) {
        return HEARTH_OK;
    }
    if (strcmp(name, "linear") != 0 && strcmp(name, "llama3") != 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "RoPE scaling", "default, linear or llama3", "%.64s", name);
    }
    if (value_of(scaling, "factor") == NULL) {
        return error_set(error, HEARTH_E_FORMAT, "RoPE scaling", "a factor", "nothing");
    }
    TRY(read_real_or(scaling, "factor", &rope->factor, error));
    if (strcmp(name, "llama3") == 0) {
        return read_llama3(config, scaling, c, rope, error);
    }
    rope->kind = ROPE_LINEAR;
    return HEARTH_OK;
}

static hearth_status read_rope(const json_t *config, model_config *c, hearth_error *error)
{
    const json_t *scaling = value_of(config, "rope_parameters");
    scaling = scaling != NULL ? scaling : value_of(config, "rope_scaling");
    if (scaling != NULL && !json_is_object(scaling)) {
        return error_set(error, HEARTH_E_FORMAT, "rope_scaling", "an object", "%s", kind_of(scaling));
    }
    c->rope.theta = c->family->rope_theta;
    TRY(read_real_or(config, "rope_theta", &c->rope.theta, error));
    TRY(read_real_or(scaling, "rope_theta", &c->rope.theta, error));
    double partial = 1.0;
    TRY(read_real_or(config, "partial_rotary_factor", &partial, error));
    TRY(read_real_or(scaling, "partial_rotary_factor", &partial, error));
    if (partial != 1.0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "partial_rotary_factor", "1", "%g", partial);
    }
    c->rope.dims = c->head_dim;
    return read_scaling(config, scaling, c, &c->rope, error);
}

static hearth_status read_shape(const json_t *config, model_config *c, hearth_error *error)
{
    double eps = c->family->eps;
    TRY(read_number(config, "num_hidden_layers", &c->layers, error));
    TRY(read_number(config, "hidden_size", &c->width, error));
    TRY(read_number(config, "intermediate_size", &c->ffn, error));
    TRY(read_number(config, "num_attention_heads", &c->heads, error));
    TRY(read_number(config, "vocab_size", &c->vocabulary, error));
    TRY(read_number(config, "max_position_embeddings", &c->context, error));
    c->kv_heads = c->heads;
    TRY(read_number_or(config, "num_key_value_heads", &c->kv_heads, error));
    TRY(read_number_or(config, "head_dim", &c->head_dim, error));
    if (c->head_dim == 0) {
        if (c->heads == 0 || c->width % c->heads != 0) {
            return error_set(error, HEARTH_E_FORMAT, "num_attention_heads", "a divisor of hidden_size", "%u of %u",
                             c->heads, c->width);
        }
        c->head_dim = c->width / c->heads;
    }
    TRY(read_real_or(config, "rms_norm_eps", &eps, error));
    c->eps = (float)eps;
    return HEARTH_OK;
}

static hearth_status read_all(const json_t *config, model_config *c, hearth_error *error)
{
    bool attention_bias = false;
    TRY(read_family(config, c, error));
    TRY(read_shape(config, c, error));
    TRY(read_rope(config, c, error)); /* before a window cuts the context: llama3 may default to it */
    TRY(read_window(config, c, error));
    TRY(read_flag_or(config, "tie_word_embeddings", &c->tied, error));
    TRY(read_flag_or(config, "attention_bias", &attention_bias, error));
    TRY(read_flag_or(config, "mlp_bias", &c->mlp_bias, error));
    c->qkv_bias = c->family->qkv_bias || attention_bias;
    c->o_bias = attention_bias;
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
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    snprintf(c->name, sizeof c->name, "%.*s", (int)(end - begin < 127 ? end - begin : 127), path + begin);
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
