/* A lock that goes round: who asked first is next. A mutex may be taken again and again by the thread that has just
 * left it, while others wait. */
#ifndef THREADS_TURNSTILE_H
#define THREADS_TURNSTILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct turnstile {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    uint64_t drawn, serving; /* tickets */
    unsigned held;           /* how often, by one thread */
    pthread_t holder;        /* while held */
} turnstile;

void turnstile_init(turnstile *t);
void turnstile_destroy(turnstile *t);
/* Waits for its turn. In a turn of its own a thread may begin again; the turn is over with the last end. */
void turnstile_begin(turnstile *t);
void turnstile_end(turnstile *t);
/* How many have had a turn or wait for one. */
uint64_t turnstile_drawn(turnstile *t);
/* The same, as if nobody had asked since the calling thread's turn, which this is, began. */
uint64_t turnstile_next(turnstile *t);
/* Nobody has a turn or waits for one. */
bool turnstile_is_free(turnstile *t);

#endif
