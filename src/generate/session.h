/* A session: one sequence with its KV cache, the sampler, and the loop that streams an answer. */
#ifndef GENERATE_SESSION_H
#define GENERATE_SESSION_H

#include "base/progress.h"
#include "generate/answer_reader.h"
#include "generate/constraint.h"
#include "generate/sampler.h"
#include "model/forward.h"

typedef struct session session;

typedef struct session_options {
    size_t context_length; /* 0: the model's (of RoPE as it is), or less where memory is short */
    int cache;             /* a cache_type or -1: kv_cache_choose */
    size_t chunk;          /* tokens per step of a prompt; 0: FORWARD_CHUNK. Results do not depend on it */
    sampling sampling;     /* its logit biases are copied */
    model *draft;          /* guesses ahead (generate/draft.h), and so does what the text says; outlives the session.
                              Results are the same. NULL: nothing is guessed */
    unsigned draft_tokens; /* it guesses so many each time; 0: as many as pay */
} session_options;

/* context 0, cache -1, chunk 0, sampling_default(). */
session_options session_options_default(void);
/* The model's context (that of RoPE as it is), or as many positions as half of the free memory holds; at least one
 * block. */
size_t session_fitting_context(const model *m, cache_type type);

hearth_status session_create(model *m, const session_options *options, session **ret, hearth_error *error);
/* NULL is allowed. */
void session_free(session *s);

/* Computes these tokens after what is there. HEARTH_E_LIMIT when the context would be passed (nothing is computed);
 * HEARTH_E_CANCELLED when progress said so (the session then holds what was computed). progress may be NULL.
 * Of a model with recurrent layers the tokens since the last checkpoint are computed again first, where the session was
 * rewound or a feed cancelled: model/kv_cache.h. */
hearth_status session_feed(session *s, const int32_t *ids, size_t count, progress_fn progress, void *progress_context,
                           hearth_error *error);
/* Makes the sequence equal ids: keeps the common prefix that is computed already (at most count - 1 tokens, so that
 * logits come out), forgets the rest, feeds what is missing. *ret_kept (may be NULL): tokens not computed again. */
hearth_status session_feed_shared(session *s, const int32_t *ids, size_t count, progress_fn progress,
                                  void *progress_context, size_t *ret_kept, hearth_error *error);
/* Logits after the last token: [vocabulary]. NULL before any, and after a rewind. Valid until the next feed. */
const float *session_logits(const session *s);
/* As if `count` tokens had been fed, with synthetic keys and values in place of theirs: for measuring what comes after
 * a long text without computing it. The tokens are those of the session so far and id 0, and there are no logits.
 * HEARTH_E_LIMIT as session_feed. */
hearth_status session_fill(session *s, size_t count, hearth_error *error);
/* Which tokens session_sample may draw from now on: sampler_allow. */
void session_allow(session *s, const uint64_t *allowed);
/* Draws the next token; it is not fed. HEARTH_E_ARGUMENT when there are no logits. */
hearth_status session_sample(session *s, int32_t *ret_token, hearth_error *error);
/* Feeds a token that was drawn. Where the session has a draft, what may come behind it is computed in the same step:
 * the tokens that session_sample then draws cost nothing for as long as they are the ones that were guessed.
 * `bound`: where the constraint stands after this token; NULL: none. */
hearth_status session_go_on(session *s, int32_t token, constraint *bound, hearth_error *error);
/* What came of guessing so far. */
typedef struct session_guesses {
    size_t drafted, accepted; /* tokens */
    size_t steps;             /* of the model, with a token that was drawn */
} session_guesses;
session_guesses session_guessed(session *s);
/* Forgets positions from `length` on. */
hearth_status session_rewind(session *s, size_t length, hearth_error *error);
size_t session_length(const session *s);
size_t session_context_length(const session *s);
const int32_t *session_tokens(const session *s); /* [session_length] */
cache_type session_cache_type(const session *s);
const model *session_model(const session *s);

/* Tells how the time of this session passes from now on, drawing and showing too (nn/profile.h); NULL: nobody is told.
 * `profiler` must outlive the session or the next call. */
struct nn_profiler;
void session_profile(session *s, const struct nn_profiler *profiler);
const struct nn_profiler *session_profiler(const session *s);

/* ---- streaming an answer ---- */
typedef enum session_end {
    SESSION_END_TOKEN,   /* an end token came (it is fed, so that the next turn follows it; not shown) */
    SESSION_END_STOP,    /* a stop string came (not shown) */
    SESSION_END_LENGTH,  /* most_tokens were made */
    SESSION_END_CONTEXT, /* the context is full */
    SESSION_END_CALLER,  /* the callback said stop */
} session_end;

typedef struct session_answer_options {
    size_t most_tokens; /* 0: until the context is full */
    const char *const *stops;
    size_t stop_count;
    bool ignore_end; /* end tokens are tokens like others (bench) */
    /* NULL: the answer is text. Else every token but an end token goes to this reader, which has the stop strings
     * (those above are not looked at) and tells its own caller; `text` is called with length 0. The caller finishes it.
     */
    answer_reader *reader;
    constraint *constraint; /* which tokens may come; NULL: any */
} session_answer_options;

typedef struct session_answer_result {
    session_end end;
    size_t tokens;    /* drawn, the end token among them */
    double seconds;   /* from the first draw to the last token */
    const char *stop; /* which stop string; else NULL */
} session_answer_result;

/* `text`: whole UTF-8 characters (invalid bytes become U+FFFD). Called also with length 0, once per token whose text is
 * held back, so that a caller can stop. Return false to stop. */
typedef bool (*session_text_fn)(void *context, const char *text, size_t length);

/* Draws, shows and feeds tokens until something ends it. The prompt was fed before. When this returns the session
 * holds the tokens drawn (but for a last one that was not fed because the context was full). */
hearth_status session_answer(session *s, const session_answer_options *options, session_text_fn text, void *context,
                             session_answer_result *ret, hearth_error *error);

#endif
