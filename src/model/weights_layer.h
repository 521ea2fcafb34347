/* The tensors of a layer. Private to model/. */
#ifndef MODEL_WEIGHTS_LAYER_H
#define MODEL_WEIGHTS_LAYER_H

#include "model/weights_find.h"

/* Finds all that layer `index` has. */
hearth_status load_layer(loader *l, unsigned index, layer_weights *layer, hearth_error *error);
/* A norm of the model's kind over `count` values; `stem` is its tensors' name, NULL: there is none. `part` orders the
 * weights as rows of that part are ordered. */
hearth_status load_norm(loader *l, const char *stem, row_part part, size_t count, nn_norm *ret, hearth_error *error);
/* The matrix that a tensor by itself is; `pattern` takes the layer's number. */
hearth_status load_whole(loader *l, const char *pattern, unsigned index, size_t rows, size_t cols, matrix *ret,
                         hearth_error *error);

#endif
