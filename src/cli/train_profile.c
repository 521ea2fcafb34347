/* Where a step's time goes: measuring, the tables, JSON. */
#include "cli/train_profile.h"

#include "cli/profile_table.h"

#include "base/memory.h"
#include "platform/cpu.h"

#include <stdio.h>

/* Steps that are measured: as many as take so long, within limits, behind one that touches all memory first. */
#define SECONDS 3.0
#define LEAST_STEPS 3u
#define MOST_STEPS 100u

/* The lines of all phases, of `count` repetitions. */
typedef struct measured {
    profile_line lines[TRAIN_PHASES][TRAIN_OPS];
    size_t counts[TRAIN_PHASES];
    double seconds;
    size_t repetitions; /* 0: not measured */
} measured;

typedef struct profiling {
    const cli *c;
    const train_data *data;
    trainer *trainer;
    train_profile *profile;
    bench_limits limits;
    measured step, evaluation;
    uint64_t tokens; /* of all steps */
} profiling;

/* ---- measuring ---- */

static void read_lines(const train_profile *p, size_t repetitions, measured *ret)
{
    ret->seconds = train_profile_seconds(p);
    ret->repetitions = repetitions;
    for (int phase = 0; phase < TRAIN_PHASES; phase++) {
        ret->counts[phase] = train_profile_lines(p, (train_phase)phase, ret->lines[phase]);
    }
}

static hearth_status measure_steps(profiling *p, terminal_progress *bar, hearth_error *error)
{
    trainer_step_record record;
    size_t steps = 0;
    TRY(trainer_step(p->trainer, 1, &record, error));
    trainer_profile(p->trainer, p->profile);
    const double began = time_seconds();
    train_profile_start(p->profile);
    while (steps < LEAST_STEPS || (steps < MOST_STEPS && time_seconds() - began < SECONDS)) {
        if (!terminal_progress_step(bar, "profiling", steps, 0, "steps")) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "interrupted");
        }
        TRY(trainer_step(p->trainer, ++steps + 1, &record, error));
        p->tokens += record.tokens;
    }
    train_profile_stop(p->profile);
    read_lines(p->profile, steps, &p->step);
    return HEARTH_OK;
}

static hearth_status measure_evaluation(profiling *p, hearth_error *error)
{
    trainer_evaluation e;
    train_profile_start(p->profile);
    TRY(trainer_evaluate(p->trainer, &e, error));
    train_profile_stop(p->profile);
    if (e.sequences > 0) {
        read_lines(p->profile, 1, &p->evaluation);
    }
    return HEARTH_OK;
}

static hearth_status measure(profiling *p, const opened *o, hearth_error *error)
{
    terminal_progress bar = {.quiet = p->c->quiet};
    hearth_status status = bench_find_limits(p->c, o, &p->limits, error);
    status = status == HEARTH_OK ? trainer_create(o->engine, p->data, &p->trainer, error) : status;
    status = status == HEARTH_OK ? train_profile_create(o->engine, &p->profile, error) : status;
    status = status == HEARTH_OK ? measure_steps(p, &bar, error) : status;
    status = status == HEARTH_OK ? measure_evaluation(p, error) : status;
    terminal_progress_end(&bar);
    return status;
}

/* ---- the tables ---- */

static profile_line sum_of(const measured *m, int phase, bool products)
{
    profile_line sum = {0};
    for (size_t i = 0; i < m->counts[phase]; i++) {
        const profile_line *line = &m->lines[phase][i];
        if (!products || train_op_is_product(line->line)) {
            profile_add_line(line, &sum);
        }
    }
    return sum;
}

static void print_phase(const profiling *p, const measured *m, int phase)
{
    if (m->counts[phase] == 0) {
        return;
    }
    printf("%s\n", train_phase_name((train_phase)phase));
    for (size_t i = 0; i < m->counts[phase]; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "  %s", train_op_name(m->lines[phase][i].line));
        profile_print_line(name, &m->lines[phase][i], &p->limits, m->seconds, (double)m->repetitions);
    }
    const profile_line sum = sum_of(m, phase, false);
    profile_print_line("  together", &sum, &p->limits, m->seconds, (double)m->repetitions);
}

static void print_table(const profiling *p, const measured *m)
{
    profile_line all = {0};
    profile_line products = {0};
    profile_print_header();
    for (int phase = 0; phase < TRAIN_PHASES; phase++) {
        const profile_line some = sum_of(m, phase, true);
        const profile_line sum = sum_of(m, phase, false);
        profile_add_line(&some, &products);
        profile_add_line(&sum, &all);
        print_phase(p, m, phase);
    }
    profile_print_line("all products", &products, &p->limits, m->seconds, (double)m->repetitions);
    profile_print_line("all", &all, &p->limits, m->seconds, (double)m->repetitions);
}

static void print(const profiling *p, const opened *o)
{
    char rates[3][32];
    printf("%s, %d thread%s; this machine: %.1f GB/s read, %s GFLOPS binary32, %s GFLOPS bf16\n",
           o->engine->kernels->name, o->engine->threads, o->engine->threads == 1 ? "" : "s", p->limits.bandwidth,
           terminal_rate(p->limits.peak[MEASURE_FP32], rates[0]),
           terminal_rate(p->limits.peak[MEASURE_BF16], rates[1]));
    printf("\na step, mean of %zu: %.3f ms, %s tokens/s\n", p->step.repetitions,
           p->step.seconds / (double)p->step.repetitions * 1e3,
           terminal_number((uint64_t)((double)p->tokens / p->step.seconds), rates[2]));
    print_table(p, &p->step);
    if (p->evaluation.repetitions > 0) {
        printf("\nan evaluation: %.3f ms\n", p->evaluation.seconds * 1e3);
        print_table(p, &p->evaluation);
    }
}

/* ---- JSON ---- */

static json_t *table_json(const profiling *p, const measured *m)
{
    json_t *phases = json_array();
    for (int phase = 0; phase < TRAIN_PHASES; phase++) {
        json_t *lines = json_array();
        for (size_t i = 0; i < m->counts[phase]; i++) {
            const profile_line *line = &m->lines[phase][i];
            lines = json_door_append(
                lines, profile_line_json(train_op_name(line->line), train_op_is_product(line->line), line, &p->limits));
        }
        if (m->counts[phase] > 0) {
            phases =
                json_door_append(phases, json_pack("{s:s, s:f, s:o}", "phase", train_phase_name((train_phase)phase),
                                                   "seconds", sum_of(m, phase, false).seconds, "operations", lines));
        } else {
            json_decref(lines);
        }
    }
    return json_pack("{s:I, s:f, s:o}", "repetitions", (json_int_t)m->repetitions, "seconds", m->seconds, "phases",
                     phases);
}

static json_t *to_json(const profiling *p, const opened *o)
{
    json_t *all = json_pack("{s:s, s:I, s:s, s:i, s:{s:f, s:f, s:f, s:f}, s:f, s:o}", "name", p->data->recipe->name,
                            "vocabulary", (json_int_t)packed_vocabulary(p->data->packed), "isa",
                            o->engine->kernels->name, "threads", o->engine->threads, "limits", "read_gb_s",
                            p->limits.bandwidth, "fp32_gflops", p->limits.peak[MEASURE_FP32], "bf16_gflops",
                            p->limits.peak[MEASURE_BF16], "int8_gops", p->limits.peak[MEASURE_INT8],
                            "tokens_per_second", (double)p->tokens / p->step.seconds, "steps", table_json(p, &p->step));
    return json_door_put(all, "evaluation",
                         p->evaluation.repetitions > 0 ? table_json(p, &p->evaluation) : json_null());
}

int train_profile_show(const cli *c, const opened *o, const train_data *data)
{
    hearth_error error = {0};
    profiling *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        (void)error_memory(&error, sizeof *p);
        return cli_fail(c, &error);
    }
    *p = (profiling){.c = c, .data = data};
    const hearth_status status = measure(p, o, &error);
    int code = EXIT_DONE;
    if (status != HEARTH_OK) {
        code = cli_fail(c, &error);
    } else if (c->json) {
        code = cli_print_json(c, to_json(p, o));
    } else {
        print(p, o);
    }
    trainer_free(p->trainer);
    train_profile_free(p->profile);
    mem_free(p);
    return code;
}
