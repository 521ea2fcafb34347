/* How much of a text stands word for word in an index: what tells whether a test item was trained on. */
#ifndef TRACE_TRACE_OVERLAP_H
#define TRACE_TRACE_OVERLAP_H

#include "trace/trace_index.h"

typedef struct trace_overlap {
    size_t covered;        /* bytes of the text within matches of `least` bytes or more */
    size_t begin;          /* of the longest match; of equals the first */
    trace_matches longest; /* of `least` bytes or more; else a length of 0 */
} trace_overlap;

/* Matches begin where a word does; the index must have been made by bytes. */
hearth_status trace_overlap_find(const trace_index *x, const char *text, size_t length, size_t least,
                                 trace_overlap *ret, hearth_error *error);
void trace_overlap_free(trace_overlap *o); /* a zeroed one is allowed */

#endif
