/* hearth train: a recipe to a model, resumable. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/ranks.h"
#include "cli/signals.h"
#include "cli/train.h"
#include "cli/train_profile.h"

#include "base/memory.h"
#include "base/text.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "train/events.h"
#include "train/prepare.h"

#include <stdio.h>

static const option options[] = {
    {.name = "out",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(train_settings, out),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "The run's folder. Where it holds a run of the same recipe, the run goes on from its last whole "
             "checkpoint; another recipe's is refused. Default: the recipe's name."},
    {.name = "dry-run",
     .type = OPTION_FLAG,
     .offset = offsetof(train_settings, dry),
     .help = "Make the corpus, do three steps, say how long all of them would take, and keep no step."},
    {.name = "profile",
     .type = OPTION_FLAG,
     .offset = offsetof(train_settings, profile),
     .help = "Make the corpus, do some steps and an evaluation, and print where their time went: time, bytes, "
             "multiply-adds and share of this machine's limit of each operation. Keeps no step."},
    {.name = "watts",
     .type = OPTION_NUMBER,
     .offset = offsetof(train_settings, watts),
     .argument = "W",
     .least = 0.001,
     .most = 1e9,
     .help = "The power of all machines together, for energy where the kernel does not show it (RAPL)."},
    {.name = "price",
     .type = OPTION_TEXT,
     .offset = offsetof(train_settings, price),
     .argument = "TABLE",
     .help = "Prices, for the cost in money: kwh=0.30, core-hour=0.04, or both with a comma between."},
    {.name = "no-samples",
     .type = OPTION_FLAG,
     .offset = offsetof(train_settings, no_samples),
     .help = "Write no text with the checkpoints: for speed; it is no part of the result."},
    {.name = NULL},
};

static const train_settings defaults = {0};

typedef struct training {
    cli *c;
    const train_settings *s;
    group *group; /* NULL: not started by mpirun */
    recipe *recipe;
    prepared ready;
    char *folder;
    train_screen screen;
    energy_meter energy;
    bool measures;
} training;

static double joules(void *context)
{
    training *t = ((train_screen *)context)->owner;
    return energy_read(&t->energy);
}

/* The corpus by all ranks, tokenizer and sequences by rank 0. */
static hearth_status make_parts(training *t, const prepare_options *how, hearth_error *error)
{
    const bool makes = group_rank(t->group) == 0;
    TRY(makes ? run_claim(t->recipe, t->folder, error) : HEARTH_OK);
    TRY(prepare_corpus(t->recipe, t->folder, how, error));
    return makes ? prepare_run(t->recipe, t->folder, how, &t->ready, error) : HEARTH_OK;
}

static hearth_status prepare(training *t, int threads, hearth_error *error)
{
    terminal_progress bar = {.quiet = t->c->quiet};
    const prepare_options how = {
        .threads = threads, .progress = terminal_progress_step, .progress_context = &bar, .group = t->group};
    const hearth_status status = make_parts(t, &how, error);
    terminal_progress_end(&bar);
    TRY(status);
    TRY(group_agree(t->group, HEARTH_OK, error)); /* rank 0 is done */
    TRY(group_rank(t->group) == 0 ? HEARTH_OK : prepare_open(t->recipe, t->folder, &t->ready, error));
    t->ready.data.group = t->group;
    return HEARTH_OK;
}

/* Whether this machine's counters tell of the whole run's energy. */
static hearth_status start_energy(training *t, hearth_error *error)
{
    int machines = 1;
    TRY(group_machines(t->group, &machines, error));
    t->measures = machines == 1 && energy_start(&t->energy);
    return HEARTH_OK;
}

static hearth_status train(training *t, engine *e, run_result *result, hearth_error *error)
{
    TRY(prepare(t, e->threads, error));
    TRY(start_energy(t, error));
    train_screen_begin(&t->screen, t->c, e, t->recipe);
    t->screen.owner = t;
    t->screen.run = t->folder;
    t->screen.samples = !t->s->no_samples;
    t->screen.peak *= group_count(t->group);
    const run_options how = {.folder = t->folder,
                             .dry = t->s->dry,
                             .step = train_screen_step,
                             .evaluated = train_screen_evaluated,
                             .saved = train_screen_saved,
                             .note = train_screen_note,
                             .context = &t->screen,
                             .joules = t->measures ? joules : NULL};
    const hearth_status status = run_train(e, &t->ready.data, &how, result, error);
    train_screen_end(&t->screen);
    return status;
}

static hearth_status write_pictures(const training *t, const train_cost *cost, hearth_error *error)
{
    chain_log log = {0};
    char *path = file_join(t->folder, "log.jsonl");
    hearth_status status = path == NULL ? error_memory(error, 0) : chain_read(path, 0, &log, error);
    status = status == HEARTH_OK ? report_write(t->recipe, t->folder, &log, &cost->report, error) : status;
    status = status == HEARTH_OK ? events_write(t->folder, &log, error) : status;
    chain_free(&log);
    mem_free(path);
    return status;
}

/* The folder's report and curves, also of a run that was interrupted; a failure is a remark. */
static void write_report(training *t, const train_cost *cost)
{
    hearth_error error = {0};
    if (!t->s->dry && write_pictures(t, cost, &error) != HEARTH_OK) {
        char line[sizeof error + 64];
        cli_note(t->c, "no report: %s", hearth_error_line(&error, line, sizeof line));
    }
}

static int finish(training *t, const run_result *result, hearth_status status, hearth_error *error)
{
    train_cost cost = {0};
    const double watts = t->measures ? 0.0 : t->s->watts;
    const bool together = status == HEARTH_OK || (status == HEARTH_E_CANCELLED && result->steps_done > 0);
    if (together && group_rank(t->group) == 0) {
        hearth_error problem = {0};
        if (train_cost_read(t->folder, result->step_flops, watts, t->measures, t->s->price, &cost, &problem) ==
            HEARTH_OK) {
            write_report(t, &cost);
        }
    }
    if (status != HEARTH_OK) {
        if (status == HEARTH_E_CANCELLED && !t->s->dry && result->steps_done > 0) {
            cli_note(t->c, "stopped behind step %llu, which is kept; the same command goes on from there",
                     (unsigned long long)result->step);
        }
        return ranks_fail(t->c, t->group, together, error);
    }
    if (group_rank(t->group) != 0) {
        return EXIT_DONE;
    }
    const train_outcome outcome = {
        .recipe = t->recipe, .folder = t->folder, .dry = t->s->dry, .result = result, .cost = &cost};
    return t->c->json ? cli_print_json(t->c, train_outcome_json(&outcome)) : train_outcome_print(&outcome);
}

static hearth_status run_ranks(training *t, opened *o, const char *path, run_result *result, hearth_error *error)
{
    (void)signals_leave_at_once(false);
    TRY(ranks_join(t->c, &t->group, error));
    if (t->s->profile && group_count(t->group) > 1) {
        return error_set(error, HEARTH_E_ARGUMENT, "--profile", "one process", "%d ranks", group_count(t->group));
    }
    TRY(recipe_open(path, &t->recipe, error));
    t->folder = mem_strdup(t->s->out != NULL ? t->s->out : t->recipe->name);
    if (t->folder == NULL) {
        return error_memory(error, 0);
    }
    TRY(open_engine(t->c, o, error));
    return t->s->profile ? prepare(t, o->engine->threads, error) : train(t, o->engine, result, error);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const train_settings *s = settings;
    hearth_error error = {0};
    training t = {.c = c, .s = s};
    run_result result = {0};
    train_prices prices;
    opened o = {0};
    (void)count;
    if (s->price != NULL && !train_read_prices(s->price, &prices)) {
        return cli_usage(c, "--price: expected kwh=NUMBER, core-hour=NUMBER or both, found \"%.80s\"", s->price);
    }
    if (s->out != NULL && *s->out == '\0') {
        return cli_usage(c, "--out: expected a folder, found \"\"");
    }
    const hearth_status status = run_ranks(&t, &o, operands[0], &result, &error);
    const int code = s->profile && status == HEARTH_OK ? train_profile_show(c, &o, &t.ready.data)
                                                       : finish(&t, &result, status, &error);
    group_close(t.group);
    prepare_free(&t.ready);
    recipe_close(t.recipe);
    mem_free(t.folder);
    open_close(&o);
    return code;
}

const cli_command command_train = {
    .name = "train",
    .operands = "RECIPE",
    .least = 1,
    .most = 1,
    .summary = "make a model of a recipe",
    .text =
        "RECIPE is a file that says everything the model depends on: sources, cleaning, tokenizer, architecture, "
        "number "
        "formats, optimiser, schedule, batches, seeds. Builds the corpus, learns the tokenizer, packs the tokens, "
        "trains, and writes the folder of the run: corpus, packed, checkpoints, log.jsonl (a chain of hashes with a "
        "record for each step), report.html, and model, which hearth run opens.\n\n"
        "The same recipe gives the same bits on every machine, with any number of threads, and however often the run "
        "was "
        "stopped: Ctrl-C keeps the step that was done last, and the same command goes on from the last whole "
        "checkpoint, also after a crash. hearth verify does it again to see whether it is so.\n\n"
        "`mpirun -n N hearth train` (Open MPI) shares the work among N ranks, on one machine or many that see the "
        "run's "
        "folder: the same bits again, and a run may go on with another N. Without --threads, the cores of a machine "
        "are "
        "shared among its ranks. SIGUSR1 asks all of them to stop behind the step.\n\n"
        "A recipe may have sources of kind command: their programs are run by /bin/sh with all that you may do. Read a "
        "stranger's recipe before you train it.\n\n"
        "A loss or gradient that is not finite ends the run with the step and the tensor's name.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples =
        (const cli_example[]){{"hearth train recipe.yaml", "All of it, into a folder of the recipe's name."},
                              {"hearth train recipe.yaml --dry-run", "How long would it take?"},
                              {"hearth train recipe.yaml --profile", "Where does a step's time go?"},
                              {"hearth train recipe.yaml -o run --watts 65 --price kwh=0.30",
                               "With the cost of the energy in the report."},
                              {"mpirun -n 2 hearth train recipe.yaml --threads 8", "Two ranks of eight threads."},
                              {NULL, NULL}},
    .run = run,
};
