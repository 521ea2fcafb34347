/* Learning a vocabulary from text: byte-level BPE and unigram. docs/tokenizer-learning.md. */
#ifndef TOKENIZER_LEARN_H
#define TOKENIZER_LEARN_H

#include "base/error.h"
#include "base/progress.h"

typedef struct learn_options {
    int unigram;              /* 0: byte-level BPE */
    uint32_t vocab_size;      /* specials and the 256 bytes included */
    uint32_t min_frequency;   /* of a merge; 0 and 1: any */
    const char *pretokenizer; /* a name of the tokenizers' table ("gpt-2", "llama-3", …) */
    const char *const *special;
    size_t special_count;
    int threads; /* the result does not depend on it */
    progress_fn progress;
    void *progress_context;
} learn_options;

typedef struct learner learner;
hearth_status learner_create(const learn_options *options, learner **ret, hearth_error *error);
/* A document's text (UTF-8); words are counted at once, the text is not kept. */
hearth_status learner_add(learner *l, const char *text, size_t length, hearth_error *error);
/* The finished tokenizer.json (owned by the caller, freed with memory_free), as Hugging Face's library writes it. */
hearth_status learner_finish(learner *l, char **ret_json, size_t *ret_length, hearth_error *error);
void learner_free(learner *l); /* NULL is allowed */

#endif
