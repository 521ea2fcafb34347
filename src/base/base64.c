/* Base64 to bytes. */
#include "base/base64.h"

static int value_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

hearth_status base64_decode(const char *text, size_t length, buffer *out, hearth_error *error)
{
    size_t end = length;
    while (end > 0 && length - end < 2 && text[end - 1] == '=') {
        end--;
    }
    if (end % 4 == 1 || (end < length && length % 4 != 0)) {
        return error_set(error, HEARTH_E_FORMAT, "base64", "groups of four characters", "%zu characters", length);
    }
    TRY(buffer_reserve(out, end / 4 * 3 + 3, error));
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < end; i++) {
        const int value = value_of(text[i]);
        if (value < 0) {
            return error_set(error, HEARTH_E_FORMAT, "base64", "A-Z a-z 0-9 + /", "byte 0x%02X at %zu",
                             (unsigned char)text[i], i);
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            TRY(buffer_append_char(out, (char)(bits >> held & 0xFF), error));
        }
    }
    return HEARTH_OK;
}
