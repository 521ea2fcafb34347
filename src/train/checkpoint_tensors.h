/* Weights and the optimiser's state as safetensors. */
#ifndef TRAIN_CHECKPOINT_TENSORS_H
#define TRAIN_CHECKPOINT_TENSORS_H

#include "train/checkpoint.h"

/* model.safetensors in the recipe's format, optimizer.safetensors (NAME.mean, NAME.square and, where the weights were
 * rounded, NAME.value) where the values have that state. */
hearth_status checkpoint_write_tensors(const char *folder, recipe_format format, const checkpoint_values *v,
                                       hearth_error *error);
/* The SHA-256 that model.safetensors of these values has. */
hearth_status checkpoint_hash_model(recipe_format format, const checkpoint_values *v, char ret[HASH_HEX_SIZE],
                                    hearth_error *error);

#endif
