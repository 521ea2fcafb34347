/* What the files of the server's door share. Locks, from the outside in: a call's gone_lock, the server's lock, a
 * call's lock. */
#ifndef NET_HTTP_SERVER_PART_H
#define NET_HTTP_SERVER_PART_H

#include "net/http_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define HTTP_ARGUMENTS 32u

typedef struct http_connection http_connection;
struct http_connection {
    http_connection *next, **link;
    uint64_t id;
    int socket;
    double since;    /* time_seconds when it opened, or its last answer ended */
    bool used;       /* it had a request before */
    http_call *call; /* the one that comes in or is under way; borrowed */
};

typedef enum http_answer { HTTP_NONE, HTTP_WHOLE, HTTP_STREAM } http_answer;

struct http_call {
    http_server *s;
    atomic_uint references;
    double since;
    char *path; /* raw at first: http_call_decode */
    char method[16];
    char peer[64];
    char *arguments;
    buffer body;
    size_t body_bytes; /* of it, or of what would have been it: http_call_reserve_body */
    size_t dropped;    /* bytes of a body that nobody wants */
    void *kept;
    void (*drop)(void *kept);
    /* of the server's thread alone */
    bool admitted, arrived, queued;
    http_connection *of;

    pthread_mutex_t gone_lock; /* held while `gone` is told */
    http_gone_fn gone_fn;
    void *gone_context;

    pthread_mutex_t lock;
    struct MHD_Connection *connection; /* NULL once its request is over */
    bool suspended, gone;
    http_answer answer;
    bool complete; /* nothing comes to it any more */
    bool broken;
    unsigned status;
    struct MHD_Response *response;
    struct {
        char name[48];
        char value[400];
    } header[20];
    size_t header_count;
    buffer copy; /* http_call_copy_answer */
    size_t most_copied;
    buffer unsent; /* from `sent` on */
    size_t sent;
};

struct http_server {
    http_server_options o;
    struct MHD_Daemon *daemon;
    int listener;
    unsigned port;
    bool loopback;
    atomic_bool quiet; /* quiesced */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    http_connection *connections;
    unsigned connection_count, running;
    uint64_t next_id;

    /* http_workers.c */
    pthread_mutex_t work_lock;
    pthread_cond_t work, idle;
    http_call **queue; /* a ring */
    size_t queue_first, queue_count, queue_capacity;
    unsigned workers, idle_workers;
    bool ending;

    /* http_watch.c */
    int poll;
    pthread_t watcher;
    bool watching;
    atomic_bool watch_ends;
};

/* http_call.c */
http_call *http_call_create(http_server *s, const char *target);
/* Takes the raw target apart; false where its escapes, its UTF-8 or its number of arguments is wrong. */
bool http_call_decode(http_call *c);
/* Whether the bodies of all calls leave room for more of this one. */
bool http_call_reserve_body(http_call *c, size_t length);
/* Queues what there is as the answer; on the server's thread. */
enum MHD_Result http_call_queue(http_call *c);
void http_call_tell_gone(http_call *c);

/* http_workers.c */
hearth_status http_workers_start(http_server *s, hearth_error *error);
/* Takes the reference over. False where memory or threads are out. */
bool http_workers_give(http_server *s, http_call *c);
/* Waits for what is under way. */
void http_workers_end(http_server *s);

/* http_watch.c: who has left while its connection is suspended, and who takes too long to send a request. */
hearth_status http_watch_start(http_server *s, hearth_error *error);
void http_watch_end(http_server *s);
void http_watch_add(http_server *s, const http_connection *n);
void http_watch_remove(http_server *s, const http_connection *n);

#endif
