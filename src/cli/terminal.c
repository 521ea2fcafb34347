/* stdout and stderr: kinds, width, colours, harmless text, wrapping, and the end of output. */
#include "cli/terminal.h"

#include "base/text.h"
#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

static terminal_color color_choice = COLOR_AUTO;

void terminal_start(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
            /* The lowest free number is fd. Opened the wrong way round, so that using it fails. */
            (void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
        }
    }
    /* musl would write the first line at once and forget why that failed: terminal_finish is to tell it. */
    if (!isatty(STDOUT_FILENO)) {
        (void)setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
    }
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
}

void terminal_set_color(terminal_color choice)
{
    color_choice = choice;
}

bool terminal_is(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

bool terminal_colored(FILE *stream)
{
    if (color_choice != COLOR_AUTO) {
        return color_choice == COLOR_ALWAYS;
    }
    const char *none = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return terminal_is(stream) && (none == NULL || *none == '\0') && term != NULL && strcmp(term, "dumb") != 0;
}

/* What the environment says, before terminal_start's fallback. */
bool terminal_unicode(void)
{
    const char *names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0') {
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
        }
    }
    return false;
}

int terminal_width(void)
{
    struct winsize size = {0};
    for (int fd = 2; fd >= 1; fd--) {
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
            return size.ws_col;
        }
    }
    return 80;
}

const char *terminal_style(FILE *stream, const char *style)
{
    static const struct {
        const char *name, *code;
    } styles[] = {{"bold", "\033[1m"},    {"dim", "\033[2m"},   {"red", "\033[31m"},      {"green", "\033[32m"},
                  {"yellow", "\033[33m"}, {"cyan", "\033[36m"}, {"underline", "\033[4m"}, {"reset", "\033[0m"}};
    for (size_t i = 0; i < sizeof styles / sizeof *styles && terminal_colored(stream); i++) {
        if (strcmp(styles[i].name, style) == 0) {
            return styles[i].code;
        }
    }
    return "";
}

size_t terminal_columns(const char *text, size_t length)
{
    size_t columns = 0;
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        at += utf8_decode_lossy(text + at, length - at, &code);
        const int width = utf8proc_charwidth((utf8proc_int32_t)code);
        columns += width > 0 ? (size_t)width : 0;
    }
    return columns;
}

hearth_status terminal_harmless(const char *text, size_t length, buffer *out, hearth_error *error)
{
    for (size_t at = 0; at < length;) {
        uint32_t code = 0;
        const size_t bytes = utf8_decode_lossy(text + at, length - at, &code);
        char picture[4];
        if ((code < 0x20 && code != '\n' && code != '\t') || code == 0x7F) {
            const uint32_t shown = code == 0x7F ? 0x2421 : 0x2400 + code; /* Unicode's Control Pictures */
            TRY(buffer_append(out, picture, utf8_encode(shown, picture), error));
        } else if ((code >= 0x80 && code < 0xA0) || code == 0xFFFD) {
            TRY(buffer_append(out, picture, utf8_encode(0xFFFD, picture), error));
        } else {
            TRY(buffer_append(out, text + at, bytes, error));
        }
        at += bytes;
    }
    return HEARTH_OK;
}

static hearth_status write_out(const char *text, size_t length, hearth_error *error)
{
    if (fwrite(text, 1, length, stdout) != length || fflush(stdout) != 0) {
        return error_errno(error, "standard output", "write", errno);
    }
    return HEARTH_OK;
}

hearth_status terminal_write_text(const char *text, size_t length, hearth_error *error)
{
    if (!terminal_is(stdout)) {
        return write_out(text, length, error);
    }
    buffer safe;
    buffer_init(&safe, 0);
    hearth_status status = terminal_harmless(text, length, &safe, error);
    if (status == HEARTH_OK) {
        status = write_out(buffer_text(&safe), safe.length, error);
    }
    buffer_free(&safe);
    return status;
}

static void pad(FILE *out, int columns)
{
    for (int i = 0; i < columns; i++) {
        fputc(' ', out);
    }
}

/* One paragraph, words apart by white space. */
static void wrap_paragraph(FILE *out, const char *text, size_t length, int indent, int width)
{
    int column = 0;
    for (size_t at = 0; at < length;) {
        const size_t gap = strspn(text + at, " \n");
        at += gap;
        const size_t word = at < length ? strcspn(text + at, " \n") : 0;
        if (at >= length || word == 0) {
            break;
        }
        const int columns = (int)terminal_columns(text + at, word);
        if (column == 0) {
            pad(out, indent);
            column = indent;
        } else if (column + 1 + columns > width) {
            fputc('\n', out);
            pad(out, indent);
            column = indent;
        } else {
            fputc(' ', out);
            column++;
        }
        fwrite(text + at, 1, word, out);
        column += columns;
        at += word;
    }
    fputc('\n', out);
}

void terminal_wrap(FILE *out, const char *text, int indent, int width)
{
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        const size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if (strncmp(text, "    ", 4) == 0) {
            for (size_t at = 0; at < length;) {
                const size_t line = strcspn(text + at, "\n");
                pad(out, indent);
                fwrite(text + at, 1, line, out);
                fputc('\n', out);
                at += line + 1;
            }
        } else {
            wrap_paragraph(out, text, length, indent, width);
        }
        text += length;
        if (end != NULL) {
            fputc('\n', out);
            text += strspn(text, "\n");
        }
    }
}

void terminal_aligned(size_t used, const char *text, int indent, int width, FILE *out)
{
    if (used + 2 > (size_t)indent) {
        fputc('\n', out);
        terminal_wrap(out, text, indent, width);
        return;
    }
    /* The first line is already there up to `used`: wrap as if it were indented, then drop that indentation. */
    char *wrapped = NULL;
    size_t size = 0;
    FILE *lines = open_memstream(&wrapped, &size);
    if (lines == NULL) {
        fprintf(out, "  %s\n", text);
        return;
    }
    terminal_wrap(lines, text, indent, width);
    if (fclose(lines) == 0 && size > used) {
        fputs(wrapped + used, out);
    }
    free(wrapped);
}

bool terminal_finish(void)
{
    const bool failed_before = ferror(stdout) != 0;
    errno = 0;
    if (fflush(stdout) != 0 || failed_before) {
        return false;
    }
    return fclose(stdout) == 0 || errno == EBADF;
}

const char *terminal_rate(double rate, char ret[32])
{
    snprintf(ret, 32, rate >= 9.95 ? "%.0f" : (rate >= 0.995 ? "%.1f" : "%.2f"), rate);
    return ret;
}

const char *terminal_number(uint64_t number, char ret[32])
{
    return text_number(number, ret);
}
