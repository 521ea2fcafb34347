/* hearth help: the pages, for people and for the installer. */
#include "cli/commands.h"
#include "cli/help.h"

typedef struct help_settings {
    bool man;
    bool markdown;
    const char *completion;
} help_settings;

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

static const option options[] = {
    {.name = "man",
     .type = OPTION_FLAG,
     .offset = offsetof(help_settings, man),
     .help = "Print the manual page, for man(1), instead."},
    {.name = "markdown",
     .type = OPTION_FLAG,
     .offset = offsetof(help_settings, markdown),
     .help = "Print the page of docs/commands instead."},
    {.name = "completion",
     .type = OPTION_TEXT,
     .offset = offsetof(help_settings, completion),
     .argument = "SHELL",
     .choices = shells,
     .help = "Print the completion script for this shell, bash, zsh or fish, instead."},
    {.name = NULL},
};

static const help_settings defaults = {0};

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    const help_settings *s = settings;
    const cli_command *row = NULL;
    if (count == 1) {
        row = cli_find_command(operands[0]);
        const char *nearest = row == NULL ? cli_nearest_command(operands[0]) : NULL;
        if (row == NULL && nearest != NULL) {
            return cli_usage(c, "unknown command \"%.80s\"; did you mean \"%s\"?", operands[0], nearest);
        }
        if (row == NULL) {
            return cli_usage(c, "unknown command \"%.80s\"; see hearth help", operands[0]);
        }
    }
    if (s->completion != NULL) {
        help_completion(s->completion, stdout);
    } else if (s->man) {
        help_manual(row, stdout);
    } else if (s->markdown) {
        help_markdown(row, stdout);
    } else {
        return help_print(c, row);
    }
    return EXIT_DONE;
}

const cli_command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .most = 1,
    .summary = "tell what a command does and takes",
    .text = "Prints the page of a command, or the list of commands. The manual pages (`man hearth-run`), the pages in "
            "docs/commands and the completion scripts come from the same table.",
    .options = options,
    .defaults = &defaults,
    .settings_bytes = sizeof defaults,
    .examples = (const cli_example[]){{"hearth help run", "What `hearth run` takes."},
                                      {"hearth help --completion fish | source", "Completion in this fish, now."},
                                      {NULL, NULL}},
    .run = run,
};
