/* One row through whichever norm it is. */
#include "nn/norm.h"

#include <string.h>

void nn_norm_row(const kernel_table *k, const nn_norm *norm, const float *x, size_t n, float *out)
{
    switch (norm->kind) {
    case NORM_RMS:
        k->rms_norm(x, norm->weight, norm->eps, n, out);
        return;
    case NORM_LAYER:
        k->layer_norm(x, norm->weight, norm->bias, norm->eps, n, out);
        return;
    case NORM_NONE:
        if (out != x) {
            memcpy(out, x, n * sizeof *out);
        }
        return;
    }
}
