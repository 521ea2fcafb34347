/* What of a model is given away, and whether it may be: for a folder or a hub. docs/publishing.md. */
#ifndef OPENNESS_PUBLISH_H
#define OPENNESS_PUBLISH_H

#include "base/progress.h"
#include "openness/subject.h"
#include "platform/file.h"

typedef struct publish_file {
    char *name, *path; /* in what is given away; here */
    uint64_t size;
} publish_file;

typedef struct publish_plan {
    subject *judged;
    publish_file *files; /* sorted by name */
    size_t count;
    uint64_t bytes;
    file_list left_out; /* what a program left behind (a half, a lock), by name; hidden files are not listed */
    char *source;       /* the folder that was asked for; NULL: a file */
} publish_plan;

/* All files of a model's folder, or the one file, with its card and licence beside it; of a run's folder the model, its
 * recipe and its report. Nothing hidden, and no signature of other files. HEARTH_E_ARGUMENT where a private key is
 * among them, or the licence of the weights forbids to share them, or none is told: `may_share` is the user's word that
 * it is allowed. */
hearth_status publish_look(const char *path, const subject_options *how, bool may_share, publish_plan *ret,
                           hearth_error *error);
void publish_free(publish_plan *plan); /* zeroed ones are allowed */

/* Copies the files into a new folder outside of the source, which appears whole or not at all. */
hearth_status publish_copy(const publish_plan *plan, const char *folder, progress_fn progress, void *context,
                           hearth_error *error);

#endif
