/* What is pasted at the prompt, on its way into the line. Terminals put "ESC [200~" before and "ESC [201~" behind it
 * (bracketed paste, xterm's control sequences). */
#ifndef CLI_PASTE_H
#define CLI_PASTE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct paste {
    bool under_way;
    size_t matched; /* bytes of the mark at the end */
    char newline;   /* the last byte, where it was one and its partner in "\r\n" is no second; else 0 */
    char queue[16]; /* bytes for the line */
    size_t at, count;
} paste;

/* Takes one byte and queues what becomes of it: text goes on as it is, control characters but tabs are left out, a
 * newline is "\n", with a backslash before it unless `keeps_newlines`: then the text goes on in the next line. The mark
 * at the end ends it. The queue must be empty. */
void paste_take(paste *p, char byte, bool keeps_newlines);

#endif
