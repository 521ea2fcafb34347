/* The page of a corpus: tables and bars, nothing from elsewhere. */
#include "cli/corpus_report.h"
#include "cli/page_parts.h"
#include "cli/terminal.h"

#include "base/markup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static hearth_status totals(const json_t *stats, buffer *out, hearth_error *error)
{
    char a[32], b[32], c[32], d[32], e[32];
    const uint64_t kept = page_number(stats, "kept");
    TRY(buffer_printf(out, error,
                      "<h1>Corpus</h1>\n<p>%s documents (%s) were seen; %s (%s) are kept, of them %s held out.</p>\n"
                      "<p>SHA-256 of the manifest: <code>%s</code><br>of the recipe: <code>%s</code></p>\n",
                      terminal_number(page_number(stats, "documents"), a), text_bytes(page_number(stats, "bytes"), b),
                      terminal_number(kept, c), text_bytes(page_number(stats, "kept_bytes"), d),
                      terminal_number(page_number(stats, "held_out"), e), page_word(stats, "sha256", ""),
                      page_word(stats, "recipe_sha256", "")));
    return buffer_append_text(out, "<p>In the charts dark is what is kept, light what was dropped.</p>\n", error);
}

/* ---- charts ---- */

static hearth_status lengths(const json_t *stats, buffer *out, hearth_error *error)
{
    page_bar bars[64];
    char names[64][48], from[32], to[32];
    size_t count = 0, i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(stats, "lengths"), i, row)
    {
        const uint64_t first = page_number(row, "bytes_from");
        if (count < 64) {
            (void)snprintf(names[count], sizeof names[count], "%s to %s", text_bytes(first, from),
                           text_bytes(first == 0 ? 1 : 2 * first - 1, to));
            bars[count] = (page_bar){names[count], page_number(row, "documents"), page_number(row, "kept")};
            count++;
        }
    }
    return page_chart("Lengths", bars, count, true, out, error);
}

/* ---- tables ---- */

static hearth_status source_table(const json_t *stats, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL;
    TRY(buffer_append_text(out,
                           "<table>\n<tr><th>source</th><th>kind</th><th>licence</th><th class=\"n\">documents</th><th "
                           "class=\"n\">kept</th><th class=\"n\">bytes kept</th><th>SHA-256</th></tr>\n",
                           error));
    json_array_foreach(json_object_get(stats, "sources"), i, row)
    {
        char a[32], b[32], c[32];
        TRY(buffer_append_text(out, "<tr>", error));
        TRY(page_cell(page_word(row, "name", ""), out, error));
        TRY(page_cell(page_word(row, "kind", ""), out, error));
        TRY(page_cell(page_word(row, "licence", "each its own"), out, error));
        TRY(buffer_printf(out, error, "<td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td><code>",
                          terminal_number(page_number(row, "documents"), a),
                          terminal_number(page_number(row, "kept"), b), text_bytes(page_number(row, "kept_bytes"), c)));
        char sha256[13];
        (void)snprintf(sha256, sizeof sha256, "%s", page_word(row, "sha256", ""));
        TRY(markup_text(out, sha256, false, error));
        TRY(buffer_append_text(out, "</code></td></tr>\n", error));
    }
    return buffer_append_text(out, "</table>\n", error);
}

static hearth_status rules(const json_t *stats, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL;
    TRY(buffer_append_text(out, "<h2>Rules</h2>\n<table>\n", error));
    json_array_foreach(json_object_get(stats, "rules"), i, row)
    {
        TRY(buffer_append_text(out, "<tr>", error));
        TRY(page_cell(page_word(row, "name", ""), out, error));
        TRY(page_cell(page_word(row, "parameters", "as its defaults are"), out, error));
        TRY(buffer_append_text(out, "</tr>\n", error));
    }
    return buffer_append_text(out, "</table>\n", error);
}

static hearth_status samples(const json_t *fate, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(json_object_get(fate, "samples"), i, row)
    {
        TRY(buffer_printf(out, error, "<p>%llu: <code>", (unsigned long long)page_number(row, "row")));
        TRY(markup_text(out, page_word(row, "place", ""), false, error));
        TRY(buffer_append_text(out, "</code>, ", error));
        TRY(markup_text(out, page_word(row, "reason", ""), false, error));
        TRY(buffer_append_text(out, "</p>\n<pre>", error));
        TRY(markup_text(out, page_word(row, "text", ""), true, error));
        TRY(buffer_append_text(out, "</pre>\n", error));
    }
    return HEARTH_OK;
}

static hearth_status dropped(const json_t *stats, buffer *out, hearth_error *error)
{
    size_t i = 0;
    const json_t *fate = NULL;
    TRY(buffer_append_text(out, "<h2>What was left out, and why</h2>\n", error));
    json_array_foreach(json_object_get(stats, "fates"), i, fate)
    {
        char a[32], b[32];
        TRY(buffer_append_text(out, "<details><summary>", error));
        TRY(markup_text(out, page_word(fate, "fate", ""), false, error));
        TRY(buffer_printf(out, error, ": %s documents, %s</summary>\n",
                          terminal_number(page_number(fate, "documents"), a),
                          text_bytes(page_number(fate, "bytes"), b)));
        TRY(samples(fate, out, error));
        TRY(buffer_append_text(out, "</details>\n", error));
    }
    return i == 0 ? buffer_append_text(out, "<p>Nothing.</p>\n", error) : HEARTH_OK;
}

hearth_status corpus_report(const json_t *stats, buffer *out, hearth_error *error)
{
    TRY(page_head("Corpus", out, error));
    TRY(totals(stats, out, error));
    TRY(page_named_chart("Sources", json_object_get(stats, "sources"), "", "documents", "kept", out, error));
    TRY(source_table(stats, out, error));
    TRY(page_named_chart("Licences", json_object_get(stats, "licences"), "none", "documents", "kept", out, error));
    TRY(page_named_chart("Languages", json_object_get(stats, "languages"), "unknown", "documents", "kept", out, error));
    TRY(lengths(stats, out, error));
    TRY(rules(stats, out, error));
    TRY(dropped(stats, out, error));
    return page_end(out, error);
}
