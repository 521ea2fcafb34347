/* Guesses of the tokens that sequences will draw next (speculative decoding). A step of the model computes a guess's
 * positions behind the token that is due; what is drawn is what would have been drawn, and guesses that were right save
 * steps. So a guess may be anything at all: what guesses is a table of kinds (draft.c), the cheapest first:
 *
 * lookup  what followed the last time the text ended as it ends now (draft_lookup.c);
 * model   what a smaller model of the same vocabulary draws with the same settings and random numbers (draft_model.c);
 * heads   the same with the model's own head for further tokens, where its files have one (model/model.h).
 *
 * docs/serving-scheduler.md, "Guessing ahead". */
#ifndef GENERATE_DRAFT_H
#define GENERATE_DRAFT_H

#include "generate/constraint.h"
#include "generate/sampler.h"
#include "model/forward.h"
#include "model/model.h"

#define DRAFT_MOST 64u   /* guesses in a step */
#define DRAFT_OFF "none" /* in place of a draft's name: nor does a model's head guess */

typedef enum draft_kind { DRAFT_LOOKUP, DRAFT_MODEL, DRAFT_HEADS, DRAFT_KINDS, DRAFT_NONE = DRAFT_KINDS } draft_kind;
extern const char *const draft_kind_names[]; /* ended by NULL */

typedef struct drafter drafter;               /* who guesses for the sequences of one model */
typedef struct draft_sequence draft_sequence; /* what is kept of one of them */

typedef struct drafter_options {
    model *m;              /* the model that draws; outlives the drafter */
    model *draft;          /* a draft model, which outlives it, too; NULL: the model's head, if it was opened with it,
                              else lookup alone */
    size_t context_length; /* most positions of a sequence */
    cache_type cache;
    size_t pages;            /* of the draft model's keys and values, ATTENTION_BLOCK positions each */
    bool without_prefixes;   /* of them nothing is kept nor shared */
    size_t chunk;            /* tokens of a step of the draft model; 0: FORWARD_CHUNK */
    unsigned most_sequences; /* at a time */
    unsigned tokens;         /* the draft model guesses so many each time; 0: as many as pay */
} drafter_options;

/* HEARTH_E_ARGUMENT where the draft's vocabulary is another one: names both. HEARTH_E_UNSUPPORTED for a draft with
 * recurrent layers, or for such a model. */
hearth_status draft_check(const model *m, const model *draft, hearth_error *error);
hearth_status drafter_create(const drafter_options *options, drafter **ret, hearth_error *error);
/* Its sequences were freed. NULL is allowed. */
void drafter_free(drafter *d);
/* Bytes of a page of the draft model; 0: there is none. */
size_t draft_page_bytes(const model *m, const model *draft, cache_type cache);

hearth_status draft_sequence_create(drafter *d, const sampling *how, draft_sequence **ret, hearth_error *error);
/* It may take long until it goes on: gives back what memory it holds. `tokens`: the sequence's, all that were drawn. */
void draft_sequence_pause(draft_sequence *q, const int32_t *tokens, size_t count);
/* The sequence was taken back to `count` tokens, or a step drew them and no more: what was guessed behind them is not
 * kept. */
void draft_sequence_cut(draft_sequence *q, size_t count);
/* The same as pausing, and frees it. NULL is allowed. */
void draft_sequence_free(draft_sequence *q, const int32_t *tokens, size_t count);

/* One sequence in a step. */
typedef struct draft_wish {
    draft_sequence *of;
    int32_t *tokens;        /* [count + most]: the sequence so far; guesses are written behind it */
    size_t count, most;     /* most: at most DRAFT_MOST */
    constraint *constraint; /* where it stands after these tokens; NULL: none. It is where it was afterwards */
    size_t guessed;         /* out */
} draft_wish;
/* Guesses for all of them at once. What cannot be guessed (no memory, no idea) is not: nobody's answer ends by that. */
void drafter_guess(drafter *d, draft_wish *wishes, size_t count);
/* Learns how many of the last guesses were right. */
void draft_judge(draft_sequence *q, size_t guessed, size_t right);
/* Who made them. */
draft_kind draft_last_kind(const draft_sequence *q);
/* After a step of the model that had these tokens of the sequence: wanted rows [row, row + count) of it are those of
 * the tokens from number `first` on. What a head begins with. */
void draft_saw(draft_sequence *q, const forward *f, size_t row, size_t count, size_t first);
/* Learns what a step of the model took that had `tokens` tokens, all of decoding sequences. */
void drafter_timed(drafter *d, size_t tokens, double seconds);

#endif
