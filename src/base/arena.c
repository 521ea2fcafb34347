/* Blocks from the heap, handed out from the front; what outgrows a block gets one of its own. */
#include "base/arena.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Blocks form a list, newest first; only the newest is handed out from. They come zeroed from the heap: large ones as
 * pages that take no memory before they are used, so what is handed out for the first time is not touched here. */
typedef struct arena_block {
    struct arena_block *older;
    size_t capacity;
    size_t used;
    size_t dirty; /* what lies before it was handed out before a reset */
    unsigned char bytes[];
} arena_block;

struct arena {
    arena_block *newest;
    size_t limit_bytes;
    size_t used_bytes;
};

#ifdef HEARTH_FUZZING /* an end is nearer, and there is less to clear */
#define ARENA_BLOCK_BYTES ((size_t)1 << 10)
#else
#define ARENA_BLOCK_BYTES ((size_t)64 << 10)
#endif

arena *arena_create(size_t limit_bytes)
{
    arena *a = mem_calloc(1, sizeof *a);
    if (a != NULL) {
        a->limit_bytes = limit_bytes;
    }
    return a;
}

static void *block_take(arena_block *block, size_t size_bytes, size_t alignment)
{
    const uintptr_t start = (uintptr_t)block->bytes + block->used;
    const size_t padding = (size_t)(-start & (alignment - 1));
    if (padding > block->capacity - block->used || size_bytes > block->capacity - block->used - padding) {
        return NULL;
    }
    const size_t at = block->used + padding;
    if (at < block->dirty) {
        memset(block->bytes + at, 0, size_bytes < block->dirty - at ? size_bytes : block->dirty - at);
    }
    block->used = at + size_bytes;
    return block->bytes + at;
}

void *arena_alloc_aligned(arena *a, size_t size_bytes, size_t alignment)
{
    size_t used = 0;
    if (size_bytes == 0 || !size_add(a->used_bytes, size_bytes, &used) ||
        (a->limit_bytes != 0 && used > a->limit_bytes)) {
        return NULL;
    }
    if (alignment < 16) {
        alignment = 16;
    }
    void *taken = a->newest != NULL ? block_take(a->newest, size_bytes, alignment) : NULL;
    if (taken == NULL) {
        size_t capacity = 0;
        size_t total = 0;
        if (!size_add(size_bytes, alignment, &capacity)) {
            return NULL;
        }
        if (capacity < ARENA_BLOCK_BYTES) {
            capacity = ARENA_BLOCK_BYTES;
        }
        if (!size_add(capacity, sizeof(arena_block), &total)) {
            return NULL;
        }
        arena_block *block = mem_calloc(1, total);
        if (block == NULL) {
            return NULL;
        }
        block->older = a->newest;
        block->capacity = capacity;
        a->newest = block;
        taken = block_take(block, size_bytes, alignment);
    }
    a->used_bytes = used;
    return taken;
}

void *arena_alloc(arena *a, size_t size_bytes)
{
    return arena_alloc_aligned(a, size_bytes, 16);
}

void *arena_array(arena *a, size_t count, size_t size_bytes)
{
    size_t total = 0;
    return size_mul(count, size_bytes, &total) ? arena_alloc(a, total) : NULL;
}

char *arena_strndup(arena *a, const char *text, size_t length)
{
    size_t size = 0;
    char *copy = size_add(length, 1, &size) ? arena_alloc(a, size) : NULL;
    if (copy != NULL && length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}

char *arena_format(arena *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length >= 0 ? arena_alloc(a, (size_t)length + 1) : NULL;
    if (text != NULL) {
        va_start(arguments, format);
        (void)vsnprintf(text, (size_t)length + 1, format, arguments);
        va_end(arguments);
    }
    return text;
}

void arena_reset(arena *a)
{
    while (a->newest != NULL && a->newest->older != NULL) {
        arena_block *older = a->newest->older;
        mem_free(a->newest);
        a->newest = older;
    }
    if (a->newest != NULL) {
        const size_t used = a->newest->used;
        a->newest->dirty = used > a->newest->dirty ? used : a->newest->dirty;
        a->newest->used = 0;
    }
    a->used_bytes = 0;
}

size_t arena_used_bytes(const arena *a)
{
    return a->used_bytes;
}

void arena_destroy(arena *a)
{
    if (a == NULL) {
        return;
    }
    arena_reset(a);
    mem_free(a->newest);
    mem_free(a);
}
