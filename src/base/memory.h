/* The one door to the allocator, so that a test can make any allocation fail (base/fault.h), and
 * size arithmetic that cannot wrap. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL on failure or when size is 0. mem_calloc checks count * size. Free with mem_free. */
void *mem_alloc(size_t size_bytes);
void *mem_calloc(size_t count, size_t size_bytes);
/* On failure the old block stays valid and NULL comes back. */
void *mem_realloc(void *block, size_t size_bytes);
/* 64-byte aligned (or more: a power of two). Free with mem_free. */
void *mem_alloc_aligned(size_t size_bytes, size_t alignment);
char *mem_strdup(const char *text);
void mem_free(void *block);

/* false when the result does not fit; *ret is set only on true. */
static inline bool size_add(size_t a, size_t b, size_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}
static inline bool size_mul(size_t a, size_t b, size_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
static inline bool u64_add(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}
static inline bool u64_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
static inline size_t size_round_up(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

#endif
