/* hearth corpus show and stats: what a manifest says of a document, and of all. */
#include "cli/confine.h"
#include "cli/corpus_command.h"
#include "cli/corpus_report.h"

#include "base/json.h"
#include "base/text.h"
#include "corpus/stats.h"
#include "platform/file.h"

#include <stdio.h>
#include <string.h>

/* ---- show ---- */

typedef struct shown {
    const char *name, *text;
} shown;

static json_t *document_json(const manifest_document *d, uint64_t more, const shown *rows)
{
    json_t *object = json_pack("{s:I, s:s, s:I, s:b, s:b, s:I}", "row", (json_int_t)d->row, "id", d->id, "bytes",
                               (json_int_t)d->bytes, "kept", d->fate == NULL, "held_out", (int)d->held_out,
                               "others_with_this_id", (json_int_t)more);
    for (; rows->name != NULL; rows++) {
        object = json_door_put(object, rows->name, rows->text != NULL ? json_string(rows->text) : json_null());
    }
    object = json_door_put(object, "duplicate_of", d->like > 0 ? json_integer((json_int_t)d->like) : json_null());
    return json_door_put(object, "kept_bytes", d->fate == NULL ? json_integer((json_int_t)d->kept_bytes) : json_null());
}

static void print_row(const char *name, const char *text)
{
    printf("%-12s ", name);
    (void)terminal_write_text(text, strlen(text), NULL);
    putchar('\n');
}

static void print_document(const manifest_document *d, uint64_t more, const shown *rows)
{
    char number[32];
    printf("%-12s %llu\n", "row", (unsigned long long)d->row);
    print_row("id", d->id);
    printf("%-12s %s\n", "bytes", terminal_number(d->bytes, number));
    for (; rows->name != NULL; rows++) {
        if (rows->text != NULL) {
            print_row(rows->name, rows->text);
        }
    }
    if (d->fate == NULL) {
        printf("%-12s %s, %s bytes\n", "kept", d->held_out ? "held out" : "for training",
               terminal_number(d->kept_bytes, number));
    }
    if (d->like > 0) {
        printf("%-12s %llu\n", "duplicate of", (unsigned long long)d->like);
    }
    if (more > 0) {
        printf("%-12s %llu with this id\n", "others", (unsigned long long)more);
    }
}

hearth_status corpus_verb_show(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                               hearth_error *error)
{
    (void)s;
    const char *folder = operands[0];
    manifest_document d;
    uint64_t more = 0;
    TRY(confine_to_paths((const char *const[]){folder, NULL}, (const char *const[]){NULL}, error));
    TRY(manifest_find(folder, operands[1], &d, &more, error));
    const shown rows[] = {{"source", d.source},
                          {"kind", d.kind},
                          {"place", d.place},
                          {"licence", d.licence},
                          {"evidence", d.evidence},
                          {"language", d.language},
                          {"created", d.created},
                          {"dropped_by", d.fate},
                          {"reason", d.reason},
                          {"kept_sha256", d.fate == NULL ? d.kept_sha256 : NULL},
                          {NULL, NULL}};
    if (c->json) {
        *ret_code = cli_print_json(c, document_json(&d, more, rows));
    } else {
        print_document(&d, more, rows);
    }
    manifest_document_free(&d);
    return HEARTH_OK;
}

/* ---- stats ---- */

/* A name from a manifest, which a stranger may have written, in a column of 30. */
static void print_name(const char *name)
{
    (void)terminal_write_text(name, strlen(name), NULL);
    const size_t columns = terminal_columns(name, strlen(name));
    printf("%*s", columns < 30 ? 30 - (int)columns : 0, "");
}

static void print_counts(const json_t *stats, const char *key, const char *title, const char *none)
{
    size_t i = 0;
    const json_t *row = NULL;
    printf("\n%s%-30s %12s %12s %12s%s\n", terminal_style(stdout, "bold"), title, "documents", "kept", "bytes kept",
           terminal_style(stdout, "reset"));
    json_array_foreach(json_object_get(stats, key), i, row)
    {
        char a[32], b[32], d[32];
        const char *name = json_string_value(json_object_get(row, "name"));
        print_name(name != NULL && *name != '\0' ? name : none);
        printf(" %12s %12s %12s\n", terminal_number((uint64_t)json_integer_value(json_object_get(row, "documents")), a),
               terminal_number((uint64_t)json_integer_value(json_object_get(row, "kept")), b),
               text_bytes((uint64_t)json_integer_value(json_object_get(row, "kept_bytes")), d));
    }
}

static void print_stats(const json_t *stats)
{
    size_t i = 0;
    const json_t *row = NULL;
    print_counts(stats, "sources", "source", "");
    print_counts(stats, "licences", "licence", "none");
    print_counts(stats, "languages", "language", "unknown");
    printf("\n%s%-30s %12s %12s%s\n", terminal_style(stdout, "bold"), "dropped by", "documents", "bytes",
           terminal_style(stdout, "reset"));
    json_array_foreach(json_object_get(stats, "fates"), i, row)
    {
        char a[32], b[32];
        const char *fate = json_string_value(json_object_get(row, "fate"));
        print_name(fate != NULL ? fate : "no text");
        printf(" %12s %12s\n", terminal_number((uint64_t)json_integer_value(json_object_get(row, "documents")), a),
               text_bytes((uint64_t)json_integer_value(json_object_get(row, "bytes")), b));
    }
}

static hearth_status write_page(const json_t *numbers, const char *path, hearth_error *error)
{
    buffer page;
    buffer_init(&page, 0);
    hearth_status status = corpus_report(numbers, &page, error);
    if (status == HEARTH_OK) {
        status = file_replace(path, page.data, page.length, error);
    }
    buffer_free(&page);
    return status;
}

hearth_status corpus_verb_stats(const cli *c, const corpus_settings *s, const char **operands, int *ret_code,
                                hearth_error *error)
{
    const char *folder = operands[0];
    json_t *numbers = NULL;
    corpus_summary summary;
    TRY(confine_to_paths((const char *const[]){folder, NULL}, (const char *const[]){s->output, NULL}, error));
    TRY(corpus_stats(folder, &numbers, error));
    hearth_status status = s->output != NULL ? write_page(numbers, s->output, error) : HEARTH_OK;
    if (status == HEARTH_OK && c->json) {
        *ret_code = cli_print_json(c, numbers);
        return HEARTH_OK;
    }
    if (status == HEARTH_OK && s->output == NULL) {
        status = corpus_read_summary(folder, &summary, error);
        if (status == HEARTH_OK) {
            corpus_print_totals(folder, &summary.totals);
            print_stats(numbers);
        }
    }
    json_decref(numbers);
    return status;
}
