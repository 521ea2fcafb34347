/* Writing a manifest: SQLite, its JSON lines, the shards of what is kept, corpus.json. */
#include "corpus/manifest.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "corpus/rules.h"
#include "corpus/shards.h"
#include "database/sql.h"
#include "platform/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES_A_RULE 20u /* how many texts of what a rule dropped are kept, their beginnings */
#define SAMPLE_BYTES 400u

static const char schema[] =
    "CREATE TABLE corpus (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, licence TEXT, evidence TEXT,"
    " sha256 TEXT, documents INTEGER);"
    "CREATE TABLE rule (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parameters TEXT);"
    "CREATE TABLE document (row INTEGER PRIMARY KEY, id BLOB NOT NULL, source INTEGER NOT NULL, place TEXT,"
    " licence TEXT, evidence TEXT, language TEXT, created TEXT, bytes INTEGER NOT NULL, fate TEXT, rule INTEGER,"
    " reason TEXT, duplicate_of INTEGER, kept_bytes INTEGER, kept_sha256 BLOB, held_out INTEGER NOT NULL);"
    "CREATE TABLE sample (row INTEGER PRIMARY KEY, fate TEXT NOT NULL, text TEXT NOT NULL);";

struct manifest_writer {
    char *folder;
    const recipe *r;
    sqlite3 *db;
    sqlite3_stmt *insert, *sample;
    zst_writer *lines;
    shard_writer shards;
    manifest_totals totals;
    json_t *sources;
    buffer head, line; /* of the document that is written: what manifest and shard share; and one of both */
    uint64_t *sampled; /* [rules + 1]: how many samples there are; the last is of fates without a rule */
};

/* ---- starting ---- */

static hearth_status insert_rules(manifest_writer *m, sqlite3_stmt *insert, hearth_error *error)
{
    for (size_t i = 0; i < m->r->rule_count; i++) {
        const recipe_rule *asked = &m->r->rules[i];
        buffer_clear(&m->line);
        for (size_t p = 0; p < asked->parameter_count; p++) {
            TRY(buffer_printf(&m->line, error, "%s%s: %s", p > 0 ? "\n" : "", asked->parameters[p].name,
                              asked->parameters[p].value));
        }
        (void)sqlite3_bind_int64(insert, 1, (sqlite3_int64)i);
        sql_bind_text(insert, 2, asked->name);
        sql_bind_text(insert, 3, buffer_text(&m->line));
        TRY(sql_step(insert, NULL, error));
    }
    return HEARTH_OK;
}

static hearth_status start_database(manifest_writer *m, hearth_error *error)
{
    char *path = file_join(m->folder, "manifest.sqlite");
    if (path == NULL) {
        return error_memory(error, strlen(m->folder));
    }
    hearth_status status = sql_create(path, &m->db, error);
    mem_free(path);
    TRY(status);
    sqlite3_stmt *insert = NULL;
    TRY(sql_run(m->db, schema, error));
    TRY(sql_prepare(m->db, "INSERT INTO rule VALUES (?, ?, ?)", &insert, error));
    status = insert_rules(m, insert, error);
    (void)sqlite3_finalize(insert);
    TRY(status);
    TRY(sql_prepare(m->db, "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", &m->insert,
                    error));
    return sql_prepare(m->db, "INSERT INTO sample VALUES (?, ?, ?)", &m->sample, error);
}

static hearth_status start(manifest_writer *m, const char *folder, hearth_error *error)
{
    m->folder = mem_strdup(folder);
    m->sources = json_array();
    m->sampled = mem_calloc(m->r->rule_count + 1, sizeof *m->sampled);
    if (m->folder == NULL || m->sources == NULL || m->sampled == NULL) {
        return error_memory(error, strlen(folder));
    }
    TRY(start_database(m, error));
    TRY(shards_create(folder, &m->shards, error));
    char *path = file_join(folder, "manifest.jsonl.zst");
    if (path == NULL) {
        return error_memory(error, strlen(folder));
    }
    const hearth_status status = zst_create(path, &m->lines, error);
    mem_free(path);
    return status;
}

hearth_status manifest_create(const char *folder, const recipe *r, manifest_writer **ret, hearth_error *error)
{
    manifest_writer *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return error_memory(error, sizeof *m);
    }
    m->r = r;
    buffer_init(&m->head, 0);
    buffer_init(&m->line, 0);
    const hearth_status status = start(m, folder, error);
    if (status != HEARTH_OK) {
        manifest_drop(m);
        return status;
    }
    *ret = m;
    return HEARTH_OK;
}

void manifest_drop(manifest_writer *m)
{
    if (m == NULL) {
        return;
    }
    (void)sqlite3_finalize(m->insert);
    (void)sqlite3_finalize(m->sample);
    (void)sqlite3_close(m->db);
    zst_drop(m->lines);
    shards_drop(&m->shards);
    json_decref(m->sources);
    buffer_free(&m->head);
    buffer_free(&m->line);
    mem_free(m->sampled);
    mem_free(m->folder);
    mem_free(m);
}

/* ---- JSON: written by hand, since most of it is long texts ---- */

static hearth_status put_escape(buffer *out, uint32_t code, hearth_error *error)
{
    return code == '\n'   ? buffer_append(out, "\\n", 2, error)
           : code == '\t' ? buffer_append(out, "\\t", 2, error)
           : code == '\r' ? buffer_append(out, "\\r", 2, error)
           : code < 0x20  ? buffer_printf(out, error, "\\u%04x", code)
                          : buffer_printf(out, error, "\\%c", (char)code);
}

/* A string; bytes that are no UTF-8 become U+FFFD. */
static hearth_status put_string(buffer *out, const char *text, size_t length, hearth_error *error)
{
    TRY(buffer_append_char(out, '"', error));
    for (size_t from = 0, at = 0; at <= length;) {
        const unsigned char c = at < length ? (unsigned char)text[at] : 0;
        uint32_t code = c;
        const size_t taken = c < 0x80 ? 1 : utf8_decode_lossy(text + at, length - at, &code);
        const bool broken = code == 0xFFFD && c >= 0x80 && utf8_decode(text + at, length - at, &code) == 0;
        if (at == length || c < 0x20 || c == '"' || c == '\\' || broken) {
            TRY(buffer_append(out, text + from, at - from, error));
            from = at + taken;
            if (at < length) {
                TRY(broken ? buffer_append_text(out, "\xEF\xBF\xBD", error) : put_escape(out, c, error));
            }
        }
        at += taken;
    }
    return buffer_append_char(out, '"', error);
}

static hearth_status put_field(buffer *out, const char *name, const char *text, size_t length, hearth_error *error)
{
    if (length == 0) {
        return HEARTH_OK;
    }
    TRY(buffer_printf(out, error, "%s\"%s\": ", out->length > 0 && out->data[out->length - 1] != '{' ? ", " : "",
                      name));
    return put_string(out, text, length, error);
}

static hearth_status put_buffer(buffer *out, const char *name, const buffer *b, hearth_error *error)
{
    return put_field(out, name, buffer_text(b), b->length, error);
}

/* "source": …, "created": …, "metadata": {…}} and the end of the line: what manifest and shards have in common. */
static hearth_status make_head(manifest_writer *m, const document *d, hearth_error *error)
{
    buffer *out = &m->head;
    const char *source = m->r->sources[d->source].name;
    buffer_clear(out);
    TRY(buffer_append_char(out, '{', error)); /* taken off again by the caller */
    TRY(put_field(out, "source", source, strlen(source), error));
    TRY(put_buffer(out, "created", &d->created, error));
    TRY(buffer_printf(out, error, ", \"metadata\": {\"row\": %" PRIu64 ", \"bytes\": %" PRIu64, d->row, d->bytes));
    TRY(put_buffer(out, "place", &d->place, error));
    TRY(put_buffer(out, "license", &d->licence, error));
    TRY(put_buffer(out, "license_evidence", &d->evidence, error));
    TRY(put_buffer(out, "language", &d->language, error));
    const char *fate = d->fate != NULL ? d->fate : "kept";
    TRY(put_field(out, "fate", fate, strlen(fate), error));
    TRY(put_buffer(out, "reason", &d->reason, error));
    if (d->like != 0) {
        TRY(buffer_printf(out, error, ", \"duplicate_of\": %" PRIu64, d->like));
    }
    if (d->fate == NULL) {
        TRY(buffer_printf(out, error, ", \"kept_bytes\": %zu, \"kept_sha256\": \"%s\", \"split\": \"%s\"",
                          d->text.length, d->kept, d->held_out ? "held-out" : "train"));
    }
    return buffer_append(out, "}}\n", 3, error);
}

static hearth_status write_lines(manifest_writer *m, const document *d, hearth_error *error)
{
    TRY(make_head(m, d, error));
    buffer *line = &m->line;
    buffer_clear(line);
    TRY(buffer_printf(line, error, "{\"id\": \"%s\", ", d->id));
    TRY(buffer_append(line, m->head.data + 1, m->head.length - 1, error));
    TRY(zst_write(m->lines, line->data, line->length, error));
    if (d->fate != NULL) {
        return HEARTH_OK;
    }
    buffer_clear(line);
    TRY(buffer_printf(line, error, "{\"id\": \"%s\", \"text\": ", d->id));
    TRY(put_string(line, buffer_text(&d->text), d->text.length, error));
    TRY(buffer_append(line, ", ", 2, error));
    TRY(buffer_append(line, m->head.data + 1, m->head.length - 1, error));
    return shards_add(&m->shards, line, error);
}

/* ---- SQLite ---- */

static void bind_hash(sqlite3_stmt *s, int index, const char *hex)
{
    uint8_t bytes[32];
    if (hex[0] == '\0') {
        (void)sqlite3_bind_null(s, index);
        return;
    }
    document_hash_bytes(hex, bytes);
    (void)sqlite3_bind_blob(s, index, bytes, sizeof bytes, SQLITE_TRANSIENT);
}

static void bind_number(sqlite3_stmt *s, int index, bool there, uint64_t number)
{
    if (there) {
        (void)sqlite3_bind_int64(s, index, (sqlite3_int64)number);
    } else {
        (void)sqlite3_bind_null(s, index);
    }
}

static hearth_status insert_document(manifest_writer *m, const document *d, hearth_error *error)
{
    sqlite3_stmt *s = m->insert;
    const bool kept = d->fate == NULL;
    bind_number(s, 1, true, d->row);
    bind_hash(s, 2, d->id);
    bind_number(s, 3, true, d->source);
    sql_bind_text(s, 4, buffer_text(&d->place));
    sql_bind_text(s, 5, buffer_text(&d->licence));
    sql_bind_text(s, 6, buffer_text(&d->evidence));
    sql_bind_text(s, 7, buffer_text(&d->language));
    sql_bind_text(s, 8, buffer_text(&d->created));
    bind_number(s, 9, true, d->bytes);
    sql_bind_text(s, 10, d->fate);
    bind_number(s, 11, d->rule >= 0, (uint64_t)d->rule);
    sql_bind_text(s, 12, buffer_text(&d->reason));
    bind_number(s, 13, d->like != 0, d->like);
    bind_number(s, 14, kept, d->text.length);
    bind_hash(s, 15, kept ? d->kept : "");
    bind_number(s, 16, true, d->held_out);
    return sql_step(s, NULL, error);
}

/* The beginning of a text that a rule dropped, of its first ones. Whoever opted out is not shown again. */
static hearth_status keep_sample(manifest_writer *m, const document *d, hearth_error *error)
{
    uint64_t *sampled = &m->sampled[d->rule >= 0 ? (size_t)d->rule : m->r->rule_count];
    if (d->fate == NULL || *sampled >= SAMPLES_A_RULE || strcmp(d->fate, "opt_out") == 0) {
        return HEARTH_OK;
    }
    ++*sampled;
    buffer_clear(&m->line);
    for (size_t at = 0; at < d->text.length && m->line.length < SAMPLE_BYTES;) {
        uint32_t code = 0;
        char bytes[4];
        at += utf8_decode_lossy(d->text.data + at, d->text.length - at, &code);
        code = code == 0 ? 0xFFFD : code;
        TRY(buffer_append(&m->line, bytes, utf8_encode(code, bytes), error));
    }
    (void)sqlite3_bind_int64(m->sample, 1, (sqlite3_int64)d->row);
    sql_bind_text(m->sample, 2, d->fate);
    (void)sqlite3_bind_text(m->sample, 3, buffer_text(&m->line), -1, SQLITE_TRANSIENT);
    return sql_step(m->sample, NULL, error);
}

hearth_status manifest_add(manifest_writer *m, const document *d, hearth_error *error)
{
    manifest_totals *t = &m->totals;
    TRY(write_lines(m, d, error));
    TRY(insert_document(m, d, error));
    TRY(keep_sample(m, d, error));
    t->documents++;
    t->bytes += d->bytes;
    if (d->fate == NULL) {
        t->kept++;
        t->held_out += d->held_out;
        t->kept_bytes += d->text.length;
    }
    return HEARTH_OK;
}

hearth_status manifest_add_source(manifest_writer *m, uint32_t source, const source_report *report, hearth_error *error)
{
    const recipe_source *s = &m->r->sources[source];
    sqlite3_stmt *insert = NULL;
    TRY(sql_prepare(m->db, "INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?)", &insert, error));
    (void)sqlite3_bind_int64(insert, 1, source);
    sql_bind_text(insert, 2, s->name);
    sql_bind_text(insert, 3, source_kind_name(s->kind));
    sql_bind_text(insert, 4, s->licence);
    sql_bind_text(insert, 5, s->evidence);
    sql_bind_text(insert, 6, report->sha256);
    (void)sqlite3_bind_int64(insert, 7, (sqlite3_int64)report->documents);
    const hearth_status status = sql_step(insert, NULL, error);
    (void)sqlite3_finalize(insert);
    TRY(status);
    json_t *row = json_pack("{s:s, s:s, s:I}", "name", s->name, "kind", source_kind_name(s->kind), "documents",
                            (json_int_t)report->documents);
    if (row != NULL && report->sha256[0] != '\0') {
        row = json_door_put(row, "sha256", json_string(report->sha256));
    }
    return row == NULL || json_array_append_new(m->sources, row) != 0 ? error_memory(error, sizeof *s) : HEARTH_OK;
}

/* ---- the end ---- */

static hearth_status write_summary(manifest_writer *m, const rule_list *rules, hearth_error *error)
{
    const manifest_totals *t = &m->totals;
    json_t *root = json_pack("{s:i, s:{s:s, s:s}, s:s, s:I, s:I, s:I, s:I, s:I, s:O, s:O}", "format", MANIFEST_FORMAT,
                             "recipe", "name", m->r->name, "sha256", m->r->sha256, "sha256", t->sha256, "documents",
                             (json_int_t)t->documents, "kept", (json_int_t)t->kept, "held_out", (json_int_t)t->held_out,
                             "bytes", (json_int_t)t->bytes, "kept_bytes", (json_int_t)t->kept_bytes, "sources",
                             m->sources, "shards", m->shards.list);
    char *path = file_join(m->folder, "corpus.json");
    buffer_clear(&m->line);
    hearth_status status =
        root == NULL || path == NULL ? error_memory(error, strlen(m->folder)) : rules_record(rules, root, error);
    status = status == HEARTH_OK ? json_door_write(root, 2, &m->line, error) : status;
    if (status == HEARTH_OK) {
        status = buffer_append_char(&m->line, '\n', error);
    }
    if (status == HEARTH_OK) {
        status = file_create(path, m->line.data, m->line.length, error);
    }
    json_decref(root);
    mem_free(path);
    return status;
}

static hearth_status insert_totals(manifest_writer *m, hearth_error *error)
{
    buffer_clear(&m->line);
    TRY(buffer_printf(&m->line, error,
                      "CREATE INDEX document_id ON document (id);"
                      "INSERT INTO corpus VALUES ('format', '%d'), ('recipe_sha256', '%s'), ('sha256', '%s');COMMIT",
                      MANIFEST_FORMAT, m->r->sha256, m->totals.sha256));
    TRY(sql_run(m->db, buffer_text(&m->line), error));
    sqlite3_stmt *insert = NULL;
    TRY(sql_prepare(m->db, "INSERT INTO corpus VALUES ('recipe', ?)", &insert, error));
    sql_bind_text(insert, 1, m->r->name);
    const hearth_status status = sql_step(insert, NULL, error);
    (void)sqlite3_finalize(insert);
    return status;
}

hearth_status manifest_finish(manifest_writer *m, const rule_list *rules, manifest_totals *ret, hearth_error *error)
{
    zst_writer *lines = m->lines;
    uint64_t bytes = 0;
    m->lines = NULL;
    TRY(zst_finish(lines, m->totals.sha256, &bytes, error));
    TRY(shards_finish(&m->shards, error));
    TRY(insert_totals(m, error));
    (void)sqlite3_finalize(m->insert);
    (void)sqlite3_finalize(m->sample);
    m->insert = m->sample = NULL;
    if (sqlite3_close(m->db) != SQLITE_OK) {
        return sql_failed(m->db, error);
    }
    m->db = NULL;
    TRY(write_summary(m, rules, error));
    *ret = m->totals;
    return HEARTH_OK;
}
