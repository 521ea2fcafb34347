/* What the files of hub/upload.h share. For hub/ alone. */
#ifndef HUB_UPLOAD_PART_H
#define HUB_UPLOAD_PART_H

#include "base/json.h"
#include "hub/upload.h"
#include "net/http.h"

typedef struct uploading {
    const upload_options *o;
    char *endpoint, *token, *revision; /* revision: escaped */
    http_client *client;
    http_client *once; /* for what must not be said twice */
    upload_file *files;
    size_t count;
    upload_result *result;
    uint64_t total, done; /* bytes of large files that are to be sent, and that went */
} uploading;

/* Sends JSON (taken over; NULL: memory ran out before) with the token where the URL is the endpoint's; *ret (NULL:
 * nobody wants it) is the answer's JSON. *ret_code is the answer's code, and 409 no error; NULL: only 2xx is none. */
hearth_status upload_ask(uploading *u, http_client *client, const char *url, const char *type, json_t *body,
                         json_t **ret, long *ret_code, hearth_error *error);
/* All large files that the hub lacks. */
hearth_status upload_large(uploading *u, hearth_error *error);
/* A progress_fn. */
bool upload_go_on(void *context, const char *what, uint64_t done, uint64_t total, const char *unit);

#endif
