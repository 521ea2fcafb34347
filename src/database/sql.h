/* SQLite behind our errors. */
#ifndef DATABASE_SQL_H
#define DATABASE_SQL_H

#include "base/error.h"

#include <sqlite3.h>

/* A new file, written at full speed: it is worth nothing before sql_close. */
hearth_status sql_create(const char *path, sqlite3 **ret, hearth_error *error);
/* One that is there, for reading. */
hearth_status sql_open(const char *path, sqlite3 **ret, hearth_error *error);
/* One that several processes read and write at a time, made where it is not there, readable by its owner alone: each
 * transaction is whole or not there, whatever becomes of the process or the machine. Waits a few seconds for others. */
hearth_status sql_open_shared(const char *path, sqlite3 **ret, hearth_error *error);
/* Each of `names`, which end with NULL, must be a table: a stranger's view may run for ever. */
hearth_status sql_want_tables(sqlite3 *db, const char *const *names, hearth_error *error);
/* Where SQLite of this process puts what it sorts; NULL: where it likes. */
hearth_status sql_use_folder(const char *folder, hearth_error *error);
hearth_status sql_run(sqlite3 *db, const char *statements, hearth_error *error);
hearth_status sql_prepare(sqlite3 *db, const char *statement, sqlite3_stmt **ret, hearth_error *error);
/* Steps to the next row; *ret_there false at the end, and the statement is reset. ret_there NULL: none is expected. */
hearth_status sql_step(sqlite3_stmt *statement, bool *ret_there, hearth_error *error);
/* "" is bound as NULL. */
void sql_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* A column's text; "" where there is none. Valid until the next step. */
const char *sql_text(sqlite3_stmt *statement, int column);
hearth_status sql_failed(sqlite3 *db, hearth_error *error);

#endif
