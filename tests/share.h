/* How much of what repeats a test does. Under sanitizers, where every access takes many times as long, a share; all
 * with HEARTH_TESTS_ALL (make check-long) and elsewhere. */
#ifndef TESTS_SHARE_H
#define TESTS_SHARE_H

#include "base/sanitizer.h"

#include <stddef.h>
#include <stdlib.h>

static inline size_t share_of(size_t all, size_t sanitized)
{
    return (SANITIZER_ADDRESS || SANITIZER_THREAD) && getenv("HEARTH_TESTS_ALL") == NULL ? sanitized : all;
}

#endif
