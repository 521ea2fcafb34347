/* Files of known addresses, one after the other. */
#include "hub/fetch.h"

#include "base/memory.h"
#include "base/text.h"
#include "hub/pull_part.h"

static hearth_status fetch_one(pull_context *c, hub_file *file, const char *lock, hearth_error *error)
{
    char *partial = text_format("%s.hearth-partial", file->target);
    const uint64_t before = c->result->fetched;
    hearth_error problem = {0};
    if (partial == NULL) {
        return error_memory(error, 0);
    }
    const download_source source = {.url = file->url, .identity = file->sha256, .size_known = true, .size = file->size};
    const pull_target target = {file->target, partial, lock, file->sha256, file->name};
    c->refused = 0;
    const hearth_status status = pull_fetch(c, &source, &target, &problem);
    const bool gone = status != HEARTH_OK && (c->refused == 404 || c->refused == 410); /* a place here may be, too */
    if (gone) {
        download_forget(partial);
    }
    mem_free(partial);
    file->state = c->result->fetched > before ? HUB_FILE_FETCHED : HUB_FILE_HERE;
    if (gone) {
        file->state = HUB_FILE_GONE;
        c->before += file->size;
        return HEARTH_OK;
    }
    if (status != HEARTH_OK && error != NULL) {
        *error = problem;
    }
    return status;
}

hearth_status hub_fetch(hub_file *files, size_t count, const char *lock, const pull_options *options,
                        uint64_t *ret_bytes, hearth_error *error)
{
    pull_result result = {0};
    pull_context c = {.options = options, .result = &result};
    const http_settings settings = {.retries = options->retries, .go_on = pull_client_go_on, .go_on_context = &c};
    for (size_t i = 0; i < count; i++) {
        c.total += files[i].size;
    }
    TRY(http_client_create(&settings, &c.client, error));
    hearth_status status = HEARTH_OK;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        status = fetch_one(&c, &files[i], lock, error);
    }
    http_client_free(c.client);
    *ret_bytes = result.fetched;
    pull_result_free(&result);
    return status;
}
