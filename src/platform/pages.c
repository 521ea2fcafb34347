/* Large allocations straight from the system, aligned so that they can lie in 2 MiB pages. */
#define _GNU_SOURCE
#include "platform/pages.h"

#include "base/fault.h"
#include "base/memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE_PAGE ((size_t)2 << 20)

static size_t small_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *pages_alloc(size_t size_bytes)
{
    size_t wanted = 0;
    if (size_bytes == 0 || !size_add(size_bytes, LARGE_PAGE + small_page(), &wanted) || fault_here(FAULT_ALLOC)) {
        return NULL;
    }
    const size_t size = size_round_up(size_bytes, small_page());
    const size_t slack = size >= LARGE_PAGE ? LARGE_PAGE : 0;
    uint8_t *map = mmap(NULL, size + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        return NULL;
    }
    if (slack == 0) {
        return map;
    }
    const size_t before = (size_t)(-(uintptr_t)map & (LARGE_PAGE - 1));
    if (before > 0) {
        munmap(map, before);
    }
    if (before < slack) {
        munmap(map + before + size, slack - before);
    }
    (void)madvise(map + before, size, MADV_HUGEPAGE);
    return map + before;
}

void pages_free(void *block, size_t size_bytes)
{
    if (block != NULL) {
        munmap(block, size_round_up(size_bytes, small_page()));
    }
}
