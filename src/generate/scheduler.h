/* Many answers at a time from one model: a thread that puts what waits into steps. docs/serving-scheduler.md.
 *
 * One result: the tokens of an answer are a function of the model, the prompt and the request's settings. Neither what
 * else is computed, nor how prompts are cut into chunks, nor kept prefixes, nor preemption, nor speculation is seen.
 *
 * A step takes one token of every sequence that decodes, and, in the room that is left, pieces of all prompts: nobody
 * waits behind a long prompt. Sequences' keys and values lie in pages of ATTENTION_BLOCK positions, which sequences
 * with a common beginning share; pages that nobody uses are kept until room is needed, so that a prompt that begins as
 * an earlier one is not computed again. Where pages run out, the youngest sequence gives its own back and is computed
 * again later. */
#ifndef GENERATE_SCHEDULER_H
#define GENERATE_SCHEDULER_H

#include "generate/constraint.h"
#include "generate/draft.h"
#include "generate/sampler.h"
#include "model/model.h"

typedef struct scheduler scheduler;
typedef struct generation generation;

typedef struct scheduler_options {
    size_t context_length; /* most positions of one sequence; 0: as session_options */
    int cache;             /* a cache_type or -1: kv_cache_choose */
    uint64_t cache_bytes;  /* of all pages; 0: half of the memory that is free, but at least one sequence's */
    unsigned most_running; /* sequences at a time; 0: 32 */
    unsigned most_waiting; /* requests beyond; 0: 256 */
    size_t chunk;          /* tokens of a step; 0: FORWARD_CHUNK */
    bool without_prefixes; /* nothing is kept nor shared */
    model *draft;          /* guesses, too; outlives the scheduler, and its keys and values are among cache_bytes. NULL:
                              none */
    unsigned draft_tokens; /* it guesses so many each time; 0: as many as pay */
} scheduler_options;

typedef struct generation_choice {
    int32_t id;
    float logprob; /* natural logarithm, of the model's distribution before any setting */
} generation_choice;

typedef struct generation_token {
    generation_choice drawn;      /* its logprob is 0 unless asked for */
    const generation_choice *top; /* the likeliest, falling; equal ones by id */
    size_t top_count;
    size_t index; /* from 0 */
    bool end;     /* an end token: it writes no text */
} generation_token;

typedef enum generation_end {
    GENERATION_END_TOKEN,     /* an end token came */
    GENERATION_END_LENGTH,    /* most_tokens were made */
    GENERATION_END_CONTEXT,   /* the context is full */
    GENERATION_END_CALLER,    /* the callback said stop */
    GENERATION_END_CANCELLED, /* generation_cancel, or the scheduler ends */
    GENERATION_END_FAILED,    /* `error` of the outcome tells */
} generation_end;

typedef struct generation_outcome {
    generation_end end;
    hearth_error error;
    size_t prompt_tokens, kept_tokens; /* of the prompt: all, and those that were not computed again */
    size_t tokens;                     /* drawn, an end token among them */
    double waited_s, prompt_s, answer_s;
    unsigned preempted;       /* times */
    size_t drafted, accepted; /* tokens, by speculation */
    size_t steps;             /* of the model that gave tokens */
} generation_outcome;

/* Both are called on the scheduler's thread: they must not wait, nor call the scheduler but for generation_cancel. */
typedef bool (*generation_token_fn)(void *context, const generation_token *token); /* false: stop */
typedef void (*generation_done_fn)(void *context, const generation_outcome *outcome);

typedef struct generation_request {
    const int32_t *prompt; /* [prompt_count], at least 1; copied */
    size_t prompt_count;
    sampling sampling;  /* biases are copied */
    size_t most_tokens; /* 0: until the context is full */
    bool ignore_end;    /* end tokens are tokens like others */
    bool logprobs;
    unsigned top_logprobs;  /* at most 20 */
    unsigned draft_most;    /* tokens that are guessed ahead in a step; at most 64. 0: none */
    constraint *constraint; /* taken over, where the request is accepted; NULL: none */
    const char *group;      /* who asks: groups take turns. NULL: "" */
    generation_token_fn token;
    generation_done_fn done; /* exactly once for each accepted request */
    void *context;
} generation_request;

/* The model must outlive it. */
hearth_status scheduler_create(model *m, const scheduler_options *options, scheduler **ret, hearth_error *error);
/* What runs and waits ends as cancelled. NULL is allowed. */
void scheduler_free(scheduler *s);

/* Most positions of one sequence. */
size_t scheduler_context(const scheduler *s);

/* HEARTH_E_LIMIT: too many wait, or the prompt leaves no room in the context. HEARTH_E_ARGUMENT as sampling_check, and
 * for ids outside the vocabulary. From any thread. `ret` is valid until the done callback returns. */
hearth_status scheduler_submit(scheduler *s, const generation_request *request, generation **ret, hearth_error *error);
/* From any thread, before the done callback has returned; its slot is free within one step. */
void generation_cancel(generation *g);

typedef struct scheduler_stats {
    unsigned running, waiting;
    size_t pages, pages_used, pages_kept; /* kept: of prefixes that nobody uses */
    uint64_t page_bytes;
    uint64_t steps, prompt_tokens, kept_tokens, tokens, preemptions;
    uint64_t drafted[DRAFT_KINDS], accepted[DRAFT_KINDS]; /* tokens */
    uint64_t decoded;                                     /* steps that gave tokens, of all sequences together */
    double busy_s;                                        /* in steps */
} scheduler_stats;
void scheduler_stats_read(scheduler *s, scheduler_stats *ret);

#endif
