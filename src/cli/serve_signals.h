/* Signals of a server: a thread of its own waits for them. */
#ifndef CLI_SERVE_SIGNALS_H
#define CLI_SERVE_SIGNALS_H

#include "base/error.h"

/* Before any other thread is started. Until serve_signals_hold is called SIGINT and SIGTERM end the process. */
hearth_status serve_signals_start(hearth_error *error);
/* From here on SIGINT and SIGTERM are kept for serve_signals_wait: before the server says that it is ready. */
void serve_signals_hold(void);
/* Returns on the first SIGINT or SIGTERM; from then on another one ends the process at once. `reload` (NULL: nothing)
 * is called on this thread for each SIGHUP. */
void serve_signals_wait(void (*reload)(void *context), void *context);

#endif
