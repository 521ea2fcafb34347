/* Which files: Landlock, by its system calls. Its constants are written out, as headers of older systems lack the newer
 * ones; which of them a kernel knows, its version says. */
#define _GNU_SOURCE
#include "platform/confine.h"

#include "base/sanitizer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if SANITIZER_ADDRESS || SANITIZER_THREAD || defined(HEARTH_FAULTS)
#define CONFINE_OFF 1
#else
#define CONFINE_OFF 0
#endif

#define LANDLOCK_CREATE 444
#define LANDLOCK_ADD 445
#define LANDLOCK_RESTRICT 446
#define ASK_VERSION 1u
#define RULE_BENEATH 1

/* Rights to files, in the order in which the kernel got them. */
#define FS_EXECUTE (1ull << 0)
#define FS_WRITE_FILE (1ull << 1)
#define FS_READ_FILE (1ull << 2)
#define FS_READ_DIR (1ull << 3)
#define FS_REMOVE_DIR (1ull << 4)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SYM (1ull << 12)
#define FS_REFER (1ull << 13)    /* version 2 */
#define FS_TRUNCATE (1ull << 14) /* version 3 */
#define FS_ALL_1 ((1ull << 13) - 1)
#define FS_IOCTL_DEV (1ull << 15) /* version 5 */
#define NET_BIND 1ull
#define NET_CONNECT 2ull /* both version 4 */
#define SCOPE_ABSTRACT_SOCKETS 1ull
#define SCOPE_SIGNALS 2ull /* both version 6 */

#define FS_OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_WRITE                                                                                                       \
    (FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_MAKE_SYM | FS_REFER |   \
     FS_TRUNCATE)

struct ruleset_attributes {
    uint64_t fs, net, scope;
};

struct beneath_attributes {
    uint64_t rights;
    int32_t folder;
} __attribute__((packed));

/* What the C library (its shared libraries, character sets, the time zone) and the count of cores and memory read. */
static const char *const of_the_system[] = {"/lib",
                                            "/lib64",
                                            "/usr/lib",
                                            "/usr/lib64",
                                            "/usr/share/locale",
                                            "/usr/share/zoneinfo",
                                            "/etc/ld.so.cache",
                                            "/etc/localtime",
                                            "/dev/null",
                                            "/dev/urandom",
                                            "/proc/cpuinfo",
                                            "/proc/meminfo",
                                            "/proc/stat",
                                            "/proc/self/cgroup",
                                            "/proc/self/maps",
                                            "/proc/self/statm",
                                            "/sys/fs/cgroup",
                                            "/sys/devices/system",
                                            "/sys/kernel/mm"};

/* What asking for a name and trusting a certificate read. */
static const char *const of_the_network[] = {"/etc",
                                             "/usr/share/ca-certificates",
                                             "/usr/local/share/ca-certificates",
                                             "/var/lib/ca-certificates",
                                             "/run/systemd/resolve",
                                             "/run/resolvconf",
                                             "/run/NetworkManager",
                                             "/run/nscd"};

static int landlock_version(void)
{
    const long version = syscall(LANDLOCK_CREATE, NULL, 0, ASK_VERSION);
    return version > 0 ? (int)version : 0;
}

bool confine_is_built(void)
{
    return !CONFINE_OFF;
}

confine_support confine_get_support(void)
{
    const bool off = CONFINE_OFF;
    return (confine_support){.landlock = off ? 0 : landlock_version(), .seccomp = !off && confine_can_filter_calls()};
}

static uint64_t rights_known(int version)
{
    return FS_ALL_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
           (version >= 5 ? FS_IOCTL_DEV : 0);
}

static int make_ruleset(int version, const confine_rules *rules)
{
    const struct ruleset_attributes a = {
        .fs = rights_known(version),
        .net = rules->network   ? 0
               : rules->listens ? NET_CONNECT
                                : NET_BIND | NET_CONNECT,
        .scope = rules->network ? SCOPE_SIGNALS : SCOPE_SIGNALS | SCOPE_ABSTRACT_SOCKETS,
    };
    const size_t size = version >= 6 ? sizeof a : version >= 4 ? sizeof a - sizeof a.scope : sizeof a.fs;
    return (int)syscall(LANDLOCK_CREATE, &a, size, 0u);
}

/* A path that is not there, or that no rule can be about (a pipe), is passed over. */
static bool allow(int ruleset, const char *path, uint64_t rights)
{
    struct stat info;
    const int at = open(path, O_PATH | O_CLOEXEC);
    if (at < 0) {
        return true;
    }
    bool done = fstat(at, &info) == 0;
    if (done) {
        const struct beneath_attributes a = {.rights = S_ISDIR(info.st_mode) ? rights : rights & FS_OF_A_FILE,
                                             .folder = at};
        done = a.rights == 0 || syscall(LANDLOCK_ADD, ruleset, RULE_BENEATH, &a, 0u) == 0 || errno == EBADFD;
    }
    (void)close(at);
    return done;
}

static bool allow_all(int ruleset, const char *const *paths, size_t count, uint64_t rights)
{
    for (size_t i = 0; i < count; i++) {
        if (!allow(ruleset, paths[i], rights)) {
            return false;
        }
    }
    return true;
}

static bool restrict_files(int version, const confine_rules *rules)
{
    const int ruleset = make_ruleset(version, rules);
    if (ruleset < 0) {
        return false;
    }
    const uint64_t known = rights_known(version);
    const size_t system = sizeof of_the_system / sizeof *of_the_system;
    const size_t network = rules->network ? sizeof of_the_network / sizeof *of_the_network : 0;
    const bool done = allow_all(ruleset, of_the_system, system, FS_READ) &&
                      allow_all(ruleset, of_the_network, network, FS_READ) &&
                      allow_all(ruleset, rules->read, rules->read_count, FS_READ) &&
                      allow_all(ruleset, rules->write, rules->write_count, FS_WRITE & known) &&
                      syscall(LANDLOCK_RESTRICT, ruleset, 0u) == 0;
    (void)close(ruleset);
    return done;
}

int confine_files(const confine_rules *rules)
{
    const int version = confine_get_support().landlock;
    /* Version 1 knows no renaming from one folder to another, which pull needs: then only who writes nothing is held.
     */
    const bool usable = version >= 2 || (version == 1 && rules->write_count == 0);
    return usable && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && restrict_files(version, rules) ? version : 0;
}

bool confine_calls(const confine_rules *rules)
{
    return confine_get_support().seccomp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && confine_filter_calls(rules);
}

confine_support confine_process(const confine_rules *rules)
{
    confine_support got = {.landlock = confine_files(rules)};
    got.seccomp = confine_calls(rules); /* last: the filter forbids Landlock's calls, too */
    return got;
}
