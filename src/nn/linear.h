/* y = W x + b, and the preparation of x. */
#ifndef NN_LINEAR_H
#define NN_LINEAR_H

#include "nn/norm.h"
#include "nn/worker.h"
#include "tensor/matrix.h"

/* The forms in which these matrices want their input, a bit (1 << activation_kind) each. */
unsigned nn_input_kinds(const matrix *const *matrices, size_t count, compute how);

/* Prepares x [tokens, n] (row stride ldx), through a norm first where `norm` is not NULL. Up to NN_OWN_TOKENS
 * tokens each thread does it for itself; more are shared out, with a barrier before it returns. */
const nn_input *nn_prepare(const nn_worker *w, unsigned kinds, const float *x, size_t ldx, size_t tokens, size_t n,
                           const nn_norm *norm);

/* Products of few tokens with large matrices are shared out as threads get on, where the worker has `taken`: each takes
 * pieces of panels until there are none left. What a thread then does with "its" rows before the next barrier it does
 * with those that it took of the last product (nn_own_rows); of others with its even share. */
bool nn_shares_out(const nn_worker *w, const matrix *m, size_t tokens);
/* A product with `m` (and others of as many rows, in the same pieces) begins; then the pieces, until false. */
void nn_take_begin(const nn_worker *w, const matrix *m);
bool nn_take(const nn_worker *w, thread_range *ret_rows);

typedef struct nn_rows {
    thread_range one;
    const thread_range *many; /* NULL: one */
    size_t count;
} nn_rows;
nn_rows nn_own_rows(const nn_worker *w, const matrix *m);
static inline thread_range nn_rows_at(const nn_rows *rows, size_t index)
{
    return rows->many != NULL ? rows->many[index] : rows->one;
}

/* Rows [rows), a piece, of y; for a thread that took them. */
void nn_linear_rows(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens,
                    float *y, size_t ldy, thread_range rows);

/* This thread's rows of y [tokens, rows] (stride ldy); bias [rows] may be NULL. No barrier. */
void nn_linear(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens, float *y,
               size_t ldy);
/* x += factor (W input + b) on this thread's rows: `y` is room for the product. No barrier. */
void nn_linear_add(const nn_worker *w, const matrix *m, const float *bias, const nn_input *input, size_t tokens,
                   float factor, float *y, size_t ldy, float *x, size_t ldx);
/* x += factor y on the rows that this thread has of `m`. No barrier. */
void nn_add_rows(const nn_worker *w, const matrix *m, size_t tokens, float factor, float *y, size_t ldy, float *x,
                 size_t ldx);

#endif
