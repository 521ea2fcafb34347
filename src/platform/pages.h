/* Memory for the large things that live long: packed weights, caches. Whole pages from the system, in large pages
 * (2 MiB) where it grants them: a stream through 4 KiB pages loses a tenth and more of the bandwidth. */
#ifndef PLATFORM_PAGES_H
#define PLATFORM_PAGES_H

#include <stddef.h>

/* Zeroed, at least 64-byte aligned; NULL on failure or for 0 bytes. Free with pages_free and the same size. */
void *pages_alloc(size_t size_bytes);
/* NULL is allowed. */
void pages_free(void *block, size_t size_bytes);

#endif
