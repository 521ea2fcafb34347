/* What `hearth show` works out about a model. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli/open.h"

#include <stdio.h>

/* "[32000, 4096]" */
const char *show_shape(const tensor_entry *e, char ret[64]);
hearth_status show_metadata(const model *m, FILE *out, hearth_error *error);

#endif
