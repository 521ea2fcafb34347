/* A thread that accepts, tells and closes. */
#include "serve/agent.h"

#include "base/memory.h"
#include "net/http_server.h"
#include "serve/load.h"
#include "serve/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_MS 200

struct agent {
    server *s;
    int listener;
    pthread_t thread;
    atomic_bool ending;
};

/* A server that is half empty says that it is empty: each change of a weight sends some of the prefixes that belong to
 * the server elsewhere, where nobody has computed them. */
static unsigned weight_of(const server_load *l)
{
    const unsigned share = l->slots > 0 ? l->free_slots * 200 / l->slots : 100;
    return share > 100 ? 100 : share > 0 ? share : 1;
}

static void tell(agent *a, int client)
{
    char line[32] = "drain\n";
    server_load l;
    server_load_read(a->s, &l);
    if (!server_is_draining(a->s)) {
        (void)snprintf(line, sizeof line, "up ready %u%%\n", weight_of(&l));
    }
    (void)send(client, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *answer(void *context)
{
    agent *a = context;
    while (!atomic_load(&a->ending)) {
        struct pollfd wait = {.fd = a->listener, .events = POLLIN};
        if (poll(&wait, 1, LOOK_MS) <= 0) {
            continue;
        }
        const int client = accept(a->listener, NULL, NULL);
        if (client >= 0) {
            tell(a, client);
            (void)shutdown(client, SHUT_WR);
            (void)close(client);
        }
    }
    return NULL;
}

hearth_status agent_start(server *s, const char *host, unsigned port, agent **ret, hearth_error *error)
{
    agent *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return error_memory(error, sizeof *a);
    }
    a->s = s;
    a->listener = -1;
    hearth_status status = http_listen(host, port, &a->listener, error);
    if (status == HEARTH_OK && pthread_create(&a->thread, NULL, answer, a) != 0) {
        (void)close(a->listener);
        status = error_set(error, HEARTH_E_IO, "--agent-port", "a thread", "none");
    }
    if (status != HEARTH_OK) {
        mem_free(a);
        return status;
    }
    *ret = a;
    return HEARTH_OK;
}

void agent_end(agent *a)
{
    if (a != NULL) {
        atomic_store(&a->ending, true);
        (void)pthread_join(a->thread, NULL);
        (void)close(a->listener);
        mem_free(a);
    }
}
