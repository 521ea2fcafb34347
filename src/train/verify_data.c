/* Corpus, tokenizer and packed tokens, made again from what they were made of. */
#include "train/verify_part.h"

#include "base/memory.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/difference.h"
#include "corpus/prove.h"
#include "corpus/source.h"
#include "corpus/stream.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "train/digest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the lines of a file that is packed. */
static hearth_status hash_lines(const char *path, char ret[HASH_HEX_SIZE], hearth_error *error)
{
    byte_stream *s = NULL;
    hash_state *h = hash_create();
    uint8_t digest[32];
    hearth_status status = h == NULL ? error_memory(error, 0) : byte_stream_open(path, &s, error);
    size_t length = status == HEARTH_OK ? 1 : 0;
    while (length > 0) {
        const char *bytes = NULL;
        length = 0;
        status = byte_stream_read(s, &bytes, &length, error);
        if (status != HEARTH_OK) {
            break;
        }
        hash_update(h, bytes, length);
    }
    byte_stream_close(s);
    if (h != NULL) {
        hash_finish(h, digest);
        hash_hex(digest, ret);
    }
    return status;
}

/* The manifest's lines are those whose hash corpus.json tells. */
static hearth_status check_manifest(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    corpus_summary summary;
    char hash[HASH_HEX_SIZE] = "";
    char *corpus = verify_path(v, "corpus");
    char *path = verify_path(v, "corpus/manifest.jsonl.zst");
    hearth_status status = corpus == NULL || path == NULL ? error_memory(&found, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? corpus_read_summary(corpus, &summary, &found) : status;
    status = status == HEARTH_OK ? hash_lines(path, hash, &found) : status;
    if (status == HEARTH_OK) {
        status = verify_equal(path, "SHA-256 of its lines", summary.totals.sha256, hash, &found);
    }
    mem_free(corpus);
    mem_free(path);
    return verify_note(v, "manifest", status, &found, hash, error);
}

typedef struct shard_check {
    file_list there;
    bool *listed; /* [there.count] */
    size_t count;
} shard_check;

static hearth_status check_shard(void *context, const char *path, const char *name, const char *sha256,
                                 hearth_error *error)
{
    shard_check *c = context;
    char hash[HASH_HEX_SIZE] = "";
    TRY(hash_lines(path, hash, error));
    TRY(verify_equal(path, "SHA-256 of its lines", sha256, hash, error));
    for (size_t i = 0; i < c->there.count; i++) {
        c->listed[i] = c->listed[i] || strcmp(c->there.names[i], name) == 0;
    }
    c->count++;
    return HEARTH_OK;
}

static hearth_status check_shards_in(const char *corpus, const char *documents, shard_check *c, hearth_error *error)
{
    TRY(file_list_folder(documents, &c->there, error));
    c->listed = mem_calloc(c->there.count + 1, sizeof *c->listed);
    if (c->listed == NULL) {
        return error_memory(error, c->there.count);
    }
    TRY(corpus_each_shard(corpus, check_shard, c, error));
    for (size_t i = 0; i < c->there.count; i++) {
        if (!c->listed[i]) {
            return verify_unknown(documents, c->there.names[i], "the shards that corpus.json lists, and no others",
                                  error);
        }
    }
    return HEARTH_OK;
}

/* The shards are those that corpus.json lists, and their lines those whose hashes it tells. */
static hearth_status check_shards(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    shard_check c = {0};
    char detail[64];
    char *corpus = verify_path(v, "corpus");
    char *documents = verify_path(v, "corpus/documents");
    const hearth_status status =
        corpus == NULL || documents == NULL ? error_memory(&found, 0) : check_shards_in(corpus, documents, &c, &found);
    (void)snprintf(detail, sizeof detail, "%zu shards", c.count);
    file_list_free(&c.there);
    mem_free(c.listed);
    mem_free(corpus);
    mem_free(documents);
    return verify_note(v, "documents", status, &found, detail, error);
}

static hearth_status check_packed(verifying *v, const char *what, const packed_corpus *p, const char *key,
                                  hearth_error *error)
{
    hearth_error found = {0};
    char detail[128];
    hearth_status status = packed_verify(p, &found);
    if (status == HEARTH_OK) {
        status = verify_equal(what, "SHA-256", chain_text(&v->log.records[0], key), packed_hash(p), &found);
    }
    (void)snprintf(detail, sizeof detail, "%llu sequences", (unsigned long long)packed_sequences(p));
    return verify_note(v, what, status, &found, detail, error);
}

/* The tokenizer that this corpus gives. */
static hearth_status learn_again(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    char hash[HASH_HEX_SIZE] = "";
    const prepare_options how = {
        .threads = v->engine->threads, .progress = v->o->progress, .progress_context = v->o->progress_context};
    char *corpus = verify_path(v, "corpus");
    char *path = file_join(v->scratch, "tokenizer.json");
    hearth_status status = corpus == NULL || path == NULL ? error_memory(&found, 0) : HEARTH_OK;
    status = status == HEARTH_OK ? prepare_tokenizer(v->recipe, corpus, path, &how, &found) : status;
    status = status == HEARTH_OK ? digest_file(path, hash, &found) : status;
    if (status == HEARTH_OK) {
        status = verify_equal("tokenizer.json", "SHA-256", hash, chain_text(&v->log.records[0], "tokenizer"), &found);
    }
    if (path != NULL) {
        (void)unlink(path);
    }
    mem_free(corpus);
    mem_free(path);
    return verify_note(v, "tokenizer, learned again", status, &found, hash, error);
}

static hearth_status compare_again(const char *folder, const packed_corpus *there, hearth_error *error)
{
    packed_corpus *again = NULL;
    TRY(packed_open(folder, &again, error));
    const hearth_status status = verify_equal("packed", "SHA-256", packed_hash(again), packed_hash(there), error);
    packed_close(again);
    return status;
}

/* The tokens that this corpus and this tokenizer give. */
static hearth_status pack_into(verifying *v, const char *out, const char *held_out, hearth_error *error)
{
    char hash[HASH_HEX_SIZE];
    TRY(digest_file(v->ready.tokenizer_path, hash, error));
    char *corpus = verify_path(v, "corpus");
    const corpus_pack_options how = {
        .tokenizer = v->ready.tokenizer,
        .tokenizer_sha256 = hash,
        .end = v->ready.data.end_token,
        .length = v->recipe->train.length,
        .seed = v->recipe->seed,
        .out = out,
        .held_out_folder = v->ready.held_out != NULL ? held_out : NULL,
        .run = {.threads = v->engine->threads, .progress = v->o->progress, .progress_context = v->o->progress_context}};
    hearth_status status = corpus == NULL ? error_memory(error, 0) : corpus_pack(corpus, &how, error);
    mem_free(corpus);
    status = status == HEARTH_OK ? compare_again(out, v->ready.packed, error) : status;
    if (status == HEARTH_OK && v->ready.held_out != NULL) {
        status = compare_again(held_out, v->ready.held_out, error);
    }
    return status;
}

static hearth_status pack_again(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    char *out = file_join(v->scratch, "packed");
    char *held_out = file_join(v->scratch, "held-out");
    const hearth_status status =
        out == NULL || held_out == NULL ? error_memory(&found, 0) : pack_into(v, out, held_out, &found);
    if (out != NULL && held_out != NULL) {
        file_remove_folder(out);
        file_remove_folder(held_out);
    }
    mem_free(out);
    mem_free(held_out);
    return verify_note(v, "documents, packed again", status, &found, "the same tokens", error);
}

/* ---- from the sources ---- */

/* What corpus.json says otherwise than the one that was made again, at `path`, instead of its hash. */
static void name_difference(const verifying *v, const char *path, hearth_error *found)
{
    char text[sizeof found->found];
    char *theirs = verify_path(v, v->alone ? "corpus.json" : "corpus/corpus.json");
    if (theirs != NULL && corpus_difference(theirs, path, text, sizeof text, NULL) == HEARTH_OK && text[0] != '\0') {
        (void)snprintf(found->found, sizeof found->found, "%s", text);
    }
    mem_free(theirs);
}

/* FOLDER/NAME of what was made again is what the log's first record says. */
static hearth_status same_again(verifying *v, const char *what, const char *name, const char *key, hearth_error *error)
{
    hearth_error found = {0};
    char hash[HASH_HEX_SIZE] = "";
    char *path = file_join(v->again, name);
    hearth_status status = path == NULL ? error_memory(&found, 0) : digest_file(path, hash, &found);
    if (status == HEARTH_OK) {
        status = verify_equal(name, "SHA-256", hash, chain_text(&v->log.records[0], key), &found);
        if (status == HEARTH_E_FORMAT && strcmp(key, "corpus") == 0) {
            name_difference(v, path, &found);
        }
    }
    mem_free(path);
    return verify_note(v, what, status, &found, hash, error);
}

static hearth_status open_sources(verifying *v, recipe **ret, hearth_error *error)
{
    TRY(recipe_open(v->o->recipe, ret, error));
    return verify_equal(v->o->recipe, "SHA-256", v->recipe->sha256, (*ret)->sha256, error);
}

/* ---- where packages are gone ---- */

/* The manifest of a run, or what lies beside a model alone: MODEL.manifest.jsonl.zst. NULL: memory is out. */
static char *manifest_place(const verifying *v)
{
    size_t length = strlen(v->folder);
    while (length > 1 && v->folder[length - 1] == '/') {
        length--;
    }
    return v->alone ? text_format("%.*s.manifest.jsonl.zst", (int)length, v->folder)
                    : verify_path(v, "corpus/manifest.jsonl.zst");
}

/* The documents of the packages that are there, against the manifest that corpus.json tells of. */
static hearth_status prove_rest(verifying *v, const recipe *r, corpus_proof *ret, hearth_error *error)
{
    corpus_summary summary;
    char hash[HASH_HEX_SIZE] = "";
    char *corpus = v->alone ? mem_strdup(v->folder) : verify_path(v, "corpus");
    char *manifest = manifest_place(v);
    hearth_status status = corpus == NULL || manifest == NULL ? error_memory(error, 0) : HEARTH_OK;
    if (status == HEARTH_OK && !file_exists(manifest)) {
        (void)error_set(error, HEARTH_E_NOT_FOUND, NULL, "the corpus's manifest, since packages are gone", "nothing");
        error_in_file(error, manifest);
        status = HEARTH_E_NOT_FOUND;
    }
    status = status == HEARTH_OK ? corpus_read_summary(corpus, &summary, error) : status;
    status = status == HEARTH_OK ? hash_lines(manifest, hash, error) : status;
    status = status == HEARTH_OK ? verify_equal(manifest, "SHA-256 of its lines", summary.totals.sha256, hash, error)
                                 : status;
    status =
        status == HEARTH_OK ? corpus_prove(r, manifest, v->o->progress, v->o->progress_context, ret, error) : status;
    mem_free(corpus);
    mem_free(manifest);
    return status;
}

static hearth_status without_gone(verifying *v, const recipe *r, hearth_error *error)
{
    hearth_error found = {0};
    corpus_proof proof = {0};
    char detail[VERIFY_DETAIL] = "";
    const hearth_status status = prove_rest(v, r, &proof, &found);
    (void)snprintf(
        detail, sizeof detail,
        "%llu package%s gone, of which the manifest is believed: %s; %llu of %llu documents read again, as it says",
        (unsigned long long)proof.packages_gone, proof.packages_gone == 1 ? " is" : "s are", proof.gone,
        (unsigned long long)proof.proven, (unsigned long long)proof.documents);
    return verify_note(v, "sources", status, &found, detail, error);
}

/* The run's folder anew, up to its first step; where packages of a list are gone, what is left of its sources. */
static hearth_status make_again(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    recipe *r = NULL;
    prepared made = {0};
    const prepare_options how = {
        .threads = v->engine->threads, .progress = v->o->progress, .progress_context = v->o->progress_context};
    hearth_status status = open_sources(v, &r, &found);
    status = status == HEARTH_OK ? source_count_gone(r, &v->report->gone, &found) : status;
    if (status == HEARTH_OK && v->report->gone > 0) {
        status = without_gone(v, r, error);
        recipe_close(r);
        return status;
    }
    v->again = file_join(v->scratch, "again");
    if (status == HEARTH_OK) {
        status = v->again == NULL ? error_memory(&found, 0) : file_make_folders(v->again, &found);
    }
    status = status == HEARTH_OK ? prepare_run(r, v->again, &how, &made, &found) : status;
    prepare_free(&made);
    recipe_close(r);
    TRY(verify_note(v, "sources", status, &found, "read again", error));
    if (verify_failed(v)) {
        return HEARTH_OK;
    }
    TRY(same_again(v, "corpus, built again from its sources", "corpus/corpus.json", "corpus", error));
    return same_again(v, "tokenizer, learned again from them", "tokenizer.json", "tokenizer", error);
}

void verify_clear(verifying *v)
{
    static const char *const folders[] = {"corpus/documents", "corpus", "packed", "held-out", "."};
    for (size_t i = 0; v->again != NULL && i < sizeof folders / sizeof folders[0]; i++) {
        char *path = strcmp(folders[i], ".") == 0 ? mem_strdup(v->again) : file_join(v->again, folders[i]);
        if (path != NULL && file_exists(path)) {
            file_remove_folder(path);
        }
        mem_free(path);
    }
    mem_free(v->again);
    v->again = NULL;
}

hearth_status verify_data(verifying *v, hearth_error *error)
{
    hearth_error found = {0};
    if (v->o->recipe != NULL) {
        TRY(make_again(v, error));
    }
    if (v->alone && (v->again == NULL || verify_failed(v))) {
        return HEARTH_OK;
    }
    if (!v->alone) {
        TRY(check_manifest(v, error));
        TRY(check_shards(v, error));
    }
    const hearth_status status = prepare_open(v->recipe, v->alone ? v->again : v->folder, &v->ready, &found);
    if (status != HEARTH_OK) {
        return verify_note(v, "corpus, tokenizer and tokens together", status, &found, "", error);
    }
    TRY(check_packed(v, "packed", v->ready.packed, "packed", error));
    if (v->ready.held_out != NULL) {
        TRY(check_packed(v, "held-out", v->ready.held_out, "held_out", error));
    }
    if (v->alone) {
        return HEARTH_OK;
    }
    if (v->recipe->tokenizer.kind != TOKENIZER_FILE) {
        TRY(learn_again(v, error));
    }
    return pack_again(v, error);
}
