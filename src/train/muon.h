/* Muon (Jordan et al., 2024): the momentum of a hidden matrix, made orthogonal by five rounds of Newton and Schulz.
 * docs/training.md, "Optimisers". */
#ifndef TRAIN_MUON_H
#define TRAIN_MUON_H

#include "model/engine.h"
#include "recipe/recipe.h"
#include "train/train_model.h"

typedef struct muon muon;
struct train_profile;

/* `table`, of which the matrices that lie in values [begin, end) are its own, must outlive it. */
hearth_status muon_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                          uint64_t begin, uint64_t end, muon **ret, hearth_error *error);
void muon_free(muon *m); /* NULL is allowed */
/* One step of all matrices: `gradient` and `mean`, the momentum, are those of value `begin` and on; values =
 * fma(-rate', direction, values * keep), where rate' = rate * sqrt(max(1, rows / cols)). `profile`: NULL, or where laps
 * go. */
void muon_apply(muon *m, double rate, float clip, const float *gradient, float *mean, float *values,
                struct train_profile *profile);

#endif
