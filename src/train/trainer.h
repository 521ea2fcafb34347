/* One step of training, and an evaluation: what `hearth train` does and `hearth verify` does again. A pure function of
 * recipe, packed corpus, weights and the optimiser's state. */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "base/hash.h"
#include "base/json.h"
#include "corpus/packed.h"
#include "group/group.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"
#include "train/train_profile.h"

/* What a run reads. */
typedef struct train_data {
    const recipe *recipe;
    const packed_corpus *packed;
    const packed_corpus *held_out; /* NULL: none */
    const char *tokenizer;         /* tokenizer.json */
    const char *manifest;          /* corpus.json; NULL: none */
    const char *end_of_document;   /* the token's text; NULL: none */
    int32_t end_token;             /* its id */
    const uint32_t *token_bytes;   /* [vocabulary]: bytes of text that each token stands for; NULL: not known */
    group *group;                  /* the ranks that train it together; NULL: this process alone */
    const uint64_t *without; /* rows of documents, ascending, that nothing is learned from: their tokens stay where
                                they are and their targets do not count */
    size_t without_count;
} train_data;

/* Of several ranks, all call what works with steps, evaluations, hashes and states; rank 0 has the results. */
typedef struct trainer trainer;

hearth_status trainer_create(engine *e, const train_data *data, trainer **ret, hearth_error *error);
void trainer_free(trainer *t); /* NULL is allowed */
/* Laps of all that follows go there; NULL: no longer. */
void trainer_profile(trainer *t, train_profile *profile);
train_model *trainer_model(trainer *t);
/* Weights and the optimiser's state (of several ranks, this one's share), which may be written; then trainer_changed.
 */
checkpoint_values trainer_values(trainer *t);
hearth_status trainer_changed(trainer *t, hearth_error *error);
/* While rank 0 reads trainer_values(t).share, the others are in here; they come out when it has called trainer_release.
 * Nothing where the process is alone. */
hearth_status trainer_serve(trainer *t, hearth_error *error);
hearth_status trainer_release(trainer *t, hearth_error *error);

typedef struct trainer_step_record {
    char batch[HASH_HEX_SIZE]; /* of the sequences' numbers and tokens; at rank 0 */
    uint64_t tokens;           /* targets */
    double loss;               /* mean of -log p */
    double norm, rate;
} trainer_step_record;

/* Step `step`, from 1. HEARTH_E_FORMAT names step and tensor where a loss or gradient is not finite. */
hearth_status trainer_step(trainer *t, uint64_t step, trainer_step_record *ret, hearth_error *error);

typedef struct trainer_evaluation {
    uint64_t sequences, tokens, bytes;
    double loss, bits_per_byte; /* the latter NAN where the tokens' bytes are not known */
} trainer_evaluation;

/* Over the first sequences of the held-out documents, as many as the recipe says. */
hearth_status trainer_evaluate(trainer *t, trainer_evaluation *ret, hearth_error *error);

/* The log's records, without "previous"; NULL when memory is out. */
hearth_status trainer_begin_json(const trainer *t, json_t **ret, hearth_error *error);
json_t *trainer_step_json(uint64_t step, const trainer_step_record *r);
json_t *trainer_evaluation_json(uint64_t step, const trainer_evaluation *e);
json_t *trainer_checkpoint_json(const checkpoint_state *s);
/* Hashes of weights and optimiser as they are. */
hearth_status trainer_digest(trainer *t, checkpoint_state *ret, hearth_error *error);

/* Multiply-adds of a step, twice, as usually counted: 6 times the matrices' weights for each token, and attention's. */
double trainer_step_flops(const trainer *t);

#endif
