/* Getting a model: what it is made of, each file fetched and checked, then all of it in its place. docs/hub.md. */
#ifndef HUB_PULL_H
#define HUB_PULL_H

#include "base/progress.h"
#include "formats/model_name.h"
#include "hub/download.h"

/* What is chosen where nobody chooses. */
#define PULL_CONNECTIONS 8
#define PULL_RETRIES 8

typedef struct pull_options {
    size_t connections;
    unsigned retries;
    bool check;         /* hash what is here already, too, and fetch anew what is not what it should be */
    const char *sha256; /* of a URL's or a path's file: what it must be; NULL: not known */
    progress_fn progress;
    void *context;
    download_trouble_fn trouble; /* of each file; NULL: nobody wants to know */
    void *trouble_context;
} pull_options;

typedef struct pull_file {
    char *name;
    char digest[80]; /* "sha256:…", "git-sha1:…" */
    uint64_t size;
    uint64_t fetched; /* bytes that came now */
} pull_file;

typedef struct pull_result {
    char *path; /* what a command opens: model_locate's answer */
    char *name; /* what to call it */
    char revision[MODEL_NAME_LONG];
    char commit[80]; /* "" where the source has none */
    pull_file *files;
    size_t count;
    uint64_t bytes, fetched;
} pull_result;

/* Does the name say where the model comes from, so that hub_pull can be asked? */
bool hub_can_pull(const char *name);
hearth_status hub_pull(const char *text, const pull_options *options, pull_result *ret, hearth_error *error);
/* Zeroed and half-made ones are allowed. */
void pull_result_free(pull_result *result);
/* HF_ENDPOINT where it is http to another machine: what goes there, a token included, may be read and changed on its
 * way. NULL: it is not. */
const char *hub_plain_endpoint(void);
/* HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE says so. */
bool hub_is_offline(void);

#endif
