/* Waiting for others, and telling them of failures; all the rest is messages. */
#include "group/group.h"

#include "base/memory.h"
#include "group/door.h"
#include "platform/cpu.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define MARK_WORK 1
#define MARK_FAILURE 2
#define SPINS 4096u     /* tests before a waiting rank sleeps between them */
#define LOOK_EVERY 64u  /* tests, for a failure told */
#define SHORT_S 0.00005 /* sleep */
#define LONG_S 0.001    /* after LONG_AFTER seconds */
#define LONG_AFTER 1.0
#define END_SECONDS 0.4    /* how long a message may still come when the group is being ended */
#define TELL_SECONDS 2.0   /* of telling of a failure */
#define LEAVE_SECONDS 60.0 /* that the others wait for rank 0 to tell of a failure and end */

struct group {
    door door;
    bool (*given_up)(void);
    door_list list;
    group_traffic counted;
    bool failed, told; /* nothing works any more; the others know */
    hearth_error why;  /* then */
};

bool group_launched(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") != NULL || getenv("PMIX_RANK") != NULL; /* the latter: by srun */
}

int group_rank(const group *g)
{
    return g == NULL ? 0 : g->door.rank;
}

int group_count(const group *g)
{
    return g == NULL ? 1 : g->door.count;
}

group_traffic group_counted(const group *g)
{
    return g == NULL ? (group_traffic){0} : g->counted;
}

hearth_status group_open(bool (*given_up)(void), group **ret, hearth_error *error)
{
    group *g = mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return error_memory(error, sizeof *g);
    }
    g->given_up = given_up;
    const hearth_status status = door_open(&g->door, error);
    if (status != HEARTH_OK) {
        mem_free(g);
        return status;
    }
    *ret = g;
    return HEARTH_OK;
}

/* ---- waiting ---- */

/* Someone tells of a failure: it becomes ours. */
static bool failure_told(group *g)
{
    int peer = 0;
    hearth_error theirs = {0};
    bool done = false;
    if (!g->door.look(g->door.context, MARK_FAILURE, &peer)) {
        return false;
    }
    door_list list = {0};
    const group_part part = {peer, &theirs, sizeof theirs};
    hearth_status status = g->door.start(g->door.context, MARK_FAILURE, NULL, 0, &part, 1, &list, &theirs);
    while (status == HEARTH_OK && !done) { /* it is there already */
        status = g->door.test(g->door.context, &list, &done, &theirs);
    }
    mem_free(list.requests);
    g->why = theirs;
    g->failed = g->told = true;
    return true;
}

static void lost(group *g)
{
    g->failed = g->told = true; /* whoever is left is being ended, too */
    (void)error_set(&g->why, HEARTH_E_IO, "mpirun", "all ranks to go on",
                    "the group is being ended: a rank died or was stopped");
}

static hearth_status tell_why(const group *g, hearth_error *error)
{
    if (error != NULL) {
        *error = g->why;
    }
    return g->why.status;
}

static hearth_status wait_for(group *g, hearth_error *error)
{
    double began = 0.0;
    double ends = 0.0;
    for (unsigned tests = 0;; tests++) {
        bool done = false;
        if (g->door.test(g->door.context, &g->list, &done, &g->why) != HEARTH_OK) {
            g->failed = true;
        } else if (done) {
            return HEARTH_OK;
        } else if (tests % LOOK_EVERY == LOOK_EVERY - 1) {
            (void)failure_told(g);
        }
        if (g->failed) {
            return tell_why(g, error);
        }
        if (tests < SPINS) {
            (void)sched_yield();
            continue;
        }
        const double now = time_seconds();
        began = began == 0.0 ? now : began;
        if (g->given_up != NULL && g->given_up()) {
            ends = ends == 0.0 ? now : ends;
            if (now - ends > END_SECONDS) {
                lost(g);
                return tell_why(g, error);
            }
        }
        time_sleep(now - began > LONG_AFTER ? LONG_S : SHORT_S);
    }
}

hearth_status group_exchange(group *g, const group_part *send, size_t sends, const group_part *receive, size_t receives,
                             hearth_error *error)
{
    if (g->failed) {
        return tell_why(g, error);
    }
    TRY(g->door.start(g->door.context, MARK_WORK, send, sends, receive, receives, &g->list, error));
    TRY(wait_for(g, error));
    for (size_t i = 0; i < sends; i++) {
        g->counted.sent += send[i].count;
    }
    for (size_t i = 0; i < receives; i++) {
        g->counted.received += receive[i].count;
    }
    return HEARTH_OK;
}

/* ---- rank 0 and the others ---- */

/* A part for each rank but 0: bytes + rank * stride. */
static hearth_status parts_of(const group *g, void *bytes, size_t count, size_t stride, group_part **ret,
                              hearth_error *error)
{
    const size_t others = (size_t)g->door.count - 1;
    *ret = NULL;
    if (others == 0) {
        return HEARTH_OK;
    }
    group_part *parts = mem_calloc(others, sizeof *parts);
    if (parts == NULL) {
        return error_memory(error, others * sizeof *parts);
    }
    for (size_t i = 0; i < others; i++) {
        parts[i] = (group_part){(int)i + 1, (uint8_t *)bytes + (i + 1) * stride, count};
    }
    *ret = parts;
    return HEARTH_OK;
}

hearth_status group_broadcast(group *g, void *bytes, size_t count, hearth_error *error)
{
    if (g == NULL) {
        return HEARTH_OK;
    }
    if (g->door.rank != 0) {
        const group_part part = {0, bytes, count};
        return group_exchange(g, NULL, 0, &part, 1, error);
    }
    group_part *parts = NULL;
    TRY(parts_of(g, bytes, count, 0, &parts, error));
    const hearth_status status = group_exchange(g, parts, (size_t)g->door.count - 1, NULL, 0, error);
    mem_free(parts);
    return status;
}

hearth_status group_gather(group *g, const void *own, size_t count, void *all, hearth_error *error)
{
    if (group_rank(g) != 0) {
        const group_part part = {0, (void *)(uintptr_t)own, count};
        return group_exchange(g, &part, 1, NULL, 0, error);
    }
    memcpy(all, own, count);
    if (g == NULL) {
        return HEARTH_OK;
    }
    group_part *parts = NULL;
    TRY(parts_of(g, all, count, count, &parts, error));
    const hearth_status status = group_exchange(g, NULL, 0, parts, (size_t)g->door.count - 1, error);
    mem_free(parts);
    return status;
}

hearth_status group_collect(group *g, void *items, size_t size, const uint64_t *bounds, hearth_error *error)
{
    const int rank = group_rank(g);
    if (rank != 0) {
        const group_part part = {0, (uint8_t *)items + bounds[rank] * size,
                                 (size_t)(bounds[rank + 1] - bounds[rank]) * size};
        return group_exchange(g, &part, 1, NULL, 0, error);
    }
    if (g == NULL) {
        return HEARTH_OK;
    }
    group_part *parts = NULL;
    TRY(parts_of(g, items, 0, 0, &parts, error));
    for (int i = 1; i < g->door.count; i++) {
        parts[i - 1].bytes = (uint8_t *)items + bounds[i] * size;
        parts[i - 1].count = (size_t)(bounds[i + 1] - bounds[i]) * size;
    }
    const hearth_status status = group_exchange(g, NULL, 0, parts, (size_t)g->door.count - 1, error);
    mem_free(parts);
    return status;
}

hearth_status group_agree(group *g, hearth_status status, hearth_error *error)
{
    if (g == NULL) {
        return status;
    }
    hearth_error own = {0};
    if (status != HEARTH_OK && error != NULL) {
        own = *error;
    }
    own.status = status;
    const size_t count = (size_t)g->door.count;
    hearth_error *all = g->door.rank == 0 ? mem_calloc(count, sizeof *all) : NULL;
    if (g->door.rank == 0 && all == NULL) {
        return error_memory(error, count * sizeof *all);
    }
    hearth_status done = group_gather(g, &own, sizeof own, all, error);
    for (size_t i = 0; all != NULL && i < count; i++) {
        own = own.status == HEARTH_OK ? all[i] : own;
    }
    mem_free(all);
    done = done == HEARTH_OK ? group_broadcast(g, &own, sizeof own, error) : done;
    TRY(done);
    if (own.status != HEARTH_OK && error != NULL) {
        *error = own;
    }
    return own.status;
}

/* ---- failures, and the end ---- */

void group_fail(group *g, const hearth_error *why)
{
    if (g == NULL || g->told) {
        return;
    }
    hearth_error copy = *why;
    g->why = copy;
    door_list list = {0};
    bool done = false;
    g->failed = g->told = true;
    for (int peer = 0; peer < g->door.count; peer++) {
        const group_part part = {peer, &copy, sizeof copy};
        if (peer != g->door.rank &&
            g->door.start(g->door.context, MARK_FAILURE, &part, 1, NULL, 0, &list, NULL) != HEARTH_OK) {
            break;
        }
    }
    const double began = time_seconds();
    while (!done && time_seconds() - began < TELL_SECONDS &&
           g->door.test(g->door.context, &list, &done, NULL) == HEARTH_OK) {
        time_sleep(SHORT_S);
    }
    mem_free(list.requests);
}

void group_close(group *g)
{
    if (g == NULL) {
        return;
    }
    char word = 0;
    char *all = g->failed ? NULL : mem_calloc((size_t)g->door.count, 1);
    bool orderly = all != NULL && group_gather(g, &word, 1, all, NULL) == HEARTH_OK;
    orderly = orderly && group_broadcast(g, &word, 1, NULL) == HEARTH_OK;
    mem_free(all);
    const double began = time_seconds();
    while (!orderly && g->door.rank != 0 && !(g->given_up != NULL && g->given_up()) &&
           time_seconds() - began < LEAVE_SECONDS) {
        time_sleep(LONG_S); /* mpirun ends all when one has ended: not before rank 0 told why */
    }
    g->door.close(g->door.context, orderly);
    mem_free(g->list.requests);
    mem_free(g);
}
