/* What the sources of hub/pull.h share. For hub/ alone. */
#ifndef HUB_PULL_PART_H
#define HUB_PULL_PART_H

#include "hub/download.h"
#include "hub/pull.h"

typedef struct pull_context {
    const pull_options *options;
    http_client *client;
    pull_result *result;
    uint64_t before, total; /* bytes of the files that are done, and of all */
    long refused;           /* the code with which a server refused the last file; 0: it did not */
    struct {
        const char *what, *unit; /* what was told last; NULL: nothing yet */
        uint64_t done, total;
    } told;
} pull_context;

/* A file that is wanted under `target`, named by its digest. */
typedef struct pull_target {
    const char *target; /* a path that appears by rename once the content is checked */
    const char *partial;
    const char *lock;
    const char *digest; /* hexadecimal; NULL: not known */
    const char *name;   /* in the result */
} pull_target;

/* Waits for the lock; where `target` is there in the right size by then, it is done, else it is fetched, checked and
 * moved there. Adds a row to the result. A resumed file with another digest is fetched anew, once. */
hearth_status pull_fetch(pull_context *c, const download_source *source, const pull_target *t, hearth_error *error);
/* The same of a blob in a store of blobs, whose identity is its digest: `blob` is its path, the partial file lies
 * beside it. */
hearth_status pull_blob(pull_context *c, const download_source *source, const char *blob, const char *lock,
                        const char *name, hearth_error *error);
/* Removes `path` where it is a link: what is written there next must not go where somebody's link points. */
void pull_drop_link(const char *path);
/* Adds a row. `digest` may be NULL. */
hearth_status pull_add_file(pull_context *c, const char *name, const char *digest, uint64_t size, uint64_t fetched,
                            hearth_error *error);
/* A progress_fn for checks and waits. */
bool pull_go_on(void *context, const char *what, uint64_t done, uint64_t total, const char *unit);
/* A http_continue_fn: tells again what was told last. */
bool pull_client_go_on(void *context);

/* HF_TOKEN and what stands for it, HF_ENDPOINT; mem_free. NULL: no token, or memory is out. A token goes by
 * secret_wipe. */
char *pull_hf_token(void);
char *pull_hf_endpoint(void);
/* One that is a header's value and no more. */
bool pull_hf_is_token(const char *token);

hearth_status pull_hf(pull_context *c, const model_name *name, hearth_error *error);
hearth_status pull_ollama(pull_context *c, const model_name *name, hearth_error *error);
hearth_status pull_url(pull_context *c, const char *url, const model_name *name, hearth_error *error);
hearth_status pull_path(pull_context *c, const char *path, hearth_error *error);

#endif
