/* Norms of one row: RMS (Zhang and Sennrich, 2019) or layer norm (Ba et al., 2016), or none. */
#ifndef NN_NORM_H
#define NN_NORM_H

#include "kernels/kernels.h"

typedef enum norm_kind { NORM_NONE, NORM_RMS, NORM_LAYER } norm_kind;

typedef struct nn_norm {
    norm_kind kind;
    const float *weight, *bias; /* [n]; NULL where there is none */
    float eps;
} nn_norm;

/* out = norm(x), [n]; in place allowed; NORM_NONE copies. */
void nn_norm_row(const kernel_table *k, const nn_norm *norm, const float *x, size_t n, float *out);

#endif
