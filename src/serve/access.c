/* Host and Origin. */
#include "serve/access.h"

#include "base/text.h"
#include "serve/server.h"

#include <string.h>
#include <strings.h>

static bool is_listed(const char *const *list, const char *text, size_t length)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if ((strlen(list[i]) == length && strncasecmp(list[i], text, length) == 0) || strcmp(list[i], "*") == 0) {
            return true;
        }
    }
    return false;
}

/* "localhost:8080" without its port; "[::1]:8080" keeps the brackets. */
static size_t name_length(const char *host)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    return end != NULL ? (size_t)(end + 1 - host) : strcspn(host, ":");
}

/* Of a server on loopback: a page of somebody's that had its own name point here is another origin to nobody but us. */
static bool is_own_name(server *s, const char *host)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", NULL};
    const size_t length = name_length(host);
    return !http_server_is_loopback(server_http(s)) || is_listed(own, host, length) ||
           server_lists(s, SERVER_NAMES, host, length);
}

/* A page that came from here: its origin is the host that it asks. */
static bool is_own_origin(const char *origin, const char *host)
{
    const char *name = strstr(origin, "://");
    return name != NULL && host != NULL && strcasecmp(name + 3, host) == 0;
}

static bool is_allowed_origin(server *s, const char *origin)
{
    return server_lists(s, SERVER_ORIGINS, origin, strlen(origin));
}

bool access_check(request *r, failure *f)
{
    const char *host = http_call_header(r->call, "Host");
    const char *origin = http_call_header(r->call, "Origin");
    if (host != NULL && !is_own_name(r->s, host)) {
        return failure_set(f, 403, "host_not_allowed", NULL,
                           "This server is not called \"%.60s\" (hearth serve --name NAME allows a name).", host);
    }
    if (origin != NULL && !is_own_origin(origin, host)) {
        if (!is_allowed_origin(r->s, origin)) {
            return failure_set(f, 403, "origin_not_allowed", NULL,
                               "Pages of \"%.80s\" may not ask this server (hearth serve --allow-origin ORIGIN allows "
                               "them).",
                               origin);
        }
        http_call_set_header(r->call, "Access-Control-Allow-Origin", origin);
        http_call_set_header(r->call, "Vary", "Origin");
    }
    return true;
}

void access_preflight(request *r)
{
    if (http_call_header(r->call, "Origin") != NULL) {
        http_call_set_header(r->call, "Access-Control-Allow-Methods", "GET, POST");
        http_call_set_header(r->call, "Access-Control-Allow-Headers",
                             "authorization, content-type, x-api-key, anthropic-version, anthropic-beta, "
                             "x-stainless-lang, x-stainless-package-version, x-stainless-os, x-stainless-arch, "
                             "x-stainless-runtime, x-stainless-runtime-version, x-stainless-retry-count, "
                             "x-stainless-timeout");
        http_call_set_header(r->call, "Access-Control-Max-Age", "600");
    }
    http_call_answer_static(r->call, 204, "text/plain", "", 0);
}
