/* From a recipe to what training reads: corpus, tokenizer, packed sequences. What a folder has already is taken as it
 * is and compared with what it says it was made from. */
#ifndef TRAIN_PREPARE_H
#define TRAIN_PREPARE_H

#include "base/progress.h"
#include "tokenizer/tokenizer.h"
#include "train/trainer.h"

typedef struct prepared {
    train_data data; /* all of it borrowed from here, but the recipe */
    packed_corpus *packed, *held_out;
    tokenizer *tokenizer;
    char *tokenizer_path, *manifest_path, *end_text;
    uint32_t *token_bytes;
} prepared;

typedef struct prepare_options {
    int threads;
    progress_fn progress;
    void *progress_context;
    /* Sees the folder's "corpus" and "tokenizer" once they are there, before anything is made of them; NULL: nobody. */
    hearth_status (*made)(void *context, const char *part, hearth_error *error);
    void *made_context;
    group *group; /* of prepare_corpus; NULL: this process alone */
} prepare_options;

/* `folder`: of the run; corpus/, tokenizer.json, packed/ and held-out/ are made there where they are missing. */
hearth_status prepare_run(const recipe *r, const char *folder, const prepare_options *o, prepared *ret,
                          hearth_error *error);
/* The corpus alone, where rank 0 finds none there: all ranks call, and share the work. */
hearth_status prepare_corpus(const recipe *r, const char *folder, const prepare_options *o, hearth_error *error);
/* As prepare_run, of a folder that has them all; nothing is written. */
hearth_status prepare_open(const recipe *r, const char *folder, prepared *ret, hearth_error *error);
/* A recipe's tokenizer.json, learnt from a corpus's documents for training (or copied), at `path`, which must not be
 * there. */
hearth_status prepare_tokenizer(const recipe *r, const char *corpus, const char *path, const prepare_options *o,
                                hearth_error *error);
/* HEARTH_E_FORMAT where the recipe names a tokenizer by its hash and the file at `path` is another. */
hearth_status prepare_check_tokenizer(const recipe *r, const char *path, hearth_error *error);
/* Zeroed ones are allowed. */
void prepare_free(prepared *p);

#endif
