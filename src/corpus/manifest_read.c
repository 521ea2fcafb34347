/* One document's row in a manifest. */
#include "corpus/manifest.h"

#include "base/memory.h"
#include "base/text.h"
#include "database/sql.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

static const char columns[] =
    "SELECT d.row, d.id, s.name, s.kind, d.place, d.licence, d.evidence, d.language, d.created, d.bytes, d.fate,"
    " d.reason, d.duplicate_of, d.kept_bytes, d.kept_sha256, d.held_out"
    " FROM document d JOIN source s ON s.id = d.source WHERE ";

hearth_status manifest_open(const char *path, sqlite3 **ret, hearth_error *error)
{
    static const char *const tables[] = {"corpus", "source", "rule", "document", "sample", NULL};
    sqlite3 *db = NULL;
    TRY(sql_open(path, &db, error));
    const hearth_status status = sql_want_tables(db, tables, error);
    if (status != HEARTH_OK) {
        (void)sqlite3_close(db);
        return status;
    }
    *ret = db;
    return HEARTH_OK;
}

/* A copy of a column's text; NULL stays NULL. false when memory is out. */
static bool take_text(sqlite3_stmt *s, int column, char **ret)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    *ret = text != NULL ? mem_strdup(text) : NULL;
    return text == NULL || *ret != NULL;
}

static void take_hash(sqlite3_stmt *s, int column, char ret[HASH_HEX_SIZE])
{
    ret[0] = '\0';
    if (sqlite3_column_bytes(s, column) == 32) {
        hash_hex(sqlite3_column_blob(s, column), ret);
    }
}

static hearth_status take_row(sqlite3_stmt *s, manifest_document *d, hearth_error *error)
{
    char **texts[] = {&d->source, &d->kind, &d->place, &d->licence, &d->evidence, &d->language, &d->created};
    bool good = true;
    d->row = (uint64_t)sqlite3_column_int64(s, 0);
    take_hash(s, 1, d->id);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++) {
        good = take_text(s, 2 + i, texts[i]) && good;
    }
    d->bytes = (uint64_t)sqlite3_column_int64(s, 9);
    good = take_text(s, 10, &d->fate) && good;
    good = take_text(s, 11, &d->reason) && good;
    d->like = (uint64_t)sqlite3_column_int64(s, 12);
    d->kept_bytes = (uint64_t)sqlite3_column_int64(s, 13);
    take_hash(s, 14, d->kept_sha256);
    d->held_out = sqlite3_column_int(s, 15) != 0;
    return good ? HEARTH_OK : error_memory(error, sizeof *d);
}

void manifest_document_free(manifest_document *d)
{
    char *const texts[] = {d->source,   d->kind,    d->place, d->licence, d->evidence,
                           d->language, d->created, d->fate,  d->reason};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mem_free(texts[i]);
    }
    *d = (manifest_document){0};
}

/* ---- keys ---- */

typedef struct document_key {
    uint64_t row; /* 0: it is an id */
    uint8_t least[32], most[32];
    size_t digits;
} document_key;

static bool read_key(const char *text, document_key *ret)
{
    const size_t length = strlen(text);
    *ret = (document_key){0};
    const bool marked = text[0] == '#';
    const char *digits = text + marked;
    const size_t count = length - marked;
    if (count > 0 && count < 19 && strspn(digits, "0123456789") == count && (marked || count < 8)) {
        for (size_t i = 0; i < count; i++) {
            ret->row = ret->row * 10 + (uint64_t)(digits[i] - '0');
        }
        return ret->row > 0;
    }
    if (length < 8 || length > 64 || !text_is_hex(text, length)) {
        return false;
    }
    char low[65], high[65];
    for (size_t i = 0; i < 64; i++) {
        low[i] = i < length ? text[i] : '0';
        high[i] = i < length ? text[i] : 'f';
    }
    document_hash_bytes(low, ret->least);
    document_hash_bytes(high, ret->most);
    ret->digits = length;
    return true;
}

static void bind_key(sqlite3_stmt *s, const document_key *k)
{
    if (k->row > 0) {
        (void)sqlite3_bind_int64(s, 1, (sqlite3_int64)k->row);
    } else {
        (void)sqlite3_bind_blob(s, 1, k->least, 32, SQLITE_STATIC);
        (void)sqlite3_bind_blob(s, 2, k->most, 32, SQLITE_STATIC);
    }
}

static hearth_status find(sqlite3_stmt *s, const char *text, manifest_document *ret, uint64_t *ret_more,
                          hearth_error *error)
{
    bool there = false;
    *ret_more = 0;
    TRY(sql_step(s, &there, error));
    if (!there) {
        return error_set(error, HEARTH_E_NOT_FOUND, text, "a row or an id of the manifest", "none");
    }
    TRY(take_row(s, ret, error));
    for (;;) {
        char other[HASH_HEX_SIZE];
        TRY(sql_step(s, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        take_hash(s, 1, other);
        if (strcmp(other, ret->id) != 0) {
            return error_set(error, HEARTH_E_ARGUMENT, text, "more digits of one id", "several ids that begin so");
        }
        ++*ret_more;
    }
}

hearth_status manifest_find(const char *folder, const char *key, manifest_document *ret, uint64_t *ret_more,
                            hearth_error *error)
{
    document_key k;
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    char statement[600];
    memset(ret, 0, sizeof *ret);
    if (!read_key(key, &k)) {
        return error_set(error, HEARTH_E_ARGUMENT, "document", "a row, or 8 to 64 digits of an id", "\"%s\"", key);
    }
    char *path = file_join(folder, "manifest.sqlite");
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    (void)snprintf(statement, sizeof statement, "%s%s ORDER BY d.row", columns,
                   k.row > 0 ? "d.row = ?" : "d.id BETWEEN ? AND ?");
    hearth_status status = manifest_open(path, &db, error);
    if (status == HEARTH_OK) {
        status = sql_prepare(db, statement, &s, error);
    }
    if (status == HEARTH_OK) {
        bind_key(s, &k);
        status = find(s, key, ret, ret_more, error);
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_close(db);
    mem_free(path);
    if (status != HEARTH_OK) {
        manifest_document_free(ret);
    }
    return status;
}
