/* Matrices: packing with all threads, the split of a product over threads, rows, and the path without a copy. */
#include "tensor/matrix.h"

#include "base/memory.h"
#include "platform/file.h"
#include "platform/pages.h"

/* The on-the-fly path packs this many panels before it multiplies them, where they fit; decoding reads several side by
 * side. */
#define ON_THE_FLY_PANELS 4u
#define ON_THE_FLY_BYTES ((size_t)256 << 10)

static size_t panel_count(size_t rows)
{
    return rows / PANEL_ROWS + (rows % PANEL_ROWS != 0);
}

size_t matrix_packed_bytes(dtype type, size_t rows, size_t cols)
{
    size_t bytes = 0;
    return size_mul(panel_bytes(type, cols), panel_count(rows), &bytes) ? bytes : 0;
}

matrix matrix_over(dtype type, size_t rows, size_t cols, const uint8_t *source, uint32_t *row_map)
{
    const dtype_info *info = dtype_get_info(type);
    return (matrix){
        .type = type,
        .rows = rows,
        .cols = cols,
        .source = source,
        .source_row_bytes = cols / info->block_values * info->block_bytes,
        .row_map = row_map,
    };
}

/* Packs panel `panel` (of the whole matrix) into `out`. `source` holds the rows from `source_row` on. */
static void pack_panel(const matrix *m, const uint8_t *source, size_t source_row, size_t panel, uint8_t *out)
{
    const uint8_t *rows[PANEL_ROWS];
    const size_t first = panel * PANEL_ROWS;
    const size_t left = m->rows - first;
    const unsigned count = left < PANEL_ROWS ? (unsigned)left : PANEL_ROWS;
    for (unsigned i = 0; i < count; i++) {
        const size_t row = m->row_map != NULL ? m->row_map[first + i] : first + i;
        rows[i] = source + (row - source_row) * m->source_row_bytes;
    }
    panel_pack(m->type, m->cols, rows, count, out);
}

typedef struct pack_work {
    const matrix *m;
    uint8_t *panels;
} pack_work;

static void pack_part(void *context, int part, int parts)
{
    const pack_work *work = context;
    const size_t size = panel_bytes(work->m->type, work->m->cols);
    const thread_range range = thread_split(panel_count(work->m->rows), 1, part, parts);
    for (size_t panel = range.begin; panel < range.end; panel++) {
        pack_panel(work->m, work->m->source, 0, panel, work->panels + panel * size);
    }
}

hearth_status matrix_pack(matrix *m, thread_pool *pool, hearth_error *error)
{
    if (m->panels != NULL) {
        return HEARTH_OK;
    }
    const size_t bytes = matrix_packed_bytes(m->type, m->rows, m->cols);
    uint8_t *panels = pages_alloc(bytes);
    if (panels == NULL) {
        return error_memory(error, bytes);
    }
    pack_work work = {m, panels};
    thread_pool_run(pool, pack_part, &work);
    m->panels = panels;
    return HEARTH_OK;
}

void matrix_free(matrix *m)
{
    if (m->panels != NULL) {
        pages_free((void *)(uintptr_t)m->panels, matrix_packed_bytes(m->type, m->rows, m->cols));
    }
    mem_free((void *)(uintptr_t)m->row_map);
    *m = (matrix){0};
}

/* Panels that the on-the-fly path packs at once: at least one. */
static size_t panels_at_once(const matrix *m)
{
    const size_t fitting = ON_THE_FLY_BYTES / panel_bytes(m->type, m->cols);
    return fitting < 1 ? 1 : fitting > ON_THE_FLY_PANELS ? ON_THE_FLY_PANELS : fitting;
}

size_t matrix_scratch_bytes(const matrix *m)
{
    return MATMUL_SCRATCH_BYTES + (m->panels != NULL ? 0 : panels_at_once(m) * panel_bytes(m->type, m->cols));
}

thread_range matrix_share(const matrix *m, int part, int parts)
{
    const thread_range panels = thread_split(panel_count(m->rows), 1, part, parts);
    const size_t begin = panels.begin * PANEL_ROWS;
    const size_t end = panels.end * PANEL_ROWS;
    return (thread_range){begin < m->rows ? begin : m->rows, end < m->rows ? end : m->rows};
}

/* Panels [range) packed on the fly. */
static void multiply_rows(const kernel_table *k, const matrix *m, const uint8_t *source, compute how,
                          const void *activation, size_t tokens, float *y, size_t ldy, thread_range range,
                          void *scratch)
{
    const size_t size = panel_bytes(m->type, m->cols);
    const size_t at_once = panels_at_once(m);
    const size_t source_row = m->stream != NULL ? m->stream_row : 0;
    uint8_t *packed = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES;
    for (size_t panel = range.begin; panel < range.end; panel += at_once) {
        const size_t count = range.end - panel < at_once ? range.end - panel : at_once;
        for (size_t i = 0; i < count; i++) {
            pack_panel(m, source, source_row, panel + i, packed + i * size);
        }
        const size_t first = panel * PANEL_ROWS;
        k->matmul[how][m->type](packed, m->rows - first, m->cols, activation, tokens, y + first, ldy, 0, count,
                                scratch);
    }
}

void matrix_multiply(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                     float *y, size_t ldy, int part, int parts, void *scratch)
{
    const thread_range range = thread_split(panel_count(m->rows), 1, part, parts);
    const bool any = range.begin < range.end && tokens != 0;
    if (m->stream != NULL) { /* also for nothing: every part must be seen to leave */
        const uint8_t *source = weight_stream_enter(m->stream, m->stream_unit);
        if (any && source != NULL) {
            multiply_rows(k, m, source, how, activation, tokens, y, ldy, range, scratch);
        }
        weight_stream_leave(m->stream, m->stream_unit);
    } else if (any && m->panels != NULL) {
        k->matmul[how][m->type](m->panels, m->rows, m->cols, activation, tokens, y, ldy, range.begin, range.end,
                                scratch);
    } else if (any) {
        multiply_rows(k, m, m->source, how, activation, tokens, y, ldy, range, scratch);
    }
}

void matrix_fetch(const matrix *m)
{
    if (m->fetched) {
        file_fetch(m->source, m->rows * m->source_row_bytes);
    }
}

void matrix_row(const kernel_table *k, const matrix *m, size_t row, float *out, void *scratch)
{
    const uint8_t *panel = NULL;
    if (m->panels != NULL) {
        panel = m->panels + row / PANEL_ROWS * panel_bytes(m->type, m->cols);
    } else {
        uint8_t *packed = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES;
        pack_panel(m, m->source, 0, row / PANEL_ROWS, packed);
        panel = packed;
    }
    k->panel_row[m->type](panel, m->cols, (unsigned)(row % PANEL_ROWS), out);
}
