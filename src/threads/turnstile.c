/* Tickets, drawn in order of arrival; whose number is called has the turn. */
#include "threads/turnstile.h"

void turnstile_init(turnstile *t)
{
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->moved, NULL);
    t->drawn = 0;
    t->serving = 0;
    t->held = 0;
}

void turnstile_destroy(turnstile *t)
{
    pthread_cond_destroy(&t->moved);
    pthread_mutex_destroy(&t->lock);
}

void turnstile_begin(turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    if (t->held == 0 || pthread_equal(t->holder, pthread_self()) == 0) {
        const uint64_t ticket = t->drawn++;
        while (ticket != t->serving) {
            pthread_cond_wait(&t->moved, &t->lock);
        }
        t->holder = pthread_self();
    }
    t->held++;
    pthread_mutex_unlock(&t->lock);
}

void turnstile_end(turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    if (--t->held == 0) {
        t->serving++;
        pthread_cond_broadcast(&t->moved);
    }
    pthread_mutex_unlock(&t->lock);
}

uint64_t turnstile_drawn(turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    const uint64_t drawn = t->drawn;
    pthread_mutex_unlock(&t->lock);
    return drawn;
}

uint64_t turnstile_next(turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    const uint64_t next = t->serving + 1;
    pthread_mutex_unlock(&t->lock);
    return next;
}

bool turnstile_is_free(turnstile *t)
{
    pthread_mutex_lock(&t->lock);
    const bool is_free = t->serving == t->drawn;
    pthread_mutex_unlock(&t->lock);
    return is_free;
}
