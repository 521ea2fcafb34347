/* Instruction sets, usable cores, time; out of CPUID, affinity, cgroups and /proc. */
#define _GNU_SOURCE
#include "platform/cpu.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

/* The value behind "key" in a "key : value" file, or "" (the value keeps no line end). */
static void file_value(const char *path, const char *key, char *ret, size_t size)
{
    ret[0] = '\0';
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return;
    }
    char line[512];
    const size_t length = strlen(key);
    while (fgets(line, sizeof line, in) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, length) == 0 && colon != NULL) {
            colon++;
            colon += strspn(colon, " \t");
            (void)snprintf(ret, size, "%.*s", (int)strcspn(colon, "\n"), colon);
            break;
        }
    }
    fclose(in);
}

#if defined(__x86_64__)
static uint64_t extended_state(void)
{
    uint32_t low = 0;
    uint32_t high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static void detect(cpu_features *f)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0) {
        return;
    }
    const bool fma = (c & bit_FMA) != 0;
    const bool f16c = (c & bit_F16C) != 0;
    const uint64_t state = (c & bit_OSXSAVE) != 0 ? extended_state() : 0;
    const bool ymm = (state & 0x6) == 0x6;
    const bool zmm = (state & 0xE6) == 0xE6;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
        return;
    }
    const unsigned wanted = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;
    f->avx2_fma_f16c = ymm && fma && f16c && (b & bit_AVX2) != 0;
    f->avx512 = zmm && f->avx2_fma_f16c && (b & wanted) == wanted;
    f->avx512_vnni = f->avx512 && (c & bit_AVX512VNNI) != 0;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0) {
        f->avx512_bf16 = f->avx512 && (a & bit_AVX512BF16) != 0;
    }
}
#elif defined(__aarch64__)
static void detect(cpu_features *f)
{
    f->neon = true;
    f->neon_dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
}
#else
static void detect(cpu_features *f)
{
    (void)f;
}
#endif

const cpu_features *cpu_get_features(void)
{
    static cpu_features features;
    static bool known;
    if (!known) {
        cpu_features found = {0};
        detect(&found);
        file_value("/proc/cpuinfo", "model name", found.name, sizeof found.name);
        if (found.name[0] == '\0') {
#if defined(__aarch64__)
            (void)snprintf(found.name, sizeof found.name, "aarch64");
#else
            (void)snprintf(found.name, sizeof found.name, "unknown");
#endif
        }
        features = found;
        known = true;
    }
    return &features;
}

int cpu_cores_by_affinity(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        const int count = CPU_COUNT(&set);
        if (count > 0) {
            return count;
        }
    }
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

/* The first line of a file; false when there is none. */
static bool first_line(const char *path, char *ret, size_t size)
{
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return false;
    }
    const bool got = fgets(ret, (int)size, in) != NULL;
    fclose(in);
    return got;
}

/* This process's cgroup under version 2 ("0::/path"), or "" for the root. */
static void own_cgroup(char *ret, size_t size)
{
    ret[0] = '\0';
    FILE *in = fopen("/proc/self/cgroup", "r");
    if (in == NULL) {
        return;
    }
    char line[512];
    while (fgets(line, sizeof line, in) != NULL) {
        if (strncmp(line, "0::", 3) == 0) {
            (void)snprintf(ret, size, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
            break;
        }
    }
    fclose(in);
}

/* Calls `look` for this cgroup's folder and every one above it: a limit anywhere on the way binds. */
static void each_cgroup(void (*look)(const char *folder, void *context), void *context)
{
    char group[480];
    own_cgroup(group, sizeof group);
    for (;;) {
        char folder[512];
        (void)snprintf(folder, sizeof folder, "/sys/fs/cgroup%s", strcmp(group, "/") == 0 ? "" : group);
        look(folder, context);
        char *slash = strrchr(group, '/');
        if (slash == NULL) {
            return;
        }
        *slash = '\0';
    }
}

static void look_at_quota(const char *folder, void *context)
{
    double *quota = context;
    char path[600];
    char line[128];
    (void)snprintf(path, sizeof path, "%s/cpu.max", folder);
    double most = 0;
    double period = 0;
    if (first_line(path, line, sizeof line) && sscanf(line, "%lf %lf", &most, &period) == 2 && most > 0 && period > 0 &&
        (*quota == 0 || most / period < *quota)) {
        *quota = most / period;
    }
}

double cpu_quota_cores(void)
{
    double quota = 0;
    each_cgroup(look_at_quota, &quota);
    char line[128];
    if (quota == 0 && first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", line, sizeof line)) {
        const double most = strtod(line, NULL);
        if (most > 0 && first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", line, sizeof line)) {
            const double period = strtod(line, NULL);
            quota = period > 0 ? most / period : 0;
        }
    }
    return quota;
}

int cpu_usable_cores(void)
{
    const int affinity = cpu_cores_by_affinity();
    const double quota = cpu_quota_cores();
    if (quota <= 0) {
        return affinity;
    }
    const int allowed = (int)ceil(quota);
    return allowed < 1 ? 1 : (allowed < affinity ? allowed : affinity);
}

uint64_t time_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double time_seconds(void)
{
    return (double)time_now_ns() * 1e-9;
}

void time_sleep(double seconds)
{
    const time_t whole = (time_t)seconds;
    (void)nanosleep(&(struct timespec){.tv_sec = whole, .tv_nsec = (long)((seconds - (double)whole) * 1e9)}, NULL);
}
