/* What a scheduler works with. Private to generate/scheduler*.c, which share it out:
 * scheduler.c        what callers see, and the thread;
 * scheduler_queue.c  who waits, and whose turn it is;
 * scheduler_step.c   what goes into a step, and what becomes of it;
 * scheduler_pages.c  where a sequence's keys and values lie;
 * scheduler_draft.c  guesses of what will be drawn (draft.h);
 * scheduler_draw.c   from logits to tokens. */
#ifndef GENERATE_SCHEDULER_STATE_H
#define GENERATE_SCHEDULER_STATE_H

#include "generate/draft.h"
#include "generate/paged.h"
#include "generate/scheduler.h"
#include "model/forward.h"

#include <pthread.h>
#include <stdatomic.h>

#define SCHEDULER_TOP_MOST 20u /* of top_logprobs */
/* Nothing is guessed beyond so many tokens of a step: with more of them it is not reading the weights that takes the
 * time. */
#define SCHEDULER_DRAFT_ROWS 16u
/* While others decode, a step has so many tokens of prompts that it takes about so long, as far as earlier ones tell;
 * between these bounds. */
#define SCHEDULER_STEP_S 0.2
#define SCHEDULER_PROMPT_LEAST 32u
#define SCHEDULER_PROMPT_FIRST 128u /* before any one tells */

typedef struct scheduler_group scheduler_group;

struct generation {
    scheduler *s;
    generation *next; /* in its group's queue */
    bool again;       /* it waits though it had its turn: there was no room, or it gave its pages to others */
    scheduler_group *group;
    atomic_bool cancelled;
    /* the request */
    sampling sampling; /* its biases are `biases` */
    logit_bias *biases;
    size_t most_tokens;
    bool ignore_end, logprobs;
    unsigned top_logprobs;
    unsigned draft_most;
    constraint *constraint; /* or NULL */
    generation_token_fn token;
    generation_done_fn done;
    void *context;
    /* the sequence */
    uint64_t number; /* in order of arrival: the larger one is the younger */
    int32_t *tokens; /* [the most]: the prompt, what was drawn and, during a step, behind `count`, what is guessed */
    size_t count, prompt_count;
    paged_sequence held; /* what is computed of them; less than count while it runs */
    sampler *sampler;
    float *row;            /* [vocabulary], where logarithms are asked for */
    draft_sequence *draft; /* NULL: nothing is guessed */
    /* this step's */
    bool preempted;
    size_t piece; /* tokens that are computed; 0: it takes no part */
    bool passed;  /* it gets none: another computes what it needs, or there are no pages */
    size_t first_row, rows;
    size_t drafted;             /* tokens */
    size_t drawn;               /* tokens that were added to `tokens` */
    bool drawn_all;             /* what other rows say does not matter */
    generation_choice *choices; /* of each of them: itself and the likeliest */
    hearth_status status;       /* of drawing; with the outcome's error */
    /* the end */
    bool ended;
    generation_outcome outcome;
    double submitted, started, answered; /* times; answered: of the first token, or 0 */
};

/* Those who ask under one name. */
struct scheduler_group {
    scheduler_group *next;
    char *name;
    generation *first, **last; /* waiting, in order of arrival */
    unsigned running;
    uint64_t turn; /* when one of it was last taken */
    size_t given;  /* tokens of its prompts in this step */
};

struct scheduler {
    model *m;
    engine_user computing; /* its turns */
    size_t context_length, chunk, vocabulary;
    cache_type cache;
    unsigned most_running, most_waiting;
    pthread_t thread;
    /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is something to do */
    scheduler_group *groups;
    uint64_t turns, numbers;
    unsigned waiting;
    bool cancels; /* somebody was cancelled since the thread last looked */
    bool stopping;
    scheduler_stats stats;
    /* the thread's own */
    forward *forward;
    paged_pool pool;
    generation **running; /* [most_running], the oldest first */
    unsigned running_count;
    forward_segment *segments; /* [most_running] */
    drafter *drafter;
    draft_wish *wishes;  /* [most_running] */
    double token_s;      /* of a step with prompts, what a token takes; 0: there was none */
    scheduler_stats own; /* becomes `stats` between two steps */
    /* of drawing */
    atomic_uint next_draw;
    const float *logits; /* of wanted rows [logits_first, logits_first + logits_count) */
    size_t logits_first, logits_count;
};

/* ---- scheduler_queue.c; under the lock ---- */

/* Behind the others of its group, which it keeps. */
hearth_status scheduler_enqueue(scheduler *s, generation *g, const char *group, hearth_error *error);
/* Takes the next one out: the oldest of those that were put back; else of the group of which the fewest run, and of
 * several, of the one that has waited longest. NULL: nobody waits. It counts as running in its group. */
generation *scheduler_dequeue(scheduler *s);
/* Takes one out that was cancelled, or anyone at all. NULL: there is none. */
generation *scheduler_dequeue_cancelled(scheduler *s, bool anyone);
/* It no longer runs, and its turn comes before those of all who were not put back. */
void scheduler_requeue(scheduler *s, generation *g);
/* It no longer runs, and leaves its group. */
void scheduler_leave(scheduler *s, generation *g);
void scheduler_free_groups(scheduler *s);

/* ---- scheduler_step.c; the thread's ---- */

/* Makes what a request needs while it runs, if it is not there. */
hearth_status scheduler_start(scheduler *s, generation *g, hearth_error *error);
/* Gives it back. */
void scheduler_stop(scheduler *s, generation *g);
/* One step of those that run: `ended` of some becomes true. Those that had to give their pages to others wait again. */
void scheduler_step(scheduler *s);

/* ---- scheduler_pages.c; the thread's ---- */

/* Of a sequence without pages: begins with the pages that the tree has of it. */
hearth_status scheduler_pages_start(scheduler *s, generation *g, hearth_error *error);
/* It runs: takes a copy of a page that begins alike, and counts what was found. */
void scheduler_pages_started(scheduler *s, generation *g);
/* Goes on with what the tree has by now. */
void scheduler_pages_adopt(scheduler *s, generation *g);
/* Does `a` compute the page that `b` would compute next? */
bool scheduler_pages_same(const scheduler *s, const generation *a, const generation *b);
/* That it has not got, for its tokens and one more. */
size_t scheduler_pages_missing(const generation *g);
/* ---- scheduler_draft.c; the thread's ---- */

/* Guesses at most `room` tokens in all that will be drawn next, for those that have a piece: into `tokens` behind the
 * last one, `drafted` of them. */
void scheduler_draft(scheduler *s, size_t room);
/* Learns of how many were right, after a step with some. */
void scheduler_draft_judge(scheduler *s, generation *g);

/* ---- scheduler_draw.c; the thread's ---- */

/* Draws after the step that was computed, for each that has rows in it. */
hearth_status scheduler_draw(scheduler *s, hearth_error *error);
/* Ends a sequence. */
void scheduler_end(generation *g, generation_end end);
/* Tells the callers of what was drawn, and ends what ends. */
void scheduler_tell(scheduler *s, generation *g);

#endif
