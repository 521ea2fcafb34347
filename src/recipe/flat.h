/* A recipe as lines "key: value", defaults and derived values included: what two recipes are compared by. */
#ifndef RECIPE_FLAT_H
#define RECIPE_FLAT_H

#include "base/arena.h"
#include "recipe/recipe.h"

typedef struct flat_line {
    const char *key;   /* "train.steps", "sources.NAME.path", "rules.NAME.PARAMETER" */
    const char *value; /* as a recipe would say it */
} flat_line;

typedef struct flat_recipe {
    flat_line *lines; /* in the order of the table of keys */
    size_t count;
} flat_recipe;

/* Everything lies in `a`. Values that are absent and have no default have no line. */
hearth_status recipe_flatten(const recipe *r, arena *a, flat_recipe *ret, hearth_error *error);

typedef struct flat_change {
    const char *key;
    const char *before, *after; /* NULL: absent */
} flat_change;

/* Where `y` differs from `x`: the lines of `x` in their order, then those that `y` alone has. */
hearth_status recipe_compare(const flat_recipe *x, const flat_recipe *y, arena *a, flat_change **ret, size_t *ret_count,
                             hearth_error *error);

#endif
