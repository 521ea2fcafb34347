/* From a prompt's tokens to the parts of answers, for whichever API asked: what is drawn is read token by token
 * (generate/answer_reader.h) and told to a writer as it comes. */
#ifndef SERVE_ANSWERING_H
#define SERVE_ANSWERING_H

#include "serve/models.h"
#include "serve/request.h"

#define ANSWERING_CHOICES 128u /* answers of one request at most */

typedef enum answer_finish { FINISH_STOP, FINISH_LENGTH, FINISH_CALLS } answer_finish;

typedef struct answer_usage {
    size_t prompt_tokens, kept_tokens, tokens, reasoning_tokens; /* of all choices; a prompt counts once */
    size_t drafted, accepted, steps;                             /* of all choices: guesses, and steps with tokens */
    double prompt_s, answer_s;                                   /* of the first choice */
} answer_usage;

/* All but `drop` are called on one thread (the scheduler's), one after the other; none may wait. A writer that sees
 * that its client has left returns false: then everything ends. Any but begin and end may be NULL. */
typedef struct answer_writer {
    bool (*begin)(void *context); /* before all others */
    /* one that is part of the answer's text, where logprobs were asked for */
    bool (*token)(void *context, unsigned choice, const generation_token *token);
    bool (*text)(void *context, unsigned choice, const char *text, size_t length); /* whole characters */
    bool (*reasoning)(void *context, unsigned choice, const char *text, size_t length);
    bool (*call)(void *context, unsigned choice, const json_t *call); /* {"id", "name", "arguments"} */
    /* where both are there, a call may come so instead: {"id", "name"}, then pieces of its arguments */
    bool (*call_begin)(void *context, unsigned choice, const json_t *call);
    bool (*call_piece)(void *context, unsigned choice, const char *text, size_t length);
    /* That call is whole. Not good: it is malformed, and the answer fails behind it; NULL: it stays what was told. Of
     * one that the answer's length cuts nothing more comes than `finish`. */
    bool (*call_end)(void *context, unsigned choice, bool good);
    bool (*finish)(void *context, unsigned choice, answer_finish why, const char *stop); /* that choice is over */
    void (*end)(void *context, const answer_usage *usage);                               /* all are */
    void (*fail)(void *context, const hearth_error *error); /* instead of end; maybe without begin, maybe after some */
    void (*drop)(void *context);                            /* the last call: frees the context; NULL: nothing to do */
} answer_writer;

typedef struct answer_plan {
    served_model *model;       /* taken over: given back at the end */
    const token_list *prompts; /* copied */
    size_t prompt_count;
    token_list *drawn; /* the writer's: each choice's tokens, there from finish on; NULL: not wanted */
    answer_format format;
    const json_t *tools; /* retained; NULL: nothing is taken for a call */
    bool thinks;         /* the prompt opened the thinking */
    size_t calls_before;
    sampling sampling;        /* answer i to a prompt draws with seed + i; biases are copied */
    const char *const *stops; /* copied */
    size_t stop_count;
    bool own_stops;     /* the model's own: which of them ended an answer is nobody's to know */
    size_t most_tokens; /* 0: until the context is full; never more than the server's limit */
    unsigned choices;   /* of each prompt: choice i * choices + k is the answer k to prompt i */
    bool logprobs;
    unsigned top_logprobs;
    bool ignore_end;
    bool one_call;       /* an answer ends behind its first call */
    grammar *grammar;    /* what the answer must be; NULL: anything */
    const json_t *bound; /* the same for recordings; NULL: none */
} answer_plan;

/* Begins. On failure the plan is still the caller's, `drop` is not called and nothing else will be. */
hearth_status answering_start(request *r, const answer_plan *plan, const answer_writer *writer, void *context,
                              hearth_error *error);

#endif
