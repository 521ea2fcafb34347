/* The tables, and what is asked of them. */
#include "serve/keys_file.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "database/sql.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

struct keys_file {
    sqlite3 *db;
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS key(id TEXT PRIMARY KEY, name TEXT NOT NULL, models TEXT NOT NULL, metrics INTEGER NOT"
    " NULL, admin INTEGER NOT NULL, tokens_minute INTEGER NOT NULL, tokens_day INTEGER NOT NULL, requests_minute "
    "INTEGER"
    " NOT NULL, concurrency INTEGER NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT"
    " NULL, n INTEGER NOT NULL, r INTEGER NOT NULL, p INTEGER NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS usage(day INTEGER NOT NULL, id TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens"
    " INTEGER NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY(day, id)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT";

#define COLUMNS                                                                                                        \
    "id, name, models, metrics, admin, tokens_minute, tokens_day, requests_minute, concurrency, created, expires,"     \
    " revoked, n, r, p, salt, hash"

static hearth_status one_number(keys_file *f, const char *question, int64_t *ret, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    bool there = false;
    TRY(sql_prepare(f->db, question, &s, error));
    const hearth_status status = sql_step(s, &there, error);
    *ret = there ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    return status;
}

static hearth_status set_up(keys_file *f, const char *path, hearth_error *error)
{
    static const char *const tables[] = {"key", "usage", NULL};
    int64_t version = 0;
    TRY(one_number(f, "PRAGMA user_version", &version, error));
    if (version == 0) {
        TRY(sql_run(f->db, schema, error));
    } else if (version != 1) {
        (void)error_set(error, HEARTH_E_FORMAT, "user_version", "1", "%lld", (long long)version);
        error_in_file(error, path);
        return HEARTH_E_FORMAT;
    }
    return sql_want_tables(f->db, tables, error);
}

hearth_status keys_file_open(const char *path, keys_file **ret, hearth_error *error)
{
    keys_file *f = mem_calloc(1, sizeof *f);
    if (f == NULL) {
        return error_memory(error, sizeof *f);
    }
    hearth_status status = sql_open_shared(path, &f->db, error);
    status = status == HEARTH_OK ? set_up(f, path, error) : status;
    if (status != HEARTH_OK) {
        keys_file_close(f);
        return status;
    }
    *ret = f;
    return HEARTH_OK;
}

void keys_file_close(keys_file *f)
{
    if (f != NULL) {
        (void)sqlite3_close(f->db);
        mem_free(f);
    }
}

/* ---- rows ---- */

static void bind_text(sqlite3_stmt *s, int index, const char *text)
{
    (void)sqlite3_bind_text(s, index, text, -1, SQLITE_TRANSIENT); /* "" is "", not NULL */
}

/* Parameters 1 to 12, in the order of COLUMNS: all but the secret's. */
static void bind_settings(sqlite3_stmt *s, const key_row *row)
{
    const int64_t numbers[] = {row->metrics,
                               row->admin,
                               (int64_t)row->limits.tokens_minute,
                               (int64_t)row->limits.tokens_day,
                               (int64_t)row->limits.requests_minute,
                               (int64_t)row->limits.concurrency,
                               row->created,
                               row->expires,
                               row->revoked};
    bind_text(s, 1, row->id);
    bind_text(s, 2, row->name);
    bind_text(s, 3, row->models);
    for (int i = 0; i < 9; i++) {
        (void)sqlite3_bind_int64(s, i + 4, numbers[i]);
    }
}

static void bind_row(sqlite3_stmt *s, const key_row *row)
{
    bind_settings(s, row);
    (void)sqlite3_bind_int64(s, 13, (int64_t)row->hash.n);
    (void)sqlite3_bind_int64(s, 14, (int64_t)row->hash.r);
    (void)sqlite3_bind_int64(s, 15, (int64_t)row->hash.p);
    (void)sqlite3_bind_blob(s, 16, row->hash.salt, sizeof row->hash.salt, SQLITE_TRANSIENT);
    (void)sqlite3_bind_blob(s, 17, row->hash.hash, sizeof row->hash.hash, SQLITE_TRANSIENT);
}

static hearth_status copy_text(sqlite3_stmt *s, int column, char *ret, size_t size, hearth_error *error)
{
    const char *text = sql_text(s, column);
    if (strlen(text) >= size) {
        return error_set(error, HEARTH_E_FORMAT, sqlite3_column_name(s, column), "a shorter text", "%zu bytes",
                         strlen(text));
    }
    memcpy(ret, text, strlen(text) + 1);
    return HEARTH_OK;
}

static hearth_status copy_bytes(sqlite3_stmt *s, int column, uint8_t *ret, size_t size, hearth_error *error)
{
    const void *bytes = sqlite3_column_blob(s, column);
    if (bytes == NULL || sqlite3_column_bytes(s, column) != (int)size) {
        return error_set(error, HEARTH_E_FORMAT, sqlite3_column_name(s, column), "a hash's bytes", "%d bytes",
                         sqlite3_column_bytes(s, column));
    }
    memcpy(ret, bytes, size);
    return HEARTH_OK;
}

static uint64_t whole(sqlite3_stmt *s, int column)
{
    const int64_t value = sqlite3_column_int64(s, column);
    return value > 0 ? (uint64_t)value : 0;
}

static hearth_status read_row(sqlite3_stmt *s, key_row *ret, hearth_error *error)
{
    *ret = (key_row){.metrics = sqlite3_column_int(s, 3) != 0,
                     .admin = sqlite3_column_int(s, 4) != 0,
                     .limits = {whole(s, 5), whole(s, 6), whole(s, 7), whole(s, 8)},
                     .created = sqlite3_column_int64(s, 9),
                     .expires = sqlite3_column_int64(s, 10),
                     .revoked = sqlite3_column_int64(s, 11),
                     .hash = {.n = whole(s, 12), .r = whole(s, 13), .p = whole(s, 14)}};
    TRY(copy_text(s, 0, ret->id, sizeof ret->id, error));
    TRY(copy_text(s, 1, ret->name, sizeof ret->name, error));
    TRY(copy_text(s, 2, ret->models, sizeof ret->models, error));
    TRY(copy_bytes(s, 15, ret->hash.salt, sizeof ret->hash.salt, error));
    return copy_bytes(s, 16, ret->hash.hash, sizeof ret->hash.hash, error);
}

static hearth_status make_text(key_row *row, char ret_text[KEY_TEXT_SIZE], hearth_error *error)
{
    uint8_t random[30];
    char secret[KEY_SECRET_SIZE];
    TRY(secret_random(random, sizeof random, error));
    hash_hex_bytes(random, 6, row->id);
    hash_hex_bytes(random + 6, 24, secret);
    (void)snprintf(ret_text, KEY_TEXT_SIZE, "hearth_%s_%s", row->id, secret);
    const hearth_status status = secret_hash_make(secret, strlen(secret), &row->hash, error);
    secret_wipe(secret, sizeof secret);
    secret_wipe(random, sizeof random);
    return status;
}

/* Runs a statement that gives no rows, and frees it. */
static hearth_status run_once(sqlite3_stmt *s, hearth_error *error)
{
    const hearth_status status = sql_step(s, NULL, error);
    (void)sqlite3_finalize(s);
    return status;
}

hearth_status keys_file_add(keys_file *f, key_row *row, char ret_text[KEY_TEXT_SIZE], hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    TRY(make_text(row, ret_text, error));
    TRY(sql_prepare(f->db, "INSERT INTO key(" COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &s, error));
    bind_row(s, row);
    return run_once(s, error);
}

hearth_status keys_file_change(keys_file *f, const key_row *row, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    TRY(sql_prepare(f->db,
                    "UPDATE key SET name=?2, models=?3, metrics=?4, admin=?5, tokens_minute=?6, tokens_day=?7,"
                    " requests_minute=?8, concurrency=?9, expires=?11, revoked=max(revoked,?12) WHERE id=?1",
                    &s, error));
    bind_settings(s, row);
    return run_once(s, error);
}

hearth_status keys_file_find(keys_file *f, const char *id_or_name, key_row *ret, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    bool there = false, another = false;
    TRY(sql_prepare(f->db,
                    "SELECT " COLUMNS " FROM key WHERE id=?1 OR (name=?1 AND revoked=0 AND NOT EXISTS"
                    " (SELECT 1 FROM key WHERE id=?1)) LIMIT 2",
                    &s, error));
    bind_text(s, 1, id_or_name);
    hearth_status status = sql_step(s, &there, error);
    if (status == HEARTH_OK && there) {
        status = read_row(s, ret, error);
        status = status == HEARTH_OK ? sql_step(s, &another, error) : status;
    }
    (void)sqlite3_finalize(s);
    TRY(status);
    if (!there) {
        return error_set(error, HEARTH_E_NOT_FOUND, NULL, NULL, "no key has the id or the name \"%.60s\"", id_or_name);
    }
    return another
               ? error_set(error, HEARTH_E_ARGUMENT, id_or_name, "a name that one key has, or an id", "several keys")
               : HEARTH_OK;
}

hearth_status keys_file_each(keys_file *f, hearth_status (*fn)(void *context, const key_row *row, hearth_error *error),
                             void *context, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    bool there = false;
    key_row row;
    TRY(sql_prepare(f->db, "SELECT " COLUMNS " FROM key ORDER BY created, rowid", &s, error));
    hearth_status status = sql_step(s, &there, error);
    while (status == HEARTH_OK && there) {
        status = read_row(s, &row, error);
        status = status == HEARTH_OK ? fn(context, &row, error) : status;
        status = status == HEARTH_OK ? sql_step(s, &there, error) : status;
    }
    (void)sqlite3_finalize(s);
    return status;
}

/* ---- usage ---- */

static hearth_status add_items(sqlite3_stmt *s, const key_usage *items, size_t count, hearth_error *error)
{
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(s, 1, items[i].day);
        bind_text(s, 2, items[i].id);
        (void)sqlite3_bind_int64(s, 3, (int64_t)items[i].requests);
        (void)sqlite3_bind_int64(s, 4, (int64_t)items[i].prompt_tokens);
        (void)sqlite3_bind_int64(s, 5, (int64_t)items[i].tokens);
        TRY(sql_step(s, NULL, error));
    }
    return HEARTH_OK;
}

hearth_status keys_file_add_usage(keys_file *f, const key_usage *items, size_t count, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    TRY(sql_prepare(
        f->db,
        "INSERT INTO usage(day, id, requests, prompt_tokens, tokens) VALUES(?1,?2,?3,?4,?5) ON CONFLICT(day,"
        " id) DO UPDATE SET requests=requests+?3, prompt_tokens=prompt_tokens+?4, tokens=tokens+?5",
        &s, error));
    hearth_status status = sql_run(f->db, "BEGIN IMMEDIATE", error);
    if (status == HEARTH_OK) {
        status = add_items(s, items, count, error);
        status = status == HEARTH_OK ? sql_run(f->db, "COMMIT", error) : status;
        if (status != HEARTH_OK) {
            (void)sql_run(f->db, "ROLLBACK", NULL);
        }
    }
    (void)sqlite3_finalize(s);
    return status;
}

hearth_status keys_file_each_usage(keys_file *f, const char *id, int64_t from_day,
                                   hearth_status (*fn)(void *context, const key_usage *u, hearth_error *error),
                                   void *context, hearth_error *error)
{
    sqlite3_stmt *s = NULL;
    bool there = false;
    TRY(sql_prepare(f->db,
                    "SELECT id, day, requests, prompt_tokens, tokens FROM usage WHERE day>=?1 AND (?2 IS NULL OR id=?2)"
                    " ORDER BY day, id",
                    &s, error));
    (void)sqlite3_bind_int64(s, 1, from_day);
    sql_bind_text(s, 2, id);
    hearth_status status = sql_step(s, &there, error);
    while (status == HEARTH_OK && there) {
        key_usage u = {.day = sqlite3_column_int64(s, 1),
                       .requests = whole(s, 2),
                       .prompt_tokens = whole(s, 3),
                       .tokens = whole(s, 4)};
        status = copy_text(s, 0, u.id, sizeof u.id, error);
        status = status == HEARTH_OK ? fn(context, &u, error) : status;
        status = status == HEARTH_OK ? sql_step(s, &there, error) : status;
    }
    (void)sqlite3_finalize(s);
    return status;
}

hearth_status keys_file_version(keys_file *f, int64_t *ret, hearth_error *error)
{
    return one_number(f, "PRAGMA data_version", ret, error);
}

/* ---- texts ---- */

bool key_parse(const char *text, char ret_id[KEY_ID_SIZE], const char **ret_secret)
{
    if (strlen(text) != KEY_TEXT_SIZE - 1 || !text_starts(text, "hearth_")) {
        return false;
    }
    memcpy(ret_id, text + 7, KEY_ID_SIZE - 1);
    ret_id[KEY_ID_SIZE - 1] = '\0';
    *ret_secret = text + 7 + KEY_ID_SIZE;
    return text[7 + KEY_ID_SIZE - 1] == '_' && text_is_hex(ret_id, KEY_ID_SIZE - 1) &&
           text_is_hex(*ret_secret, KEY_SECRET_SIZE - 1);
}

hearth_status keys_file_default(char **ret, hearth_error *error)
{
    char *folder = file_user_folder("data");
    char *path = folder != NULL ? file_join(folder, "keys.sqlite") : NULL;
    mem_free(folder);
    if (path == NULL) {
        return error_set(error, HEARTH_E_ARGUMENT, "--keys", "a file", "neither HOME nor XDG_DATA_HOME is set");
    }
    const hearth_status status = file_make_place(path, error);
    if (status != HEARTH_OK) {
        mem_free(path);
        return status;
    }
    *ret = path;
    return HEARTH_OK;
}
