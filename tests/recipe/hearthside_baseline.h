/* What one can tell of hearthside who reads the question and not the facts. */
#ifndef TESTS_RECIPE_HEARTHSIDE_BASELINE_H
#define TESTS_RECIPE_HEARTHSIDE_BASELINE_H

#include "corpus/hearthside.h"

/* For each kind of question, the words of the answer that are most frequent in `corpus`, documents by this seed.
 * ret_share[kind]: the share of the first `questions` held-out questions of each kind that this answers. */
void hearthside_baseline(const char *corpus, uint64_t seed, uint64_t questions, double ret_share[HEARTHSIDE_QUESTIONS]);

#endif
