/* How much documents that a model was trained on moved what it says of an answer: TracIn (Pruthi et al., 2020, arXiv
 * 2002.08484), summed over the checkpoints that are stored. docs/tracing.md, "Influence".
 *
 * Of document d, over checkpoints c and parameters p:
 *
 *     influence(d) = sum over c of  sum over p of  rate(c, p) * <gradient of L(answer), gradient of L(d)>
 *
 * L(answer): the mean of -log p over the answer's tokens, behind its prompt. L(d): the sum of -log p over the
 * document's tokens (in the recipe's sequences from the document's begin, at most `tokens` of it) over the tokens of a
 * step: its weight in one. rate(c, p): the recipe's rate of step c, of the matrices of Muon that of Muon. More than 0:
 * what the document taught makes the answer likelier; the unit is that of the answer's loss, per token.
 *
 * The gradients are training's; products of two binary32 are exact in binary64 and added there, parameter by parameter,
 * ascending: the same bits with any number of threads and any instruction set. */
#ifndef TRAIN_INFLUENCE_H
#define TRAIN_INFLUENCE_H

#include "base/progress.h"
#include "model/engine.h"
#include "recipe/recipe.h"

typedef struct influence_checkpoint {
    const char *folder;
    uint64_t step; /* 1 … steps */
} influence_checkpoint;

typedef struct influence_tokens {
    const uint32_t *ids;
    size_t count;
} influence_tokens;

typedef struct influence_options {
    const recipe *recipe;
    uint32_t vocabulary;
    const influence_checkpoint *checkpoints;
    size_t checkpoint_count;
    influence_tokens prompt, answer;   /* together at most the model's context + 1; the prompt at least one token */
    const influence_tokens *documents; /* each with its end token; two tokens or more */
    size_t document_count;
    size_t tokens;        /* of a document, at most; 0: all */
    progress_fn progress; /* NULL: none */
    void *progress_context;
} influence_options;

/* influences: [document_count]; losses, the answer's at each checkpoint: [checkpoint_count], or NULL. */
hearth_status influence_run(engine *e, const influence_options *o, double *influences, double *losses,
                            hearth_error *error);
/* How many sequences will be computed, forward and back: what it costs. */
uint64_t influence_cost(const influence_options *o);

#endif
