/* The MLP: down(act(gate x) * up x) (Shazeer, "GLU Variants Improve Transformer", 2020), or down(act(up x)). */
#ifndef NN_MLP_H
#define NN_MLP_H

#include "nn/linear.h"

typedef struct nn_mlp {
    const matrix *gate, *up, *down; /* [ffn, width] twice, [width, ffn]; gate is NULL where there is none */
    const float *gate_bias, *up_bias, *down_bias; /* NULL where there is none */
    activate_kind activation;
    const float *parameters; /* of the activation */
    float limit;             /* not 0: gpt-oss's clamped gate (kernels.h, swiglu_clamped) in place of the activation */
} nn_mlp;

/* `input`: the MLP's input as nn_prepare made it for gate and up. `a`: room for [tokens, ffn], stride lda; `b`: for
 * [tokens, max(ffn, width)]. The result is in b, on this thread's rows of down; no barrier at the end. */
void nn_mlp_apply(const nn_worker *w, const nn_mlp *mlp, const nn_input *input, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb);

/* The first half alone: a = act(gate x) * up x on this thread's rows; `b` is room as above. */
void nn_mlp_inner(const nn_worker *w, const nn_mlp *mlp, const nn_input *input, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb);

/* x += factor * norm(y), y [tokens, m->rows] complete on the rows that each thread has of `m`. Without a norm there is
 * no barrier: each thread adds its rows; with one there is a barrier before, and threads add whole tokens. */
void nn_residual(const nn_worker *w, const matrix *m, const nn_norm *norm, size_t tokens, float factor, float *y,
                 size_t ldy, float *x, size_t ldx);

/* x = norm(x), whole tokens. x is complete on entry; a barrier at the end is the caller's. */
void nn_norm_tokens(const nn_worker *w, const nn_norm *norm, size_t tokens, size_t width, float *x, size_t ldx);

#endif
