/* Error values: filling them, and the one line that people read. */
#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *hearth_status_name(hearth_status status)
{
    switch (status) {
    case HEARTH_OK:
        return "ok";
    case HEARTH_E_ARGUMENT:
        return "bad argument";
    case HEARTH_E_NOT_FOUND:
        return "not found";
    case HEARTH_E_IO:
        return "input or output failed";
    case HEARTH_E_FORMAT:
        return "bad format";
    case HEARTH_E_UNSUPPORTED:
        return "not supported";
    case HEARTH_E_LIMIT:
        return "over a limit";
    case HEARTH_E_MEMORY:
        return "out of memory";
    case HEARTH_E_CANCELLED:
        return "cancelled";
    }
    return "unknown status";
}

/* Appends to a line and remembers where its end is; what does not fit is cut. */
static void line_add(char *text, size_t size, size_t *length, const char *piece)
{
    for (; *piece != '\0' && *length + 1 < size; piece++) {
        const unsigned char c = (unsigned char)*piece;
        const bool c1 = c == 0xC2 && (unsigned char)piece[1] >= 0x80 && (unsigned char)piece[1] < 0xA0;
        text[(*length)++] = (c < 0x20 || c == 0x7F || c1) ? '?' : (char)c;
        piece += c1; /* U+0080 to U+009F are control characters, too */
    }
    text[*length] = '\0';
}

const char *hearth_error_line(const hearth_error *error, char *text, size_t size)
{
    size_t length = 0;
    if (size == 0) {
        return "";
    }
    text[0] = '\0';
    if (error->file[0] != '\0') {
        line_add(text, size, &length, error->file);
        line_add(text, size, &length, ": ");
    }
    if (error->has_offset) {
        char number[40];
        snprintf(number, sizeof number, "byte %llu: ", (unsigned long long)error->offset);
        line_add(text, size, &length, number);
    }
    if (error->place[0] != '\0') {
        line_add(text, size, &length, error->place);
        line_add(text, size, &length, ": ");
    }
    if (error->expected[0] != '\0') {
        line_add(text, size, &length, "expected ");
        line_add(text, size, &length, error->expected);
        if (error->found[0] != '\0') {
            line_add(text, size, &length, ", found ");
        }
    }
    if (error->found[0] != '\0') {
        line_add(text, size, &length, error->found);
    }
    if (error->expected[0] == '\0' && error->found[0] == '\0') {
        line_add(text, size, &length, hearth_status_name(error->status));
    }
    return text;
}

hearth_status error_set(hearth_error *error, hearth_status status, const char *place, const char *expected,
                        const char *found_format, ...)
{
    if (error == NULL) {
        return status;
    }
    memset(error, 0, sizeof *error);
    error->status = status;
    snprintf(error->place, sizeof error->place, "%s", place != NULL ? place : "");
    snprintf(error->expected, sizeof error->expected, "%s", expected != NULL ? expected : "");
    va_list arguments;
    va_start(arguments, found_format);
    vsnprintf(error->found, sizeof error->found, found_format, arguments);
    va_end(arguments);
    return status;
}

hearth_status error_memory(hearth_error *error, size_t size_bytes)
{
    return error_set(error, HEARTH_E_MEMORY, NULL, NULL, "out of memory (%zu bytes more)", size_bytes);
}

hearth_status error_errno(hearth_error *error, const char *file, const char *doing, int errno_value)
{
    const bool missing = errno_value == ENOENT || errno_value == ENOTDIR;
    const hearth_status status = missing ? HEARTH_E_NOT_FOUND : (errno_value == ENOMEM ? HEARTH_E_MEMORY : HEARTH_E_IO);
    char reason[128] = "";
    if (strerror_r(errno_value, reason, sizeof reason) != 0) {
        snprintf(reason, sizeof reason, "error %d", errno_value);
    }
    error_set(error, status, NULL, NULL, "cannot %s: %s", doing, reason);
    error_in_file(error, file);
    return status;
}

void error_in_file(hearth_error *error, const char *file)
{
    if (error == NULL) {
        return;
    }
    if (error->file[0] == '\0' && file != NULL) {
        /* Of a long path the end says more. */
        const size_t length = strlen(file);
        const size_t most = sizeof error->file - 1;
        const char *end = length > most ? file + length - (most - 3) : file;
        while (end > file && ((unsigned char)*end & 0xC0) == 0x80) {
            end++; /* no half characters */
        }
        snprintf(error->file, sizeof error->file, "%s%s", length > most ? "..." : "", end);
    }
}

bool error_is_machine(hearth_status status)
{
    return status == HEARTH_E_MEMORY || status == HEARTH_E_CANCELLED || status == HEARTH_E_IO;
}

void error_at_offset(hearth_error *error, uint64_t offset)
{
    if (error == NULL) {
        return;
    }
    error->has_offset = true;
    error->offset = offset;
}
