/* libedit behind one function. Signals stay ours: reading waits in poll, which a signal always ends.
 *
 * libedit shows its prompt before it switches the terminal to single keys, and switches back after each line. A key
 * that comes in between goes through the terminal's own line editing: Ctrl-D becomes a NUL, Ctrl-U and the arrows are
 * lost, everything is echoed into the answer. So the modes between two lines are single keys without echo, too; keys
 * wait there, whole, for the next prompt. */
#include "cli/line_reader.h"
#include "cli/paste.h"
#include "cli/signals.h"
#include "cli/terminal.h"

#include "base/limits.h"
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

#define PASTE_ON "\033[?2004h" /* the terminal puts "\e[200~" and "\e[201~" around what is pasted */

struct line_reader {
    EditLine *edit;
    History *history;
    History *entered;   /* of it, what was entered here */
    char *history_path; /* NULL: kept in memory alone */
    bool continued;     /* the prompt of a line that goes on */
    bool quoted;        /* within """ */
    bool holds;         /* libedit edits, and the terminal holds keys between lines */
    paste paste;
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
    if (why == REDRAW_CONTINUED && r->holds) {
        fputs(PASTE_ON, stderr);
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

/* Does a newline belong to the text without a backslash before it? */
static bool keeps_newlines(const line_reader *r)
{
    const LineInfo *line = el_line(r->edit);
    return r->quoted || (!r->continued && line->lastchar - line->buffer >= 3 && memcmp(line->buffer, "\"\"\"", 3) == 0);
}

static unsigned char on_paste(EditLine *edit, wint_t key)
{
    line_reader *r = NULL;
    (void)key;
    (void)el_get(edit, EL_CLIENTDATA, &r);
    r->paste = (paste){.under_way = true};
    return CC_NORM;
}

/* The next byte for libedit; false at the end of input or when a signal asked to stop. */
static bool next_byte(line_reader *r, EditLine *edit, char *ret)
{
    paste *p = &r->paste;
    for (;;) {
        if (p->at < p->count) {
            *ret = p->queue[p->at++];
            return true;
        }
        p->at = p->count = 0;
        if (!read_byte(r, edit, ret)) {
            return false;
        }
        if (!p->under_way) {
            return true;
        }
        paste_take(p, *ret, keeps_newlines(r));
    }
}

static int read_character(EditLine *edit, wchar_t *ret)
{
    line_reader *r = NULL;
    (void)el_get(edit, EL_CLIENTDATA, &r);
    for (;;) {
        char byte = 0;
        if (!next_byte(r, edit, &byte)) {
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
static void hold_keys(line_reader *r)
{
    int edits = 0;
    r->holds = isatty(STDIN_FILENO) && terminal_is(stderr) && el_get(r->edit, EL_EDITMODE, &edits) == 0 && edits != 0;
    if (r->holds) {
        (void)el_set(r->edit, EL_SETTY, "-x", "-icanon", "-echo", NULL);
    }
}

static History *make_history(void)
{
    HistEvent event;
    History *made = history_init();
    if (made != NULL) {
        (void)history(made, &event, H_SETSIZE, HISTORY_LINES);
        (void)history(made, &event, H_SETUNIQUE, 1);
    }
    return made;
}

static void end_history(History *made)
{
    if (made != NULL) {
        history_end(made);
    }
}

static void load_history(line_reader *r)
{
    HistEvent event;
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
    r->history = make_history();
    r->entered = make_history();
    if (r->edit == NULL || r->history == NULL || r->entered == NULL) {
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
    (void)el_wset(r->edit, EL_ADDFN, L"hearth-paste", L"what is pasted follows",
                  on_paste); /* el_set leaks its copies */
    (void)el_set(r->edit, EL_BIND, "\\e[200~", "hearth-paste", NULL);
    (void)el_set(r->edit, EL_BIND, "^I", "ed-insert", NULL);
    (void)el_set(r->edit, EL_BIND, "^@", "em-set-mark", NULL); /* not what the terminal's disabled keys do */
    (void)el_source(r->edit, NULL);                            /* ~/.editrc, where there is one */
    hold_keys(r);
    return r;
}

/* What libedit writes for a history, by way of a temporary file: it wants one whose mode it can set. */
static bool write_history(History *lines, buffer *out)
{
    HistEvent event;
    FILE *file = tmpfile();
    const bool written = file != NULL && history(lines, &event, H_SAVE_FP, file) >= 0 && fflush(file) == 0 &&
                         fseek(file, 0, SEEK_SET) == 0 &&
                         file_read_descriptor(fileno(file), "history", LIMIT_TEXT_BYTES, out, NULL) == HEARTH_OK;
    if (file != NULL) {
        (void)fclose(file);
    }
    return written;
}

/* Appends what was entered here to the file as it is now: another conversation may have ended meanwhile. The file is
 * replaced whole or stays; where it cannot be kept, that is no failure. */
static void save_history(const line_reader *r)
{
    HistEvent event;
    HistEvent added;
    History *all = make_history();
    if (all == NULL || r->history_path == NULL || history(r->entered, &event, H_LAST) != 0) {
        end_history(all);
        return;
    }
    (void)history(all, &added, H_LOAD, r->history_path);
    do { /* the oldest first; "previous" is towards the newest */
        (void)history(all, &added, H_ENTER, event.str);
    } while (history(r->entered, &event, H_PREV) == 0);
    buffer text;
    buffer_init(&text, 0);
    if (write_history(all, &text)) {
        const mode_t before = umask(077); /* what was asked is nobody else's */
        (void)file_replace(r->history_path, text.data, text.length, NULL);
        umask(before);
    }
    buffer_free(&text);
    end_history(all);
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
    if (r->history != NULL && r->entered != NULL) {
        save_history(r);
    }
    end_history(r->history);
    end_history(r->entered);
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
    signals_mark_paste(r->holds);
    fputs(r->holds ? PASTE_ON : "", stderr);
    const char *line = el_gets(r->edit, &count);
    fputs(r->holds ? SIGNALS_PASTE_OFF : "", stderr);
    signals_mark_paste(false);
    if (r->interrupted && !signals_terminated()) {
        signals_forget();
    }
    signals_be_patient(false);
    if (r->interrupted) {
        r->paste = (paste){0};
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
        (void)history(r->entered, &event, H_ENTER, line);
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
    bool more = true;
    buffer_clear(out);
    r->quoted = false;
    for (bool first = true; more; first = false) {
        const char *line = NULL;
        size_t length = 0;
        r->continued = !first;
        const line_result result = read_line(r, &line, &length);
        if (result != LINE_TEXT) {
            return result;
        }
        if (add_line(out, line, length, first, &r->quoted, &more, error) != HEARTH_OK) {
            return LINE_FAILED;
        }
    }
    return LINE_TEXT;
}
