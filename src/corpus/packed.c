/* Reading a packed corpus: two mapped files. */
#include "corpus/packed.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "corpus/feistel.h"
#include "corpus/packed_file.h"
#include "platform/file.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct packed_corpus {
    file_map tokens, documents;
    packed_header header; /* a copy */
    const uint16_t *narrow;
    const uint32_t *wide;
    const uint64_t *rows; /* [documents][2]: where it begins, its row */
    char hash[HASH_HEX_SIZE];
};

static hearth_status bad(const file_map *map, const char *place, const char *expected, uint64_t found,
                         hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%llu", (unsigned long long)found);
    error_in_file(error, map->path);
    return HEARTH_E_FORMAT;
}

static hearth_status check_header(const packed_corpus *p, hearth_error *error)
{
    const packed_header *h = &p->header;
    if (memcmp(h->magic, PACKED_MAGIC, sizeof h->magic) != 0 || h->format != PACKED_FORMAT) {
        (void)error_set(error, HEARTH_E_FORMAT, "header", "a packed corpus of format 1", "other bytes");
        error_in_file(error, p->tokens.path);
        return HEARTH_E_FORMAT;
    }
    if (h->width != 2 && h->width != 4) {
        return bad(&p->tokens, "bytes of a token", "2 or 4", h->width, error);
    }
    if (h->vocabulary == 0 || h->vocabulary > LIMIT_VOCABULARY || (h->width == 2 && h->vocabulary > 65536)) {
        return bad(&p->tokens, "vocabulary", "1 to 4194304, or 65536 where a token has 2 bytes", h->vocabulary, error);
    }
    if (h->length == 0 || h->length > LIMIT_CONTEXT) {
        return bad(&p->tokens, "length of a sequence", "1 to 67108864", h->length, error);
    }
    uint64_t bytes = 0;
    if (!u64_mul(h->tokens, h->width, &bytes) || bytes != p->tokens.size - sizeof *h) {
        return bad(&p->tokens, "tokens", "as many as the file holds", h->tokens, error);
    }
    if (!u64_mul(h->documents, 16, &bytes) || bytes != p->documents.size) {
        return bad(&p->documents, "documents", "as many as the header says", p->documents.size / 16, error);
    }
    if (h->documents > h->tokens || (h->documents == 0) != (h->tokens == 0)) {
        return bad(&p->tokens, "documents", "at least one token each", h->documents, error);
    }
    return HEARTH_OK;
}

/* Whatever relies on it later: documents begin at 0, one behind the other; tokens are below the vocabulary's size. */
static hearth_status check_contents(const packed_corpus *p, hearth_error *error)
{
    for (uint64_t i = 0; i < p->header.documents; i++) {
        const uint64_t begin = p->rows[2 * i];
        if (begin >= p->header.tokens || (i == 0 ? begin != 0 : begin <= p->rows[2 * i - 2])) {
            return bad(&p->documents, "a document's first token", "behind the one before", begin, error);
        }
    }
    uint32_t largest = 0;
    for (uint64_t i = 0; p->narrow != NULL && i < p->header.tokens; i++) {
        largest = p->narrow[i] > largest ? p->narrow[i] : largest;
    }
    for (uint64_t i = 0; p->wide != NULL && i < p->header.tokens; i++) {
        largest = p->wide[i] > largest ? p->wide[i] : largest;
    }
    return largest < p->header.vocabulary ? HEARTH_OK
                                          : bad(&p->tokens, "a token", "one of the vocabulary", largest, error);
}

static hearth_status map_file(const char *folder, const char *name, file_map *ret, hearth_error *error)
{
    char *path = file_join(folder, name);
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = file_map_open(path, ret, error);
    mem_free(path);
    return status;
}

static hearth_status open_in(packed_corpus *p, const char *folder, hearth_error *error)
{
    TRY(map_file(folder, PACKED_TOKENS, &p->tokens, error));
    TRY(map_file(folder, PACKED_DOCUMENTS, &p->documents, error));
    if (p->tokens.size < sizeof p->header) {
        return bad(&p->tokens, "size", "256 bytes or more", p->tokens.size, error);
    }
    memcpy(&p->header, p->tokens.data, sizeof p->header);
    TRY(check_header(p, error));
    const void *tokens = p->tokens.data + sizeof p->header;
    p->narrow = p->header.width == 2 ? tokens : NULL;
    p->wide = p->header.width == 4 ? tokens : NULL;
    p->rows = (const void *)p->documents.data;
    TRY(check_contents(p, error));
    return hash_bytes_hex(&p->header, sizeof p->header, p->hash, error);
}

hearth_status packed_open(const char *folder, packed_corpus **ret, hearth_error *error)
{
    packed_corpus *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return error_memory(error, sizeof *p);
    }
    const hearth_status status = open_in(p, folder, error);
    if (status != HEARTH_OK) {
        packed_close(p);
        return status;
    }
    *ret = p;
    return HEARTH_OK;
}

void packed_close(packed_corpus *p)
{
    if (p != NULL) {
        file_map_close(&p->tokens);
        file_map_close(&p->documents);
        mem_free(p);
    }
}

uint32_t packed_length(const packed_corpus *p)
{
    return p->header.length;
}

uint64_t packed_sequences(const packed_corpus *p)
{
    return p->header.tokens == 0 ? 0 : (p->header.tokens - 1) / p->header.length;
}

uint32_t packed_vocabulary(const packed_corpus *p)
{
    return p->header.vocabulary;
}

uint64_t packed_tokens(const packed_corpus *p)
{
    return p->header.tokens;
}

uint64_t packed_documents(const packed_corpus *p)
{
    return p->header.documents;
}

const char *packed_hash(const packed_corpus *p)
{
    return p->hash;
}

void packed_made_from(const packed_corpus *p, char ret_corpus[65], char ret_tokenizer[65])
{
    hash_hex(p->header.corpus_sha256, ret_corpus);
    hash_hex(p->header.tokenizer_sha256, ret_tokenizer);
}

static hearth_status verify_part(const file_map *map, size_t from, const uint8_t expected[32], hearth_error *error)
{
    char wanted[HASH_HEX_SIZE], found[HASH_HEX_SIZE], sentence[96];
    hash_hex(expected, wanted);
    TRY(hash_bytes_hex(map->size > from ? map->data + from : (const uint8_t *)"", map->size - from, found, error));
    if (strcmp(wanted, found) == 0) {
        return HEARTH_OK;
    }
    (void)snprintf(sentence, sizeof sentence, "SHA-256 %s", wanted);
    (void)error_set(error, HEARTH_E_FORMAT, NULL, sentence, "%s", found);
    error_in_file(error, map->path);
    return HEARTH_E_FORMAT;
}

hearth_status packed_verify(const packed_corpus *p, hearth_error *error)
{
    TRY(verify_part(&p->tokens, sizeof p->header, p->header.tokens_sha256, error));
    return verify_part(&p->documents, 0, p->header.documents_sha256, error);
}

/* The last document that begins at or before a token. */
static uint64_t document_at(const packed_corpus *p, uint64_t token)
{
    uint64_t low = 0, high = p->header.documents;
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (p->rows[2 * middle] <= token) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t packed_sequence(const packed_corpus *p, uint64_t index, uint32_t *tokens, packed_segment *segments)
{
    assert(index < packed_sequences(p));
    const uint32_t length = p->header.length;
    const uint64_t first = index * length;
    for (uint32_t i = 0; i <= length; i++) {
        tokens[i] = p->narrow != NULL ? p->narrow[first + i] : p->wide[first + i];
    }
    size_t count = 0;
    uint64_t at = document_at(p, first);
    for (uint32_t begin = 0; begin < length; at++) {
        const uint64_t end = at + 1 < p->header.documents ? p->rows[2 * at + 2] : p->header.tokens;
        const uint32_t stop = end - first < length ? (uint32_t)(end - first) : length;
        segments[count++] = (packed_segment){begin, stop - begin, p->rows[2 * at + 1]};
        begin = stop;
    }
    return count;
}

uint64_t packed_order(const packed_corpus *p, uint64_t seed, uint64_t epoch, uint64_t place)
{
    return feistel_permute(packed_sequences(p), seed, RANDOM_SEQUENCES, epoch, place);
}
