/* A model that is trained: its parameters, the forward pass and the gradient. docs/training.md.
 *
 * The forward pass is inference's: the same chains, so that `hearth score` on a checkpoint gives the training loss's
 * bits. A sequence's documents (segments) are sequences of their own: positions from 0, no attention across. */
#ifndef TRAIN_MODEL_H
#define TRAIN_MODEL_H

#include "base/json.h"
#include "corpus/packed.h"
#include "model/engine.h"
#include "recipe/recipe.h"

typedef struct train_parameter {
    char name[96];       /* Hugging Face's: "model.layers.0.self_attn.q_proj.weight" */
    uint64_t rows, cols; /* a vector: rows = 1 */
    uint64_t offset;     /* of its first value in the flat arrays */
    bool decays;         /* weight decay is for matrices and no embedding or norm */
    bool matrix;         /* a hidden matrix: Muon's */
} train_parameter;

typedef struct train_model train_model;

/* HEARTH_E_ARGUMENT for a family or a shape that is not trained. Recipe.train.format: products in binary32, or with
 * BF16 operands (a checkpoint's matrices are then BF16); recipe.train.recompute: less memory, the same bits. Values are
 * drawn by random_philox(seed, RANDOM_INIT, parameter's index, value's index / 4): normal with init_std. `vocab`: the
 * tokenizer's. */
hearth_status train_model_create(engine *e, const recipe *r, uint32_t vocab, train_model **ret, hearth_error *error);
void train_model_free(train_model *m);
size_t train_model_parameters(const train_model *m, const train_parameter **ret_table);
uint64_t train_model_count(const train_model *m); /* values of all parameters */
float *train_model_values(train_model *m);        /* [count], the masters; the optimiser writes them; then call */
hearth_status train_model_changed(train_model *m, hearth_error *error); /* which packs them for the next products */

/* Every input has a target, the token behind it; a sequence's segments lie one behind the other and fill it. */
typedef struct train_batch {
    const uint32_t *tokens;         /* [sequences, length + 1] */
    const packed_segment *segments; /* of sequence s: segments[first_segment[s]] … segments[first_segment[s + 1] - 1] */
    const size_t *first_segment;    /* [sequences + 1] */
    size_t sequences, length;
    const uint8_t *left_out; /* [sequences, length]: 1 where an input's target has no part in loss and gradient; NULL:
                                all have one */
} train_batch;

typedef struct train_loss {
    double sum;   /* of -log p over the targets, in order: binary64 sum of binary32 values */
    double z_sum; /* of log(Z)^2 */
    uint64_t targets;
} train_loss;

/* One micro-batch: the loss, and the gradient of (sum + z_loss * z_sum) / (targets of the whole step: `step_targets`)
 * into `gradient` [count], overwritten. gradient NULL: the loss alone (evaluation). Uses all threads of the engine's
 * pool; the bits do not depend on their number. */
hearth_status train_model_micro(train_model *m, const train_batch *batch, double z_loss, uint64_t step_targets,
                                float *gradient, train_loss *ret, hearth_error *error);
/* The whole step: `micro_batches` (a power of two) equal parts of `batch`, their gradients summed along the binary tree
 * (docs/numerics.md, "Gradients"). It may run micro-batches side by side, one a thread, where that is faster: the same
 * bits. */
hearth_status train_model_step(train_model *m, const train_batch *batch, uint32_t micro_batches, double z_loss,
                               float *gradient, train_loss *ret, hearth_error *error);
/* A subtree of a larger step's tree: `batch` is its part, step_targets those of all. */
hearth_status train_model_part(train_model *m, const train_batch *batch, uint32_t micro_batches, double z_loss,
                               uint64_t step_targets, float *gradient, train_loss *ret, hearth_error *error);
/* Laps of all that follows go there; NULL: no longer. */
struct train_profile;
void train_model_profile(train_model *m, struct train_profile *profile);
/* config.json (Hugging Face's) for this shape; NULL when memory is out. */
json_t *train_model_config(const train_model *m);

#endif
