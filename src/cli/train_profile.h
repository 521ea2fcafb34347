/* `hearth train --profile`: some steps of a recipe with a clock at every operation. */
#ifndef CLI_TRAIN_PROFILE_H
#define CLI_TRAIN_PROFILE_H

#include "cli/open.h"
#include "train/trainer.h"

/* Does a few steps and an evaluation, prints where their time went, and keeps nothing. Returns an exit status. */
int train_profile_show(const cli *c, const opened *o, const train_data *data);

#endif
