/* `hearth trace report`: what an index holds, counted, and as a page. */
#ifndef CLI_TRACE_PAGE_H
#define CLI_TRACE_PAGE_H

#include "cli/terminal.h"
#include "trace/trace_index.h"

#include <jansson.h>

/* An object: name, sha256, documents, bytes, tokens, disk_bytes, shards; sources, licences and languages, each a list
 * of {name, documents, bytes}, most bytes first; lengths; spans: the most frequent pieces. */
hearth_status trace_report_count(const trace_index *x, terminal_progress *bar, json_t **ret, hearth_error *error);
/* A self-contained page of HTML of it; what trace_contaminated gave is in `contaminated` where it was asked for. */
hearth_status trace_page(const json_t *report, buffer *out, hearth_error *error);

#endif
