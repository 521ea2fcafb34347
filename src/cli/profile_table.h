/* The table of a profile: what `hearth bench --profile` and `hearth train --profile` print of each line. */
#ifndef CLI_PROFILE_TABLE_H
#define CLI_PROFILE_TABLE_H

#include "base/json.h"
#include "cli/bench.h"
#include "nn/laps.h"

/* What a line did with its time. */
typedef struct profile_rate {
    double gb_s, gop_s; /* GB/s, and 2 multiply-adds/ns */
    double share;       /* of the time that the slower of the two limits would take; 0: neither is counted */
    const char *limit;  /* which one that is: "bandwidth", "binary32", "bf16", "int8" */
} profile_rate;
profile_rate profile_rate_of(const profile_line *line, const bench_limits *l);

/* A number in a column, or a dash for nothing. */
void profile_print_number(double value, int width, int decimals);
/* Names of the columns; then lines, whose times and amounts are divided by `units`, and shares are of `whole`. */
void profile_print_header(void);
void profile_print_line(const char *name, const profile_line *line, const bench_limits *l, double whole, double units);
void profile_add_line(const profile_line *line, profile_line *sum);
/* The line's name, whether it is a product, its seconds, amounts and rates. */
json_t *profile_line_json(const char *name, bool product, const profile_line *line, const bench_limits *l);

#endif
