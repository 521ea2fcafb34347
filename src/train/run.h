/* A run: a folder in which a recipe is trained, resumable at any moment. docs/training.md.
 *
 *     recipe.yaml                 what is trained; another recipe is refused
 *     log.jsonl                   the hash chain (train/chain.h)
 *     times.jsonl                 what each step took; no part of the chain
 *     checkpoints/step-000100/    at the recipe's cadence: with the log, what hearth verify needs
 *     resume/step-000123/         the last state kept for going on
 *     model/                      the result */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/chain.h"
#include "train/trainer.h"

/* What is told after each step. */
typedef struct run_step {
    uint64_t step, steps;
    trainer_step_record record;
    double seconds;    /* this step's */
    uint64_t tokens;   /* of a step */
    double step_flops; /* trainer_step_flops */
} run_step;

typedef struct run_options {
    const char *folder;
    bool dry;                                         /* three steps, and nothing is written */
    bool (*step)(void *context, const run_step *now); /* false: writes a checkpoint and ends with HEARTH_E_CANCELLED */
    void (*evaluated)(void *context, uint64_t step, const trainer_evaluation *e);
    void (*saved)(void *context, uint64_t step, const char *folder);
    void (*note)(void *context, const char *line); /* a sentence: what was passed over, a spike */
    void *context;
    double (*joules)(void *context); /* since some moment; NULL: not known */
    /* Sees each record of the log before it is kept, without "previous"; a failure ends the run. NULL: nobody does. */
    hearth_status (*expect)(void *context, trainer *t, const json_t *record, hearth_error *error);
    void *expect_context;
} run_options;

typedef struct run_result {
    uint64_t step, steps_done; /* the last step; how many this call did */
    uint64_t tokens;           /* of the steps done */
    double loss;               /* of the last step, also where this call did none */
    trainer_evaluation evaluation;
    bool evaluated;
    double seconds;            /* of the steps done */
    double step_flops;         /* trainer_step_flops */
    int ranks, threads;        /* threads of all ranks together */
    uint64_t bytes;            /* that the ranks sent each other for the steps done */
    char chain[HASH_HEX_SIZE]; /* of the log's last record: the run's hash */
    char weights[HASH_HEX_SIZE];
} run_result;

/* Makes the folder, or checks that it is of this recipe (HEARTH_E_ARGUMENT where it is another's). */
hearth_status run_claim(const recipe *r, const char *folder, hearth_error *error);
/* Trains to the recipe's end, from the last whole checkpoint where there is one. All ranks of data->group call; the
 * folder, the functions of `options` but `step`, and the result are rank 0's. */
hearth_status run_train(engine *e, const train_data *data, const run_options *options, run_result *ret,
                        hearth_error *error);

#endif
