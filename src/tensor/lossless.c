/* Products and rows of matrices in the lossless form, and such matrices out of a file. */
#include "tensor/lossless.h"

/* Up to so many tokens the packed bytes are multiplied as they are read; more share a BF16 panel made of them. */
#define STREAMED_TOKENS 4u
#define WIDENED_BYTES ((size_t)192 << 10) /* of BF16 panels at once: they stay in a core's own cache */
#define WIDENED_PANELS 4u

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
