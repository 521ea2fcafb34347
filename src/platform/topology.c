/* Cores and their speeds as /sys tells them. */
#define _GNU_SOURCE
#include "platform/topology.h"

#include "platform/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDER "/sys/devices/system/cpu"
#define MOST_CPUS ((size_t)CPU_SETSIZE)

/* The first number in the file FOLDER/cpuN/NAME; -1 where there is none. */
static long number_in(const char *folder, size_t cpu, const char *name)
{
    char path[512];
    long number = -1;
    const int length = snprintf(path, sizeof path, "%s/cpu%zu/%s", folder, cpu, name);
    FILE *in = length > 0 && (size_t)length < sizeof path ? fopen(path, "r") : NULL;
    if (in == NULL) {
        return -1;
    }
    if (fscanf(in, "%9ld", &number) != 1) {
        number = -1;
    }
    fclose(in);
    return number;
}

/* The lowest CPU of the core that this one belongs to: lists begin with it. */
static size_t first_sibling(const char *folder, size_t cpu)
{
    long first = number_in(folder, cpu, "topology/core_cpus_list");
    if (first < 0) {
        first = number_in(folder, cpu, "topology/thread_siblings_list"); /* before Linux 5.3 */
    }
    return first < 0 || (size_t)first >= MOST_CPUS ? cpu : (size_t)first;
}

/* In any unit, the same for all: the scheduler's (arm64 and other mixed machines), else the highest clock; 1 where
 * neither is known. */
static long speed_of(const char *folder, size_t cpu, bool by_capacity)
{
    const long speed = number_in(folder, cpu, by_capacity ? "cpu_capacity" : "cpufreq/cpuinfo_max_freq");
    return speed > 0 ? speed : 1;
}

static int descending(const void *a, const void *b)
{
    const long x = *(const long *)a;
    const long y = *(const long *)b;
    return x > y ? -1 : x < y;
}

/* How many of the fastest cores, sorted, give most where all get equal parts. */
static int best_count(const long *speeds, size_t cores)
{
    size_t best = 1;
    for (size_t n = 1; n <= cores; n++) {
        if ((long long)n * speeds[n - 1] > (long long)best * speeds[best - 1]) {
            best = n;
        }
    }
    return (int)best;
}

int topology_threads(const char *folder, const bool *allowed, size_t count)
{
    long speeds[MOST_CPUS];
    bool taken[MOST_CPUS] = {false};
    size_t cores = 0;
    bool by_capacity = true;
    count = count < MOST_CPUS ? count : MOST_CPUS;
    for (size_t cpu = 0; cpu < count; cpu++) {
        by_capacity = by_capacity && (!allowed[cpu] || number_in(folder, cpu, "cpu_capacity") > 0);
    }
    for (size_t cpu = 0; cpu < count; cpu++) {
        if (!allowed[cpu]) {
            continue;
        }
        const size_t core = first_sibling(folder, cpu);
        if (!taken[core]) {
            taken[core] = true;
            speeds[cores++] = speed_of(folder, cpu, by_capacity);
        }
    }
    qsort(speeds, cores, sizeof *speeds, descending);
    return cores == 0 ? 1 : best_count(speeds, cores);
}

int topology_own_threads(void)
{
    const int usable = cpu_usable_cores();
    bool allowed[MOST_CPUS] = {false};
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return usable;
    }
    for (size_t cpu = 0; cpu < MOST_CPUS; cpu++) {
        allowed[cpu] = CPU_ISSET(cpu, &set);
    }
    const int worth = topology_threads(FOLDER, allowed, MOST_CPUS);
    return worth < usable ? worth : usable;
}
