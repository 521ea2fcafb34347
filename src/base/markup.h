/* What the pictures of `hearth bench` share. */
#ifndef CLI_SVG_H
#define CLI_SVG_H

#include "base/buffer.h"

/* Appends `text` as an element's content: XML's marks written out, control characters as ?, bytes that are no UTF-8 as
 * U+FFFD. */
hearth_status svg_text(buffer *out, const char *text, hearth_error *error);

#endif
