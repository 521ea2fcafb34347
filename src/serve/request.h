/* A request on its way: who asks, which route, what came, and how it is answered or refused in its API's shape. */
#ifndef SERVE_REQUEST_H
#define SERVE_REQUEST_H

#include "base/json.h"
#include "net/http_server.h"

typedef struct server server;
typedef struct route route;

/* In which shape an API says that something is wrong. */
typedef enum api_shape { API_OPENAI, API_OLLAMA, API_ANTHROPIC } api_shape;

/* What a key must allow for a route; serve/access.h. */
typedef enum serve_right {
    RIGHT_OPEN,   /* anybody: health */
    RIGHT_INFER,  /* ask models */
    RIGHT_WATCH,  /* load, metrics */
    RIGHT_MANAGE, /* fetch and remove models, keys */
} serve_right;

#define REQUEST_GROUP 64

/* What serve/access.h knows of a request. */
typedef struct request_access {
    char *claim;          /* a key that is to be proved; NULL: none */
    struct ring_key *key; /* whose request it is; NULL: nobody's in particular */
    bool begun;           /* it counts against the key's limits */
    char model[200];      /* which one was asked; "": none */
    size_t prompt_tokens, tokens;
} request_access;

typedef struct request {
    server *s;
    http_call *call;
    const route *route;
    char parameter[256];       /* what {…} of the route's path stood for */
    char group[REQUEST_GROUP]; /* who asks: those with different ones take turns */
    json_t *body;              /* the JSON body; NULL: the route wants none */
    char id[33];               /* hexadecimal, of this request alone */
    double began;
    request_access access;
} request;

/* Ended by a NULL method. A handler runs on a worker, or, where `at_once`, on the server's own thread, where it must
 * not wait and has no body. It answers r->call, or keeps the request's call for who answers later. */
struct route {
    const char *method;
    const char *path; /* "/v1/models/{id}": {…} is the rest of the path, at least one character */
    serve_right right;
    api_shape shape;
    bool at_once;
    bool takes_json; /* the body must be a JSON object */
    void (*handle)(request *r);
};

/* What is wrong with a request. */
typedef struct failure {
    unsigned status;   /* of HTTP */
    const char *type;  /* NULL: what belongs to the status */
    const char *code;  /* "model_not_found"; NULL: none */
    char param[128];   /* which field; "": none */
    char message[900]; /* a sentence */
    double retry_s;    /* of 429 and 503: when it may be asked again; 0: in a second */
} failure;

/* Fills it in; always false, so that a reader of fields can return it. */
bool failure_set(failure *f, unsigned status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same from an error value: the status follows from its kind. `param` may be NULL. */
bool failure_from(failure *f, const hearth_error *error, const char *param);
/* The body of an error answer, and of an error event; NULL when memory is out. */
json_t *failure_json(api_shape shape, const failure *f);

void request_refuse(request *r, const failure *f);
/* Of a stream that goes wrong when its status is sent: counted as a refusal is; the writer tells it in its API's event.
 */
void request_failed_late(const failure *f);
void request_refuse_error(request *r, const hearth_error *error, const char *param);
void request_refuse_with(request *r, unsigned status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Answers 200 with a JSON value and frees it; NULL (memory ran out while it was built) is 503. */
void request_answer_json(request *r, json_t *value);

/* The request stays until the last who holds it lets it go. */
request *request_retain(request *r);
void request_release(request *r);

#endif
