/* Where the corpus of a model is, and the index of it: in its run's folder, or made again from its recipe in this
 * user's cache. docs/tracing.md, "Where the index comes from". */
#ifndef CLI_TRACE_HOME_H
#define CLI_TRACE_HOME_H

#include "cli/cli.h"
#include "recipe/recipe.h"

typedef struct trace_home_options {
    const char *index;   /* a folder: that and no other; NULL: the model's own */
    const char *sources; /* the folder that the recipe's paths start from; NULL: looked for */
    const char *mirror;  /* of Debian packages; NULL: as hearth corpus fetch */
} trace_home_options;

typedef struct trace_home {
    char *model; /* the model's folder or file */
    char *
        folder; /* with corpus/ and tokenizer.json, maybe checkpoints/; with --index maybe not there; NULL: no recipe */
    char *index;    /* the index's folder */
    bool alone;     /* `folder` is in the cache: the model came without its run */
    bool told;      /* of a failure: its reason stands on stderr already */
    recipe *recipe; /* NULL: the model comes without one */
} trace_home;

/* Finds or makes all of it, and says on stderr what is made. HEARTH_E_NOT_FOUND where a model comes without its recipe
 * and no index was named. Nothing else of this process is confined or computing meanwhile. */
hearth_status trace_home_find(cli *c, const char *name, const trace_home_options *o, trace_home *ret,
                              hearth_error *error);
/* Adds to an error about what was made in `folder` how to get out of it. */
void trace_home_way_out(const char *folder, hearth_error *error);
void trace_home_free(trace_home *p); /* zeroed and half-made ones are allowed */

#endif
