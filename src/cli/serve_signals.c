/* One thread takes the signals, all others have them blocked. */
#include "cli/serve_signals.h"
#include "cli/cli.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool serving, stop_asked, reload_asked;

static int status_of(int number)
{
    return number == SIGTERM ? EXIT_TERMINATED : EXIT_INTERRUPTED;
}

static void *take_signals(void *context)
{
    (void)context;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    for (;;) {
        int number = 0;
        if (sigwait(&ours, &number) != 0) {
            continue;
        }
        pthread_mutex_lock(&lock);
        if (number == SIGHUP) {
            reload_asked = true;
        } else if (serving && !stop_asked) {
            stop_asked = true;
        } else {
            _exit(status_of(number));
        }
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

hearth_status serve_signals_start(hearth_error *error)
{
    pthread_t thread;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &ours, NULL) != 0 || pthread_create(&thread, NULL, take_signals, NULL) != 0) {
        return error_set(error, HEARTH_E_IO, "signals", "a thread", "none");
    }
    (void)pthread_detach(thread);
    return HEARTH_OK;
}

void serve_signals_hold(void)
{
    pthread_mutex_lock(&lock);
    serving = true;
    pthread_mutex_unlock(&lock);
}

void serve_signals_wait(void (*reload)(void *context), void *context)
{
    pthread_mutex_lock(&lock);
    while (!stop_asked) {
        if (!reload_asked) {
            pthread_cond_wait(&changed, &lock);
            continue;
        }
        reload_asked = false;
        pthread_mutex_unlock(&lock);
        if (reload != NULL) {
            reload(context);
        }
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
}
