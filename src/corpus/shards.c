/* Shards: files of a bounded size. */
#include "corpus/shards.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

hearth_status shards_create(const char *folder, shard_writer *ret, hearth_error *error)
{
    shard_writer w = {.folder = file_join(folder, "documents"), .list = json_array()};
    if (w.folder == NULL || w.list == NULL) {
        shards_drop(&w);
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = file_make_folders(w.folder, error);
    if (status != HEARTH_OK) {
        shards_drop(&w);
        return status;
    }
    *ret = w;
    return HEARTH_OK;
}

static hearth_status begin(shard_writer *w, hearth_error *error)
{
    char *path = text_format("%s/%05zu.jsonl.zst", w->folder, json_array_size(w->list));
    if (path == NULL) {
        return error_memory(error, strlen(w->folder));
    }
    const hearth_status status = zst_create(path, &w->out, error);
    mem_free(path);
    return status;
}

static hearth_status end(shard_writer *w, hearth_error *error)
{
    char sha256[HASH_HEX_SIZE], name[64];
    uint64_t bytes = 0;
    zst_writer *out = w->out;
    w->out = NULL;
    TRY(zst_finish(out, sha256, &bytes, error));
    (void)snprintf(name, sizeof name, "documents/%05zu.jsonl.zst", json_array_size(w->list));
    json_t *row = json_pack("{s:s, s:I, s:I, s:s}", "file", name, "documents", (json_int_t)w->documents, "bytes",
                            (json_int_t)bytes, "sha256", sha256);
    w->bytes = w->documents = 0;
    return row == NULL || json_array_append_new(w->list, row) != 0 ? error_memory(error, sizeof name) : HEARTH_OK;
}

hearth_status shards_add(shard_writer *w, const buffer *line, hearth_error *error)
{
    if (w->out == NULL) {
        TRY(begin(w, error));
    }
    TRY(zst_write(w->out, line->data, line->length, error));
    w->bytes += line->length;
    w->documents++;
    return w->bytes >= SHARD_BYTES ? end(w, error) : HEARTH_OK;
}

hearth_status shards_finish(shard_writer *w, hearth_error *error)
{
    return w->out != NULL ? end(w, error) : HEARTH_OK;
}

void shards_drop(shard_writer *w)
{
    zst_drop(w->out);
    json_decref(w->list);
    mem_free(w->folder);
    memset(w, 0, sizeof *w);
}
