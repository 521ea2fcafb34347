/* Pre-tokenisation: a text through the steps of a spec, piece by piece, each handed on at once (nothing is collected,
 * so memory does not grow with the text). Behaviours as Hugging Face tokenizers has them. */
#ifndef TOKENIZER_PRETOKENIZE_H
#define TOKENIZER_PRETOKENIZE_H

#include "tokenizer/patterns.h"
#include "tokenizer/regex.h"
#include "tokenizer/spec.h"

typedef struct pretokenizer {
    pretokenizer_step *steps; /* texts inside belong to the tokenizer's arena */
    regex **regexes;          /* [count], NULL where a step has none */
    pattern_fn *matchers;     /* [count], NULL where a step has none */
    size_t count;
} pretokenizer;

typedef hearth_status (*pretokenizer_sink)(void *context, const char *piece, size_t length, hearth_error *error);

typedef struct pretokenizer_slot { /* a step's working memory */
    regex_scratch regex;
    bool has_regex;
    buffer text;
} pretokenizer_slot;

typedef struct pretokenizer_run {
    const pretokenizer *pretokenizer;
    pretokenizer_slot *slots; /* [count] */
    pretokenizer_sink sink;
    void *context;
    bool first; /* the text being split stands at the beginning of the input (METASPACE_FIRST) */
} pretokenizer_run;

hearth_status pretokenizer_run_init(pretokenizer_run *run, const pretokenizer *p, pretokenizer_sink sink, void *context,
                                    hearth_error *error);
void pretokenizer_run_free(pretokenizer_run *run);
hearth_status pretokenize(pretokenizer_run *run, const char *text, size_t length, hearth_error *error);

#endif
