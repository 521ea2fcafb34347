/* What hearth train shows: the line of progress, remarks, samples, the outcome and its cost. */
#ifndef CLI_TRAIN_H
#define CLI_TRAIN_H

#include "cli/terminal.h"
#include "cli/cli.h"

#include "platform/energy.h"
#include "train/report.h"
#include "train/run.h"

typedef struct train_settings {
    const char *out;
    bool dry, no_samples, profile;
    double watts; /* 0: not given */
    const char *price;
} train_settings;

typedef struct train_screen {
    cli *c;
    engine *engine;
    void *owner;
    const char *run; /* its folder */
    bool samples;
    double peak; /* operations a nanosecond; 0: not measured */
    double step_flops;
    double began, shown; /* time_seconds */
    uint64_t first, tokens;
    double seconds; /* of steps */
    bool drawn;
} train_screen;

void train_screen_begin(train_screen *s, cli *c, engine *e, const recipe *r);
/* run_options' functions; `context` is a train_screen. */
bool train_screen_step(void *context, const run_step *now);
void train_screen_evaluated(void *context, uint64_t step, const trainer_evaluation *e);
void train_screen_saved(void *context, uint64_t step, const char *folder);
void train_screen_note(void *context, const char *line);
void train_screen_end(train_screen *s);

typedef struct train_prices {
    double kwh, core_hour; /* 0: not given */
} train_prices;
bool train_read_prices(const char *text, train_prices *ret);

typedef struct train_cost {
    report_cost report;
} train_cost;
/* Of all sessions of the folder's run. `watts` 0: none declared. */
hearth_status train_cost_read(const char *folder, double step_flops, double watts, bool measured, const char *price,
                              train_cost *ret, hearth_error *error);

typedef struct train_outcome {
    const recipe *recipe;
    const char *folder;
    bool dry;
    const run_result *result;
    const train_cost *cost;
} train_outcome;
int train_outcome_print(const train_outcome *o);
json_t *train_outcome_json(const train_outcome *o);

/* A few tokens behind the end of a document, of a checkpoint's folder: appended to samples.jsonl. */
void train_write_sample(const cli *c, engine *e, const char *run, uint64_t step, const char *checkpoint);

#endif
