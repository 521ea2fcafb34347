/* Preloaded, it makes of this kernel one without Landlock and seccomp, or (OLD_KERNEL=N) one whose Landlock is of
 * version N, or (OLD_KERNEL_RULES=FILE) leaves the kernel as it is and writes down the rights that each path is given:
 * for test_confine_commands.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446

/* A line for a rule: its rights, hexadecimal, and its path. */
static void write_down(const char *file, const void *rule)
{
    uint64_t rights = 0;
    int32_t folder = -1;
    char link[64], path[4096];
    memcpy(&rights, rule, sizeof rights);
    memcpy(&folder, (const char *)rule + sizeof rights, sizeof folder);
    snprintf(link, sizeof link, "/proc/self/fd/%d", (int)folder);
    const ssize_t length = readlink(link, path, sizeof path);
    FILE *out = fopen(file, "a");
    if (length > 0 && out != NULL) {
        fprintf(out, "%llx %.*s\n", (unsigned long long)rights, (int)length, path);
    }
    if (out != NULL) {
        (void)fclose(out);
    }
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long (*next)(long, ...) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    const char *version = getenv("OLD_KERNEL");
    const char *rules = getenv("OLD_KERNEL_RULES");
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    const bool none = version == NULL && rules == NULL;
    if (rules != NULL && number == LANDLOCK_ADD) {
        write_down(rules, (const void *)a[2]);
    }
    if (none && ((number >= LANDLOCK_CREATE && number <= LANDLOCK_RESTRICT) || number == SYS_seccomp)) {
        errno = ENOSYS;
        return -1;
    }
    if (number == LANDLOCK_CREATE && a[0] == 0 && version != NULL) {
        return atol(version);
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
