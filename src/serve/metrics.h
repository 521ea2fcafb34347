/* What Prometheus reads: /metrics, in its text format. */
#ifndef SERVE_METRICS_H
#define SERVE_METRICS_H

#include "serve/request.h"

void metrics_answer(request *r);
/* A request is over: counted by its route and status. */
void metrics_served(const request *r, unsigned status);
/* One was refused: counted by what was wrong. */
void metrics_refused(const failure *f);

#endif
