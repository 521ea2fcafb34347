/* What a product reads and multiplies. */
#include "nn/profile.h"

nn_work nn_product_work(const matrix *m, size_t tokens, thread_range rows)
{
    const size_t panels = (rows.end - rows.begin + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t all = (m->rows + PANEL_ROWS - 1) / PANEL_ROWS;
    if (all == 0) {
        return (nn_work){0};
    }
    const size_t bytes = matrix_panels_bytes(m) / all * panels;
    return (nn_work){.bytes = (double)bytes,
                     .multiplies = (double)(rows.end - rows.begin) * (double)m->cols * (double)tokens};
}
