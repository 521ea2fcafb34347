/* Log-probability of each token of a text, perplexity, bits per byte. docs/commands/score.md, docs/sampling.md.
 *
 * Long texts go through in windows of `window` tokens, `stride` apart: each window but the first computes
 * window - stride tokens of context again and scores the `stride` tokens after them, so that every token is scored
 * once, with at least window - stride tokens before it. */
#ifndef GENERATE_SCORE_H
#define GENERATE_SCORE_H

#include "base/progress.h"
#include "model/forward.h"

typedef struct score_options {
    size_t window; /* 0: the model's context, at most SCORE_WINDOW */
    size_t stride; /* 0: half the window */
    int cache;     /* as session_options.cache */
    size_t chunk;  /* 0: FORWARD_CHUNK */
    progress_fn progress;
    void *progress_context;
    /* For each token that is scored: the row of logits that predicts it, [vocabulary]. NULL: nobody is told. */
    void (*row)(void *context, size_t token, const float *logits);
    void *row_context;
} score_options;

#define SCORE_WINDOW 2048u

typedef struct score_result {
    float *log_probabilities; /* [count], natural logarithm; token 0 has none: 0 there. Owned: score_result_free */
    size_t count;
    size_t scored;         /* count - 1 */
    double sum;            /* of log_probabilities, index ascending */
    double perplexity;     /* exp(-sum / scored) */
    double bits_per_byte;  /* -sum / ln 2 / bytes; 0 when bytes is 0 */
    size_t window, stride; /* as used */
    double seconds;
    char hash[65]; /* SHA-256 of log_probabilities (binary32, little endian), in hexadecimal */
} score_result;

/* ids: at least 2 tokens, the first is context (BOS where the model has one). `bytes`: of the text that the ids after
 * the first stand for. */
hearth_status score_tokens(model *m, const int32_t *ids, size_t count, size_t bytes, const score_options *options,
                           score_result *ret, hearth_error *error);
void score_result_free(score_result *r);

#endif
