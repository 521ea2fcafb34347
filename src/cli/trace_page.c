/* The page of hearth trace report. */
#include "cli/trace_page.h"
#include "cli/page_parts.h"

#include "base/markup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define ITEMS_MOST 200u /* of an evaluation */

static hearth_status code_line(const char *what, const char *text, buffer *out, hearth_error *error)
{
    TRY(buffer_printf(out, error, "%s: <code>", what));
    TRY(markup_text(out, text, false, error));
    return buffer_append_text(out, "</code><br>\n", error);
}

static hearth_status totals(const json_t *r, buffer *out, hearth_error *error)
{
    char a[32], b[32], c[32], d[32];
    TRY(buffer_append_text(out, "<h1>", error));
    TRY(markup_text(out, page_word(r, "name", "Index"), false, error));
    TRY(buffer_printf(out, error, "</h1>\n<p>%s documents, %s of text, %s tokens; an index of %s.</p>\n<p>",
                      terminal_number(page_number(r, "documents"), a), text_bytes(page_number(r, "bytes"), b),
                      terminal_number(page_number(r, "tokens"), c), text_bytes(page_number(r, "disk_bytes"), d)));
    TRY(code_line("SHA-256 of the index", page_word(r, "sha256", ""), out, error));
    TRY(code_line("of the corpus's manifest", page_word(r, "corpus_sha256", "these are plain files"), out, error));
    TRY(code_line("of the tokenizer", page_word(r, "tokenizer_sha256", "none"), out, error));
    return buffer_append_text(out, "</p>\n", error);
}

static hearth_status name_table(const json_t *r, const char *key, const char *title, const char *none, buffer *out,
                                hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL, *rows = json_object_get(r, key);
    TRY(buffer_printf(out, error,
                      "<details><summary>%s: all %zu</summary>\n<table>\n<tr><th>name</th><th "
                      "class=\"n\">documents</th><th class=\"n\">bytes</th></tr>\n",
                      title, json_array_size(rows)));
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        char a[32], b[32];
        TRY(buffer_append_text(out, "<tr>", error));
        TRY(page_cell(page_word(row, "name", none), out, error));
        TRY(buffer_printf(out, error, "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                          terminal_number(page_number(row, "documents"), a),
                          terminal_number(page_number(row, "bytes"), b)));
    }
    return buffer_append_text(out, "</table>\n</details>\n", error);
}

static hearth_status lengths(const json_t *r, buffer *out, hearth_error *error)
{
    page_bar bars[64];
    char names[64][48], from[32], to[32];
    size_t count = 0, i = 0;
    const json_t *row = NULL, *rows = json_object_get(r, "lengths");
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        const uint64_t first = page_number(row, "bytes_from");
        if (count < 64) {
            (void)snprintf(names[count], sizeof names[count], "%s to %s", text_bytes(first, from),
                           text_bytes(2 * first - 1, to));
            bars[count] = (page_bar){.name = names[count], .all = page_number(row, "documents")};
            count++;
        }
    }
    return page_chart("Lengths, in documents", bars, count, false, out, error);
}

static hearth_status spans(const json_t *r, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL, *made = json_object_get(r, "spans"), *rows = json_object_get(made, "found");
    char a[32];
    TRY(buffer_printf(out, error,
                      "<h2>Most frequent pieces</h2>\n<p>Of %llu %s. All that stand %s times or more were seen; counts "
                      "are exact. Of pieces that overlap one is shown.</p>\n<table>\n<tr><th class=\"n\">times</th>"
                      "<th>piece</th><th>for instance in</th></tr>\n",
                      (unsigned long long)page_number(made, "length"), page_word(made, "by", ""),
                      terminal_number(page_number(made, "sure_from"), a)));
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        TRY(buffer_printf(out, error, "<tr><td class=\"n\">%s</td><td><pre>",
                          terminal_number(page_number(row, "count"), a)));
        TRY(markup_text(out, page_word(row, "text", ""), true, error));
        TRY(buffer_append_text(out, "</pre></td>", error));
        TRY(page_cell(page_word(row, "place", ""), out, error));
        TRY(buffer_append_text(out, "</tr>\n", error));
    }
    return buffer_append_text(out, "</table>\n", error);
}

/* ---- an evaluation ---- */

static hearth_status item(const json_t *row, buffer *out, hearth_error *error)
{
    char place[64], a[32];
    TRY(buffer_append_text(out, "<tr>", error));
    TRY(page_cell(page_word(row, "file", ""), out, error));
    (void)snprintf(place, sizeof place, "%llu", (unsigned long long)page_number(row, "line"));
    TRY(page_cell(place, out, error));
    TRY(page_cell(page_word(row, "key", ""), out, error));
    TRY(buffer_printf(out, error, "<td class=\"n\">%.0f%%</td><td class=\"n\">%s</td><td><pre>",
                      100 * json_number_value(json_object_get(row, "share")),
                      terminal_number(page_number(row, "longest"), a)));
    TRY(markup_text(out, page_word(row, "text", ""), true, error));
    TRY(buffer_append_text(out, "</pre></td>", error));
    TRY(page_cell(page_word(row, "place", ""), out, error));
    TRY(page_cell(page_word(row, "licence", ""), out, error));
    return buffer_append_text(out, "</tr>\n", error);
}

static hearth_status contaminated(const json_t *r, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL, *made = json_object_get(r, "contaminated"), *rows = json_object_get(made, "found");
    if (made == NULL) {
        return HEARTH_OK;
    }
    TRY(buffer_printf(out, error,
                      "<h2>Items of the evaluation that stand here</h2>\n<p>%llu items: %llu with a text that stands "
                      "here whole, %llu with pieces of %llu bytes or more, %llu without, %llu too short to tell. Word "
                      "for word only.</p>\n",
                      (unsigned long long)page_number(made, "items"), (unsigned long long)page_number(made, "whole"),
                      (unsigned long long)page_number(made, "part"), (unsigned long long)page_number(made, "least"),
                      (unsigned long long)page_number(made, "clean"), (unsigned long long)page_number(made, "short")));
    TRY(buffer_append_text(out,
                           "<table>\n<tr><th>file</th><th>line</th><th>text</th><th class=\"n\">share</th><th "
                           "class=\"n\">longest</th><th>piece</th><th>stands in</th><th>licence</th></tr>\n",
                           error));
    json_array_foreach((json_t *)(uintptr_t)rows, i, row)
    {
        if (i < ITEMS_MOST) {
            TRY(item(row, out, error));
        }
    }
    TRY(buffer_append_text(out, "</table>\n", error));
    return i > ITEMS_MOST ? buffer_printf(out, error, "<p>and %zu more.</p>\n", i - (size_t)ITEMS_MOST) : HEARTH_OK;
}

hearth_status trace_page(const json_t *report, buffer *out, hearth_error *error)
{
    TRY(page_head(page_word(report, "name", "Index"), out, error));
    TRY(totals(report, out, error));
    TRY(page_named_chart("Sources, in bytes", json_object_get(report, "sources"), "none", "bytes", NULL, out, error));
    TRY(name_table(report, "sources", "Sources", "none", out, error));
    TRY(page_named_chart("Licences, in bytes", json_object_get(report, "licences"), "nobody says", "bytes", NULL, out,
                         error));
    TRY(name_table(report, "licences", "Licences", "nobody says", out, error));
    TRY(page_named_chart("Languages, in bytes", json_object_get(report, "languages"), "unknown", "bytes", NULL, out,
                         error));
    TRY(lengths(report, out, error));
    TRY(spans(report, out, error));
    TRY(contaminated(report, out, error));
    return page_end(out, error);
}
