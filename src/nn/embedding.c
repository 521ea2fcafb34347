/* The embedding: rows of a matrix, exactly dequantised. */
#include "nn/embedding.h"

#include "nn/profile.h"

void nn_embed(const nn_worker *w, const nn_embedding *e, const int32_t *ids, const uint32_t *places, size_t tokens,
              float *x, size_t ldx)
{
    const size_t width = e->tokens->cols;
    const thread_range share = thread_split(tokens, 1, w->part, w->parts);
    for (size_t t = share.begin; t < share.end; t++) {
        float *row = x + t * ldx;
        matrix_row(w->k, e->tokens, (size_t)ids[t], row, w->scratch);
        if (e->scale != 1.0f) {
            w->k->scale(row, e->scale, width, row);
        }
        if (e->added != NULL) {
            w->k->add(row, e->added, width, row);
        }
        if (e->positions != NULL) {
            matrix_row(w->k, e->positions, places[t] + e->position_offset, w->row, w->scratch);
            w->k->add(row, w->row, width, row);
        }
        if (e->norm != NULL) {
            nn_norm_row(w->k, e->norm, row, width, row);
        }
    }
    nn_lap_work(w, NN_OP_EMBED, share.end - share.begin, width * sizeof *x, 0);
}
