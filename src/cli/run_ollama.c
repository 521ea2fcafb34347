/* What an Ollama model brings along (hub/ollama_brought.h) is what the options would be; each option that was given
 * goes before it. */
#include "cli/run.h"

#include "base/memory.h"

#include <math.h>

static void take_reals(const ollama_brought *b, run_settings *s)
{
    const struct {
        double value;
        double *field;
    } rows[] = {
        {b->temperature, &s->temperature},
        {b->top_p, &s->top_p},
        {b->min_p, &s->min_p},
        {b->typical_p, &s->typical},
        {b->repetition_penalty, &s->repetition_penalty},
        {b->presence_penalty, &s->presence_penalty},
        {b->frequency_penalty, &s->frequency_penalty},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        *rows[i].field = isnan(*rows[i].field) ? rows[i].value : *rows[i].field;
    }
}

static void take_counts(const ollama_brought *b, run_settings *s)
{
    if (s->top_k == RUN_TOP_K_UNSET && !isnan(b->top_k)) {
        s->top_k = (size_t)b->top_k;
    }
    if (s->penalty_window == 0 && !isnan(b->penalty_window)) {
        s->penalty_window = (size_t)b->penalty_window;
    }
    if (s->most_tokens == 0 && !isnan(b->most_tokens)) {
        s->most_tokens = (size_t)b->most_tokens;
    }
}

static hearth_status take_stops(const ollama_brought *b, run_settings *s, hearth_error *error)
{
    const size_t count = json_array_size(b->stops);
    if (count == 0 || s->stops.count > 0) {
        return HEARTH_OK;
    }
    const char **items = mem_realloc(s->stops.items, count * sizeof *items);
    if (items == NULL) {
        return error_memory(error, count * sizeof *items);
    }
    s->stops.items = items;
    for (size_t i = 0; i < count; i++) {
        items[s->stops.count++] = json_string_value(json_array_get(b->stops, i)); /* stays as long as the settings */
    }
    return HEARTH_OK;
}

hearth_status run_take_brought(const char *name, run_settings *s, ollama_brought *ret, hearth_error *error)
{
    TRY(ollama_brought_read(name, ret, error));
    take_reals(ret, s);
    take_counts(ret, s);
    return take_stops(ret, s, error);
}
