/* What stands most often in an index: pieces of a fixed length. */
#ifndef TRACE_TRACE_SPANS_H
#define TRACE_TRACE_SPANS_H

#include "trace/trace_index.h"

typedef struct trace_span_count {
    uint64_t count;
    trace_place place; /* one of them */
} trace_span_count;

#define TRACE_SPANS_MOST 64u

/* The most frequent pieces of `length` bytes (or tokens, of an index without bytes) that begin with a word, most
 * frequent first, at most `most` of them; of those that overlap each other where they stand, one. Looks at every k-th
 * suffix, k so large that it is at most LOOKS of them, and counts exactly what it found: what stands fewer than 2k
 * times may be missed. */
#define TRACE_SPANS_LOOKS 4194304u
hearth_status trace_spans(const trace_index *x, size_t length, size_t most, trace_span_count ret[TRACE_SPANS_MOST],
                          size_t *ret_count, uint64_t *ret_least, hearth_error *error);

#endif
