/* Large allocations straight from the system, aligned so that they can lie in 2 MiB pages. Small blocks share a region,
 * or the matrices of a small model would never fill a large page.
 *
 * A region is REGION_BYTES at a multiple of REGION_BYTES: its head is found from any block in it. Blocks are handed out
 * upwards and never again; the region goes back to the system with its last block. Only touched pages take memory. */
#define _GNU_SOURCE
#include "platform/pages.h"

#include "base/fault.h"
#include "base/memory.h"
#include "base/sanitizer.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE ((size_t)2 << 20)
#define REGION_BYTES ((size_t)32 << 20)
#define REGION_BLOCK_MOST ((size_t)4 << 20)
#define REGION_ALIGNMENT 64u

#if SANITIZER_ADDRESS

/* Blocks of the C library, so that the sanitizer watches their ends. Large ones come from the system as zeros and
 * aligned, and are not touched, as elsewhere: a context of many tokens, written whole, costs a second of each start of
 * a server. */
void *pages_alloc(size_t size_bytes)
{
    void *block = NULL;
    if (size_bytes >= LARGE_PAGE) {
        block = mem_calloc(1, size_bytes);
        if (block == NULL || (uintptr_t)block % REGION_ALIGNMENT == 0) {
            return block;
        }
        mem_free(block);
    }
    block = mem_alloc_aligned(size_bytes, REGION_ALIGNMENT);
    if (block != NULL) {
        memset(block, 0, size_bytes);
    }
    return block;
}

void pages_free(void *block, size_t size_bytes)
{
    (void)size_bytes;
    mem_free(block);
}

#else

typedef struct region {
    size_t used; /* bytes from the region's begin, this head among them */
    size_t live; /* blocks not yet freed */
} region;

static pthread_mutex_t pages_lock = PTHREAD_MUTEX_INITIALIZER;
static region *pages_current; /* under the lock; NULL: none is open */

/* `size` bytes (a multiple of the page size) at a multiple of `alignment`. */
static uint8_t *map_aligned(size_t size, size_t alignment)
{
    size_t wanted = 0;
    if (!size_add(size, alignment, &wanted)) {
        return NULL;
    }
    uint8_t *map = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    const size_t before = (size_t)(-(uintptr_t)map & (alignment - 1));
    if (before > 0) {
        munmap(map, before);
    }
    munmap(map + before + size, alignment - before);
    (void)madvise(map + before, size, MADV_HUGEPAGE);
    return map + before;
}

static size_t round_to_pages(size_t size_bytes)
{
    return size_round_up(size_bytes, (size_t)sysconf(_SC_PAGESIZE));
}

/* Under the lock. */
static void *region_take(size_t size)
{
    if (pages_current == NULL || pages_current->used + size > REGION_BYTES) {
        region *opened = (region *)(void *)map_aligned(REGION_BYTES, REGION_BYTES);
        if (opened == NULL) {
            return NULL;
        }
        opened->used = REGION_ALIGNMENT;
        if (pages_current != NULL && pages_current->live == 0) {
            munmap(pages_current, REGION_BYTES);
        }
        pages_current = opened;
    }
    uint8_t *block = (uint8_t *)pages_current + pages_current->used;
    pages_current->used += size;
    pages_current->live++;
    return block;
}

/* Under the lock. */
static void region_give_back(void *block)
{
    region *of = (region *)(void *)((uint8_t *)block - ((uintptr_t)block & (REGION_BYTES - 1)));
    if (--of->live == 0) {
        if (pages_current == of) {
            pages_current = NULL;
        }
        munmap(of, REGION_BYTES);
    }
}

void *pages_alloc(size_t size_bytes)
{
    if (size_bytes == 0 || size_bytes > SIZE_MAX / 2 || fault_here(FAULT_ALLOC)) {
        return NULL;
    }
    if (size_bytes > REGION_BLOCK_MOST) {
        return map_aligned(round_to_pages(size_bytes), LARGE_PAGE);
    }
    pthread_mutex_lock(&pages_lock);
    void *block = region_take(size_round_up(size_bytes, REGION_ALIGNMENT));
    pthread_mutex_unlock(&pages_lock);
    return block;
}

void pages_free(void *block, size_t size_bytes)
{
    if (block == NULL) {
        return;
    }
    if (size_bytes > REGION_BLOCK_MOST) {
        munmap(block, round_to_pages(size_bytes));
        return;
    }
    pthread_mutex_lock(&pages_lock);
    region_give_back(block);
    pthread_mutex_unlock(&pages_lock);
}

#endif
