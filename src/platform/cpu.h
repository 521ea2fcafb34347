/* What this CPU can do and how much of the machine is ours. */
#ifndef PLATFORM_CPU_H
#define PLATFORM_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cpu_features {
    bool avx2_fma_f16c; /* AVX2, FMA and F16C, and the system saves YMM */
    bool avx512;        /* AVX-512 F, BW, VL and DQ, and the system saves ZMM */
    bool avx512_vnni;
    bool avx512_bf16;
    bool neon;
    bool neon_dotprod;
    char name[96]; /* model name as the system tells it, or the architecture */
} cpu_features;

const cpu_features *cpu_get_features(void);

/* Cores by affinity, and by cgroup quota (v1 and v2; quota / period, rounded up), 0 where there is no quota. */
int cpu_cores_by_affinity(void);
double cpu_quota_cores(void);
/* What to use: the smaller of the two, at least 1. */
int cpu_usable_cores(void);

/* Bytes of memory in the machine, and what may still be taken: MemAvailable, or less under a cgroup limit (v1 and v2;
 * files that are cached count as free). */
uint64_t memory_total_bytes(void);
uint64_t memory_available_bytes(void);
/* For a process that runs for months: what it frees goes back to the system, instead of staying with whichever thread
 * freed it. Before threads are started. Nothing where the C library does so anyway. */
void memory_give_back_freed(void);
/* Now, too, what small blocks of all threads left free: takes milliseconds where there is much. */
void memory_trim(void);

/* Monotonic time. */
uint64_t time_now_ns(void);
double time_seconds(void);
/* This thread waits; sooner where a signal comes. */
void time_sleep(double seconds);

#endif
