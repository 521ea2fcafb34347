#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static log_sink current_sink;
static void *current_context;

void log_set_sink(log_sink sink, void *context)
{
    current_sink = sink;
    current_context = context;
}

void log_line(log_level level, const char *format, ...)
{
    if (current_sink == NULL) {
        return;
    }
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    current_sink(current_context, level, line);
}
