/* One node of the tree along which gradients are summed. */
#ifndef TRAIN_TRAIN_SUM_H
#define TRAIN_TRAIN_SUM_H

#include "train/train_profile.h"

/* to = to + more, `count` values, by all threads of the engine; `profile`: NULL, or where laps go. */
void train_sum(train_profile *profile, engine *e, float *to, const float *more, size_t count);

#endif
