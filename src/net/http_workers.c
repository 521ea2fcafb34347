/* Threads that handle calls: as many as are wanted at a time, up to a limit. A handler may wait (a model is loaded); an
 * answer that is being made holds none. */
#include "net/http_server_part.h"

#include "base/memory.h"

#include <string.h>

#define KEPT_IDLE 8u

static void *work(void *context)
{
    http_server *s = context;
    pthread_mutex_lock(&s->work_lock);
    for (;;) {
        while (s->queue_count == 0 && !s->ending && s->idle_workers < KEPT_IDLE) {
            s->idle_workers++;
            pthread_cond_wait(&s->work, &s->work_lock);
            s->idle_workers--;
        }
        if (s->queue_count == 0) {
            break;
        }
        http_call *c = s->queue[s->queue_first];
        s->queue_first = (s->queue_first + 1) % s->queue_capacity;
        s->queue_count--;
        pthread_mutex_unlock(&s->work_lock);
        s->o.handle(s->o.context, c);
        http_call_release(c);
        pthread_mutex_lock(&s->work_lock);
    }
    s->workers--;
    pthread_cond_broadcast(&s->idle);
    pthread_mutex_unlock(&s->work_lock);
    return NULL;
}

static bool start_worker(http_server *s)
{
    pthread_t thread;
    pthread_attr_t how;
    if (pthread_attr_init(&how) != 0) {
        return false;
    }
    bool started = pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED) == 0;
    started = started && pthread_create(&thread, &how, work, s) == 0;
    (void)pthread_attr_destroy(&how);
    s->workers += started ? 1 : 0;
    return started;
}

hearth_status http_workers_start(http_server *s, hearth_error *error)
{
    s->queue_capacity = (size_t)s->o.most_connections + 1;
    s->queue = mem_calloc(s->queue_capacity, sizeof(http_call *));
    if (s->queue == NULL) {
        return error_memory(error, s->queue_capacity * sizeof(http_call *));
    }
    pthread_mutex_lock(&s->work_lock);
    const bool started = start_worker(s);
    pthread_mutex_unlock(&s->work_lock);
    return started ? HEARTH_OK : error_set(error, HEARTH_E_IO, "workers", "a thread", "none");
}

bool http_workers_give(http_server *s, http_call *c)
{
    pthread_mutex_lock(&s->work_lock);
    const bool room = s->queue_count < s->queue_capacity;
    if (room) {
        s->queue[(s->queue_first + s->queue_count) % s->queue_capacity] = c;
        s->queue_count++;
        if (s->queue_count > s->idle_workers && s->workers < s->o.most_workers) {
            (void)start_worker(s); /* else one that is there takes it later */
        }
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->work_lock);
    return room;
}

void http_workers_end(http_server *s)
{
    pthread_mutex_lock(&s->work_lock);
    s->ending = true;
    pthread_cond_broadcast(&s->work);
    while (s->workers > 0) {
        pthread_cond_wait(&s->idle, &s->work_lock);
    }
    pthread_mutex_unlock(&s->work_lock);
    mem_free(s->queue);
    s->queue = NULL;
}
