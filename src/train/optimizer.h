/* What turns a gradient into the next weights: clipping by the global norm, AdamW, Muon. docs/training.md,
 * "Optimisers"; the operations are kernels/optimize.h's. The bits do not depend on the number of threads. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "group/group.h"
#include "model/engine.h"
#include "recipe/recipe.h"
#include "train/train_model.h"

typedef struct optimizer optimizer;

typedef struct optimizer_step {
    double rate; /* the learning rate */
    double norm; /* of the gradient, before clipping; not finite where a value is not or its square overflows */
} optimizer_step;

/* `table`, the parameters, must outlive it. */
hearth_status optimizer_create(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                               uint64_t values, optimizer **ret, hearth_error *error);
/* The same of several ranks: each has the state of values [bounds[rank], bounds[rank + 1]) alone, and changes these.
 * `bounds` (of Muon's matrices none but their ends) must outlive it. All ranks call what follows. */
typedef struct optimizer_share {
    group *group;
    const uint64_t *bounds; /* [ranks + 1] */
} optimizer_share;
hearth_status optimizer_create_share(engine *e, const recipe_train *how, const train_parameter *table, size_t count,
                                     uint64_t values, const optimizer_share *share, optimizer **ret,
                                     hearth_error *error);
void optimizer_free(optimizer *o); /* NULL is allowed */
/* Laps of all that follows go there; NULL: no longer. */
struct train_profile;
void optimizer_profile(optimizer *o, struct train_profile *profile);
/* Its state, zeros at first, of the share's values: the gradient's mean, and the mean of its square (nothing for Muon's
 * matrices). */
float *optimizer_mean(optimizer *o);
float *optimizer_square(optimizer *o);

/* `gradient` is that of the share's values and those behind it up to the end of a block of OPTIMIZE_BLOCK; `values` are
 * all. */

/* sqrt of the sum of squares: blocks of OPTIMIZE_BLOCK values, each by rule 4 in binary32, added in binary64. */
hearth_status optimizer_norm(optimizer *o, const float *gradient, double *ret, hearth_error *error);
/* A value that is not finite: the first of all parameters; parameter NULL: none. */
typedef struct optimizer_odd {
    const train_parameter *parameter;
    uint64_t index; /* in it */
    float value;
} optimizer_odd;
optimizer_odd optimizer_odd_weight(const optimizer *o, const float *values);
hearth_status optimizer_odd_gradient(const optimizer *o, const float *gradient, optimizer_odd *ret,
                                     hearth_error *error);
/* Step `step`, from 1. A norm that is not finite changes nothing and is HEARTH_E_FORMAT. */
hearth_status optimizer_apply(optimizer *o, uint64_t step, const float *gradient, float *values, optimizer_step *ret,
                              hearth_error *error);

#endif
