/* Preloaded, it makes of this kernel one without Landlock and seccomp, or (OLD_KERNEL=N) one whose Landlock is of
 * version N: for test_confine_commands.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LANDLOCK_CREATE 444
#define LANDLOCK_RESTRICT 446

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long (*next)(long, ...) = NULL;
    *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    const char *version = getenv("OLD_KERNEL");
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    if ((version == NULL && number >= LANDLOCK_CREATE && number <= LANDLOCK_RESTRICT) ||
        (version == NULL && number == SYS_seccomp)) {
        errno = ENOSYS;
        return -1;
    }
    if (number == LANDLOCK_CREATE && a[0] == 0 && version != NULL) {
        return atol(version);
    }
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
