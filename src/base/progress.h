/* Progress of long work, handed to whoever shows it. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Called now and then from one thread; returns false to cancel. `unit` is "B", "tokens", … */
typedef bool (*progress_fn)(void *context, const char *what, uint64_t done, uint64_t total, const char *unit);

#endif
