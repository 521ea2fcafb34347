/* hearth serve's inside: from its options to a server that answers, and its end. docs/serving.md. */
#ifndef SERVE_SERVER_H
#define SERVE_SERVER_H

#include "net/http_server.h"
#include "serve/audit.h"
#include "serve/keys.h"
#include "serve/grammars.h"
#include "serve/models.h"
#include "serve/recording.h"
#include "serve/request.h"
#include "serve/tracing.h"

/* Of each answer; what reaches one ends as one that its own length ends. */
typedef struct answer_limits {
    size_t tokens;    /* 0: as many as are asked for */
    unsigned seconds; /* since its first token; 0: no limit */
} answer_limits;

typedef struct server_options {
    http_server_options http; /* its functions and context are the server's own */
    models_options models;
    answer_limits answers;
    const char *const *names; /* host names by which this server is called, beside loopback's; ended by NULL; or NULL */
    const char *tls_certificate, *tls_key;         /* files in PEM; NULL: no TLS */
    const char *keys;                              /* the database of keys that are asked for; NULL: none is */
    audit_options audit;                           /* its path NULL: none */
    void (*told)(void *context, const char *line); /* what goes wrong on the way; NULL: nobody */
    void *told_context;
    bool no_pull;               /* nothing is fetched for a client */
    const char *record;         /* a file that answers are recorded in (recording.h); NULL: none */
    uint64_t record_bytes;      /* of it at most; 0: RECORDING_BYTES */
    const char *const *traces;  /* indexes of training data, as tracing_open; or NULL */
    const char *const *origins; /* web pages of others that may ask it; ended by NULL; or NULL */
} server_options;

/* Serves from here on. */
hearth_status server_start(const server_options *options, server **ret, hearth_error *error);
http_server *server_http(const server *s);
grammars *server_grammars(const server *s);
models *server_models(const server *s);
recording *server_recording(const server *s); /* NULL: nothing is recorded */
key_ring *server_keys(const server *s);       /* NULL: no key is asked for */
audit *server_audit(const server *s);         /* NULL: none */
bool server_pulls(const server *s);           /* fetches models for clients that may ask so */
answer_limits server_answers(const server *s);
double server_began(const server *s); /* time_seconds */
const tracing *server_tracing(const server *s);
/* What changed in files: keys, certificate, and an audit log that was moved away. What went wrong is told; the rest is
 * done. */
void server_reload(server *s);
/* Serves these models (as models_options), names and origins from now on; copied. A model that is used stays. */
hearth_status server_change(server *s, const char *const *served, const char *const *names, const char *const *origins,
                            hearth_error *error);
/* Whether a list has this text, or "*". */
typedef enum server_list { SERVER_NAMES, SERVER_ORIGINS } server_list;
bool server_lists(server *s, server_list which, const char *text, size_t length);
/* Says that it will stop: balancers go elsewhere. */
void server_drain(server *s);
bool server_is_draining(const server *s);
/* Takes no more requests; those under way are answered. */
void server_quiesce(server *s);
bool server_is_quiet(const server *s);
/* Ends what runs and frees all. NULL is allowed. */
void server_free(server *s);

#endif
