/* The table of commands, and the options that all of them take. */
#include "cli/commands.h"
#include "cli/cli.h"

#include "base/text.h"
#include "base/limits.h"

#include <string.h>

const cli_command *const cli_commands[] = {&command_run,        &command_serve,
                                           &command_replay,     &command_keys,
                                           &command_pull,       &command_list,
                                           &command_rm,         &command_prune,
                                           &command_show,       &command_tokenize,
                                           &command_detokenize, &command_tokenizer,
                                           &command_template,   &command_score,
                                           &command_embed,      &command_convert,
                                           &command_quantize,   &command_bench,
                                           &command_plan,       &command_train,
                                           &command_verify,     &command_reproduce,
                                           &command_sign,       &command_verify_signature,
                                           &command_advise,     &command_publish,
                                           &command_recipe,     &command_corpus,
                                           &command_trace,      &command_openness,
                                           &command_doctor,     &command_help,
                                           &command_version,    NULL};

static const char *const color_choices[] = {"auto", "always", "never", NULL};
static const char *const isa_choices[] = {"scalar", "avx2", "avx512", "neon", NULL};

const option cli_global_options[] = {
    {.name = "threads",
     .type = OPTION_COUNT,
     .offset = offsetof(cli, threads),
     .argument = "N",
     .least = 1,
     .most = LIMIT_THREADS,
     .help = "Compute with N threads. Default: the cores that affinity and the cgroup's quota leave to this process. "
             "The number changes the speed and never the result."},
    {.name = "isa",
     .type = OPTION_TEXT,
     .offset = offsetof(cli, isa),
     .argument = "NAME",
     .choices = isa_choices,
     .help = "Compute with this instruction set: scalar, avx2, avx512 or neon. Default: the best that this CPU has. "
             "Changes the speed and never the result."},
    {.name = "color",
     .type = OPTION_CHOICE,
     .offset = offsetof(cli, color),
     .argument = "WHEN",
     .choices = color_choices,
     .help = "Colours: auto (on a terminal, unless NO_COLOR is set), always or never."},
    {.name = "quiet",
     .letter = 'q',
     .type = OPTION_FLAG,
     .offset = offsetof(cli, quiet),
     .help = "Print results and errors only: no progress, no remarks."},
    {.name = "help", .letter = 'h', .type = OPTION_FLAG, .offset = offsetof(cli, help), .help = "Print this help."},
    {.name = NULL},
};

const option cli_program_options[] = {
    {.name = "version",
     .letter = 'V',
     .type = OPTION_FLAG,
     .help = "Print what hearth version prints. Before any command."},
    {.name = NULL},
};

const option cli_json_options[] = {
    {.name = "json", .type = OPTION_FLAG, .offset = offsetof(cli, json), .help = "Print the result as one JSON value."},
    {.name = NULL},
};

const cli_command *cli_find_command(const char *name)
{
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            return cli_commands[i];
        }
    }
    return NULL;
}

const char *cli_nearest_command(const char *name)
{
    const char *nearest = NULL;
    unsigned best = 0;
    for (size_t i = 0; cli_commands[i] != NULL; i++) {
        const unsigned distance = text_distance(name, cli_commands[i]->name);
        if (nearest == NULL || distance < best) {
            nearest = cli_commands[i]->name;
            best = distance;
        }
    }
    return nearest != NULL && text_is_near(name, best) ? nearest : NULL;
}
