/* Joining and leaving. */
#include "cli/ranks.h"

#include "cli/signals.h"

#include "platform/cpu.h"

hearth_status ranks_join(cli *c, group **ret, hearth_error *error)
{
    int threads = 1;
    if (!group_launched()) {
        return HEARTH_OK;
    }
    TRY(group_open(signals_terminated, ret, error));
    signals_take_warning();
    c->quiet = c->quiet || group_rank(*ret) != 0;
    TRY(group_threads(*ret, cpu_usable_cores(), &threads, error)); /* also where this rank has --threads */
    c->threads = c->threads > 0 ? c->threads : (size_t)threads;
    return HEARTH_OK;
}

int ranks_fail(const cli *c, group *g, bool together, const hearth_error *error)
{
    if (!together) {
        group_fail(g, error);
    }
    const bool cancelled = error->status == HEARTH_E_CANCELLED;
    if (group_rank(g) != 0) {
        return cancelled ? signals_exit_status() : EXIT_FAILED;
    }
    /* mpirun ends who is left of a group by SIGTERM: that does not say why */
    return g != NULL && !cancelled ? cli_tell(c, error) : cli_fail(c, error);
}
