/* What the kinds of guessing share. Private to generate/draft*.c:
 * draft.c        which kind guesses how much;
 * draft_lookup.c from the text so far;
 * draft_model.c  with a smaller model, or with a head;
 * draft_heads.c  what a head needs besides. */
#ifndef GENERATE_DRAFT_STATE_H
#define GENERATE_DRAFT_STATE_H

#include "generate/draft.h"
#include "generate/paged.h"

/* Seconds as a line over the number of tokens, from the steps of late. */
typedef struct draft_times {
    double weight, tokens, seconds, squares, products;
} draft_times;

/* Guesses of late, those behind a wrong one left out, and how many were right. */
typedef struct draft_luck {
    double tried, right;
} draft_luck;

/* How guessing by the text goes: the number doubles while all are right, and pauses after failures. */
typedef struct draft_pace {
    unsigned now, rest, failures; /* next; not in so many steps; in a row */
    draft_luck luck;
} draft_pace;

struct draft_sequence {
    drafter *d;
    draft_kind last; /* who guessed last */
    draft_pace lookup;
    /* of the draft model */
    sampling sampling; /* its biases are `biases` */
    logit_bias *biases;
    sampler *sampler; /* made when first used */
    paged_sequence held;
    bool off;        /* it cannot: no memory, or a token that it does not know */
    draft_luck luck; /* of the draft's guesses */
    unsigned rest;   /* not in so many steps: it does not pay */
    /* of a head: it has the tokens from number `base` on, at positions from 0 on. The prompt it does not see, but by
     * hidden states; only distances count to it */
    size_t base;
    size_t fed;    /* of them, those that went in with the model's own hidden states */
    float *hidden; /* [hidden_count, width]: the model's, of tokens from number hidden_first on */
    size_t hidden_first, hidden_count, hidden_room;
    float *next; /* [width]: the head's own, of its last guess but one */
    /* while guesses are made */
    size_t wanted; /* by the draft model in this step; 0: none */
};

struct drafter {
    drafter_options o;
    size_t vocabulary; /* ids that both have */
    /* of the draft model, or the head */
    model *guesser; /* NULL: there is none */
    bool is_head;
    forward *forward;
    paged_pool pool;
    forward_segment *segments; /* [most_sequences] */
    draft_wish **fed;          /* [most_sequences]: whose they are */
    draft_times model_times, times;
};

/* Each guesses for those wishes that have no guess yet. */
void draft_lookup_guess(drafter *d, draft_wish *wishes, size_t count);
void draft_model_guess(drafter *d, draft_wish *wishes, size_t count);

#define DRAFT_PAUSE_STEPS 32u /* where guessing does not pay, or there is no memory */

/* How likely a guess behind right ones is right. */
double draft_chance(const draft_luck *luck);
/* Half forgotten: in another text it may go otherwise. */
void draft_luck_fade(draft_luck *luck);

/* What a step of so many tokens takes; 0: unknown. */
double draft_times_of(const draft_times *t, double tokens);
void draft_times_add(draft_times *t, double tokens, double seconds);

/* draft_heads.c: places the sequence so that the head can go on to its last token; false: it lacks hidden states. */
bool draft_heads_begin(drafter *d, draft_wish *w);
/* What goes in with the next token that is not computed. */
const float *draft_heads_input(const drafter *d, const draft_sequence *q);
/* What the head made of row `row`, whose guess may be fed next. */
void draft_heads_keep(const drafter *d, draft_sequence *q, size_t row);
void draft_heads_cut(draft_sequence *q, size_t count);
bool draft_heads_start(draft_sequence *q);
void draft_heads_free(draft_sequence *q);

/* draft_model.c */
hearth_status draft_model_create(drafter *d, hearth_error *error);
void draft_model_free(drafter *d);
/* What was computed behind so many tokens is no part of it. */
void draft_model_cut(draft_sequence *q, size_t count);
/* Gives back the pages. */
void draft_model_pause(draft_sequence *q, const int32_t *tokens, size_t count);

#endif
