/* Near duplicates: MinHash signatures, candidates by locality-sensitive hashing of their bands (Broder 1997), which a
 * file of SQLite's holds. The formulas are those of the Python package datasketch. */
#include "corpus/rule_functions.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "corpus/near.h"
#include "database/sql.h"
#include "corpus/word_grams.h"

#include <string.h>
#include <unistd.h>

enum { NEAR_WORDS, NEAR_BANDS, NEAR_ROWS, NEAR_THRESHOLD };

#define PRIME (((uint64_t)1 << 61) - 1)

typedef struct near_state {
    near_family family;
    size_t words, bands, rows;
    sqlite3 *db;
    sqlite3_stmt *find, *insert_band, *insert_signature, *signature;
    char *path;
    uint32_t *own; /* [permutations]: the document's that is decided */
} near_state;

/* ---- signatures ---- */

hearth_status near_family_make(size_t count, near_family *ret, hearth_error *error)
{
    ret->count = count;
    ret->a = mem_calloc(count, sizeof *ret->a);
    ret->b = mem_calloc(count, sizeof *ret->b);
    if (ret->a == NULL || ret->b == NULL) {
        return error_memory(error, count * sizeof *ret->a);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t w[4];
        random_philox(NEAR_SEED, RANDOM_CORPUS, 0, i, w);
        ret->a[i] = ((uint64_t)w[0] << 32 | w[1]) % (PRIME - 1) + 1;
        ret->b[i] = ((uint64_t)w[2] << 32 | w[3]) % PRIME;
    }
    return HEARTH_OK;
}

void near_family_free(near_family *f)
{
    mem_free(f->a);
    mem_free(f->b);
    *f = (near_family){0};
}

static uint64_t modulo_prime(uint64_t x)
{
    x = (x & PRIME) + (x >> 61);
    return x >= PRIME ? x - PRIME : x;
}

void near_signature(const near_family *f, const uint64_t *hashes, size_t count, uint32_t *ret)
{
    for (size_t i = 0; i < f->count; i++) {
        ret[i] = UINT32_MAX;
    }
    for (size_t k = 0; k < count; k++) {
        const uint64_t h = (uint32_t)(hashes[k] ^ hashes[k] >> 32);
        for (size_t i = 0; i < f->count; i++) { /* modulo 2^64 first, as datasketch has it */
            const uint32_t v = (uint32_t)modulo_prime(h * f->a[i] + f->b[i]);
            ret[i] = v < ret[i] ? v : ret[i];
        }
    }
}

/* ---- the rule ---- */

static hearth_status open_tables(near_state *s, hearth_error *error)
{
    TRY(sql_create(s->path, &s->db, error));
    TRY(sql_run(s->db,
                "CREATE TABLE band (band INTEGER, hash INTEGER, row INTEGER, PRIMARY KEY (band, hash, row)) WITHOUT "
                "ROWID; CREATE TABLE signature (row INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
                error));
    TRY(sql_prepare(s->db, "SELECT row FROM band WHERE band = ? AND hash = ? ORDER BY row", &s->find, error));
    TRY(sql_prepare(s->db, "INSERT INTO band VALUES (?, ?, ?)", &s->insert_band, error));
    TRY(sql_prepare(s->db, "INSERT INTO signature VALUES (?, ?)", &s->insert_signature, error));
    return sql_prepare(s->db, "SELECT bytes FROM signature WHERE row = ?", &s->signature, error);
}

hearth_status near_open(rule *r, hearth_error *error)
{
    near_state *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    r->state = s;
    s->words = (size_t)r->values[NEAR_WORDS].number;
    s->bands = (size_t)r->values[NEAR_BANDS].number;
    s->rows = (size_t)r->values[NEAR_ROWS].number;
    s->own = mem_calloc(s->bands * s->rows, sizeof *s->own);
    s->path = text_format("%s/rule-%d.scratch", r->folder, r->index);
    if (s->own == NULL || s->path == NULL) {
        return error_memory(error, s->bands * s->rows * sizeof *s->own);
    }
    TRY(near_family_make(s->bands * s->rows, &s->family, error));
    return open_tables(s, error);
}

/* The signature is made beside the others'. */
hearth_status near_apply(rule *r, document *d, int part, hearth_error *error)
{
    const near_state *s = r->state;
    gram_reader reader;
    hash_list grams = {0};
    (void)part;
    buffer_clear(&d->scratch);
    gram_reader_init(&reader);
    hearth_status status =
        gram_reader_add(&reader, buffer_text(&d->text), d->text.length, s->words, true, &grams, error);
    const size_t bytes = s->family.count * sizeof(uint32_t);
    if (status == HEARTH_OK && grams.count > 0) { /* a text without words is like no other */
        status = buffer_reserve(&d->scratch, bytes, error);
    }
    if (status == HEARTH_OK && grams.count > 0) {
        uint32_t *signature = (uint32_t *)(void *)d->scratch.data;
        near_signature(&s->family, grams.items, grams.count, signature);
        d->scratch.length = bytes;
    }
    hash_list_free(&grams);
    gram_reader_free(&reader);
    return status;
}

static size_t agreeing(const near_state *s, const uint8_t *bytes)
{
    size_t same = 0;
    for (size_t i = 0; i < s->family.count; i++) {
        uint32_t value = 0;
        memcpy(&value, bytes + i * sizeof value, sizeof value);
        same += value == s->own[i];
    }
    return same;
}

/* Whether the signature of `row` agrees with the document's in enough places. */
static hearth_status compare(near_state *s, uint64_t row, double threshold, size_t *ret_same, hearth_error *error)
{
    bool there = false;
    *ret_same = 0;
    (void)sqlite3_bind_int64(s->signature, 1, (sqlite3_int64)row);
    TRY(sql_step(s->signature, &there, error));
    if (!there) {
        return HEARTH_OK;
    }
    const size_t same = agreeing(s, sqlite3_column_blob(s->signature, 0));
    (void)sqlite3_reset(s->signature);
    *ret_same = (double)same >= threshold * (double)s->family.count ? same : 0;
    return HEARTH_OK;
}

static int64_t band_hash(const near_state *s, size_t band)
{
    return (int64_t)words_hash((const char *)(s->own + band * s->rows), s->rows * sizeof *s->own);
}

/* The first row among the candidates of a band that is alike. */
static hearth_status search_band(near_state *s, size_t band, double threshold, uint64_t *best, size_t *best_same,
                                 hearth_error *error)
{
    bool there = true;
    (void)sqlite3_bind_int64(s->find, 1, (sqlite3_int64)band);
    (void)sqlite3_bind_int64(s->find, 2, band_hash(s, band));
    for (;;) {
        size_t same = 0;
        TRY(sql_step(s->find, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        const uint64_t row = (uint64_t)sqlite3_column_int64(s->find, 0);
        if (*best != 0 && row >= *best) {
            (void)sqlite3_reset(s->find);
            return HEARTH_OK;
        }
        const hearth_status status = compare(s, row, threshold, &same, error);
        if (status != HEARTH_OK || same > 0) {
            (void)sqlite3_reset(s->find);
            *best = same > 0 ? row : *best;
            *best_same = same > 0 ? same : *best_same;
            return status;
        }
    }
}

static hearth_status insert(near_state *s, const document *d, hearth_error *error)
{
    for (size_t band = 0; band < s->bands; band++) {
        (void)sqlite3_bind_int64(s->insert_band, 1, (sqlite3_int64)band);
        (void)sqlite3_bind_int64(s->insert_band, 2, band_hash(s, band));
        (void)sqlite3_bind_int64(s->insert_band, 3, (sqlite3_int64)d->row);
        TRY(sql_step(s->insert_band, NULL, error));
    }
    (void)sqlite3_bind_int64(s->insert_signature, 1, (sqlite3_int64)d->row);
    (void)sqlite3_bind_blob(s->insert_signature, 2, d->scratch.data, (int)d->scratch.length, SQLITE_STATIC);
    return sql_step(s->insert_signature, NULL, error);
}

hearth_status near_decide(rule *r, document *d, hearth_error *error)
{
    near_state *s = r->state;
    uint64_t best = 0;
    size_t same = 0;
    if (d->scratch.length == 0) {
        return HEARTH_OK;
    }
    memcpy(s->own, d->scratch.data, d->scratch.length);
    for (size_t band = 0; band < s->bands; band++) {
        TRY(search_band(s, band, r->values[NEAR_THRESHOLD].number, &best, &same, error));
    }
    if (best == 0) {
        return insert(s, d, error);
    }
    d->like = best;
    return RULE_DROP(r, d, error, "%zu of %zu MinHash values as of document %llu", same, s->family.count,
                     (unsigned long long)best);
}

void near_close(rule *r)
{
    near_state *s = r->state;
    if (s == NULL) {
        return;
    }
    (void)sqlite3_finalize(s->find);
    (void)sqlite3_finalize(s->insert_band);
    (void)sqlite3_finalize(s->insert_signature);
    (void)sqlite3_finalize(s->signature);
    (void)sqlite3_close(s->db);
    if (s->path != NULL) {
        (void)unlink(s->path);
    }
    near_family_free(&s->family);
    mem_free(s->path);
    mem_free(s->own);
    mem_free(s);
}
