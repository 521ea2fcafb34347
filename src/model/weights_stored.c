/* One way of storing after the other: which tensors there must be, and how a row is read out of them. */
#include "model/weights_stored.h"

#include "base/limits.h"
#include "kernels/fp8.h"

#include <stdio.h>
#include <string.h>

#define STORED_NAME_BYTES (LIMIT_TENSOR_NAME_BYTES + 32)
#define FP8_BLOCK 128u
_Static_assert(FP8_BLOCK == FP8_SCALED_VALUES, "a scale of the tensor is a scale of the panel");

/* What every reader needs; fields that a way has no use for are 0. */
typedef struct stored {
    matrix_reader reader; /* first: readers are these */
    /* one value of the tensors' row; NULL: this way has no such function */
    float (*value)(const struct stored *s, size_t row, size_t k);
    const uint8_t *weights, *scales, *zeros;
    dtype scale_type;
    size_t first; /* row of the tensors that is the matrix's row 0 */
    size_t all;   /* rows of the tensors */
    size_t cols;
    size_t group;           /* values of k that share a scale */
    size_t scale_row_step;  /* from a row's scale to the next one's; 0: all rows share */
    size_t scale_rows;      /* rows that share a scale */
    const uint8_t *indices; /* GPTQ: the group of each k, when it is not k / group */
    unsigned zero_plus;     /* GPTQ's first version keeps zeros less one */
    bool awq;
    size_t turned; /* of a matrix by columns: its columns */
} stored;

static const stored *of(const matrix_reader *reader)
{
    return (const stored *)reader;
}

/* ---- FP8 ---- */

static float value_fp8(const stored *s, size_t row, size_t k)
{
    const size_t scales = row / s->scale_rows * s->scale_row_step;
    return e4m3_to_f32(s->weights[row * s->cols + k]) * value_at(s->scale_type, s->scales, scales + k / s->group);
}

/* Rows of kernels/fp8.h: the bytes as they are. */
static void row_fp8_scaled(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const stored *s = of(reader);
    const size_t at = s->first + row;
    const uint8_t *weights = s->weights + at * s->cols;
    const size_t scales = at / s->scale_rows * s->scale_row_step;
    for (size_t k = 0; k < s->cols; k += FP8_ROW_VALUES, out += FP8_ROW_BYTES) {
        const float scale = value_at(s->scale_type, s->scales, scales + k / s->group);
        memcpy(out, &scale, sizeof scale);
        memcpy(out + sizeof scale, weights + k, FP8_ROW_VALUES);
    }
}

/* ---- MXFP4 as gpt-oss ships it: blocks of 16 bytes, value 2 j low and 2 j + 1 high; scales apart ---- */

static void row_mxfp4(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const stored *s = of(reader);
    const size_t blocks = s->cols / 32;
    const size_t at = s->first + row;
    for (size_t b = 0; b < blocks; b++, out += 17) {
        const uint8_t *pairs = s->weights + (at * blocks + b) * 16;
        out[0] = s->scales[at * blocks + b];
        for (size_t j = 0; j < 16; j++) {
            const unsigned low = pairs[j / 2] >> (4 * (j % 2)) & 15u;
            const unsigned high = pairs[8 + j / 2] >> (4 * (j % 2)) & 15u;
            out[1 + j] = (uint8_t)(low | high << 4);
        }
    }
}

/* ---- GPTQ and AWQ: 8 values of 4 bits a word ---- */

static uint32_t word_at(const uint8_t *words, size_t index)
{
    uint32_t word = 0;
    memcpy(&word, words + 4 * index, 4);
    return word;
}

/* Which nibble of a word holds AWQ's column i of 8. */
static const uint8_t awq_nibble[8] = {0, 4, 1, 5, 2, 6, 3, 7};

static int four_bits(const stored *s, size_t row, size_t k)
{
    if (s->awq) { /* [cols, rows / 8] */
        return (int)(word_at(s->weights, k * (s->all / 8) + row / 8) >> (4 * awq_nibble[row % 8]) & 15u);
    }
    return (int)(word_at(s->weights, k / 8 * s->all + row) >> (4 * (k % 8)) & 15u); /* [cols / 8, rows] */
}

static int zero_at(const stored *s, size_t row, size_t group)
{
    const uint32_t word = word_at(s->zeros, group * (s->all / 8) + row / 8);
    const unsigned nibble = s->awq ? awq_nibble[row % 8] : (unsigned)(row % 8);
    return (int)((word >> (4 * nibble) & 15u) + s->zero_plus);
}

/* Blocks of Q5_0: q - zero lies in -16..15. */
static void row_four_bits(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const stored *s = of(reader);
    const size_t at = s->first + row;
    for (size_t k = 0; k < s->cols; k += 32, out += 22) {
        const size_t group = k / s->group;
        const int zero = zero_at(s, at, group);
        memcpy(out, s->scales + 2 * (group * s->all + at), 2);
        memset(out + 2, 0, 20);
        for (size_t j = 0; j < 32; j++) {
            const unsigned q = (unsigned)(four_bits(s, at, k + j) - zero + 16);
            out[6 + j % 16] |= (uint8_t)((q & 15u) << (j < 16 ? 0 : 4));
            out[2 + j / 8] |= (uint8_t)((q >> 4 & 1u) << (j % 8));
        }
    }
}

/* Exact; each k may have a group of its own ("act order"). */
static float value_four_bits(const stored *s, size_t row, size_t k)
{
    const size_t group = s->indices != NULL ? word_at(s->indices, k) : k / s->group;
    const float q = (float)(four_bits(s, row, k) - zero_at(s, row, group));
    return value_at(s->scale_type, s->scales, group * s->all + row) * q;
}

/* ---- binary32, value by value ---- */

static void row_of_values(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const stored *s = of(reader);
    for (size_t k = 0; k < s->cols; k++) {
        const float value = s->value(s, s->first + row, k);
        memcpy(out + 4 * k, &value, 4);
    }
}

/* Row `row` of the matrix is column `row` of the tensor's rows from `first` on. */
static void row_of_columns(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const stored *s = of(reader);
    for (size_t k = 0; k < s->turned; k++) {
        const float value = s->value(s, s->first + k, row);
        memcpy(out + 4 * k, &value, 4);
    }
}

/* ---- finding the tensors ---- */

static const char *joined(const char *stem, const char *tail, char ret[STORED_NAME_BYTES])
{
    snprintf(ret, STORED_NAME_BYTES, "%s%s", stem, tail);
    return ret;
}

static const tensor_entry *look(const loader *l, const char *stem, const char *tail)
{
    char name[STORED_NAME_BYTES];
    return tensor_table_find(l->tensors, joined(stem, tail, name));
}

static bool is_fp8(const loader *l, const char *stem)
{
    const tensor_entry *entry = look(l, stem, ".weight");
    return entry != NULL && entry->type == DTYPE_F8_E4M3;
}

bool stored_otherwise(const loader *l, const matrix_place *place)
{
    return l->options->gguf == NULL && (is_fp8(l, place->stem) || look(l, place->stem, ".qweight") != NULL ||
                                        look(l, place->stem, "_blocks") != NULL);
}

/* The tensor STEM TAIL with that shape and of that format. */
static hearth_status find_part(loader *l, const char *stem, const char *tail, dtype type, uint32_t dims,
                               const uint64_t *shape, const tensor_entry **ret, hearth_error *error)
{
    char name[STORED_NAME_BYTES];
    char place[STORED_NAME_BYTES + 16];
    TRY(find_tensor(l, joined(stem, tail, name), dims, shape, ret, error));
    if ((*ret)->type != type) {
        snprintf(place, sizeof place, "tensor %s", name);
        return error_set(error, HEARTH_E_UNSUPPORTED, place, dtype_get_info(type)->name, "%s",
                         dtype_get_info((*ret)->type)->name);
    }
    return HEARTH_OK;
}

/* Scales of FP8: of blocks of 128 x 128 (DeepSeek), of rows, or one. */
static hearth_status find_fp8_scales(loader *l, const char *stem, stored *s, hearth_error *error)
{
    char name[STORED_NAME_BYTES];
    const char *tail = look(l, stem, ".weight_scale_inv") != NULL ? ".weight_scale_inv" : ".weight_scale";
    const tensor_entry *entry = look(l, stem, tail);
    const size_t down = (s->all + FP8_BLOCK - 1) / FP8_BLOCK;
    const size_t across = (s->cols + FP8_BLOCK - 1) / FP8_BLOCK;
    const uint64_t blocks[2] = {down, across};
    const uint64_t rows[2] = {s->all, 1};
    s->group = s->cols;
    s->scale_rows = s->all;
    if (entry != NULL && (entry->dims == 0 || (entry->dims == 1 && entry->shape[0] == 1))) {
        TRY(find_tensor(l, joined(stem, tail, name), entry->dims, rows + 1, &entry, error));
    } else if (entry != NULL && entry->dims == 2 && entry->shape[0] == s->all && entry->shape[1] == 1) {
        TRY(find_tensor(l, joined(stem, tail, name), 2, rows, &entry, error));
        s->scale_rows = 1;
        s->scale_row_step = 1;
    } else {
        TRY(find_tensor(l, joined(stem, tail, name), 2, blocks, &entry, error));
        s->group = FP8_BLOCK;
        s->scale_rows = FP8_BLOCK;
        s->scale_row_step = across;
    }
    if (entry->type != DTYPE_F32 && entry->type != DTYPE_BF16 && entry->type != DTYPE_F16) {
        char place[STORED_NAME_BYTES + 16];
        snprintf(place, sizeof place, "tensor %s", name);
        return error_set(error, HEARTH_E_UNSUPPORTED, place, "F32, F16 or BF16", "%s",
                         dtype_get_info(entry->type)->name);
    }
    s->scales = entry->data;
    s->scale_type = entry->type;
    const tensor_entry *input = look(l, stem, ".input_scale"); /* of activations, which are not rounded so here */
    if (input != NULL) {
        l->used[input - l->tensors->entries] = true;
    }
    return HEARTH_OK;
}

/* Whether the bytes may stay as they are: rows of whole blocks, scales that the panel's form can hold. */
static bool fp8_stays(const stored *s)
{
    const size_t down = (s->all + s->scale_rows - 1) / s->scale_rows;
    const size_t across = (s->cols + s->group - 1) / s->group;
    bool fits = s->cols % FP8_ROW_VALUES == 0;
    for (size_t i = 0; i < down * across && fits; i++) {
        fits = fp8_scale_fits(value_at(s->scale_type, s->scales, i));
    }
    return fits;
}

static hearth_status find_fp8(loader *l, const char *stem, stored *s, dtype *ret_type, hearth_error *error)
{
    const tensor_entry *entry = NULL;
    const uint64_t shape[2] = {s->all, s->cols};
    TRY(find_part(l, stem, ".weight", DTYPE_F8_E4M3, 2, shape, &entry, error));
    s->weights = entry->data;
    s->value = value_fp8;
    TRY(find_fp8_scales(l, stem, s, error));
    const bool stays = !l->expanded && fp8_stays(s);
    s->reader.row = stays ? row_fp8_scaled : row_of_values;
    *ret_type = stays ? DTYPE_F8_SCALED : DTYPE_F32;
    return HEARTH_OK;
}

static hearth_status find_mxfp4(loader *l, const matrix_place *place, stored *s, hearth_error *error)
{
    const tensor_entry *blocks = NULL;
    const tensor_entry *scales = NULL;
    const uint64_t shape[4] = {place->experts, s->all, s->cols / 32, 16};
    if (place->experts == 0 || s->cols % 32 != 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place->stem, "MXFP4 experts with rows of a multiple of 32 values",
                         "%zu columns", s->cols);
    }
    TRY(find_part(l, place->stem, "_blocks", DTYPE_U8, 4, shape, &blocks, error));
    TRY(find_part(l, place->stem, "_scales", DTYPE_U8, 3, shape, &scales, error));
    s->weights = blocks->data;
    s->scales = scales->data;
    s->first += place->expert * s->all;
    s->reader.row = row_mxfp4;
    return HEARTH_OK;
}

/* AutoGPTQ writes biases of zeros where a layer has none. */
static void pass_over_zeros(loader *l, const char *stem)
{
    const tensor_entry *bias = look(l, stem, ".bias");
    for (uint64_t i = 0; bias != NULL && i < bias->size_bytes; i++) {
        bias = (bias->data[i] & 0x7F) != 0 ? NULL : bias;
    }
    if (bias != NULL) {
        l->used[bias - l->tensors->entries] = true;
    }
}

/* In *ret_ordered whether groups do not simply follow each other. */
static hearth_status find_group_indices(loader *l, const char *stem, stored *s, bool *ret_ordered, hearth_error *error)
{
    const tensor_entry *entry = NULL;
    const uint64_t shape = s->cols;
    *ret_ordered = false;
    if (look(l, stem, ".g_idx") == NULL) {
        return HEARTH_OK;
    }
    TRY(find_part(l, stem, ".g_idx", DTYPE_I32, 1, &shape, &entry, error));
    for (size_t k = 0; k < s->cols; k++) {
        const uint32_t group = word_at(entry->data, k);
        if (group >= s->cols / s->group) {
            return error_set(error, HEARTH_E_FORMAT, entry->name, "groups that there are", "%u of %zu", group,
                             s->cols / s->group);
        }
        *ret_ordered = *ret_ordered || group != k / s->group;
    }
    s->indices = entry->data;
    return HEARTH_OK;
}

static hearth_status find_four_bits(loader *l, const char *stem, stored *s, bool *ret_ordered, hearth_error *error)
{
    const hf_quantization *q = &l->c->quantization;
    const tensor_entry *weights = NULL;
    const tensor_entry *zeros = NULL;
    const tensor_entry *scales = NULL;
    *ret_ordered = false;
    if (q->kind != HF_QUANTIZED_GPTQ && q->kind != HF_QUANTIZED_AWQ) {
        return error_set(error, HEARTH_E_FORMAT, "quantization_config", "gptq or awq, as there is a tensor qweight",
                         "another method or none");
    }
    s->awq = q->kind == HF_QUANTIZED_AWQ;
    s->group = q->group == 0 ? s->cols : q->group;
    if (s->cols % s->group != 0 || s->group % 32 != 0 || s->all % 8 != 0 || s->cols % 32 != 0) {
        return error_set(error, HEARTH_E_UNSUPPORTED, stem, "groups of a multiple of 32 that divide a row",
                         "%zu of %zu values, %zu rows", s->group, s->cols, s->all);
    }
    const size_t groups = s->cols / s->group;
    const uint64_t packed[2] = {s->awq ? s->cols : s->cols / 8, s->awq ? s->all / 8 : s->all};
    const uint64_t zero_shape[2] = {groups, s->all / 8};
    const uint64_t scale_shape[2] = {groups, s->all};
    TRY(find_part(l, stem, ".qweight", DTYPE_I32, 2, packed, &weights, error));
    TRY(find_part(l, stem, ".qzeros", DTYPE_I32, 2, zero_shape, &zeros, error));
    TRY(find_part(l, stem, ".scales", DTYPE_F16, 2, scale_shape, &scales, error));
    s->weights = weights->data;
    s->zeros = zeros->data;
    s->scales = scales->data;
    s->scale_type = DTYPE_F16;
    s->zero_plus = s->awq || q->zeros_whole ? 0 : 1;
    pass_over_zeros(l, stem);
    TRY(find_group_indices(l, stem, s, ret_ordered, error));
    s->reader.row = *ret_ordered ? row_of_values : row_four_bits;
    s->value = value_four_bits;
    return HEARTH_OK;
}

/* The tensors of a matrix [all, cols], and the format of the rows that its reader makes. */
static hearth_status find_tensors(loader *l, const matrix_place *place, size_t all, size_t cols, stored **ret,
                                  dtype *ret_type, hearth_error *error)
{
    dtype type = DTYPE_F32;
    stored *s = arena_array(l->w->vectors, 1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    *s = (stored){.all = all, .cols = cols};
    if (is_fp8(l, place->stem)) {
        TRY(find_fp8(l, place->stem, s, &type, error));
    } else if (look(l, place->stem, ".qweight") != NULL) {
        bool ordered = false;
        TRY(find_four_bits(l, place->stem, s, &ordered, error));
        type = ordered ? DTYPE_F32 : DTYPE_Q5_0;
    } else {
        TRY(find_mxfp4(l, place, s, error));
        type = DTYPE_MXFP4;
    }
    *ret = s;
    *ret_type = type;
    return HEARTH_OK;
}

hearth_status find_stored(loader *l, const matrix_place *place, size_t rows, size_t all, size_t cols, matrix *ret,
                          hearth_error *error)
{
    dtype type = DTYPE_F32;
    uint32_t *row_map = NULL;
    stored *s = NULL;
    size_t first = 0;
    TRY(find_tensors(l, place, all, cols, &s, &type, error));
    TRY(make_row_map(l, place, rows, &first, &row_map, error));
    s->first += first;
    *ret = matrix_read_by(type, rows, cols, &s->reader, row_map);
    return HEARTH_OK;
}

hearth_status find_stored_slice(loader *l, const matrix_place *place, const uint64_t shape[2], size_t first,
                                size_t rows, matrix *ret, hearth_error *error)
{
    dtype type = DTYPE_F32;
    stored *s = NULL;
    TRY(find_tensors(l, place, shape[0], shape[1], &s, &type, error));
    s->first += first;
    *ret = matrix_read_by(type, rows, shape[1], &s->reader, NULL);
    return HEARTH_OK;
}

hearth_status find_stored_turned(loader *l, const matrix_place *place, const uint64_t shape[2], size_t first,
                                 size_t rows, size_t cols, matrix *ret, hearth_error *error)
{
    dtype type = DTYPE_F32;
    stored *s = NULL;
    TRY(find_tensors(l, place, shape[0], shape[1], &s, &type, error));
    if (s->value == NULL) {
        return error_set(error, HEARTH_E_UNSUPPORTED, place->stem, "a matrix that can be read by columns", "MXFP4");
    }
    s->first += first;
    s->turned = cols;
    s->reader.row = row_of_columns;
    *ret = matrix_read_by(DTYPE_F32, rows, cols, &s->reader, NULL);
    return HEARTH_OK;
}
