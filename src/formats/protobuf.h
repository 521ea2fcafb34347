/* The wire format of protocol buffers, field by field, over a bounded cursor. */
#ifndef FORMATS_PROTOBUF_H
#define FORMATS_PROTOBUF_H

#include "base/cursor.h"

typedef enum protobuf_wire { PROTOBUF_VARINT = 0, PROTOBUF_64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_32 = 5 } protobuf_wire;

typedef struct protobuf_field {
    uint32_t number;
    protobuf_wire wire;
    uint64_t value;       /* of a varint, or the bits of a fixed number */
    const uint8_t *bytes; /* PROTOBUF_BYTES: a view into the message */
    size_t length;
} protobuf_field;

/* The next field; *ret_more false at the end. HEARTH_E_FORMAT for what ends early, a length beyond the message, a
 * number of more than 64 bits, groups. */
hearth_status protobuf_next(cursor *c, protobuf_field *ret, bool *ret_more, hearth_error *error);

#endif
