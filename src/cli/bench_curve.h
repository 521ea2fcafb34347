/* The curve of `hearth bench --batch --svg FILE`: tokens per second over the number of sequences, beside the limit. */
#ifndef CLI_BENCH_CURVE_H
#define CLI_BENCH_CURVE_H

#include "cli/bench.h"

/* Draws the rows that have several sequences, a curve for each length of answers, and writes the file. */
hearth_status bench_curve_write(const char *path, const char *model_path, const bench_row *rows, size_t count,
                                hearth_error *error);

#endif
