/* Matrices: packing with all threads, the split of a product over threads, rows, and the path without a copy. */
#include "tensor/matrix.h"

#include "base/memory.h"
#include "platform/pages.h"
#include "tensor/lossless.h"

#include <stdatomic.h>

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

size_t matrix_panels_bytes(const matrix *m)
{
    return m->lossless != NULL ? lossless_bytes(m) : matrix_packed_bytes(m->type, m->rows, m->cols);
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

matrix matrix_read_by(dtype type, size_t rows, size_t cols, const matrix_reader *reader, uint32_t *row_map)
{
    matrix m = matrix_over(type, rows, cols, NULL, row_map);
    m.reader = reader;
    return m;
}

/* Of the rows that a reader makes for one panel. */
static size_t read_bytes(const matrix *m)
{
    return m->reader == NULL ? 0 : size_round_up(PANEL_ROWS * m->source_row_bytes, 64);
}

/* Where a panel's rows come from. */
typedef struct panel_source {
    const uint8_t *rows; /* from row `first` on; NULL: the matrix's reader makes them */
    size_t first;
    uint8_t *made; /* read_bytes(m), for a reader's rows */
} panel_source;

static unsigned panel_rows(const matrix *m, panel_source source, size_t panel, const uint8_t *rows[PANEL_ROWS])
{
    const size_t first = panel * PANEL_ROWS;
    const size_t left = m->rows - first;
    const unsigned count = left < PANEL_ROWS ? (unsigned)left : PANEL_ROWS;
    for (unsigned i = 0; i < count; i++) {
        const size_t row = m->row_map != NULL ? m->row_map[first + i] : first + i;
        if (m->reader != NULL) {
            m->reader->row(m->reader, row, source.made + i * m->source_row_bytes);
            rows[i] = source.made + i * m->source_row_bytes;
        } else {
            rows[i] = source.rows + (row - source.first) * m->source_row_bytes;
        }
    }
    return count;
}

unsigned matrix_panel_rows(const matrix *m, size_t panel, uint8_t *made, const uint8_t *rows[PANEL_ROWS])
{
    return panel_rows(m, (panel_source){m->source, 0, made}, panel, rows);
}

/* Packs panel `panel` (of the whole matrix) into `out`. */
static void pack_panel(const matrix *m, panel_source source, size_t panel, uint8_t *out)
{
    const uint8_t *rows[PANEL_ROWS];
    const unsigned count = panel_rows(m, source, panel, rows);
    panel_pack(m->type, m->cols, rows, count, out);
}

/* ---- packing ---- */

typedef struct pack_work {
    const matrix *m;
    uint8_t *panels;
    uint8_t *made; /* read_bytes(m) a thread */
} pack_work;

static void pack_part(void *context, int part, int parts)
{
    const pack_work *work = context;
    const size_t size = panel_bytes(work->m->type, work->m->cols);
    const thread_range range = thread_split(panel_count(work->m->rows), 1, part, parts);
    for (size_t panel = range.begin; panel < range.end; panel++) {
        uint8_t *made = work->made == NULL ? NULL : work->made + (size_t)part * read_bytes(work->m);
        const panel_source source = {work->m->source, 0, made};
        pack_panel(work->m, source, panel, work->panels + panel * size);
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
    const size_t room = read_bytes(m) * (size_t)thread_pool_parts(pool);
    uint8_t *made = room == 0 ? NULL : mem_alloc(room);
    if (room != 0 && made == NULL) {
        pages_free(panels, bytes);
        return error_memory(error, room);
    }
    pack_work work = {m, panels, made};
    thread_pool_run(pool, pack_part, &work);
    mem_free(made);
    m->panels = panels;
    return HEARTH_OK;
}

/* ---- packing when first used ---- */

enum { PANEL_LOOSE, PANEL_TAKEN, PANEL_PACKED, PANEL_STAYS /* there was no memory */ };

/* A panel is packed by whoever takes it first. Others that want it meanwhile do not wait: they multiply their own copy.
 * Products of later steps see what earlier ones packed, as a run of the threads lies between. */
struct matrix_pending {
    const file_map *map;
    atomic_size_t left; /* panels not yet packed */
    atomic_uchar state[];
};

hearth_status matrix_pack_later(matrix *m, const file_map *map, hearth_error *error)
{
    if (m->pending != NULL || (m->panels != NULL && m->lossless == NULL)) {
        return HEARTH_OK;
    }
    const size_t count = panel_count(m->rows);
    matrix_pending *pending = mem_calloc(1, sizeof *pending + count);
    if (pending == NULL) {
        return error_memory(error, sizeof *pending + count);
    }
    if (m->lossless == NULL) {
        const size_t bytes = matrix_packed_bytes(m->type, m->rows, m->cols);
        m->panels = pages_alloc(bytes);
        if (m->panels == NULL) {
            mem_free(pending);
            return error_memory(error, bytes);
        }
    }
    pending->map = map;
    atomic_init(&pending->left, count);
    m->pending = pending;
    return HEARTH_OK;
}

size_t matrix_packed_panels(const matrix *m)
{
    if (m->panels == NULL) {
        return 0;
    }
    return panel_count(m->rows) - (m->pending == NULL ? 0 : atomic_load(&m->pending->left));
}

static bool is_packed(const matrix *m)
{
    return m->panels != NULL &&
           (m->pending == NULL || atomic_load_explicit(&m->pending->left, memory_order_acquire) == 0);
}

static void let_go_of_source(const matrix *m)
{
    const file_map *map = m->pending->map;
    const uint8_t *begin = m->source;
    size_t bytes = m->rows * m->source_row_bytes;
    if (m->stored != NULL) {
        begin = lossless_panel(m->stored, 0);
        bytes = (size_t)(lossless_panel(m->stored, panel_count(m->rows)) - begin);
    }
    if (map != NULL && begin != NULL) {
        file_map_release(map, (size_t)(begin - map->data), bytes);
    }
}

/* Of packing a panel where it is to be, and the rows that a reader makes. */
static size_t making_bytes(const matrix *m)
{
    return (m->lossless != NULL ? lossless_packing_bytes(m) : 0) + read_bytes(m);
}

/* A panel that this thread has taken; `made`: making_bytes(m). */
static bool make_panel(const matrix *m, size_t panel, uint8_t *made)
{
    if (m->lossless != NULL) {
        return lossless_make_panel(m, panel, made);
    }
    uint8_t *panels = (uint8_t *)(uintptr_t)m->panels;
    pack_panel(m, (panel_source){m->source, 0, made}, panel, panels + panel * panel_bytes(m->type, m->cols));
    return true;
}

/* Packs panels [range) that nobody has; false where one of them is not packed: another thread is at it, or it stays. */
static bool make_ready(const matrix *m, thread_range range, uint8_t *made)
{
    matrix_pending *pending = m->pending;
    bool all = true;
    for (size_t panel = range.begin; panel < range.end; panel++) {
        unsigned char state = PANEL_LOOSE;
        if (!atomic_compare_exchange_strong(&pending->state[panel], &state, PANEL_TAKEN)) {
            all = all && state == PANEL_PACKED;
        } else if (!make_panel(m, panel, made)) {
            atomic_store(&pending->state[panel], PANEL_STAYS);
            all = false;
        } else {
            atomic_store(&pending->state[panel], PANEL_PACKED);
            if (atomic_fetch_sub(&pending->left, 1) == 1) {
                let_go_of_source(m);
            }
        }
    }
    return all;
}

static void pack_rest_part(void *context, int part, int parts)
{
    const pack_work *work = context;
    const thread_range range = thread_split(panel_count(work->m->rows), 1, part, parts);
    (void)make_ready(work->m, range, work->made + (size_t)part * making_bytes(work->m));
}

hearth_status matrix_pack_rest(matrix *m, thread_pool *pool, hearth_error *error)
{
    const size_t room = making_bytes(m) * (size_t)thread_pool_parts(pool);
    if (m->pending == NULL) {
        return HEARTH_OK;
    }
    pack_work work = {.m = m, .made = mem_alloc_aligned(room + 64, 64)};
    if (work.made == NULL) {
        return error_memory(error, room);
    }
    thread_pool_run(pool, pack_rest_part, &work);
    mem_free(work.made);
    return HEARTH_OK;
}

void matrix_free(matrix *m)
{
    mem_free(m->pending);
    if (m->lossless != NULL) {
        lossless_release(m);
    }
    if (m->panels != NULL) {
        pages_free((void *)(uintptr_t)m->panels, matrix_panels_bytes(m));
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
    const size_t product = m->lossless != NULL ? lossless_scratch_bytes(m) : MATMUL_SCRATCH_BYTES;
    const size_t on_the_fly =
        MATMUL_SCRATCH_BYTES + panels_at_once(m) * panel_bytes(m->type, m->cols) + making_bytes(m);
    return is_packed(m) || on_the_fly < product ? product : on_the_fly;
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
    uint8_t *packed = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES;
    const panel_source from = {source, m->stream != NULL ? m->stream_row : 0, packed + at_once * size};
    for (size_t panel = range.begin; panel < range.end; panel += at_once) {
        const size_t count = range.end - panel < at_once ? range.end - panel : at_once;
        for (size_t i = 0; i < count; i++) {
            pack_panel(m, from, panel + i, packed + i * size);
        }
        const size_t first = panel * PANEL_ROWS;
        k->matmul[how][m->type](packed, m->rows - first, m->cols, activation, tokens, y + first, ldy, 0, count,
                                scratch);
    }
}

/* Panels [range), all of which are packed. */
static void multiply_packed(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                            float *y, size_t ldy, thread_range range, void *scratch)
{
    if (m->lossless != NULL) {
        lossless_multiply(k, m, how, activation, tokens, y, ldy, range, scratch);
    } else {
        k->matmul[how][m->type](m->panels, m->rows, m->cols, activation, tokens, y, ldy, range.begin, range.end,
                                scratch);
    }
}

/* With so few tokens panels are multiplied while they are in the cache; with more all of a share's are packed first,
 * which the kernels then walk as they like, unless one of them is not there. */
#define PENDING_TOKENS 8u

/* Panels [range), packed where they are not yet. */
static void multiply_pending(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                             float *y, size_t ldy, thread_range range, void *scratch)
{
    const size_t at_once = panels_at_once(m);
    uint8_t *made = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES + at_once * panel_bytes(m->type, m->cols);
    if (tokens > PENDING_TOKENS && make_ready(m, range, made)) {
        multiply_packed(k, m, how, activation, tokens, y, ldy, range, scratch);
        return;
    }
    for (thread_range piece = range; piece.begin < range.end; piece.begin = piece.end) {
        piece.end = range.end - piece.begin < at_once ? range.end : piece.begin + at_once;
        if (make_ready(m, piece, made)) {
            multiply_packed(k, m, how, activation, tokens, y, ldy, piece, scratch);
        } else {
            multiply_rows(k, m, m->source, how, activation, tokens, y, ldy, piece, scratch);
        }
    }
}

/* Panels [range), which are some; not of a stream. */
static void multiply_panels(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                            float *y, size_t ldy, thread_range range, void *scratch)
{
    if (is_packed(m)) {
        multiply_packed(k, m, how, activation, tokens, y, ldy, range, scratch);
    } else if (m->pending != NULL) {
        multiply_pending(k, m, how, activation, tokens, y, ldy, range, scratch);
    } else {
        multiply_rows(k, m, m->source, how, activation, tokens, y, ldy, range, scratch);
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
    } else if (any) {
        multiply_panels(k, m, how, activation, tokens, y, ldy, range, scratch);
    }
}

void matrix_multiply_rows(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                          float *y, size_t ldy, thread_range rows, void *scratch)
{
    const thread_range range = {rows.begin / PANEL_ROWS, panel_count(rows.end)};
    if (range.begin < range.end && tokens != 0) {
        multiply_panels(k, m, how, activation, tokens, y, ldy, range, scratch);
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
    const bool there =
        m->panels != NULL && (m->pending == NULL || atomic_load(&m->pending->state[row / PANEL_ROWS]) == PANEL_PACKED);
    if (there && m->lossless != NULL) {
        lossless_matrix_row(k, m, row, out);
        return;
    }
    if (there) {
        panel = m->panels + row / PANEL_ROWS * panel_bytes(m->type, m->cols);
    } else {
        uint8_t *packed = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES;
        uint8_t *made = packed + panels_at_once(m) * panel_bytes(m->type, m->cols);
        pack_panel(m, (panel_source){m->source, 0, made}, row / PANEL_ROWS, packed);
        panel = packed;
    }
    k->panel_row[m->type](panel, m->cols, (unsigned)(row % PANEL_ROWS), out);
}
