/* A document that is written once and comes out as Markdown and as HTML: headings, paragraphs, lists, tables. Texts
 * from outside are escaped for both. */
#ifndef OPENNESS_CARD_PAGE_H
#define OPENNESS_CARD_PAGE_H

#include "base/buffer.h"

typedef struct card_page {
    const char *title; /* borrowed */
    buffer markdown, html;
    bool list; /* one is open in the HTML */
} card_page;

void page_init(card_page *p, const char *title);
void page_free(card_page *p);

hearth_status page_heading(card_page *p, int level, const char *text, hearth_error *error);
hearth_status page_text(card_page *p, hearth_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A point of a list, which page_list_end (or anything but another point) ends. */
hearth_status page_item(card_page *p, hearth_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
hearth_status page_list_end(card_page *p, hearth_error *error);
/* Cells end with NULL. */
hearth_status page_table(card_page *p, const char *const *heads, hearth_error *error);
hearth_status page_row(card_page *p, const char *const *cells, hearth_error *error);
hearth_status page_table_end(card_page *p, hearth_error *error);
/* Something that only a person can say: marked so that it is seen and found. */
hearth_status page_person(card_page *p, const char *what, hearth_error *error);
/* Markdown alone: a block of code. */
hearth_status page_code(card_page *p, const char *text, hearth_error *error);

/* The whole page, with a style for screens and one for paper. */
hearth_status page_html(const card_page *p, buffer *out, hearth_error *error);

#define PAGE_PERSON "TO BE FILLED IN BY A PERSON"

#endif
