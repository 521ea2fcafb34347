/* hearth verify: does a model come from its recipe? */
#include "cli/commands.h"
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/signals.h"

#include "base/memory.h"
#include "platform/file.h"
#include "train/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

typedef struct verify_settings {
    size_t segments;
    uint64_t seed;
    bool all;
    const char *recipe;
} verify_settings;

#define NO_SEED UINT64_MAX /* larger than any that can be given */

static const option options[] = {
    {.name = "segments",
     .type = OPTION_COUNT,
     .offset = offsetof(verify_settings, segments),
     .argument = "K",
     .least = 1,
     .most = 1000000000,
     .help = "Train K segments between two checkpoints again, at least 1, drawn by --seed. Default: 2."},
    {.name = "seed",
     .type = OPTION_SEED,
     .offset = offsetof(verify_settings, seed),
     .argument = "S",
     .help =
         "What draws the segments; whoever made the model must not know it before. Default: drawn now, and printed."},
    {.name = "all",
     .type = OPTION_FLAG,
     .offset = offsetof(verify_settings, all),
     .help = "Train every segment again: takes as long as training did."},
    {.name = "recipe",
     .type = OPTION_TEXT,
     .offset = offsetof(verify_settings, recipe),
     .argument = "FILE",
     .hint = HINT_FILE,
     .help = "The recipe where its sources are: builds the corpus again from them, too. Needed to train a model again "
             "that comes without its run's folder. Runs the programs of its sources of kind command, as train does; "
             "nothing is confined then."},
    {.name = NULL},
};

static const verify_settings defaults = {.segments = 2, .seed = NO_SEED};

/* What training again is worth. */
static void print_odds(const verify_report *r, uint64_t seed)
{
    if (r->segment_count == 0 && r->ok) {
        printf("no step was trained again: %s\n",
               r->gone > 0 ? "the corpus cannot be built again without what is gone"
                           : "there is no corpus here; --recipe names the recipe beside its sources");
    } else if (r->segments_there > 0 && r->caught > 0) {
        printf("%zu of %zu segments, seed %llu: one that was forged would have been found with probability %.4g\n",
               r->segment_count, r->segments_there, (unsigned long long)seed, r->caught);
    } else if (r->segment_count > 0) {
        printf(
            "%zu of %zu segments: the first, since a model alone has no checkpoint to begin another at; a forger knows "
            "that. --all trains every one\n",
            r->segment_count, r->segments_there);
    }
}

static void print_report(const verify_report *r, uint64_t seed)
{
    const char *good = terminal_style(stdout, "green");
    const char *bad = terminal_style(stdout, "red");
    const char *reset = terminal_style(stdout, "reset");
    for (size_t i = 0; i < r->check_count; i++) {
        const verify_check *c = &r->checks[i];
        printf("%s%-7s%s %s: %s\n", c->ok ? good : bad, c->ok ? "ok" : "DIFFERS", reset, c->what, c->detail);
    }
    for (size_t i = 0; i < r->segment_count; i++) {
        const verify_segment *s = &r->segments[i];
        printf("%s%-7s%s steps %llu to %llu, trained again%s%s\n", s->ok ? good : bad, s->ok ? "ok" : "DIFFERS", reset,
               (unsigned long long)s->from + 1, (unsigned long long)s->to, s->ok ? "" : ": ", s->detail);
    }
    print_odds(r, seed);
    if (r->ok && r->gone > 0) {
        printf("verified, but for %llu package%s that %s gone\n", (unsigned long long)r->gone, r->gone == 1 ? "" : "s",
               r->gone == 1 ? "is" : "are");
        return;
    }
    printf("%s\n", r->ok ? "verified" : "NOT verified");
}

static json_t *report_json(const verify_report *r, uint64_t seed)
{
    json_t *checks = json_array();
    json_t *segments = json_array();
    for (size_t i = 0; i < r->check_count; i++) {
        const verify_check *c = &r->checks[i];
        checks = json_door_append(checks,
                                  json_pack("{s:s, s:b, s:s}", "what", c->what, "ok", (int)c->ok, "detail", c->detail));
    }
    for (size_t i = 0; i < r->segment_count; i++) {
        const verify_segment *s = &r->segments[i];
        segments = json_door_append(segments, json_pack("{s:I, s:I, s:b, s:s}", "from", (json_int_t)s->from + 1, "to",
                                                        (json_int_t)s->to, "ok", (int)s->ok, "detail", s->detail));
    }
    json_t *value = json_pack("{s:b, s:s}", "verified", (int)r->ok, "chain", r->chain);
    value = json_door_put(value, "checks", checks);
    value = json_door_put(value, "segments", segments);
    value = json_door_put(value, "packages_gone", json_integer((json_int_t)r->gone));
    value = json_door_put(value, "segments_there", json_integer((json_int_t)r->segments_there));
    value = json_door_put(value, "seed", json_integer((json_int_t)seed));
    return json_door_put(value, "probability", json_door_number(r->caught));
}

/* Strangers wrote what is read now: it is read in confinement, unless sources are to be read again, which may be
 * anywhere, and commands. */
static hearth_status confine(const char *folder, const char *recipe_path, hearth_error *error)
{
    const char *place = getenv("TMPDIR");
    place = place != NULL && place[0] == '/' ? place : "/tmp";
    char *above = file_join(folder, "..");
    char *made = file_join(place, "hearth-verify");
    hearth_status status = above == NULL || made == NULL ? error_memory(error, strlen(folder)) : HEARTH_OK;
    if (status == HEARTH_OK && recipe_path == NULL) {
        status = confine_to_paths((const char *const[]){folder, above, place, NULL}, (const char *const[]){made, NULL},
                                  error);
    }
    mem_free(above);
    mem_free(made);
    return status;
}

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const verify_settings *s = settings;
    hearth_error error = {0};
    verify_report report = {0};
    terminal_progress bar = {.quiet = c->quiet};
    opened o = {0};
    uint64_t seed = s->seed;
    (void)count;
    if (seed == NO_SEED) {
        if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
            seed = 0;
        }
        seed >>= 1;
    }
    hearth_status status = confine(operands[0], s->recipe, &error);
    status = status == HEARTH_OK ? open_engine(c, &o, &error) : status;
    if (status == HEARTH_OK) {
        const verify_options how = {.folder = operands[0],
                                    .recipe = s->recipe,
                                    .segments = s->segments,
                                    .all = s->all,
                                    .seed = seed,
                                    .progress = terminal_progress_step,
                                    .progress_context = &bar};
        (void)signals_leave_at_once(false);
        status = verify_run(o.engine, &how, &report, &error);
        terminal_progress_end(&bar);
    }
    int code = status == HEARTH_OK ? EXIT_DONE : cli_fail(c, &error);
    if (status == HEARTH_OK && c->json) {
        code = cli_print_json(c, report_json(&report, seed));
    } else if (status == HEARTH_OK) {
        print_report(&report, seed);
    }
    code = code == EXIT_DONE && !report.ok ? EXIT_FAILED : code;
    verify_free(&report);
    open_close(&o);
    return code;
}

const cli_command command_verify = {
    .name = "verify",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .summary = "check that a model comes from its recipe",
    .text =
        "MODEL is the folder of hearth train, or the folder model in it, which may have been carried away from its "
        "run. Checks the chain of hashes in log.jsonl, that "
        "its "
        "records are those that the recipe asks for, the hashes of recipe, corpus, tokenizer, packed tokens and every "
        "checkpoint; learns the tokenizer and packs the documents again; and trains segments between two checkpoints "
        "again, step by step. Everything is compared bit by bit: the same model on any machine, with any number of "
        "threads.\n\n"
        "Prints a line for each check. A difference is located: the file, or the first step, tensor and value. Exit "
        "status 1 "
        "where something differs.\n\n"
        "A folder of another name that lies in the run's is looked at as a model that was carried away. Files that "
        "train "
        "does not write differ, in model and in checkpoints.\n\n"
        "Where --recipe names Debian packages of which some have left the archive, they are told, no step is trained "
        "again of "
        "a model alone, and each document of the others is compared with the manifest: the run's, or "
        "MODEL.manifest.jsonl.zst beside a model.\n\n"
        "Segments are drawn by a seed that the verifier chooses. With K of N drawn, one forged segment is found with "
        "probability K / N; that is printed, too.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .has_json = true,
    .examples = (const cli_example[]){{"hearth verify run", "All hashes, and two segments trained again."},
                                      {"hearth verify run/model --segments 10 --seed 42",
                                       "Ten segments; anybody who gives this seed gets the same ten."},
                                      {"hearth verify run --all", "Every step."},
                                      {"hearth verify model --recipe recipe.yaml --all",
                                       "A model that somebody else made: the corpus from its sources, and every step."},
                                      {NULL, NULL}},
    .run = run,
};
