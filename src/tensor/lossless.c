/* Packing in two passes, what each panel will take and then the panels, so that the memory is exact. */
#include "tensor/lossless.h"

#include "base/memory.h"
#include "platform/pages.h"

/* Up to so many tokens the packed bytes are multiplied as they are read; more share a BF16 panel made of them. */
#define STREAMED_TOKENS 4u
#define WIDENED_BYTES ((size_t)192 << 10) /* of BF16 panels at once: they stay in a core's own cache */
#define WIDENED_PANELS 4u

static size_t panel_count(const matrix *m)
{
    return m->rows / PANEL_ROWS + (m->rows % PANEL_ROWS != 0);
}

static bool has_form(const matrix *m)
{
    return m->type == DTYPE_BF16 && m->cols >= LOSSLESS_VALUES;
}

/* From the first panel's begin to the last one's end. */
static size_t stored_bytes(const matrix *m)
{
    return (size_t)(lossless_panel(m->stored, panel_count(m)) - lossless_panel(m->stored, 0));
}

uint64_t lossless_expected_bytes(const matrix *m)
{
    const size_t panels = panel_count(m);
    if (!has_form(m)) {
        return 0;
    }
    const uint64_t places = lossless_places_bytes(panels);
    return places + (m->stored != NULL ? stored_bytes(m) : (uint64_t)panels * lossless_panel_least(m->cols));
}

typedef struct packing {
    const matrix *m;
    uint64_t *sizes;     /* [panels] */
    uint8_t *made;       /* for each part: rows that a reader makes */
    uint8_t *raw;        /* for each part: a BF16 panel */
    uint8_t *panels;     /* the matrix in the form */
    lossless_count *met; /* [parts] */
} packing;

static unsigned rows_of(const packing *p, size_t panel, int part, const uint8_t *rows[PANEL_ROWS])
{
    const size_t room = PANEL_ROWS * p->m->source_row_bytes;
    return matrix_panel_rows(p->m, panel, p->made == NULL ? NULL : p->made + (size_t)part * room, rows);
}

static void measure_part(void *context, int part, int parts)
{
    const packing *p = context;
    const thread_range range = thread_split(panel_count(p->m), 1, part, parts);
    const uint8_t *rows[PANEL_ROWS];
    lossless_count met = {0};
    for (size_t panel = range.begin; panel < range.end; panel++) {
        const unsigned count = rows_of(p, panel, part, rows);
        p->sizes[panel] = lossless_measure(rows, p->m->cols, count, &met);
    }
    p->met[part] = met;
}

static void pack_part(void *context, int part, int parts)
{
    const packing *p = context;
    const thread_range range = thread_split(panel_count(p->m), 1, part, parts);
    const uint8_t *rows[PANEL_ROWS];
    uint8_t *raw = p->raw + (size_t)part * panel_bytes(DTYPE_BF16, p->m->cols);
    for (size_t panel = range.begin; panel < range.end; panel++) {
        const unsigned count = rows_of(p, panel, part, rows);
        panel_pack(DTYPE_BF16, p->m->cols, rows, count, raw);
        (void)lossless_pack(raw, p->m->cols, count, p->panels + (lossless_panel(p->panels, panel) - p->panels));
    }
}

static void copy_part(void *context, int part, int parts)
{
    const packing *p = context;
    const thread_range range = thread_split(panel_count(p->m), 1, part, parts);
    for (size_t panel = range.begin; panel < range.end; panel++) {
        const uint8_t *from = lossless_panel(p->m->stored, panel);
        memcpy(p->panels + (lossless_panel(p->panels, panel) - p->panels), from, p->sizes[panel]);
    }
}

/* Memory for panels of these sizes, and their places in it. */
static size_t make_places(packing *p)
{
    const size_t panels = panel_count(p->m);
    size_t bytes = lossless_places_bytes(panels);
    for (size_t i = 0; i < panels; i++) {
        bytes += p->sizes[i];
    }
    p->panels = pages_alloc(bytes);
    size_t at = lossless_places_bytes(panels);
    for (size_t i = 0; p->panels != NULL && i <= panels; i++) {
        lossless_set_place(p->panels, i, p->panels + at);
        at += i < panels ? p->sizes[i] : 0;
    }
    return bytes;
}

/* Sizes of all panels; whether the form is for them. */
static bool measure(packing *p, thread_pool *pool, lossless_choice choice, lossless_count *met)
{
    lossless_count all = {0};
    if (p->m->stored != NULL) {
        for (size_t i = 0; i < panel_count(p->m); i++) {
            const uint8_t *panel = lossless_panel(p->m->stored, i);
            p->sizes[i] = (uint64_t)(lossless_panel(p->m->stored, i + 1) - panel);
            const uint64_t raw =
                (p->sizes[i] - lossless_panel_least(p->m->cols)) / (LOSSLESS_RAW_BYTES - LOSSLESS_BLOCK_BYTES);
            all.blocks += p->m->cols / LOSSLESS_VALUES;
            all.fitting += p->m->cols / LOSSLESS_VALUES - raw;
        }
    } else {
        thread_pool_run(pool, measure_part, p);
        for (int i = 0; i < thread_pool_parts(pool); i++) {
            all.blocks += p->met[i].blocks;
            all.fitting += p->met[i].fitting;
        }
    }
    const bool taken = choice == LOSSLESS_ON || 4 * all.fitting >= 3 * all.blocks;
    met->blocks += taken ? all.blocks : 0;
    met->fitting += taken ? all.fitting : 0;
    return taken;
}

static hearth_status pack(packing *p, matrix *m, thread_pool *pool, lossless_choice choice, lossless_count *met,
                          hearth_error *error)
{
    const size_t parts = (size_t)thread_pool_parts(pool);
    const size_t made = m->reader == NULL ? 0 : parts * PANEL_ROWS * m->source_row_bytes;
    const size_t raw = parts * panel_bytes(DTYPE_BF16, m->cols);
    p->sizes = mem_calloc(panel_count(m), sizeof *p->sizes);
    p->met = mem_calloc(parts, sizeof *p->met);
    p->raw = mem_alloc_aligned(raw, 64);
    p->made = made == 0 ? NULL : mem_alloc(made);
    if (p->sizes == NULL || p->met == NULL || p->raw == NULL || (made != 0 && p->made == NULL)) {
        return error_memory(error, raw + made);
    }
    lossless_count some = *met;
    if (!measure(p, pool, choice, &some)) {
        return HEARTH_OK;
    }
    const size_t bytes = make_places(p);
    if (p->panels == NULL) {
        return error_memory(error, bytes);
    }
    thread_pool_run(pool, m->stored != NULL ? copy_part : pack_part, p);
    *met = some;
    m->panels = p->panels;
    m->lossless = true;
    m->lossless_bytes = bytes;
    return HEARTH_OK;
}

hearth_status lossless_pack_matrix(matrix *m, thread_pool *pool, lossless_choice choice, lossless_count *met,
                                   hearth_error *error)
{
    packing p = {.m = m};
    if (m->panels != NULL || !has_form(m) || choice == LOSSLESS_OFF) {
        return HEARTH_OK;
    }
    const hearth_status status = pack(&p, m, pool, choice, met, error);
    mem_free(p.sizes);
    mem_free(p.met);
    mem_free(p.raw);
    mem_free(p.made);
    return status;
}

/* ---- products ---- */

static size_t widened_panels(const matrix *m)
{
    const size_t fitting = WIDENED_BYTES / panel_bytes(DTYPE_BF16, m->cols);
    return fitting < 1 ? 1 : fitting > WIDENED_PANELS ? WIDENED_PANELS : fitting;
}

size_t lossless_scratch_bytes(const matrix *m)
{
    return MATMUL_SCRATCH_BYTES + widened_panels(m) * panel_bytes(DTYPE_BF16, m->cols);
}

void lossless_multiply(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                       float *y, size_t ldy, thread_range panels, void *scratch)
{
    if (tokens <= STREAMED_TOKENS) {
        k->matmul[how][DTYPE_BF16_LOSSLESS](m->panels, m->rows, m->cols, activation, tokens, y, ldy, panels.begin,
                                            panels.end, scratch);
        return;
    }
    const size_t size = panel_bytes(DTYPE_BF16, m->cols);
    const size_t at_once = widened_panels(m);
    uint8_t *wide = (uint8_t *)scratch + MATMUL_SCRATCH_BYTES;
    for (size_t panel = panels.begin; panel < panels.end; panel += at_once) {
        const size_t count = panels.end - panel < at_once ? panels.end - panel : at_once;
        for (size_t i = 0; i < count; i++) {
            k->panel_dequantize[DTYPE_BF16_LOSSLESS](lossless_panel(m->panels, panel + i), m->cols, 0, m->cols,
                                                     (float *)(void *)(wide + i * size));
        }
        const size_t first = panel * PANEL_ROWS;
        k->matmul[how][DTYPE_BF16](wide, m->rows - first, m->cols, activation, tokens, y + first, ldy, 0, count,
                                   scratch);
    }
}

void lossless_matrix_row(const kernel_table *k, const matrix *m, size_t row, float *out)
{
    k->panel_row[DTYPE_BF16_LOSSLESS](lossless_panel(m->panels, row / PANEL_ROWS), m->cols,
                                      (unsigned)(row % PANEL_ROWS), out);
}

/* ---- as files have them ---- */

void lossless_reader_row(const matrix_reader *reader, size_t row, uint8_t *out)
{
    const lossless_reader *r = (const lossless_reader *)reader;
    const size_t panels_each = (r->rows_each + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t at = r->first + row;
    const size_t in_one = at % r->rows_each;
    const size_t panel = at / r->rows_each * panels_each + in_one / PANEL_ROWS;
    lossless_row(lossless_panel(r->panels, panel), r->cols, (unsigned)(in_one % PANEL_ROWS), out);
}

matrix lossless_matrix(const lossless_reader *r, size_t rows, uint32_t *row_map)
{
    matrix m = matrix_read_by(DTYPE_BF16, rows, r->cols, &r->reader, row_map);
    const size_t in_one = r->first % r->rows_each;
    const bool ends = in_one + rows == r->rows_each || (in_one + rows < r->rows_each && rows % PANEL_ROWS == 0);
    if (row_map == NULL && in_one % PANEL_ROWS == 0 && ends) {
        const size_t panels_each = (r->rows_each + PANEL_ROWS - 1) / PANEL_ROWS;
        m.stored = r->panels + 8 * (r->first / r->rows_each * panels_each + in_one / PANEL_ROWS);
    }
    return m;
}
