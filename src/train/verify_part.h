/* What the files of verification share. */
#ifndef TRAIN_VERIFY_PART_H
#define TRAIN_VERIFY_PART_H

#include "train/chain.h"
#include "train/prepare.h"
#include "train/verify.h"

typedef struct verifying {
    engine *engine;
    const verify_options *o;
    verify_report *report;
    char *folder; /* of the run, or of a model alone */
    bool alone;   /* a model without checkpoints and corpus */
    char *scratch;
    char *again;   /* FOLDER of what was made again from the sources; NULL: nothing was */
    uint64_t done; /* steps that the trainer's values have had since they began */
    recipe *recipe;
    chain_log log;
    prepared ready;
    trainer *trainer;
    uint64_t *points; /* steps of checkpoints, from 0 */
    size_t point_count;
} verifying;

/* `model/` of a run stands for the run; any other folder with a log, also one that lies in a run, for itself (alone).
 */
hearth_status verify_find_folder(const char *given, char **ret, bool *ret_alone, hearth_error *error);
/* Notes a check. A failure of the machine comes back, one of what was checked is noted and is HEARTH_OK. */
hearth_status verify_note(verifying *v, const char *what, hearth_status status, const hearth_error *found,
                          const char *detail, hearth_error *error);
bool verify_failed(const verifying *v);
/* "FOLDER/NAME"; NULL when memory is out. */
char *verify_path(const verifying *v, const char *name);
char *verify_checkpoint(const verifying *v, uint64_t step);
/* HEARTH_E_FORMAT, in HEARTH_OK's stead where the texts are equal. */
hearth_status verify_equal(const char *file, const char *place, const char *expected, const char *found,
                           hearth_error *error);

/* HEARTH_E_FORMAT: something in `folder` that is not to be there. */
hearth_status verify_unknown(const char *folder, const char *name, const char *expected, hearth_error *error);

/* Record `at` is `ours`, which is freed (NULL: memory is out). */
hearth_status verify_record(const verifying *v, size_t at, json_t *ours, hearth_error *error);

/* The log's records must be those that the recipe asks for, in their order; fills v->points. */
hearth_status verify_records(verifying *v, hearth_error *error);
/* Files under FOLDER/checkpoints and FOLDER/model against the chain. */
hearth_status verify_states(verifying *v, hearth_error *error);
/* Corpus, tokenizer, packed tokens. v->ready is filled where they can be read. */
hearth_status verify_data(verifying *v, hearth_error *error);
/* Removes what verify_data made from the sources. */
void verify_clear(verifying *v);
/* Of a model alone, without its corpus: what can be said of its files and weights. */
hearth_status verify_carried(verifying *v, hearth_error *error);
/* Of a model alone, whose last step was just trained again: its weights are those. */
hearth_status verify_trained(verifying *v, hearth_error *error);
/* Where a checkpoint's values, in `folder`, are other than the trainer's: the first tensor and value, or why they
 * cannot be read. A failure is the machine's. */
hearth_status verify_locate(trainer *t, const char *folder, uint64_t step, char *text, size_t size,
                            hearth_error *error);
/* Draws segments and trains them again. */
hearth_status verify_segments(verifying *v, hearth_error *error);

#endif
