/* What a recipe still lacks before a stranger can run it: `hearth recipe check`. */
#ifndef CORPUS_EXPLAIN_H
#define CORPUS_EXPLAIN_H

#include "base/arena.h"
#include "recipe/recipe.h"

typedef struct recipe_lack {
    const char *key;    /* "sources.NAME.sha256" */
    const char *what;   /* a sentence without a full stop: what is missing, or what was found */
    const char *remedy; /* a line for the recipe, where there is one; else NULL */
} recipe_lack;

typedef struct recipe_lacks {
    recipe_lack *items;
    size_t count;
} recipe_lacks;

/* Everything lies in `a`. What is missing is no failure: HEARTH_OK with a list of it. Rules and generators that do not
 * exist are errors, as they are for a build. */
hearth_status recipe_explain(const recipe *r, arena *a, recipe_lacks *ret, hearth_error *error);

#endif
