/* The gated MLP: x += down(silu(gate(norm x)) * up(norm x)) (Shazeer, "GLU Variants Improve Transformer", 2020). */
#ifndef NN_MLP_H
#define NN_MLP_H

#include "nn/linear.h"

typedef struct nn_mlp {
    const matrix *gate, *up, *down;               /* [ffn, width] twice, [width, ffn] */
    const float *gate_bias, *up_bias, *down_bias; /* NULL where there is none */
    const float *norm;                            /* [width] */
    float eps;
} nn_mlp;

/* x: [tokens, width], stride ldx. `a`: room for [tokens, max(ffn, width)], stride lda; `b`: for [tokens, ffn]. On entry
 * x is complete for every thread; there is no barrier at the end: x holds this thread's rows. */
void nn_mlp_apply(const nn_worker *w, const nn_mlp *mlp, float *x, size_t ldx, size_t tokens, float *a, size_t lda,
                  float *b, size_t ldb);

#endif
