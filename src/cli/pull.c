/* What the commands that fetch share: the bar, the question, the words where something is missing. */
#include "cli/pull.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/memory.h"
#include "formats/model_name.h"
#include "model/locate.h"
#include "net/url.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void pull_warn_plain(const cli *c)
{
    char shown[200];
    const char *endpoint = hub_plain_endpoint();
    if (endpoint != NULL) {
        cli_note(c,
                 "warning: HF_ENDPOINT is %s, which is not encrypted: others on the way can read the token and change "
                 "what comes",
                 url_shown(endpoint, shown, sizeof shown));
    }
}

void pull_tell_trouble(void *context, const hearth_error *problem, uint64_t delay_ms)
{
    const pull_told *t = context;
    char line[1024];
    terminal_progress_end(t->bar);
    cli_note(t->c, "%s; again in %.2g s, and later more seldom", hearth_error_line(problem, line, sizeof line),
             (double)delay_ms / 1000);
}

hearth_status pull_with_bar(const cli *c, const char *name, const pull_options *how, pull_result *ret,
                            hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    pull_options options = *how;
    options.progress = terminal_progress_step;
    options.context = &bar;
    options.trouble = pull_tell_trouble;
    options.trouble_context = &(pull_told){c, &bar};
    model_name parsed;
    if (model_name_parse(name, &parsed, NULL) == HEARTH_OK && parsed.source == MODEL_SOURCE_HF) {
        pull_warn_plain(c);
    }
    const hearth_status status = hub_pull(name, &options, ret, error);
    terminal_progress_end(&bar);
    return status;
}

void pull_explain_missing(const char *name, hearth_error *error)
{
    if (error->status != HEARTH_E_NOT_FOUND || !hub_can_pull(name)) {
        return;
    }
    (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, NULL, "not here; hearth pull %.300s fetches it", name);
    error_in_file(error, name);
}

/* "y", "yes" and nothing mean yes. */
static bool said_yes(void)
{
    char line[64] = "";
    (void)signals_leave_at_once(true);
    const bool read = fgets(line, sizeof line, stdin) != NULL;
    (void)signals_leave_at_once(false);
    line[strcspn(line, "\r\n")] = '\0';
    return read && (line[0] == '\0' || line[0] == 'y' || line[0] == 'Y');
}

hearth_status pull_when_missing(const cli *c, const char *name, hearth_error *error)
{
    char *path = NULL;
    hearth_error problem = {0};
    const hearth_status found = model_locate(name, &path, &problem);
    mem_free(path);
    if (found != HEARTH_E_NOT_FOUND || !hub_can_pull(name)) {
        return HEARTH_OK;
    }
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) || hub_is_offline()) {
        pull_explain_missing(name, &problem);
        *error = problem;
        return problem.status;
    }
    fprintf(stderr, "%s is not on this machine. Fetch it? [Y/n] ", name);
    fflush(stderr);
    if (!said_yes()) {
        pull_explain_missing(name, &problem);
        *error = problem;
        return problem.status;
    }
    pull_result result = {0};
    const pull_options how = {.connections = PULL_CONNECTIONS, .retries = PULL_RETRIES};
    const hearth_status status = pull_with_bar(c, name, &how, &result, error);
    pull_result_free(&result);
    return status;
}
