/* The two ends of a terminal program: what stdout and stderr are, how wide, in which colours, and the bar that
 * shows long work. Results go to stdout, everything else to stderr. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include "base/buffer.h"

#include <stdio.h>

typedef enum terminal_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER } terminal_color;

/* Once, first of all: makes sure that descriptors 0, 1 and 2 exist (a closed stdout must fail when it is written, not
 * receive what is meant for the next file opened), and sets the locale for character widths. */
void terminal_start(void);
void terminal_set_color(terminal_color choice);

bool terminal_is(FILE *stream);      /* a terminal? */
bool terminal_colored(FILE *stream); /* colours on this stream? NO_COLOR, TERM=dumb and --color decide */
bool terminal_unicode(void);         /* can it show more than ASCII? */
int terminal_width(void);            /* columns; 80 where there is no terminal */

/* Escape sequences, or "" where the stream has no colours. `style`: "bold", "dim", "red", "green", "yellow", "cyan",
 * "underline", "reset". */
const char *terminal_style(FILE *stream, const char *style);

/* Columns that UTF-8 text takes. */
size_t terminal_columns(const char *text, size_t length);

/* Appends `text` to `out` with every control character but \n and \t, and C1 controls, replaced by a picture
 * or '?': nothing that a model writes moves the cursor or talks to the terminal. */
hearth_status terminal_harmless(const char *text, size_t length, buffer *out, hearth_error *error);
/* Writes to stdout, harmlessly where it is a terminal, and flushes: one piece of a streamed answer. */
hearth_status terminal_write_text(const char *text, size_t length, hearth_error *error);

/* Writes text in paragraphs, wrapped to the width, indented by `indent`; lines that begin with four spaces stay whole.
 */
void terminal_wrap(FILE *out, const char *text, int indent, int width);

/* The same from column `indent` on, when `used` columns of the line are taken; on the next line where that is too far.
 */
void terminal_aligned(size_t used, const char *text, int indent, int width, FILE *out);

/* Flushes and closes stdout; false when anything written to it was lost (errno tells why). */
bool terminal_finish(void);

/* Long work: nothing within the first second; then a bar with rate and time left on a terminal, or a line every few
 * seconds elsewhere. Use with progress_fn: terminal_progress_step(bar, …). */
typedef struct terminal_progress {
    bool quiet;
    uint64_t began_ns; /* 0 before the first step */
    uint64_t shown_ns;
    uint64_t first; /* done at the first step: what was there before is no part of the rate */
    uint64_t told;  /* done at the last line where stderr is no terminal, or at the first step */
    bool drawn;
    char what[64];
} terminal_progress;

/* A progress_fn; false once a signal asked to stop. */
bool terminal_progress_step(void *progress, const char *what, uint64_t done, uint64_t total, const char *unit);
/* Removes the bar. */
void terminal_progress_end(terminal_progress *progress);
/* "3 min 20 s left". */
void terminal_time_left(double seconds, char *ret, size_t size);

/* "120", "5.3", "0.27": digits enough for a measured rate. */
const char *terminal_rate(double rate, char ret[32]);
/* "1 234 567" as 1,234,567. */
const char *terminal_number(uint64_t number, char ret[32]);

#endif
