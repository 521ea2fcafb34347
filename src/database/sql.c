/* SQLite's calls and errors. */
#include "database/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

hearth_status sql_failed(sqlite3 *db, hearth_error *error)
{
    const int code = sqlite3_errcode(db);
    const hearth_status status = code == SQLITE_NOMEM                              ? HEARTH_E_MEMORY
                                 : code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? HEARTH_E_FORMAT
                                                                                   : HEARTH_E_IO;
    (void)error_set(error, status, NULL, NULL, "%s", sqlite3_errmsg(db));
    error_in_file(error, sqlite3_db_filename(db, "main"));
    return status;
}

static hearth_status open_with(const char *path, int flags, const char *settings, sqlite3 **ret, hearth_error *error)
{
    sqlite3 *db = NULL;
    hearth_status status = HEARTH_OK;
    if (sqlite3_open_v2(path, &db, flags, NULL) != SQLITE_OK) {
        if (db == NULL) {
            return error_memory(error, sizeof(void *));
        }
        status = sql_failed(db, error);
        error_in_file(error, path);
    } else {
        status = sql_run(db, settings, error);
    }
    if (status != HEARTH_OK) {
        (void)sqlite3_close(db);
        return status;
    }
    *ret = db;
    return HEARTH_OK;
}

hearth_status sql_create(const char *path, sqlite3 **ret, hearth_error *error)
{
    return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                     "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; "
                     "PRAGMA cache_size=-16384; PRAGMA temp_store=FILE; BEGIN",
                     ret, error);
}

hearth_status sql_open(const char *path, sqlite3 **ret, hearth_error *error)
{
    return open_with(path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                     "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; SELECT count(*) FROM sqlite_schema", ret,
                     error);
}

hearth_status sql_open_shared(const char *path, sqlite3 **ret, hearth_error *error)
{
    const int made = open(path, O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (made < 0) {
        return error_errno(error, path, "open", errno);
    }
    (void)close(made);
    return open_with(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX,
                     "PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY; "
                     "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
                     ret, error);
}

/* Asks what SQLite made of the schema, not the column `type`, which whoever wrote the file could set. */
hearth_status sql_want_tables(sqlite3 *db, const char *const *names, hearth_error *error)
{
    for (; *names != NULL; names++) {
        const int code = sqlite3_table_column_metadata(db, "main", *names, NULL, NULL, NULL, NULL, NULL, NULL);
        if (code == SQLITE_NOMEM) {
            return sql_failed(db, error);
        }
        if (code != SQLITE_OK) {
            (void)error_set(error, HEARTH_E_FORMAT, *names, "a table", "a view or nothing");
            error_in_file(error, sqlite3_db_filename(db, "main"));
            return HEARTH_E_FORMAT;
        }
    }
    return HEARTH_OK;
}

hearth_status sql_use_folder(const char *folder, hearth_error *error)
{
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = folder != NULL ? sqlite3_mprintf("%s", folder) : NULL;
    return folder != NULL && sqlite3_temp_directory == NULL ? error_memory(error, strlen(folder)) : HEARTH_OK;
}

hearth_status sql_run(sqlite3 *db, const char *statements, hearth_error *error)
{
    return sqlite3_exec(db, statements, NULL, NULL, NULL) == SQLITE_OK ? HEARTH_OK : sql_failed(db, error);
}

hearth_status sql_prepare(sqlite3 *db, const char *statement, sqlite3_stmt **ret, hearth_error *error)
{
    return sqlite3_prepare_v2(db, statement, -1, ret, NULL) == SQLITE_OK ? HEARTH_OK : sql_failed(db, error);
}

hearth_status sql_step(sqlite3_stmt *statement, bool *ret_there, hearth_error *error)
{
    const int code = sqlite3_step(statement);
    if (ret_there != NULL) {
        *ret_there = code == SQLITE_ROW;
    }
    if (code == SQLITE_ROW && ret_there != NULL) {
        return HEARTH_OK;
    }
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        const hearth_status status = sql_failed(sqlite3_db_handle(statement), error);
        (void)sqlite3_reset(statement);
        return status;
    }
    (void)sqlite3_reset(statement);
    return HEARTH_OK;
}

void sql_bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    if (text == NULL || *text == '\0') {
        (void)sqlite3_bind_null(statement, index);
    } else {
        (void)sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
    }
}

const char *sql_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text != NULL ? text : "";
}
