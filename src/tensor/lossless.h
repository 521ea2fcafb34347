/* BF16 matrices in the lossless form (kernels/lossless.h): choosing it, memory for it, packing a panel or copying a
 * stored one, products, rows. A matrix whose `lossless` is set has its panels so; it is BF16 to everyone else, and
 * gives the same bits. */
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

/* What has been packed, of one matrix or of several. */
typedef struct lossless_report {
    uint64_t panels, packed; /* in this form, and of these how many are packed */
    uint64_t values, bytes;  /* of those that are packed */
    lossless_count met;      /* likewise */
    uint64_t beyond;         /* bytes on top of lossless_expected_bytes: blocks that do not fit */
} lossless_report;

/* Whether the form is for a matrix that is not packed yet: BF16, rows of at least 64 values, and for LOSSLESS_AUTO
 * blocks that fit, of a sample of 64 (of one that is stored so: of all). */
hearth_status lossless_is_for(const matrix *m, lossless_choice choice, bool *ret, hearth_error *error);
/* What a matrix will take in the form when nearly all of its blocks fit, or takes where it is stored so; 0: it cannot
 * have it (another format, rows of fewer than 64 values). */
uint64_t lossless_expected_bytes(const matrix *m);
/* Memory for the panels; matrix_pack_later then has them packed in this form. Blocks that do not fit may take `beyond`
 * bytes on top of lossless_expected_bytes. */
hearth_status lossless_reserve(matrix *m, uint64_t beyond, hearth_error *error);
void lossless_release(matrix *m);

/* Packs a panel, which nobody else does at the same time; false where there is no memory for it. `scratch`:
 * lossless_packing_bytes(m), 64-byte aligned, and the rows that a reader makes behind it. */
size_t lossless_packing_bytes(const matrix *m);
bool lossless_make_panel(const matrix *m, size_t panel, uint8_t *scratch);

size_t lossless_bytes(const matrix *m);
/* Added to *to. */
void lossless_add_report(const matrix *m, lossless_report *to);

/* Of a matrix in the form, as the functions of tensor/matrix.h, all of whose panels in question are packed. */
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
