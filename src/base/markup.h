/* Text in pages and pictures. */
#ifndef BASE_MARKUP_H
#define BASE_MARKUP_H

#include "base/buffer.h"

#include <stdbool.h>

/* Appends `text` as an element's content: XML's marks written out, control characters as ? (ends of lines stay where
 * `lines` says so), bytes that are no UTF-8 as U+FFFD. */
hearth_status markup_text(buffer *out, const char *text, bool lines, hearth_error *error);

#endif
