/* What the pages of reports are made of: nothing of them comes from elsewhere. */
#include "cli/page_parts.h"
#include "cli/terminal.h"

#include "base/markup.h"

#include <stdio.h>
#include <string.h>

#define BARS_MOST 30u /* of names in a chart; the rest is summed up in one */

static const char before_title[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
    "content=\"width=device-width\">\n<title>";
static const char behind_title[] =
    "</title>\n<style>\n"
    ":root { --ink: #222; --paper: #fff; --kept: #2a7f62; --gone: #c9c2b4; --line: #ddd }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #1b1b1b; --kept: #4cb592; --gone: #55504a; "
    "--line: "
    "#444 } }\n"
    "body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: var(--ink); "
    "background: "
    "var(--paper) }\n"
    "table { border-collapse: collapse } td, th { padding: .2em .8em .2em 0; border-bottom: 1px solid var(--line); "
    "text-align: left; vertical-align: top }\n"
    "td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } svg { width: 100%; height: auto } svg text { "
    "fill: "
    "var(--ink); font: 13px sans-serif }\n"
    ".kept { fill: var(--kept) } .gone { fill: var(--gone) } pre { white-space: pre-wrap; overflow-wrap: anywhere; "
    "border-left: 3px "
    "solid var(--line); padding-left: .8em; margin: .3em 0 }\n"
    "code { overflow-wrap: anywhere }\n"
    "</style>\n</head>\n<body>\n";

hearth_status page_head(const char *title, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, before_title, error));
    TRY(markup_text(out, title, false, error));
    return buffer_append_text(out, behind_title, error);
}

hearth_status page_end(buffer *out, hearth_error *error)
{
    return buffer_append_text(out, "</body>\n</html>\n", error);
}

hearth_status page_cell(const char *text, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, "<td>", error));
    TRY(markup_text(out, text, false, error));
    return buffer_append_text(out, "</td>", error);
}

void page_shorten(const char *name, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s", name);
    if (strlen(name) >= size) {
        memcpy(ret + size - 4, "...", 4);
    }
}

/* ---- charts ---- */

static hearth_status draw_bar(const page_bar *b, size_t row, uint64_t most, bool parts, buffer *out,
                              hearth_error *error)
{
    char count[32], kept[32];
    const double scale = most > 0 ? 560.0 / (double)most : 0;
    const size_t y = row * 24;
    TRY(buffer_printf(out, error, "<text x=\"0\" y=\"%zu\">", y + 16));
    TRY(markup_text(out, b->name, false, error));
    TRY(buffer_append_text(out, "</text>", error));
    if (parts) {
        TRY(buffer_printf(out, error, "<rect class=\"gone\" x=\"260\" y=\"%zu\" width=\"%.1f\" height=\"18\"/>", y + 3,
                          (double)b->all * scale));
    }
    return buffer_printf(out, error,
                         "<rect class=\"kept\" x=\"260\" y=\"%zu\" width=\"%.1f\" height=\"18\"/><text x=\"%.1f\" "
                         "y=\"%zu\">%s%s%s</text>\n",
                         y + 3, (double)(parts ? b->kept : b->all) * scale, 266 + (double)b->all * scale, y + 16,
                         parts ? terminal_number(b->kept, kept) : "", parts ? " of " : "",
                         terminal_number(b->all, count));
}

hearth_status page_chart(const char *title, const page_bar *bars, size_t count, bool parts, buffer *out,
                         hearth_error *error)
{
    uint64_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = bars[i].all > most ? bars[i].all : most;
    }
    TRY(buffer_printf(out, error, "<h2>%s</h2>\n<svg viewBox=\"0 0 960 %zu\" role=\"img\"><title>%s</title>\n", title,
                      count * 24, title));
    for (size_t i = 0; i < count; i++) {
        TRY(draw_bar(&bars[i], i, most, parts, out, error));
    }
    return buffer_append_text(out, "</svg>\n", error);
}

uint64_t page_number(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

const char *page_word(const json_t *object, const char *name, const char *none)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && *text != '\0' ? text : none;
}

hearth_status page_named_chart(const char *title, const json_t *rows, const char *none, const char *all,
                               const char *kept, buffer *out, hearth_error *error)
{
    page_bar bars[BARS_MOST + 1];
    char names[BARS_MOST + 1][36];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const size_t at = i < BARS_MOST ? i : BARS_MOST;
        if (i <= BARS_MOST) {
            page_shorten(i < BARS_MOST ? page_word(row, "name", none) : "all others", names[at], sizeof names[at]);
            bars[count++] = (page_bar){.name = names[at]};
        }
        bars[at].all += page_number(row, all);
        bars[at].kept += kept != NULL ? page_number(row, kept) : 0;
    }
    return page_chart(title, bars, count, kept != NULL, out, error);
}
