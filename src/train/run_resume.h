/* Where a run goes on: its last whole checkpoint. */
#ifndef TRAIN_RUN_RESUME_H
#define TRAIN_RUN_RESUME_H

#include "train/run.h"

/* Fills the trainer's values from the newest checkpoint of this recipe that is whole and whose log is. state->step is 0
 * where there is none; then *ret_touched says that one that was passed over has left its values. `note` is told of each
 * that is passed over. */
hearth_status run_resume(const run_options *o, const recipe *r, trainer *t, checkpoint_state *ret, bool *ret_touched,
                         hearth_error *error);
/* Removes the folders under resume/ but that of `step`. */
void run_forget_resume(const char *folder, uint64_t step);

#endif
