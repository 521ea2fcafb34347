/* The ∞-gram (Liu et al. 2024, "Infini-gram: Scaling Unbounded n-gram Language Models to a Trillion Tokens"): a token's
 * probability is its share of what follows the longest end of its context that stands anywhere in the index. */
#ifndef TRACE_TRACE_INFINIGRAM_H
#define TRACE_TRACE_INFINIGRAM_H

#include "base/progress.h"
#include "trace/trace_index.h"

typedef struct trace_guess {
    size_t context; /* tokens of that end; 0: not even the last token stands anywhere, every token counts */
    uint64_t count; /* its places, and */
    uint64_t hits;  /* those that this token follows: the probability is hits / count */
} trace_guess;

/* ret [count] is the caller's; the index must have been made by tokens. At most `most` tokens of context are tried (0:
 * all). */
hearth_status trace_infinigram(const trace_index *x, const int32_t *ids, size_t count, size_t most,
                               progress_fn progress, void *progress_context, trace_guess *ret, hearth_error *error);

typedef struct trace_perplexity {
    size_t tokens, hit; /* tokens that got more than no probability */
    size_t sure;        /* tokens that are all that ever follows their context */
    double context;     /* mean length */
    double perplexity;  /* infinite where hit < tokens */
    double bits_per_byte;
} trace_perplexity;
/* Of the ∞-gram alone (`model` NULL) or of share * ∞-gram + (1 - share) * model, whose log-probabilities [count] are
 * natural. `bytes`: of the text. */
trace_perplexity trace_infinigram_sum(const trace_guess *guesses, size_t count, const float *model, double share,
                                      size_t bytes);

#endif
