/* Packing: documents to tokens beside each other, then copied into the order of the permutation. */
#define _GNU_SOURCE /* pwrite */
#include "corpus/corpus.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "corpus/feistel.h"
#include "corpus/packed_file.h"
#include "platform/file.h"
#include "platform/file_stream.h"
#include "threads/pool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define BATCH_DOCUMENTS 256u
#define BATCH_BYTES ((size_t)8 << 20)

/* A document's tokens in the scratch file. */
typedef struct pack_row {
    uint64_t offset, count, row;
} pack_row;

/* One of the two outputs: training's or the held-out documents'. */
typedef struct pack_side {
    const char *folder;
    char *temporary; /* where it is made */
    file_stream tokens, rows;
    uint64_t token_count, documents;
} pack_side;

typedef struct pack_slot {
    buffer text;
    token_list tokens;
    uint64_t row;
    bool held_out;
    hearth_status status;
    hearth_error error;
} pack_slot;

typedef struct packing {
    const corpus_pack_options *o;
    corpus_summary summary;
    uint32_t vocabulary, width;
    pack_side sides[2];
    pack_slot *batch; /* [BATCH_DOCUMENTS] */
    size_t count, bytes;
    uint64_t done;
    thread_pool *pool;
    buffer narrow; /* a document's tokens, as they are written */
} packing;

/* ---- tokens of documents, in the order of rows ---- */

static void tokenize(void *context, int part, int parts)
{
    packing *p = context;
    for (size_t i = (size_t)part; i < p->count; i += (size_t)parts) {
        pack_slot *s = &p->batch[i];
        s->tokens.count = 0;
        s->status = tokenizer_encode(p->o->tokenizer, buffer_text(&s->text), s->text.length, ENCODE_PLAIN, &s->tokens,
                                     &s->error);
        if (s->status == HEARTH_OK) {
            s->status = token_list_append(&s->tokens, p->o->end, &s->error);
        }
    }
}

static hearth_status write_slot(packing *p, pack_slot *s, hearth_error *error)
{
    pack_side *side = &p->sides[s->held_out];
    if (side->folder == NULL) {
        return HEARTH_OK;
    }
    const pack_row row = {side->token_count, s->tokens.count, s->row};
    buffer_clear(&p->narrow);
    TRY(buffer_reserve(&p->narrow, s->tokens.count * p->width, error));
    for (size_t i = 0; i < s->tokens.count; i++) {
        const uint32_t id = (uint32_t)s->tokens.ids[i];
        const uint16_t low = (uint16_t)id;
        TRY(p->width == 2 ? buffer_append(&p->narrow, &low, 2, error) : buffer_append(&p->narrow, &id, 4, error));
    }
    TRY(file_stream_write(&side->tokens, p->narrow.data, p->narrow.length, error));
    TRY(file_stream_write(&side->rows, &row, sizeof row, error));
    side->token_count += s->tokens.count;
    side->documents++;
    return HEARTH_OK;
}

static hearth_status run_batch(packing *p, hearth_error *error)
{
    thread_pool_run(p->pool, tokenize, p);
    for (size_t i = 0; i < p->count; i++) {
        pack_slot *s = &p->batch[i];
        if (s->status != HEARTH_OK) {
            if (error != NULL) {
                *error = s->error;
            }
            return s->status;
        }
        TRY(write_slot(p, s, error));
    }
    p->done += p->count;
    p->count = p->bytes = 0;
    const corpus_options *run = &p->o->run;
    if (run->progress != NULL &&
        !run->progress(run->progress_context, "tokenize", p->done, p->summary.totals.kept, "documents")) {
        return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped after %llu documents",
                         (unsigned long long)p->done);
    }
    return HEARTH_OK;
}

static hearth_status take(void *context, const corpus_document *d, hearth_error *error)
{
    packing *p = context;
    pack_slot *s = &p->batch[p->count];
    buffer_clear(&s->text);
    TRY(buffer_append(&s->text, d->text, d->length, error));
    s->row = d->row;
    s->held_out = d->held_out;
    p->count++;
    p->bytes += d->length;
    return p->count == BATCH_DOCUMENTS || p->bytes >= BATCH_BYTES ? run_batch(p, error) : HEARTH_OK;
}

/* ---- into the order of the permutation ---- */

typedef struct shuffle {
    file_map tokens, rows; /* scratch */
    file_stream out, list;
    hash_state *hash, *list_hash;
    uint64_t written; /* tokens */
} shuffle;

static hearth_status copy_documents(const packing *p, const pack_side *side, shuffle *s, hearth_error *error)
{
    const uint64_t purpose_step = (uint64_t)(side - p->sides);
    for (uint64_t place = 0; place < side->documents; place++) {
        pack_row row;
        const uint64_t from = feistel_permute(side->documents, p->o->seed, RANDOM_DOCUMENTS, purpose_step, place);
        memcpy(&row, s->rows.data + from * sizeof row, sizeof row);
        const uint64_t entry[2] = {s->written, row.row};
        const uint8_t *bytes = s->tokens.data + row.offset * p->width;
        const size_t length = (size_t)row.count * p->width;
        hash_update(s->hash, bytes, length);
        hash_update(s->list_hash, entry, sizeof entry);
        TRY(file_stream_write(&s->out, bytes, length, error));
        TRY(file_stream_write(&s->list, entry, sizeof entry, error));
        s->written += row.count;
    }
    return HEARTH_OK;
}

static void fill_header(const packing *p, const pack_side *side, packed_header *h)
{
    memcpy(h->magic, PACKED_MAGIC, sizeof h->magic);
    h->format = PACKED_FORMAT;
    h->width = p->width;
    h->vocabulary = p->vocabulary;
    h->length = p->o->length;
    h->end = (uint32_t)p->o->end;
    h->held_out = side == &p->sides[1];
    h->tokens = side->token_count;
    h->documents = side->documents;
    h->seed = p->o->seed;
    document_hash_bytes(p->summary.totals.sha256, h->corpus_sha256);
    document_hash_bytes(p->o->tokenizer_sha256, h->tokenizer_sha256);
}

static hearth_status finish_files(shuffle *s, packed_header *h, hearth_error *error)
{
    hash_finish(s->hash, h->tokens_sha256);
    hash_finish(s->list_hash, h->documents_sha256);
    s->hash = s->list_hash = NULL;
    if (pwrite(s->out.descriptor, h, sizeof *h, 0) != (ssize_t)sizeof *h) {
        return error_errno(error, s->out.path, "write", errno);
    }
    TRY(file_stream_finish(&s->out, error));
    return file_stream_finish(&s->list, error);
}

/* A file of the folder: "PATH/NAME", opened by one of the two functions. */
static hearth_status make_stream(const char *folder, const char *name, file_stream *ret, hearth_error *error)
{
    char *path = file_join(folder, name);
    const hearth_status status =
        path == NULL ? error_memory(error, strlen(folder)) : file_stream_open(path, ret, error);
    mem_free(path);
    return status;
}

static hearth_status shuffle_into(const packing *p, pack_side *side, shuffle *s, hearth_error *error)
{
    packed_header header = {0};
    char *tokens = text_format("%s/tokens.scratch", side->temporary);
    char *rows = text_format("%s/rows.scratch", side->temporary);
    hearth_status status = tokens == NULL || rows == NULL ? error_memory(error, strlen(side->temporary))
                                                          : file_stream_finish(&side->tokens, error);
    if (status == HEARTH_OK) {
        status = file_stream_finish(&side->rows, error);
    }
    if (status == HEARTH_OK) {
        status = file_map_open(tokens, &s->tokens, error);
    }
    if (status == HEARTH_OK) {
        status = file_map_open(rows, &s->rows, error);
    }
    if (status == HEARTH_OK) { /* the names go, what they held stays mapped */
        (void)unlink(tokens);
        (void)unlink(rows);
    }
    mem_free(tokens);
    mem_free(rows);
    TRY(status);
    TRY(make_stream(side->temporary, PACKED_TOKENS, &s->out, error));
    TRY(make_stream(side->temporary, PACKED_DOCUMENTS, &s->list, error));
    s->hash = hash_create();
    s->list_hash = hash_create();
    if (s->hash == NULL || s->list_hash == NULL) {
        return error_memory(error, sizeof(void *));
    }
    TRY(file_stream_write(&s->out, &header, sizeof header, error));
    TRY(copy_documents(p, side, s, error));
    fill_header(p, side, &header);
    return finish_files(s, &header, error);
}

static void drop_hash(hash_state *h)
{
    uint8_t unused[32];
    if (h != NULL) {
        hash_finish(h, unused);
    }
}

static hearth_status finish_side(const packing *p, pack_side *side, hearth_error *error)
{
    shuffle s = {0};
    const hearth_status status = shuffle_into(p, side, &s, error);
    drop_hash(s.hash);
    drop_hash(s.list_hash);
    file_stream_drop(&s.out);
    file_stream_drop(&s.list);
    file_map_close(&s.tokens);
    file_map_close(&s.rows);
    return status;
}

/* ---- all of it ---- */

static hearth_status open_side(pack_side *side, const char *folder, hearth_error *error)
{
    side->folder = folder;
    if (file_exists(folder)) {
        (void)error_set(error, HEARTH_E_ARGUMENT, NULL, "a new folder", "one that is there");
        error_in_file(error, folder);
        return HEARTH_E_ARGUMENT;
    }
    side->temporary = text_format("%s.tmp-%ld", folder, (long)getpid());
    if (side->temporary == NULL) {
        return error_memory(error, strlen(folder));
    }
    TRY(file_make_folders(side->temporary, error));
    TRY(make_stream(side->temporary, "tokens.scratch", &side->tokens, error));
    return make_stream(side->temporary, "rows.scratch", &side->rows, error);
}

static hearth_status check_options(packing *p, hearth_error *error)
{
    const size_t vocabulary = tokenizer_vocabulary_size(p->o->tokenizer);
    if (vocabulary == 0 || vocabulary > LIMIT_VOCABULARY || p->o->end < 0 || (size_t)p->o->end >= vocabulary) {
        return error_set(error, HEARTH_E_ARGUMENT, "end of a document", "a token of the vocabulary", "%d of %zu",
                         p->o->end, vocabulary);
    }
    if (p->o->length == 0 || p->o->length > LIMIT_CONTEXT) {
        return error_set(error, HEARTH_E_ARGUMENT, "length of a sequence", "1 to 67108864", "%u", p->o->length);
    }
    if (!text_is_hex(p->o->tokenizer_sha256, 64)) {
        return error_set(error, HEARTH_E_ARGUMENT, "SHA-256 of the tokenizer", "64 hexadecimal digits", "\"%s\"",
                         p->o->tokenizer_sha256);
    }
    p->vocabulary = (uint32_t)vocabulary;
    p->width = vocabulary <= 65536 ? 2 : 4;
    return HEARTH_OK;
}

static hearth_status work(packing *p, const char *folder, hearth_error *error)
{
    TRY(check_options(p, error));
    TRY(corpus_read_summary(folder, &p->summary, error));
    TRY(open_side(&p->sides[0], p->o->out, error));
    if (p->o->held_out_folder != NULL) {
        TRY(open_side(&p->sides[1], p->o->held_out_folder, error));
    }
    TRY(thread_pool_create(p->o->run.threads > 0 ? p->o->run.threads : 1, &p->pool, error));
    p->batch = mem_calloc(BATCH_DOCUMENTS, sizeof *p->batch);
    if (p->batch == NULL) {
        return error_memory(error, BATCH_DOCUMENTS * sizeof *p->batch);
    }
    TRY(corpus_each(folder, take, p, error));
    TRY(run_batch(p, error));
    for (size_t i = 0; i < 2; i++) {
        if (p->sides[i].folder != NULL) {
            TRY(finish_side(p, &p->sides[i], error));
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (p->sides[i].folder != NULL) {
            TRY(file_move_folder(p->sides[i].temporary, p->sides[i].folder, error));
        }
    }
    return HEARTH_OK;
}

hearth_status corpus_pack(const char *folder, const corpus_pack_options *options, hearth_error *error)
{
    packing p = {.o = options};
    buffer_init(&p.narrow, 0);
    const hearth_status status = work(&p, folder, error);
    for (size_t i = 0; i < 2; i++) {
        file_stream_drop(&p.sides[i].tokens);
        file_stream_drop(&p.sides[i].rows);
        if (p.sides[i].temporary != NULL) {
            file_remove_folder(p.sides[i].temporary);
        }
        mem_free(p.sides[i].temporary);
    }
    for (size_t i = 0; p.batch != NULL && i < BATCH_DOCUMENTS; i++) {
        buffer_free(&p.batch[i].text);
        token_list_free(&p.batch[i].tokens);
    }
    mem_free(p.batch);
    buffer_free(&p.narrow);
    thread_pool_destroy(p.pool);
    return status;
}
