#include "trace/trace_infinigram.h"

#include <math.h>

/* How often `id` follows the end of the context that `m` matched. */
static hearth_status count_hits(const trace_index *x, const int32_t *context, size_t length, uint64_t *ret,
                                hearth_error *error)
{
    const trace_query q = trace_query_tokens(context, length + 1); /* the token itself lies behind its context */
    return trace_count(x, &q, ret, error);
}

static hearth_status guess_one(const trace_index *x, const int32_t *ids, size_t at, size_t most, trace_guess *ret,
                               hearth_error *error)
{
    trace_matches m = {0};
    const trace_query q = trace_query_tokens(ids + (at - most), most);
    TRY(trace_find_suffix(x, &q, &m, error));
    *ret = (trace_guess){.context = m.length, .count = m.count};
    trace_matches_free(&m);
    return count_hits(x, ids + (at - ret->context), ret->context, &ret->hits, error);
}

hearth_status trace_infinigram(const trace_index *x, const int32_t *ids, size_t count, size_t most,
                               progress_fn progress, void *progress_context, trace_guess *ret, hearth_error *error)
{
    size_t context = 0; /* the longest that may be: one more than the token before had */
    for (size_t at = 0; at < count; at++) {
        const size_t limit = most == 0 || context < most ? context : most;
        TRY(guess_one(x, ids, at, limit, &ret[at], error));
        context = ret[at].context + 1;
        if (at % 256 == 0 && progress != NULL && !progress(progress_context, "look up", at, count, "tokens")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped after %zu tokens", at);
        }
    }
    return HEARTH_OK;
}

trace_perplexity trace_infinigram_sum(const trace_guess *guesses, size_t count, const float *model, double share,
                                      size_t bytes)
{
    trace_perplexity r = {.tokens = count};
    double sum = 0, lengths = 0;
    for (size_t i = 0; i < count; i++) {
        const trace_guess *g = &guesses[i];
        const double own = g->count > 0 ? (double)g->hits / (double)g->count : 0;
        r.hit += g->hits > 0 ? 1 : 0;
        r.sure += g->hits > 0 && g->hits == g->count ? 1 : 0;
        lengths += (double)g->context;
        sum += log(model != NULL ? share * own + (1 - share) * exp((double)model[i]) : own);
    }
    r.context = count > 0 ? lengths / (double)count : 0;
    r.perplexity = count > 0 ? exp(-sum / (double)count) : 0;
    r.bits_per_byte = bytes > 0 ? -sum / log(2) / (double)bytes : 0;
    return r;
}
