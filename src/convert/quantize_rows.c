/* Rows by panels of sixteen: decoded side by side, searched side by side, written one after the other. A panel is one
 * thread's, so that neither threads nor instruction sets are seen in the bytes. */
#include "convert/quantize_rows.h"

#include "base/memory.h"
#include "tensor/lossless.h"

#include <string.h>

#define PIECE_BYTES ((size_t)4 << 20) /* of the output, at once */
#define TILE_FLOATS (QUANTIZE_VALUES * SEARCH_LANES)

/* A thread's room: tiles of values and weights, and a panel where values come out of one. */
typedef struct row_room {
    float x[TILE_FLOATS], w[TILE_FLOATS];
    uint8_t panel[];
} row_room;

static bool is_plain(dtype type)
{
    return type == DTYPE_F32 || type == DTYPE_F16 || type == DTYPE_BF16;
}

/* Where a panel's rows begin, and how many they are. */
static size_t panel_rows(const row_work *w, size_t panel, unsigned *ret_count)
{
    const size_t within = panel % w->panels_each * SEARCH_LANES;
    const size_t left = w->rows_each - within;
    *ret_count = left < SEARCH_LANES ? (unsigned)left : SEARCH_LANES;
    return panel / w->panels_each * w->rows_each + within;
}

/* Values [at, at + n) of a panel's rows into room->x. */
static void decode_tile(const row_work *w, row_room *room, size_t row, unsigned count, size_t at, size_t n)
{
    const uint8_t *rows[SEARCH_LANES];
    const dtype type = w->from->type;
    if (type == DTYPE_BF16_LOSSLESS) {
        const lossless_reader reader = {.panels = w->from->data, .rows_each = w->rows_each, .cols = w->cols};
        for (unsigned r = 0; r < count; r++) {
            uint8_t *made = room->panel + (size_t)2 * r * w->cols;
            if (at == 0) {
                lossless_reader_row(&reader.reader, row + r, made);
            }
            rows[r] = made + 2 * at;
        }
        w->search->gather(DTYPE_BF16, rows, count, n, room->x);
        return;
    }
    for (unsigned r = 0; r < count; r++) {
        rows[r] = w->from->data + (row + r) * w->from_bytes;
    }
    if (is_plain(type)) {
        for (unsigned r = 0; r < count; r++) {
            rows[r] += at * dtype_get_info((uint32_t)type)->block_bytes;
        }
        w->search->gather(type, rows, count, n, room->x);
        return;
    }
    if (at == 0) {
        panel_pack(type, w->cols, rows, count, room->panel);
    }
    w->kernels->panel_dequantize[type](room->panel, w->cols, at, at + n, room->x);
}

static void encode_plain(const row_work *w, const quantize_tile *tile, double error[SEARCH_LANES])
{
    for (unsigned r = 0; r < tile->count; r++) {
        for (size_t i = 0; i < tile->n; i++) {
            const float value = tile->x[i * SEARCH_LANES + r];
            if (w->to == DTYPE_F32) {
                memcpy(tile->out[r] + 4 * i, &value, 4);
                continue;
            }
            const uint16_t half = w->to == DTYPE_F16 ? f16_from_f32(value) : bf16_from_f32(value);
            const double off = (double)(w->to == DTYPE_F16 ? f16_to_f32(half) : bf16_to_f32(half)) - (double)value;
            memcpy(tile->out[r] + 2 * i, &half, 2);
            error[r] += off * off;
        }
    }
}

static void run_panel(const row_work *w, size_t panel, row_room *room)
{
    const dtype_info *info = dtype_get_info((uint32_t)w->to);
    unsigned first_count, count;
    const size_t first_row = panel_rows(w, w->first, &first_count);
    const size_t row = panel_rows(w, panel, &count);
    const float *importance = w->importance == NULL ? NULL : w->importance + panel / w->panels_each * w->cols;
    double error[SEARCH_LANES] = {0};
    float square[SEARCH_LANES];
    double squares = 0;
    for (size_t at = 0; at < w->cols; at += QUANTIZE_VALUES) {
        const size_t n = w->cols - at < QUANTIZE_VALUES ? w->cols - at : QUANTIZE_VALUES;
        quantize_tile tile = {.x = room->x, .w = importance == NULL ? NULL : room->w, .n = n, .count = count};
        decode_tile(w, room, row, count, at, n);
        w->search->weigh(room->x, importance == NULL ? NULL : importance + at, n, room->w, square);
        for (unsigned r = 0; r < count; r++) {
            tile.out[r] = w->out + (row + r - first_row) * w->to_bytes + at / info->block_values * info->block_bytes;
            squares += (double)square[r];
        }
        if (is_plain(w->to)) {
            encode_plain(w, &tile, error);
        } else {
            quantize_blocks(w->search, w->to, &tile, error);
        }
    }
    w->errors[panel - w->first] = 0;
    w->squares[panel - w->first] = squares;
    for (unsigned r = 0; r < count; r++) {
        w->errors[panel - w->first] += error[r];
    }
}

static void run_part(void *context, int part, int parts)
{
    row_work *w = context;
    (void)parts;
    if (part == 0 && w->meanwhile != NULL) {
        w->meanwhile(w->meanwhile_context);
    }
    for (;;) {
        const size_t i = atomic_fetch_add_explicit(&w->next, 1, memory_order_relaxed);
        if (i >= w->count) {
            return;
        }
        run_panel(w, w->first + i, (row_room *)(w->room + (size_t)part * w->room_bytes));
    }
}

size_t row_work_run(row_work *w)
{
    unsigned count;
    const size_t begin = panel_rows(w, w->first, &count);
    atomic_store_explicit(&w->next, 0, memory_order_relaxed);
    thread_pool_run(w->pool, run_part, w);
    const size_t last = panel_rows(w, w->first + w->count - 1, &count);
    return last + count - begin;
}

hearth_status row_work_begin(row_work *w, hearth_error *error)
{
    const size_t parts = (size_t)thread_pool_parts(w->pool);
    w->search = search_select(w->kernels);
    w->panels_each = (w->rows_each + SEARCH_LANES - 1) / SEARCH_LANES;
    w->panels = w->rows / w->rows_each * w->panels_each;
    w->at_once = PIECE_BYTES / (w->to_bytes * SEARCH_LANES);
    w->at_once = w->at_once < parts ? parts : w->at_once;
    w->at_once = w->at_once < w->panels ? w->at_once : w->panels;
    const dtype panel = w->from->type == DTYPE_BF16_LOSSLESS ? DTYPE_BF16 : w->from->type;
    w->room_bytes = size_round_up(sizeof(row_room) + (is_plain(w->from->type) ? 0 : panel_bytes(panel, w->cols)), 64);
    w->errors = mem_calloc(w->at_once, sizeof *w->errors);
    w->squares = mem_calloc(w->at_once, sizeof *w->squares);
    w->room = mem_alloc_aligned(parts * w->room_bytes, 64);
    if (w->errors == NULL || w->squares == NULL || w->room == NULL) {
        row_work_end(w);
        return error_memory(error, parts * w->room_bytes);
    }
    return HEARTH_OK;
}

void row_work_end(row_work *w)
{
    mem_free(w->errors);
    mem_free(w->squares);
    mem_free(w->room);
    w->errors = w->squares = NULL;
    w->room = NULL;
}

size_t row_work_out_bytes(const row_work *w)
{
    return w->at_once * SEARCH_LANES * w->to_bytes;
}
