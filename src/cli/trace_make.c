/* hearth trace index: a corpus or plain texts to an index. */
#include "cli/confine.h"
#include "cli/open.h"
#include "cli/size.h"
#include "cli/trace_command.h"

#include "base/memory.h"
#include "base/text.h"
#include "indexing/indexing.h"
#include "model/load_tokenizer.h"
#include "model/locate.h"
#include "platform/file.h"
#include "platform/topology.h"

#include <stdio.h>
#include <string.h>

#define MEMORY_BYTES 2000000000u

/* The tokenizer.json that --tokenizer names: itself, or that of a model's folder. */
static hearth_status find_tokenizer(const char *name, char **ret, hearth_error *error)
{
    char *path = NULL;
    TRY(model_locate(name, &path, error));
    char *json = file_is_folder(path) ? file_join(path, "tokenizer.json") : mem_strdup(path);
    mem_free(path);
    if (json == NULL) {
        return error_memory(error, strlen(name));
    }
    if (!text_ends(json, ".json")) {
        (void)error_set(error, HEARTH_E_UNSUPPORTED, "--tokenizer", "a tokenizer.json, or a folder with one",
                        "another file");
        error_in_file(error, json);
        mem_free(json);
        return HEARTH_E_UNSUPPORTED;
    }
    *ret = json;
    return HEARTH_OK;
}

/* "corpus/" is "corpus". */
static char *folder_for(const char *corpus)
{
    size_t length = strlen(corpus);
    while (length > 1 && corpus[length - 1] == '/') {
        length--;
    }
    return text_format("%.*s-index", (int)length, corpus);
}

/* A run's folder stands for the corpus in it. */
static hearth_status find_texts(const cli *c, const char *name, char **ret, hearth_error *error)
{
    char *own = file_join(name, "corpus.json");
    char *inner = file_join(name, "corpus");
    char *facts = file_join(name, "corpus/corpus.json");
    const bool good = own != NULL && inner != NULL && facts != NULL;
    const bool within = good && !file_exists(own) && file_exists(facts);
    *ret = good ? mem_strdup(within ? inner : name) : NULL;
    if (within) {
        cli_note(c, "the corpus in it is indexed: %s", inner);
    }
    mem_free(own);
    mem_free(inner);
    mem_free(facts);
    return *ret != NULL ? HEARTH_OK : error_memory(error, strlen(name));
}

static void print_made(const char *folder, const indexing_result *r, const trace_facts *f)
{
    char a[32], b[32], d[32], e[32];
    printf("%s: %s document%s, %s of text, %s tokens, %zu %s, %s on the disk\n", folder,
           terminal_number(f->documents, a), f->documents == 1 ? "" : "s", text_bytes(f->bytes, b),
           terminal_number(f->tokens, d), f->shards, f->shards == 1 ? "shard" : "shards", text_bytes(f->file_bytes, e));
    if (r->held_out > 0) {
        printf("%s %s held out by the corpus and left out\n", terminal_number(r->held_out, a),
               r->held_out == 1 ? "document is" : "documents are");
    }
    if (r->texts.passed_over > 0) {
        printf("%s files were passed over: empty, no UTF-8, or too large\n", terminal_number(r->texts.passed_over, a));
    }
    printf("SHA-256 %s\n", f->sha256);
}

static json_t *made_json(const char *folder, const indexing_result *r, const trace_facts *f)
{
    json_t *made =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "sha256", f->sha256, "documents",
                  (json_int_t)f->documents, "added", (json_int_t)r->documents, "bytes", (json_int_t)f->bytes, "tokens",
                  (json_int_t)f->tokens, "shards", (json_int_t)f->shards, "disk_bytes", (json_int_t)f->file_bytes,
                  "held_out", (json_int_t)r->held_out, "passed_over", (json_int_t)r->texts.passed_over, "parts",
                  (json_int_t)r->parts, "sorting_seconds", r->sorting_seconds);
    return json_door_put(made, "index", json_door_string(folder));
}

static hearth_status tell(const cli *c, const char *folder, const indexing_result *r, int *ret_code,
                          hearth_error *error)
{
    trace_index *x = NULL;
    TRY(trace_index_open(folder, 1, &x, error));
    if (c->json) {
        *ret_code = cli_print_json(c, made_json(folder, r, trace_index_facts(x)));
    } else {
        print_made(folder, r, trace_index_facts(x));
    }
    trace_index_close(x);
    return HEARTH_OK;
}

static hearth_status make(const cli *c, const char *path, const char *folder, indexing_options *o, int *ret_code,
                          hearth_error *error)
{
    terminal_progress bar = {.quiet = c->quiet};
    indexing_result result;
    TRY(confine_to_paths((const char *const[]){path, folder, o->tokenizer_file, NULL},
                         (const char *const[]){folder, NULL}, error));
    o->progress = terminal_progress_step;
    o->progress_context = &bar;
    const hearth_status status = indexing_build(path, folder, o, &result, error);
    terminal_progress_end(&bar);
    return status == HEARTH_OK ? tell(c, folder, &result, ret_code, error) : status;
}

static hearth_status read_options(const cli *c, const trace_settings *s, indexing_options *o, hearth_error *error)
{
    const int by = s->by >= 0 ? s->by : o->tokenizer != NULL ? TRACE_BY_BOTH : TRACE_BY_BYTES;
    o->by[TRACE_TOKENS] = by != TRACE_BY_BYTES;
    o->by[TRACE_BYTES] = by != TRACE_BY_TOKENS;
    o->memory_bytes = MEMORY_BYTES;
    o->licence = s->licence;
    o->held_out = s->held_out;
    o->add = s->add != NULL;
    o->threads = c->threads > 0 ? (int)c->threads : topology_own_threads();
    if (o->by[TRACE_TOKENS] && o->tokenizer == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "--by tokens", "--tokenizer", "none");
    }
    TRY(s->memory != NULL ? size_read("--memory", s->memory, &o->memory_bytes, error) : HEARTH_OK);
    TRY(s->shard != NULL ? size_read("--shard", s->shard, &o->shard_bytes, error) : HEARTH_OK);
    if (o->memory_bytes < 1000000) {
        return error_set(error, HEARTH_E_ARGUMENT, "--memory", "1MB or more", "%s", s->memory);
    }
    return HEARTH_OK;
}

hearth_status trace_verb_index(const cli *c, const trace_settings *s, const char **operands, size_t count,
                               int *ret_code, hearth_error *error)
{
    indexing_options o = {0};
    tokenizer *t = NULL;
    char *json = NULL, *texts = NULL;
    (void)count;
    char *folder = s->add != NULL      ? mem_strdup(s->add)
                   : s->output != NULL ? mem_strdup(s->output)
                                       : folder_for(operands[0]);
    hearth_status status = folder != NULL ? HEARTH_OK : error_memory(error, strlen(operands[0]));
    if (status == HEARTH_OK && s->tokenizer != NULL) {
        status = find_tokenizer(s->tokenizer, &json, error);
        status = status == HEARTH_OK ? load_tokenizer_json(json, &t, error) : status;
    }
    o.tokenizer = t;
    o.tokenizer_file = json;
    status = status == HEARTH_OK ? read_options(c, s, &o, error) : status;
    status = status == HEARTH_OK ? find_texts(c, operands[0], &texts, error) : status;
    status = status == HEARTH_OK ? make(c, texts, folder, &o, ret_code, error) : status;
    tokenizer_free(t);
    mem_free(texts);
    mem_free(json);
    mem_free(folder);
    return status;
}
