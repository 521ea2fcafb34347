/* How likely a model finds a prompt, token by token, with the likeliest ones beside each. */
#ifndef SERVE_PROMPT_SCORES_H
#define SERVE_PROMPT_SCORES_H

#include "serve/models.h"
#include "serve/request.h"

/* Calls `fn` for each token in order; of the first, which nothing comes before, the log-probability is 0 and none is
 * beside it. False ends it (memory is out). On the caller's thread, beside what the scheduler computes, and for one
 * request of a model at a time; HEARTH_E_CANCELLED where the client has left. */
typedef bool (*prompt_score_fn)(void *context, const generation_choice *token, const generation_choice *top,
                                size_t count);
hearth_status prompt_scores(const request *r, served_model *m, const token_list *prompt, unsigned top,
                            prompt_score_fn fn, void *context, hearth_error *error);

#endif
