/* The text of an HTML page: what stands between its marks, without scripts, styles and navigation. */
#ifndef CORPUS_HTML_TEXT_H
#define CORPUS_HTML_TEXT_H

#include "base/buffer.h"

/* Appends the text of a page (UTF-8) to `out`: a line for each block, white space elsewhere as one blank, entities as
 * their characters. What is in head, script, style, template, noscript, svg, nav, footer, aside, select, button and
 * iframe is left out. Whatever is broken reads as text. */
hearth_status html_text(const char *html, size_t length, buffer *out, hearth_error *error);
/* The charset that a <meta> among the first 1,024 bytes names, in lower case; "" for none. */
void html_charset(const char *html, size_t length, char *ret, size_t size);

#endif
