/* The end of hearth train: what came out, and what it cost. */
#include "cli/train.h"

#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool train_read_prices(const char *text, train_prices *ret)
{
    *ret = (train_prices){0};
    while (*text != '\0') {
        const char *equals = strchr(text, '=');
        const size_t length = equals != NULL ? (size_t)(equals - text) : 0;
        double *to = length == 3 && strncmp(text, "kwh", 3) == 0         ? &ret->kwh
                     : length == 9 && strncmp(text, "core-hour", 9) == 0 ? &ret->core_hour
                                                                         : NULL;
        if (to == NULL) {
            return false;
        }
        char *end = NULL;
        *to = strtod(equals + 1, &end);
        if (end == equals + 1 || !isfinite(*to) || *to < 0.0 || (*end != '\0' && *end != ',')) {
            return false;
        }
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

hearth_status train_cost_read(const char *folder, double step_flops, double watts, bool measured, const char *price,
                              train_cost *ret, hearth_error *error)
{
    train_prices prices = {0};
    report_cost *c = &ret->report;
    *c = (report_cost){.step_flops = step_flops, .joules = NAN, .money = NAN};
    TRY(cost_read(folder, &c->totals, error));
    if (measured && c->totals.measured > 0) {
        c->joules = c->totals.joules;
    } else if (watts > 0.0) {
        c->joules = watts * c->totals.seconds;
        c->declared = true;
    }
    if (price != NULL && train_read_prices(price, &prices)) {
        c->money = prices.core_hour * c->totals.core_seconds / 3600.0;
        c->money_note = "by the prices given";
        if (prices.kwh > 0.0 && isfinite(c->joules)) {
            c->money += prices.kwh * c->joules / 3.6e6;
        } else if (prices.kwh > 0.0) {
            c->money = NAN; /* no energy is known to be priced */
        }
    }
    return HEARTH_OK;
}

static double rate(const run_result *r)
{
    return r->seconds > 0.0 ? (double)r->tokens / r->seconds : 0.0;
}

/* How long all steps would take. */
static double whole_seconds(const train_outcome *o)
{
    const run_result *r = o->result;
    return r->steps_done > 0 ? r->seconds / (double)r->steps_done * (double)o->recipe->train.steps : NAN;
}

int train_outcome_print(const train_outcome *o)
{
    const run_result *r = o->result;
    const report_cost *c = &o->cost->report;
    char text[32];
    if (o->dry) {
        printf("3 steps   loss %.4f, %s tokens/s\nall       %llu steps would take %.0f s\n", r->loss,
               terminal_number((uint64_t)rate(r), text), (unsigned long long)o->recipe->train.steps, whole_seconds(o));
        return EXIT_DONE;
    }
    printf("model     %s/model\nsteps     %llu\n", o->folder, (unsigned long long)r->step);
    printf("loss      %.4f\n", r->loss);
    if (r->steps_done > 0) {
        printf("speed     %s tokens/s\n", terminal_number((uint64_t)rate(r), text));
    }
    if (r->evaluated && isfinite(r->evaluation.bits_per_byte)) {
        printf("held out  %.4f bits per byte\n", r->evaluation.bits_per_byte);
    }
    if (r->ranks > 1) {
        printf("ranks     %d, with %d threads", r->ranks, r->threads);
        if (r->steps_done > 0) {
            printf("; %s between them a step", text_bytes(r->bytes / r->steps_done, text));
        }
        printf("\n");
    }
    printf("time      %.1f s, %.4f core hours\n", c->totals.seconds, c->totals.core_seconds / 3600.0);
    if (isfinite(c->joules)) {
        printf("energy    %.5f kWh, %s\n", c->joules / 3.6e6, c->declared ? "by the declared power" : "measured");
    }
    if (isfinite(c->money)) {
        printf("money     %.4f\n", c->money);
    }
    printf("weights   %s\nchain     %s\n", r->weights, r->chain);
    return EXIT_DONE;
}

json_t *train_outcome_json(const train_outcome *o)
{
    const run_result *r = o->result;
    const report_cost *c = &o->cost->report;
    json_t *value =
        json_pack("{s:s, s:b, s:I, s:I, s:I}", "name", o->recipe->name, "dry_run", (int)o->dry, "step",
                  (json_int_t)r->step, "steps_done", (json_int_t)r->steps_done, "tokens", (json_int_t)r->tokens);
    value = json_door_put(value, "loss", json_door_number(r->loss));
    value = json_door_put(value, "tokens_per_second", r->steps_done > 0 ? json_door_number(rate(r)) : json_null());
    value = json_door_put(value, "ranks", json_integer(r->ranks));
    value = json_door_put(value, "threads", json_integer(r->threads));
    value = json_door_put(value, "bytes_per_step",
                          r->steps_done > 0 ? json_integer((json_int_t)(r->bytes / r->steps_done)) : json_null());
    if (o->dry) {
        return json_door_put(value, "seconds_expected", json_door_number(whole_seconds(o)));
    }
    value = json_door_put(value, "bits_per_byte", json_door_number(r->evaluated ? r->evaluation.bits_per_byte : NAN));
    value = json_door_put(value, "seconds", json_door_number(c->totals.seconds));
    value = json_door_put(value, "core_hours", json_door_number(c->totals.core_seconds / 3600.0));
    value = json_door_put(value, "operations", json_door_number(c->step_flops * (double)c->totals.steps));
    value = json_door_put(value, "kwh", json_door_number(c->joules / 3.6e6));
    value = json_door_put(value, "kwh_source",
                          isfinite(c->joules) ? json_string(c->declared ? "declared" : "measured") : json_null());
    value = json_door_put(value, "money", json_door_number(c->money));
    value = json_door_put(value, "weights", json_string(r->weights));
    return json_door_put(value, "chain", json_string(r->chain));
}
