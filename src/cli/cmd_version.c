/* hearth version: which program this is, and with what its results may be compared. */
#include "cli/commands.h"

#include <stdio.h>

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)operands;
    (void)count;
    if (c->json) {
        return cli_print_json(c, json_pack("{s:s}", "version", HEARTH_VERSION));
    }
    puts("hearth " HEARTH_VERSION);
    return EXIT_DONE;
}

const cli_command command_version = {
    .name = "version",
    .operands = "",
    .summary = "print the version, the numeric contract and the instruction set",
    .text = "Results of two programs whose numeric contract has the same number are equal bit for bit, whatever their "
            "versions and machines (docs/numerics.md).",
    .has_json = true,
    .run = run,
};
