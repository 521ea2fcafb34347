/* Signal handlers that only set flags, but where the process ends or stops in them: then the terminal is given back. */
#include "cli/signals.h"
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t ended_by; /* SIGTERM or SIGHUP; 0 before */
static volatile sig_atomic_t redraw;   /* a signals_redraw */
static volatile sig_atomic_t leave_at_once;
static volatile sig_atomic_t patient;
static volatile sig_atomic_t keeps_terminal;
static volatile sig_atomic_t marks_paste;
static struct termios found; /* the terminal's modes, where keeps_terminal */

static int exit_status_of(int number)
{
    return number == SIGTERM ? EXIT_TERMINATED : (number == SIGHUP ? EXIT_HUNG_UP : EXIT_INTERRUPTED);
}

/* tcsetattr may be called in a handler (signal-safety(7)). */
static void give_terminal_back(void)
{
    if (keeps_terminal) {
        static const char off[] = SIGNALS_PASTE_OFF;
        if (marks_paste) {
            (void)!write(STDERR_FILENO, off, sizeof off - 1);
        }
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &found);
    }
}

static void on_interrupt(void)
{
    if (interrupts >= 1 && !patient) {
        static const char line[] = "\nhearth: interrupted twice, leaving at once\n";
        give_terminal_back();
        (void)!write(STDERR_FILENO, line, sizeof line - 1);
        _exit(EXIT_INTERRUPTED);
    }
    interrupts = 1;
}

static void on_signal(int number)
{
    if (number == SIGWINCH) {
        redraw = redraw == REDRAW_CONTINUED ? redraw : REDRAW_RESIZED;
    } else if (leave_at_once && number != SIGUSR1) {
        _exit(exit_status_of(number));
    } else if (number == SIGUSR1) {
        interrupts = 1;
    } else if (number == SIGINT) {
        on_interrupt();
    } else {
        ended_by = number;
    }
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART; /* output is never cut short; the prompt waits in poll, which always comes back */
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static bool is_ignored(int number)
{
    struct sigaction old;
    return sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
}

/* SIGTSTP and SIGQUIT do what they do without a handler, but with the terminal as it was found. */
static void on_stop_or_quit(int number)
{
    const int saved_errno = errno;
    struct termios ours;
    const bool known = tcgetattr(STDIN_FILENO, &ours) == 0;
    give_terminal_back();
    sigset_t this_one, before;
    sigemptyset(&this_one);
    sigaddset(&this_one, number);
    install(number, SIG_DFL);
    (void)raise(number);
    pthread_sigmask(SIG_UNBLOCK, &this_one, &before); /* here it stops or ends */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    install(number, on_stop_or_quit);
    if (known) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &ours);
    }
    redraw = REDRAW_CONTINUED;
    errno = saved_errno;
}

void signals_start(void)
{
    install(SIGTERM, on_signal);
    install(SIGWINCH, on_signal);
    static const int polite[] = {SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof polite / sizeof *polite; i++) {
        if (!is_ignored(polite[i])) { /* nohup, background jobs of a script */
            install(polite[i], on_signal);
        }
    }
}

void signals_take_warning(void)
{
    install(SIGUSR1, on_signal);
}

bool signals_stop_asked(void)
{
    return interrupts > 0 || ended_by > 0;
}

bool signals_terminated(void)
{
    return ended_by > 0;
}

int signals_exit_status(void)
{
    return exit_status_of(ended_by > 0 ? ended_by : SIGINT);
}

void signals_forget(void)
{
    interrupts = 0;
}

bool signals_leave_at_once(bool yes)
{
    const bool was = leave_at_once != 0;
    leave_at_once = yes;
    if (yes && signals_stop_asked()) { /* it came while it was only noted */
        _exit(signals_exit_status());
    }
    return was;
}

void signals_be_patient(bool yes)
{
    patient = yes;
}

void signals_mark_paste(bool yes)
{
    marks_paste = yes;
}

void signals_keep_terminal(bool yes)
{
    static const int theirs[] = {SIGTSTP, SIGQUIT};
    if (yes && tcgetattr(STDIN_FILENO, &found) != 0) {
        return;
    }
    if (!yes) {
        give_terminal_back();
    }
    keeps_terminal = yes;
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        if (!is_ignored(theirs[i])) {
            install(theirs[i], yes ? on_stop_or_quit : SIG_DFL);
        }
    }
}

bool signals_wait_readable(int descriptor)
{
    /* Blocked while the flags are looked at, let in by ppoll alone: none is lost between the two. */
    static const int seen[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP};
    sigset_t ours, before;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        sigaddset(&ours, seen[i]);
    }
    pthread_sigmask(SIG_BLOCK, &ours, &before);
    struct pollfd input = {.fd = descriptor, .events = POLLIN};
    const bool ready = !signals_stop_asked() && redraw == REDRAW_NONE && ppoll(&input, 1, NULL, &before) > 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ready;
}

signals_redraw signals_take_redraw(void)
{
    const signals_redraw was = (signals_redraw)redraw;
    redraw = REDRAW_NONE;
    return was;
}
