/* Exact duplicates: the hashes of texts in a file of SQLite's, so that memory does not grow with the corpus. */
#include "corpus/rule_functions.h"

#include "base/memory.h"
#include "base/text.h"
#include "database/sql.h"

#include <string.h>
#include <unistd.h>

typedef struct exact_state {
    sqlite3 *db;
    sqlite3_stmt *find, *insert;
    char *path;
} exact_state;

hearth_status exact_open(rule *r, hearth_error *error)
{
    exact_state *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return error_memory(error, sizeof *s);
    }
    r->state = s;
    s->path = text_format("%s/rule-%d.scratch", r->folder, r->index);
    if (s->path == NULL) {
        return error_memory(error, strlen(r->folder));
    }
    TRY(sql_create(s->path, &s->db, error));
    TRY(sql_run(s->db, "CREATE TABLE seen (hash BLOB PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID", error));
    TRY(sql_prepare(s->db, "SELECT row FROM seen WHERE hash = ?", &s->find, error));
    return sql_prepare(s->db, "INSERT INTO seen VALUES (?, ?)", &s->insert, error);
}

/* The hash is made beside the others; it lies in `kept`, which the last stage sets anew. */
hearth_status exact_apply(rule *r, document *d, int part, hearth_error *error)
{
    (void)r;
    (void)part;
    return hash_bytes_hex(buffer_text(&d->text), d->text.length, d->kept, error);
}

hearth_status exact_decide(rule *r, document *d, hearth_error *error)
{
    exact_state *s = r->state;
    bool there = false;
    (void)sqlite3_bind_text(s->find, 1, d->kept, 64, SQLITE_STATIC);
    TRY(sql_step(s->find, &there, error));
    if (there) {
        d->like = (uint64_t)sqlite3_column_int64(s->find, 0);
        (void)sqlite3_reset(s->find);
        return RULE_DROP(r, d, error, "the same text as document %llu", (unsigned long long)d->like);
    }
    (void)sqlite3_bind_text(s->insert, 1, d->kept, 64, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->insert, 2, (sqlite3_int64)d->row);
    return sql_step(s->insert, NULL, error);
}

void exact_close(rule *r)
{
    exact_state *s = r->state;
    if (s == NULL) {
        return;
    }
    (void)sqlite3_finalize(s->find);
    (void)sqlite3_finalize(s->insert);
    (void)sqlite3_close(s->db);
    if (s->path != NULL) {
        (void)unlink(s->path);
    }
    mem_free(s->path);
    mem_free(s);
}
