/* The door to HTTP: requests over libcurl, several at once in one thread.
 *
 * What holds for every exchange: http and https alone; certificates are checked; a redirect is followed at most
 * LIMIT_REDIRECTS times and never from https to http, with a body that is sent to its own origin alone; the token goes
 * to the origin (scheme, host, port) of the URL that the request began with and to no other; nothing of a redirect's or
 * an error's body is handed on. */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/buffer.h"

typedef struct http_client http_client;
typedef struct http_exchange http_exchange;

/* Called between steps; false cancels. */
typedef bool (*http_continue_fn)(void *context);
/* A piece of the body of a 2xx answer. A failure ends the exchange and is not tried again. */
typedef hearth_status (*http_sink_fn)(void *context, const http_exchange *x, const void *bytes, size_t length,
                                      hearth_error *error);

/* Fills `out` with the body's bytes from `offset` on, at most `most` and at least one; false where they cannot be read.
 */
typedef bool (*http_source_fn)(void *context, uint64_t offset, void *out, size_t most, size_t *ret_length);

typedef struct http_settings {
    long connect_timeout_s; /* 0: 10 */
    long stall_timeout_s;   /* without a byte; 0: 30 */
    unsigned retries;       /* of http_fetch */
    http_continue_fn go_on; /* NULL: never cancelled */
    void *go_on_context;
} http_settings;

typedef struct http_request {
    const char *url;
    const char *token;    /* "Authorization: Bearer …"; NULL: none */
    const char *accept;   /* NULL: any */
    const char *if_range; /* goes with `ranged`; NULL: none */
    bool head;
    bool stay; /* an absolute redirect that carries an ETag is the answer itself */
    bool ranged;
    uint64_t first, last;     /* bytes, both inclusive */
    bool post, put;           /* neither: GET */
    const char *content_type; /* of the body that is sent; NULL: none is said */
    uint64_t body_bytes;      /* that are sent */
    http_source_fn source;    /* where they come from */
    void *source_context;
    const char *const *lines; /* "Name: value", for the request's own origin alone; ended by NULL; or NULL */
    http_sink_fn sink;        /* NULL: the body is dropped */
    void *sink_context;
} http_request;

hearth_status http_client_create(const http_settings *settings, http_client **ret, hearth_error *error);
/* NULL is allowed. All exchanges must have ended. */
void http_client_free(http_client *client);

/* "7.88.1" */
const char *http_library_version(void);

/* ---- several at once ---- */

hearth_status http_begin(http_client *client, const http_request *request, http_exchange **ret, hearth_error *error);
/* Lets all go on for at most timeout_ms; *ret is one that is done, or NULL. HEARTH_E_CANCELLED. */
hearth_status http_step(http_client *client, int timeout_ms, http_exchange **ret, hearth_error *error);
/* What a done one came to: HEARTH_OK when an answer came, whatever its code. */
hearth_status http_outcome(const http_exchange *x, hearth_error *error);
/* Aborts it where it is not done. NULL is allowed. */
void http_end(http_client *client, http_exchange *x);

/* ---- what came ---- */

long http_code(const http_exchange *x);
/* The URL that answered, or that a `stay` redirect names. */
const char *http_url(const http_exchange *x);
/* By its name in any case; NULL. */
const char *http_header(const http_exchange *x, const char *name);
/* A header that is a whole number; false where it is not there or none. */
bool http_header_number(const http_exchange *x, const char *name, uint64_t *ret);
/* "bytes FIRST-LAST/TOTAL"; false for any other. */
bool http_content_range(const http_exchange *x, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total);
/* Worth another try: a connection that broke, 408, 429, 5xx (not 501, 505). */
bool http_may_retry(const http_exchange *x);
/* How long to wait before try number `attempt` (from 1): what Retry-After says, else 0.25 s doubled each time, at most
 * 32 s. */
uint64_t http_retry_delay_ms(const http_exchange *x, unsigned attempt);
/* An error about an answer with a code that is none of ours: "HTTP 404", with what the hub's headers say. */
hearth_status http_refused(const http_exchange *x, hearth_error *error);
/* Waits; HEARTH_E_CANCELLED. */
hearth_status http_wait_ms(const http_client *client, uint64_t delay_ms, hearth_error *error);

/* ---- one, with retries ---- */

/* Into `body` (may be NULL), bounded by its limit. *ret is done, also for codes like 404; the caller ends it. */
hearth_status http_fetch(http_client *client, const http_request *request, buffer *body, http_exchange **ret,
                         hearth_error *error);

#endif
