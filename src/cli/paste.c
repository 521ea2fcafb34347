/* Bytes between the two marks. */
#include "cli/paste.h"

static const char end[] = "\033[201~";
enum { END_LENGTH = sizeof end - 1 };

static void queue(paste *p, char byte)
{
    p->queue[p->count++] = byte; /* at most END_LENGTH and a newline with its backslash */
}

/* "\r\n" is one newline. */
static bool second_half(paste *p, char byte)
{
    const bool newline = byte == '\r' || byte == '\n';
    const bool half = newline && p->newline != 0 && p->newline != byte;
    p->newline = newline && !half ? byte : 0;
    return half;
}

void paste_take(paste *p, char byte, bool keeps_newlines)
{
    if (byte == end[p->matched]) {
        p->under_way = ++p->matched < END_LENGTH;
        p->matched = p->under_way ? p->matched : 0;
        return;
    }
    for (size_t i = 1; i < p->matched; i++) {
        queue(p, end[i]); /* it was text; the ESC before it is left out */
    }
    p->matched = byte == end[0] ? 1 : 0;
    if (second_half(p, byte)) {
        return;
    }
    if (p->newline != 0) {
        if (!keeps_newlines) {
            queue(p, '\\');
        }
        queue(p, '\n');
    } else if (((unsigned char)byte >= 0x20 && byte != 0x7F) || byte == '\t') {
        queue(p, byte);
    }
}
