/* hearth trace report: an index's documents counted by source, licence, language and length, and its most frequent
 * pieces. */
#include "cli/confine.h"
#include "cli/trace_command.h"
#include "cli/trace_contaminated.h"
#include "cli/trace_page.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "platform/file.h"
#include "trace/trace_spans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_BYTES 60u
#define SPAN_TOKENS 12u
#define SPANS 30u
#define LENGTHS 40u /* powers of two */

/* ---- counts by name ---- */

typedef struct tally {
    json_t *documents, *bytes; /* {name: number} */
} tally;

static bool tally_add(tally *t, const char *name, uint64_t bytes)
{
    const json_int_t before = json_integer_value(json_object_get(t->documents, name)),
                     sum = json_integer_value(json_object_get(t->bytes, name));
    return json_object_set_new(t->documents, name, json_integer(before + 1)) == 0 &&
           json_object_set_new(t->bytes, name, json_integer(sum + (json_int_t)bytes)) == 0;
}

typedef struct name_row {
    json_t *value;
} name_row;

static int by_bytes(const void *a, const void *b)
{
    const json_t *x = ((const name_row *)a)->value, *y = ((const name_row *)b)->value;
    const json_int_t p = json_integer_value(json_object_get(x, "bytes")),
                     q = json_integer_value(json_object_get(y, "bytes"));
    return p != q
               ? (p < q) - (p > q)
               : strcmp(json_string_value(json_object_get(x, "name")), json_string_value(json_object_get(y, "name")));
}

/* Rows, most bytes first; the tally is freed. NULL when memory is out. */
static json_t *tally_rows(tally *t)
{
    const char *name = NULL;
    json_t *documents = NULL, *rows = json_array();
    const size_t count = json_object_size(t->documents);
    name_row *sorted = count > 0 ? mem_calloc(count, sizeof *sorted) : NULL;
    size_t i = 0;
    bool good = rows != NULL && (count == 0 || sorted != NULL);
    json_object_foreach(t->documents, name, documents)
    {
        if (good) {
            sorted[i].value = json_pack("{s:s, s:O, s:O}", "name", name, "documents", documents, "bytes",
                                        json_object_get(t->bytes, name));
            good = sorted[i].value != NULL;
            i += good ? 1 : 0;
        }
    }
    if (good && count > 0) {
        qsort(sorted, count, sizeof *sorted, by_bytes);
    }
    for (size_t k = 0; k < i; k++) {
        rows = json_door_append(rows, sorted[k].value);
    }
    mem_free(sorted);
    json_decref(t->documents);
    json_decref(t->bytes);
    *t = (tally){0};
    if (!good) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

typedef struct counts {
    tally sources, licences, languages;
    uint64_t lengths[LENGTHS];
} counts;

static hearth_status count_document(const trace_index *x, uint64_t number, counts *c, hearth_error *error)
{
    trace_document d = {0};
    TRY(trace_document_read(x, number, &d, error));
    const bool good = tally_add(&c->sources, d.source, d.bytes) && tally_add(&c->licences, d.licence, d.bytes) &&
                      tally_add(&c->languages, d.language, d.bytes);
    unsigned power = 0;
    while (power + 1 < LENGTHS && d.bytes >> (power + 1) > 0) {
        power++;
    }
    c->lengths[power]++;
    trace_document_free(&d);
    return good ? HEARTH_OK : error_memory(error, 1024);
}

static json_t *lengths_json(const counts *c)
{
    json_t *rows = json_array();
    for (unsigned i = 0; i < LENGTHS; i++) {
        if (c->lengths[i] > 0) {
            rows = json_door_append(rows, json_pack("{s:I, s:I}", "bytes_from", (json_int_t)(1ull << i), "documents",
                                                    (json_int_t)c->lengths[i]));
        }
    }
    return rows;
}

static hearth_status count_documents(const trace_index *x, terminal_progress *bar, json_t *root, hearth_error *error)
{
    counts c = {.sources = {json_object(), json_object()},
                .licences = {json_object(), json_object()},
                .languages = {json_object(), json_object()}};
    const uint64_t documents = trace_index_facts(x)->documents;
    hearth_status status = HEARTH_OK;
    for (uint64_t i = 0; i < documents && status == HEARTH_OK; i++) {
        status = count_document(x, i, &c, error);
        if (status == HEARTH_OK && i % 1024 == 0 && !terminal_progress_step(bar, "count", i, documents, "documents")) {
            status = error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
    }
    json_t *const rows[] = {tally_rows(&c.sources), tally_rows(&c.licences), tally_rows(&c.languages),
                            lengths_json(&c)};
    static const char *const names[] = {"sources", "licences", "languages", "lengths"};
    for (int i = 0; i < 4; i++) {
        const bool put = json_object_set_new(root, names[i], rows[i]) == 0;
        status = status == HEARTH_OK && !put ? error_memory(error, 1024) : status;
    }
    return status;
}

/* ---- frequent pieces ---- */

static hearth_status add_piece(const trace_index *x, const trace_span_count *s, bool bytes, json_t *rows,
                               hearth_error *error)
{
    trace_document d = {0};
    buffer text;
    buffer_init(&text, 0);
    hearth_status status =
        trace_document_units(x, bytes ? TRACE_BYTES : TRACE_TOKENS, s->place.document, s->place.begin,
                             s->place.begin + (bytes ? SPAN_BYTES : SPAN_TOKENS), DECODE_SPECIAL, &text, error);
    status = status == HEARTH_OK ? trace_document_read(x, s->place.document, &d, error) : status;
    if (status == HEARTH_OK) {
        json_t *row = json_pack("{s:I, s:s, s:s}", "count", (json_int_t)s->count, "source", d.source, "place", d.place);
        row = json_door_put(row, "text", json_door_text(buffer_text(&text), text.length));
        status = json_array_append_new(rows, row) == 0 ? HEARTH_OK : error_memory(error, 256);
    }
    trace_document_free(&d);
    buffer_free(&text);
    return status;
}

static hearth_status count_pieces(const trace_index *x, json_t *root, hearth_error *error)
{
    trace_span_count spans[TRACE_SPANS_MOST];
    size_t count = 0;
    uint64_t least = 0;
    const bool bytes = trace_index_facts(x)->has[TRACE_BYTES];
    json_t *rows = json_array();
    hearth_status status = rows != NULL
                               ? trace_spans(x, bytes ? SPAN_BYTES : SPAN_TOKENS, SPANS, spans, &count, &least, error)
                               : error_memory(error, 64);
    for (size_t i = 0; i < count && status == HEARTH_OK; i++) {
        status = add_piece(x, &spans[i], bytes, rows, error);
    }
    json_t *made = json_pack("{s:s, s:I, s:I}", "by", trace_unit_names[bytes ? TRACE_BYTES : TRACE_TOKENS], "length",
                             (json_int_t)(bytes ? SPAN_BYTES : SPAN_TOKENS), "sure_from", (json_int_t)least);
    made = json_door_put(made, "found", rows);
    const bool put = json_object_set_new(root, "spans", made) == 0;
    return status == HEARTH_OK && !put ? error_memory(error, 256) : status;
}

hearth_status trace_report_count(const trace_index *x, terminal_progress *bar, json_t **ret, hearth_error *error)
{
    const trace_facts *f = trace_index_facts(x);
    json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name", f->name, "sha256", f->sha256,
                             "corpus_sha256", f->corpus_sha256, "tokenizer_sha256", f->tokenizer_sha256, "documents",
                             (json_int_t)f->documents, "bytes", (json_int_t)f->bytes, "tokens", (json_int_t)f->tokens,
                             "disk_bytes", (json_int_t)f->file_bytes, "shards", (json_int_t)f->shards);
    hearth_status status = root != NULL ? count_documents(x, bar, root, error) : error_memory(error, 1024);
    status = status == HEARTH_OK ? count_pieces(x, root, error) : status;
    terminal_progress_end(bar);
    if (status != HEARTH_OK) {
        json_decref(root);
        return status;
    }
    *ret = root;
    return HEARTH_OK;
}

/* ---- the verb ---- */

static hearth_status write_page(const json_t *report, const char *path, hearth_error *error)
{
    buffer page;
    buffer_init(&page, 0);
    hearth_status status = trace_page(report, &page, error);
    if (status == HEARTH_OK) {
        status = file_replace(path, page.data, page.length, error);
    }
    buffer_free(&page);
    return status;
}

static hearth_status make(const trace_index *x, const char *suite, size_t least, terminal_progress *bar, json_t **ret,
                          hearth_error *error)
{
    json_t *found = NULL;
    TRY(trace_report_count(x, bar, ret, error));
    if (suite == NULL) {
        return HEARTH_OK;
    }
    TRY(trace_contaminated(x, suite, least, bar, &found, error));
    return json_object_set_new(*ret, "contaminated", found) == 0 ? HEARTH_OK : error_memory(error, 256);
}

hearth_status trace_verb_report(const cli *c, const trace_settings *s, const char **operands, size_t count,
                                int *ret_code, hearth_error *error)
{
    trace_index *x = NULL;
    json_t *report = NULL;
    terminal_progress bar = {.quiet = c->quiet};
    const char *suite = count > 1 ? operands[1] : NULL;
    size_t length = strlen(operands[0]);
    while (length > 1 && operands[0][length - 1] == '/') {
        length--;
    }
    char *path = s->output != NULL ? mem_strdup(s->output) : text_format("%.*s.html", (int)length, operands[0]);
    hearth_status status = path != NULL
                               ? trace_open(c, operands[0], (const char *const[]){suite, NULL}, path, &x, error)
                               : error_memory(error, length);
    status = status == HEARTH_OK ? make(x, suite, s->least, &bar, &report, error) : status;
    if (status == HEARTH_OK && (!c->json || s->output != NULL)) {
        status = write_page(report, path, error);
    }
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, report);
        report = NULL;
    } else if (status == HEARTH_OK) {
        printf("%s\n", path);
    }
    json_decref(report);
    trace_index_close(x);
    mem_free(path);
    return status;
}
