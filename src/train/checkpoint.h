/* A point of a run that it can go on from: a model folder that hearth and transformers open, with the optimiser's state
 * beside. It appears whole or not at all. docs/formats/training-log.md, "Checkpoints". */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "base/hash.h"
#include "recipe/recipe.h"
#include "train/train_model.h"

/* What state.json says. */
typedef struct checkpoint_state {
    uint64_t step;                                         /* that was done last; 0: none */
    uint64_t log_bytes;                                    /* of log.jsonl, up to and with this checkpoint's record */
    char chain[HASH_HEX_SIZE];                             /* of the log's last record in them */
    char recipe[HASH_HEX_SIZE];                            /* of recipe.yaml */
    char weights[HASH_HEX_SIZE], optimizer[HASH_HEX_SIZE]; /* of the values in memory, digest_values */
    char model[HASH_HEX_SIZE];                             /* of model.safetensors */
} checkpoint_state;

/* Of several ranks: this one's share of the optimiser's state. */
typedef struct checkpoint_share {
    uint64_t begin, end; /* mean and square are those of values [begin, end) */
    /* The state of any values; to write a checkpoint. */
    hearth_status (*read)(void *context, bool square, uint64_t at, size_t count, float *to, hearth_error *error);
    void *context;
} checkpoint_share;

/* The values of a run: [count] each, as the model's table of parameters says. */
typedef struct checkpoint_values {
    const train_parameter *table;
    size_t parameters;
    uint64_t count;
    float *values, *mean, *square; /* mean NULL: the model alone, without the optimiser's state */
    const checkpoint_share *share; /* NULL: mean and square are whole */
} checkpoint_values;

typedef struct checkpoint_source {
    const train_model *model;
    const recipe *recipe;
    checkpoint_values values;
    const char *tokenizer;       /* a file; NULL: none */
    const char *const *also;     /* more files to be copied into it; NULL ends them; or NULL */
    const char *end_of_document; /* the token's text, for tokenizer_config.json; NULL: none */
    int32_t end_token;           /* its id, for generation_config.json */
} checkpoint_source;

/* Writes `folder`, which must not be there; through a folder beside it, synced and renamed. */
hearth_status checkpoint_write(const char *folder, const checkpoint_source *s, const checkpoint_state *state,
                               hearth_error *error);
/* Reads state.json and compares every file's hash with what it says: HEARTH_E_FORMAT or HEARTH_E_NOT_FOUND where the
 * folder is cut or changed. */
hearth_status checkpoint_check(const char *folder, checkpoint_state *ret, hearth_error *error);
/* Fills the values (of a share, its part of the state) from a folder. Names, shapes and formats must be the table's. */
hearth_status checkpoint_load(const char *folder, const checkpoint_values *v, hearth_error *error);
/* Folders that a write that was cut off left in `place`. */
void checkpoint_sweep(const char *place);

/* A step's folder name: "step-000120". false where `name` is none. */
void checkpoint_name(uint64_t step, char ret[32]);
bool checkpoint_step_of(const char *name, uint64_t *ret_step);

#endif
