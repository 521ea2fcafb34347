/* The text of a manual page: man(7) and mdoc(7) as roff writes them, without fonts, sizes and filling. */
#ifndef CORPUS_MAN_TEXT_H
#define CORPUS_MAN_TEXT_H

#include "base/buffer.h"

/* Appends the text of a page's source to `out`: a line for each paragraph, a blank line between them, headings as
 * lines, what hangs behind a tag four blanks in. Nothing is included and nothing is run (.so, .sy, .pso); strings,
 * registers, conditions and a page's own macros are followed, within LIMIT_MAN_WORK_BYTES. Whatever is broken reads as
 * text. A page that only names another one (.so) has no text. */
hearth_status man_text(const char *source, size_t length, buffer *out, hearth_error *error);

#endif
