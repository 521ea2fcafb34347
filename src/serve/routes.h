/* The table of routes, and a request's way through it. */
#ifndef SERVE_ROUTES_H
#define SERVE_ROUTES_H

#include "serve/request.h"

/* One table a file of handlers: a new interface is a file with a table, and a line here and in routes.c. */
extern const route routes_common[];    /* common.c: health, readiness, metrics */
extern const route routes_about[];     /* about.c: what a model is and comes from */
extern const route routes_page[];      /* page.c: what a browser shows */
extern const route routes_openai[];    /* openai.c */
extern const route routes_tokens[];    /* tokens.c */
extern const route routes_anthropic[]; /* anthropic.c */
extern const route routes_openapi[];   /* openapi.c */
extern const route routes_ollama[];    /* ollama.c */
extern const route routes_trace[];     /* tracing.c */

/* All of them, ended by NULL. */
extern const route *const routes_tables[];

/* For the HTTP server's door; the context is a server. */
bool routes_admit(void *context, http_call *call);
void routes_handle(void *context, http_call *call);
void routes_refuse(void *context, http_call *call, unsigned status, const char *why);

#endif
