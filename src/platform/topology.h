/* How many threads this machine's cores are worth: siblings of one core count once, and slow cores only where they
 * help.
 */
#ifndef PLATFORM_TOPOLOGY_H
#define PLATFORM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

/* Of the CPUs that `allowed` [count] names, out of a folder like /sys/devices/system/cpu. Work is split in equal parts,
 * so c threads are as fast as c times the slowest core among the c best: the number for which that is most, the smaller
 * one of equals. At least 1. Of CPUs that share a core one counts. What the folder does not tell is taken as equal. */
int topology_threads(const char *folder, const bool *allowed, size_t count);

/* For this process: the same by its affinity, and not more than its cgroup's quota. */
int topology_own_threads(void);

#endif
