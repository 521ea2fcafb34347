/* Loopback, keys, or a word that says that neither is wanted. */
#include "cli/serve_safety.h"

#include "base/memory.h"
#include "net/http_server.h"
#include "serve/keys_file.h"

#include <stdio.h>
#include <time.h>

static hearth_status count_valid(void *context, const key_row *row, hearth_error *error)
{
    (void)error;
    size_t *count = context;
    const int64_t now = (int64_t)time(NULL);
    *count += row->revoked == 0 && (row->expires == 0 || row->expires > now) ? 1 : 0;
    return HEARTH_OK;
}

static hearth_status count_keys(const char *path, size_t *ret, hearth_error *error)
{
    keys_file *f = NULL;
    *ret = 0;
    TRY(keys_file_open(path, &f, error));
    const hearth_status status = keys_file_each(f, count_valid, ret, error);
    keys_file_close(f);
    return status;
}

/* A database that was named may still be empty: nobody is let in before there is a key. */
static hearth_status check_named(const cli *c, const char *path, hearth_error *error)
{
    size_t count = 0;
    TRY(count_keys(path, &count, error));
    if (count == 0) {
        cli_note(c, "no key in %s lets anybody in yet; hearth keys add NAME --keys %s makes one", path, path);
    }
    return HEARTH_OK;
}

static hearth_status check_default(const serve_safety *s, char **ret, hearth_error *error)
{
    size_t count = 0;
    TRY(keys_file_default(ret, error));
    TRY(count_keys(*ret, &count, error));
    return count > 0
               ? HEARTH_OK
               : error_set(error, HEARTH_E_ARGUMENT, "--host",
                           "127.0.0.1, or a key (hearth keys add NAME), or --insecure-no-key for nobody to be asked",
                           "\"%.60s\", which others reach, and no key", s->host);
}

hearth_status serve_safety_check(const cli *c, const serve_safety *s, char **ret, hearth_error *error)
{
    bool loopback = false;
    *ret = NULL;
    TRY(http_host_is_loopback(s->host, &loopback, error));
    if (s->keys != NULL && s->insecure_no_key) {
        return error_set(error, HEARTH_E_ARGUMENT, "--insecure-no-key", "it alone, or --keys alone", "both");
    }
    hearth_status status = HEARTH_OK;
    if (s->keys != NULL) {
        *ret = mem_strdup(s->keys);
        status = *ret != NULL ? check_named(c, *ret, error) : error_memory(error, 0);
    } else if (!loopback && !s->insecure_no_key) {
        status = check_default(s, ret, error);
    }
    if (status != HEARTH_OK) {
        mem_free(*ret);
        *ret = NULL;
    }
    return status;
}
