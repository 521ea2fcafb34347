/* Signal handlers that only set flags, but for the second SIGINT. */
#include "cli/signals.h"
#include "cli/cli.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t terminated;
static volatile sig_atomic_t resized;
static volatile sig_atomic_t leave_at_once;
static volatile sig_atomic_t patient;

static void on_signal(int number)
{
    if (number == SIGWINCH) {
        resized = 1;
    } else if (leave_at_once) {
        _exit(number == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED);
    } else if (number == SIGTERM) {
        terminated = 1;
    } else {
        if (interrupts >= 1 && !patient) {
            static const char line[] = "\nhearth: interrupted twice, leaving at once\n";
            (void)!write(STDERR_FILENO, line, sizeof line - 1);
            _exit(EXIT_INTERRUPTED);
        }
        interrupts = 1;
    }
}

void signals_start(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART; /* output is never cut short; the prompt waits in poll, which always comes back */
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
    struct sigaction old;
    if (sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler != SIG_IGN) { /* nohup, background jobs of a script */
        sigaction(SIGINT, &action, NULL);
    }
}

bool signals_stop_asked(void)
{
    return interrupts > 0 || terminated > 0;
}

bool signals_terminated(void)
{
    return terminated > 0;
}

void signals_forget(void)
{
    interrupts = 0;
}

void signals_leave_at_once(bool yes)
{
    leave_at_once = yes;
}

void signals_be_patient(bool yes)
{
    patient = yes;
}

bool signals_wait_readable(int descriptor)
{
    /* Blocked while the flags are looked at, let in by ppoll alone: none is lost between the two. */
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGWINCH);
    sigprocmask(SIG_BLOCK, &ours, &before);
    struct pollfd input = {.fd = descriptor, .events = POLLIN};
    const bool ready = !signals_stop_asked() && !resized && ppoll(&input, 1, NULL, &before) > 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ready;
}

bool signals_take_resize(void)
{
    const bool was = resized != 0;
    resized = 0;
    return was;
}
