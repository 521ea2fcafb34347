/* The tensors of a layer: which there are, by the model's form. */
#include "model/weights_delta.h"

#include "base/limits.h"
#include "base/memory.h"
#include "kernels/kernels.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES (LIMIT_TENSOR_NAME_BYTES + 16)
#define FULL_BYTES (NAME_BYTES + 16) /* with ".weight" or ".bias" */

/* ---- norms ---- */

hearth_status load_norm(loader *l, const char *stem, row_part part, size_t count, nn_norm *ret, hearth_error *error)
{
    char name[NAME_BYTES];
    const layer_form *form = &l->c->form;
    if (stem == NULL) {
        return HEARTH_OK;
    }
    ret->eps = l->c->eps;
    if (!form->norm_weightless) {
        snprintf(name, sizeof name, "%s.weight", stem);
        const float plus = form->norm_plus_one && l->options->gguf == NULL ? 1.0f : 0.0f;
        TRY(find_vector(l, name, part, false, count, plus, &ret->weight, error));
    }
    if (form->norm == NORM_LAYER && form->norm_bias && part == PART_ALL) {
        snprintf(name, sizeof name, "%s.bias", stem);
        TRY(find_vector(l, name, part, false, count, 0.0f, &ret->bias, error));
    }
    ret->kind = form->norm;
    return HEARTH_OK;
}

static hearth_status load_layer_norm(loader *l, const char *pattern, unsigned index, bool wanted, nn_norm *ret,
                                     hearth_error *error)
{
    char stem[NAME_BYTES];
    if (!wanted) {
        return HEARTH_OK;
    }
    if (pattern == NULL) { /* without weights there may be no name */
        return load_norm(l, "", PART_ALL, l->c->width, ret, error);
    }
    return load_norm(l, name_with(pattern, index, 0, stem, sizeof stem), PART_ALL, l->c->width, ret, error);
}

static bool one_tensor_each(const char *pattern)
{
    const char *first = strstr(pattern, "%u");
    return first != NULL && strstr(first + 2, "%u") != NULL;
}

/* Norms of heads that are a tensor each (StableLM 2's, without biases): one after the other. */
static hearth_status load_head_norms(loader *l, const char *pattern, unsigned index, size_t heads, nn_norm *ret,
                                     hearth_error *error)
{
    const size_t dim = l->c->head_dim;
    float *values = arena_alloc_aligned(l->w->vectors, size_round_up(heads * dim, 16) * sizeof *values, 64);
    if (values == NULL) {
        return error_memory(error, heads * dim * sizeof *values);
    }
    for (size_t head = 0; head < heads; head++) {
        char stem[NAME_BYTES];
        char name[FULL_BYTES];
        const float *one = NULL;
        snprintf(name, sizeof name, "%s.weight", name_with(pattern, index, (unsigned)head, stem, sizeof stem));
        TRY(find_vector(l, name, PART_ALL, false, dim, 0.0f, &one, error));
        memcpy(values + head * dim, one, dim * sizeof *values);
    }
    *ret = (nn_norm){.kind = l->c->form.norm, .weight = values, .eps = l->c->eps};
    return HEARTH_OK;
}

static hearth_status load_qk_norms(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    char stem[NAME_BYTES];
    const model_config *c = l->c;
    const qk_norm_kind kind = c->form.qk_norm;
    if (kind == QK_NORM_NONE || layer_bit(c->recurrent, index)) {
        return HEARTH_OK;
    }
    if (kind == QK_NORM_TURNED) {
        layer->q_norm = layer->k_norm = (nn_norm){.kind = c->form.norm, .eps = c->eps};
        return HEARTH_OK;
    }
    if (l->names->q_norm == NULL || l->names->k_norm == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "norms of queries and keys", "none in this family", "some");
    }
    if (l->options->gguf == NULL && one_tensor_each(l->names->q_norm)) {
        TRY(load_head_norms(l, l->names->q_norm, index, c->heads, &layer->q_norm, error));
        return load_head_norms(l, l->names->k_norm, index, c->kv_heads, &layer->k_norm, error);
    }
    const size_t heads = kind == QK_NORM_HEAD ? 1 : c->heads;
    const size_t keys = kind == QK_NORM_HEAD ? 1 : c->kv_heads;
    TRY(load_norm(l, name_with(l->names->q_norm, index, 0, stem, sizeof stem), PART_Q, heads * c->head_dim,
                  &layer->q_norm, error));
    return load_norm(l, name_with(l->names->k_norm, index, 0, stem, sizeof stem), PART_K, keys * c->head_dim,
                     &layer->k_norm, error);
}

static hearth_status load_norms(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const layer_form *form = &l->c->form;
    TRY(load_layer_norm(l, l->names->attention_norm, index, !form->no_pre_norm, &layer->attention_norm, error));
    TRY(load_layer_norm(l, l->names->attention_post, index, form->post_norm || form->residual_norm,
                        &layer->attention_post, error));
    TRY(load_layer_norm(l, l->names->ffn_post, index, form->post_norm || form->residual_norm, &layer->ffn_post, error));
    if (form->shared_norm) {
        layer->ffn_norm = layer->attention_norm;
    } else {
        TRY(load_layer_norm(l, l->names->ffn_norm, index, !form->no_pre_norm, &layer->ffn_norm, error));
    }
    return load_qk_norms(l, index, layer, error);
}

/* ---- matrices of a layer ---- */

/* A matrix and its bias, from a tensor of its own or out of a fused one. */
static hearth_status load_linear(loader *l, const char *own, const char *fused, row_part part, unsigned index,
                                 size_t rows, size_t cols, bool biased, matrix *ret, const float **ret_bias,
                                 hearth_error *error)
{
    char stem[NAME_BYTES];
    char name[FULL_BYTES];
    if (own == NULL && fused == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "layers", "those that this family has",
                         "one with a plain MLP in a %s model", l->c->family->name);
    }
    bool separate =
        own != NULL && (fused == NULL || tensor_is_there(l, name_with(own, index, 0, stem, sizeof stem), ".weight"));
    if (separate && part == PART_SECOND_HALF && l->options->gguf != NULL) { /* GGUF calls a fused one ffn_up */
        char gate[NAME_BYTES];
        separate =
            l->c->form.ungated || tensor_is_there(l, name_with(l->names->gate, index, 0, gate, sizeof gate), ".weight");
    }
    name_with(separate ? own : fused, index, 0, stem, sizeof stem);
    const matrix_place place = {
        .stem = stem, .part = part, .fused = !separate, .transposed = l->names->transposed != 0};
    TRY(find_matrix(l, &place, rows, cols, ret, error));
    if (!biased) {
        return HEARTH_OK;
    }
    snprintf(name, sizeof name, "%s.bias", stem);
    return find_vector(l, name, part, !separate, rows, 0.0f, ret_bias, error);
}

static hearth_status load_attention(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const model_config *c = l->c;
    const tensor_names *n = l->names;
    const size_t query = (size_t)c->heads * c->head_dim;
    const size_t key = (size_t)c->kv_heads * c->head_dim;
    const bool biased = c->form.qkv_bias;
    if (c->form.output_gate) {
        TRY(load_linear(l, n->q, NULL, PART_GATED_Q, index, 2 * query, c->width, biased, &layer->q, &layer->q_bias,
                        error));
    } else {
        TRY(load_linear(l, n->q, n->qkv, PART_Q, index, query, c->width, biased, &layer->q, &layer->q_bias, error));
    }
    TRY(load_linear(l, n->k, n->qkv, PART_K, index, key, c->width, biased, &layer->k, &layer->k_bias, error));
    TRY(load_linear(l, n->v, n->qkv, PART_V, index, key, c->width, biased, &layer->v, &layer->v_bias, error));
    TRY(load_linear(l, n->o, NULL, PART_ALL, index, c->width, query, c->form.o_bias, &layer->o, &layer->o_bias, error));
    if (c->form.sinks) {
        char name[FULL_BYTES];
        return find_vector(l, name_with(n->sinks, index, 0, name, sizeof name), PART_ALL, false, c->heads, 0.0f,
                           &layer->sinks, error);
    }
    return HEARTH_OK;
}

/* K and V of each head: matrices of their own in GGUF, rows of one in Hugging Face's files and in GGUF files of before
 * 2025, keys by columns. */
static hearth_status load_latent_heads(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const mla_config *m = &l->c->mla;
    const uint64_t shape[2] = {(uint64_t)l->c->heads * (m->nope + m->value), m->kv_rank};
    char stem[NAME_BYTES];
    layer->k_b = arena_array(l->w->vectors, l->c->heads, sizeof *layer->k_b);
    layer->v_b = arena_array(l->w->vectors, l->c->heads, sizeof *layer->v_b);
    if (layer->k_b == NULL || layer->v_b == NULL) {
        return error_memory(error, 2 * l->c->heads * sizeof *layer->k_b);
    }
    name_with(l->names->kv_b, index, 0, stem, sizeof stem);
    const bool whole = l->names->k_b == NULL || tensor_is_there(l, stem, ".weight");
    for (size_t head = 0; head < l->c->heads; head++) {
        if (whole) {
            const size_t first = head * (m->nope + m->value);
            TRY(find_turned(l, stem, shape, first, m->kv_rank, m->nope, &layer->k_b[head], error));
            TRY(find_slice(l, stem, shape, first + m->nope, m->value, &layer->v_b[head], error));
            continue;
        }
        const matrix_place place = {
            .stem = name_with(l->names->k_b, index, 0, stem, sizeof stem), .experts = l->c->heads, .expert = head};
        TRY(find_matrix(l, &place, m->kv_rank, m->nope, &layer->k_b[head], error));
        name_with(l->names->v_b, index, 0, stem, sizeof stem);
        TRY(find_matrix(l, &place, m->value, m->kv_rank, &layer->v_b[head], error));
    }
    return HEARTH_OK;
}

static hearth_status load_latent(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const model_config *c = l->c;
    const mla_config *m = &c->mla;
    const tensor_names *n = l->names;
    char stem[NAME_BYTES];
    matrix_place place = {.stem = stem};
    if (m->q_rank != 0) {
        name_with(n->q_a, index, 0, stem, sizeof stem);
        TRY(find_matrix(l, &place, m->q_rank, c->width, &layer->q_a, error));
        name_with(n->q_a_norm, index, 0, stem, sizeof stem);
        TRY(load_norm(l, stem, PART_ALL, m->q_rank, &layer->q_a_norm, error));
    }
    place.part = PART_LATENT_Q;
    name_with(m->q_rank != 0 ? n->q_b : n->q, index, 0, stem, sizeof stem);
    TRY(find_matrix(l, &place, (size_t)c->heads * (m->nope + m->rope), m->q_rank != 0 ? m->q_rank : c->width, &layer->q,
                    error));
    place.part = PART_LATENT_KV;
    name_with(n->kv_a, index, 0, stem, sizeof stem);
    TRY(find_matrix(l, &place, (size_t)m->kv_rank + m->rope, c->width, &layer->kv_a, error));
    name_with(n->kv_a_norm, index, 0, stem, sizeof stem);
    TRY(load_norm(l, stem, PART_ALL, m->kv_rank, &layer->kv_a_norm, error));
    TRY(load_latent_heads(l, index, layer, error));
    return load_linear(l, n->o, NULL, PART_ALL, index, c->width, (size_t)c->heads * m->value, c->form.o_bias, &layer->o,
                       &layer->o_bias, error);
}

/* xIELU's numbers: alpha_p and alpha_n go through softplus, the second one is added to beta. */
static hearth_status load_xielu(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    static const char *const parts[] = {"alpha_p", "alpha_n", "beta", "eps"};
    double raw[4] = {0, 0, 0.5, -1e-6};
    float *values = arena_alloc_aligned(l->w->vectors, 16 * sizeof *values, 64);
    if (values == NULL) {
        return error_memory(error, 64);
    }
    for (int i = 0; i < 4; i++) {
        char name[FULL_BYTES];
        if (l->options->gguf != NULL) {
            gguf_type type = GGUF_F32;
            uint64_t count = 0;
            int64_t place = 0;
            snprintf(name, sizeof name, "xielu.%s", parts[i]);
            if (gguf_get_f64(l->options->gguf, name, &raw[i], NULL) == HEARTH_OK) {
                continue;
            }
            TRY(gguf_get_array(l->options->gguf, name, &type, &count, &place, error));
            if (index >= count || type == GGUF_STRING || type == GGUF_ARRAY) {
                return error_set(error, HEARTH_E_FORMAT, name, "a number for each layer", "%llu",
                                 (unsigned long long)count);
            }
            raw[i] = gguf_array_f64(l->options->gguf, place, index);
            continue;
        }
        if (l->names->activation == NULL) {
            return error_set(error, HEARTH_E_UNSUPPORTED, "activation", "one without parameters in this family",
                             "xielu");
        }
        char stem[NAME_BYTES];
        snprintf(name, sizeof name, "%s.%s", name_with(l->names->activation, index, 0, stem, sizeof stem), parts[i]);
        if (i < 2 || tensor_table_find(l->tensors, name) != NULL) { /* files may be silent on beta and eps */
            const float *value = NULL;
            TRY(find_vector(l, name, PART_ALL, false, 1, 0.0f, &value, error));
            raw[i] = (double)*value;
        }
    }
    values[0] = (float)math64_log(1 + math64_exp(raw[0]));
    values[1] = (float)(raw[2] + math64_log(1 + math64_exp(raw[1])));
    values[2] = (float)raw[2];
    values[3] = (float)raw[3];
    layer->activation = values;
    return HEARTH_OK;
}

static hearth_status load_mlp(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const model_config *c = l->c;
    const tensor_names *n = l->names;
    const bool biased = c->form.mlp_bias;
    if (!c->form.ungated) {
        TRY(load_linear(l, n->gate, n->gate_up, PART_FIRST_HALF, index, c->ffn, c->width, biased, &layer->gate,
                        &layer->gate_bias, error));
    }
    TRY(load_linear(l, n->up, c->form.ungated ? NULL : n->gate_up, c->form.ungated ? PART_ALL : PART_SECOND_HALF, index,
                    c->ffn, c->width, biased, &layer->up, &layer->up_bias, error));
    TRY(load_linear(l, n->down, NULL, PART_ALL, index, c->width, c->ffn, biased, &layer->down, &layer->down_bias,
                    error));
    return c->form.activation == ACTIVATE_XIELU ? load_xielu(l, index, layer, error) : HEARTH_OK;
}

/* ---- experts ---- */

static hearth_status load_expert(loader *l, unsigned index, unsigned expert, matrix *ret, hearth_error *error)
{
    const model_config *c = l->c;
    const tensor_names *n = l->names;
    const char *patterns[3] = {n->expert_gate, n->expert_up, n->expert_down};
    const row_part parts[3] = {n->experts_paired ? PART_EVEN : PART_FIRST_HALF,
                               n->experts_paired ? PART_ODD : PART_SECOND_HALF, PART_ALL};
    const bool fused = strcmp(n->expert_gate, n->expert_up) == 0;
    for (int i = 0; i < 3; i++) {
        char stem[NAME_BYTES];
        const matrix_place place = {.stem = name_with(patterns[i], index, expert, stem, sizeof stem),
                                    .part = fused ? parts[i] : PART_ALL,
                                    .fused = fused && i < 2,
                                    .transposed = n->experts_turned != 0,
                                    .tail = n->expert_tail,
                                    .experts = one_tensor_each(patterns[i]) ? 0 : c->moe.experts,
                                    .expert = one_tensor_each(patterns[i]) ? 0 : expert};
        const size_t rows = i < 2 ? c->moe.ffn : c->width;
        TRY(find_matrix(l, &place, rows, i < 2 ? c->width : c->moe.ffn, &ret[i], error));
    }
    return HEARTH_OK;
}

/* Biases of the router and of each expert's gate, up and down. */
static hearth_status load_moe_biases(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const moe_config *m = &l->c->moe;
    const tensor_names *n = l->names;
    const char *patterns[3] = {n->expert_gate, n->expert_up, n->expert_down};
    char stem[NAME_BYTES];
    char name[FULL_BYTES];
    snprintf(name, sizeof name, "%s.bias", name_with(n->router, index, 0, stem, sizeof stem));
    TRY(find_vector(l, name, PART_ALL, false, m->experts, 0.0f, &layer->router_bias, error));
    layer->expert_biases = arena_array(l->w->vectors, m->experts, 3 * sizeof *layer->expert_biases);
    if (layer->expert_biases == NULL) {
        return error_memory(error, m->experts * 3 * sizeof *layer->expert_biases);
    }
    for (size_t i = 0; i < 3; i++) {
        const size_t count = i < 2 ? m->ffn : l->c->width;
        const bool paired = n->experts_paired && i < 2;
        const uint64_t shape[2] = {m->experts, paired ? 2 * count : count};
        snprintf(name, sizeof name, "%s%s", name_with(patterns[i], index, 0, stem, sizeof stem),
                 n->expert_bias_tail != NULL ? n->expert_bias_tail : ".bias");
        for (size_t e = 0; e < m->experts; e++) {
            TRY(find_expert_vector(l, name, shape, e, paired ? i : 0, paired ? 2 : 1, count,
                                   &layer->expert_biases[3 * e + i], error));
        }
    }
    return HEARTH_OK;
}

hearth_status load_whole(loader *l, const char *pattern, unsigned index, size_t rows, size_t cols, matrix *ret,
                         hearth_error *error)
{
    char stem[NAME_BYTES];
    if (pattern == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, "tensors", "those that this family has",
                         "shared experts, or a table of positions, in a %s model", l->c->family->name);
    }
    const matrix_place place = {.stem = name_with(pattern, index, 0, stem, sizeof stem)};
    return find_matrix(l, &place, rows, cols, ret, error);
}

/* [1, width]; GGUF keeps it as a vector [width]. */
static hearth_status load_shared_router(loader *l, unsigned index, matrix *ret, hearth_error *error)
{
    char name[NAME_BYTES];
    char stem[NAME_BYTES];
    snprintf(name, sizeof name, "%s.weight", name_with(l->names->shared_router, index, 0, stem, sizeof stem));
    const tensor_entry *entry = tensor_table_find(l->tensors, name);
    if (entry == NULL || entry->dims != 1) {
        return load_whole(l, l->names->shared_router, index, 1, l->c->width, ret, error);
    }
    const uint64_t shape = l->c->width;
    TRY(find_tensor(l, name, 1, &shape, &entry, error));
    *ret = matrix_over(entry->type, 1, l->c->width, entry->data, NULL);
    return HEARTH_OK;
}

static hearth_status load_moe(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    const model_config *c = l->c;
    const moe_config *m = &c->moe;
    TRY(load_whole(l, l->names->router, index, m->experts, c->width, &layer->router, error));
    layer->experts = arena_array(l->w->vectors, m->experts, 3 * sizeof *layer->experts);
    if (layer->experts == NULL) {
        return error_memory(error, m->experts * 3 * sizeof *layer->experts);
    }
    for (unsigned e = 0; e < m->experts; e++) {
        TRY(load_expert(l, index, e, layer->experts + 3 * (size_t)e, error));
    }
    if (m->biased) {
        TRY(load_moe_biases(l, index, layer, error));
    }
    if (m->select_bias) {
        char name[FULL_BYTES];
        TRY(find_vector(l, name_with(l->names->selection_bias, index, 0, name, sizeof name), PART_ALL, false,
                        m->experts, 0.0f, &layer->selection_bias, error));
    }
    if (m->shared_ffn != 0) {
        TRY(load_whole(l, l->names->shared_gate, index, m->shared_ffn, c->width, &layer->shared_gate, error));
        TRY(load_whole(l, l->names->shared_up, index, m->shared_ffn, c->width, &layer->shared_up, error));
        TRY(load_whole(l, l->names->shared_down, index, c->width, m->shared_ffn, &layer->shared_down, error));
        if (m->shared_gate) {
            TRY(load_shared_router(l, index, &layer->shared_router, error));
        }
    }
    return HEARTH_OK;
}

hearth_status load_layer(loader *l, unsigned index, layer_weights *layer, hearth_error *error)
{
    TRY(load_norms(l, index, layer, error));
    if (layer_bit(l->c->recurrent, index)) {
        TRY(load_delta(l, index, layer, error));
    } else if (l->c->mla.kv_rank != 0) {
        TRY(load_latent(l, index, layer, error));
    } else {
        TRY(load_attention(l, index, layer, error));
    }
    if (l->c->moe.experts != 0 && !layer_bit(l->c->dense, index)) {
        return load_moe(l, index, layer, error);
    }
    return load_mlp(l, index, layer, error);
}
