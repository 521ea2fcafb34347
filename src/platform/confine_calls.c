/* Which system calls: a seccomp filter that lets through what is listed here. What is not fails with EPERM, and a call
 * that is newer than this list with ENOSYS, for which the C library has another way. */
#define _GNU_SOURCE
#include "platform/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define OUR_ARCHITECTURE 0 /* no filter has been written for it */
#endif

/* Numbers from here on came after this was written. */
#define CALL_NEWER 468

/* Of every command: memory, threads, time, signals of its own, reading, and writing what is open. */
static const uint16_t of_all[] = {
    SYS_read,
    SYS_write,
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_preadv2,
    SYS_pwritev2,
    SYS_close,
    SYS_lseek,
    SYS_fstat,
    SYS_statx,
    SYS_newfstatat,
    SYS_faccessat,
    439 /* faccessat2 */,
    SYS_readlinkat,
    SYS_getdents64,
    SYS_statfs,
    SYS_fstatfs,
    SYS_getcwd,
    SYS_fcntl,
    SYS_dup,
    SYS_dup3,
    SYS_flock,
    SYS_fsync,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_fadvise64,
    SYS_readahead,
    SYS_sendfile,
    SYS_copy_file_range,
    SYS_pipe2,
    SYS_eventfd2,
    SYS_ppoll,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    /* memory */
    SYS_mmap,
    SYS_munmap,
    SYS_mprotect,
    SYS_mremap,
    SYS_madvise,
    SYS_msync,
    SYS_mincore,
    SYS_brk,
    SYS_membarrier,
    SYS_mlock,
    SYS_munlock,
    SYS_mbind,
    SYS_get_mempolicy,
    SYS_set_mempolicy,
    /* threads */
    SYS_futex,
    SYS_set_robust_list,
    SYS_get_robust_list,
    SYS_set_tid_address,
    SYS_rseq,
    SYS_sched_yield,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_gettid,
    SYS_getcpu,
    SYS_exit,
    SYS_exit_group,
    SYS_prctl,
    SYS_restart_syscall,
    /* signals */
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait,
    SYS_sigaltstack,
    /* what time it is, who and where one is */
    SYS_clock_gettime,
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_getitimer,
    SYS_setitimer,
    SYS_getrandom,
    SYS_getrusage,
    SYS_getrlimit,
    SYS_sysinfo,
    SYS_uname,
    SYS_getpid,
    SYS_getppid,
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getpgid,
    SYS_getpriority,
#ifdef __x86_64__
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_readlink,
    SYS_dup2,
    SYS_pipe,
    SYS_poll,
    SYS_select,
    SYS_epoll_wait,
    SYS_getdents,
    SYS_arch_prctl,
    SYS_time,
    SYS_alarm,
    SYS_pause,
    SYS_getpgrp,
#endif
};

/* Of commands that write files. */
static const uint16_t of_writing[] = {
    SYS_fallocate, SYS_truncate, SYS_mkdirat,  SYS_unlinkat, SYS_renameat2, SYS_linkat,
    SYS_symlinkat, SYS_fchmod,   SYS_fchmodat, SYS_umask,    SYS_utimensat, SYS_sync_file_range,
#ifdef __x86_64__
    SYS_mkdir,     SYS_rmdir,    SYS_unlink,   SYS_rename,   SYS_link,      SYS_symlink,
    SYS_chmod,
#endif
#ifdef SYS_renameat
    SYS_renameat,
#endif
};

/* Of all that speak through sockets that they have. */
static const uint16_t of_sockets[] = {
    SYS_sendto,   SYS_recvfrom,    SYS_sendmsg,     SYS_recvmsg,    SYS_sendmmsg,   SYS_recvmmsg,
    SYS_shutdown, SYS_getsockname, SYS_getpeername, SYS_setsockopt, SYS_getsockopt,
};

/* Of commands that fetch, beside socket and socketpair. */
static const uint16_t of_the_network[] = {SYS_connect, SYS_bind};

/* Of a server. */
static const uint16_t of_listening[] = {SYS_accept, SYS_accept4};

typedef struct program {
    struct sock_filter code[1024];
    uint16_t length;
} program;

static void put(program *p, uint16_t code, uint32_t k, uint8_t when_true, uint8_t when_false)
{
    if (p->length < sizeof p->code / sizeof *p->code) {
        p->code[p->length++] = (struct sock_filter){code, when_true, when_false, k};
    }
}

static void put_return(program *p, uint32_t what)
{
    put(p, BPF_RET | BPF_K, what, 0, 0);
}

static void put_number(program *p)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
}

#define REFUSE (SECCOMP_RET_ERRNO | EPERM)
#define UNKNOWN (SECCOMP_RET_ERRNO | ENOSYS)

static void put_allowed(program *p, const uint16_t *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(p, BPF_JMP | BPF_JEQ | BPF_K, calls[i], 0, 1);
        put_return(p, SECCOMP_RET_ALLOW);
    }
}

/* `call` is let through where its argument (its lower 32 bits) passes a test: `code` and `k` (BPF_JSET: one of these
 * bits is in it; BPF_JEQ: it is this), or, with `unless`, where it does not pass. Both machines are little-endian. */
static void put_argument(program *p, uint32_t call, unsigned argument, uint16_t code, uint32_t k, bool unless)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4);
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t)), 0,
        0);
    put(p, (uint16_t)(BPF_JMP | code | BPF_K), k, unless ? 1 : 0, unless ? 0 : 1);
    put_return(p, SECCOMP_RET_ALLOW);
    put_return(p, REFUSE);
}

static void put_special(program *p, bool writes)
{
    const uint32_t writing = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
    put_argument(p, SYS_openat, 2, BPF_JSET, writes ? 0 : writing, true);
#ifdef __x86_64__
    put_argument(p, SYS_open, 1, BPF_JSET, writes ? 0 : writing, true);
#endif
    put_argument(p, SYS_clone, 0, BPF_JSET, CLONE_THREAD, false);       /* threads, and no processes */
    put_argument(p, SYS_tgkill, 0, BPF_JEQ, (uint32_t)getpid(), false); /* raise and abort */
    put_argument(p, SYS_tkill, 0, BPF_JEQ, (uint32_t)getpid(), false);  /* musl's, of the first thread */
    put_argument(p, SYS_prlimit64, 0, BPF_JEQ, 0, false);               /* of itself */
    /* clone3 has its flags in memory, where no filter sees them; the C library goes back to clone. */
    put(p, BPF_JMP | BPF_JEQ | BPF_K, 435, 0, 1);
    put_return(p, UNKNOWN);
    /* All of ioctl but what types into the terminal that others read from. */
    put(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5);
    put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + sizeof(uint64_t), 0, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 2, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 1, 0);
    put_return(p, SECCOMP_RET_ALLOW);
    put_return(p, REFUSE);
}

/* Sockets of the internet, and the kernel's own that tells of addresses: local services (a container's or an agent's
 * socket) answer through neither. Pairs of streams, which cannot be sent elsewhere. */
static void put_sockets(program *p)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 6);
    put(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args), 0, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
    put(p, BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1);
    put_return(p, SECCOMP_RET_ALLOW);
    put_return(p, REFUSE);
    put_argument(p, SYS_socketpair, 1, BPF_JSET, 0xe, true); /* SOCK_STREAM is 1, and flags are higher */
}

bool confine_can_filter_calls(void)
{
    const uint32_t action = SECCOMP_RET_ERRNO;
    return OUR_ARCHITECTURE != 0 && syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &action) == 0;
}

bool confine_filter_calls(const confine_rules *rules)
{
    const bool writes = rules->write_count > 0, network = rules->network, listens = rules->listens;
    program p = {.length = 0};
    put(&p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
    put(&p, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0);
    put_return(&p, REFUSE);
    put_number(&p);
    put_allowed(&p, of_all, sizeof of_all / sizeof *of_all);
    put_allowed(&p, of_writing, writes ? sizeof of_writing / sizeof *of_writing : 0);
    put_allowed(&p, of_sockets, network || listens ? sizeof of_sockets / sizeof *of_sockets : 0);
    put_allowed(&p, of_the_network, network ? sizeof of_the_network / sizeof *of_the_network : 0);
    put_allowed(&p, of_listening, listens ? sizeof of_listening / sizeof *of_listening : 0);
    put_special(&p, writes);
    if (network) {
        put_sockets(&p);
    }
    put(&p, BPF_JMP | BPF_JGE | BPF_K, CALL_NEWER, 0, 1);
    put_return(&p, UNKNOWN);
    put_return(&p, REFUSE);
    if (p.length == sizeof p.code / sizeof *p.code) {
        return false; /* one of the lists has outgrown it */
    }
    const struct sock_fprog filter = {.len = p.length, .filter = p.code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) == 0;
}
