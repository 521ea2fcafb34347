/* One file over HTTP into a partial file: in parallel ranges, resumed after whatever ended the last try.
 *
 * Beside PARTIAL lies PARTIAL.parts: which content it is of, and how much of each segment has come. It is written after
 * the bytes that it counts, so a process that was killed loses at most the piece in flight; a machine that lost power
 * can leave it ahead of the bytes, which the check of the whole file finds. docs/hub.md, "Partial files". */
#ifndef HUB_DOWNLOAD_H
#define HUB_DOWNLOAD_H

#include "base/progress.h"
#include "net/http.h"

typedef struct download_source {
    const char *url;
    const char *token;    /* NULL: none */
    const char *if_range; /* a strong ETag that the rest must still have; NULL: the identity says it all */
    const char *identity; /* what the content is: a digest, or URL and ETag. Another one begins anew */
    bool size_known;
    uint64_t size; /* where known */
} download_source;

/* Told of the first failure that is tried again, and when. */
typedef void (*download_trouble_fn)(void *context, const hearth_error *problem, uint64_t delay_ms);

typedef struct download_options {
    http_client *client;
    size_t connections; /* at most so many ranges at once */
    unsigned retries;   /* of a range, since it last got a byte */
    progress_fn progress;
    void *context;
    const char *what;            /* for the progress */
    uint64_t before, total;      /* bytes of other files that are done, and of all */
    download_trouble_fn trouble; /* NULL: nobody wants to know */
    void *trouble_context;
    long *refused; /* set to the code with which the server refused; NULL: nobody wants to know */
} download_options;

/* Leaves the whole content in `partial`, synced; *ret_resumed: some of it was there before. On failure what has come
 * stays for the next try. *ret_size is what has come, *ret_new how much of it now. */
hearth_status download_file(const download_source *source, const download_options *how, const char *partial,
                            uint64_t *ret_size, uint64_t *ret_new, hearth_error *error);
/* Removes PARTIAL and PARTIAL.parts. */
void download_forget(const char *partial);
/* Removes PARTIAL.parts alone: the partial file is whole and goes its way. */
void download_forget_parts(const char *partial);

#endif
