/* Commands that do several things: which one the first operand names. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* "build, pack or show" */
static void list_names(const cli_verb *verbs, char *ret, size_t size)
{
    size_t at = 0;
    for (size_t i = 0; verbs[i].name != NULL && at < size; i++) {
        const char *before = i == 0 ? "" : verbs[i + 1].name == NULL ? " or " : ", ";
        at += (size_t)snprintf(ret + at, size - at, "%s%s", before, verbs[i].name);
    }
}

int cli_run_verb(cli *c, const cli_verb *verbs, const void *settings, const char **operands, size_t count)
{
    const cli_verb *verb = verbs;
    while (verb->name != NULL && strcmp(verb->name, operands[0]) != 0) {
        verb++;
    }
    if (verb->name == NULL) {
        char names[128];
        list_names(verbs, names, sizeof names);
        return cli_usage(c, "expected %s, found \"%.80s\"", names, operands[0]);
    }
    if (count - 1 < verb->least || count - 1 > verb->most) {
        return cli_usage(c, "%s takes %s, found %zu", verb->name, verb->takes, count - 1);
    }
    return verb->run(c, settings, operands + 1, count - 1);
}
