/* Rows of a planned tensor: where each comes from, and its values in the number format that is wanted. Sixteen rows are
 * made at a time: quantised ones are decoded by whole panels (kernels/kernels.h), columns are read a few side by side.
 */
#include "convert/rows.h"

#include "base/memory.h"
#include "kernels/half.h"

#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20)
#define ZEROS UINT32_MAX

/* Row `row` of a source; with `column` not negative, that column of its rows from `row` on. */
typedef struct row_ref {
    uint32_t source; /* ZEROS: none */
    size_t row;
    int64_t column;
} row_ref;

/* A binary32 copy of some rows of a source that is read by columns and is no plain array of numbers. */
typedef struct wide_rows {
    float *values;
    size_t first;
    bool filled;
} wide_rows;

/* What the rows of one tensor share while they are made. */
typedef struct maker {
    const convert_plan *p;
    const convert_tensor *t;
    const kernel_table *kernels;
    row_ref *map;    /* PARTS: [rows] */
    wide_rows *wide; /* [source_count] */
    float *values;   /* [PANEL_ROWS, most columns] */
    uint8_t *made;   /* [PANEL_ROWS] rows of a source's format */
    uint8_t *panel;
    size_t most_cols, most_row_bytes;
    uint8_t *piece;
    size_t piece_bytes;
} maker;

/* ---- where a row comes from ---- */

/* q, k, v and z of a delta net lie by key heads where they are one tensor, else one after the other. */
static size_t part_place(const row_order *order, const convert_part *part, bool fused, size_t row)
{
    if (part->part == PART_DELTA_QKVZ) {
        return fused ? row_place(order, part->part, true, part->rows, part->first + row) : row;
    }
    return row_place(order, part->part, fused, part->rows, row);
}

static void fill_map(maker *m)
{
    for (size_t i = 0; i < m->t->part_count; i++) {
        const convert_part *part = &m->t->parts[i];
        for (size_t row = 0; row < part->rows; row++) {
            const size_t to = part_place(&m->p->to.order, part, part->to_fused, row);
            const size_t from = part_place(&m->p->from.order, part, part->from_fused, row);
            m->map[to] = (row_ref){part->source, from, -1};
        }
    }
}

/* Latent attention's keys and values of a head. */
static row_ref find_latent(const maker *m, size_t row)
{
    const mla_config *mla = &m->p->c->mla;
    const size_t head_rows = (size_t)mla->nope + mla->value;
    if (m->t->kind == CONVERT_LATENT_K) {
        return (row_ref){0, row / mla->kv_rank * head_rows, (int64_t)(row % mla->kv_rank)};
    }
    if (m->t->kind == CONVERT_LATENT_V) {
        return (row_ref){0, row / mla->value * head_rows + mla->nope + row % mla->value, -1};
    }
    const size_t head = row / head_rows;
    const size_t i = row % head_rows;
    return i < mla->nope ? (row_ref){0, head * mla->kv_rank, (int64_t)i}
                         : (row_ref){1, head * mla->value + i - mla->nope, -1};
}

static row_ref find_row(const maker *m, size_t row)
{
    const convert_tensor *t = m->t;
    const size_t rows = t->out.dims > 2 ? (size_t)t->out.shape[1] : 1; /* of one of a stack of matrices or vectors */
    switch (t->kind) {
    case CONVERT_PARTS:
        return m->map[row];
    case CONVERT_TURN:
        return (row_ref){0, 0, (int64_t)row};
    case CONVERT_STACK:
        return (row_ref){(uint32_t)(row / rows), row % rows, -1};
    case CONVERT_UNSTACK:
        return (row_ref){0, t->first + row, -1};
    case CONVERT_AFTER:
        return row < t->first ? (row_ref){ZEROS, 0, -1} : (row_ref){0, row - t->first, -1};
    case CONVERT_SPLIT_HALF:
        return (row_ref){0, (row / rows * 2 + t->first) * rows + row % rows, -1};
    case CONVERT_JOIN_HALVES:
        return (row_ref){(uint32_t)(row / (rows / 2) % 2), row / rows * (rows / 2) + row % (rows / 2), -1};
    case CONVERT_SPLIT_PAIRS:
        return (row_ref){0, 2 * row + t->first, -1};
    case CONVERT_JOIN_PAIRS:
        return (row_ref){(uint32_t)(row % 2), row / 2, -1};
    case CONVERT_EXPERT_TURN:
        return (row_ref){0, row / rows * t->cols, (int64_t)(t->first + t->step * (row % rows))};
    case CONVERT_EXPERT_BACK:
        return (row_ref){0, row / rows * (t->cols / t->step), (int64_t)(row % rows)};
    case CONVERT_LATENT_K:
    case CONVERT_LATENT_V:
    case CONVERT_LATENT_KV:
        return find_latent(m, row);
    case CONVERT_BLOCKS:
    case CONVERT_SCALES:
        return (row_ref){(uint32_t)(row % t->step), row / t->step, -1};
    case CONVERT_COPY:
    case CONVERT_LITERAL:
        break;
    }
    return (row_ref){0, row, -1};
}

/* ---- values ---- */

static size_t value_bytes(dtype type)
{
    return type == DTYPE_F32 ? 4 : type == DTYPE_F16 || type == DTYPE_BF16 ? 2 : 0;
}

static size_t source_cols(const maker *m, const tensor_entry *e)
{
    return e->dims == 0 || m->t->flat ? 1 : (size_t)e->shape[e->dims - 1];
}

static size_t source_row_bytes(const maker *m, const tensor_entry *e)
{
    const dtype_info *info = dtype_get_info(e->type);
    return source_cols(m, e) / info->block_values * info->block_bytes;
}

/* NULL: the rows lie in the mapping. */
static const matrix_reader *reader_of(const maker *m, const tensor_entry *e)
{
    return m->p->readers == NULL ? NULL : m->p->readers[e - m->p->table->entries];
}

/* The bytes of a row as the source's format has them; a reader makes them at `made`. */
static const uint8_t *raw_row(const maker *m, const tensor_entry *e, size_t row, uint8_t *made)
{
    const matrix_reader *reader = reader_of(m, e);
    if (reader == NULL) {
        return e->data + row * source_row_bytes(m, e);
    }
    reader->row(reader, row, made);
    return made;
}

static void load_values(const uint8_t *from, dtype type, size_t count, float *out)
{
    if (type == DTYPE_F32) {
        memcpy(out, from, count * sizeof *out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = value_at(type, from, i);
    }
}

static void store_values(const float *values, size_t count, dtype type, uint8_t *out)
{
    if (type == DTYPE_F32) {
        memcpy(out, values, count * 4);
        return;
    }
    for (size_t i = 0; type == DTYPE_F16 && i < count; i++) {
        const uint16_t half = half_f16_from_f32(values[i]);
        memcpy(out + 2 * i, &half, 2);
    }
    for (size_t i = 0; type == DTYPE_BF16 && i < count; i++) {
        const uint16_t half = half_bf16_from_f32(values[i]);
        memcpy(out + 2 * i, &half, 2);
    }
}

/* At most PANEL_ROWS raw rows of one format to binary32, `stride` values apart. */
static void decode_rows(const maker *m, dtype type, size_t cols, const uint8_t *const *rows, unsigned count, float *out,
                        size_t stride)
{
    const bool plain = value_bytes(type) != 0;
    if (!plain) {
        panel_pack(type, cols, rows, count, m->panel);
    }
    for (unsigned i = 0; i < count; i++) {
        if (plain) {
            load_values(rows[i], type, cols, out + i * stride);
        } else {
            m->kernels->panel_row[type](m->panel, cols, i, out + i * stride);
        }
    }
}

/* ---- rows out of rows ---- */

static void finish_row(const maker *m, float *values, uint8_t *out)
{
    const convert_tensor *t = m->t;
    for (size_t i = 0; t->plus != 0.0f && i < t->cols; i++) {
        values[i] += t->plus;
    }
    store_values(values, t->cols, t->out.type, out);
}

/* The rows' sources have one format. */
static void make_from_rows(const maker *m, const row_ref *refs, unsigned count, uint8_t *out)
{
    const convert_tensor *t = m->t;
    const uint8_t *rows[PANEL_ROWS];
    uint8_t *places[PANEL_ROWS];
    unsigned used = 0;
    dtype type = DTYPE_F32;
    for (unsigned i = 0; i < count; i++) {
        uint8_t *to = out + i * m->piece_bytes;
        if (refs[i].source == ZEROS) {
            memset(to, 0, m->piece_bytes);
            continue;
        }
        const tensor_entry *e = t->sources[refs[i].source];
        const uint8_t *raw = raw_row(m, e, refs[i].row, m->made + used * m->most_row_bytes);
        if (e->type == t->out.type && t->plus == 0.0f) { /* the bits, whatever they say */
            memcpy(to, raw, m->piece_bytes);
            continue;
        }
        type = e->type;
        rows[used] = raw;
        places[used++] = to;
    }
    if (used == 0) {
        return;
    }
    decode_rows(m, type, t->cols, rows, used, m->values, m->most_cols);
    for (unsigned i = 0; i < used; i++) {
        finish_row(m, m->values + i * m->most_cols, places[i]);
    }
}

/* ---- rows out of columns ---- */

static size_t turns(const convert_tensor *t)
{
    return t->kind == CONVERT_EXPERT_BACK ? t->step : 1;
}

/* Binary32 copies of the rows that a row here needs a column of. */
static void widen(maker *m, uint32_t source, size_t first)
{
    const tensor_entry *e = m->t->sources[source];
    wide_rows *w = &m->wide[source];
    const size_t cols = source_cols(m, e);
    const size_t rows = m->t->cols / turns(m->t);
    if (w->filled && w->first == first) {
        return;
    }
    for (size_t row = 0; row < rows; row += PANEL_ROWS) {
        const uint8_t *raw[PANEL_ROWS];
        const unsigned count = rows - row < PANEL_ROWS ? (unsigned)(rows - row) : PANEL_ROWS;
        for (unsigned i = 0; i < count; i++) {
            raw[i] = raw_row(m, e, first + row + i, m->made + i * m->most_row_bytes);
        }
        decode_rows(m, e->type, cols, raw, count, w->values + row * cols, cols);
    }
    w->first = first;
    w->filled = true;
}

static bool needs_copy(const maker *m, const tensor_entry *e)
{
    return value_bytes(e->type) == 0 || reader_of(m, e) != NULL;
}

/* `count` columns that begin in the same row of the same source. */
static void make_from_columns(maker *m, const row_ref *refs, unsigned count, uint8_t *out)
{
    const convert_tensor *t = m->t;
    const size_t step = turns(t);
    const size_t size = value_bytes(t->out.type);
    for (uint32_t s = 0; s < step; s++) {
        const tensor_entry *e = t->sources[refs->source + s];
        const size_t cols = source_cols(m, e);
        const size_t from_size = value_bytes(e->type);
        const bool copied = needs_copy(m, e);
        const bool bits = !copied && e->type == t->out.type && t->plus == 0.0f;
        if (copied) {
            widen(m, refs->source + s, refs->row);
        }
        const size_t length = t->cols / step;
        for (size_t row = 0; row < length; row++) {
            const size_t j = t->halves ? s * length + row : row * step + s;
            const uint8_t *raw = copied ? (const uint8_t *)(m->wide[refs->source + s].values + row * cols)
                                        : e->data + (refs->row + row) * cols * from_size;
            for (unsigned i = 0; i < count; i++) {
                const size_t column = (size_t)refs[i].column;
                uint8_t *to = out + i * m->piece_bytes + j * size;
                if (bits) {
                    memcpy(to, raw + column * size, size);
                    continue;
                }
                const float value = value_at(copied ? DTYPE_F32 : e->type, raw, column) + t->plus;
                store_values(&value, 1, t->out.type, to);
            }
        }
    }
}

/* ---- gpt-oss's MXFP4: value 2 k low and 2 k + 1 high in byte k of a block, scales apart ---- */

static void make_blocks(const maker *m, row_ref ref, uint8_t *out)
{
    const uint8_t *block = raw_row(m, m->t->sources[ref.source], ref.row, m->made);
    for (size_t b = 0; b < m->t->cols / 16; b++, block += 17, out += 16) {
        for (size_t k = 0; k < 16; k++) {
            const size_t at = 2 * k % 16;
            const unsigned shift = k < 8 ? 0 : 4;
            out[k] = (uint8_t)((block[1 + at] >> shift & 15u) | (unsigned)(block[2 + at] >> shift & 15u) << 4);
        }
    }
}

static void make_scales(const maker *m, row_ref ref, uint8_t *out)
{
    const uint8_t *block = raw_row(m, m->t->sources[ref.source], ref.row, m->made);
    for (size_t b = 0; b < m->t->cols; b++) {
        out[b] = block[17 * b];
    }
}

/* ---- all of them ---- */

static bool by_columns(convert_kind kind)
{
    return kind == CONVERT_TURN || kind == CONVERT_LATENT_K || kind == CONVERT_LATENT_KV ||
           kind == CONVERT_EXPERT_TURN || kind == CONVERT_EXPERT_BACK;
}

/* Quantised q, k, v and the gate z of a delta net may differ in theirs. */
static bool same_format(const convert_tensor *t, const row_ref *a, const row_ref *b)
{
    return a->source == ZEROS || b->source == ZEROS || t->sources[a->source]->type == t->sources[b->source]->type;
}

/* At most PANEL_ROWS rows. */
static void make_rows(maker *m, size_t row, unsigned count, uint8_t *out)
{
    const convert_tensor *t = m->t;
    row_ref refs[PANEL_ROWS];
    if (t->kind == CONVERT_LITERAL) {
        store_values(t->literal + row * t->cols, count * t->cols, t->out.type, out);
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        refs[i] = find_row(m, row + i);
    }
    for (unsigned i = 0, run = 0; i < count; i += run) {
        uint8_t *to = out + i * m->piece_bytes;
        const row_ref *ref = &refs[i];
        for (run = 1; i + run < count && (ref->column < 0) == (ref[run].column < 0) &&
                      (ref->column < 0 ? same_format(t, ref, &ref[run])
                                       : ref->source == ref[run].source && ref->row == ref[run].row);
             run++) {
        }
        if (t->kind == CONVERT_BLOCKS || t->kind == CONVERT_SCALES) {
            run = 1;
            (t->kind == CONVERT_BLOCKS ? make_blocks : make_scales)(m, *ref, to);
        } else if (ref->column < 0) {
            make_from_rows(m, ref, run, to);
        } else {
            make_from_columns(m, ref, run, to);
        }
    }
}

static hearth_status prepare_wide(maker *m, hearth_error *error)
{
    const convert_tensor *t = m->t;
    m->wide = mem_calloc(t->source_count + 1, sizeof *m->wide);
    if (m->wide == NULL) {
        return error_memory(error, t->source_count * sizeof *m->wide);
    }
    for (size_t i = 0; by_columns(t->kind) && i < t->source_count; i++) {
        const size_t values = t->cols / turns(t) * source_cols(m, t->sources[i]);
        if (!needs_copy(m, t->sources[i])) {
            continue;
        }
        m->wide[i].values = mem_calloc(values, sizeof(float));
        if (m->wide[i].values == NULL) {
            return error_memory(error, values * sizeof(float));
        }
    }
    return HEARTH_OK;
}

static hearth_status prepare(maker *m, hearth_error *error)
{
    const convert_tensor *t = m->t;
    size_t panel = 64;
    m->most_cols = t->cols;
    for (size_t i = 0; i < t->source_count; i++) {
        const tensor_entry *e = t->sources[i];
        if (t->flat && reader_of(m, e) != NULL) { /* a reader makes whole rows */
            return error_set(error, HEARTH_E_UNSUPPORTED, e->name, "F32, F16 or BF16, as it is read value by value",
                             "another format");
        }
        const size_t cols = source_cols(m, e);
        const size_t bytes = source_row_bytes(m, e);
        const size_t packed = value_bytes(e->type) == 0 ? panel_bytes(e->type, cols) : 0;
        m->most_cols = cols > m->most_cols ? cols : m->most_cols;
        m->most_row_bytes = bytes > m->most_row_bytes ? bytes : m->most_row_bytes;
        panel = packed > panel ? packed : panel;
    }
    m->values = mem_calloc(m->most_cols, PANEL_ROWS * sizeof *m->values);
    m->made = mem_alloc(m->most_row_bytes * PANEL_ROWS + 1);
    m->panel = mem_alloc_aligned(panel, 64);
    m->map = t->kind == CONVERT_PARTS ? mem_calloc(t->rows, sizeof *m->map) : NULL;
    if (m->values == NULL || m->made == NULL || m->panel == NULL || (t->kind == CONVERT_PARTS && m->map == NULL)) {
        return error_memory(error, m->most_cols * PANEL_ROWS * sizeof *m->values);
    }
    if (t->kind == CONVERT_PARTS) {
        fill_map(m);
    }
    return prepare_wide(m, error);
}

static hearth_status send_rows(maker *m, convert_sink sink, void *context, hearth_error *error)
{
    const convert_tensor *t = m->t;
    const size_t fitting = m->piece_bytes >= PIECE_BYTES ? 1 : PIECE_BYTES / m->piece_bytes;
    const size_t whole = fitting < PANEL_ROWS ? PANEL_ROWS : fitting / PANEL_ROWS * PANEL_ROWS;
    const size_t at_once = whole < t->rows ? whole : t->rows;
    m->piece = mem_calloc(at_once, m->piece_bytes);
    if (m->piece == NULL) {
        return error_memory(error, m->piece_bytes * at_once);
    }
    for (size_t row = 0; row < t->rows; row += at_once) {
        const size_t count = t->rows - row < at_once ? t->rows - row : at_once;
        for (size_t i = 0; i < count; i += PANEL_ROWS) {
            const unsigned few = count - i < PANEL_ROWS ? (unsigned)(count - i) : PANEL_ROWS;
            make_rows(m, row + i, few, m->piece + i * m->piece_bytes);
        }
        TRY(sink(context, m->piece, count * m->piece_bytes, error));
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
    if (t->kind == CONVERT_COPY && t->sources[0]->type == t->out.type && t->plus == 0.0f &&
        t->sources[0]->data != NULL) {
        return send_whole(t->sources[0], sink, context, error);
    }
    maker m = {.p = p, .t = t, .kernels = kernels, .piece_bytes = (size_t)(t->out.size_bytes / t->rows)};
    hearth_status status = prepare(&m, error);
    status = status != HEARTH_OK ? status : send_rows(&m, sink, context, error);
    for (size_t i = 0; m.wide != NULL && i < t->source_count; i++) {
        mem_free(m.wide[i].values);
    }
    mem_free(m.wide);
    mem_free(m.map);
    mem_free(m.values);
    mem_free(m.made);
    mem_free(m.panel);
    mem_free(m.piece);
    return status;
}
