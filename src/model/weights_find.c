/* One tensor at a time: name, shape, order of rows. */
#include "model/weights_find.h"
#include "model/weights_lossless.h"

#include "base/limits.h"
#include "base/memory.h"
#include "kernels/half.h"
#include "model/weights_stored.h"

#include <stdio.h>
#include <string.h>

const char *name_with(const char *pattern, unsigned layer, unsigned expert, char *ret, size_t size)
{
    size_t used = 0;
    unsigned number = layer;
    for (const char *at = pattern; *at != '\0' && used + 12 < size; at++) {
        if (at[0] == '%' && at[1] == 'u') {
            used += (size_t)snprintf(ret + used, size - used, "%u", number);
            number = expert;
            at++;
        } else {
            ret[used++] = *at;
        }
    }
    ret[used] = '\0';
    return ret;
}

/* The name in the text part of a model of several parts: "language_model.model.…", or "model.language_model.…". */
static const tensor_entry *in_part(const tensor_table *tensors, const char *name)
{
    static const char own[] = "model.";
    char longer[LIMIT_TENSOR_NAME_BYTES + 64];
    snprintf(longer, sizeof longer, "language_model.%s", name);
    const tensor_entry *entry = tensor_table_find(tensors, longer);
    if (entry == NULL && strncmp(name, own, sizeof own - 1) == 0) {
        snprintf(longer, sizeof longer, "model.language_model.%s", name + sizeof own - 1);
        entry = tensor_table_find(tensors, longer);
    }
    return entry;
}

/* By its name; files of a model without its head, and GPT-2's and BLOOM's first ones, leave out the first part. */
static const tensor_entry *without_prefix(const tensor_table *tensors, const char *name)
{
    static const char *const prefixes[] = {"transformer.", "bert.", "roberta.", "model."};
    const tensor_entry *entry = tensor_table_find(tensors, name);
    if (entry == NULL) {
        entry = in_part(tensors, name);
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0] && entry == NULL; i++) {
        const size_t length = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], length) == 0) {
            entry = tensor_table_find(tensors, name + length);
        }
    }
    return entry;
}

/* BERT's first checkpoints call a layer norm's weight gamma and its bias beta. */
const tensor_entry *tensor_find_spelled(const tensor_table *tensors, const char *name)
{
    static const char *const spellings[][2] = {{"LayerNorm.weight", "LayerNorm.gamma"},
                                               {"LayerNorm.bias", "LayerNorm.beta"}};
    const tensor_entry *entry = without_prefix(tensors, name);
    for (size_t i = 0; i < 2 && entry == NULL; i++) {
        const size_t length = strlen(name);
        const size_t tail = strlen(spellings[i][0]);
        if (length > tail && strcmp(name + length - tail, spellings[i][0]) == 0) {
            char old[LIMIT_TENSOR_NAME_BYTES + 32];
            snprintf(old, sizeof old, "%.*s%s", (int)(length - tail), name, spellings[i][1]);
            entry = without_prefix(tensors, old);
        }
    }
    return entry;
}

bool tensor_is_there(const loader *l, const char *stem, const char *tail)
{
    char name[LIMIT_TENSOR_NAME_BYTES + 32];
    snprintf(name, sizeof name, "%s%s", stem, tail);
    return tensor_find_spelled(l->tensors, name) != NULL;
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

hearth_status find_tensor(loader *l, const char *name, uint32_t dims, const uint64_t *shape, const tensor_entry **ret,
                          hearth_error *error)
{
    char place[LIMIT_TENSOR_NAME_BYTES + 64];
    char expected[128];
    snprintf(place, sizeof place, "tensor %s", name);
    describe_shape(dims, shape, expected, sizeof expected);
    const tensor_entry *entry = tensor_find_spelled(l->tensors, name);
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

/* ---- the order of rows ---- */

size_t fused_rows(const model_config *c, row_part part)
{
    if (part == PART_FIRST_HALF || part == PART_SECOND_HALF) {
        return 2 * (size_t)c->ffn;
    }
    return ((size_t)c->heads + 2 * (size_t)c->kv_heads) * c->head_dim;
}

static bool is_interleaved(const loader *l)
{
    return l->options->gguf != NULL ? l->c->family->gguf_interleaved : l->c->family->hf_interleaved;
}

/* Where value i of a head lies in the file's head. */
static uint32_t place_in_head(const row_order *o, row_part part, uint32_t i)
{
    const uint32_t half = o->c->rope.dims / 2;
    if ((part != PART_Q && part != PART_K) || !o->interleaved || i >= 2 * half) {
        return i;
    }
    return 2 * (i % half) + i / half;
}

/* Latent attention: the values that turn lie behind those that do not. */
static size_t latent_row(const row_order *o, row_part part, size_t row)
{
    const mla_config *m = &o->c->mla;
    const size_t before = part == PART_LATENT_Q ? m->nope : m->kv_rank;
    const size_t whole = before + m->rope;
    const size_t i = row % whole;
    if (i < before || !o->interleaved) {
        return row;
    }
    const size_t half = m->rope / 2;
    const size_t j = i - before;
    return row - j + 2 * (j % half) + j / half;
}

/* A delta net's: `row` of q, k, v and z as they follow each other here. */
static size_t delta_row(const delta_config *d, size_t row)
{
    const size_t share = d->value_heads / d->key_heads;
    const size_t values = share * d->value_dim; /* of a key head */
    const size_t block = 2 * (size_t)d->key_dim + 2 * values;
    const size_t keys = (size_t)d->key_heads * d->key_dim;
    if (row < 2 * keys) { /* q, then k */
        const size_t which = row / keys;
        return row % keys / d->key_dim * block + which * d->key_dim + row % d->key_dim;
    }
    const size_t i = row - 2 * keys;
    const size_t which = i / (d->key_heads * values);
    const size_t j = i % (d->key_heads * values);
    return j / values * block + 2 * (size_t)d->key_dim + which * values + j % values;
}

static size_t split_row(const model_config *c, row_part part, size_t row)
{
    if (part == PART_DELTA_QKVZ) {
        return delta_row(&c->delta, row);
    }
    /* in the file: some rows of the first half, as many of the second, and so on */
    const size_t piece = part == PART_GATED_Q ? c->head_dim : c->delta.value_heads / c->delta.key_heads;
    const size_t half = part == PART_GATED_Q ? (size_t)c->heads * c->head_dim : c->delta.value_heads;
    const size_t i = row % half;
    return (2 * (i / piece) + row / half) * piece + i % piece;
}

size_t row_place(const row_order *o, row_part part, bool fused, size_t rows, size_t row)
{
    const model_config *c = o->c;
    const size_t dim = c->head_dim;
    const size_t share = c->heads / c->kv_heads;
    if (part == PART_GATED_Q || part == PART_DELTA_QKVZ || part == PART_DELTA_BA) {
        return split_row(c, part, row);
    }
    if (part == PART_LATENT_Q || part == PART_LATENT_KV) {
        return latent_row(o, part, row);
    }
    if (part == PART_EVEN || part == PART_ODD) {
        return 2 * row + (part == PART_ODD);
    }
    if (part == PART_ALL || part == PART_FIRST_HALF || part == PART_SECOND_HALF) {
        return part == PART_SECOND_HALF && fused ? rows + row : row;
    }
    const size_t head = row / dim;
    const size_t i = place_in_head(o, part, (uint32_t)(row % dim));
    const size_t which = part == PART_Q ? 0 : part == PART_K ? 1 : 2;
    if (!fused) {
        return head * dim + i;
    }
    switch (o->order) {
    case FUSED_BY_HEAD:
        return (head * 3 + which) * dim + i;
    case FUSED_BY_GROUP: {
        const size_t group = part == PART_Q ? head / share : head;
        const size_t slot = part == PART_Q ? head % share : share + which - 1;
        return (group * (share + 2) + slot) * dim + i;
    }
    case FUSED_CONCATENATED:
        break;
    }
    const size_t before = which == 0 ? 0 : which == 1 ? c->heads : (size_t)c->heads + c->kv_heads;
    return (before + head) * dim + i;
}

static size_t source_row(const loader *l, row_part part, bool fused, size_t rows, size_t row)
{
    const row_order order = {.c = l->c, .order = l->names->order, .interleaved = is_interleaved(l)};
    return row_place(&order, part, fused, rows, row);
}

hearth_status make_row_map(const loader *l, const matrix_place *place, size_t rows, size_t *ret_first,
                           uint32_t **ret_map, hearth_error *error)
{
    bool plain = true;
    *ret_map = NULL;
    *ret_first = source_row(l, place->part, place->fused, rows, 0);
    for (size_t i = 0; i < rows && plain; i++) {
        plain = source_row(l, place->part, place->fused, rows, i) == *ret_first + i;
    }
    if (plain) {
        return HEARTH_OK;
    }
    *ret_first = 0;
    *ret_map = mem_calloc(rows, sizeof **ret_map);
    if (*ret_map == NULL) {
        return error_memory(error, rows * sizeof **ret_map);
    }
    for (size_t i = 0; i < rows; i++) {
        (*ret_map)[i] = (uint32_t)source_row(l, place->part, place->fused, rows, i);
    }
    return HEARTH_OK;
}

/* ---- matrices ---- */

static hearth_status check_type(const loader *l, const char *name, const tensor_entry *entry, size_t rows, size_t cols,
                                hearth_error *error)
{
    const dtype type = entry->type == DTYPE_BF16_LOSSLESS ? DTYPE_BF16 : entry->type;
    if (matrix_packed_bytes(type, rows, cols) != 0 && l->e->kernels->matmul[l->options->compute][type] != NULL) {
        return HEARTH_OK;
    }
    char place[LIMIT_TENSOR_NAME_BYTES + 64];
    snprintf(place, sizeof place, "tensor %s", name);
    const dtype_info *info = dtype_get_info(entry->type);
    return error_set(error, HEARTH_E_UNSUPPORTED, place, "a number format that hearth multiplies", "%s, %zu columns",
                     info == NULL ? "another format" : info->name, cols);
}

/* Bytes of one value of a format without blocks; 0 for others. */
static size_t value_bytes(dtype type)
{
    return type == DTYPE_F32 ? 4 : type == DTYPE_F16 || type == DTYPE_BF16 ? 2 : 0;
}

/* A matrix whose row r is column r of a tensor that keeps `stride` values a row; its column c is row first + c. */
typedef struct turned {
    matrix_reader reader; /* first: readers are these */
    const uint8_t *values;
    size_t size, stride, first, cols;
} turned;

static void row_turned(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const turned *t = (const turned *)reader;
    for (size_t col = 0; col < t->cols; col++) {
        memcpy(out + col * t->size, t->values + ((t->first + col) * t->stride + row) * t->size, t->size);
    }
}

/* [rows, cols]; `place` says which columns of the tensor the rows are (NULL: the first ones). */
static hearth_status turn(loader *l, const matrix_place *place, const char *name, const tensor_entry *entry,
                          size_t first, size_t stride, size_t rows, size_t cols, matrix *ret, hearth_error *error)
{
    const size_t size = value_bytes(entry->type);
    size_t column = 0;
    uint32_t *row_map = NULL;
    if (size == 0) {
        char where[LIMIT_TENSOR_NAME_BYTES + 64];
        snprintf(where, sizeof where, "tensor %s", name);
        return error_set(error, HEARTH_E_UNSUPPORTED, where, "F32, F16 or BF16, as it is read by columns",
                         "another format");
    }
    turned *t = arena_array(l->w->vectors, 1, sizeof *t);
    if (t == NULL) {
        return error_memory(error, sizeof *t);
    }
    if (place != NULL) {
        TRY(make_row_map(l, place, rows, &column, &row_map, error));
    }
    *t = (turned){.reader = {row_turned},
                  .values = entry->data + column * size,
                  .size = size,
                  .stride = stride,
                  .first = first,
                  .cols = cols};
    *ret = matrix_read_by(entry->type, rows, cols, &t->reader, row_map);
    return HEARTH_OK;
}

/* Rows [first, first + rows) of all rows of a tensor, in the order of row_map. */
static hearth_status matrix_of(loader *l, const tensor_entry *entry, size_t first, size_t rows, size_t cols,
                               uint32_t *row_map, matrix *ret, hearth_error *error)
{
    if (entry->type == DTYPE_BF16_LOSSLESS) {
        return weights_lossless(l, entry, first, rows, row_map, ret, error);
    }
    *ret = matrix_over(entry->type, rows, cols, entry->data, row_map);
    ret->source += first * ret->source_row_bytes;
    return HEARTH_OK;
}

hearth_status find_matrix(loader *l, const matrix_place *place, size_t rows, size_t cols, matrix *ret,
                          hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES + 32];
    const tensor_entry *entry = NULL;
    const size_t all = !place->fused ? rows : place->experts != 0 ? 2 * rows : fused_rows(l->c, place->part);
    const uint64_t shape[3] = {place->experts, place->transposed ? cols : all, place->transposed ? all : cols};
    if (stored_otherwise(l, place)) {
        return find_stored(l, place, rows, all, cols, ret, error);
    }
    snprintf(name, sizeof name, "%s%s", place->stem, place->tail != NULL ? place->tail : ".weight");
    TRY(find_tensor(l, name, place->experts != 0 ? 3 : 2, shape + (place->experts != 0 ? 0 : 1), &entry, error));
    TRY(check_type(l, name, entry, rows, cols, error));
    if (place->transposed) {
        TRY(turn(l, place, name, entry, place->expert * cols, all, rows, cols, ret, error));
        ret->name = entry->name;
        ret->index = place->expert;
        return HEARTH_OK;
    }
    size_t first = 0;
    uint32_t *row_map = NULL;
    TRY(make_row_map(l, place, rows, &first, &row_map, error));
    TRY(matrix_of(l, entry, place->expert * all + first, rows, cols, row_map, ret, error));
    ret->name = entry->name;
    ret->index = place->expert;
    return HEARTH_OK;
}

static hearth_status find_whole(loader *l, const char *stem, const uint64_t shape[2], const tensor_entry **ret,
                                char name[LIMIT_TENSOR_NAME_BYTES + 32], hearth_error *error)
{
    snprintf(name, LIMIT_TENSOR_NAME_BYTES + 32, "%s.weight", stem);
    TRY(find_tensor(l, name, 2, shape, ret, error));
    return check_type(l, name, *ret, shape[0], shape[1], error);
}

/* The high halves, which are all that the values have. */
static void narrow(float *values, size_t count)
{
    uint8_t *out = (uint8_t *)values;
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = bf16_from_f32(values[i]);
        memcpy(out + 2 * i, &half, sizeof half);
    }
}

/* The same out of rows of a format with blocks, [cols, rows] from row `first` on: as binary32, exactly; of the lossless
 * form as BF16, whose rule of computing is another. */
static hearth_status turn_blocks(loader *l, const tensor_entry *entry, size_t first, size_t rows, size_t cols,
                                 matrix *ret, hearth_error *error)
{
    matrix slice = {0};
    TRY(matrix_of(l, entry, first, cols, rows, NULL, &slice, error));
    float *copy = arena_alloc_aligned(l->w->vectors, rows * cols * sizeof *copy, 64);
    float *row = mem_alloc(rows * sizeof *row);
    if (copy == NULL || row == NULL) {
        mem_free(row);
        return error_memory(error, rows * (cols + 1) * sizeof *copy);
    }
    engine_begin(l->e, NULL);
    const hearth_status status = matrix_pack(&slice, l->e->pool, error);
    engine_end(l->e, NULL);
    for (size_t i = 0; i < cols && status == HEARTH_OK; i++) {
        matrix_row(l->e->kernels, &slice, i, row, NULL); /* packed ones need no scratch */
        for (size_t j = 0; j < rows; j++) {
            copy[j * cols + i] = row[j];
        }
    }
    const bool is_bf16 = slice.type == DTYPE_BF16;
    matrix_free(&slice);
    mem_free(row);
    if (is_bf16) {
        narrow(copy, rows * cols);
    }
    *ret = matrix_over(is_bf16 ? DTYPE_BF16 : DTYPE_F32, rows, cols, (const uint8_t *)copy, NULL);
    return status;
}

hearth_status find_turned(loader *l, const char *stem, const uint64_t shape[2], size_t first, size_t rows, size_t cols,
                          matrix *ret, hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES + 32];
    const tensor_entry *entry = NULL;
    const matrix_place place = {.stem = stem};
    if (stored_otherwise(l, &place)) {
        return find_stored_turned(l, &place, shape, first, rows, cols, ret, error);
    }
    TRY(find_whole(l, stem, shape, &entry, name, error));
    if (value_bytes(entry->type) == 0) {
        return turn_blocks(l, entry, first, rows, cols, ret, error);
    }
    return turn(l, NULL, name, entry, first, shape[1], rows, cols, ret, error);
}

hearth_status find_slice(loader *l, const char *stem, const uint64_t shape[2], size_t first, size_t rows, matrix *ret,
                         hearth_error *error)
{
    char name[LIMIT_TENSOR_NAME_BYTES + 32];
    const tensor_entry *entry = NULL;
    const matrix_place place = {.stem = stem};
    if (stored_otherwise(l, &place)) {
        return find_stored_slice(l, &place, shape, first, rows, ret, error);
    }
    TRY(find_whole(l, stem, shape, &entry, name, error));
    return matrix_of(l, entry, first, rows, shape[1], NULL, ret, error);
}

/* ---- vectors ---- */

float value_at(dtype type, const uint8_t *values, size_t index)
{
    uint16_t half = 0;
    float whole = 0;
    if (type == DTYPE_F32) {
        memcpy(&whole, values + 4 * index, 4);
        return whole;
    }
    memcpy(&half, values + 2 * index, 2);
    return type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
}

hearth_status check_value_type(const char *name, const tensor_entry *entry, hearth_error *error)
{
    char place[LIMIT_TENSOR_NAME_BYTES + 64];
    if (value_bytes(entry->type) != 0) {
        return HEARTH_OK;
    }
    snprintf(place, sizeof place, "tensor %s", name);
    const dtype_info *info = dtype_get_info(entry->type);
    return error_set(error, HEARTH_E_UNSUPPORTED, place, "F32, F16 or BF16", "%s",
                     info == NULL ? "another format" : info->name);
}

hearth_status find_expert_vector(loader *l, const char *name, const uint64_t shape[2], size_t expert, size_t first,
                                 size_t step, size_t count, const float **ret, hearth_error *error)
{
    const tensor_entry *entry = NULL;
    TRY(find_tensor(l, name, 2, shape, &entry, error));
    TRY(check_value_type(name, entry, error));
    float *values = arena_alloc_aligned(l->w->vectors, size_round_up(count, 16) * sizeof *values, 64);
    if (values == NULL) {
        return error_memory(error, count * sizeof *values);
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = value_at(entry->type, entry->data, expert * shape[1] + first + i * step);
    }
    *ret = values;
    return HEARTH_OK;
}

hearth_status find_vector(loader *l, const char *name, row_part part, bool fused, size_t count, float plus,
                          const float **ret, hearth_error *error)
{
    const uint64_t all = fused ? fused_rows(l->c, part) : count;
    /* one weight a head may lie in two dimensions */
    const tensor_entry *there = tensor_find_spelled(l->tensors, name);
    const uint64_t by_head[2] = {count / l->c->head_dim, l->c->head_dim};
    const bool two = there != NULL && there->dims == 2 && !fused && count % l->c->head_dim == 0;
    const bool scalar = there != NULL && there->dims == 0 && count == 1;
    const tensor_entry *entry = NULL;
    TRY(find_tensor(l, name, two ? 2 : scalar ? 0 : 1, two ? by_head : &all, &entry, error));
    TRY(check_value_type(name, entry, error));
    float *values = arena_alloc_aligned(l->w->vectors, size_round_up(count, 16) * sizeof *values, 64);
    if (values == NULL) {
        return error_memory(error, count * sizeof *values);
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = value_at(entry->type, entry->data, source_row(l, part, fused, count, i));
        values[i] = plus == 0.0f ? values[i] : values[i] + plus;
    }
    *ret = values;
    return HEARTH_OK;
}
