/* Base64 to bytes and back. */
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

hearth_status base64_encode(const void *bytes, size_t length, buffer *out, hearth_error *error)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < length; i += 3) {
        const size_t left = length - i;
        const uint32_t bits = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
                              (left > 2 ? (uint32_t)from[i + 2] : 0);
        const char four[4] = {alphabet[bits >> 18 & 63], alphabet[bits >> 12 & 63],
                              left > 1 ? alphabet[bits >> 6 & 63] : '=', left > 2 ? alphabet[bits & 63] : '='};
        TRY(buffer_append(out, four, 4, error));
    }
    return HEARTH_OK;
}
