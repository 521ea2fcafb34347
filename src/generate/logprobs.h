/* Log-probabilities of one row of logits: of a token, and the likeliest ones. */
#ifndef GENERATE_LOGPROBS_H
#define GENERATE_LOGPROBS_H

#include "generate/scheduler.h"

/* choices[0].id is given; its log-probability and, from choices[1] on, the `top` likeliest (falling; equal ones by id)
 * come out: log softmax(logits)[id] = logit - largest - log(sum exp(logit - largest)), as score.c has it. `row`:
 * [vocabulary], to work in; `top` at most `vocabulary`. */
void logprobs_find(const kernel_table *k, const float *logits, size_t vocabulary, float *row,
                   generation_choice *choices, size_t top);

#endif
