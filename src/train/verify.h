/* Does a model come from its recipe? Hashes of everything that its run's folder holds, and steps done again.
 * docs/verification.md. */
#ifndef TRAIN_VERIFY_H
#define TRAIN_VERIFY_H

#include "base/progress.h"
#include "model/engine.h"

#define VERIFY_CHECKS 24
#define VERIFY_DETAIL 640

typedef struct verify_options {
    const char *folder; /* of a run, or its model/, also without the run */
    const char *recipe; /* the recipe beside its sources: the corpus is built again; NULL: it is not */
    uint64_t segments;  /* between checkpoints, drawn by `seed`, that are trained again */
    bool all;           /* every one */
    uint64_t seed;
    progress_fn progress; /* NULL: none */
    void *progress_context;
} verify_options;

typedef struct verify_check {
    const char *what; /* "chain of hashes", "packed corpus", … */
    bool ok;
    char detail[VERIFY_DETAIL]; /* what was compared, or where it differs */
} verify_check;

typedef struct verify_segment {
    uint64_t from, to; /* steps from + 1 … to */
    bool ok;
    char detail[VERIFY_DETAIL]; /* the first step, the first tensor and value that differ; "" */
} verify_segment;

typedef struct verify_report {
    bool ok; /* nothing differs */
    verify_check checks[VERIFY_CHECKS];
    size_t check_count;
    verify_segment *segments; /* those that were trained again, ascending */
    size_t segment_count;
    size_t segments_there;
    uint64_t steps_again;
    uint64_t gone; /* packages that are not there any more: what they hold is believed by the manifest's word */
    double caught; /* the probability with which these would have found one forged segment */
    char chain[65];
} verify_report;

/* HEARTH_OK also where something differs: the report says so. An error is one of the machine (memory, a disk), or
 * HEARTH_E_NOT_FOUND where the folder is no run's. */
hearth_status verify_run(engine *e, const verify_options *o, verify_report *ret, hearth_error *error);
void verify_free(verify_report *r);

#endif
