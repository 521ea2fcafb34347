/* A bounded cursor over bytes from outside: no read passes the end, every failure names the offset.
 * Numbers are little endian. */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include "base/error.h"

typedef struct cursor {
    const uint8_t *data;
    size_t size;
    size_t offset; /* invariant: offset <= size */
} cursor;

static inline cursor cursor_over(const void *data, size_t size)
{
    return (cursor){.data = data, .size = size, .offset = 0};
}
static inline size_t cursor_left(const cursor *c)
{
    return c->size - c->offset;
}
/* `place` names the field for the error ("tensor count"). On failure the cursor does not move. */
hearth_status cursor_u32(cursor *c, const char *place, uint32_t *ret, hearth_error *error);
hearth_status cursor_u64(cursor *c, const char *place, uint64_t *ret, hearth_error *error);
/* A view of the next `length` bytes. */
hearth_status cursor_bytes(cursor *c, const char *place, uint64_t length, const uint8_t **ret, hearth_error *error);

#endif
