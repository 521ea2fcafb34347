/* hearth reproduce: a model made again from its recipe, and compared on the way. */
#include "cli/commands.h"
#include "cli/open.h"
#include "cli/signals.h"
#include "cli/train.h"

#include "base/json.h"
#include "train/reproduce.h"

#include <stdio.h>
#include <string.h>

typedef struct reproduce_settings {
    const char *out;
    const char *sources;
} reproduce_settings;

static const option options[] = {
    {.name = "out",
     .letter = 'o',
     .type = OPTION_TEXT,
     .offset = offsetof(reproduce_settings, out),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "The folder in which it is done again: a new one, or one in which this began and was stopped, which goes "
             "on. Default: the recipe's name with -reproduced behind it."},
    {.name = "sources",
     .type = OPTION_TEXT,
     .offset = offsetof(reproduce_settings, sources),
     .argument = "DIR",
     .hint = HINT_FOLDER,
     .help = "The folder that the recipe's paths start from. Default: MODEL, the folder above it, the one above "
             "that or recipes/NAME in it, whichever has all that the recipe names."},
    {.name = NULL},
};

static const reproduce_settings defaults = {0};

typedef struct reproduction {
    cli *c;
    engine *engine;
    terminal_progress bar;
    train_screen screen;
} reproduction;

static void began(void *context, const recipe *r)
{
    reproduction *p = context;
    terminal_progress_end(&p->bar);
    train_screen_begin(&p->screen, p->c, p->engine, r);
}

static void checked(void *context, const reproduce_check *k)
{
    reproduction *p = context;
    if (p->c->json) {
        return;
    }
    terminal_progress_end(&p->bar);
    train_screen_end(&p->screen);
    printf("%s%-7s%s %s: ", terminal_style(stdout, k->same ? "green" : "red"), k->same ? "ok" : "DIFFERS",
           terminal_style(stdout, "reset"), k->what);
    (void)terminal_write_text(k->detail, strlen(k->detail), NULL);
    putchar('\n');
    (void)fflush(stdout);
}

static json_t *report_json(const reproduce_report *r)
{
    json_t *checks = json_array();
    for (size_t i = 0; i < r->check_count; i++) {
        const reproduce_check *k = &r->checks[i];
        checks = json_door_append(
            checks, json_pack("{s:s, s:b, s:s}", "what", k->what, "same", (int)k->same, "detail", k->detail));
    }
    json_t *value = json_pack("{s:b, s:s?, s:s?, s:I, s:I}", "same", (int)r->same, "name", r->name, "folder", r->folder,
                              "step", (json_int_t)r->result.step, "steps_done", (json_int_t)r->result.steps_done);
    if (r->same) {
        value = json_door_put(value, "model", json_string(r->model));
        value = json_door_put(value, "weights", json_string(r->result.weights));
        value = json_door_put(value, "chain", json_string(r->chain));
    }
    return json_door_put(value, "checks", checks);
}

static int finish(const reproduction *p, const reproduce_report *r)
{
    if (p->c->json) {
        (void)cli_print_json(p->c, report_json(r));
    } else if (r->same) {
        printf("the same: SHA-256 %s\n", r->model);
    } else {
        printf("NOT the same: %s\n", r->checks[r->check_count - 1].what);
    }
    return r->same ? EXIT_DONE : EXIT_FAILED;
}

static int fail(const reproduction *p, const reproduce_report *r, const hearth_error *error)
{
    if (error->status == HEARTH_E_CANCELLED && r->result.steps_done > 0) {
        cli_note(p->c, "stopped behind step %llu, which is kept; the same command goes on from there",
                 (unsigned long long)r->result.step);
    }
    return cli_fail(p->c, error);
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const reproduce_settings *s = settings;
    hearth_error error = {0};
    reproduce_report report = {0};
    opened o = {0};
    (void)count;
    if (s->out != NULL && *s->out == '\0') {
        return cli_usage(c, "--out: expected a folder, found \"\"");
    }
    if (open_engine(c, &o, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    reproduction p = {.c = c, .engine = o.engine, .bar = {.quiet = c->quiet}, .screen = {.c = c}};
    const reproduce_options how = {.model = operands[0],
                                   .folder = s->out,
                                   .sources = s->sources,
                                   .run = {.step = train_screen_step,
                                           .evaluated = train_screen_evaluated,
                                           .note = train_screen_note,
                                           .context = &p.screen},
                                   .progress = terminal_progress_step,
                                   .progress_context = &p.bar,
                                   .began = began,
                                   .checked = checked,
                                   .context = &p};
    (void)signals_leave_at_once(false);
    const hearth_status status = reproduce(o.engine, &how, &report, &error);
    terminal_progress_end(&p.bar);
    train_screen_end(&p.screen);
    const int code = status == HEARTH_OK ? finish(&p, &report) : fail(&p, &report, &error);
    reproduce_free(&report);
    open_close(&o);
    return code;
}

const cli_command command_reproduce = {
    .name = "reproduce",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "make a model again from its recipe, and compare",
    .text =
        "MODEL is the folder of hearth train, or the folder model in it, which may have been carried away from its "
        "run: it holds the recipe and the log. Finds the sources that the recipe names, and does all of it again in a "
        "folder of its own: corpus, tokenizer, packed tokens, every step. Each hash and each record of the log is "
        "compared with MODEL's as soon as it is known, bit by bit; the first difference ends it.\n\n"
        "Prints a line for each part, and at the end `the same` with the SHA-256 of the weights' file; or where it "
        "differs: the library's version, the source, the document, the step and what of it, the tensor and the value. "
        "Exit status 1 where something differs.\n\n"
        "It takes what the training took. Ctrl-C keeps the step that was done last, and the same command goes on from "
        "there. For less, hearth verify trains segments that it draws.\n\n"
        "A recipe may have sources of kind command: their programs are run by /bin/sh with all that you may do. Read a "
        "stranger's recipe before you reproduce its model.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth reproduce model --sources recipe-folder", "From the recipe's sources."},
                                      {"hearth reproduce run -o again", "Of a run whose sources lie beside it."},
                                      {NULL, NULL}},
    .run = run,
};
