/* hearth plan for a recipe: what training it takes. */
#ifndef CLI_PLAN_RECIPE_H
#define CLI_PLAN_RECIPE_H

#include "cli/cli.h"

typedef struct plan_recipe_options {
    double share;    /* percent of the peak that training reaches */
    double watts;    /* of a machine; 0: not known */
    double price;    /* of a core hour; below 0: not known */
    double network;  /* GB/s of a machine's connection */
    size_t machines; /* 0: this one alone */
} plan_recipe_options;

/* Whether an operand is a recipe: NAME.yaml or NAME.yml. */
bool plan_is_recipe(const char *path);
/* Measures this machine, prints the plan and gives back the exit status. */
int plan_recipe(cli *c, const char *path, const plan_recipe_options *options);

#endif
