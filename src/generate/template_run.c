/* The run of a template: its memory, its count of steps, its depth, and its errors. Everything that a hostile template
 * could let grow passes through here. */
#include "generate/template_value.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

void trun_report(trun *r, hearth_status status, const char *format, ...)
{
    char place[32];
    char found[sizeof((hearth_error *)0)->found];
    snprintf(place, sizeof place, "line %u", r->line);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof found, format, arguments);
    va_end(arguments);
    found[utf8_complete_prefix(found, strlen(found))] = '\0';
    (void)error_set(r->error, status, place, NULL, "%s", found);
}

void *trun_alloc(trun *r, size_t count, size_t size_bytes)
{
    return count == 0 ? arena_alloc(r->memory, 1) : arena_array(r->memory, count, size_bytes);
}

hearth_status trun_work(trun *r, size_t amount)
{
    r->steps += 1 + amount / 32;
    if (r->steps > LIMIT_TEMPLATE_STEPS) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "more than %u steps", LIMIT_TEMPLATE_STEPS);
    }
    return HEARTH_OK;
}

hearth_status trun_enter(trun *r)
{
    if (r->depth >= TRUN_DEPTH) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "nested more than %u levels deep", TRUN_DEPTH);
    }
    r->depth++;
    return HEARTH_OK;
}

void trun_leave(trun *r)
{
    r->depth--;
}
