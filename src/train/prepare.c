/* Corpus, tokenizer, packing: each made once. */
#include "train/prepare.h"

#include "base/limits.h"
#include "base/memory.h"
#include "corpus/corpus.h"
#include "corpus/learn.h"
#include "model/load_tokenizer.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "train/digest.h"

#include <stdio.h>
#include <string.h>

/* The folder's parts. */
typedef struct places {
    char *corpus, *packed, *held_out;
} places;

static void places_free(places *p)
{
    mem_free(p->corpus);
    mem_free(p->packed);
    mem_free(p->held_out);
}

static hearth_status places_of(const char *folder, prepared *ret, places *p, hearth_error *error)
{
    *p = (places){.corpus = file_join(folder, "corpus"),
                  .packed = file_join(folder, "packed"),
                  .held_out = file_join(folder, "held-out")};
    ret->tokenizer_path = file_join(folder, "tokenizer.json");
    ret->manifest_path = file_join(folder, "corpus/corpus.json");
    return p->corpus == NULL || p->packed == NULL || p->held_out == NULL || ret->tokenizer_path == NULL ||
                   ret->manifest_path == NULL
               ? error_memory(error, strlen(folder))
               : HEARTH_OK;
}

static hearth_status differs(const char *file, const char *place, const char *expected, const char *found,
                             hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%s", found);
    error_in_file(error, file);
    return HEARTH_E_FORMAT;
}

/* ---- tokenizer ---- */

static hearth_status learn(const recipe *r, const char *corpus, const char *path, const prepare_options *o,
                           hearth_error *error)
{
    const corpus_options how = {
        .threads = o->threads, .progress = o->progress, .progress_context = o->progress_context};
    learn_facts facts = {0};
    char *json = NULL;
    size_t length = 0;
    TRY(corpus_learn_tokenizer(corpus, &r->tokenizer, &how, &json, &length, &facts, error));
    const hearth_status status = file_create(path, json, length, error);
    mem_free(json);
    return status;
}

static hearth_status copy_tokenizer(const recipe *r, const char *path, hearth_error *error)
{
    const recipe_tokenizer *t = &r->tokenizer;
    char *from = recipe_place(r, t->path);
    char hash[HASH_HEX_SIZE];
    buffer bytes;
    buffer_init(&bytes, LIMIT_JSON_FILE_BYTES);
    hearth_status status =
        from == NULL ? error_memory(error, 0) : file_read(from, LIMIT_JSON_FILE_BYTES, &bytes, error);
    status = status == HEARTH_OK ? hash_bytes_hex(bytes.data, bytes.length, hash, error) : status;
    if (status == HEARTH_OK && strcmp(hash, t->sha256) != 0) {
        status = differs(from, "SHA-256", t->sha256, hash, error);
    }
    status = status == HEARTH_OK ? file_create(path, bytes.data, bytes.length, error) : status;
    buffer_free(&bytes);
    mem_free(from);
    return status;
}

hearth_status prepare_tokenizer(const recipe *r, const char *corpus, const char *path, const prepare_options *o,
                                hearth_error *error)
{
    return r->tokenizer.kind == TOKENIZER_FILE ? copy_tokenizer(r, path, error) : learn(r, corpus, path, o, error);
}

hearth_status prepare_check_tokenizer(const recipe *r, const char *path, hearth_error *error)
{
    char hash[HASH_HEX_SIZE];
    if (r->tokenizer.kind != TOKENIZER_FILE) {
        return HEARTH_OK;
    }
    TRY(digest_file(path, hash, error));
    return strcmp(hash, r->tokenizer.sha256) == 0 ? HEARTH_OK
                                                  : differs(path, "SHA-256", r->tokenizer.sha256, hash, error);
}

/* The end of a document, and the bytes of each token. */
static hearth_status open_tokenizer(const recipe *r, prepared *p, int32_t *ret_end, hearth_error *error)
{
    TRY(load_tokenizer_json(p->tokenizer_path, &p->tokenizer, error));
    const char *end = r->tokenizer.special[0];
    *ret_end = tokenizer_find(p->tokenizer, end, strlen(end));
    if (*ret_end < 0) {
        return differs(p->tokenizer_path, "the end of a document", end, "no token of that name", error);
    }
    const size_t count = tokenizer_vocabulary_size(p->tokenizer);
    buffer piece;
    buffer_init(&piece, 0);
    p->token_bytes = mem_calloc(count, sizeof *p->token_bytes);
    p->end_text = mem_strdup(end);
    hearth_status status =
        p->token_bytes == NULL || p->end_text == NULL ? error_memory(error, count * sizeof *p->token_bytes) : HEARTH_OK;
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        buffer_clear(&piece);
        status = tokenizer_piece(p->tokenizer, (int32_t)i, DECODE_PLAIN, &piece, error);
        p->token_bytes[i] = (uint32_t)piece.length;
    }
    buffer_free(&piece);
    return status;
}

/* ---- the parts ---- */

static hearth_status make_corpus(const recipe *r, const char *corpus, const prepare_options *o, hearth_error *error)
{
    uint8_t missing = group_rank(o->group) == 0 && !file_exists(corpus);
    TRY(group_broadcast(o->group, &missing, sizeof missing, error));
    if (missing) {
        const corpus_options how = {
            .threads = o->threads, .progress = o->progress, .progress_context = o->progress_context, .group = o->group};
        manifest_totals totals = {0};
        TRY(corpus_build(r, corpus, &how, &totals, error));
    }
    return HEARTH_OK;
}

hearth_status prepare_corpus(const recipe *r, const char *folder, const prepare_options *o, hearth_error *error)
{
    char *corpus = file_join(folder, "corpus");
    const hearth_status status =
        corpus == NULL ? error_memory(error, strlen(folder)) : make_corpus(r, corpus, o, error);
    mem_free(corpus);
    return status;
}

static hearth_status make_packed(const recipe *r, const places *at, const prepared *p, int32_t end,
                                 const prepare_options *o, hearth_error *error)
{
    const bool holds_out = r->held_out > 0.0;
    char hash[HASH_HEX_SIZE];
    if (file_exists(at->packed) && (!holds_out || file_exists(at->held_out))) {
        return HEARTH_OK;
    }
    TRY(digest_file(p->tokenizer_path, hash, error));
    file_remove_folder(at->packed); /* one of two, where the other is missing */
    file_remove_folder(at->held_out);
    const corpus_pack_options how = {
        .tokenizer = p->tokenizer,
        .tokenizer_sha256 = hash,
        .end = end,
        .length = r->train.length,
        .seed = r->seed,
        .out = at->packed,
        .held_out_folder = holds_out ? at->held_out : NULL,
        .run = {.threads = o->threads, .progress = o->progress, .progress_context = o->progress_context}};
    return corpus_pack(at->corpus, &how, error);
}

/* What was packed must be this corpus by this tokenizer. */
static hearth_status check_packed(const packed_corpus *packed, const char *folder, const char *manifest,
                                  const prepared *p, hearth_error *error)
{
    char corpus[65];
    char made_by[65];
    char found[HASH_HEX_SIZE];
    packed_made_from(packed, corpus, made_by);
    if (strcmp(corpus, manifest) != 0) {
        return differs(folder, "corpus", manifest, corpus, error);
    }
    TRY(digest_file(p->tokenizer_path, found, error));
    return strcmp(made_by, found) == 0 ? HEARTH_OK : differs(folder, "tokenizer", made_by, found, error);
}

/* `whole`: every byte is held against its hash; who verifies does that by itself. */
static hearth_status open_packed(const recipe *r, const places *at, prepared *p, int32_t end, bool whole,
                                 hearth_error *error)
{
    corpus_summary summary;
    TRY(corpus_read_summary(at->corpus, &summary, error));
    if (strcmp(summary.recipe_sha256, r->sha256) != 0) {
        return differs(at->corpus, "recipe", r->sha256, summary.recipe_sha256, error);
    }
    TRY(packed_open(at->packed, &p->packed, error));
    TRY(check_packed(p->packed, at->packed, summary.totals.sha256, p, error));
    TRY(whole ? packed_verify(p->packed, error) : HEARTH_OK);
    if (r->held_out > 0.0) {
        TRY(packed_open(at->held_out, &p->held_out, error));
        TRY(check_packed(p->held_out, at->held_out, summary.totals.sha256, p, error));
        TRY(whole ? packed_verify(p->held_out, error) : HEARTH_OK);
    }
    p->data = (train_data){.recipe = r,
                           .packed = p->packed,
                           .held_out = p->held_out,
                           .tokenizer = p->tokenizer_path,
                           .manifest = p->manifest_path,
                           .end_of_document = p->end_text,
                           .end_token = end,
                           .token_bytes = p->token_bytes};
    return HEARTH_OK;
}

static hearth_status tell(const prepare_options *o, const char *part, hearth_error *error)
{
    return o != NULL && o->made != NULL ? o->made(o->made_context, part, error) : HEARTH_OK;
}

/* `o` NULL: nothing is made. */
static hearth_status prepare(const recipe *r, const places *at, const prepare_options *o, prepared *p,
                             hearth_error *error)
{
    int32_t end = -1;
    if (o != NULL) {
        prepare_options alone = *o;
        alone.group = NULL; /* what ranks make together was made before */
        TRY(make_corpus(r, at->corpus, &alone, error));
        TRY(tell(o, "corpus", error));
    }
    if (o != NULL && !file_exists(p->tokenizer_path)) {
        TRY(prepare_tokenizer(r, at->corpus, p->tokenizer_path, o, error));
    }
    TRY(prepare_check_tokenizer(r, p->tokenizer_path, error));
    TRY(tell(o, "tokenizer", error));
    TRY(open_tokenizer(r, p, &end, error));
    if (o != NULL) {
        TRY(make_packed(r, at, p, end, o, error));
    }
    return open_packed(r, at, p, end, o != NULL, error);
}

static hearth_status prepare_in(const recipe *r, const char *folder, const prepare_options *o, prepared *ret,
                                hearth_error *error)
{
    places at = {0};
    *ret = (prepared){0};
    hearth_status status = places_of(folder, ret, &at, error);
    status = status == HEARTH_OK ? prepare(r, &at, o, ret, error) : status;
    places_free(&at);
    if (status != HEARTH_OK) {
        prepare_free(ret);
    }
    return status;
}

hearth_status prepare_run(const recipe *r, const char *folder, const prepare_options *o, prepared *ret,
                          hearth_error *error)
{
    return prepare_in(r, folder, o, ret, error);
}

hearth_status prepare_open(const recipe *r, const char *folder, prepared *ret, hearth_error *error)
{
    return prepare_in(r, folder, NULL, ret, error);
}

void prepare_free(prepared *p)
{
    packed_close(p->packed);
    packed_close(p->held_out);
    tokenizer_free(p->tokenizer);
    mem_free(p->tokenizer_path);
    mem_free(p->manifest_path);
    mem_free(p->end_text);
    mem_free(p->token_bytes);
    *p = (prepared){0};
}
