/* Which items of an evaluation stand in an index. */
#ifndef CLI_TRACE_CONTAMINATED_H
#define CLI_TRACE_CONTAMINATED_H

#include "cli/terminal.h"
#include "trace/trace_index.h"

#include <jansson.h>

/* An object: items, whole (of which all of a text stands there in one piece), part, clean, least; `found`, a row for
 * each that is not clean. Texts shorter than `least` bytes are not looked for; an item of none else is counted in
 * `short`. */
hearth_status trace_contaminated(const trace_index *x, const char *suite, size_t least, terminal_progress *bar,
                                 json_t **ret, hearth_error *error);

#endif
