/* A suspended connection is looked at by nobody: this thread sees that its client left. Once a second it also ends the
 * connections that take too long to send a request. */
#include "net/http_server_part.h"

#include "platform/cpu.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TICK_MS 250

void http_watch_add(http_server *s, const http_connection *n)
{
    struct epoll_event e = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = n->id};
    (void)epoll_ctl(s->poll, EPOLL_CTL_ADD, n->socket, &e);
}

void http_watch_remove(http_server *s, const http_connection *n)
{
    (void)epoll_ctl(s->poll, EPOLL_CTL_DEL, n->socket, NULL);
}

static void tell(http_server *s, uint64_t id)
{
    http_call *left = NULL;
    pthread_mutex_lock(&s->lock);
    for (http_connection *n = s->connections; n != NULL && left == NULL; n = n->next) {
        left = n->id == id && n->call != NULL ? http_call_retain(n->call) : NULL;
    }
    pthread_mutex_unlock(&s->lock);
    if (left != NULL) {
        http_call_tell_gone(left);
        http_call_release(left);
    }
}

/* A request that is all there is `running` and has its time. */
static bool is_late(const http_server *s, const http_connection *n, double now)
{
    if (n->call != NULL) {
        return !n->call->arrived && now - n->call->since > s->o.arrival_s;
    }
    return now - n->since > s->o.arrival_s + (n->used ? s->o.idle_s : 0);
}

static void end_late(http_server *s)
{
    const double now = time_seconds();
    pthread_mutex_lock(&s->lock);
    for (const http_connection *n = s->connections; n != NULL; n = n->next) {
        if (is_late(s, n, now)) {
            (void)shutdown(n->socket, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static void *watch(void *context)
{
    http_server *s = context;
    double looked = time_seconds();
    while (!atomic_load(&s->watch_ends)) {
        struct epoll_event events[64];
        const int count = epoll_wait(s->poll, events, 64, TICK_MS);
        for (int i = 0; i < count; i++) {
            tell(s, events[i].data.u64);
        }
        if (time_seconds() - looked >= 1) {
            looked = time_seconds();
            end_late(s);
        }
    }
    return NULL;
}

hearth_status http_watch_start(http_server *s, hearth_error *error)
{
    s->poll = epoll_create1(EPOLL_CLOEXEC);
    if (s->poll < 0) {
        return error_errno(error, "epoll", "create", errno);
    }
    s->watching = pthread_create(&s->watcher, NULL, watch, s) == 0;
    return s->watching ? HEARTH_OK : error_set(error, HEARTH_E_IO, "watcher", "a thread", "none");
}

void http_watch_end(http_server *s)
{
    atomic_store(&s->watch_ends, true);
    if (s->watching) {
        (void)pthread_join(s->watcher, NULL);
        s->watching = false;
    }
    if (s->poll >= 0) {
        (void)close(s->poll);
        s->poll = -1;
    }
}
