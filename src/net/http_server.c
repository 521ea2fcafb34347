/* The daemon: listening, admitting, reading bodies, ending. */
#include "net/http_server_part.h"

#include "base/memory.h"
#include "net/http_tls.h"
#include "platform/cpu.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the system keeps of an answer that its client does not read; the connections have it of the listener. */
#define SOCKET_BYTES (128 << 10)
/* A body of at most so many bytes that nobody wants is read to its end, so that its sender gets to read the answer. */
#define DROPPED_BYTES ((size_t)1 << 20)
/* libmicrohttpd answers a head that is larger than a connection's memory with a page of its own: it has more, so that
 * we answer those that are too large by less than this factor. Memory that nobody fills is not taken. */
#define HEAD_ROOM 4
/* At the end, for clients that read the last of their answers. */
#define LAST_READ_S 2.0

/* ---- connections ---- */

static http_connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

static void open_connection(http_server *s, struct MHD_Connection *connection, void **kept)
{
    http_connection *n = mem_calloc(1, sizeof *n);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (n == NULL || info == NULL) { /* its requests are refused */
        mem_free(n);
        return;
    }
    n->socket = info->connect_fd;
    n->since = time_seconds();
    pthread_mutex_lock(&s->lock);
    n->id = ++s->next_id;
    n->next = s->connections;
    n->link = &s->connections;
    if (n->next != NULL) {
        n->next->link = &n->next;
    }
    s->connections = n;
    s->connection_count++;
    pthread_mutex_unlock(&s->lock);
    *kept = n;
}

static void close_connection(http_server *s, void **kept)
{
    http_connection *n = *kept;
    if (n == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    *n->link = n->next;
    if (n->next != NULL) {
        n->next->link = n->link;
    }
    s->connection_count--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    mem_free(n);
    *kept = NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_connection(context, connection, kept);
    } else {
        close_connection(context, kept);
    }
}

/* ---- requests ---- */

static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    http_server *s = context;
    http_connection *n = connection_of(connection);
    http_call *c = n != NULL ? http_call_create(s, target) : NULL;
    if (c == NULL) {
        return NULL;
    }
    c->connection = connection;
    c->of = n;
    pthread_mutex_lock(&s->lock);
    n->call = c;
    pthread_mutex_unlock(&s->lock);
    return c;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **kept,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    http_server *s = context;
    http_call *c = *kept;
    *kept = NULL;
    if (c == NULL) {
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (c->of->call == c) {
        c->of->call = NULL;
        c->of->used = true;
        c->of->since = time_seconds();
    }
    if (c->arrived) {
        http_watch_remove(s, c->of);
    }
    s->running -= c->admitted ? 1 : 0;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&c->lock);
    c->connection = NULL;
    pthread_mutex_unlock(&c->lock);
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        http_call_tell_gone(c);
    }
    http_call_release(c);
}

static void name_peer(http_call *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    const void *bytes = NULL;
    if (address != NULL && address->sa_family == AF_INET) {
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    } else if (address != NULL && address->sa_family == AF_INET6) {
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    }
    if (bytes == NULL || inet_ntop(address->sa_family, bytes, c->peer, sizeof c->peer) == NULL) {
        snprintf(c->peer, sizeof c->peer, "-");
    }
}

static uint64_t announced_bytes(const http_call *c)
{
    const char *text = http_call_header(c, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

typedef struct framing {
    unsigned lengths, encodings, hosts;
    const char *length;
    bool differs; /* two lengths that are not the same text */
    bool coded;   /* otherwise than in chunks */
    bool spaced;  /* a name has white space, "Content-Length : 5" */
} framing;

static enum MHD_Result look_at_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    framing *f = context;
    f->spaced = f->spaced || strpbrk(name, " \t") != NULL;
    if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
        f->differs = f->differs || value == NULL || (f->length != NULL && strcmp(f->length, value) != 0);
        f->length = value;
        f->lengths++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
        f->coded = value == NULL || strcasecmp(value, "chunked") != 0;
        f->encodings++;
    } else if (strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0) {
        f->hosts++;
    }
    return MHD_YES;
}

/* What is wrong with a head that a proxy before us may read in another way, so that the two of us would not see the
 * same requests (RFC 9112, 3.2, 6.1 and 6.3); NULL: nothing. */
static const char *ambiguity(const http_call *c)
{
    framing f = {0};
    (void)MHD_get_connection_values(c->connection, MHD_HEADER_KIND, look_at_header, &f);
    return f.differs                          ? "the request has two different Content-Length"
           : f.lengths > 0 && f.encodings > 0 ? "the request has both Content-Length and Transfer-Encoding"
           : f.encodings > 1 || f.coded       ? "the request has a Transfer-Encoding other than one chunked"
           : f.hosts > 1                      ? "the request has more than one Host"
           : f.spaced                         ? "the request has a header with white space in its name"
                                              : NULL;
}

static bool head_fits(const http_call *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL || info->header_size <= c->s->o.most_head;
}

static void refuse_body(http_call *c)
{
    c->s->o.refuse(c->s->o.context, c, MHD_HTTP_CONTENT_TOO_LARGE,
                   "the request's body is larger than this server takes");
}

/* The head is there. */
static enum MHD_Result admit(http_server *s, http_call *c, const char *method)
{
    c->admitted = true;
    pthread_mutex_lock(&s->lock);
    s->running++;
    pthread_mutex_unlock(&s->lock);
    snprintf(c->method, sizeof c->method, "%s", strlen(method) < sizeof c->method ? method : "");
    name_peer(c);
    const uint64_t announced = announced_bytes(c);
    const char *ambiguous = ambiguity(c);
    if (ambiguous != NULL) { /* where its body ends nobody knows: not read, and nothing behind it */
        http_call_set_header(c, MHD_HTTP_HEADER_CONNECTION, "close");
        s->o.refuse(s->o.context, c, MHD_HTTP_BAD_REQUEST, ambiguous);
        return http_call_queue(c);
    }
    if (!head_fits(c)) {
        s->o.refuse(s->o.context, c, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "the request's head is larger than this server takes");
    } else if (!http_call_decode(c)) {
        s->o.refuse(s->o.context, c, MHD_HTTP_BAD_REQUEST, "the request's target is not well formed");
    } else if (s->o.admit(s->o.context, c) && announced > s->o.most_body) {
        refuse_body(c);
    }
    return c->answer != HTTP_NONE && announced > DROPPED_BYTES ? http_call_queue(c) : MHD_YES;
}

static enum MHD_Result take_body(http_call *c, const char *bytes, size_t length)
{
    if (c->answer == HTTP_NONE && !http_call_reserve_body(c, length)) {
        c->s->o.refuse(c->s->o.context, c, MHD_HTTP_SERVICE_UNAVAILABLE,
                       "the bodies of the requests under way are as large as this server takes together");
    } else if (c->answer == HTTP_NONE && buffer_append(&c->body, bytes, length, NULL) == HEARTH_OK) {
        return MHD_YES;
    } else if (c->answer == HTTP_NONE) {
        refuse_body(c);
    }
    c->dropped += length;
    return c->dropped > DROPPED_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result give_to_worker(http_server *s, http_call *c)
{
    pthread_mutex_lock(&s->lock);
    c->arrived = true;
    http_watch_add(s, c->of);
    pthread_mutex_unlock(&s->lock);
    pthread_mutex_lock(&c->lock);
    c->suspended = true;
    MHD_suspend_connection(c->connection);
    pthread_mutex_unlock(&c->lock);
    if (!http_workers_give(s, http_call_retain(c))) {
        s->o.refuse(s->o.context, c, MHD_HTTP_SERVICE_UNAVAILABLE, "too many requests are waiting");
        http_call_release(c);
    }
    return MHD_YES;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *bytes, size_t *length, void **kept)
{
    (void)connection;
    (void)url;
    (void)version;
    http_server *s = context;
    http_call *c = *kept;
    if (c == NULL) {
        return MHD_NO;
    }
    if (!c->admitted) {
        return admit(s, c, method);
    }
    if (*length > 0) {
        const size_t taken = *length;
        *length = 0;
        return take_body(c, bytes, taken);
    }
    pthread_mutex_lock(&c->lock);
    const bool answered = c->answer != HTTP_NONE;
    pthread_mutex_unlock(&c->lock);
    if (answered) {
        return c->queued ? MHD_YES : http_call_queue(c);
    }
    return give_to_worker(s, c);
}

/* Targets are decoded by http_call_decode. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static void say_nothing(void *context, const char *format, va_list values)
{
    (void)context;
    (void)format;
    (void)values;
}

/* ---- listening ---- */

static bool is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
    }
    const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six);
}

static hearth_status open_listener(const struct addrinfo *found, const char *name, int *ret, hearth_error *error)
{
    const int yes = 1, room = SOCKET_BYTES;
    const int listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return error_errno(error, name, "listen on", errno);
    }
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    (void)setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (bind(listener, found->ai_addr, found->ai_addrlen) != 0 || listen(listener, 511) != 0) {
        const hearth_status status = error_errno(error, name, "listen on", errno);
        (void)close(listener);
        return status;
    }
    *ret = listener;
    return HEARTH_OK;
}

static hearth_status bind_to(http_server *s, const struct addrinfo *found, hearth_error *error)
{
    char name[320];
    snprintf(name, sizeof name, "%s port %u", s->o.host, s->o.port);
    s->loopback = is_loopback(found->ai_addr);
    TRY(open_listener(found, name, &s->listener, error));
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof own;
    if (getsockname(s->listener, (struct sockaddr *)&own, &length) != 0) {
        return error_errno(error, name, "name", errno);
    }
    s->port = ntohs(own.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&own)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&own)->sin_port);
    return HEARTH_OK;
}

static hearth_status find_address(const char *host, unsigned number, struct addrinfo **ret, hearth_error *error)
{
    const char *address = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    const struct addrinfo how = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    char port[16];
    snprintf(port, sizeof port, "%u", number);
    if (getaddrinfo(address, port, &how, ret) != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "--host", "an address, like 127.0.0.1, 0.0.0.0 or ::1", "\"%.60s\"",
                         host);
    }
    return HEARTH_OK;
}

static hearth_status listen_on(http_server *s, hearth_error *error)
{
    struct addrinfo *found = NULL;
    TRY(find_address(s->o.host, s->o.port, &found, error));
    const hearth_status status = bind_to(s, found, error);
    freeaddrinfo(found);
    return status;
}

hearth_status http_listen(const char *host, unsigned port, int *ret, hearth_error *error)
{
    struct addrinfo *found = NULL;
    char name[320];
    snprintf(name, sizeof name, "%s port %u", host, port);
    TRY(find_address(host, port, &found, error));
    const hearth_status status = open_listener(found, name, ret, error);
    freeaddrinfo(found);
    return status;
}

hearth_status http_host_is_loopback(const char *host, bool *ret, hearth_error *error)
{
    struct addrinfo *found = NULL;
    TRY(find_address(host, 0, &found, error));
    *ret = is_loopback(found->ai_addr);
    freeaddrinfo(found);
    return HEARTH_OK;
}

static hearth_status start_daemon(http_server *s, hearth_error *error)
{
    const http_tls_retrieve_fn retrieve = http_tls_retrieve;
    void *as_data = NULL;
    memcpy(&as_data, &retrieve, sizeof as_data); /* the option's array holds functions as data */
    const struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, as_data},
                                         {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)HTTP_TLS_PRIORITIES},
                                         {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    const bool secure = s->o.tls != NULL;
    const unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | (secure ? MHD_USE_TLS : 0);
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET,
        s->listener, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.most_head * HEAD_ROOM, MHD_OPTION_CONNECTION_LIMIT,
        s->o.most_connections, MHD_OPTION_CONNECTION_TIMEOUT, s->o.idle_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, secure ? tls : none, MHD_OPTION_END);
    if (s->daemon == NULL) {
        return error_set(error, HEARTH_E_IO, "HTTP server", secure ? "libmicrohttpd with GnuTLS" : NULL,
                         "it does not start");
    }
    s->listener = -1; /* the daemon's */
    return HEARTH_OK;
}

static void set_defaults(http_server_options *o)
{
    o->most_head = o->most_head == 0 ? HTTP_HEAD_BYTES : o->most_head;
    o->most_body = o->most_body == 0 ? HTTP_BODY_BYTES : o->most_body;
    const size_t bodies = o->most_body > HTTP_BODIES_BYTES ? o->most_body : HTTP_BODIES_BYTES;
    o->most_bodies = o->most_bodies == 0 ? bodies : o->most_bodies;
    o->most_unsent = o->most_unsent == 0 ? HTTP_UNSENT_BYTES : o->most_unsent;
    o->most_connections = o->most_connections == 0 ? HTTP_CONNECTIONS : o->most_connections;
    o->most_workers = o->most_workers == 0 ? HTTP_WORKERS : o->most_workers;
    o->idle_s = o->idle_s == 0 ? HTTP_IDLE_S : o->idle_s;
    o->arrival_s = o->arrival_s == 0 ? HTTP_ARRIVAL_S : o->arrival_s;
}

hearth_status http_server_start(const http_server_options *options, http_server **ret, hearth_error *error)
{
    http_server *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->o = *options;
    set_defaults(&s->o);
    s->listener = s->poll = -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    pthread_mutex_init(&s->work_lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->idle, NULL);
    hearth_status status = listen_on(s, error);
    status = status == HEARTH_OK ? http_workers_start(s, error) : status;
    status = status == HEARTH_OK ? http_watch_start(s, error) : status;
    status = status == HEARTH_OK ? start_daemon(s, error) : status;
    if (status != HEARTH_OK) {
        http_server_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

unsigned http_server_port(const http_server *s)
{
    return s->port;
}

bool http_server_is_loopback(const http_server *s)
{
    return s->loopback;
}

/* ---- ending ---- */

void http_server_quiesce(http_server *s)
{
    if (!atomic_exchange(&s->quiet, true)) {
        const int listener = MHD_quiesce_daemon(s->daemon);
        if (listener >= 0) {
            (void)close(listener);
        }
    }
}

unsigned http_server_running(http_server *s)
{
    pthread_mutex_lock(&s->lock);
    const unsigned running = s->running;
    pthread_mutex_unlock(&s->lock);
    return running;
}

unsigned http_server_connections(http_server *s)
{
    pthread_mutex_lock(&s->lock);
    const unsigned count = s->connection_count;
    pthread_mutex_unlock(&s->lock);
    return count;
}

void http_server_abandon(http_server *s)
{
    enum { MOST_ABANDONED = 64 };
    http_call *calls[MOST_ABANDONED];
    uint64_t last = UINT64_MAX; /* connections are listed by falling id */
    size_t count = 0;
    do {
        count = 0;
        pthread_mutex_lock(&s->lock);
        for (http_connection *n = s->connections; n != NULL && count < MOST_ABANDONED; n = n->next) {
            if (n->id < last && n->call != NULL) {
                last = n->id;
                calls[count++] = http_call_retain(n->call);
            }
        }
        pthread_mutex_unlock(&s->lock);
        for (size_t i = 0; i < count; i++) {
            http_call_tell_gone(calls[i]);
            http_call_release(calls[i]);
        }
    } while (count > 0);
}

/* Calls whose answer is not whole yet: their connections may be suspended. */
static unsigned incomplete(http_server *s)
{
    unsigned count = 0;
    pthread_mutex_lock(&s->lock);
    for (const http_connection *n = s->connections; n != NULL; n = n->next) {
        if (n->call != NULL && n->call->arrived) {
            pthread_mutex_lock(&n->call->lock);
            count += n->call->complete ? 0 : 1;
            pthread_mutex_unlock(&n->call->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return count;
}

void http_server_free(http_server *s)
{
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        const double began = time_seconds();
        http_server_quiesce(s);
        http_server_abandon(s);
        while (incomplete(s) > 0 || (http_server_running(s) > 0 && time_seconds() - began < LAST_READ_S)) {
            time_sleep(0.005);
        }
        MHD_stop_daemon(s->daemon);
    }
    http_workers_end(s);
    http_watch_end(s);
    if (s->listener >= 0) {
        (void)close(s->listener);
    }
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->work_lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->idle);
    mem_free(s);
}
