/* An arena: allocations that live and die together (process, model, session, request, step). */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

typedef struct arena arena;

/* `limit_bytes` bounds the sum of what is handed out; 0 means no bound. NULL when memory is out. */
arena *arena_create(size_t limit_bytes);
/* 16-byte aligned unless `alignment` (a power of two) asks for more. NULL past the limit, when memory
 * is out, or for 0 bytes. Memory is zeroed. */
void *arena_alloc(arena *a, size_t size_bytes);
void *arena_alloc_aligned(arena *a, size_t size_bytes, size_t alignment);
/* count * size, checked. */
void *arena_array(arena *a, size_t count, size_t size_bytes);
/* A terminated copy of `length` bytes. */
char *arena_strndup(arena *a, const char *text, size_t length);
/* As printf writes it. */
char *arena_format(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees what was handed out, keeps the first block for reuse. */
void arena_reset(arena *a);
size_t arena_used_bytes(const arena *a);
/* NULL is allowed. */
void arena_destroy(arena *a);

#endif
