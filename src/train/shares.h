/* A step among ranks: who computes which micro-batches and who holds which part of the optimiser's state.
 * docs/scaling.md.
 *
 * The tree of micro-batches is the recipe's and the same for every number of ranks. A rank computes the gradients of
 * whole subtrees; each rank gets, for its slice of the values, the sums of all subtrees, adds them along the rest of
 * the tree, changes its slice of the weights, and gives that to the others. */
#ifndef TRAIN_SHARES_H
#define TRAIN_SHARES_H

#include "group/group.h"
#include "model/engine.h"
#include "recipe/recipe.h"
#include "train/train_model.h"

/* ---- who does what: a pure function of the recipe and the number of ranks ---- */

typedef struct shares_subtree {
    uint32_t first, count; /* micro-batches; count is a power of two that divides first */
} shares_subtree;

typedef struct shares_plan {
    int ranks;
    uint64_t *bounds;         /* [ranks + 1]: rank r has values [bounds[r], bounds[r + 1]) */
    shares_subtree *subtrees; /* of all ranks, ascending */
    uint64_t *owned;          /* [ranks + 1]: rank r has subtrees [owned[r], owned[r + 1]) */
} shares_plan;

hearth_status shares_plan_make(const recipe_train *how, const train_parameter *table, size_t count, int ranks,
                               shares_plan *ret, hearth_error *error);
void shares_plan_free(shares_plan *p); /* zeroed ones are allowed */

/* ---- one rank's ---- */

typedef struct shares shares;

/* `plan` and `values`, all weights, must outlive it. */
hearth_status shares_create(group *g, engine *e, const shares_plan *plan, float *values, uint64_t count, shares **ret,
                            hearth_error *error);
void shares_free(shares *s); /* NULL is allowed */
/* Where the sum of this rank's subtree i goes, [count]. Afterwards it holds nothing of use. */
float *shares_gradient(shares *s, size_t i);
/* From the sums and losses of this rank's subtrees to the step's: the gradient of this rank's slice (and behind it up
 * to the end of a block of OPTIMIZE_BLOCK), the loss everywhere. */
hearth_status shares_reduce(shares *s, const train_loss *own, const float **ret_gradient, train_loss *ret_loss,
                            hearth_error *error);
/* Each rank's slice of the weights to all others. */
hearth_status shares_spread(shares *s, hearth_error *error);

/* The slices of two arrays of state, seen as whole ones by rank 0, which reads while the others serve. */
hearth_status shares_read(shares *s, const float *own, unsigned which, uint64_t at, size_t count, float *to,
                          hearth_error *error);
hearth_status shares_serve(shares *s, const float *const own[2], hearth_error *error);
hearth_status shares_end_serving(shares *s, hearth_error *error);

#endif
