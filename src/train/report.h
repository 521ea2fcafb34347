/* report.html of a run: loss, norms, learning rate and throughput as pictures, evaluations, samples, cost; one file
 * that needs no other. */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "recipe/recipe.h"
#include "train/chain.h"
#include "train/cost.h"

typedef struct report_cost {
    cost_totals totals;
    double step_flops;
    double joules; /* NAN: not known */
    bool declared; /* the energy is a declared power times the time, and not measured */
    double money;  /* NAN: no price was given */
    const char *money_note;
} report_cost;

/* From the folder's log, times.jsonl and samples.jsonl (where there is one) to report.html. */
hearth_status report_write(const recipe *r, const char *folder, const chain_log *log, const report_cost *cost,
                           hearth_error *error);

#endif
