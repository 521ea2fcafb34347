/* What the server counts since it started; any thread adds, /metrics reads. */
#ifndef SERVE_COUNTERS_H
#define SERVE_COUNTERS_H

#include "base/buffer.h"

/* Buckets of a histogram of seconds: at most so long, rising; the last is infinity. */
#define COUNTERS_BUCKETS 16
extern const double counters_bounds[COUNTERS_BUCKETS - 1];

typedef struct counters_histogram {
    uint64_t counts[COUNTERS_BUCKETS]; /* each its own, not summed up */
    uint64_t count;
    double sum;
} counters_histogram;

typedef struct counters {
    uint64_t requests;  /* with a route */
    uint64_t answers;   /* generations that ended */
    uint64_t cancelled; /* clients that left, and what was cut off */
    uint64_t prompt_tokens, kept_tokens, tokens;
    counters_histogram first_token, next_token, whole; /* seconds */
} counters;

void counters_request(void);
typedef struct counters_answer {
    size_t prompt_tokens, kept_tokens, tokens;
    double first_s, whole_s; /* from the request's arrival; first_s < 0: there was none */
    bool cancelled;
} counters_answer;
void counters_ended(const counters_answer *a);
void counters_next_token(double seconds);
void counters_read(counters *ret);

#endif
