/* The embedding: a row per token. */
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "nn/norm.h"
#include "nn/worker.h"
#include "tensor/matrix.h"

typedef struct nn_embedding {
    const matrix *tokens;    /* [vocabulary, width] */
    const matrix *positions; /* [positions, width], or NULL: a row per position is added */
    size_t position_offset;  /* of position 0's row */
    float scale;             /* of the token's row */
    const float *added;      /* a row that every token gets on top, [width], or NULL */
    const nn_norm *norm;     /* after that; NULL: none */
} nn_embedding;

/* x[t] = norm(scale * tokens[ids[t]] + added + positions[places[t] + position_offset]), for this thread's share of the
 * tokens. Ids and places are below the matrices' rows. No barrier. */
void nn_embed(const nn_worker *w, const nn_embedding *e, const int32_t *ids, const uint32_t *places, size_t tokens,
              float *x, size_t ldx);

#endif
