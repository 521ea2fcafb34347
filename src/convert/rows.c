/* Rows of a planned tensor: where each comes from, and its values in the number format that is wanted. */
#include "convert/rows.h"

#include "base/memory.h"
#include "tensor/matrix.h"

#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20)

/* Row `row` of a source; with `column` not negative, that column of its rows from `row` on. */
typedef struct row_ref {
    uint32_t source;
    size_t row;
    int64_t column;
} row_ref;

/* What the rows of one tensor share while they are made. */
typedef struct maker {
    const convert_plan *p;
    const convert_tensor *t;
    const kernel_table *kernels;
    row_ref *map;    /* PARTS: [rows] */
    float **widened; /* [source_count]: binary32 copies of quantised sources that are read by columns */
    float *values;   /* [cols] */
    void *scratch;
    uint8_t *piece;
    size_t piece_bytes;
} maker;

/* ---- where a row comes from ---- */

static void fill_map(maker *m)
{
    for (size_t i = 0; i < m->t->part_count; i++) {
        const convert_part *part = &m->t->parts[i];
        for (size_t row = 0; row < part->rows; row++) {
            const size_t to = row_place(&m->p->to.order, part->part, part->to_fused, part->rows, row);
            const size_t from = row_place(&m->p->from.order, part->part, part->from_fused, part->rows, row);
            m->map[to] = (row_ref){part->source, from, -1};
        }
    }
}

static row_ref find_row(const maker *m, size_t row)
{
    const convert_tensor *t = m->t;
    const mla_config *mla = &m->p->c->mla;
    const size_t head_rows = (size_t)mla->nope + mla->value;
    switch (t->kind) {
    case CONVERT_PARTS:
        return m->map[row];
    case CONVERT_TURN:
        return (row_ref){0, 0, (int64_t)row};
    case CONVERT_STACK: {
        const size_t rows = (size_t)t->out.shape[1];
        return (row_ref){(uint32_t)(row / rows), row % rows, -1};
    }
    case CONVERT_UNSTACK:
        return (row_ref){0, t->first + row, -1};
    case CONVERT_SPLIT_HALF: {
        const size_t rows = (size_t)t->out.shape[1];
        return (row_ref){0, (row / rows * 2 + t->first) * rows + row % rows, -1};
    }
    case CONVERT_JOIN_HALVES: {
        const size_t rows = (size_t)t->out.shape[1] / 2;
        return (row_ref){(uint32_t)(row / rows % 2), row / (2 * rows) * rows + row % rows, -1};
    }
    case CONVERT_LATENT_K:
        return (row_ref){0, row / mla->kv_rank * head_rows, (int64_t)(row % mla->kv_rank)};
    case CONVERT_LATENT_V:
        return (row_ref){0, row / mla->value * head_rows + mla->nope + row % mla->value, -1};
    case CONVERT_LATENT_KV: {
        const size_t head = row / head_rows;
        const size_t i = row % head_rows;
        return i < mla->nope ? (row_ref){0, head * mla->kv_rank, (int64_t)i}
                             : (row_ref){1, head * mla->value + i - mla->nope, -1};
    }
    case CONVERT_COPY:
    case CONVERT_LITERAL:
        break;
    }
    return (row_ref){0, row, -1};
}

/* ---- values ---- */

static size_t source_cols(const tensor_entry *e, const maker *m)
{
    if (e->dims == 0 || (e->dims == 1 && m->t->kind == CONVERT_PARTS)) {
        return 1;
    }
    return (size_t)e->shape[e->dims - 1];
}

static size_t value_bytes(dtype type)
{
    return type == DTYPE_F32 ? 4 : type == DTYPE_F16 || type == DTYPE_BF16 ? 2 : 0;
}

static float load_value(const uint8_t *at, dtype type)
{
    float value = 0;
    uint16_t half = 0;
    if (type == DTYPE_F32) {
        memcpy(&value, at, 4);
        return value;
    }
    memcpy(&half, at, 2);
    return type == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half);
}

static void store_values(const float *values, size_t count, dtype type, uint8_t *out)
{
    if (type == DTYPE_F32) {
        memcpy(out, values, count * 4);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const uint16_t half = type == DTYPE_F16 ? f16_from_f32(values[i]) : bf16_from_f32(values[i]);
        memcpy(out + 2 * i, &half, 2);
    }
}

static void read_row(const maker *m, const tensor_entry *e, size_t row, size_t cols, float *out)
{
    const size_t size = value_bytes(e->type);
    if (size == 0) {
        const matrix over = matrix_over(e->type, row + 1, cols, e->data, NULL);
        matrix_row(m->kernels, &over, row, out, m->scratch);
        return;
    }
    for (size_t i = 0; i < cols; i++) {
        out[i] = load_value(e->data + (row * cols + i) * size, e->type);
    }
}

static void read_column(const maker *m, row_ref ref, size_t count, float *out)
{
    const tensor_entry *e = m->t->sources[ref.source];
    const size_t cols = source_cols(e, m);
    const size_t size = value_bytes(e->type);
    for (size_t i = 0; i < count; i++) {
        const size_t at = (ref.row + i) * cols + (size_t)ref.column;
        out[i] = size == 0 ? m->widened[ref.source][at] : load_value(e->data + at * size, e->type);
    }
}

static void make_row(const maker *m, size_t row, uint8_t *out)
{
    const convert_tensor *t = m->t;
    if (t->kind == CONVERT_LITERAL) {
        store_values(t->literal + row * t->cols, t->cols, t->out.type, out);
        return;
    }
    const row_ref ref = find_row(m, row);
    const tensor_entry *e = t->sources[ref.source];
    const size_t size = value_bytes(e->type);
    if (ref.column < 0 && e->type == t->out.type && t->plus == 0.0f) {
        memcpy(out, e->data + ref.row * m->piece_bytes, m->piece_bytes);
        return;
    }
    if (ref.column >= 0 && e->type == t->out.type && size != 0) { /* the bits, whatever they say */
        const size_t cols = source_cols(e, m);
        for (size_t i = 0; i < t->cols; i++) {
            memcpy(out + i * size, e->data + ((ref.row + i) * cols + (size_t)ref.column) * size, size);
        }
        return;
    }
    if (ref.column >= 0) {
        read_column(m, ref, t->cols, m->values);
    } else {
        read_row(m, e, ref.row, t->cols, m->values);
    }
    for (size_t i = 0; t->plus != 0.0f && i < t->cols; i++) {
        m->values[i] += t->plus;
    }
    store_values(m->values, t->cols, t->out.type, out);
}

/* ---- all of them ---- */

static bool by_columns(convert_kind kind)
{
    return kind == CONVERT_TURN || kind == CONVERT_LATENT_K || kind == CONVERT_LATENT_KV;
}

static hearth_status widen(maker *m, uint32_t index, hearth_error *error)
{
    const tensor_entry *e = m->t->sources[index];
    const size_t cols = source_cols(e, m);
    size_t rows = 1;
    for (uint32_t i = 0; i + 1 < e->dims; i++) {
        rows *= (size_t)e->shape[i];
    }
    m->widened[index] = mem_calloc(rows * cols, sizeof(float));
    if (m->widened[index] == NULL) {
        return error_memory(error, rows * cols * sizeof(float));
    }
    for (size_t row = 0; row < rows; row++) {
        read_row(m, e, row, cols, m->widened[index] + row * cols);
    }
    return HEARTH_OK;
}

static hearth_status prepare(maker *m, hearth_error *error)
{
    const convert_tensor *t = m->t;
    size_t most_cols = t->cols;
    for (size_t i = 0; i < t->source_count; i++) {
        const size_t cols = source_cols(t->sources[i], m);
        most_cols = cols > most_cols ? cols : most_cols;
    }
    m->values = mem_calloc(most_cols, sizeof *m->values);
    m->scratch = mem_alloc_aligned(MATMUL_SCRATCH_BYTES + most_cols * 16 * sizeof(float), 64);
    m->widened = mem_calloc(t->source_count + 1, sizeof *m->widened);
    m->map = t->kind == CONVERT_PARTS ? mem_calloc(t->rows, sizeof *m->map) : NULL;
    if (m->values == NULL || m->scratch == NULL || m->widened == NULL || (t->kind == CONVERT_PARTS && m->map == NULL)) {
        return error_memory(error, most_cols * 17 * sizeof(float));
    }
    if (t->kind == CONVERT_PARTS) {
        fill_map(m);
    }
    for (uint32_t i = 0; by_columns(t->kind) && i < t->source_count; i++) {
        if (value_bytes(t->sources[i]->type) == 0) {
            TRY(widen(m, i, error));
        }
    }
    return HEARTH_OK;
}

static hearth_status send_rows(maker *m, convert_sink sink, void *context, hearth_error *error)
{
    const convert_tensor *t = m->t;
    const size_t at_once = m->piece_bytes >= PIECE_BYTES ? 1 : PIECE_BYTES / m->piece_bytes;
    m->piece = mem_alloc(m->piece_bytes * (at_once < t->rows ? at_once : t->rows));
    if (m->piece == NULL) {
        return error_memory(error, m->piece_bytes * at_once);
    }
    for (size_t row = 0; row < t->rows;) {
        const size_t count = t->rows - row < at_once ? t->rows - row : at_once;
        for (size_t i = 0; i < count; i++) {
            make_row(m, row + i, m->piece + i * m->piece_bytes);
        }
        TRY(sink(context, m->piece, count * m->piece_bytes, error));
        row += count;
    }
    return HEARTH_OK;
}

/* The source's bytes are the tensor's. */
static hearth_status send_whole(const tensor_entry *e, convert_sink sink, void *context, hearth_error *error)
{
    for (uint64_t at = 0; at < e->size_bytes;) {
        const uint64_t left = e->size_bytes - at;
        const size_t length = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        TRY(sink(context, e->data + at, length, error));
        at += length;
    }
    return HEARTH_OK;
}

hearth_status convert_rows(const convert_plan *p, const convert_tensor *t, const kernel_table *kernels,
                           convert_sink sink, void *context, hearth_error *error)
{
    if (t->kind == CONVERT_COPY && t->sources[0]->type == t->out.type && t->plus == 0.0f) {
        return send_whole(t->sources[0], sink, context, error);
    }
    maker m = {.p = p, .t = t, .kernels = kernels, .piece_bytes = (size_t)(t->out.size_bytes / t->rows)};
    hearth_status status = prepare(&m, error);
    status = status != HEARTH_OK ? status : send_rows(&m, sink, context, error);
    for (size_t i = 0; m.widened != NULL && i < t->source_count; i++) {
        mem_free(m.widened[i]);
    }
    mem_free(m.widened);
    mem_free(m.map);
    mem_free(m.values);
    mem_free(m.scratch);
    mem_free(m.piece);
    return status;
}
