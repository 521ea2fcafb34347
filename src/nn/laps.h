/* Laps of all threads, summed in cells by row and line: what profiles are made of. Rows and lines are the profile's own
 * (layers and operations of a session, phases and operations of a training step). Each thread writes into cells of its
 * own, and its laps add up to the time from start to stop. */
#ifndef NN_LAPS_H
#define NN_LAPS_H

#include "tensor/measure.h"

/* What was done: bytes that had to be read or written, multiply-adds. 0: not counted. */
typedef struct nn_work {
    double bytes, multiplies;
} nn_work;

/* A line of a profile. */
typedef struct profile_line {
    unsigned line; /* the profile's own number for it */
    double seconds;
    double bytes;
    double multiplies[MEASURE_KINDS]; /* multiply-adds, by what computes them */
    uint64_t calls;                   /* of all threads */
} profile_line;

typedef struct laps laps;

hearth_status laps_create(int parts, size_t rows, unsigned lines, laps **ret, hearth_error *error);
void laps_free(laps *l);
/* From nothing, every thread in the last row. */
void laps_start(laps *l);
/* What is left of the first thread is `line`'s, of the others idle. */
void laps_stop(laps *l, unsigned line);
/* What thread `part` does from now on belongs to this row. */
void laps_enter(laps *l, int part, size_t row);
size_t laps_row(const laps *l, int part);
/* Thread `part` has been at `line` since its last lap. */
void laps_take(laps *l, int part, unsigned line, measure_kind kind, nn_work work);
/* It had no run. */
void laps_take_idle(laps *l, int part);

double laps_seconds(const laps *l); /* from start to stop */
/* Adds line ret->line of one row: a thread's mean of its seconds, or where one thread does it while the others have no
 * run (`alone`) its whole time. */
void laps_add(const laps *l, size_t row, bool alone, profile_line *ret);
/* A thread's mean of what the others were idle for, less the `alone` seconds that one worked meanwhile: waiting for
 * runs to begin. With it the lines of all rows add up to laps_seconds. */
double laps_waking_seconds(const laps *l, double alone);

#endif
