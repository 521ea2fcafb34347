/* The places were checked when the file was opened (formats/gguf_lossless.c); the panels that are used, here. */
#include "model/weights_lossless.h"

#include "base/memory.h"

static hearth_status check_panels(const tensor_entry *entry, const lossless_reader *r, size_t rows, hearth_error *error)
{
    const size_t each = (r->rows_each + PANEL_ROWS - 1) / PANEL_ROWS;
    const size_t begin = r->first / r->rows_each * each;
    const size_t end = ((r->first + rows - 1) / r->rows_each + 1) * each;
    return gguf_lossless_check(entry, begin, end, error);
}

hearth_status weights_lossless(loader *l, const tensor_entry *entry, size_t first, size_t rows, uint32_t *row_map,
                               matrix *ret, hearth_error *error)
{
    lossless_reader *r = arena_array(l->w->vectors, 1, sizeof *r);
    hearth_status status = HEARTH_OK;
    if (r == NULL) {
        status = error_memory(error, sizeof *r);
    } else {
        *r = (lossless_reader){.reader = {lossless_reader_row},
                               .panels = entry->data,
                               .rows_each = (size_t)entry->shape[entry->dims - 2],
                               .cols = (size_t)entry->shape[entry->dims - 1],
                               .first = first};
        /* a map may name any row of the matrix that `first` is in: of a fused tensor, more than `rows` */
        const size_t left = r->rows_each - first % r->rows_each;
        status = check_panels(entry, r, row_map == NULL ? rows : left, error);
    }
    if (status != HEARTH_OK) {
        mem_free(row_map);
        return status;
    }
    *ret = lossless_matrix(r, rows, row_map);
    return HEARTH_OK;
}
