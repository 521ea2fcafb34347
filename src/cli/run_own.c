/* The program's own model, hearthside (docs/hearthside.md): it continues a text of facts and a question with a line. */
#include "cli/run.h"

#include "base/memory.h"

#include <math.h>

hearth_status run_take_own(run_settings *s, hearth_error *error)
{
    s->raw = true;
    s->temperature = isnan(s->temperature) ? 0 : s->temperature;
    if (s->stops.count > 0 || s->schema != NULL || s->grammar != NULL) { /* JSON may have ends of lines */
        return HEARTH_OK;
    }
    const char **items = mem_realloc(s->stops.items, sizeof *items);
    if (items == NULL) {
        return error_memory(error, sizeof *items);
    }
    items[0] = "\n";
    s->stops = (option_list){items, 1};
    return HEARTH_OK;
}
