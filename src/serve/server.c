/* The parts of a server, made and ended in order. */
#include "serve/server.h"

#include "base/memory.h"
#include "platform/cpu.h"
#include "net/http_tls.h"
#include "serve/routes.h"

#include <stdatomic.h>

struct server {
    server_options o;
    http_server *http;
    models *models;
    key_ring *keys;
    audit *audit;
    http_tls *tls;
    grammars *grammars;
    double began;
    atomic_bool quiet;
};

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
    s->o.audit.told = s->o.told;
    s->o.audit.told_context = s->o.told_context;
    hearth_status status = grammars_create(&s->grammars, error);
    status = status == HEARTH_OK ? models_create(&s->o.models, &s->models, error) : status;
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

key_ring *server_keys(const server *s)
{
    return s->keys;
}

audit *server_audit(const server *s)
{
    return s->audit;
}

const server_options *server_get_options(const server *s)
{
    return &s->o;
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

void server_quiesce(server *s)
{
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
        keys_close(s->keys);
        audit_close(s->audit);
        http_tls_close(s->tls);
        grammars_free(s->grammars);
        mem_free(s);
    }
}
