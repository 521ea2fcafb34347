/* Markdown and HTML, side by side. */
#include "openness/card_page.h"

#include "base/markup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<style>\n"
    ":root { --ink: #222; --paper: #fff; --line: #ccc; --mark: #fff3bf }\n"
    "@media (prefers-color-scheme: dark) { :root { --ink: #ddd; --paper: #1b1b1b; --line: #555; --mark: #554a10 } }\n"
    "body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: var(--ink); "
    "background: var(--paper) }\n"
    "table { border-collapse: collapse; width: 100% } td, th { padding: .25em .6em; border: 1px solid var(--line); "
    "text-align: left; vertical-align: top; overflow-wrap: anywhere }\n"
    "mark { background: var(--mark); color: inherit } pre { white-space: pre-wrap }\n"
    "@page { size: A4; margin: 18mm }\n"
    "@media print { :root { --ink: #000; --paper: #fff } body { font-size: 10pt; max-width: none; margin: 0 } "
    "h1, h2, h3 { break-after: avoid } tr { break-inside: avoid } thead { display: table-header-group } }\n"
    "</style>\n<title>";

void page_init(card_page *p, const char *title)
{
    *p = (card_page){.title = title};
}

void page_free(card_page *p)
{
    buffer_free(&p->markdown);
    buffer_free(&p->html);
}

/* Signs that Markdown or HTML in it would take for its own. A cell's line has no end in it. */
static hearth_status escaped(buffer *out, const char *text, hearth_error *error)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n' || *at == '\r') {
            TRY(buffer_append_char(out, ' ', error));
        } else if (*at == '<') {
            TRY(buffer_append_text(out, "&lt;", error));
        } else {
            if (strchr("\\`*|[]", *at) != NULL) {
                TRY(buffer_append_char(out, '\\', error));
            }
            TRY(buffer_append_char(out, *at, error));
        }
    }
    return HEARTH_OK;
}

hearth_status page_list_end(card_page *p, hearth_error *error)
{
    if (!p->list) {
        return HEARTH_OK;
    }
    p->list = false;
    TRY(buffer_append_char(&p->markdown, '\n', error));
    return buffer_append_text(&p->html, "</ul>\n", error);
}

hearth_status page_heading(card_page *p, int level, const char *text, hearth_error *error)
{
    TRY(page_list_end(p, error));
    TRY(buffer_printf(&p->markdown, error, "%.*s ", level, "####"));
    TRY(escaped(&p->markdown, text, error));
    TRY(buffer_append_text(&p->markdown, "\n\n", error));
    TRY(buffer_printf(&p->html, error, "<h%d>", level));
    TRY(markup_text(&p->html, text, false, error));
    return buffer_printf(&p->html, error, "</h%d>\n", level);
}

static hearth_status both(card_page *p, const char *text, const char *before_md, const char *after_md,
                          const char *before_html, const char *after_html, hearth_error *error)
{
    TRY(buffer_append_text(&p->markdown, before_md, error));
    TRY(escaped(&p->markdown, text, error));
    TRY(buffer_append_text(&p->markdown, after_md, error));
    TRY(buffer_append_text(&p->html, before_html, error));
    TRY(markup_text(&p->html, text, false, error));
    return buffer_append_text(&p->html, after_html, error);
}

hearth_status page_text(card_page *p, hearth_error *error, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    TRY(page_list_end(p, error));
    return both(p, text, "", "\n\n", "<p>", "</p>\n", error);
}

hearth_status page_item(card_page *p, hearth_error *error, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!p->list) {
        p->list = true;
        TRY(buffer_append_text(&p->html, "<ul>\n", error));
    }
    return both(p, text, "- ", "\n", "<li>", "</li>\n", error);
}

hearth_status page_table(card_page *p, const char *const *heads, hearth_error *error)
{
    size_t count = 0;
    TRY(page_list_end(p, error));
    TRY(buffer_append_text(&p->html, "<table>\n<thead><tr>", error));
    for (; heads[count] != NULL; count++) {
        TRY(both(p, heads[count], "| ", " ", "<th>", "</th>", error));
    }
    TRY(buffer_append_text(&p->markdown, "|\n", error));
    for (size_t i = 0; i < count; i++) {
        TRY(buffer_append_text(&p->markdown, "|---", error));
    }
    TRY(buffer_append_text(&p->markdown, "|\n", error));
    return buffer_append_text(&p->html, "</tr></thead>\n<tbody>\n", error);
}

hearth_status page_row(card_page *p, const char *const *cells, hearth_error *error)
{
    TRY(buffer_append_text(&p->html, "<tr>", error));
    for (size_t i = 0; cells[i] != NULL; i++) {
        TRY(both(p, cells[i], "| ", " ", "<td>", "</td>", error));
    }
    TRY(buffer_append_text(&p->markdown, "|\n", error));
    return buffer_append_text(&p->html, "</tr>\n", error);
}

hearth_status page_table_end(card_page *p, hearth_error *error)
{
    TRY(buffer_append_text(&p->markdown, "\n", error));
    return buffer_append_text(&p->html, "</tbody>\n</table>\n", error);
}

hearth_status page_person(card_page *p, const char *what, hearth_error *error)
{
    TRY(page_list_end(p, error));
    TRY(both(p, what, "**" PAGE_PERSON ":** ", "\n\n", "<p><mark>" PAGE_PERSON ":</mark> ", "</p>\n", error));
    return HEARTH_OK;
}

hearth_status page_code(card_page *p, const char *text, hearth_error *error)
{
    TRY(page_list_end(p, error));
    TRY(buffer_printf(&p->markdown, error, "```\n%s\n```\n\n", text));
    TRY(buffer_append_text(&p->html, "<pre>", error));
    TRY(markup_text(&p->html, text, true, error));
    return buffer_append_text(&p->html, "</pre>\n", error);
}

hearth_status page_html(const card_page *p, buffer *out, hearth_error *error)
{
    TRY(buffer_append_text(out, head, error));
    TRY(markup_text(out, p->title, false, error));
    TRY(buffer_append_text(out, "</title>\n</head>\n<body>\n", error));
    TRY(buffer_append_text(out, buffer_text(&p->html), error));
    return buffer_append_text(out, "</body>\n</html>\n", error);
}
