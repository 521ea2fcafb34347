/* Where a run goes on: its last whole checkpoint. */
#ifndef TRAIN_RUN_RESUME_H
#define TRAIN_RUN_RESUME_H

#include "train/run.h"

typedef struct resumed {
    checkpoint_state state; /* step 0: there is none */
    chain_log log;          /* up to the checkpoint; chain_free */
    bool touched;           /* the trainer's values are no longer the first ones, also where step is 0 */
} resumed;

/* Fills the trainer's values from the newest checkpoint of this recipe that is whole and whose log is. `note` is told
 * of each that is passed over. Rank 0 chooses and has the log; the others get the step. */
hearth_status run_resume(const run_options *o, const train_data *data, trainer *t, resumed *ret, hearth_error *error);
/* All ranks see the same recipe and sequences (HEARTH_E_FORMAT else); *ret_threads of all of them, at rank 0. */
hearth_status run_same_data(const train_data *data, int threads, int *ret_threads, hearth_error *error);
/* Removes the folders under resume/ but that of `step`. */
void run_forget_resume(const char *folder, uint64_t step);

#endif
