/* Counting a manifest. */
#include "corpus/stats.h"

#include "base/json.h"
#include "base/memory.h"
#include "corpus/corpus.h"
#include "database/sql.h"
#include "platform/file.h"

#include <string.h>

/* A statement's rows as objects, with the names of its columns; NULL values become null. */
static json_t *one_row(sqlite3_stmt *s)
{
    json_t *row = json_object();
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        const int type = sqlite3_column_type(s, i);
        const char *text = type == SQLITE_TEXT ? (const char *)sqlite3_column_text(s, i) : NULL;
        row = json_door_put(row, sqlite3_column_name(s, i),
                            type == SQLITE_INTEGER ? json_integer(sqlite3_column_int64(s, i))
                            : text != NULL         ? json_string(text)
                                                   : json_null());
    }
    return row;
}

static hearth_status query(sqlite3 *db, const char *statement, const char *bound, json_t **ret, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    json_t *rows = json_array();
    bool there = true;
    TRY(sql_prepare(db, statement, &s, error));
    if (bound != NULL) {
        sql_bind_text(s, 1, bound);
    }
    hearth_status status = HEARTH_OK;
    while (status == HEARTH_OK && there) {
        status = sql_step(s, &there, error);
        if (status == HEARTH_OK && there) {
            rows = json_door_append(rows, one_row(s));
        }
    }
    (void)sqlite3_finalize(s);
    if (status != HEARTH_OK || rows == NULL) {
        json_decref(rows);
        return status != HEARTH_OK ? status : error_memory(error, sizeof(void *));
    }
    *ret = rows;
    return HEARTH_OK;
}

static hearth_status put(json_t **root, sqlite3 *db, const char *name, const char *statement, hearth_error *error)
{
    json_t *rows = NULL;
    TRY(query(db, statement, NULL, &rows, error));
    *root = json_door_put(*root, name, rows);
    return *root == NULL ? error_memory(error, sizeof(void *)) : HEARTH_OK;
}

/* How many texts have from 2^k to 2^(k+1) - 1 bytes. */
static hearth_status put_lengths(json_t **root, sqlite3 *db, hearth_error *error)
{
    uint64_t all[64] = {0}, kept[64] = {0};
    sqlite3_stmt *s = NULL;
    bool there = true;
    hearth_status status = sql_prepare(db, "SELECT bytes, fate IS NULL FROM document", &s, error);
    while (status == HEARTH_OK && there) {
        status = sql_step(s, &there, error);
        if (status == HEARTH_OK && there) {
            const uint64_t bytes = (uint64_t)sqlite3_column_int64(s, 0);
            const unsigned k = bytes == 0 ? 0 : 63u - (unsigned)__builtin_clzll(bytes);
            all[k]++;
            kept[k] += sqlite3_column_int(s, 1) != 0;
        }
    }
    (void)sqlite3_finalize(s);
    TRY(status);
    json_t *rows = json_array();
    for (unsigned k = 0; k < 63; k++) {
        if (all[k] > 0) {
            rows =
                json_door_append(rows, json_pack("{s:I, s:I, s:I}", "bytes_from", (json_int_t)(k == 0 ? 0 : 1ull << k),
                                                 "documents", (json_int_t)all[k], "kept", (json_int_t)kept[k]));
        }
    }
    *root = json_door_put(*root, "lengths", rows);
    return *root == NULL ? error_memory(error, sizeof(void *)) : HEARTH_OK;
}

/* Of each fate the beginnings of some texts that have it. */
static hearth_status put_samples(json_t *root, sqlite3 *db, hearth_error *error)
{
    size_t i = 0;
    json_t *fate = NULL;
    json_array_foreach(json_object_get(root, "fates"), i, fate)
    {
        json_t *samples = NULL;
        TRY(query(db,
                  "SELECT a.row, d.place, d.reason, a.text FROM sample a JOIN document d ON d.row = a.row"
                  " WHERE a.fate = ? ORDER BY a.row LIMIT 5",
                  json_string_value(json_object_get(fate, "fate")), &samples, error));
        if (json_object_set_new(fate, "samples", samples) != 0) {
            return error_memory(error, sizeof(void *));
        }
    }
    return HEARTH_OK;
}

#define COUNTS                                                                                                         \
    "count(*) AS documents, sum(d.fate IS NULL) AS kept, sum(d.bytes) AS bytes,"                                       \
    " coalesce(sum(d.kept_bytes), 0) AS kept_bytes"

static hearth_status count_all(json_t **root, sqlite3 *db, hearth_error *error)
{
    TRY(put(root, db, "sources",
            "SELECT s.name, s.kind, s.licence, s.sha256, " COUNTS
            " FROM source s JOIN document d ON d.source = s.id GROUP BY s.id ORDER BY s.id",
            error));
    TRY(put(root, db, "licences",
            "SELECT d.licence AS name, " COUNTS " FROM document d GROUP BY d.licence ORDER BY kept_bytes DESC, 1",
            error));
    TRY(put(root, db, "languages",
            "SELECT coalesce(d.language, '') AS name, " COUNTS
            " FROM document d GROUP BY d.language ORDER BY kept_bytes DESC, 1",
            error));
    TRY(put(root, db, "fates",
            "SELECT fate, count(*) AS documents, sum(bytes) AS bytes FROM document WHERE fate IS NOT NULL GROUP BY fate"
            " ORDER BY documents DESC, fate",
            error));
    TRY(put(root, db, "rules", "SELECT name, parameters FROM rule ORDER BY id", error));
    TRY(put_lengths(root, db, error));
    return put_samples(*root, db, error);
}

hearth_status corpus_stats(const char *folder, json_t **ret, hearth_error *error)
{
    corpus_summary summary;
    sqlite3 *db = NULL;
    TRY(corpus_read_summary(folder, &summary, error));
    const manifest_totals *t = &summary.totals;
    json_t *root =
        json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "sha256", t->sha256, "recipe_sha256", summary.recipe_sha256,
                  "documents", (json_int_t)t->documents, "kept", (json_int_t)t->kept, "held_out",
                  (json_int_t)t->held_out, "bytes", (json_int_t)t->bytes, "kept_bytes", (json_int_t)t->kept_bytes);
    char *path = file_join(folder, "manifest.sqlite");
    hearth_status status = root == NULL || path == NULL ? error_memory(error, strlen(folder)) : HEARTH_OK;
    if (status == HEARTH_OK) {
        status = manifest_open(path, &db, error);
    }
    if (status == HEARTH_OK) {
        status = count_all(&root, db, error);
    }
    (void)sqlite3_close(db);
    mem_free(path);
    if (status != HEARTH_OK) {
        json_decref(root);
        return status;
    }
    *ret = root;
    return HEARTH_OK;
}
