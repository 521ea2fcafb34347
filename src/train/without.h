/* A recipe trained again, without some documents: everything else as it was. docs/tracing.md, "What only training
 * shows".
 *
 * The documents stay in the packed corpus, so that every other token is in the same batch at the same step; what they
 * say does not count in the loss, so nothing is learned from them. Tokenizer and cleaning saw them, and stay. */
#ifndef TRAIN_WITHOUT_H
#define TRAIN_WITHOUT_H

#include "base/hash.h"
#include "base/progress.h"
#include "train/trainer.h"

typedef struct without_options {
    const train_data *data; /* without documents of its own that are left out */
    const uint64_t *rows;   /* of the manifest, ascending */
    size_t row_count;
    uint64_t steps;       /* 0: the recipe's */
    const char *folder;   /* where the model goes: must not be there; FOLDER.json beside it tells the result */
    progress_fn progress; /* NULL: none */
    void *progress_context;
} without_options;

typedef struct without_result {
    uint64_t steps;
    uint64_t targets, left_out;  /* of all steps: that counted, and that did not */
    double loss;                 /* of the last step */
    char weights[HASH_HEX_SIZE]; /* of the values in memory, as the log has them */
    char model[HASH_HEX_SIZE];   /* of model.safetensors */
} without_result;

/* HEARTH_E_UNSUPPORTED for a mixture of experts, whose router learns from all tokens. */
hearth_status train_without(engine *e, const without_options *o, without_result *ret, hearth_error *error);
/* What FOLDER.json tells of a model that was trained so before. */
hearth_status without_read(const char *folder, without_result *ret, hearth_error *error);

#endif
