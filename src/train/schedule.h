/* The learning rate of each step: a pure function of the recipe, in binary64 by + - * / and the project's own cosine.
 * docs/training.md, "Schedules". */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "recipe/recipe.h"

/* Of the highest rate, for step 1 … steps. Warm-up: step / warmup_steps; then, with p the share of the way from the
 * warm-up's end to the last step (WSD: of the last decay_steps) that is done when this step is,
 *   constant  1
 *   cosine    final + (1 - final) * (1 + cos(pi * p)) / 2
 *   linear    1 - (1 - final) * p
 *   wsd       1 before the decay, then as linear */
double schedule_factor(const recipe_train *t, uint64_t step);

#endif
