/* Processes that work on one thing side by side, as mpirun starts them: each has a rank. The door to MPI, which is
 * opened when mpirun started this process, and never else. docs/scaling.md.
 *
 * One thread of a process calls. Where a function takes a NULL group, the process is alone: rank 0 of 1. All messages
 * go straight from one rank to the other and are counted. A rank that fails tells the others (group_fail), who then get
 * its error from whatever they wait in. */
#ifndef GROUP_GROUP_H
#define GROUP_GROUP_H

#include "base/error.h"

typedef struct group group;

/* Did mpirun (or Slurm's srun, by PMIx) start this process? */
bool group_launched(void);
/* `given_up` is asked while a rank waits for others: true says that the whole group is being ended (SIGTERM), so that
 * who does not come soon will not come. HEARTH_E_UNSUPPORTED where the library is not there or not built in. */
hearth_status group_open(bool (*given_up)(void), group **ret, hearth_error *error);
/* Waits for all ranks, so that none ends while another is at work; behind a failure for rank 0's end alone. */
void group_close(group *g);

int group_rank(const group *g);
int group_count(const group *g);
/* Threads for each rank: `cores` shared among the ranks of this machine that may run on some of the same. All ranks
 * call.
 */
hearth_status group_threads(group *g, int cores, int *ret, hearth_error *error);
/* Machines that the ranks run on; at rank 0. All ranks call. */
hearth_status group_machines(group *g, int *ret, hearth_error *error);

/* Bytes of a message, to or from `peer`; none: no message. */
typedef struct group_part {
    int peer;
    void *bytes;
    size_t count;
} group_part;

/* All of them at once. Messages between two ranks arrive in the order in which they are sent. */
hearth_status group_exchange(group *g, const group_part *send, size_t sends, const group_part *receive, size_t receives,
                             hearth_error *error);
/* Rank 0's bytes to all. */
hearth_status group_broadcast(group *g, void *bytes, size_t count, hearth_error *error);
/* Everybody's `count` bytes to rank 0's `all`, by rank; NULL at the others. */
hearth_status group_gather(group *g, const void *own, size_t count, void *all, hearth_error *error);
/* Items that the ranks have parts of, rank r's [bounds[r], bounds[r + 1]): all of them at rank 0. */
hearth_status group_collect(group *g, void *items, size_t size, const uint64_t *bounds, hearth_error *error);
/* The same status for all: HEARTH_OK where it is everybody's, else that of the lowest rank that has another. */
hearth_status group_agree(group *g, hearth_status status, hearth_error *error);

/* Tells the others, who may be anywhere. Nothing where it was another who told of it. */
void group_fail(group *g, const hearth_error *why);

typedef struct group_traffic {
    uint64_t sent, received; /* bytes of messages, by this rank */
} group_traffic;
group_traffic group_counted(const group *g);

#endif
