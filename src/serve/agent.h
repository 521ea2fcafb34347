/* What HAProxy's agent-check asks on a port of its own: a line of text, how much of the server is free. */
#ifndef SERVE_AGENT_H
#define SERVE_AGENT_H

#include "base/error.h"

typedef struct agent agent;
typedef struct server server;

/* "up ready 75%" by free slots: 100% while half of them are, then twice their share (never below 1%: a server that is
 * full still queues), "drain" once the server stops. */
hearth_status agent_start(server *s, const char *host, unsigned port, agent **ret, hearth_error *error);
/* Before the server is freed. NULL is allowed. */
void agent_end(agent *a);

#endif
