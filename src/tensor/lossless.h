/* BF16 matrices in the lossless form (kernels/lossless.h): packing, copying stored ones, products, rows. A matrix whose
 * `lossless` is set has its panels so; it is BF16 to everyone else, and gives the same bits. */
#ifndef TENSOR_LOSSLESS_H
#define TENSOR_LOSSLESS_H

#include "kernels/lossless.h"
#include "tensor/matrix.h"

/* The user's choice. */
typedef enum lossless_choice {
    LOSSLESS_AUTO, /* where three quarters of a matrix's blocks fit: else reading them raw is as fast */
    LOSSLESS_ON,   /* every BF16 matrix */
    LOSSLESS_OFF,
} lossless_choice;

/* What a matrix will take in the form when nearly all of its blocks fit, or takes where it is stored so; 0: it cannot
 * have it (another format, rows of fewer than 64 values). */
uint64_t lossless_expected_bytes(const matrix *m);

/* Packs with all threads; leaves the matrix as it was where the form is not for it (then matrix_pack is). Blocks are
 * added to *met. On failure the matrix stays as it was. */
hearth_status lossless_pack_matrix(matrix *m, thread_pool *pool, lossless_choice choice, lossless_count *met,
                                   hearth_error *error);

/* Of a matrix in the form, as the functions of tensor/matrix.h. */
size_t lossless_scratch_bytes(const matrix *m);
void lossless_multiply(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                       float *y, size_t ldy, thread_range panels, void *scratch);
void lossless_matrix_row(const kernel_table *k, const matrix *m, size_t row, float *out);

/* ---- as files have them ---- */

/* Makes BF16 rows out of a stored tensor [rows_each of each of several, cols]. */
typedef struct lossless_reader {
    matrix_reader reader; /* first: readers are these */
    const uint8_t *panels;
    size_t rows_each, cols, first; /* row `first` of all is the matrix's row 0 */
} lossless_reader;

void lossless_reader_row(const matrix_reader *reader, size_t row, uint8_t *out);
/* `rows` rows from r->first on, in the order of row_map (taken over; NULL: as they are). Whole panels in their order
 * are copied when it is packed. */
matrix lossless_matrix(const lossless_reader *r, size_t rows, uint32_t *row_map);

#endif
