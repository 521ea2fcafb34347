/* Commands that mpirun may start: their ranks speak with one voice. */
#ifndef CLI_RANKS_H
#define CLI_RANKS_H

#include "cli/cli.h"
#include "group/group.h"

/* *ret stays NULL where mpirun did not start this. Else all ranks but 0 are quiet from here on, and without --threads
 * each takes its part of the cores. */
hearth_status ranks_join(cli *c, group **ret, hearth_error *error);
/* Tells the others of a failure, unless all know it (`together`), and at rank 0 the user. Gives the exit status. */
int ranks_fail(const cli *c, group *g, bool together, const hearth_error *error);

#endif
