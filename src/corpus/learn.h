/* A tokenizer learned from a corpus, as a recipe says. */
#ifndef CORPUS_LEARN_H
#define CORPUS_LEARN_H

#include "corpus/corpus.h"
#include "tokenizer/learn.h"

/* What a recipe says of a tokenizer that is learned; ties, threads and progress are the caller's. */
learn_options corpus_learn_options(const recipe_tokenizer *wanted);

/* Reads the documents for training (none that is held out) of the corpus in `folder`, up to and with the one in which
 * sample_bytes are reached, and learns from them. *ret_json is tokenizer.json's text, freed with mem_free. */
hearth_status corpus_learn_tokenizer(const char *folder, const recipe_tokenizer *wanted, const corpus_options *options,
                                     char **ret_json, size_t *ret_length, learn_facts *ret_facts, hearth_error *error);

/* For learning with other options: adds those documents to `l`. */
hearth_status corpus_learn_add(const char *folder, uint64_t sample_bytes, learner *l, hearth_error *error);

#endif
