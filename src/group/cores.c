/* Which ranks share a machine, and its cores. */
#define _GNU_SOURCE
#include "group/group.h"

#include "base/memory.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

/* Where a rank runs. */
typedef struct place {
    char machine[256];
    cpu_set_t cores;
} place;

static void own_place(place *ret)
{
    memset(ret, 0, sizeof *ret);
    (void)gethostname(ret->machine, sizeof ret->machine - 1);
    (void)sched_getaffinity(0, sizeof ret->cores, &ret->cores);
}

/* All places at rank 0, for mem_free; NULL at the others. */
static hearth_status gather_places(group *g, place **ret, hearth_error *error)
{
    place own;
    own_place(&own);
    const size_t count = (size_t)group_count(g);
    *ret = group_rank(g) == 0 ? mem_calloc(count, sizeof **ret) : NULL;
    if (group_rank(g) == 0 && *ret == NULL) {
        return error_memory(error, count * sizeof **ret);
    }
    const hearth_status status = group_gather(g, &own, sizeof own, *ret, error);
    if (status != HEARTH_OK) {
        mem_free(*ret);
        *ret = NULL;
    }
    return status;
}

static bool overlap(const place *a, const place *b)
{
    cpu_set_t both;
    CPU_AND(&both, &a->cores, &b->cores);
    return strcmp(a->machine, b->machine) == 0 && CPU_COUNT(&both) > 0;
}

hearth_status group_threads(group *g, int cores, int *ret, hearth_error *error)
{
    const size_t count = (size_t)group_count(g);
    place *all = NULL;
    int *sharing = mem_calloc(count, sizeof *sharing);
    hearth_status status =
        sharing == NULL ? error_memory(error, count * sizeof *sharing) : gather_places(g, &all, error);
    for (size_t i = 0; all != NULL && i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            sharing[i] += i == k || overlap(&all[i], &all[k]) ? 1 : 0;
        }
    }
    status = status == HEARTH_OK ? group_broadcast(g, sharing, count * sizeof *sharing, error) : status;
    if (status == HEARTH_OK) {
        const int each = cores / sharing[group_rank(g)];
        *ret = each > 1 ? each : 1;
    }
    mem_free(all);
    mem_free(sharing);
    return status;
}

hearth_status group_machines(group *g, int *ret, hearth_error *error)
{
    const size_t count = (size_t)group_count(g);
    place *all = NULL;
    TRY(gather_places(g, &all, error));
    *ret = 0;
    for (size_t i = 0; all != NULL && i < count; i++) {
        size_t first = 0;
        while (strcmp(all[first].machine, all[i].machine) != 0) {
            first++;
        }
        *ret += first == i ? 1 : 0;
    }
    mem_free(all);
    return HEARTH_OK;
}
