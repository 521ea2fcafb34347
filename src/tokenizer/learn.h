/* Learning a vocabulary from text: byte-level BPE and unigram. docs/tokenizer-learning.md. */
#ifndef TOKENIZER_LEARN_H
#define TOKENIZER_LEARN_H

#include "base/error.h"
#include "base/progress.h"

/* Which of two pairs that come equally often is merged first. */
typedef enum learn_ties {
    LEARN_TIES_IDS,  /* the one with the lower left id, then the lower right id: as Hugging Face's library */
    LEARN_TIES_TEXT, /* the one whose left bytes, then whose right bytes, are greater */
} learn_ties;

typedef struct learn_options {
    int unigram;              /* 0: byte-level BPE */
    uint32_t vocab_size;      /* specials and the 256 bytes included */
    uint32_t min_frequency;   /* of a merge; 0 and 1: any */
    const char *pretokenizer; /* a name of the tokenizers' table ("gpt-2", "llama-bpe", …) */
    const char *const *special;
    size_t special_count;
    int threads; /* the result does not depend on it */
    progress_fn progress;
    void *progress_context;
    learn_ties ties;
} learn_options;

typedef struct learner learner;
hearth_status learner_create(const learn_options *options, learner **ret, hearth_error *error);
/* A document's text (UTF-8; what is not is read as U+FFFD); words are counted, the text is not kept longer than until
 * some MB have come together. */
hearth_status learner_add(learner *l, const char *text, size_t length, hearth_error *error);
/* The finished tokenizer.json (owned by the caller, freed with mem_free), as Hugging Face's library writes it. Once:
 * the learner is then empty. HEARTH_E_ARGUMENT where no text came. */
hearth_status learner_finish(learner *l, char **ret_json, size_t *ret_length, hearth_error *error);
void learner_free(learner *l); /* NULL is allowed */

/* What learner_finish found, for people. */
typedef struct learn_facts {
    uint64_t bytes;      /* of text */
    uint64_t words;      /* pieces, each as often as it came */
    uint64_t distinct;   /* of them */
    uint32_t vocabulary; /* less than asked for where the text has no more to merge */
    uint32_t merges;
} learn_facts;
learn_facts learner_facts(const learner *l);

#endif
