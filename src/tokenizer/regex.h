/* Regular expressions of tokenizer files: written for oniguruma (Hugging Face tokenizers), run by PCRE2 with JIT.
 * Where the two read a pattern differently it is rewritten; what cannot be rewritten is HEARTH_E_UNSUPPORTED. */
#ifndef TOKENIZER_REGEX_H
#define TOKENIZER_REGEX_H

#include "base/buffer.h"

typedef struct regex regex;
/* One thread's working memory for one regex. */
typedef struct regex_scratch {
    void *match_data;
    void *match_context;
    void *jit_stack;
    buffer subject; /* the text with stand-ins, where it needs them */
} regex_scratch;

hearth_status regex_create(const char *pattern, size_t length, regex **ret, hearth_error *error);
void regex_free(regex *r);
hearth_status regex_scratch_init(const regex *r, regex_scratch *s, hearth_error *error);
void regex_scratch_free(regex_scratch *s);

/* A search over one text: `text` is valid UTF-8. All matches from left to right; an empty match right after another
 * match is skipped, as oniguruma's iterator does. */
typedef struct regex_search {
    const regex *regex;
    regex_scratch *scratch;
    const char *subject;
    size_t length;
    size_t at;
    size_t last_end; /* SIZE_MAX: no match yet */
} regex_search;

hearth_status regex_search_begin(const regex *r, regex_scratch *s, const char *text, size_t length, regex_search *ret,
                                 hearth_error *error);
/* *ret_found false at the end. HEARTH_E_LIMIT when the pattern needs too much work on this text. */
hearth_status regex_search_next(regex_search *search, bool *ret_found, size_t *ret_start, size_t *ret_end,
                                hearth_error *error);

#endif
