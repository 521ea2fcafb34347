/* Lines from a person at a terminal: editing and history by libedit, several lines joined. */
#ifndef CLI_LINE_READER_H
#define CLI_LINE_READER_H

#include "base/buffer.h"

typedef struct line_reader line_reader;

typedef enum line_result {
    LINE_TEXT,        /* *out has it, without the newline at its end */
    LINE_INTERRUPTED, /* Ctrl-C: what was typed is gone */
    LINE_END,         /* Ctrl-D, or SIGTERM */
    LINE_FAILED,      /* memory */
} line_result;

/* NULL when memory is out. The history is kept in the user's state folder, where there is one. */
line_reader *line_reader_create(void);
/* Saves the history, gives the terminal back. NULL is allowed. */
void line_reader_free(line_reader *r);

/* A line that ends in a backslash goes on in the next one; a text between two """ keeps its newlines. */
line_result line_reader_read(line_reader *r, buffer *out, hearth_error *error);

#endif
