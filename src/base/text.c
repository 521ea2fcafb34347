/* Terminated texts. */
#include "base/text.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

char *text_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length >= 0 ? mem_alloc((size_t)length + 1) : NULL;
    if (text != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

bool text_starts(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool text_ends(const char *text, const char *end)
{
    const size_t length = strlen(text);
    const size_t tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

bool text_is_hex(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789abcdef") == count;
}

const char *text_last_part(const char *path, size_t *ret_length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') {
        begin--;
    }
    *ret_length = end - begin;
    return path + begin;
}

int text_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* ---- words that are nearly the same ---- */

enum { WORD_MOST = 64 }; /* longer words are compared by their beginning only */

static unsigned least_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    const size_t rows = strnlen(a, WORD_MOST);
    const size_t cols = strnlen(b, WORD_MOST);
    unsigned line[3][WORD_MOST + 1]; /* the row before the last, the last, this one */
    for (size_t j = 0; j <= cols; j++) {
        line[1][j] = (unsigned)j;
        line[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= rows; i++) {
        unsigned *now = line[2];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= cols; j++) {
            const unsigned replaced = line[1][j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least_of(replaced, least_of(line[1][j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least_of(now[j], line[0][j - 2] + 1);
            }
        }
        memcpy(line[0], line[1], sizeof line[0]);
        memcpy(line[1], line[2], sizeof line[1]);
    }
    return line[1][cols];
}

bool text_is_near(const char *word, unsigned distance)
{
    return distance <= 1 + strnlen(word, WORD_MOST) / 3;
}

const char *text_bytes(uint64_t bytes, char ret[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        unit++;
    }
    const char *format = unit == 0 || value >= 99.95 ? "%.0f %s" : (value >= 9.995 ? "%.1f %s" : "%.2f %s");
    snprintf(ret, 32, format, value, units[unit]);
    return ret;
}

const char *text_number(uint64_t number, char ret[32])
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        if (i > 0 && (count - i) % 3 == 0) {
            ret[at++] = ',';
        }
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
    return ret;
}

const char *text_time(int64_t seconds, char ret[32])
{
    const time_t when = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&when, &parts) == NULL || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        ret[0] = '\0';
    }
    return ret;
}
