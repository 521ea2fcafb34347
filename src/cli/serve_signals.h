/* Signals of a server: a thread of its own waits for them. */
#ifndef CLI_SERVE_SIGNALS_H
#define CLI_SERVE_SIGNALS_H

#include "base/error.h"

/* Before any other thread is started. Until serve_signals_wait is called SIGINT and SIGTERM end the process. */
hearth_status serve_signals_start(hearth_error *error);
/* Returns on the first SIGINT or SIGTERM; from then on another one ends the process at once. `reload` (NULL: nothing)
 * is called on this thread for each SIGHUP. */
void serve_signals_wait(void (*reload)(void *context), void *context);

#endif
