/* One lock: what is added is a few numbers a token. */
#include "serve/counters.h"

#include <pthread.h>

const double counters_bounds[COUNTERS_BUCKETS - 1] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                      0.5,   1,      2.5,   5,    10,    30,   60};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static counters now;

static void add(counters_histogram *h, double seconds)
{
    size_t i = 0;
    while (i < COUNTERS_BUCKETS - 1 && seconds > counters_bounds[i]) {
        i++;
    }
    h->counts[i]++;
    h->count++;
    h->sum += seconds;
}

void counters_request(void)
{
    pthread_mutex_lock(&lock);
    now.requests++;
    pthread_mutex_unlock(&lock);
}

void counters_ended(const counters_answer *a)
{
    pthread_mutex_lock(&lock);
    now.answers++;
    now.cancelled += a->cancelled ? 1 : 0;
    now.prompt_tokens += a->prompt_tokens;
    now.kept_tokens += a->kept_tokens;
    now.tokens += a->tokens;
    if (a->first_s >= 0) {
        add(&now.first_token, a->first_s);
    }
    add(&now.whole, a->whole_s);
    pthread_mutex_unlock(&lock);
}

void counters_next_token(double seconds)
{
    pthread_mutex_lock(&lock);
    add(&now.next_token, seconds);
    pthread_mutex_unlock(&lock);
}

void counters_read(counters *ret)
{
    pthread_mutex_lock(&lock);
    *ret = now;
    pthread_mutex_unlock(&lock);
}
