/* A weight matrix as the model sees it: a number format, a shape, and its bytes either packed in panels
 * (fast; at once, or each panel by the first product that uses it), or as they lie in the mapped file (packed panel by
 * panel on the fly), or likewise but read ahead by a stream (tensor/stream.h). All give the same bits. */
#ifndef TENSOR_MATRIX_H
#define TENSOR_MATRIX_H

#include "base/error.h"
#include "kernels/kernels.h"
#include "platform/file.h"
#include "tensor/stream.h"
#include "threads/pool.h"

/* Makes rows of a format out of what is stored otherwise (by columns, in two tensors, …). */
typedef struct matrix_reader {
    /* `out`: the row of the matrix's format, source_row_bytes. Several threads call it at once. */
    void (*row)(const struct matrix_reader *reader, size_t row, uint8_t *out);
} matrix_reader;

/* Which panels have been packed, of a matrix that is packed when it is first used. */
typedef struct matrix_pending matrix_pending;
/* The memory of panels in the lossless form of BF16. */
typedef struct lossless_store lossless_store;

typedef struct matrix {
    dtype type;
    size_t rows;
    size_t cols;
    const uint8_t *panels;    /* packed, owned: free with matrix_free; NULL when on the fly */
    lossless_store *lossless; /* owned; not NULL: the panels are in the lossless form of BF16 (tensor/lossless.h) */
    bool lossless_wanted;     /* packing chooses that form (lossless_is_for) */
    matrix_pending *pending;  /* owned; not NULL: panels are packed when they are first used */
    const uint8_t *stored;    /* where a file has whole panels of it in the lossless form; NULL */
    const uint8_t *source;    /* row layout, borrowed from the mapping; NULL once packed and dropped */
    size_t source_row_bytes;
    const matrix_reader *reader; /* not NULL: rows come from it, and source is NULL */
    const uint32_t *row_map;     /* owned; output row i is source row row_map[i]; NULL for identity */
    /* not NULL: products read rows [stream_row, …) of the source from this unit of a stream; rows alone (matrix_row)
     * still come from `source` */
    weight_stream *stream;
    size_t stream_unit, stream_row;
    bool fetched; /* matrix_fetch has an effect */
    /* the tensor that it is read from, whole or a part, borrowed from the table; NULL: not one alone */
    const char *name;
    size_t index; /* of the matrices in that tensor: an expert, a head */
} matrix;

/* Of one that is packed: the bytes of its panels; of others, what they would take. In the lossless form of BF16 panels
 * that are not packed yet count as if all of their blocks fitted. */
size_t matrix_panels_bytes(const matrix *m);
/* Bytes of the packed form. */
size_t matrix_packed_bytes(dtype type, size_t rows, size_t cols);

/* A matrix over row-layout bytes; nothing is copied. row_map (may be NULL) is taken over. */
matrix matrix_over(dtype type, size_t rows, size_t cols, const uint8_t *source, uint32_t *row_map);
/* The same over a reader, which must outlive it. */
matrix matrix_read_by(dtype type, size_t rows, size_t cols, const matrix_reader *reader, uint32_t *row_map);
/* Where the rows of a panel lie, for packing; their number. A reader makes them in `made`, 16 of source_row_bytes. */
unsigned matrix_panel_rows(const matrix *m, size_t panel, uint8_t *made, const uint8_t *rows[PANEL_ROWS]);
/* Packs with all threads of the pool. On failure the matrix stays as it was. */
hearth_status matrix_pack(matrix *m, thread_pool *pool, hearth_error *error);
/* The same panel by panel, each by the product that uses it first: opening a model costs nothing, and its first step no
 * more than reading the weights once. `map`: where the source (or what is stored) lies, so that its pages are let go of
 * when all is packed; NULL: they are not. It must outlive the matrix. After lossless_reserve: in that form; a panel for
 * which there is no memory is then packed on the fly, every time. */
hearth_status matrix_pack_later(matrix *m, const file_map *map, hearth_error *error);
/* After matrix_pack_later: all panels now, with all threads. */
hearth_status matrix_pack_rest(matrix *m, thread_pool *pool, hearth_error *error);
/* Panels that are packed, of all. */
size_t matrix_packed_panels(const matrix *m);
void matrix_free(matrix *m);

/* The SPMD part of y[t] = W x[t]: this thread's share of the panels. `activation` was prepared for
 * activation_for(m->type, how). `scratch`: matrix_scratch_bytes(m), this thread's own. No barrier inside. A matrix of a
 * stream is multiplied once a step, by every part. */
size_t matrix_scratch_bytes(const matrix *m);
/* The rows that matrix_multiply gives to `part`: what that thread may go on with without a barrier. */
thread_range matrix_share(const matrix *m, int part, int parts);
void matrix_multiply(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                     float *y, size_t ldy, int part, int parts, void *scratch);
/* The same for rows [rows), which begin with a panel and end with one or with the last row; not of a stream. */
void matrix_multiply_rows(const kernel_table *k, const matrix *m, compute how, const void *activation, size_t tokens,
                          float *y, size_t ldy, thread_range rows, void *scratch);
/* Where `fetched` is set: the system is told to bring the source's bytes, which a product will want soon. */
void matrix_fetch(const matrix *m);
/* One row, dequantised: an embedding. out: [cols]. */
void matrix_row(const kernel_table *k, const matrix *m, size_t row, float *out, void *scratch);

#endif
