/* How much memory the machine has, and how much of it this process may still take: /proc/meminfo, and the limits of
 * control groups, version 1 and 2. */
#include "platform/cpu.h"

#include <features.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where one version keeps its numbers. */
typedef struct group_files {
    const char *root, *limit, *used;
    const char *cached[2]; /* in memory.stat: bytes of files that the system drops when memory is wanted */
} group_files;

static const group_files version_1 = {"/sys/fs/cgroup/memory",
                                      "memory.limit_in_bytes",
                                      "memory.usage_in_bytes",
                                      {"total_inactive_file", "total_active_file"}};
static const group_files version_2 = {
    "/sys/fs/cgroup", "memory.max", "memory.current", {"inactive_file", "active_file"}};

/* The number behind `key` at the beginning of a line, or with `key` NULL the first line's; false where there is none.
 */
static bool read_number(const char *path, const char *key, uint64_t *ret)
{
    char line[256];
    bool found = false;
    FILE *in = fopen(path, "r");
    if (in == NULL) {
        return false;
    }
    const size_t length = key != NULL ? strlen(key) : 0;
    while (!found && fgets(line, sizeof line, in) != NULL) {
        if (key != NULL && (strncmp(line, key, length) != 0 || strchr(" :\t", line[length]) == NULL)) {
            continue;
        }
        char *end = NULL;
        const char *digits = line + length + strspn(line + length, ": \t");
        *ret = strtoull(digits, &end, 10);
        found = end != digits;
        if (key == NULL) {
            break;
        }
    }
    fclose(in);
    return found;
}

static bool read_in(const char *folder, const char *name, const char *key, uint64_t *ret)
{
    char path[800];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_number(path, key, ret);
}

/* What a group still has, where it has a limit: files that it cached count as free. */
static void look_at_group(const group_files *v, const char *folder, uint64_t *available)
{
    uint64_t limit = 0;
    uint64_t used = 0;
    if (!read_in(folder, v->limit, NULL, &limit) || !read_in(folder, v->used, NULL, &used)) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        uint64_t cached = 0;
        if (read_in(folder, "memory.stat", v->cached[i], &cached)) {
            used -= cached < used ? cached : used;
        }
    }
    const uint64_t left = limit > used ? limit - used : 0;
    *available = left < *available ? left : *available;
}

/* The group and every one above it: a limit anywhere on the way binds. */
static void look_at_groups(const group_files *v, const char *group, uint64_t *available)
{
    char folder[640];
    int length = snprintf(folder, sizeof folder, "%s%s", v->root, strcmp(group, "/") == 0 ? "" : group);
    const size_t root = strlen(v->root);
    while (length > 0 && (size_t)length < sizeof folder && strlen(folder) >= root) {
        look_at_group(v, folder, available);
        char *slash = strrchr(folder, '/');
        *slash = '\0';
    }
}

uint64_t memory_total_bytes(void)
{
    uint64_t kib = 0;
    return read_number("/proc/meminfo", "MemTotal", &kib) ? kib * 1024 : 0;
}

uint64_t memory_available_bytes(void)
{
    char line[512];
    uint64_t kib = 0;
    uint64_t available = read_number("/proc/meminfo", "MemAvailable", &kib) ? kib * 1024 : 0;
    FILE *in = fopen("/proc/self/cgroup", "r");
    if (in == NULL) {
        return available;
    }
    while (fgets(line, sizeof line, in) != NULL) { /* "0::/path" or "NUMBER:CONTROLLERS:/path" */
        line[strcspn(line, "\n")] = '\0';
        const char *names = strchr(line, ':');
        const char *group = names != NULL ? strchr(names + 1, ':') : NULL;
        if (group == NULL) {
            continue;
        }
        if (strncmp(line, "0::", 3) == 0) {
            look_at_groups(&version_2, group + 1, &available);
        } else if (strncmp(names, ":memory:", 8) == 0) {
            look_at_groups(&version_1, group + 1, &available);
        }
    }
    fclose(in);
    return available;
}

/* glibc raises its bound for blocks of their own with each that is freed, up to 32 MiB: from then on models' tables lie
 * in the threads' arenas, and each of those keeps room for the largest that it ever had. */
void memory_give_back_freed(void)
{
#ifdef __GLIBC__
    enum { OWN_BLOCK_BYTES = 512 << 10, ARENAS = 4 };
    (void)mallopt(M_MMAP_THRESHOLD, OWN_BLOCK_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, OWN_BLOCK_BYTES);
    (void)mallopt(M_ARENA_MAX, ARENAS);
#endif
}

void memory_trim(void)
{
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
}
