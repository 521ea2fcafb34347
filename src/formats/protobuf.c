/* Reading protocol buffers. */
#include "formats/protobuf.h"

static hearth_status varint(cursor *c, const char *place, uint64_t *ret, hearth_error *error)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t *byte = NULL;
        TRY(cursor_bytes(c, place, 1, &byte, error));
        if (shift == 63 && *byte > 1) {
            break;
        }
        value |= (uint64_t)(*byte & 0x7F) << shift;
        if (*byte < 0x80) {
            *ret = value;
            return HEARTH_OK;
        }
    }
    (void)error_set(error, HEARTH_E_FORMAT, place, "a number of at most 64 bits", "a longer one");
    error_at_offset(error, c->offset);
    return HEARTH_E_FORMAT;
}

static hearth_status body(cursor *c, protobuf_field *f, hearth_error *error)
{
    uint32_t word = 0;
    switch (f->wire) {
    case PROTOBUF_VARINT:
        return varint(c, "value", &f->value, error);
    case PROTOBUF_64:
        return cursor_u64(c, "64-bit value", &f->value, error);
    case PROTOBUF_BYTES:
        TRY(varint(c, "length", &f->value, error));
        TRY(cursor_bytes(c, "field", f->value, &f->bytes, error));
        f->length = (size_t)f->value;
        return HEARTH_OK;
    case PROTOBUF_32:
        TRY(cursor_u32(c, "32-bit value", &word, error));
        f->value = word;
        return HEARTH_OK;
    }
    (void)error_set(error, HEARTH_E_FORMAT, "field", "wire type 0, 1, 2 or 5", "%u", (unsigned)f->wire);
    error_at_offset(error, c->offset);
    return HEARTH_E_FORMAT;
}

hearth_status protobuf_next(cursor *c, protobuf_field *ret, bool *ret_more, hearth_error *error)
{
    *ret_more = cursor_left(c) > 0;
    if (!*ret_more) {
        return HEARTH_OK;
    }
    uint64_t key = 0;
    TRY(varint(c, "field", &key, error));
    if (key >> 3 == 0 || key >> 3 > UINT32_MAX >> 3) {
        (void)error_set(error, HEARTH_E_FORMAT, "field", "a number from 1 to 536870911", "%llu",
                        (unsigned long long)(key >> 3));
        error_at_offset(error, c->offset);
        return HEARTH_E_FORMAT;
    }
    *ret = (protobuf_field){.number = (uint32_t)(key >> 3), .wire = (protobuf_wire)(key & 7)};
    return body(c, ret, error);
}
