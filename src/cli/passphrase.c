/* Asking for a passphrase: what is typed is not shown, and the terminal is as before whatever ends this. */
#include "cli/passphrase.h"
#include "cli/signals.h"

#include "base/secret.h"
#include "platform/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static hearth_status wrong(const char *place, const char *found, hearth_error *error)
{
    return error_set(error, HEARTH_E_ARGUMENT, place, "a passphrase of 1 to 1023 bytes", "%s", found);
}

static hearth_status take(const char *text, size_t length, const char *place, char ret[SIGN_PASSPHRASE_SIZE],
                          size_t *ret_length, hearth_error *error)
{
    if (length == 0 || length >= SIGN_PASSPHRASE_SIZE || memchr(text, '\0', length) != NULL) {
        const bool longer = length >= SIGN_PASSPHRASE_SIZE;
        return wrong(place, length == 0 ? "none" : longer ? "a longer one" : "one with a NUL byte", error);
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
    *ret_length = length;
    return HEARTH_OK;
}

static hearth_status read_file(const char *path, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length,
                               hearth_error *error)
{
    buffer text;
    buffer_init(&text, 64u << 10);
    hearth_status status = file_read_stream(path, 64u << 10, &text, error);
    if (status == HEARTH_OK) {
        const char *line = buffer_text(&text);
        size_t length = 0;
        while (length < text.length && line[length] != '\r' && line[length] != '\n') { /* NUL bytes count */
            length++;
        }
        status = take(line, length, path, ret, ret_length, error);
    }
    if (text.data != NULL) {
        secret_wipe(text.data, text.length);
    }
    buffer_free(&text);
    return status;
}

/* One line of the terminal, without echo. */
static hearth_status read_line(const char *question, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length,
                               hearth_error *error)
{
    struct termios before;
    char line[SIGN_PASSPHRASE_SIZE + 1] = "";
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return wrong("terminal", "no terminal", error);
    }
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    signals_keep_terminal(true);
    (void)signals_leave_at_once(true);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fprintf(stderr, "%s: ", question);
    fflush(stderr);
    const bool read = fgets(line, sizeof line, stdin) != NULL;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)signals_leave_at_once(false);
    signals_keep_terminal(false);
    fputc('\n', stderr);
    const hearth_status status = read ? take(line, strcspn(line, "\r\n"), "passphrase", ret, ret_length, error)
                                      : wrong("passphrase", "none", error);
    secret_wipe(line, sizeof line);
    return status;
}

static hearth_status ask(bool is_new, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length, hearth_error *error)
{
    char again[SIGN_PASSPHRASE_SIZE] = "";
    size_t length = 0;
    TRY(read_line(is_new ? "New passphrase" : "Passphrase of the key", ret, ret_length, error));
    if (!is_new) {
        return HEARTH_OK;
    }
    hearth_status status = read_line("The same again", again, &length, error);
    if (status == HEARTH_OK && strcmp(ret, again) != 0) {
        status = error_set(error, HEARTH_E_ARGUMENT, "passphrase", "the same twice", "two");
    }
    secret_wipe(again, sizeof again);
    return status;
}

hearth_status passphrase_get(void *source, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length, hearth_error *error)
{
    const passphrase_source *s = source;
    const char *variable = s->replaces ? NULL : getenv(PASSPHRASE_VARIABLE);
    if (s->file != NULL) {
        return read_file(s->file, ret, ret_length, error);
    }
    if (variable != NULL) {
        return take(variable, strlen(variable), PASSPHRASE_VARIABLE, ret, ret_length, error);
    }
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        return ask(s->is_new, ret, ret_length, error);
    }
    return error_set(error, HEARTH_E_ARGUMENT, s->replaces ? "new passphrase" : "passphrase",
                     s->replaces ? "--new-passphrase-file, --no-passphrase or a terminal"
                                 : "--passphrase-file, HEARTH_PASSPHRASE or a terminal",
                     "none of them");
}
