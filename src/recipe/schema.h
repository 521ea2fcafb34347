/* The JSON schema of a recipe (draft 2020-12), made from the table of keys. docs/formats/recipe.schema.json. */
#ifndef RECIPE_SCHEMA_H
#define RECIPE_SCHEMA_H

#include "base/json.h"

/* NULL when memory is out. */
json_t *recipe_schema(void);

#endif
