/* Warnings out of the library: it never prints, it hands lines to whoever listens. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

typedef enum log_level { LOG_WARNING, LOG_INFO, LOG_DEBUG } log_level;
typedef void (*log_sink)(void *context, log_level level, const char *line);

/* One sink for the process; NULL silences (the default). Set it before other threads start. */
void log_set_sink(log_sink sink, void *context);
void log_line(log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
