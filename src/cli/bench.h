/* Measuring prefill and decode, and the limits beside them. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include "cli/open.h"
#include "generate/session.h"

#include "tensor/measure.h"

enum { BENCH_ROWS_MOST = 32, BENCH_ROUNDS_MOST = 101 };

typedef enum bench_kind { BENCH_PREFILL, BENCH_DECODE } bench_kind;
const char *bench_kind_name(bench_kind kind); /* "prefill", "decode" */

typedef struct bench_row {
    bench_kind kind;
    size_t tokens;    /* of each sequence */
    size_t sequences; /* that answer together; 0: one alone, as `run` has it */
    bool filled;      /* an answer: the depth is synthetic (session_fill) */
    size_t rounds;
    double rate[BENCH_ROUNDS_MOST]; /* tokens per second, of all sequences, by round */
    double per_token;               /* bytes read, or operations, for each token */
    double limit;                   /* GB/s, GFLOPS or GOPS: per_token * rate / 1e9 is held against it */
    const char *limit_name, *limit_unit;
} bench_row;

typedef struct bench_limits {
    double bandwidth; /* GB/s */
    double peak[MEASURE_KINDS];
} bench_limits;

/* Measures them. After HEARTH_E_MEMORY all but the bandwidth are there; HEARTH_E_CANCELLED after a signal. */
hearth_status bench_find_limits(const cli *c, const opened *o, bench_limits *ret, hearth_error *error);

double bench_median(const bench_row *row);
/* In the limit's unit, at the median rate. */
double bench_used(const bench_row *row);

/* So many tokens spread over the vocabulary, the same every time; freed with mem_free. */
int32_t *bench_make_ids(size_t count, size_t vocabulary);
/* What stands before an answer of this row: `depth` tokens, of `ids` or synthetic. */
hearth_status bench_begin_answer(session *s, const bench_row *row, const int32_t *ids, size_t depth,
                                 progress_fn progress, void *context, hearth_error *error);

/* Fills rates and limits of all rows: each round measures every row once. HEARTH_E_LIMIT where a row is longer than the
 * model's context. `cache`: as session_options has it. */
hearth_status bench_measure(const cli *c, const opened *o, size_t depth, int cache, size_t rounds, bench_row *rows,
                            size_t count, bench_limits *ret, hearth_error *error);

#endif
