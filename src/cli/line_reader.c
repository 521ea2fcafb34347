/* libedit behind one function. Signals stay ours: reading waits in poll, which a signal always ends.
 *
 * libedit shows its prompt before it switches the terminal to single keys, and switches back after each line. A key
 * that comes in between goes through the terminal's own line editing: Ctrl-D becomes a NUL, Ctrl-U and the arrows are
 * lost, everything is echoed into the answer. So the modes between two lines are single keys without echo, too; keys
 * wait there, whole, for the next prompt. */
#include "cli/line_reader.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/memory.h"
#include "platform/file.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 2000 };

struct line_reader {
    EditLine *edit;
    History *history;
    char *history_path; /* NULL: kept in memory alone */
    bool continued;     /* the prompt of a line that goes on */
    bool interrupted;
    int width;       /* of the terminal when the line was drawn */
    mbstate_t shift; /* of a character whose bytes have not all come */
};

static char *prompt(EditLine *edit)
{
    line_reader *r = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &r);
    static char plain[] = "> ", more[] = ". ";
    /* libedit drops what does not print behind the last character: the colour ends before it. */
    static char plain_color[] = "\1\033[1;36m\1>\1\033[0m\1 ", more_color[] = "\1\033[36m\1.\1\033[0m\1 ";
    if (terminal_colored(stderr)) {
        return r->continued ? more_color : plain_color;
    }
    return r->continued ? more : plain;
}

/* The line anew, over what is there of it. Some terminals wrap their text anew when they are resized, some do not: the
 * cursor goes up by the rows that are the line's either way. */
static void draw_again(line_reader *r, EditLine *edit, signals_redraw why)
{
    const LineInfo *line = el_line(edit);
    const int width = terminal_width();
    const int wider = width > r->width ? width : r->width;
    const size_t columns = 2 + terminal_columns(line->buffer, (size_t)(line->cursor - line->buffer));
    const int rows = wider > 0 && why == REDRAW_RESIZED ? (int)columns / wider : 0;
    r->width = width;
    if (terminal_is(stderr)) {
        fputc('\r', stderr);
        if (rows > 0) {
            fprintf(stderr, "\033[%dA", rows);
        }
        fputs("\033[J", stderr);
    }
    el_resize(edit);
    (void)el_set(edit, EL_REFRESH);
}

/* Waits for a byte; false at the end of input or when a signal asked to stop. */
static bool read_byte(line_reader *r, EditLine *edit, char *ret)
{
    for (;;) {
        const bool ready = signals_wait_readable(STDIN_FILENO);
        const signals_redraw why = signals_take_redraw();
        if (why != REDRAW_NONE) {
            draw_again(r, edit, why);
        }
        if (signals_stop_asked()) {
            r->interrupted = true;
            return false;
        }
        if (ready) {
            const ssize_t got = read(STDIN_FILENO, ret, 1);
            if (got == 1 || got == 0 || errno != EINTR) {
                return got == 1;
            }
        }
    }
}

static int read_character(EditLine *edit, wchar_t *ret)
{
    line_reader *r = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &r);
    for (;;) {
        char byte = 0;
        if (!read_byte(r, edit, &byte)) {
            errno = 0;
            return r->interrupted ? -1 : 0;
        }
        const size_t used = mbrtowc(ret, &byte, 1, &r->shift);
        if (used == (size_t)-1) {
            memset(&r->shift, 0, sizeof r->shift);
            *ret = L'\uFFFD';
            return 1;
        }
        if (used != (size_t)-2) {
            return 1;
        }
    }
}

/* Where libedit edits nothing (stderr is no terminal, "edit off" in ~/.editrc), the terminal does it. */
static void hold_keys(const line_reader *r)
{
    int edits = 0;
    if (isatty(STDIN_FILENO) && terminal_is(stderr) && el_get(r->edit, EL_EDITMODE, &edits) == 0 && edits != 0) {
        (void)el_set(r->edit, EL_SETTY, "-x", "-icanon", "-echo", NULL);
    }
}

static void load_history(line_reader *r)
{
    HistEvent event;
    (void)history(r->history, &event, H_SETSIZE, HISTORY_LINES);
    (void)history(r->history, &event, H_SETUNIQUE, 1);
    char *folder = file_user_folder("state");
    if (folder != NULL && file_make_folders(folder, NULL) == HEARTH_OK) {
        r->history_path = file_join(folder, "history");
    }
    mem_free(folder);
    if (r->history_path != NULL) {
        (void)history(r->history, &event, H_LOAD, r->history_path);
    }
}

line_reader *line_reader_create(void)
{
    line_reader *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    signals_keep_terminal(true);
    r->edit = el_init("hearth", stdin, stderr, stderr);
    r->history = history_init();
    if (r->edit == NULL || r->history == NULL) {
        line_reader_free(r);
        return NULL;
    }
    load_history(r);
    (void)el_set(r->edit, EL_CLIENTDATA, r);
    (void)el_set(r->edit, EL_PROMPT_ESC, prompt, '\1');
    (void)el_set(r->edit, EL_EDITOR, "emacs");
    (void)el_set(r->edit, EL_SIGNAL, 0);
    (void)el_set(r->edit, EL_HIST, history, r->history);
    (void)el_set(r->edit, EL_GETCFN, read_character);
    (void)el_set(r->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    (void)el_set(r->edit, EL_BIND, "^@", "em-set-mark", NULL); /* not what the terminal's disabled keys do */
    (void)el_source(r->edit, NULL);                            /* ~/.editrc, where there is one */
    hold_keys(r);
    return r;
}

void line_reader_free(line_reader *r)
{
    if (r == NULL) {
        return;
    }
    if (r->edit != NULL) {
        el_end(r->edit);
    }
    signals_keep_terminal(false);
    if (r->history != NULL) {
        HistEvent event;
        if (r->history_path != NULL) {
            const mode_t before = umask(077); /* what was asked is nobody else's */
            (void)history(r->history, &event, H_SAVE, r->history_path);
            umask(before);
        }
        history_end(r->history);
    }
    mem_free(r->history_path);
    mem_free(r);
}

/* One line of the terminal, without its newline. */
static line_result read_line(line_reader *r, const char **ret, size_t *ret_length)
{
    int count = 0;
    r->interrupted = false;
    r->width = terminal_width();
    memset(&r->shift, 0, sizeof r->shift);
    signals_be_patient(true);
    /* Before the prompt shows: left to itself, libedit shows it first, and a Ctrl-D that comes in between is lost. */
    (void)el_set(r->edit, EL_PREP_TERM, 1);
    const char *line = el_gets(r->edit, &count);
    if (r->interrupted && !signals_terminated()) {
        signals_forget();
    }
    signals_be_patient(false);
    if (r->interrupted) {
        fputs(signals_terminated() ? "\n" : "^C\n", stderr);
        return signals_terminated() ? LINE_END : LINE_INTERRUPTED;
    }
    if (line == NULL || count <= 0) {
        fputc('\n', stderr);
        return LINE_END;
    }
    const size_t length = (size_t)count;
    *ret = line;
    *ret_length = line[length - 1] == '\n' ? length - 1 : length;
    if (*ret_length > 0) {
        HistEvent event;
        (void)history(r->history, &event, H_ENTER, line);
    }
    return LINE_TEXT;
}

static bool ends_in(const char *line, size_t length, const char *end)
{
    const size_t size = strlen(end);
    return length >= size && memcmp(line + length - size, end, size) == 0;
}

/* Adds a line; *ret_more: does the text go on? */
static hearth_status add_line(buffer *out, const char *line, size_t length, bool first, bool *quoted, bool *ret_more,
                              hearth_error *error)
{
    if (first && length >= 3 && memcmp(line, "\"\"\"", 3) == 0) {
        *quoted = true;
        line += 3;
        length -= 3;
    }
    if (*quoted) {
        *ret_more = !ends_in(line, length, "\"\"\"");
        TRY(buffer_append(out, line, *ret_more ? length : length - 3, error));
        /* Nothing behind the opening quotes: the text begins on the next line. */
        return *ret_more && !(first && length == 0) ? buffer_append_char(out, '\n', error) : HEARTH_OK;
    }
    *ret_more = ends_in(line, length, "\\");
    TRY(buffer_append(out, line, *ret_more ? length - 1 : length, error));
    return *ret_more ? buffer_append_char(out, '\n', error) : HEARTH_OK;
}

line_result line_reader_read(line_reader *r, buffer *out, hearth_error *error)
{
    bool quoted = false;
    bool more = true;
    buffer_clear(out);
    for (bool first = true; more; first = false) {
        const char *line = NULL;
        size_t length = 0;
        r->continued = !first;
        const line_result result = read_line(r, &line, &length);
        if (result != LINE_TEXT) {
            return result;
        }
        if (add_line(out, line, length, first, &quoted, &more, error) != HEARTH_OK) {
            return LINE_FAILED;
        }
    }
    return LINE_TEXT;
}
