/* The parts of a server, made and ended in order. */
#include "serve/server.h"

#include "base/limits.h"
#include "base/memory.h"
#include "platform/cpu.h"
#include "net/http_tls.h"
#include "serve/routes.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

struct server {
    server_options o;
    http_server *http;
    models *models;
    recording *recording;
    key_ring *keys;
    audit *audit;
    http_tls *tls;
    grammars *grammars;
    tracing *tracing;
    double began;
    atomic_bool quiet, draining;
    pthread_mutex_t lists_lock;
    char **lists[2]; /* each ended by NULL */
};

/* ---- what may change ---- */

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        mem_free(list[i]);
    }
    mem_free(list);
}

static char **copy_list(const char *const *list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL) {
        count++;
    }
    char **copy = mem_calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = mem_strdup(list[i]);
        if (copy[i] == NULL) {
            free_list(copy);
            return NULL;
        }
    }
    return copy;
}

static hearth_status set_lists(server *s, const char *const *names, const char *const *origins, hearth_error *error)
{
    char **lists[2] = {copy_list(names), copy_list(origins)};
    const bool made = lists[0] != NULL && lists[1] != NULL;
    pthread_mutex_lock(&s->lists_lock);
    for (size_t i = 0; made && i < 2; i++) {
        char **old = s->lists[i];
        s->lists[i] = lists[i];
        lists[i] = old;
    }
    pthread_mutex_unlock(&s->lists_lock);
    free_list(lists[0]);
    free_list(lists[1]);
    return made ? HEARTH_OK : error_memory(error, sizeof(char *));
}

bool server_lists(server *s, server_list which, const char *text, size_t length)
{
    bool found = false;
    pthread_mutex_lock(&s->lists_lock);
    char *const *list = s->lists[which];
    for (size_t i = 0; !found && list != NULL && list[i] != NULL; i++) {
        found = strcmp(list[i], "*") == 0 || (strlen(list[i]) == length && strncasecmp(list[i], text, length) == 0);
    }
    pthread_mutex_unlock(&s->lists_lock);
    return found;
}

hearth_status server_start(const server_options *options, server **ret, hearth_error *error)
{
    server *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    s->o = *options;
    s->began = time_seconds();
    s->o.http.admit = routes_admit;
    s->o.http.handle = routes_handle;
    s->o.http.refuse = routes_refuse;
    s->o.http.context = s;
    pthread_mutex_init(&s->lists_lock, NULL);
    s->o.audit.told = s->o.told;
    s->o.audit.told_context = s->o.told_context;
    hearth_status status = set_lists(s, options->names, options->origins, error);
    status = status == HEARTH_OK ? grammars_create(LIMIT_GRAMMARS_KEPT_BYTES, &s->grammars, error) : status;
    status = status == HEARTH_OK ? models_create(&s->o.models, &s->models, error) : status;
    status = status == HEARTH_OK ? tracing_open(s->o.traces, &s->tracing, error) : status;
    if (status == HEARTH_OK && s->o.record != NULL) {
        status = recording_open(s->o.record, s->o.record_bytes, &s->o.models, s->o.told, s->o.told_context,
                                &s->recording, error);
    }
    if (status == HEARTH_OK && s->o.keys != NULL) {
        status = keys_open(s->o.keys, s->o.told, s->o.told_context, &s->keys, error);
    }
    if (status == HEARTH_OK && s->o.audit.path != NULL) {
        status = audit_open(&s->o.audit, &s->audit, error);
    }
    if (status == HEARTH_OK && s->o.tls_certificate != NULL) {
        status = http_tls_open(s->o.tls_certificate, s->o.tls_key, s->o.told, s->o.told_context, &s->tls, error);
        s->o.http.tls = s->tls;
    }
    status = status == HEARTH_OK ? http_server_start(&s->o.http, &s->http, error) : status;
    if (status != HEARTH_OK) {
        server_free(s);
        return status;
    }
    *ret = s;
    return HEARTH_OK;
}

http_server *server_http(const server *s)
{
    return s->http;
}

grammars *server_grammars(const server *s)
{
    return s->grammars;
}

models *server_models(const server *s)
{
    return s->models;
}

recording *server_recording(const server *s)
{
    return s->recording;
}

key_ring *server_keys(const server *s)
{
    return s->keys;
}

audit *server_audit(const server *s)
{
    return s->audit;
}

bool server_pulls(const server *s)
{
    return !s->o.no_pull;
}

const tracing *server_tracing(const server *s)
{
    return s->tracing;
}

answer_limits server_answers(const server *s)
{
    return s->o.answers;
}

double server_began(const server *s)
{
    return s->began;
}

static void tell_failure(const server *s, hearth_status status, const hearth_error *error)
{
    char line[1024];
    if (status != HEARTH_OK && s->o.told != NULL) {
        s->o.told(s->o.told_context, hearth_error_line(error, line, sizeof line));
    }
}

void server_reload(server *s)
{
    hearth_error error = {0};
    if (s->keys != NULL) {
        tell_failure(s, keys_reload(s->keys, &error), &error);
    }
    if (s->audit != NULL) {
        tell_failure(s, audit_reopen(s->audit, &error), &error);
    }
    if (s->tls != NULL) {
        tell_failure(s, http_tls_reload(s->tls, &error), &error);
    }
}

hearth_status server_change(server *s, const char *const *served, const char *const *names, const char *const *origins,
                            hearth_error *error)
{
    TRY(set_lists(s, names, origins, error));
    return models_change(s->models, served, error);
}

void server_drain(server *s)
{
    atomic_store(&s->draining, true);
}

bool server_is_draining(const server *s)
{
    return atomic_load(&s->draining);
}

void server_quiesce(server *s)
{
    server_drain(s);
    atomic_store(&s->quiet, true);
    http_server_quiesce(s->http);
}

bool server_is_quiet(const server *s)
{
    return atomic_load(&s->quiet);
}

void server_free(server *s)
{
    if (s != NULL) {
        http_server_free(s->http); /* every call has its answer: nothing is generated any more */
        models_free(s->models);
        tracing_close(s->tracing);
        recording_close(s->recording);
        keys_close(s->keys);
        audit_close(s->audit);
        http_tls_close(s->tls);
        grammars_free(s->grammars);
        free_list(s->lists[0]);
        free_list(s->lists[1]);
        pthread_mutex_destroy(&s->lists_lock);
        mem_free(s);
    }
}
