#include "indexing/indexing.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_file.h"
#include "indexing/index_shard.h"
#include "indexing/order.h"
#include "platform/cpu.h"
#include "platform/file.h"
#include "platform/file_lock.h"
#include "threads/pool.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH_DOCUMENTS 512u
#define BATCH_BYTES ((size_t)8 << 20)
#define KEPT_BYTES ((size_t)64 << 10) /* of a slot, from one batch to the next */

/* A document between its source and its shard. */
typedef struct slot {
    indexing_text facts; /* texts of the batch's arena */
    buffer text;
    token_list tokens;
    hearth_status status;
    hearth_error error;
} slot;

typedef struct indexing {
    const indexing_options *o;
    const char *folder; /* where it is made */
    indexing_result *result;
    index_shard shard;
    bool open;      /* the shard */
    size_t number;  /* of the shard that is open, or comes next */
    json_t *shards; /* of index.json */
    slot *batch;    /* [BATCH_DOCUMENTS] */
    arena *texts;   /* of the batch */
    size_t count, bytes;
    uint64_t seen; /* documents */
    thread_pool *pool;
    atomic_bool stop;
} indexing;

static hearth_status tell(indexing *g, const char *what, hearth_error *error)
{
    const indexing_options *o = g->o;
    if (o->progress == NULL || o->progress(o->progress_context, what, g->seen, g->result->texts.total, "documents")) {
        return HEARTH_OK;
    }
    return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped after %llu documents",
                     (unsigned long long)g->seen);
}

/* ---- a shard's end: its suffixes are put in order ---- */

typedef struct sorting {
    indexing *g;
    order_job jobs[TRACE_UNITS];
    size_t count;
    hearth_status status[TRACE_UNITS];
    hearth_error error[TRACE_UNITS];
} sorting;

static bool may_go_on(void *context)
{
    indexing *g = context;
    return !atomic_load(&g->stop);
}

/* The caller's thread: shows that it is alive. */
static bool shows(void *context)
{
    indexing *g = context;
    if (tell(g, "sort", NULL) != HEARTH_OK) {
        atomic_store(&g->stop, true);
    }
    return may_go_on(g);
}

static void sort_part(void *context, int part, int parts)
{
    sorting *s = context;
    for (size_t i = (size_t)part; i < s->count; i += (size_t)parts) {
        s->jobs[i].go_on = part == 0 ? shows : may_go_on;
        s->status[i] = order_build(&s->jobs[i], &s->error[i]);
        if (s->status[i] != HEARTH_OK) {
            atomic_store(&s->g->stop, true);
        }
    }
}

static hearth_status note_order(indexing *g, const order_job *job, hearth_error *error)
{
    const bool tokens = job->unit == TRACE_TOKENS;
    g->result->parts = job->parts > g->result->parts ? job->parts : g->result->parts;
    TRY(index_shard_note(&g->shard, tokens ? TRACE_FILE_TOKENS_ORDER : TRACE_FILE_TEXT_ORDER, job->order_bytes,
                         job->order_sha256, error));
    return index_shard_note(&g->shard, tokens ? TRACE_FILE_TOKENS_KEYS : TRACE_FILE_TEXT_KEYS, job->keys_bytes,
                            job->keys_sha256, error);
}

/* The one that failed by itself; the other one may only have been stopped. */
static hearth_status settle(sorting *s, hearth_error *error)
{
    size_t failed = s->count;
    for (size_t i = 0; i < s->count; i++) {
        if (s->status[i] != HEARTH_OK && (failed == s->count || s->status[failed] == HEARTH_E_CANCELLED)) {
            failed = i;
        }
    }
    if (failed == s->count) {
        return HEARTH_OK;
    }
    if (error != NULL) {
        *error = s->error[failed];
    }
    return s->status[failed];
}

static hearth_status sort_shard(indexing *g, hearth_error *error)
{
    sorting s = {.g = g};
    for (int unit = 0; unit < TRACE_UNITS; unit++) {
        if (g->o->by[unit]) {
            s.jobs[s.count++] = (order_job){.folder = g->folder,
                                            .shard = g->number,
                                            .unit = (trace_unit)unit,
                                            .width = unit == TRACE_TOKENS ? g->shard.token_width : 1,
                                            .documents = g->shard.documents,
                                            .context = g};
        }
    }
    const size_t together = s.count < (size_t)thread_pool_parts(g->pool) ? s.count : (size_t)thread_pool_parts(g->pool);
    for (size_t i = 0; i < s.count; i++) {
        s.jobs[i].memory_bytes = g->o->memory_bytes / together;
    }
    thread_pool_run(g->pool, sort_part, &s);
    TRY(settle(&s, error));
    for (size_t i = 0; i < s.count; i++) {
        TRY(note_order(g, &s.jobs[i], error));
    }
    return HEARTH_OK;
}

static hearth_status end_shard(indexing *g, hearth_error *error)
{
    if (!g->open) {
        return HEARTH_OK;
    }
    TRY(index_shard_finish(&g->shard, error));
    const double began = time_seconds();
    TRY(sort_shard(g, error));
    g->result->sorting_seconds += time_seconds() - began;
    g->shards = json_door_append(g->shards, index_shard_row(&g->shard));
    index_shard_drop(&g->shard);
    g->open = false;
    g->number++;
    return g->shards != NULL ? HEARTH_OK : error_memory(error, 256);
}

/* ---- documents, a batch at a time ---- */

static void tokenize(void *context, int part, int parts)
{
    indexing *g = context;
    for (size_t i = (size_t)part; i < g->count; i += (size_t)parts) {
        slot *s = &g->batch[i];
        s->tokens.count = 0;
        s->status = tokenizer_encode(g->o->tokenizer, buffer_text(&s->text), s->text.length, ENCODE_PLAIN, &s->tokens,
                                     &s->error);
    }
}

static hearth_status put_slot(indexing *g, slot *s, hearth_error *error)
{
    const uint64_t most = g->o->shard_bytes > 0 ? g->o->shard_bytes : INDEXING_SHARD_BYTES;
    const unsigned width = g->o->tokenizer != NULL ? trace_token_width(tokenizer_vocabulary_size(g->o->tokenizer)) : 0;
    if (!g->open && g->number >= LIMIT_SHARDS) {
        return error_set(error, HEARTH_E_LIMIT, "--shard", "at most 10000 shards", "more text");
    }
    if (!g->open) {
        TRY(index_shard_open(g->folder, g->number, width, &g->shard, error));
        g->open = true;
    }
    s->facts.text = buffer_text(&s->text);
    s->facts.length = s->text.length;
    TRY(index_shard_add(&g->shard, &s->facts, width > 0 ? &s->tokens : NULL, error));
    g->result->documents++;
    return g->shard.bytes >= most || g->shard.documents == TRACE_SHARD_DOCUMENTS ? end_shard(g, error) : HEARTH_OK;
}

static hearth_status run_batch(indexing *g, hearth_error *error)
{
    if (g->o->tokenizer != NULL && g->count > 0) {
        thread_pool_run(g->pool, tokenize, g);
    }
    for (size_t i = 0; i < g->count; i++) {
        slot *s = &g->batch[i];
        if (s->status != HEARTH_OK) {
            if (error != NULL) {
                *error = s->error;
            }
            return s->status;
        }
        TRY(put_slot(g, s, error));
        if (s->text.capacity > KEPT_BYTES) { /* memory is sorting's; few documents are as long */
            buffer_free(&s->text);
            token_list_free(&s->tokens);
        }
    }
    g->count = g->bytes = 0;
    arena_reset(g->texts);
    return tell(g, "read", error);
}

static const char *keep(indexing *g, const char *text)
{
    return *text == '\0' ? "" : arena_strndup(g->texts, text, strlen(text));
}

static hearth_status take(void *context, const indexing_text *t, hearth_error *error)
{
    indexing *g = context;
    g->seen++;
    if (t->held_out && !g->o->held_out) {
        g->result->held_out++;
        return HEARTH_OK;
    }
    slot *s = &g->batch[g->count];
    s->facts = (indexing_text){.row = t->row,
                               .id = keep(g, t->id),
                               .source = keep(g, t->source),
                               .place = keep(g, t->place),
                               .licence = keep(g, t->licence),
                               .evidence = keep(g, t->evidence),
                               .language = keep(g, t->language),
                               .held_out = t->held_out};
    const indexing_text *f = &s->facts;
    if (f->id == NULL || f->source == NULL || f->place == NULL || f->licence == NULL || f->evidence == NULL ||
        f->language == NULL) {
        return error_memory(error, 256);
    }
    buffer_clear(&s->text);
    TRY(buffer_append(&s->text, t->text, t->length, error));
    g->count++;
    g->bytes += t->length;
    return g->count == BATCH_DOCUMENTS || g->bytes >= BATCH_BYTES ? run_batch(g, error) : HEARTH_OK;
}

/* ---- index.json ---- */

static json_t *root_json(const indexing *g, const char *tokenizer_sha256)
{
    const indexing_texts *texts = &g->result->texts;
    json_t *corpus = json_door_put(json_object(), "name", json_door_string(texts->name));
    if (texts->corpus_sha256[0] != '\0') {
        corpus = json_door_put(corpus, "sha256", json_string(texts->corpus_sha256));
    }
    json_t *root = json_pack("{s:s, s:i}", "format", TRACE_FORMAT, "version", TRACE_VERSION);
    root = json_door_put(root, "corpus", corpus);
    if (g->o->tokenizer != NULL) {
        root = json_door_put(root, "tokenizer",
                             json_pack("{s:s, s:I}", "sha256", tokenizer_sha256, "vocabulary",
                                       (json_int_t)tokenizer_vocabulary_size(g->o->tokenizer)));
    }
    return json_door_put(root, "shards", json_incref(g->shards));
}

static hearth_status write_root(const indexing *g, json_t *root, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    char *path = file_join(g->folder, TRACE_INDEX_FILE);
    hearth_status status = path != NULL && root != NULL ? HEARTH_OK : error_memory(error, 1024);
    if (status == HEARTH_OK) {
        status = json_door_write(root, 1, &text, error);
    }
    if (status == HEARTH_OK) {
        status = file_replace(path, text.data, text.length, error);
    }
    mem_free(path);
    buffer_free(&text);
    return status;
}

/* ---- the whole ---- */

static hearth_status open_batch(indexing *g, hearth_error *error)
{
    g->shards = g->shards != NULL ? g->shards : json_array();
    g->texts = arena_create(0);
    g->batch = mem_calloc(BATCH_DOCUMENTS, sizeof *g->batch);
    if (g->shards == NULL || g->texts == NULL || g->batch == NULL) {
        return error_memory(error, BATCH_DOCUMENTS * sizeof *g->batch);
    }
    return thread_pool_create(g->o->threads > 0 ? g->o->threads : 1, &g->pool, error);
}

static void close_batch(indexing *g)
{
    for (size_t i = 0; g->batch != NULL && i < BATCH_DOCUMENTS; i++) {
        buffer_free(&g->batch[i].text);
        token_list_free(&g->batch[i].tokens);
    }
    mem_free(g->batch);
    arena_destroy(g->texts);
    thread_pool_destroy(g->pool);
    index_shard_drop(&g->shard);
    json_decref(g->shards);
}

static hearth_status read_all(indexing *g, const char *path, hearth_error *error)
{
    TRY(open_batch(g, error));
    TRY(indexing_texts_each(path, g->o->licence, &g->result->texts, take, g, error));
    TRY(run_batch(g, error));
    if (g->result->documents == 0) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "at least one document",
                        "none (%llu held out, %llu passed over)", (unsigned long long)g->result->held_out,
                        (unsigned long long)g->result->texts.passed_over);
        error_in_file(error, path);
        return HEARTH_E_ARGUMENT;
    }
    return end_shard(g, error);
}

/* tokenizer.json beside index.json. */
static hearth_status copy_tokenizer(const indexing *g, char ret_sha256[HASH_HEX_SIZE], hearth_error *error)
{
    buffer text;
    ret_sha256[0] = '\0';
    if (g->o->tokenizer == NULL) {
        return HEARTH_OK;
    }
    buffer_init(&text, 0);
    char *path = file_join(g->folder, TRACE_TOKENIZER_FILE);
    hearth_status status = path != NULL ? file_read(g->o->tokenizer_file, LIMIT_JSON_FILE_BYTES, &text, error)
                                        : error_memory(error, strlen(g->folder));
    if (status == HEARTH_OK) {
        status = hash_bytes_hex(text.data, text.length, ret_sha256, error);
    }
    if (status == HEARTH_OK) {
        status = file_replace(path, text.data, text.length, error);
    }
    mem_free(path);
    buffer_free(&text);
    return status;
}

static hearth_status build_new_in(indexing *g, const char *path, hearth_error *error)
{
    char sha256[HASH_HEX_SIZE];
    TRY(file_make_folders(g->folder, error));
    TRY(copy_tokenizer(g, sha256, error));
    TRY(read_all(g, path, error));
    json_t *root = root_json(g, sha256);
    const hearth_status status = write_root(g, root, error);
    json_decref(root);
    return status;
}

static hearth_status build_new(indexing *g, const char *path, const char *folder, hearth_error *error)
{
    if (file_exists(folder)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new name", "one that is there");
        error_in_file(error, folder);
        return HEARTH_E_ARGUMENT;
    }
    char *temporary = text_format("%s.tmp-%ld", folder, (long)getpid());
    if (temporary == NULL) {
        return error_memory(error, strlen(folder));
    }
    g->folder = temporary;
    hearth_status status = build_new_in(g, path, error);
    if (status == HEARTH_OK) {
        status = file_move_folder(temporary, folder, error);
    }
    if (status != HEARTH_OK) {
        file_remove_folder(temporary);
    }
    mem_free(temporary);
    return status;
}

/* ---- more shards for an index that is there ---- */

static hearth_status must_agree(const indexing *g, const trace_index *x, hearth_error *error)
{
    const trace_facts *f = trace_index_facts(x);
    char sha256[HASH_HEX_SIZE] = "";
    buffer text;
    buffer_init(&text, 0);
    hearth_status status = HEARTH_OK;
    if (g->o->tokenizer != NULL) {
        status = file_read(g->o->tokenizer_file, LIMIT_JSON_FILE_BYTES, &text, error);
        status = status == HEARTH_OK ? hash_bytes_hex(text.data, text.length, sha256, error) : status;
    }
    buffer_free(&text);
    TRY(status);
    if (strcmp(sha256, f->tokenizer_sha256) != 0) {
        return error_set(error, HEARTH_E_ARGUMENT, "--tokenizer", "the index's own, with the same tokenizer.json",
                         "another one");
    }
    if (f->shards > 0 && (f->has[0] != g->o->by[0] || f->has[1] != g->o->by[1])) {
        return error_set(error, HEARTH_E_ARGUMENT, "--by", "what the index has", "something else");
    }
    return HEARTH_OK;
}

static hearth_status check_old(const indexing *g, hearth_error *error)
{
    trace_index *x = NULL;
    TRY(trace_index_open(g->folder, 1, &x, error));
    const hearth_status status = must_agree(g, x, error);
    trace_index_close(x);
    return status;
}

/* Is this a file of shard `first` or of one behind it: 00012.text, or a part of it that was being sorted? */
static bool is_of_shard(const char *name, size_t first)
{
    const size_t digits = strspn(name, "0123456789");
    return digits >= 5 && digits < 10 && name[digits] == '.' && strtoul(name, NULL, 10) >= first;
}

/* Files of shards from `first` on, which no index.json names. */
static void remove_shards(const indexing *g, size_t first)
{
    file_list list = {0};
    if (file_list_folder(g->folder, &list, NULL) != HEARTH_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        char *path = is_of_shard(list.names[i], first) ? file_join(g->folder, list.names[i]) : NULL;
        if (path != NULL) {
            (void)unlink(path);
        }
        mem_free(path);
    }
    file_list_free(&list);
}

static hearth_status add_to(indexing *g, const char *path, json_t *root, hearth_error *error)
{
    g->shards = json_deep_copy(json_object_get(root, "shards"));
    if (g->shards == NULL) {
        return error_memory(error, 256); /* and not an index of no shards, whose files would be removed */
    }
    const size_t first = g->number = json_array_size(g->shards);
    remove_shards(g, first); /* of an earlier try that was cut off */
    hearth_status status = read_all(g, path, error);
    if (status == HEARTH_OK) {
        status =
            json_object_set(root, "shards", g->shards) == 0 ? write_root(g, root, error) : error_memory(error, 256);
    }
    if (status != HEARTH_OK) {
        index_shard_drop(&g->shard);
        remove_shards(g, first);
    }
    return status;
}

/* Alone in the folder: the next shard's number is this process's, and shards that index.json does not name are
 * leftovers. */
static hearth_status add_alone(indexing *g, const char *path, hearth_error *error)
{
    json_t *root = NULL;
    TRY(check_old(g, error));
    char *name = file_join(g->folder, TRACE_INDEX_FILE);
    hearth_status status = name != NULL ? json_file_read(name, LIMIT_CONFIG_FILE_BYTES, &root, error)
                                        : error_memory(error, strlen(g->folder));
    mem_free(name);
    if (status == HEARTH_OK) {
        status = add_to(g, path, root, error);
    }
    json_decref(root);
    return status;
}

static hearth_status build_added(indexing *g, const char *path, const char *folder, hearth_error *error)
{
    file_lock lock = {-1};
    g->folder = folder;
    char *facts = file_join(folder, TRACE_INDEX_FILE);
    const bool there = facts != NULL && file_exists(facts);
    mem_free(facts);
    TRY(there ? HEARTH_OK : check_old(g, error)); /* for its error: no lock is made where there is no index */
    char *name = file_join(folder, ".lock");
    hearth_status status =
        name != NULL ? file_lock_take(name, FILE_LOCK_ALONE, g->o->progress, g->o->progress_context, &lock, error)
                     : error_memory(error, strlen(folder));
    status = status == HEARTH_OK ? add_alone(g, path, error) : status;
    file_lock_free(&lock);
    mem_free(name);
    return status;
}

hearth_status indexing_build(const char *path, const char *folder, const indexing_options *o, indexing_result *ret,
                             hearth_error *error)
{
    indexing g = {.o = o, .result = ret};
    memset(ret, 0, sizeof *ret);
    TRY(indexing_texts_look(path, &ret->texts, error));
    const hearth_status status = o->add ? build_added(&g, path, folder, error) : build_new(&g, path, folder, error);
    close_batch(&g);
    return status;
}
