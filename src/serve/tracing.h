/* Where answers' words stand in the data that models were trained on: the indexes that were named, and /v1/trace. */
#ifndef SERVE_TRACING_H
#define SERVE_TRACING_H

#include "trace/trace_index.h"

typedef struct tracing tracing;

/* "NAME=INDEX": of the model that clients call so; INDEX alone: of every model that has none of its own. Ended by NULL;
 * or NULL. */
hearth_status tracing_open(const char *const *indexes, tracing **ret, hearth_error *error);
void tracing_close(tracing *t); /* NULL is allowed */
/* Borrowed; NULL: it has none. */
const trace_index *tracing_index(const tracing *t, const char *name);

#endif
