/* Getting a model, for the commands that do it. */
#ifndef CLI_PULL_H
#define CLI_PULL_H

#include "cli/cli.h"
#include "cli/terminal.h"
#include "hub/pull.h"

typedef struct pull_told {
    const cli *c;
    terminal_progress *bar;
} pull_told;
/* A download_trouble_fn over a pull_told: a line on stderr, so that who waits knows what for. */
void pull_tell_trouble(void *context, const hearth_error *problem, uint64_t delay_ms);
/* With the bar; progress, trouble and their contexts of `how` are set here. */
hearth_status pull_with_bar(const cli *c, const char *name, const pull_options *how, pull_result *ret,
                            hearth_error *error);
/* A line on stderr where HF_ENDPOINT is not encrypted. */
void pull_warn_plain(const cli *c);
/* Is the model here, or was it fetched after a yes at the terminal? Where there is no terminal, or on a no, an error
 * says which command fetches it. Names that say no source, and any other failure, pass: opening tells. */
hearth_status pull_when_missing(const cli *c, const char *name, hearth_error *error);
/* The sentence for a model that is not here and whose name says where it is; others are left alone. */
void pull_explain_missing(const char *name, hearth_error *error);

#endif
