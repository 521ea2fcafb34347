/* A model made again: its recipe run from the sources in a folder of one's own, each hash held against the model's log
 * as soon as it is known. docs/commands/reproduce.md. */
#ifndef TRAIN_REPRODUCE_H
#define TRAIN_REPRODUCE_H

#include "base/progress.h"
#include "train/run.h"

#define REPRODUCE_DETAIL 640

typedef struct reproduce_check {
    char what[64]; /* "corpus", "checkpoint of step 100", … */
    bool same;
    char detail[REPRODUCE_DETAIL]; /* the hash, or where it differs */
} reproduce_check;

typedef struct reproduce_options {
    const char *model;   /* the folder of hearth train, or the model in it, also carried away */
    const char *folder;  /* of the run that does it again, which goes on where it was stopped; NULL: NAME-reproduced */
    const char *sources; /* the folder that the recipe's paths start from; NULL: looked for beside the model */
    run_options run;     /* what is told while it trains; folder and expect are set here */
    progress_fn progress;
    void *progress_context;
    void (*began)(void *context, const recipe *r);            /* before the steps; NULL */
    void (*checked)(void *context, const reproduce_check *c); /* as soon as it is known; NULL */
    void *context;                                            /* of both */
} reproduce_options;

typedef struct reproduce_report {
    bool same; /* all of it */
    reproduce_check *checks;
    size_t check_count;
    char *name, *folder;
    run_result result;
    char model[HASH_HEX_SIZE]; /* of model.safetensors */
    char chain[HASH_HEX_SIZE];
} reproduce_report;

/* HEARTH_OK also where something differs: the report says so, and nothing behind the first difference is done.
 * HEARTH_E_NOT_FOUND where a source is missing. */
hearth_status reproduce(engine *e, const reproduce_options *o, reproduce_report *ret, hearth_error *error);
void reproduce_free(reproduce_report *r);

#endif
