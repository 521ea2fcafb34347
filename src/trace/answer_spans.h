/* Which parts of an answer stand word for word in a corpus: OLMoTrace's method (Liu et al., 2025, arXiv 2504.07096),
 * over whatever finds the longest match from a place. docs/tracing.md, "How spans are chosen".
 *
 * An answer is a row of units: tokens of an index, or its bytes. */
#ifndef TRACE_ANSWER_SPANS_H
#define TRACE_ANSWER_SPANS_H

#include "base/error.h"

#include <stdbool.h>

typedef struct span_unit {
    size_t end;             /* byte of the answer behind it; it begins where the one before ends */
    double log_probability; /* natural logarithm of its share of the corpus */
    bool begins_word;       /* a span may begin here, or end before it */
    bool delimits;          /* a span goes on behind it never: a full stop, the end of a line */
    bool blank;             /* white space and nothing else: a span of such alone says nothing */
} span_unit;

/* Sets begins_word, delimits and blank of units whose `end` is filled in. A unit begins a word unless it goes on with
 * one: the character before it and its own first one are letters, digits or underscores (or of more than one byte), or
 * it begins within a character. It delimits where its text, white space aside, ends with a full stop, or where it has
 * the end of a line. */
void span_units_mark(const char *text, span_unit *units, size_t count);

typedef struct answer_spans_options {
    size_t least_units;  /* a span has, at least 1 */
    uint64_t most_count; /* times that it stands in the corpus, at most; 0: no limit */
    double share;        /* of the answer's length: as many spans are kept, rounded up */
    size_t length;       /* of the answer, for that; 0: its units */
} answer_spans_options;
#define ANSWER_SPANS_DEFAULTS ((answer_spans_options){.least_units = 1, .most_count = 1000000, .share = 0.05})

/* What knows the corpus. */
typedef struct answer_spans_corpus {
    /* The most units from `begin` on that stand somewhere in it one behind the other; those up to the first one that
     * delimits are enough. */
    hearth_status (*longest)(void *context, size_t begin, size_t *ret_units, hearth_error *error);
    /* How often units [begin, end) stand there. */
    hearth_status (*count)(void *context, size_t begin, size_t end, uint64_t *ret, hearth_error *error);
    void *context;
} answer_spans_corpus;

typedef struct answer_span {
    size_t begin, end; /* units */
    uint64_t count;
    double log_probability; /* sum of its units' */
} answer_span;

/* The rarest of the maximal spans that are not blank, in the order of the text; mem_free. Of spans that are equally
 * rare the first ones.
 */
hearth_status answer_spans_find(const span_unit *units, size_t count, const answer_spans_options *o,
                                const answer_spans_corpus *corpus, answer_span **ret, size_t *ret_count,
                                hearth_error *error);

#endif
