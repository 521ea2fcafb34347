/* hearth version: which program this is, and with what its results may be compared. */
#include "cli/commands.h"
#include "cli/open.h"

#include "hearth/hearth.h"

#include <stdio.h>

static int run(cli *c, void *settings, const char **operands, size_t count)
{
    (void)settings;
    (void)operands;
    (void)count;
    hearth_error error = {0};
    opened o = {0};
    cli one = *c;
    one.threads = 1;
    if (open_engine(&one, &o, &error) != HEARTH_OK) {
        return cli_fail(c, &error);
    }
    int code = EXIT_DONE;
    if (c->json) {
        code = cli_print_json(c, json_pack("{s:s, s:I, s:s}", "version", hearth_version(), "numeric_contract",
                                           (json_int_t)hearth_numeric_contract(), "isa", o.engine->kernels->name));
    } else {
        printf("hearth %s\nnumeric contract %u\ninstruction set %s\n", hearth_version(), hearth_numeric_contract(),
               o.engine->kernels->name);
    }
    open_close(&o);
    return code;
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
