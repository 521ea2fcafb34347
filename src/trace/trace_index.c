/* An index's folder: index.json, the tokenizer, the shards. */
#include "trace/trace_state.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_file.h"
#include "model/load_tokenizer.h"
#include "platform/cpu.h"

const char *const trace_unit_names[] = {"tokens", "bytes", NULL};

static hearth_status hash_file(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    file_map map = {0};
    TRY(file_map_open(path, &map, error));
    const hearth_status status = hash_bytes_hex(map.data, map.size, ret, error);
    file_map_close(&map);
    return status;
}

/* ---- index.json ---- */

static hearth_status read_root(trace_index *x, const char *path, hearth_error *error)
{
    TRY(json_file_read(path, LIMIT_CONFIG_FILE_BYTES, &x->root, error));
    TRY(hash_file(path, x->facts.sha256, error));
    const json_t *format = json_object_get(x->root, "format"), *version = json_object_get(x->root, "version");
    if (!json_is_string(format) || strcmp(json_string_value(format), TRACE_FORMAT) != 0) {
        return json_file_error(error, path, "format", "\"" TRACE_FORMAT "\"", format);
    }
    if (json_integer_value(version) != TRACE_VERSION) {
        return json_file_error(error, path, "version", "1", version);
    }
    const json_t *shards = json_object_get(x->root, "shards");
    if (!json_is_array(shards) || json_array_size(shards) > LIMIT_SHARDS) {
        return json_file_error(error, path, "shards", "an array of at most 10000", shards);
    }
    const json_t *corpus = json_object_get(x->root, "corpus");
    x->facts.name = trace_text_of(corpus, "name");
    x->facts.corpus_sha256 = trace_text_of(corpus, "sha256");
    x->facts.tokenizer_sha256 = trace_text_of(json_object_get(x->root, "tokenizer"), "sha256");
    x->facts.shards = json_array_size(shards);
    return HEARTH_OK;
}

static hearth_status open_tokenizer(trace_index *x, hearth_error *error)
{
    char hash[HASH_HEX_SIZE];
    if (*x->facts.tokenizer_sha256 == '\0') {
        return HEARTH_OK;
    }
    char *path = file_join(x->folder, TRACE_TOKENIZER_FILE);
    if (path == NULL) {
        return error_memory(error, strlen(x->folder));
    }
    hearth_status status = hash_file(path, hash, error);
    if (status == HEARTH_OK && strcmp(hash, x->facts.tokenizer_sha256) != 0) {
        status = error_set(error, HEARTH_E_FORMAT, "SHA-256", x->facts.tokenizer_sha256, "%s", hash);
    }
    if (status == HEARTH_OK) {
        status = load_tokenizer_json(path, &x->tokenizer, error);
    }
    error_in_file(error, path);
    mem_free(path);
    return status;
}

/* ---- shards ---- */

static hearth_status open_shard(trace_index *x, size_t i, const char *path, hearth_error *error)
{
    const json_t *row = json_array_get(json_object_get(x->root, "shards"), i);
    trace_shard *s = &x->shards[i];
    if (!json_is_object(row)) {
        return json_file_error(error, path, "shards", "objects", row);
    }
    TRY(trace_shard_open(x->folder, row, i, x->tokenizer != NULL ? tokenizer_vocabulary_size(x->tokenizer) : 0, s,
                         error));
    trace_facts *f = &x->facts;
    s->first = f->documents;
    f->documents += s->documents;
    f->bytes += s->arrays[TRACE_BYTES].count;
    f->tokens += s->arrays[TRACE_TOKENS].count;
    for (int k = 0; k < TRACE_UNITS; k++) {
        const bool has = s->arrays[k].order != NULL && s->arrays[k].order->path != NULL;
        f->has[k] = has && (i == 0 || f->has[k]);
    }
    for (int k = 0; k < TRACE_FILES; k++) {
        f->file_bytes += s->files[k].size;
    }
    return HEARTH_OK;
}

/* A shard that lies in memory is searched in less time than a thread takes to wake up; one on the disk is waited for.
 */
static bool worth_threads(const trace_facts *f)
{
    return f->shards >= TRACE_MANY_SHARDS || (f->shards > 1 && f->file_bytes > memory_available_bytes());
}

static hearth_status open_in(trace_index *x, int threads, hearth_error *error)
{
    char *path = file_join(x->folder, TRACE_INDEX_FILE);
    if (path == NULL) {
        return error_memory(error, strlen(x->folder));
    }
    hearth_status status = read_root(x, path, error);
    status = status == HEARTH_OK ? open_tokenizer(x, error) : status;
    if (status == HEARTH_OK && x->facts.shards > 0) {
        x->shards = mem_calloc(x->facts.shards, sizeof *x->shards);
        status = x->shards != NULL ? HEARTH_OK : error_memory(error, x->facts.shards * sizeof *x->shards);
    }
    for (size_t i = 0; i < x->facts.shards && status == HEARTH_OK; i++) {
        status = open_shard(x, i, path, error);
    }
    mem_free(path);
    if (status == HEARTH_OK && threads > 1 && worth_threads(&x->facts)) {
        const int parts = (size_t)threads < x->facts.shards ? threads : (int)x->facts.shards;
        status = thread_pool_create(parts, &x->pool, error);
    }
    return status;
}

hearth_status trace_index_open(const char *folder, int threads, trace_index **ret, hearth_error *error)
{
    trace_index *x = mem_calloc(1, sizeof *x);
    if (x == NULL) {
        return error_memory(error, sizeof *x);
    }
    (void)pthread_mutex_init(&x->pool_lock, NULL);
    x->folder = mem_strdup(folder);
    const hearth_status status = x->folder != NULL ? open_in(x, threads, error) : error_memory(error, strlen(folder));
    if (status != HEARTH_OK) {
        trace_index_close(x);
        return status;
    }
    *ret = x;
    return HEARTH_OK;
}

void trace_index_close(trace_index *x)
{
    if (x == NULL) {
        return;
    }
    thread_pool_destroy(x->pool);
    for (size_t i = 0; x->shards != NULL && i < x->facts.shards; i++) {
        trace_shard_close(&x->shards[i]);
    }
    mem_free(x->shards);
    tokenizer_free(x->tokenizer);
    json_decref(x->root);
    mem_free(x->folder);
    (void)pthread_mutex_destroy(&x->pool_lock);
    mem_free(x);
}

const trace_facts *trace_index_facts(const trace_index *x)
{
    return &x->facts;
}

const tokenizer *trace_index_tokenizer(const trace_index *x)
{
    return x->tokenizer;
}

hearth_status trace_needs(const trace_index *x, trace_unit unit, hearth_error *error)
{
    if (x->facts.has[unit] || x->facts.shards == 0) {
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_UNSUPPORTED, unit == TRACE_TOKENS ? "search by tokens" : "search by bytes",
                    "an index that was made so", "one by %s alone", trace_unit_names[1 - unit]);
    error_in_file(error, x->folder);
    return HEARTH_E_UNSUPPORTED;
}

/* ---- hashes ---- */

static hearth_status verify_file(const file_map *map, const json_t *row, hearth_error *error)
{
    const char *expected = trace_text_of(row, "sha256");
    char found[HASH_HEX_SIZE];
    TRY(hash_bytes_hex(map->data, map->size, found, error));
    if (strcmp(expected, found) != 0) {
        (void)error_set(error, HEARTH_E_FORMAT, "SHA-256", expected, "%s", found);
        error_in_file(error, map->path);
        return HEARTH_E_FORMAT;
    }
    return HEARTH_OK;
}

hearth_status trace_index_verify(const trace_index *x, hearth_error *error)
{
    for (size_t i = 0; i < x->facts.shards; i++) {
        const json_t *files = json_object_get(json_array_get(json_object_get(x->root, "shards"), i), "files");
        for (int k = 0; k < TRACE_FILES; k++) {
            if (x->shards[i].files[k].path != NULL) {
                TRY(verify_file(&x->shards[i].files[k], json_object_get(files, trace_file_names[k]), error));
            }
        }
    }
    return HEARTH_OK;
}
