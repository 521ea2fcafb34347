/* The same parts that weights_layer.c loads, as numbers. */
#include "model/sizes.h"

#include "base/memory.h"
#include "model/weights_find.h"
#include "tensor/lossless.h"

#include <stdlib.h>
#include <string.h>

dtype sizes_type_for(dtype type, size_t cols)
{
    if (cols % dtype_get_info(type)->block_values == 0) {
        return type;
    }
    return cols % dtype_get_info(DTYPE_Q8_0)->block_values == 0 ? DTYPE_Q8_0 : DTYPE_F16;
}

uint64_t sizes_packed_bytes(dtype type, uint64_t rows, uint64_t cols)
{
    const uint64_t packed = matrix_packed_bytes(type, rows, cols);
    const matrix m = {.type = type, .rows = rows, .cols = cols};
    const uint64_t lossless = packed == 0 ? 0 : lossless_expected_bytes(&m);
    return lossless != 0 ? lossless + lossless / 128 : packed;
}

/* ---- sums that notice when they pass 64 bits ---- */

typedef struct counting {
    const model_config *c;
    dtype type;
    bool overflow;
} counting;

static void add_size(counting *n, weight_size *to, uint64_t values, uint64_t file_bytes, uint64_t bytes, uint64_t times)
{
    uint64_t product = 0;
    const uint64_t parts[3] = {values, file_bytes, bytes};
    uint64_t *const sums[3] = {&to->values, &to->file_bytes, &to->bytes};
    for (int i = 0; i < 3; i++) {
        if (!u64_mul(parts[i], times, &product) || !u64_add(*sums[i], product, sums[i])) {
            n->overflow = true;
        }
    }
}

static void add_weight(counting *n, weight_size *to, const weight_size *more)
{
    add_size(n, to, more->values, more->file_bytes, more->bytes, 1);
}

/* `times` matrices [rows, cols]. */
static void add_matrices(counting *n, weight_size *to, dtype type, uint64_t rows, uint64_t cols, uint64_t times)
{
    const dtype_info *info = dtype_get_info(type);
    uint64_t values = 0;
    uint64_t bytes = 0;
    if (!u64_mul(rows, cols, &values) || !u64_mul(cols / info->block_values * info->block_bytes, rows, &bytes)) {
        n->overflow = true;
        return;
    }
    add_size(n, to, values, bytes, sizes_packed_bytes(type, rows, cols), times);
}

static void add_matrix(counting *n, weight_size *to, uint64_t rows, uint64_t cols)
{
    add_matrices(n, to, sizes_type_for(n->type, cols), rows, cols, 1);
}

static void add_vector(counting *n, weight_size *to, uint64_t values)
{
    add_size(n, to, values, 4 * values, 4 * values, 1);
}

/* ---- from the configuration ---- */

static void add_norm(counting *n, weight_size *to, uint64_t values)
{
    const layer_form *form = &n->c->form;
    if (!form->norm_weightless) {
        add_vector(n, to, values);
    }
    if (form->norm == NORM_LAYER && form->norm_bias) {
        add_vector(n, to, values);
    }
}

static void count_norms(counting *n, weight_size *to, uint32_t layer)
{
    const model_config *c = n->c;
    const layer_form *form = &c->form;
    const uint32_t norms = (form->no_pre_norm ? 0u : form->shared_norm ? 1u : 2u) + (form->post_norm ? 2u : 0u);
    for (uint32_t i = 0; i < norms; i++) {
        add_norm(n, to, c->width);
    }
    if (form->qk_norm != QK_NORM_NONE && form->qk_norm != QK_NORM_TURNED && !form->norm_weightless &&
        !layer_bit(c->recurrent, layer)) {
        const bool one = form->qk_norm == QK_NORM_HEAD;
        add_vector(n, to, (one ? 1 : (uint64_t)c->heads) * c->head_dim);
        add_vector(n, to, (one ? 1 : (uint64_t)c->kv_heads) * c->head_dim);
    }
}

static void count_attention(counting *n, weight_size *to)
{
    const model_config *c = n->c;
    const uint64_t query = (uint64_t)c->heads * c->head_dim;
    const uint64_t gated = c->form.output_gate ? 2 * query : query;
    const uint64_t key = (uint64_t)c->kv_heads * c->head_dim;
    add_matrix(n, to, gated, c->width);
    add_matrix(n, to, key, c->width);
    add_matrix(n, to, key, c->width);
    add_matrix(n, to, c->width, query);
    if (c->form.qkv_bias) {
        add_vector(n, to, gated + 2 * key);
    }
    if (c->form.o_bias) {
        add_vector(n, to, c->width);
    }
}

static void count_latent(counting *n, weight_size *to)
{
    const model_config *c = n->c;
    const mla_config *m = &c->mla;
    const uint64_t query = (uint64_t)c->heads * ((uint64_t)m->nope + m->rope);
    if (m->q_rank != 0) {
        add_matrix(n, to, m->q_rank, c->width);
        add_vector(n, to, m->q_rank);
    }
    add_matrix(n, to, query, m->q_rank != 0 ? m->q_rank : c->width);
    add_matrix(n, to, (uint64_t)m->kv_rank + m->rope, c->width);
    add_vector(n, to, m->kv_rank);
    add_matrices(n, to, sizes_type_for(n->type, m->nope), m->kv_rank, m->nope, c->heads);
    add_matrices(n, to, sizes_type_for(n->type, m->kv_rank), m->value, m->kv_rank, c->heads);
    add_matrix(n, to, c->width, (uint64_t)c->heads * m->value);
    if (c->form.o_bias) {
        add_vector(n, to, c->width);
    }
}

static void count_delta(counting *n, weight_size *to)
{
    const model_config *c = n->c;
    const delta_config *d = &c->delta;
    const uint64_t values = delta_values(d);
    add_matrix(n, to, delta_channels(d) + values, c->width);
    add_matrix(n, to, 2 * (uint64_t)d->value_heads, c->width);
    add_matrix(n, to, c->width, values);
    add_vector(n, to, delta_channels(d) * d->taps);
    add_vector(n, to, 2 * (uint64_t)d->value_heads + d->value_dim);
}

static void count_mlp(counting *n, weight_size *to)
{
    const model_config *c = n->c;
    const uint64_t inner = c->form.ungated ? 1 : 2; /* matrices into the MLP */
    add_matrices(n, to, sizes_type_for(n->type, c->width), c->ffn, c->width, inner);
    add_matrix(n, to, c->width, c->ffn);
    if (c->form.mlp_bias) {
        add_vector(n, to, inner * c->ffn + c->width);
    }
    if (c->form.activation == ACTIVATE_XIELU) {
        add_vector(n, to, 2);
    }
}

static void count_moe(counting *n, layer_size *to)
{
    const model_config *c = n->c;
    const moe_config *m = &c->moe;
    const dtype wide = sizes_type_for(n->type, c->width);
    add_matrices(n, &to->fixed, DTYPE_F32, m->experts, c->width, 1);
    if (m->select_bias) {
        add_vector(n, &to->fixed, m->experts);
    }
    add_matrices(n, &to->experts, wide, m->ffn, c->width, 2 * (uint64_t)m->experts);
    add_matrices(n, &to->experts, sizes_type_for(n->type, m->ffn), c->width, m->ffn, m->experts);
    if (m->shared_ffn != 0) {
        add_matrices(n, &to->fixed, wide, m->shared_ffn, c->width, 2);
        add_matrix(n, &to->fixed, c->width, m->shared_ffn);
        if (m->shared_gate) {
            add_vector(n, &to->fixed, c->width);
        }
    }
}

static void count_ends(counting *n, model_sizes *s)
{
    const model_config *c = n->c;
    add_matrix(n, &s->output, c->vocabulary, c->width);
    if (!c->tied) {
        add_matrix(n, &s->embedding, c->vocabulary, c->width);
    }
    if (c->positions != 0) {
        add_matrix(n, &s->embedding, c->positions, c->width);
    }
    if (c->form.embedding_norm) {
        add_norm(n, &s->output, c->width);
    }
    add_norm(n, &s->output, c->width);
    if (c->form.output_bias) {
        add_vector(n, &s->output, c->vocabulary);
    }
}

/* ---- from tensors ---- */

/* Whether `name` is of a pattern: a number where that has %u, anything behind it. */
static bool is_like(const char *name, const char *pattern)
{
    if (pattern == NULL) {
        return false;
    }
    while (*pattern != '\0') {
        if (pattern[0] == '%' && pattern[1] == 'u') {
            const size_t digits = strspn(name, "0123456789");
            if (digits == 0) {
                return false;
            }
            name += digits;
            pattern += 2;
        } else if (*name++ != *pattern++) {
            return false;
        }
    }
    return *name == '\0' || *name == '.';
}

/* The first part of a name, between dots, that is a number: the layer; UINT32_MAX where there is none. */
static uint32_t layer_of(const char *name)
{
    for (const char *at = name; at != NULL; at = strchr(at, '.')) {
        at += *at == '.';
        const size_t digits = strspn(at, "0123456789");
        if (digits > 0 && digits < 7 && at[digits] == '.') {
            return (uint32_t)strtoul(at, NULL, 10);
        }
    }
    return UINT32_MAX;
}

static weight_size entry_size(const tensor_entry *e)
{
    weight_size size = {.values = 1, .file_bytes = e->size_bytes, .bytes = e->size_bytes};
    for (uint32_t i = 0; i < e->dims; i++) {
        size.values *= e->shape[i]; /* checked when the table was made */
    }
    if (e->dims >= 2) {
        const uint64_t cols = e->shape[e->dims - 1];
        const uint64_t rows = e->shape[e->dims - 2];
        const uint64_t packed = sizes_packed_bytes(e->type, rows, cols);
        uint64_t bytes = 0;
        if (packed != 0 && u64_mul(packed, size.values / rows / cols, &bytes)) {
            size.bytes = bytes;
        }
    }
    return size;
}

/* Without what the names of a model of several parts begin with. */
static const char *own_name(const model_config *c, const char *name, char *room, size_t size)
{
    static const char outside[] = "language_model.";
    static const char inside[] = "model.language_model.";
    if (c->wrapped && strncmp(name, outside, sizeof outside - 1) == 0) {
        return name + sizeof outside - 1;
    }
    if (c->wrapped && strncmp(name, inside, sizeof inside - 1) == 0) {
        snprintf(room, size, "model.%s", name + sizeof inside - 1);
        return room;
    }
    return name;
}

static void count_tensor(counting *n, const tensor_names *names, const tensor_entry *e, model_sizes *s)
{
    static const char prefix[] = "transformer."; /* which first files of GPT-2 and BLOOM leave out */
    char room[LIMIT_TENSOR_NAME_BYTES + 16];
    const char *name = own_name(n->c, e->name, room, sizeof room);
    const uint32_t layer = layer_of(name);
    if (n->c->wrapped && tensor_is_superfluous(e, n->c, names)) { /* other parts of the model */
        return;
    }
    const weight_size size = entry_size(e);
    const char *table = names->embedding;
    if (strncmp(table, prefix, sizeof prefix - 1) == 0 && strncmp(name, prefix, sizeof prefix - 1) != 0) {
        table += sizeof prefix - 1;
    }
    const bool expert =
        is_like(name, names->expert_gate) || is_like(name, names->expert_up) || is_like(name, names->expert_down);
    if (layer < s->layer_count) {
        add_weight(n, expert ? &s->layers[layer].experts : &s->layers[layer].fixed, &size);
    } else if (is_like(name, names->positions) || (!n->c->tied && is_like(name, table))) {
        add_weight(n, &s->embedding, &size);
    } else {
        add_weight(n, &s->output, &size);
    }
}

/* ---- the sums ---- */

static hearth_status begin_sizes(const model_config *c, model_sizes *ret, hearth_error *error)
{
    *ret = (model_sizes){.layer_count = c->layers, .tied = c->tied};
    ret->layers = mem_calloc(c->layers, sizeof *ret->layers);
    return ret->layers != NULL ? HEARTH_OK : error_memory(error, c->layers * sizeof *ret->layers);
}

static hearth_status end_sizes(counting *n, model_sizes *s, hearth_error *error)
{
    add_weight(n, &s->all, &s->embedding);
    add_weight(n, &s->all, &s->output);
    for (uint32_t i = 0; i < s->layer_count; i++) {
        add_weight(n, &s->all, &s->layers[i].fixed);
        add_weight(n, &s->all, &s->layers[i].experts);
    }
    if (n->overflow || s->all.file_bytes > INT64_MAX || s->all.bytes > INT64_MAX) {
        model_sizes_free(s);
        return error_set(error, HEARTH_E_LIMIT, "weights", "fewer than 2^63 bytes", "more");
    }
    return HEARTH_OK;
}

hearth_status model_sizes_from_config(const model_config *c, dtype type, model_sizes *ret, hearth_error *error)
{
    counting n = {.c = c, .type = type};
    TRY(begin_sizes(c, ret, error));
    count_ends(&n, ret);
    for (uint32_t i = 0; i < c->layers; i++) {
        count_norms(&n, &ret->layers[i].fixed, i);
        if (layer_bit(c->recurrent, i)) {
            count_delta(&n, &ret->layers[i].fixed);
        } else if (c->mla.kv_rank != 0) {
            count_latent(&n, &ret->layers[i].fixed);
        } else {
            count_attention(&n, &ret->layers[i].fixed);
        }
        if (c->moe.experts != 0 && !layer_bit(c->dense, i)) {
            count_moe(&n, &ret->layers[i]);
        } else {
            count_mlp(&n, &ret->layers[i].fixed);
        }
    }
    return end_sizes(&n, ret, error);
}

hearth_status model_sizes_from_tensors(const model_config *c, const tensor_table *tensors, bool gguf, model_sizes *ret,
                                       hearth_error *error)
{
    counting n = {.c = c};
    const tensor_names *names = gguf ? &names_gguf : c->family->names;
    TRY(begin_sizes(c, ret, error));
    for (size_t i = 0; i < tensors->count; i++) {
        /* layers behind the last one, which are not read */
        const bool beyond =
            (c->delta.taps != 0 || c->beyond != 0) && tensor_is_superfluous(&tensors->entries[i], c, names);
        if (!beyond) {
            count_tensor(&n, names, &tensors->entries[i], ret);
        }
    }
    return end_sizes(&n, ret, error);
}

void model_sizes_free(model_sizes *s)
{
    mem_free(s->layers);
    *s = (model_sizes){0};
}

/* ---- what a token reads ---- */

uint64_t model_sizes_active_values(const model_sizes *s, const model_config *c)
{
    uint64_t values = s->embedding.values + s->output.values;
    for (uint32_t i = 0; i < s->layer_count; i++) {
        values += s->layers[i].fixed.values;
        values += c->moe.experts != 0 ? s->layers[i].experts.values / c->moe.experts * c->moe.used : 0;
    }
    return values;
}

double model_sizes_active_bytes(const model_sizes *s, const model_config *c, bool in_file)
{
    const double share = c->moe.experts != 0 ? (double)c->moe.used / c->moe.experts : 0;
    double bytes = (double)(in_file ? s->output.file_bytes : s->output.bytes);
    for (uint32_t i = 0; i < s->layer_count; i++) {
        const layer_size *l = &s->layers[i];
        bytes += (double)(in_file ? l->fixed.file_bytes : l->fixed.bytes);
        bytes += share * (double)(in_file ? l->experts.file_bytes : l->experts.bytes);
    }
    return bytes;
}

double model_sizes_cache_read(const model_config *c, uint64_t positions, cache_type type)
{
    double bytes = 0;
    for (uint32_t i = 0; i < c->layers; i++) {
        if (layer_bit(c->recurrent, i)) { /* read and written, the states that model_config_state_bytes counts twice */
            bytes += 2.0 * (double)delta_state_floats(&c->delta) * sizeof(float);
            continue;
        }
        const uint32_t window = c->window != 0 ? c->window : c->chunk;
        const bool windowed = window != 0 && layer_bit(c->windowed, i);
        const double seen = (double)(windowed && window < positions ? window : positions);
        bytes += cache_position_bytes(type, c->kv_heads, c->head_dim) * seen;
    }
    return bytes;
}
