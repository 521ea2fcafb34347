/* What a run cost so far: its times.jsonl, over every session of it (steps done again after a cut count again). */
#ifndef TRAIN_COST_H
#define TRAIN_COST_H

#include "base/error.h"

typedef struct cost_totals {
    uint64_t steps;
    double seconds;      /* of steps, by the clock */
    double core_seconds; /* times the threads */
    double joules;       /* measured; of the steps that have a figure */
    uint64_t measured;   /* steps with one */
    uint64_t ranks;      /* of the last step: 1, or what mpirun started */
    uint64_t threads;    /* of that step, of all ranks */
    double bytes;        /* that the ranks sent each other in steps of several ranks */
    uint64_t exchanged;  /* such steps */
} cost_totals;

/* A missing file is nothing yet. Lines that are cut or odd are passed over. */
hearth_status cost_read(const char *folder, cost_totals *ret, hearth_error *error);

#endif
