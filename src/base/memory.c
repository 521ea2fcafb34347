/* The heap, with the fault test in front of it. */
#include "base/memory.h"

#include "base/fault.h"

#include <stdlib.h>
#include <string.h>

void *mem_alloc(size_t size_bytes)
{
    return size_bytes == 0 || fault_here(FAULT_ALLOC) ? NULL : malloc(size_bytes);
}

void *mem_calloc(size_t count, size_t size_bytes)
{
    return count == 0 || size_bytes == 0 || fault_here(FAULT_ALLOC) ? NULL : calloc(count, size_bytes);
}

void *mem_realloc(void *block, size_t size_bytes)
{
    return size_bytes == 0 || fault_here(FAULT_ALLOC) ? NULL : realloc(block, size_bytes);
}

void *mem_alloc_aligned(size_t size_bytes, size_t alignment)
{
    if (size_bytes == 0 || size_bytes > SIZE_MAX - alignment || fault_here(FAULT_ALLOC)) {
        return NULL;
    }
    return aligned_alloc(alignment, size_round_up(size_bytes, alignment));
}

char *mem_strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = mem_alloc(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

void mem_free(void *block)
{
    free(block);
}
