/* A build without Open MPI's header. */
#include "group/door.h"

hearth_status door_open(door *ret, hearth_error *error)
{
    *ret = (door){0};
    return error_set(error, HEARTH_E_UNSUPPORTED, "mpirun", "one process",
                     "this hearth was built without Open MPI (Debian: libopenmpi-dev)");
}
