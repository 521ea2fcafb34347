/* Numbers between text and value as Python reads and writes them. */
#include "generate/template_format.h"
#include "generate/template_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Digits and exponent out of "%.*e": d.ddde±XX. The program may run in any locale: its decimal point is one byte. */
static int shortest_digits(double d, char digits[20], int *ret_exponent)
{
    for (int precision = 0; precision <= 17; precision++) {
        char text[40];
        snprintf(text, sizeof text, "%.*e", precision, d);
        if (precision == 17 || strtod(text, NULL) == d) {
            const char *e = strchr(text, 'e');
            int count = 0;
            for (const char *c = text; c < e; c++) {
                if (*c >= '0' && *c <= '9' && count < 19) {
                    digits[count++] = *c;
                }
            }
            *ret_exponent = atoi(e + 1);
            return count;
        }
    }
    return 0;
}

const char *tformat_float(double d, char text[TFORMAT_FLOAT_SIZE])
{
    if (isnan(d) || isinf(d)) {
        return isnan(d) ? "nan" : (d < 0 ? "-inf" : "inf");
    }
    char digits[20] = {0};
    int exponent = 0;
    const int count = shortest_digits(fabs(d), digits, &exponent);
    char *out = text;
    if (signbit(d)) {
        *out++ = '-';
    }
    if (exponent < -4 || exponent >= 16) {
        *out++ = digits[0];
        if (count > 1) {
            *out++ = '.';
            memcpy(out, digits + 1, (size_t)count - 1);
            out += count - 1;
        }
        const int size = abs(exponent);
        *out++ = 'e';
        *out++ = exponent < 0 ? '-' : '+';
        if (size >= 100) {
            *out++ = (char)('0' + size / 100);
        }
        *out++ = (char)('0' + size / 10 % 10);
        *out++ = (char)('0' + size % 10);
        *out = '\0';
        return text;
    }
    if (exponent < 0) {
        memcpy(out, "0.000", 5);
        out += 1 - exponent;
        memcpy(out, digits, (size_t)count);
        out += count;
    } else {
        for (int i = 0; i < count || i <= exponent + 1; i++) {
            *out++ = i < count ? digits[i] : '0';
            if (i == exponent) {
                *out++ = '.';
            }
        }
    }
    *out = '\0';
    return text;
}

/* White space around is allowed, underscores between digits too. */
static bool strip_number(const tstring *s, char text[128])
{
    const size_t start = ttext_leading_space(s->bytes, s->length);
    const size_t end = s->length - (start < s->length ? ttext_trailing_space(s->bytes, s->length) : 0);
    size_t size = 0;
    for (size_t i = start; i < end; i++) {
        const char c = s->bytes[i];
        if (c == '_') {
            const bool between = i > start && i + 1 < end && s->bytes[i - 1] != '_' && s->bytes[i + 1] != '_';
            if (!between) {
                return false;
            }
            continue;
        }
        if (size + 1 >= 128) {
            return false;
        }
        text[size++] = c;
    }
    text[size] = '\0';
    return size > 0;
}

static bool is_special(const char *text)
{
    text += *text == '-' || *text == '+';
    return strcasecmp(text, "nan") == 0 || strcasecmp(text, "inf") == 0 || strcasecmp(text, "infinity") == 0;
}

bool tformat_parse_float(const tstring *s, double *ret)
{
    char text[128];
    if (!strip_number(s, text)) {
        return false;
    }
    if (!is_special(text) && strspn(text, "0123456789+-.eE") != strlen(text)) {
        return false;
    }
    char *end = NULL;
    *ret = strtod(text, &end);
    return end != text && *end == '\0';
}

hearth_status tformat_parse_int(trun *r, const tstring *s, int64_t base, bool *ret_valid, int64_t *ret)
{
    char text[128];
    *ret_valid = false;
    if (base != 0 && (base < 2 || base > 36)) {
        return HEARTH_OK;
    }
    if (!strip_number(s, text)) {
        return HEARTH_OK;
    }
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    const char letter = digits[0] == '0' ? (char)(digits[1] | 0x20) : '\0';
    const int64_t prefix = letter == 'x' ? 16 : (letter == 'o' ? 8 : (letter == 'b' ? 2 : 0));
    if (prefix != 0 && (base == prefix || base == 0)) {
        base = prefix;
        digits += 2;
    } else if (base == 0) {
        if (digits[0] == '0' && strspn(digits, "0") != strlen(digits)) {
            return HEARTH_OK;
        }
        base = 10;
    }
    char *end = NULL;
    if (!((*digits >= '0' && *digits <= '9') || ((*digits | 0x20) >= 'a' && (*digits | 0x20) <= 'z'))) {
        return HEARTH_OK;
    }
    errno = 0;
    const unsigned long long magnitude = strtoull(digits, &end, (int)base);
    if (*end != '\0') {
        return HEARTH_OK;
    }
    if (errno == ERANGE || magnitude > (unsigned long long)INT64_MAX) {
        return TRUN_FAIL(r, HEARTH_E_LIMIT, "an integer of more than 64 bits");
    }
    *ret = text[0] == '-' ? -(int64_t)magnitude : (int64_t)magnitude;
    *ret_valid = true;
    return HEARTH_OK;
}
