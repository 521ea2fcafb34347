/* platform/confine: what a confined process can still do, and what it no longer can. Each case is a process of its own,
 * as nothing is ever given back. */
#define _GNU_SOURCE
#include "base/sanitizer.h"
#include "platform/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/hearth-confine-XXXXXX";
static char model[64], inside[64], blob[64], link_to_blob[96], secret[64], out[64];

static void make_file(char *ret, size_t size, const char *name)
{
    snprintf(ret, size, "%s/%s", folder, name);
    FILE *file = fopen(ret, "w");
    assert_non_null(file);
    assert_true(fputs("text", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* model/config, model/weights -> ../blobs/one (as in a hub's cache), secret, out/ */
static int make_files(void **state)
{
    (void)state;
    char blobs[64];
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(blobs, sizeof blobs, "%s/blobs", folder);
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(link_to_blob, sizeof link_to_blob, "%s/weights", model);
    if (mkdir(model, 0700) != 0 || mkdir(blobs, 0700) != 0 || mkdir(out, 0700) != 0 ||
        symlink("../blobs/one", link_to_blob) != 0) {
        return -1;
    }
    make_file(inside, sizeof inside, "model/config");
    make_file(blob, sizeof blob, "blobs/one");
    make_file(secret, sizeof secret, "secret");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

typedef enum what { READS, WRITES, FETCHES } what;

static confine_support confine_as(what kind)
{
    const char *const read[] = {model, link_to_blob, "/nothing/of/this/name"};
    const char *const write[] = {out};
    const confine_rules rules = {.read = read,
                                 .read_count = sizeof read / sizeof *read,
                                 .write = write,
                                 .write_count = kind == READS ? 0 : 1,
                                 .network = kind == FETCHES};
    return confine_process(&rules);
}

/* The case in a confined process: its exit status is 0 if all was so; what was not stands on stderr. */
static void run_confined(what kind, int (*body)(void))
{
    const confine_support support = confine_get_support();
    if (support.landlock == 0 || !support.seccomp) {
        skip(); /* a kernel without, or a build with sanitizers */
    }
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const confine_support got = confine_as(kind);
        _exit(got.landlock == 0 || !got.seccomp ? 255 : body());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int failures; /* 1: something was not so; 255 is taken */
#define SO(...)                                                                                                        \
    do {                                                                                                               \
        if (!(__VA_ARGS__)) {                                                                                          \
            fprintf(stderr, "# line %d: %s: %s\n", __LINE__, #__VA_ARGS__, strerror(errno));                           \
            failures = 1;                                                                                              \
        }                                                                                                              \
    } while (0)
#define REFUSED(call, reason) SO(errno = 0, (call) < 0 && errno == (reason))

static bool can_read(const char *path)
{
    char text[8] = "";
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    const bool done = file >= 0 && read(file, text, 4) == 4;
    (void)close(file);
    return done;
}

static int files_body(void)
{
    char path[128];
    struct stat info;
    SO(can_read(inside));
    SO(can_read(link_to_blob)); /* whose file lies elsewhere */
    SO(can_read(blob));
    SO(stat(secret, &info) == 0); /* names and sizes are not hidden */
    REFUSED(open(secret, O_RDONLY), EACCES);
    REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
    REFUSED(open("/proc/self/environ", O_RDONLY), EACCES);
    REFUSED(open("/proc/self/mem", O_RDWR), EPERM);
    REFUSED(open(folder, O_RDONLY | O_DIRECTORY), EACCES);
    REFUSED(open(inside, O_WRONLY), EPERM);
    snprintf(path, sizeof path, "%s/new", model);
    REFUSED(open(path, O_WRONLY | O_CREAT, 0600), EPERM);
    REFUSED(open(model, O_TMPFILE | O_RDWR, 0600), EPERM);
    REFUSED(unlink(inside), EPERM);
    REFUSED(mkdir(path, 0700), EPERM);
    REFUSED(rename(inside, path), EPERM);
    REFUSED(symlink(inside, path), EPERM);
    REFUSED(chmod(inside, 0777), EPERM);
    REFUSED(truncate(inside, 0), EPERM);
    return failures;
}

static void only_the_models_files_are_read(void **state)
{
    (void)state;
    run_confined(READS, files_body);
}

static int calls_body(void)
{
    char *const arguments[] = {(char[]){"/bin/true"}, NULL};
    char *const environment[] = {NULL};
    const pid_t parent = getppid();
    char byte = '\n';
    REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
    REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
    REFUSED(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0, 0}), EPERM);
    REFUSED(execve(arguments[0], arguments, environment), EPERM);
    REFUSED(fork(), EPERM);
    REFUSED(vfork(), EPERM);
    REFUSED(ptrace(PTRACE_ATTACH, parent, NULL, NULL), EPERM);
    REFUSED(kill(parent, 0), EPERM);
    REFUSED(syscall(SYS_tgkill, parent, parent, 0), EPERM);
    REFUSED(syscall(SYS_tkill, parent, 0), EPERM);
    REFUSED(syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0), EPERM);
    REFUSED(syscall(425 /* io_uring_setup */, 1, NULL), EPERM);
    REFUSED(syscall(SYS_bpf, 0, NULL, 0), EPERM);
    REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0), EPERM);
    REFUSED(unshare(CLONE_NEWUSER), EPERM);
    REFUSED(ioctl(0, TIOCSTI, &byte), EPERM);
    REFUSED(syscall(446 /* landlock_restrict_self */, -1, 0), EPERM);
    REFUSED(syscall(100000), ENOSYS);
#ifdef __x86_64__
    REFUSED(syscall(0x40000000 + SYS_socket, AF_INET, SOCK_STREAM, 0), ENOSYS); /* the x32 interface */
#endif
    return failures;
}

static void no_network_no_programs_no_other_processes(void **state)
{
    (void)state;
    run_confined(READS, calls_body);
}

static void *thread(void *context)
{
    int *ret = context;
    errno = 0;
    *ret = can_read(inside) && open(secret, O_RDONLY) < 0 && errno == EACCES && socket(AF_INET, SOCK_STREAM, 0) < 0;
    return NULL;
}

static int work_body(void)
{
    pthread_t id = 0;
    int good = 0;
    SO(pthread_create(&id, NULL, thread, &good) == 0 && pthread_join(id, NULL) == 0 && good);
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SO(memory != MAP_FAILED && munmap(memory, 1 << 20) == 0);
    SO(can_read("/proc/meminfo") && can_read("/proc/cpuinfo"));
    SO(sysconf(_SC_NPROCESSORS_ONLN) > 0);
    (void)signal(SIGUSR1, SIG_IGN);
    SO(raise(SIGUSR1) == 0);
    SO(syscall(SYS_tkill, getpid(), SIGUSR1) == 0); /* musl's raise */
    SO(write(STDOUT_FILENO, "", 0) == 0);
    return failures;
}

static void what_reading_needs_is_left(void **state)
{
    (void)state;
    run_confined(READS, work_body);
}

static int writes_body(void)
{
    char path[128], moved[128];
    snprintf(path, sizeof path, "%s/new", out);
    snprintf(moved, sizeof moved, "%s/moved", out);
    const int file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    SO(file >= 0 && write(file, "text", 4) == 4 && ftruncate(file, 8) == 0 && close(file) == 0);
    SO(rename(path, moved) == 0 && can_read(moved) && unlink(moved) == 0);
    SO(mkdir(path, 0700) == 0 && rmdir(path) == 0);
    REFUSED(open(inside, O_WRONLY), EACCES);
    REFUSED(open(secret, O_WRONLY | O_TRUNC), EACCES);
    REFUSED(unlink(inside), EACCES);
    REFUSED(rename(inside, path), EACCES);
    SO(link(inside, path) < 0);
    snprintf(path, sizeof path, "%s/new", model);
    REFUSED(open(path, O_WRONLY | O_CREAT, 0600), EACCES);
    REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
    REFUSED(fork(), EPERM);
    return failures;
}

static void writing_is_for_the_output_alone(void **state)
{
    (void)state;
    run_confined(WRITES, writes_body);
}

static int fetches_body(void)
{
    char *const arguments[] = {(char[]){"/bin/true"}, NULL};
    const int made = socket(AF_INET, SOCK_STREAM, 0);
    int pair[2];
    SO(made >= 0 && close(made) == 0);
    SO(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
    REFUSED(socket(AF_UNIX, SOCK_STREAM, 0), EPERM); /* services of this machine */
    REFUSED(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), EPERM);
    REFUSED(open(secret, O_RDONLY), EACCES);
    REFUSED(execve(arguments[0], arguments, arguments + 1), EPERM);
    REFUSED(fork(), EPERM);
    return failures;
}

static void fetching_has_the_network_and_no_more(void **state)
{
    (void)state;
    run_confined(FETCHES, fetches_body);
}

/* ---- a server: files first, system calls once it listens ---- */

typedef struct serving {
    pthread_barrier_t confined;
    int listener;
    bool answered;
} serving;

static void refused_to_a_server(void)
{
    char *const arguments[] = {(char[]){"/bin/true"}, NULL};
    REFUSED(open(secret, O_RDONLY), EACCES);
    REFUSED(open("/etc/passwd", O_RDONLY), EACCES);
    REFUSED(open(inside, O_WRONLY), EACCES);
    REFUSED(execve(arguments[0], arguments, arguments + 1), EPERM);
    REFUSED(fork(), EPERM);
    REFUSED(socket(AF_INET, SOCK_STREAM, 0), EPERM);
    REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
}

/* Runs between the two steps, and is held to both. */
static void *serving_thread(void *context)
{
    serving *s = context;
    (void)pthread_barrier_wait(&s->confined);
    refused_to_a_server();
    const int accepted = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    s->answered = accepted >= 0 && send(accepted, "x", 1, 0) == 1 && close(accepted) == 0;
    return NULL;
}

static int listen_on_loopback(struct sockaddr_in *ret)
{
    socklen_t length = sizeof *ret;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SO(bind(listener, (struct sockaddr *)ret, sizeof *ret) == 0 && listen(listener, 4) == 0);
    SO(getsockname(listener, (struct sockaddr *)ret, &length) == 0);
    return listener;
}

/* Tells its address through `tell`, so that somebody who is not confined comes. */
static int server_body(int tell)
{
    const char *const reads[] = {model}, *const writes[] = {out};
    const confine_rules rules = {.read = reads, .read_count = 1, .write = writes, .write_count = 1, .listens = true};
    struct sockaddr_in address;
    serving s = {0};
    pthread_t id = 0;
    char path[128];
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SO(confine_files(&rules) > 0);
    s.listener = listen_on_loopback(&address); /* a server listens after the first step */
    REFUSED(connect(client, (struct sockaddr *)&address, sizeof address), EACCES);
    SO(pthread_barrier_init(&s.confined, NULL, 2) == 0 && pthread_create(&id, NULL, serving_thread, &s) == 0);
    SO(confine_calls(&rules));
    (void)pthread_barrier_wait(&s.confined);
    refused_to_a_server();
    REFUSED(connect(client, (struct sockaddr *)&address, sizeof address), EPERM);
    REFUSED(listen(client, 1), EPERM);
    snprintf(path, sizeof path, "%s/log", out);
    const int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    SO(log >= 0 && close(log) == 0 && unlink(path) == 0);
    SO(can_read(inside));
    SO((ssize_t)sizeof address == write(tell, &address, sizeof address));
    SO(pthread_join(id, NULL) == 0 && s.answered);
    return failures;
}

static void a_server_answers_and_does_no_more(void **state)
{
    (void)state;
    const confine_support support = confine_get_support();
    int pair[2], status = 0;
    if (support.landlock < 4 || !support.seccomp) {
        skip(); /* connecting is Landlock's since version 4 */
    }
    assert_int_equal(pipe(pair), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(server_body(pair[1]));
    }
    (void)close(pair[1]);
    struct sockaddr_in address;
    char got = 0;
    if (read(pair[0], &address, sizeof address) == (ssize_t)sizeof address) {
        const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)!connect(client, (struct sockaddr *)&address, sizeof address);
        (void)!recv(client, &got, 1, 0);
        (void)close(client);
    }
    (void)close(pair[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(got, 'x');
}

static void what_came_into_force_is_told(void **state)
{
    (void)state;
    const confine_support support = confine_get_support();
#if SANITIZER_ADDRESS || SANITIZER_THREAD || defined(HEARTH_FAULTS)
    assert_int_equal(support.landlock, 0);
    assert_false(support.seccomp);
#else
    char line[128];
    bool filtered = false;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        filtered = filtered || strncmp(line, "Seccomp:", 8) == 0;
    }
    if (status != NULL) {
        (void)fclose(status);
        assert_int_equal(support.seccomp, filtered); /* the kernel tells it there, too */
    }
    assert_true(support.landlock >= 0);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_models_files_are_read),
        cmocka_unit_test(no_network_no_programs_no_other_processes),
        cmocka_unit_test(what_reading_needs_is_left),
        cmocka_unit_test(writing_is_for_the_output_alone),
        cmocka_unit_test(fetching_has_the_network_and_no_more),
        cmocka_unit_test(a_server_answers_and_does_no_more),
        cmocka_unit_test(what_came_into_force_is_told),
    };
    return cmocka_run_group_tests_name("confine", tests, make_files, remove_files);
}
