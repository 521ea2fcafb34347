/* What carries a group's messages: Open MPI (mpi.c). */
#ifndef GROUP_DOOR_H
#define GROUP_DOOR_H

#include "group/group.h"

/* Messages on their way. */
typedef struct door_list {
    void *requests;
    size_t count, room;
} door_list;

typedef struct door {
    int rank, count;
    void *context;
    /* Adds messages with a mark to a list. Their bytes stay where they are until `test` says that all are done. */
    hearth_status (*start)(void *context, int mark, const group_part *send, size_t sends, const group_part *receive,
                           size_t receives, door_list *list, hearth_error *error);
    hearth_status (*test)(void *context, door_list *list, bool *ret_done, hearth_error *error);
    /* Whether a message with this mark waits to be received, and whose. */
    bool (*look)(void *context, int mark, int *ret_peer);
    /* The last thing; `orderly`: nothing is on its way, and all ranks call. */
    void (*close)(void *context, bool orderly);
} door;

/* mpi.c, or none.c in a build without mpi.h. */
hearth_status door_open(door *ret, hearth_error *error);

#endif
