/* Fault injection. A build with -Dfaults=true reads HEARTH_FAULT="KIND:N" (alloc, read, map, thread)
 * and makes the N-th call of that kind fail, counted from 1 over the whole process; "KIND:N+" fails
 * that one and all later ones. Other builds compile it to `false`.
 * HEARTH_FAULT_COUNT=FILE writes how many calls of each kind happened, at exit. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

typedef enum fault_kind { FAULT_ALLOC, FAULT_READ, FAULT_MAP, FAULT_THREAD, FAULT_KIND_COUNT } fault_kind;

#ifdef HEARTH_FAULTS
bool fault_here(fault_kind kind);
#else
static inline bool fault_here(fault_kind kind)
{
    (void)kind;
    return false;
}
#endif

#endif
