/* Reads that never leave the bytes they were given. */
#include "base/cursor.h"

#include <stdio.h>

hearth_status cursor_bytes(cursor *c, const char *place, uint64_t length, const uint8_t **ret, hearth_error *error)
{
    const size_t left = cursor_left(c);
    if (length > left) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "%llu more bytes", (unsigned long long)length);
        error_set(error, HEARTH_E_FORMAT, place, expected, "the end of the file after %zu", left);
        error_at_offset(error, c->offset);
        return HEARTH_E_FORMAT;
    }
    *ret = c->data + c->offset;
    c->offset += (size_t)length;
    return HEARTH_OK;
}

/* Reads `count` bytes as one little-endian number. */
static hearth_status cursor_number(cursor *c, const char *place, unsigned count, uint64_t *ret, hearth_error *error)
{
    const uint8_t *bytes = NULL;
    TRY(cursor_bytes(c, place, count, &bytes, error));
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    *ret = value;
    return HEARTH_OK;
}

hearth_status cursor_u32(cursor *c, const char *place, uint32_t *ret, hearth_error *error)
{
    uint64_t value = 0;
    TRY(cursor_number(c, place, 4, &value, error));
    *ret = (uint32_t)value;
    return HEARTH_OK;
}

hearth_status cursor_u64(cursor *c, const char *place, uint64_t *ret, hearth_error *error)
{
    return cursor_number(c, place, 8, ret, error);
}
