/* What the pages of reports are made of. */
#ifndef CLI_PAGE_PARTS_H
#define CLI_PAGE_PARTS_H

#include "base/buffer.h"

#include <jansson.h>

/* Up to the body, with the style of tables, charts and texts; and what ends it. */
hearth_status page_head(const char *title, buffer *out, hearth_error *error);
hearth_status page_end(buffer *out, hearth_error *error);

typedef struct page_bar {
    const char *name;
    uint64_t all, kept;
} page_bar;
/* Lying bars with a heading. `parts`: `kept` is drawn dark over `all`, and both are told; else `all` alone is. */
hearth_status page_chart(const char *title, const page_bar *bars, size_t count, bool parts, buffer *out,
                         hearth_error *error);
/* The same of an array's objects: `name` (`none` where it is missing), `all` and, unless it is NULL, `kept`, the names
 * of their numbers; what is behind the first thirty is summed up in one bar. */
hearth_status page_named_chart(const char *title, const json_t *rows, const char *none, const char *all,
                               const char *kept, buffer *out, hearth_error *error);
/* An element of a table's row. */
hearth_status page_cell(const char *text, buffer *out, hearth_error *error);
/* Of an object's key: a whole number, a text or what stands for none. */
uint64_t page_number(const json_t *object, const char *name);
const char *page_word(const json_t *object, const char *name, const char *none);
/* Long names lose their end. */
void page_shorten(const char *name, char *ret, size_t size);

#endif
