/* Tensors to weights: names and shapes of both containers in one table, checks, the order of Q's and K's rows, packing.
 *
 * GGUF files of permuted families keep row (head, i, j) where Hugging Face has row (head, j, i), i < head_dim / 2,
 * j < 2: rotation pairs side by side. The row maps here undo it, so both containers compute the same chains. */
#include "model/weights.h"

#include "base/limits.h"
#include "base/memory.h"
#include "platform/cpu.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

typedef enum size_kind { SIZE_WIDTH, SIZE_QUERY, SIZE_KEY, SIZE_FFN } size_kind;
typedef enum bias_kind { BIAS_QKV, BIAS_O, BIAS_MLP } bias_kind;

/* A matrix of a layer: its names without ".weight" (the layer's number fills %u), shape, bias. */
typedef struct matrix_role {
    const char *hf, *gguf;
    size_kind rows, cols;
    bool rotated; /* RoPE turns its output: rows of permuted families are mapped */
    bias_kind bias;
    size_t matrix_offset, bias_offset; /* in layer_weights */
} matrix_role;

#define LAYER(field) offsetof(layer_weights, field)
static const matrix_role roles[] = {
    {"model.layers.%u.self_attn.q_proj", "blk.%u.attn_q", SIZE_QUERY, SIZE_WIDTH, true, BIAS_QKV, LAYER(q),
     LAYER(q_bias)},
    {"model.layers.%u.self_attn.k_proj", "blk.%u.attn_k", SIZE_KEY, SIZE_WIDTH, true, BIAS_QKV, LAYER(k),
     LAYER(k_bias)},
    {"model.layers.%u.self_attn.v_proj", "blk.%u.attn_v", SIZE_KEY, SIZE_WIDTH, false, BIAS_QKV, LAYER(v),
     LAYER(v_bias)},
    {"model.layers.%u.self_attn.o_proj", "blk.%u.attn_output", SIZE_WIDTH, SIZE_QUERY, false, BIAS_O, LAYER(o),
     LAYER(o_bias)},
    {"model.layers.%u.mlp.gate_proj", "blk.%u.ffn_gate", SIZE_FFN, SIZE_WIDTH, false, BIAS_MLP, LAYER(gate),
     LAYER(gate_bias)},
    {"model.layers.%u.mlp.up_proj", "blk.%u.ffn_up", SIZE_FFN, SIZE_WIDTH, false, BIAS_MLP, LAYER(up), LAYER(up_bias)},
    {"model.layers.%u.mlp.down_proj", "blk.%u.ffn_down", SIZE_WIDTH, SIZE_FFN, false, BIAS_MLP, LAYER(down),
     LAYER(down_bias)},
};
#define ROLE_COUNT (sizeof roles / sizeof roles[0])

/* What the steps of loading share. */
typedef struct loader {
    const tensor_table *tensors;
    const model_config *c;
    engine *e;
    const weights_options *options;
    model_weights *w;
    bool *used; /* [tensors->count] */
    uint64_t done_bytes;
} loader;

static size_t size_of(const model_config *c, size_kind kind)
{
    switch (kind) {
    case SIZE_WIDTH:
        return c->width;
    case SIZE_QUERY:
        return (size_t)c->heads * c->head_dim;
    case SIZE_KEY:
        return (size_t)c->kv_heads * c->head_dim;
    case SIZE_FFN:
        return c->ffn;
    }
    return 0;
}

static matrix *layer_matrix(layer_weights *layer, const matrix_role *role)
{
    return (matrix *)(void *)((char *)layer + role->matrix_offset);
}

static void describe_shape(uint32_t dims, const uint64_t *shape, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "shape [");
    for (uint32_t i = 0; i < dims && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%llu", i == 0 ? "" : ", ", (unsigned long long)shape[i]);
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
}

/* The tensor `name` with shape [rows, cols], or [rows] when cols is 0. */
static hearth_status find_tensor(loader *l, const char *name, size_t rows, size_t cols, const tensor_entry **ret,
                                 hearth_error *error)
{
    const uint64_t shape[2] = {rows, cols};
    const uint32_t dims = cols == 0 ? 1 : 2;
    char place[LIMIT_TENSOR_NAME_BYTES + 16];
    char expected[96];
    snprintf(place, sizeof place, "tensor %s", name);
    describe_shape(dims, shape, expected, sizeof expected);
    const tensor_entry *entry = tensor_table_find(l->tensors, name);
    if (entry == NULL) {
        return error_set(error, HEARTH_E_FORMAT, place, expected, "no such tensor");
    }
    if (entry->dims != dims || memcmp(entry->shape, shape, dims * sizeof shape[0]) != 0) {
        char found[128];
        describe_shape(entry->dims, entry->shape, found, sizeof found);
        return error_set(error, HEARTH_E_FORMAT, place, expected, "%s", found);
    }
    l->used[entry - l->tensors->entries] = true;
    *ret = entry;
    return HEARTH_OK;
}

/* Row of the file for row `row` of a rotated matrix. */
static uint32_t source_row(uint32_t head_dim, uint32_t row)
{
    const uint32_t in_head = row % head_dim;
    const uint32_t half = head_dim / 2;
    return row - in_head + 2 * (in_head % half) + in_head / half;
}

static bool is_mapped(const loader *l, const matrix_role *role)
{
    return role->rotated && l->options->gguf && l->c->family->permuted;
}

/* A vector in binary32, out of F32, F16 or BF16; `mapped` reorders as the rows of Q and K. */
static hearth_status load_vector(loader *l, const char *name, size_t count, bool mapped, const float **ret,
                                 hearth_error *error)
{
    const tensor_entry *entry = NULL;
    TRY(find_tensor(l, name, count, 0, &entry, error));
    float *values = arena_alloc_aligned(l->w->vectors, size_round_up(count, 16) * sizeof *values, 64);
    if (values == NULL) {
        return error_memory(error, count * sizeof *values);
    }
    for (size_t i = 0; i < count; i++) {
        const size_t from = mapped ? source_row(l->c->head_dim, (uint32_t)i) : i;
        uint16_t half = 0;
        if (entry->type == DTYPE_F32) {
            memcpy(&values[i], entry->data + 4 * from, 4);
            continue;
        }
        memcpy(&half, entry->data + 2 * from, entry->type == DTYPE_F16 || entry->type == DTYPE_BF16 ? 2 : 0);
        if (entry->type != DTYPE_F16 && entry->type != DTYPE_BF16) {
            char place[LIMIT_TENSOR_NAME_BYTES + 16];
            snprintf(place, sizeof place, "tensor %s", name);
            const dtype_info *info = dtype_get_info(entry->type);
            return error_set(error, HEARTH_E_UNSUPPORTED, place, "F32, F16 or BF16", "%s",
                             info == NULL ? "another format" : info->name);
        }
        values[i] = entry->type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
    }
    *ret = values;
    return HEARTH_OK;
}

static hearth_status load_matrix(loader *l, const char *name, size_t rows, size_t cols, bool mapped, matrix *ret,
                                 hearth_error *error)
{
    const tensor_entry *entry = NULL;
    uint32_t *row_map = NULL;
    TRY(find_tensor(l, name, rows, cols, &entry, error));
    if (matrix_packed_bytes(entry->type, rows, cols) == 0 ||
        l->e->kernels->matmul[l->options->compute][entry->type] == NULL) {
        char place[LIMIT_TENSOR_NAME_BYTES + 16];
        snprintf(place, sizeof place, "tensor %s", name);
        const dtype_info *info = dtype_get_info(entry->type);
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "a number format that hearth multiplies",
                         "%s, %zu columns", info == NULL ? "another format" : info->name, cols);
    }
    if (mapped) {
        row_map = mem_calloc(rows, sizeof *row_map);
        if (row_map == NULL) {
            return error_memory(error, rows * sizeof *row_map);
        }
        for (size_t i = 0; i < rows; i++) {
            row_map[i] = source_row(l->c->head_dim, (uint32_t)i);
        }
    }
    *ret = matrix_over(entry->type, rows, cols, entry->data, row_map);
    return HEARTH_OK;
}

static bool bias_there(const model_config *c, bias_kind kind)
{
    switch (kind) {
    case BIAS_QKV:
        return c->qkv_bias;
    case BIAS_O:
        return c->o_bias;
    case BIAS_MLP:
        return c->mlp_bias;
    }
    return false;
}

static hearth_status load_role(loader *l, const matrix_role *role, unsigned index, hearth_error *error)
{
    char stem[LIMIT_TENSOR_NAME_BYTES];
    char name[LIMIT_TENSOR_NAME_BYTES + 8];
    layer_weights *layer = &l->w->layers[index];
    /* both formats have one %u */
    const char *format = l->options->gguf ? role->gguf : role->hf;
    const char *number = strstr(format, "%u");
    snprintf(stem, sizeof stem, "%.*s%u%s", (int)(number - format), format, index, number + 2);
    snprintf(name, sizeof name, "%s.weight", stem);
    const size_t rows = size_of(l->c, role->rows);
    TRY(load_matrix(l, name, rows, size_of(l->c, role->cols), is_mapped(l, role), layer_matrix(layer, role), error));
    if (!bias_there(l->c, role->bias)) {
        return HEARTH_OK;
    }
    const float *bias = NULL;
    snprintf(name, sizeof name, "%s.bias", stem);
    TRY(load_vector(l, name, rows, is_mapped(l, role), &bias, error));
    memcpy((char *)layer + role->bias_offset, &bias, sizeof bias);
    return HEARTH_OK;
}

static hearth_status load_layer(loader *l, unsigned index, hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES];
    layer_weights *layer = &l->w->layers[index];
    for (size_t i = 0; i < ROLE_COUNT; i++) {
        TRY(load_role(l, &roles[i], index, error));
    }
    snprintf(name, sizeof name, l->options->gguf ? "blk.%u.attn_norm.weight" : "model.layers.%u.input_layernorm.weight",
             index);
    TRY(load_vector(l, name, l->c->width, false, &layer->attention_norm, error));
    snprintf(name, sizeof name,
             l->options->gguf ? "blk.%u.ffn_norm.weight" : "model.layers.%u.post_attention_layernorm.weight", index);
    return load_vector(l, name, l->c->width, false, &layer->ffn_norm, error);
}

static hearth_status load_ends(loader *l, hearth_error *error)
{
    const bool gguf = l->options->gguf;
    const model_config *c = l->c;
    model_weights *w = l->w;
    const char *embedding = gguf ? "token_embd.weight" : "model.embed_tokens.weight";
    const char *output = gguf ? "output.weight" : "lm_head.weight";
    w->tied = c->tied;
    TRY(load_matrix(l, c->tied ? embedding : output, c->vocabulary, c->width, false, &w->output, error));
    if (!c->tied) {
        TRY(load_matrix(l, embedding, c->vocabulary, c->width, false, &w->embedding, error));
    }
    TRY(load_vector(l, gguf ? "output_norm.weight" : "model.norm.weight", c->width, false, &w->output_norm, error));
    if (c->rope.kind == ROPE_FACTORS) {
        TRY(load_vector(l, "rope_freqs.weight", c->rope.dims / 2, false, &w->rope_factors, error));
        for (size_t i = 0; i < c->rope.dims / 2; i++) {
            if (!(w->rope_factors[i] > 0) || !(w->rope_factors[i] < 1e9f)) {
                return error_set(error, HEARTH_E_FORMAT, "tensor rope_freqs.weight", "positive factors", "%g",
                                 (double)w->rope_factors[i]);
            }
        }
    }
    return HEARTH_OK;
}

/* Tensors that files carry and that say nothing new. */
static bool is_superfluous(const char *name, const model_config *c)
{
    static const char tail[] = ".rotary_emb.inv_freq"; /* a table that old checkpoints store */
    const size_t length = strlen(name);
    if (c->tied && strcmp(name, "lm_head.weight") == 0) {
        return true;
    }
    return length >= sizeof tail && strcmp(name + length - (sizeof tail - 1), tail) == 0;
}

static hearth_status check_all_used(const loader *l, hearth_error *error)
{
    for (size_t i = 0; i < l->tensors->count; i++) {
        const char *name = l->tensors->entries[i].name;
        if (!l->used[i] && !is_superfluous(name, l->c)) {
            char place[LIMIT_TENSOR_NAME_BYTES + 16];
            snprintf(place, sizeof place, "tensor %s", name);
            return error_set(error, HEARTH_E_UNSUPPORTED, place, "no such tensor in this family", "%s model with it",
                             l->c->family->name);
        }
    }
    return HEARTH_OK;
}

static uint64_t matrix_bytes(const matrix *m)
{
    return matrix_packed_bytes(m->type, m->rows, m->cols);
}

static uint64_t all_matrix_bytes(model_weights *w)
{
    uint64_t bytes = matrix_bytes(&w->output);
    for (size_t i = 0; i < w->layer_count; i++) {
        for (size_t r = 0; r < ROLE_COUNT; r++) {
            bytes += matrix_bytes(layer_matrix(&w->layers[i], &roles[r]));
        }
    }
    return bytes;
}

static void release_source(const loader *l, const uint8_t *source, uint64_t bytes)
{
    for (size_t i = 0; i < l->tensors->map_count; i++) {
        const file_map *map = &l->tensors->maps[i];
        if (source >= map->data && source < map->data + map->size) {
            file_map_release(map, (size_t)(source - map->data), bytes);
            return;
        }
    }
}

static hearth_status pack_one(loader *l, matrix *m, hearth_error *error)
{
    const uint8_t *source = m->source;
    const uint64_t source_bytes = (uint64_t)m->rows * m->source_row_bytes;
    pthread_mutex_lock(&l->e->busy);
    const hearth_status status = matrix_pack(m, l->e->pool, error);
    pthread_mutex_unlock(&l->e->busy);
    TRY(status);
    release_source(l, source, source_bytes);
    l->done_bytes += matrix_bytes(m);
    if (l->options->progress != NULL && !l->options->progress(l->options->progress_context, "packing weights",
                                                              l->done_bytes, l->w->matrix_bytes, "B")) {
        return error_set(error, HEARTH_E_CANCELLED, "packing weights", NULL, "the caller's stop");
    }
    return HEARTH_OK;
}

#define PACKING_MARGIN_BYTES ((uint64_t)256 << 20) /* for the KV cache and the rest of the program */

static hearth_status pack_all(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    const model_packing packing = l->options->packing;
    w->matrix_bytes = all_matrix_bytes(w);
    const bool fits = w->matrix_bytes + PACKING_MARGIN_BYTES <= memory_available_bytes();
    if (packing == PACKING_MAPPED || (packing == PACKING_AUTO && !fits)) {
        return HEARTH_OK;
    }
    const double begin = time_seconds();
    for (size_t i = 0; i < w->layer_count; i++) {
        for (size_t r = 0; r < ROLE_COUNT; r++) {
            TRY(pack_one(l, layer_matrix(&w->layers[i], &roles[r]), error));
        }
    }
    TRY(pack_one(l, &w->output, error));
    w->pack_seconds = time_seconds() - begin;
    w->packed = true;
    return HEARTH_OK;
}

static hearth_status load_all(loader *l, hearth_error *error)
{
    model_weights *w = l->w;
    w->vectors = arena_create(0);
    if (w->vectors == NULL) {
        return error_memory(error, 0);
    }
    w->layers = arena_array(w->vectors, l->c->layers, sizeof *w->layers);
    if (w->layers == NULL) {
        return error_memory(error, l->c->layers * sizeof *w->layers);
    }
    w->layer_count = l->c->layers;
    for (unsigned i = 0; i < l->c->layers; i++) {
        TRY(load_layer(l, i, error));
    }
    TRY(load_ends(l, error));
    TRY(check_all_used(l, error));
    return pack_all(l, error);
}

hearth_status weights_load(const tensor_table *tensors, const model_config *c, engine *e,
                           const weights_options *options, model_weights *ret, hearth_error *error)
{
    model_weights w = {0};
    loader l = {.tensors = tensors, .c = c, .e = e, .options = options, .w = &w};
    l.used = mem_calloc(tensors->count + 1, sizeof *l.used);
    if (l.used == NULL) {
        return error_memory(error, tensors->count);
    }
    const hearth_status status = load_all(&l, error);
    mem_free(l.used);
    if (status != HEARTH_OK) {
        weights_free(&w);
        return status;
    }
    *ret = w;
    return HEARTH_OK;
}

void weights_free(model_weights *w)
{
    for (size_t i = 0; i < w->layer_count; i++) {
        for (size_t r = 0; r < ROLE_COUNT; r++) {
            matrix_free(layer_matrix(&w->layers[i], &roles[r]));
        }
    }
    matrix_free(&w->output);
    matrix_free(&w->embedding);
    arena_destroy(w->vectors);
    *w = (model_weights){0};
}
