/* The embedding: a row per token. */
#ifndef NN_EMBEDDING_H
#define NN_EMBEDDING_H

#include "nn/worker.h"
#include "tensor/matrix.h"

/* x[t] = row ids[t], for this thread's share of the tokens. Ids are below m->rows. No barrier. */
void nn_embed(const nn_worker *w, const matrix *m, const int32_t *ids, size_t tokens, float *x, size_t ldx);

#endif
