/* `hearth bench --profile`: where the time of each row goes, from a run of its own with the profiler on. */
#ifndef CLI_BENCH_PROFILE_H
#define CLI_BENCH_PROFILE_H

#include "cli/profile_table.h"
#include "model/profile.h"

typedef enum bench_profile_kind {
    BENCH_PROFILE_NONE,
    BENCH_PROFILE_OPERATIONS,
    BENCH_PROFILE_LAYERS
} bench_profile_kind;
/* "none", "operations", "layers". */
extern const char *const bench_profile_names[];

/* One row's. */
typedef struct bench_profile {
    bench_row row;
    size_t depth;
    profile *p;
} bench_profile;

/* Runs each row once more: a prompt, or an answer that is drawn as `run` draws by default. ret: [count], freed with
 * bench_profile_free. */
hearth_status bench_profile_rows(const cli *c, const opened *o, size_t depth, int cache, const bench_row *rows,
                                 size_t count, bench_profile *ret, hearth_error *error);
void bench_profile_free(bench_profile *profiles, size_t count);

void bench_profile_print(const bench_profile *profiles, size_t count, const bench_limits *l, bench_profile_kind kind);
json_t *bench_profile_json(const bench_profile *profiles, size_t count, const bench_limits *l);

/* The roofline: limits as lines, operations as points. Writes the file. */
hearth_status bench_roofline_write(const char *path, const opened *o, const bench_profile *profiles, size_t count,
                                   const bench_limits *l, hearth_error *error);

#endif
