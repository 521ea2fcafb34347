/* Putting files into a repository of a Hugging Face hub, as one commit: small ones within it, large ones by Git LFS
 * before it, in one piece or in parts. Until the commit nothing that others see changes. docs/publishing.md. */
#ifndef HUB_UPLOAD_H
#define HUB_UPLOAD_H

#include "base/error.h"
#include "base/progress.h"

typedef struct upload_file {
    char *name, *path; /* in the repository; here */
    uint64_t size;
    char sha256[65];
    bool large;     /* by LFS */
    bool unchanged; /* the hub has it under this name */
} upload_file;

typedef struct upload_options {
    const char *endpoint;   /* "https://HOST"; NULL: HF_ENDPOINT, or the public hub */
    const char *repository; /* "org/name" */
    const char *revision;   /* a branch that is there */
    const char *message;
    bool create;     /* the repository, where it is not there */
    bool is_private; /* a created one */
    unsigned retries;
    progress_fn progress;
    void *context;
} upload_options;

typedef struct upload_result {
    char commit[80];
    bool created;
    size_t sent, unchanged; /* files */
    uint64_t sent_bytes;
} upload_result;

/* The token is HF_TOKEN's or what stands for it; it goes to the endpoint alone. After a failure the next call sends
 * what is missing: files that the hub has whole are not sent again. */
hearth_status hub_upload(const upload_options *options, upload_file *files, size_t count, upload_result *ret,
                         hearth_error *error);

#endif
