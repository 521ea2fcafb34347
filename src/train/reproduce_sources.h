/* Where the sources of a model's recipe lie. */
#ifndef TRAIN_REPRODUCE_SOURCES_H
#define TRAIN_REPRODUCE_SOURCES_H

#include "recipe/recipe.h"

/* Opens the recipe at `path` with the first folder in which everything lies that it names by a path: `given`, or where
 * that is NULL `model`, the folder above it, recipes/NAME in the one above that, and that one. HEARTH_E_NOT_FOUND names
 * what is missing. */
hearth_status reproduce_open_recipe(const char *path, const char *model, const char *given, recipe **ret,
                                    hearth_error *error);

#endif
