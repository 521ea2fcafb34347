#include "indexing/index_shard.h"

#include "base/json.h"
#include "base/memory.h"

static hearth_status open_file(index_shard *w, trace_file file, hearth_error *error)
{
    char *path = trace_shard_path(w->folder, w->number, file);
    if (path == NULL) {
        return error_memory(error, strlen(w->folder));
    }
    const hearth_status status = hashed_file_open(path, true, &w->files[file], error);
    mem_free(path);
    return status;
}

hearth_status index_shard_open(const char *folder, size_t number, unsigned token_width, index_shard *ret,
                               hearth_error *error)
{
    *ret = (index_shard){.folder = folder, .number = number, .token_width = token_width, .rows = json_object()};
    buffer_init(&ret->line, 0);
    hearth_status status = ret->rows != NULL ? HEARTH_OK : error_memory(error, 64);
    static const trace_file files[] = {TRACE_FILE_DOCUMENTS, TRACE_FILE_FACTS, TRACE_FILE_TEXT, TRACE_FILE_TOKENS};
    for (size_t i = 0; i < sizeof files / sizeof *files && status == HEARTH_OK; i++) {
        if (files[i] != TRACE_FILE_TOKENS || token_width > 0) {
            status = open_file(ret, files[i], error);
        }
    }
    if (status != HEARTH_OK) {
        index_shard_drop(ret);
    }
    return status;
}

/* ---- documents ---- */

static hearth_status add_record(index_shard *w, hearth_error *error)
{
    const uint64_t record[3] = {w->bytes + w->documents * TRACE_TEXT_END,
                                w->token_width > 0 ? w->tokens + w->documents * TRACE_TOKENS_END : 0,
                                w->files[TRACE_FILE_FACTS].bytes};
    _Static_assert(sizeof record == TRACE_RECORD_BYTES, "as docs/formats/trace-index.md has it");
    return hashed_file_write(&w->files[TRACE_FILE_DOCUMENTS], record, sizeof record, error);
}

static json_t *put_text(json_t *facts, const char *name, const char *text)
{
    return *text != '\0' ? json_door_put(facts, name, json_door_string(text)) : facts;
}

static hearth_status add_facts(index_shard *w, const indexing_text *t, hearth_error *error)
{
    json_t *facts = put_text(json_object(), "id", t->id);
    facts = t->row > 0 ? json_door_put(facts, "row", json_integer((json_int_t)t->row)) : facts;
    facts = put_text(facts, "source", t->source);
    facts = put_text(facts, "place", t->place);
    facts = put_text(facts, "licence", t->licence);
    facts = put_text(facts, "evidence", t->evidence);
    facts = put_text(facts, "language", t->language);
    facts = t->held_out ? json_door_put(facts, "held_out", json_true()) : facts;
    if (facts == NULL) {
        return error_memory(error, 256);
    }
    buffer_clear(&w->line);
    hearth_status status = json_door_write(facts, 0, &w->line, error);
    json_decref(facts);
    if (status == HEARTH_OK && (w->line.length == 0 || w->line.data[w->line.length - 1] != '\n')) {
        status = buffer_append_char(&w->line, '\n', error);
    }
    return status == HEARTH_OK ? hashed_file_write(&w->files[TRACE_FILE_FACTS], w->line.data, w->line.length, error)
                               : status;
}

static hearth_status add_end(index_shard *w, trace_file file, unsigned width, unsigned units, hearth_error *error)
{
    uint8_t end[16];
    trace_put_end(end, width, units, (uint32_t)w->documents);
    return hashed_file_write(&w->files[file], end, (size_t)width * units, error);
}

static hearth_status add_tokens(index_shard *w, const token_list *ids, hearth_error *error)
{
    uint8_t unit[4];
    for (size_t i = 0; i < ids->count; i++) {
        trace_put_unit(unit, w->token_width, (uint32_t)ids->ids[i]);
        TRY(hashed_file_write(&w->files[TRACE_FILE_TOKENS], unit, w->token_width, error));
    }
    return add_end(w, TRACE_FILE_TOKENS, w->token_width, TRACE_TOKENS_END, error);
}

hearth_status index_shard_add(index_shard *w, const indexing_text *t, const token_list *ids, hearth_error *error)
{
    TRY(add_record(w, error));
    TRY(add_facts(w, t, error));
    TRY(hashed_file_write(&w->files[TRACE_FILE_TEXT], t->text, t->length, error));
    TRY(add_end(w, TRACE_FILE_TEXT, 1, TRACE_TEXT_END, error));
    if (ids != NULL) {
        TRY(add_tokens(w, ids, error));
        w->tokens += ids->count;
    }
    w->bytes += t->length;
    w->documents++;
    return HEARTH_OK;
}

/* ---- the end ---- */

hearth_status index_shard_note(index_shard *w, trace_file file, uint64_t bytes, const char *sha256, hearth_error *error)
{
    json_t *row = json_pack("{s:I, s:s}", "bytes", (json_int_t)bytes, "sha256", sha256);
    w->rows = json_door_put(w->rows, trace_file_names[file], row);
    return w->rows != NULL ? HEARTH_OK : error_memory(error, 64);
}

hearth_status index_shard_finish(index_shard *w, hearth_error *error)
{
    TRY(add_record(w, error));
    for (int i = 0; i < TRACE_FILES; i++) {
        char sha256[HASH_HEX_SIZE];
        const uint64_t bytes = w->files[i].bytes;
        if (w->files[i].hash != NULL) {
            TRY(hashed_file_finish(&w->files[i], sha256, error));
            TRY(index_shard_note(w, (trace_file)i, bytes, sha256, error));
        }
    }
    return HEARTH_OK;
}

json_t *index_shard_row(index_shard *w)
{
    json_t *row = json_pack("{s:I, s:I, s:I}", "documents", (json_int_t)w->documents, "bytes", (json_int_t)w->bytes,
                            "tokens", (json_int_t)w->tokens);
    row = json_door_put(row, "files", w->rows);
    w->rows = NULL;
    return row;
}

void index_shard_drop(index_shard *w)
{
    for (int i = 0; i < TRACE_FILES; i++) {
        hashed_file_drop(&w->files[i]);
    }
    buffer_free(&w->line);
    json_decref(w->rows);
    *w = (index_shard){0};
}
