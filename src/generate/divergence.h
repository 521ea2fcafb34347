/* How far one model's predictions are from another's on a text: what quantising costs. docs/convert.md, "Divergence".
 *
 * The text goes through both in windows that know nothing of each other. Of each window the predictions of its second
 * half are compared, as llama-perplexity --kl-divergence does. */
#ifndef GENERATE_DIVERGENCE_H
#define GENERATE_DIVERGENCE_H

#include "base/progress.h"
#include "model/forward.h"

typedef struct divergence_options {
    int32_t first; /* the token that begins every window, or -1 */
    size_t window; /* tokens; 0: DIVERGENCE_WINDOW, or what the text or a context has where that is less */
    progress_fn progress;
    void *progress_context;
} divergence_options;

#define DIVERGENCE_WINDOW 512u

typedef struct divergence_result {
    size_t window, windows;
    size_t compared; /* predictions */
    double mean;     /* of sum p (log p - log q), p the reference's */
    double error;    /* standard error of that mean */
    double largest;
    double same_top;                         /* share of predictions whose most probable token is the same */
    double reference_perplexity, perplexity; /* of the tokens that really follow */
    double seconds;
} divergence_result;

/* Both have the same vocabulary (HEARTH_E_ARGUMENT if not). */
hearth_status divergence_measure(model *reference, model *m, const int32_t *ids, size_t count,
                                 const divergence_options *options, divergence_result *ret, hearth_error *error);

#endif
