/* The door to HTTP's other side: requests that come in, over libmicrohttpd. docs/serving.md.
 *
 * One thread moves bytes and never waits. What is admitted by its head is read whole, up to a limit, and goes to a
 * worker. An answer is one piece, or a stream that any thread may write to; a client that has left, or that reads so
 * slowly that more than a limit of bytes waits for it, is told to whoever makes its answer. */
#ifndef NET_HTTP_SERVER_H
#define NET_HTTP_SERVER_H

#include "base/buffer.h"

typedef struct http_server http_server;
typedef struct http_call http_call; /* a request and its answer; counted */

/* On the server's thread, with the head alone: it must not wait. True: the body is read, then a worker gets the call;
 * else the function has answered. */
typedef bool (*http_admit_fn)(void *context, http_call *c);
/* On a worker. It answers, or keeps the call (http_call_retain) for a thread that does. */
typedef void (*http_handle_fn)(void *context, http_call *c);
/* A request that never gets to `handle`: 400 (its target), 413 (its body), 431 (its head), 503 (no worker, no room for
 * its body). Answers it. */
typedef void (*http_refuse_fn)(void *context, http_call *c, unsigned status, const char *why);
/* The client has left: on any thread, at most once a call, and never once there is a whole answer. */
typedef void (*http_gone_fn)(void *context);

typedef struct http_server_options {
    const char *host;          /* an address, or "localhost" */
    unsigned port;             /* 0: any that is free */
    struct http_tls *tls;      /* http_tls.h; NULL: no TLS */
    size_t most_head;          /* bytes of a request's head; 0: HTTP_HEAD_BYTES */
    size_t most_body;          /* 0: HTTP_BODY_BYTES */
    size_t most_bodies;        /* of all requests' bodies at a time; 0: HTTP_BODIES_BYTES, or most_body if more */
    size_t most_unsent;        /* bytes of a stream that wait for its reader; 0: HTTP_UNSENT_BYTES */
    unsigned most_connections; /* 0: HTTP_CONNECTIONS */
    unsigned most_workers;     /* 0: HTTP_WORKERS */
    unsigned idle_s;           /* a connection without a request; 0: HTTP_IDLE_S */
    unsigned arrival_s;        /* a whole request, from its first byte on; 0: HTTP_ARRIVAL_S */
    http_admit_fn admit;
    http_handle_fn handle;
    http_refuse_fn refuse;
    void *context;
} http_server_options;

#define HTTP_HEAD_BYTES ((size_t)32 << 10)
#define HTTP_BODY_BYTES ((size_t)32 << 20)
#define HTTP_BODIES_BYTES ((size_t)1 << 30)
#define HTTP_UNSENT_BYTES ((size_t)256 << 10)
#define HTTP_CONNECTIONS 1024u
#define HTTP_WORKERS 64u
#define HTTP_IDLE_S 75u
#define HTTP_ARRIVAL_S 60u

/* Listens and serves from here on. HEARTH_E_IO where the address is taken, HEARTH_E_ARGUMENT where it is none. */
hearth_status http_server_start(const http_server_options *options, http_server **ret, hearth_error *error);
/* What its `host` means, before anything listens: HEARTH_E_ARGUMENT where it is no address. */
hearth_status http_host_is_loopback(const char *host, bool *ret, hearth_error *error);
/* A listening socket for something else that is not HTTP: the caller's to close. */
hearth_status http_listen(const char *host, unsigned port, int *ret, hearth_error *error);
unsigned http_server_port(const http_server *s);
bool http_server_is_loopback(const http_server *s);
/* Listens no more. What runs goes on; connections end with the answer that is under way. */
void http_server_quiesce(http_server *s);
/* Calls under way. */
unsigned http_server_running(http_server *s);
unsigned http_server_connections(http_server *s);
/* To every call under way, as if its client had left. */
void http_server_abandon(http_server *s);
/* Waits until every call has its answer, and frees it all. NULL is allowed. */
void http_server_free(http_server *s);

/* ---- a call ---- */
http_call *http_call_retain(http_call *c);
void http_call_release(http_call *c);

const char *http_call_method(const http_call *c);
const char *http_call_path(const http_call *c);                     /* decoded; UTF-8 without NUL */
const char *http_call_header(const http_call *c, const char *name); /* NULL: none; in http_admit_fn alone */
const char *http_call_peer(const http_call *c);                     /* the client's address */
const buffer *http_call_body(const http_call *c);                   /* from the worker on */
/* What the user of this door keeps with a call; `drop` frees it with the call. */
void http_call_keep(http_call *c, void *kept, void (*drop)(void *kept));
void *http_call_kept(const http_call *c);

/* Tells `fn` when the client leaves; at once where it has left. NULL: nobody, and when that returns none is under way.
 */
void http_call_on_gone(http_call *c, http_gone_fn fn, void *context);
bool http_call_is_gone(http_call *c);
/* The status that it was answered with; 0: not yet. */
unsigned http_call_status(http_call *c);
/* Keeps a copy of the answer, at most so many bytes of it, for a log of contents; before it begins. */
void http_call_copy_answer(http_call *c, size_t most);
/* That copy; when the answer is over. */
const buffer *http_call_answer_copy(const http_call *c);

/* A header of the answer, before it begins. What is no header's value (a control character) is left out. */
void http_call_set_header(http_call *c, const char *name, const char *value);
/* The whole answer, copied. Each call is answered once: what comes after is ignored. */
void http_call_answer(http_call *c, unsigned status, const char *type, const void *bytes, size_t length);
/* The same with bytes that outlive the server. */
void http_call_answer_static(http_call *c, unsigned status, const char *type, const void *bytes, size_t length);
/* An answer in pieces, ended by http_call_end_stream. */
void http_call_begin_stream(http_call *c, unsigned status, const char *type);
/* False where nobody reads any more. */
bool http_call_write(http_call *c, const void *bytes, size_t length);
void http_call_end_stream(http_call *c);

#endif
