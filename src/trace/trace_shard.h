/* One shard of an index: mapped files, and searching in its suffix arrays. */
#ifndef TRACE_TRACE_SHARD_H
#define TRACE_TRACE_SHARD_H

#include "platform/file.h"
#include "trace/trace_format.h"

#include <jansson.h>

/* Units and the order of the suffixes that begin at them. */
typedef struct trace_array {
    const file_map *units, *order, *keys; /* order->data NULL: there is none */
    uint64_t length;                      /* units in the file, with those that separate documents */
    uint64_t count;                       /* suffixes: units of texts */
    unsigned width;                       /* bytes of a unit */
    unsigned bits;                        /* of a position in `order` */
} trace_array;

typedef struct trace_shard {
    file_map files[TRACE_FILES];
    uint64_t documents;
    uint64_t first; /* its first document's number in the index */
    trace_array arrays[TRACE_UNITS];
} trace_shard;

/* One file of a shard. */
hearth_status trace_shard_map(const char *folder, size_t number, trace_file file, file_map *ret, hearth_error *error);

/* `row` is the shard's object in index.json. Sets everything but `first`. A vocabulary of 0: there are no tokens. */
hearth_status trace_shard_open(const char *folder, const json_t *row, size_t number, size_t vocabulary,
                               trace_shard *ret, hearth_error *error);
void trace_shard_close(trace_shard *s); /* a zeroed one is allowed */

typedef struct trace_span {
    uint64_t begin, end; /* of a document's units in the shard's file, without what separates it from the next */
} trace_span;
hearth_status trace_shard_span(const trace_shard *s, trace_unit unit, uint64_t document, trace_span *ret,
                               hearth_error *error);
/* A document's line of facts. */
hearth_status trace_shard_facts(const trace_shard *s, uint64_t document, const char **ret, size_t *ret_length,
                                hearth_error *error);
/* The document that unit `position` belongs to; HEARTH_E_FORMAT where it is none's. */
hearth_status trace_shard_document(const trace_shard *s, trace_unit unit, uint64_t position, uint64_t *ret,
                                   hearth_error *error);

/* Position of suffix i, i < count; below length. */
hearth_status trace_array_position(const trace_array *a, uint64_t i, uint64_t *ret, hearth_error *error);
/* The suffixes that begin with `bytes`, [low, high); none: low == high is where they would be. */
hearth_status trace_array_find(const trace_array *a, const uint8_t *bytes, size_t length, trace_interval *ret,
                               hearth_error *error);
/* How many units of `bytes` the best of the suffixes beside `low` (of trace_array_find) has in common with it. */
hearth_status trace_array_common(const trace_array *a, const uint8_t *bytes, size_t length, uint64_t low,
                                 size_t *ret_units, hearth_error *error);
/* HEARTH_E_FORMAT of a file at a place. */
hearth_status trace_damaged(const file_map *map, const char *place, const char *expected, uint64_t found,
                            hearth_error *error);

#endif
