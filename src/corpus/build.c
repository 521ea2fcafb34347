/* Building a corpus: documents in batches through the rules, in an order that threads do not change. */
#include "corpus/corpus.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/build_part.h"
#include "database/sql.h"
#include "platform/file.h"
#include "platform/file_stream.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_DOCUMENTS 512u
#define BATCH_BYTES ((uint64_t)16 << 20)
#define BATCH_RANKS 16                  /* a batch is so many times as large at most, where ranks share it */
#define KEPT_CAPACITY ((size_t)1 << 20) /* a slot's memory that grew larger is given back */

/* Before the rules: the id; with `stage` == count, after them: what is kept must be UTF-8 and not empty. */
static hearth_status last_stage(document *d, hearth_error *error)
{
    if (d->fate == NULL) {
        TRY(document_want_utf8(d, error));
    }
    if (d->fate != NULL) {
        return HEARTH_OK;
    }
    if (d->text.length == 0) {
        return document_drop(d, FATE_EMPTY, -1, error, "no text");
    }
    return hash_bytes_hex(d->text.data, d->text.length, d->kept, error);
}

static void run_stage(void *context, int part, int parts)
{
    build *b = context;
    for (size_t i = b->own.begin + (size_t)part; i < b->own.end; i += (size_t)parts) {
        document *d = &b->batch[i];
        if (d->status != HEARTH_OK) {
            continue;
        }
        if (b->stage == 0 && d->id[0] == '\0') {
            d->status = document_seal(d, &d->error);
        }
        if (d->status == HEARTH_OK) {
            d->status = b->stage < b->rules.count ? rule_apply(&b->rules.items[b->stage], d, part, &d->error)
                                                  : last_stage(d, &d->error);
        }
    }
}

/* A share of the documents that are held out, by the first 64 bits of their ids, so that duplicates stay together; of
 * those in groups, of the hash of their group's name. */
static hearth_status hold_out(document *d, double share, hearth_error *error)
{
    uint8_t id[32];
    uint64_t first = 0;
    char name[HASH_HEX_SIZE];
    if (d->fate != NULL) {
        return HEARTH_OK;
    }
    TRY(d->group.length > 0 ? hash_bytes_hex(d->group.data, d->group.length, name, error) : HEARTH_OK);
    document_hash_bytes(d->group.length > 0 ? name : d->id, id);
    for (size_t i = 0; i < 8; i++) {
        first = first << 8 | id[i];
    }
    d->held_out = (double)(first >> 11) * 0x1p-53 < share;
    return HEARTH_OK;
}

static hearth_status finish_batch(build *b, hearth_error *error)
{
    for (size_t i = 0; i < b->count; i++) {
        document *d = &b->batch[i];
        TRY(hold_out(d, b->r->held_out, error));
        TRY(manifest_add(b->manifest, d, error));
        document_clear(d);
        if (d->text.capacity > KEPT_CAPACITY) {
            document_free(d);
            document_init(d);
        }
    }
    b->count = 0;
    b->batch_bytes = 0;
    return HEARTH_OK;
}

static hearth_status go_on(void *context, hearth_error *error)
{
    const build *b = context;
    const corpus_options *o = b->options;
    return o->progress == NULL || o->progress(o->progress_context, "build", b->documents, 0, "documents")
               ? HEARTH_OK
               : error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped after %llu documents",
                           (unsigned long long)b->documents);
}

hearth_status build_run_stage(build *b, size_t stage, hearth_error *error)
{
    b->stage = stage;
    TRY(go_on(b, error));
    thread_pool_run(b->pool, run_stage, b);
    for (size_t i = b->own.begin; i < b->own.end; i++) {
        const document *d = &b->batch[i];
        if (d->status != HEARTH_OK) {
            if (error != NULL) {
                *error = d->error;
            }
            return d->status;
        }
    }
    return HEARTH_OK;
}

hearth_status build_decide(build *b, size_t stage, hearth_error *error)
{
    for (size_t i = 0; i < b->count && stage < b->rules.count; i++) {
        TRY(rule_decide(&b->rules.items[stage], &b->batch[i], error));
    }
    return HEARTH_OK;
}

static hearth_status run_batch(build *b, hearth_error *error)
{
    if (group_count(b->options->group) > 1) {
        TRY(build_ranks_batch(b, error));
        return finish_batch(b, error);
    }
    b->own = (thread_range){0, b->count};
    for (size_t stage = 0; stage <= b->rules.count; stage++) {
        TRY(build_run_stage(b, stage, error));
        TRY(build_decide(b, stage, error));
    }
    return finish_batch(b, error);
}

static hearth_status take(void *context, document *d, hearth_error *error)
{
    build *b = context;
    TRY(go_on(b, error));
    d->row = ++b->documents;
    b->bytes += d->bytes;
    b->batch_bytes += d->text.length;
    document_swap(&b->batch[b->count++], d);
    const bool more = b->count < b->room && b->batch_bytes < b->room / BATCH_DOCUMENTS * BATCH_BYTES;
    return more ? HEARTH_OK : run_batch(b, error);
}

static hearth_status prepare(build *b, const char *folder, hearth_error *error)
{
    const int threads = b->options->threads > 0 ? b->options->threads : 1;
    TRY(rules_open(b->r, folder, threads, &b->rules, error));
    TRY(thread_pool_create(threads, &b->pool, error));
    const int ranks = group_count(b->options->group);
    b->room = (size_t)(ranks < BATCH_RANKS ? ranks : BATCH_RANKS) * BATCH_DOCUMENTS;
    b->batch = mem_calloc(b->room, sizeof *b->batch);
    if (b->batch == NULL) {
        return error_memory(error, b->room * sizeof *b->batch);
    }
    for (size_t i = 0; i < b->room; i++) {
        document_init(&b->batch[i]);
    }
    return HEARTH_OK;
}

static hearth_status work(build *b, const char *folder, manifest_totals *ret, hearth_error *error)
{
    const document_sink sink = {.put = take, .context = b, .go_on = go_on};
    TRY(prepare(b, folder, error));
    if (group_rank(b->options->group) != 0) {
        return build_ranks_serve(b, error);
    }
    TRY(manifest_create(folder, b->r, &b->manifest, error));
    for (uint32_t i = 0; i < b->r->source_count; i++) {
        source_report report;
        TRY(source_read(b->r, i, &sink, &report, error));
        TRY(manifest_add_source(b->manifest, i, &report, error));
    }
    TRY(run_batch(b, error));
    TRY(build_ranks_end(b, error));
    return manifest_finish(b->manifest, &b->rules, ret, error);
}

static void release(build *b)
{
    rules_close(&b->rules);
    manifest_drop(b->manifest);
    thread_pool_destroy(b->pool);
    for (size_t i = 0; b->batch != NULL && i < b->room; i++) {
        document_free(&b->batch[i]);
    }
    mem_free(b->batch);
}

/* What a build that failed left. */
static void remove_all(const char *folder)
{
    char *documents = file_join(folder, "documents");
    if (documents != NULL) {
        file_remove_folder(documents);
    }
    mem_free(documents);
    file_remove_folder(folder);
}

static hearth_status build_in(const recipe *r, const char *temporary, const char *folder, const corpus_options *options,
                              manifest_totals *ret, hearth_error *error)
{
    build b = {.r = r, .options = options};
    remove_all(temporary); /* of a process of this number that was killed */
    TRY(file_make_folders(temporary, error));
    hearth_status status = sql_use_folder(temporary, error);
    if (status == HEARTH_OK) {
        status = work(&b, temporary, ret, error);
    }
    release(&b);
    (void)sql_use_folder(NULL, NULL);
    const bool makes = group_rank(options->group) == 0;
    if (status == HEARTH_OK && makes) {
        status = file_move_folder(temporary, folder, error);
    }
    if (status != HEARTH_OK || !makes) {
        remove_all(temporary);
    }
    return status;
}

/* ---- where it goes ---- */

/* The folder above `path` that is there already, as it is called without links. */
static hearth_status folder_above(const char *path, char ret[PATH_MAX], hearth_error *error)
{
    char *above = mem_strdup(path);
    if (above == NULL) {
        return error_memory(error, strlen(path));
    }
    const char *found = NULL;
    while (found == NULL) {
        char *slash = strrchr(above, '/');
        if (slash == NULL || slash == above) {
            found = realpath(slash == NULL ? "." : "/", ret);
            break;
        }
        *slash = '\0';
        found = realpath(above, ret);
    }
    const int reason = errno;
    mem_free(above);
    return found != NULL ? HEARTH_OK : error_errno(error, path, "find the place of", reason);
}

static bool is_within(const char *path, const char *folder)
{
    const size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (length == 1 || path[length] == '/' || path[length] == '\0');
}

hearth_status corpus_check_place(const recipe *r, const char *output, hearth_error *error)
{
    char above[PATH_MAX], source[PATH_MAX];
    TRY(folder_above(output, above, error));
    for (size_t i = 0; i < r->source_count; i++) {
        const recipe_source *s = &r->sources[i];
        if (s->path == NULL) {
            continue;
        }
        char *path = recipe_place(r, s->path);
        if (path == NULL) {
            return error_memory(error, strlen(s->path));
        }
        const bool inside = file_is_folder(path) && realpath(path, source) != NULL && is_within(above, source);
        mem_free(path);
        if (inside) {
            (void)error_set(error, HEARTH_E_ARGUMENT, s->name, "an output outside of the source's folder",
                            "one below %s", source);
            error_in_file(error, output);
            return HEARTH_E_ARGUMENT;
        }
    }
    return HEARTH_OK;
}

hearth_status corpus_build(const recipe *r, const char *folder, const corpus_options *options, manifest_totals *ret,
                           hearth_error *error)
{
    const int rank = group_rank(options->group);
    if (rank == 0 && file_exists(folder)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new folder", "one that is there");
        error_in_file(error, folder);
        return HEARTH_E_ARGUMENT;
    }
    TRY(corpus_check_place(r, folder, error));
    char *temporary = rank == 0 ? text_format("%s.tmp-%ld", folder, (long)getpid())
                                : text_format("%s.tmp-%ld-%d", folder, (long)getpid(), rank);
    if (temporary == NULL) {
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = build_in(r, temporary, folder, options, ret, error);
    mem_free(temporary);
    return status;
}
