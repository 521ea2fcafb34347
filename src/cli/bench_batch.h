/* Sequences that decode together: the measurement of one row of `hearth bench --batch`. */
#ifndef CLI_BENCH_BATCH_H
#define CLI_BENCH_BATCH_H

#include "cli/bench.h"
#include "model/forward.h"

/* Logits are made for at most FORWARD_LOGIT_ROWS rows a step. */
enum { BENCH_SEQUENCES_MOST = FORWARD_LOGIT_ROWS };

typedef struct bench_batch bench_batch;

/* Room for `sequences` sequences of `positions` tokens each. */
hearth_status bench_batch_create(model *m, cache_type type, size_t sequences, size_t positions, bench_batch **ret,
                                 hearth_error *error);
/* NULL is allowed. */
void bench_batch_free(bench_batch *b);

/* Called after each step; false stops the measurement with HEARTH_E_CANCELLED. */
typedef bool (*bench_batch_fn)(void *context, uint64_t done, uint64_t total);

/* `sequences` sequences, none of which has the tokens of another, read `depth` tokens of `ids` each, then go on
 * greedily for `tokens` steps, all in the same steps: the seconds that these took. */
hearth_status bench_batch_measure(bench_batch *b, size_t sequences, const int32_t *ids, size_t depth, size_t tokens,
                                  bench_batch_fn go_on, void *context, double *ret_seconds, hearth_error *error);

#endif
