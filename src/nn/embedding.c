/* The embedding: rows of a matrix, exactly dequantised. */
#include "nn/embedding.h"

void nn_embed(const nn_worker *w, const matrix *m, const int32_t *ids, size_t tokens, float *x, size_t ldx)
{
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        matrix_row(w->k, m, (size_t)ids[t], x + t * ldx, w->scratch);
    }
}
