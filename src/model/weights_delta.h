/* The tensors of a layer that is a delta net. Private to model/. */
#ifndef MODEL_WEIGHTS_DELTA_H
#define MODEL_WEIGHTS_DELTA_H

#include "model/weights_layer.h"

hearth_status load_delta(loader *l, unsigned index, layer_weights *layer, hearth_error *error);

#endif
