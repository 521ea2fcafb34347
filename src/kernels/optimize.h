/* What an optimiser does to each value by itself: docs/numerics.md, "Optimisers". Every instruction set gives the same
 * bits.
 */
#ifndef KERNELS_OPTIMIZE_H
#define KERNELS_OPTIMIZE_H

#include "kernels/kernels.h"

/* A norm's blocks: squares within one are summed by rule 4 in binary32 (gradient_table's dot), the blocks' sums in
 * binary64, ascending. */
#define OPTIMIZE_BLOCK 4096u

/* One step's scalars: computed in binary64, then rounded to binary32 once. t counts steps from 1. */
typedef struct optimize_adamw {
    float clip;                       /* what the gradient is multiplied with: 1, or limit / norm */
    float beta1, rest1, beta2, rest2; /* rest = 1 - beta */
    float root;                       /* 1 / sqrt(1 - beta2^t) */
    float eps;
    float rate; /* learning rate / (1 - beta1^t) */
    float keep; /* 1 - learning rate * weight decay; 1 where a tensor does not decay */
} optimize_adamw;

typedef struct optimize_table {
    /* Loshchilov and Hutter, 2019. Each line's operations are rounded one by one; fma is one rounding:
     *   g = gradient * clip;  m = fma(beta1, m, rest1 * g);  s = fma(beta2, s, (rest2 * g) * g)
     *   w = fma(-rate, m / fma(sqrt(s), root, eps), w * keep) */
    void (*adamw)(const optimize_adamw *o, const float *gradient, float *mean, float *square, float *values, size_t n);
    /* Muon's momentum: g = gradient * clip;  m = fma(momentum, m, rest * g);  out = fma(momentum, m, rest * g) */
    void (*momentum)(float clip, float momentum, const float *gradient, float *mean, float *out, size_t n);
    /* values = fma(-rate, direction, values * keep) */
    void (*descend)(float rate, float keep, const float *direction, float *values, size_t n);
    /* out = fma(a, x, b * y); in place allowed */
    void (*blend)(float a, const float *x, float b, const float *y, size_t n, float *out);
} optimize_table;

#endif
