/* UTF-8, one character at a time. */
#include "base/utf8.h"

#include <string.h>

/* The length that a lead byte announces and the range of its first continuation byte (RFC 3629). */
static size_t lead_length(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = 0x80;
    *ret_high = 0xBF;
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        *ret_low = lead == 0xE0 ? 0xA0 : 0x80;
        *ret_high = lead == 0xED ? 0x9F : 0xBF;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        *ret_low = lead == 0xF0 ? 0x90 : 0x80;
        *ret_high = lead == 0xF4 ? 0x8F : 0xBF;
        return 4;
    }
    return 0;
}

/* How many bytes at `text` belong to a well-formed beginning; *ret_length is the announced length. */
static size_t well_formed(const unsigned char *text, size_t length, size_t *ret_length)
{
    unsigned char low = 0;
    unsigned char high = 0;
    *ret_length = length > 0 ? lead_length(text[0], &low, &high) : 0;
    if (*ret_length == 0) {
        return 0;
    }
    size_t good = 1;
    while (good < *ret_length && good < length && text[good] >= low && text[good] <= high) {
        low = 0x80;
        high = 0xBF;
        good++;
    }
    return good;
}

size_t utf8_decode(const char *text, size_t length, uint32_t *ret_code)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t wanted = 0;
    if (well_formed(bytes, length, &wanted) < wanted || wanted == 0) {
        return 0;
    }
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = bytes[0] & lead_mask[wanted];
    for (size_t i = 1; i < wanted; i++) {
        code = code << 6 | (bytes[i] & 0x3Fu);
    }
    *ret_code = code;
    return wanted;
}

size_t utf8_decode_lossy(const char *text, size_t length, uint32_t *ret_code)
{
    const size_t taken = utf8_decode(text, length, ret_code);
    if (taken > 0 || length == 0) {
        return taken;
    }
    size_t wanted = 0;
    const size_t good = well_formed((const unsigned char *)text, length, &wanted);
    *ret_code = 0xFFFD;
    return good > 0 ? good : 1;
}

size_t utf8_encode(uint32_t code, char ret[4])
{
    if (code < 0x80) {
        ret[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        ret[0] = (char)(0xC0 | code >> 6);
        ret[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        if (code >= 0xD800 && code <= 0xDFFF) {
            return 0;
        }
        ret[0] = (char)(0xE0 | code >> 12);
        ret[1] = (char)(0x80 | (code >> 6 & 0x3F));
        ret[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    if (code > 0x10FFFF) {
        return 0;
    }
    ret[0] = (char)(0xF0 | code >> 18);
    ret[1] = (char)(0x80 | (code >> 12 & 0x3F));
    ret[2] = (char)(0x80 | (code >> 6 & 0x3F));
    ret[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

bool utf8_valid(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        uint64_t eight = 0;
        if (length - at >= sizeof eight) { /* mostly ASCII */
            memcpy(&eight, text + at, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        uint32_t code = 0;
        const size_t taken = utf8_decode(text + at, length - at, &code);
        if (taken == 0) {
            return false;
        }
        at += taken;
    }
    return true;
}

hearth_status utf8_repair(const char *text, size_t length, buffer *out, hearth_error *error)
{
    for (size_t i = 0; i < length;) {
        uint32_t code = 0;
        char bytes[4];
        i += utf8_decode_lossy(text + i, length - i, &code);
        TRY(buffer_append(out, bytes, utf8_encode(code, bytes), error));
    }
    return HEARTH_OK;
}

size_t utf8_complete_prefix(const char *text, size_t length)
{
    /* Only the last three bytes can begin a character that is still open. */
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        const size_t start = length - back;
        size_t wanted = 0;
        const size_t good = well_formed((const unsigned char *)text + start, back, &wanted);
        if (wanted > 1 && good == back && good < wanted) {
            return start;
        }
    }
    return length;
}
