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
