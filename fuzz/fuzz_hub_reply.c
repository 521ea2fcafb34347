/* What hubs and registries answer. The input's first byte says what is fetched (a repository of a hub, a model of a
 * registry, a file by URL; or that nothing is fetched and what the answers hold lies on the disk as refs and
 * manifests), then come answers, separated by zero bytes: each is what the next connection reads, header and body.
 * libcurl is the real one; a socket pair stands for the network. After each input: nothing was written outside of the
 * home, and the token went nowhere but to the hub. */
#define _GNU_SOURCE
#include "fuzz_input.h"

#include "base/memory.h"
#include "hub/pull.h"
#include "model/locate.h"

#include <curl/curl.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWERS_MOST 32
#define TOKEN "hf_secret"
#define HUB "127.0.0.1:1"

CURL *__real_curl_easy_init(void); /* NOLINT: the linker's --wrap names it so */
CURL *__wrap_curl_easy_init(void); /* NOLINT */

static const uint8_t *rest; /* answers that are still to come */
static size_t rest_size;
static int ours[ANSWERS_MOST]; /* the other ends of the sockets that were opened */
static size_t opened;

static void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fuzz_hub_reply: %s\n", what);
        abort();
    }
}

/* The next answer up to a zero byte; then the connection ends. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    int pair[2];
    (void)context;
    (void)purpose;
    (void)address;
    if (opened == ANSWERS_MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return CURL_SOCKET_BAD;
    }
    const uint8_t *end = rest_size > 0 ? memchr(rest, 0, rest_size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - rest) : rest_size;
    (void)!write(pair[1], rest, length);
    (void)shutdown(pair[1], SHUT_WR);
    rest += end != NULL ? length + 1 : length;
    rest_size -= end != NULL ? length + 1 : length;
    ours[opened++] = pair[1];
    return pair[0];
}

/* libcurl's, before libc's own: both ends are there. */
__attribute__((visibility("default"))) int connect(int socket, const struct sockaddr *address, socklen_t length)
{
    (void)socket;
    (void)address;
    (void)length;
    return 0;
}

/* Every handle of net/http.c: no name is looked up, no socket leads out. */
CURL *__wrap_curl_easy_init(void) /* NOLINT */
{
    static struct curl_slist *here;
    CURL *easy = __real_curl_easy_init();
    here = here != NULL ? here : curl_slist_append(NULL, "::" HUB);
    must(easy != NULL && here != NULL, "curl_easy_init");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, here);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    return easy;
}

/* What was asked: the token may stand in requests to the hub alone. */
static void check_requests(void)
{
    for (size_t i = 0; i < opened; i++) {
        char request[8192];
        const ssize_t got = read(ours[i], request, sizeof request - 1);
        (void)close(ours[i]);
        if (got > 0) {
            request[got] = '\0';
            must(strstr(request, TOKEN) == NULL || strstr(request, "\r\nHost: " HUB "\r\n") != NULL,
                 "the token went to another host");
        }
    }
    opened = 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    if (where->level > 0) {
        must(remove(path) == 0, path);
    }
    return 0;
}

/* The folder holds "home" and nothing else; what is in that goes. */
static void check_and_clear(const char *home)
{
    DIR *folder = opendir(fuzz_folder());
    must(folder != NULL, "opendir");
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        must(entry->d_name[0] == '.' || strcmp(entry->d_name, "home") == 0, entry->d_name);
    }
    (void)closedir(folder);
    (void)nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void sink_error(const hearth_error *error)
{
    char line[600];
    fuzz_sink += (uint64_t)hearth_error_line(error, line, sizeof line)[0];
}

static void fetch(const char *name)
{
    const pull_options options = {.connections = 2, .retries = 0};
    pull_result result = {0};
    hearth_error error = {0};
    if (hub_pull(name, &options, &result, &error) == HEARTH_OK) {
        fuzz_sink += result.bytes + result.count;
    } else {
        sink_error(&error);
    }
    pull_result_free(&result);
}

static void locate(const char *name)
{
    hearth_error error = {0};
    char *path = NULL;
    if (model_locate(name, &path, &error) == HEARTH_OK) {
        fuzz_sink += strlen(path);
        mem_free(path);
    } else {
        sink_error(&error);
    }
}

static void put_on_disk(const char *home, const char *name, const uint8_t *data, size_t size)
{
    char path[320];
    snprintf(path, sizeof path, "%s/%s", home, name);
    for (char *slash = path + strlen(home) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(file >= 0 && write(file, data, size) == (ssize_t)size && close(file) == 0, path);
}

/* refs/main, a manifest, and the model's names. */
static void find_on_disk(const char *home, const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        ".cache/huggingface/hub/models--o--m/refs/main",
        ".ollama/models/manifests/registry.ollama.ai/library/m/latest",
        ".cache/huggingface/hub/models--o--m/snapshots/0123456789abcdef0123456789abcdef01234567/m.gguf",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names && size > 0; i++) {
        const uint8_t *end = memchr(data, 0, size);
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        put_on_disk(home, names[i], data, length);
        data += end != NULL ? length + 1 : length;
        size -= end != NULL ? length + 1 : length;
    }
    locate("o/m");
    locate("hf:o/m@main");
    locate("o/m:m.gguf");
    locate("ollama:m");
}

static const char *make_home(void)
{
    static char home[96];
    if (home[0] == '\0') {
        snprintf(home, sizeof home, "%s/home", fuzz_folder());
        must(mkdir(home, 0700) == 0, home);
        /* what an answer says of a file's size is taken on the disk, which is memory here */
        (void)signal(SIGXFSZ, SIG_IGN);
        must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20}) == 0, "setrlimit");
        must(clearenv() == 0 && setenv("HOME", home, 1) == 0 && setenv("HF_ENDPOINT", "http://" HUB, 1) == 0 &&
                 setenv("HF_TOKEN", TOKEN, 1) == 0 && setenv("CURL_CA_BUNDLE", "/dev/null", 1) == 0,
             "setenv");
    }
    return home;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"hf:o/m", "ollama:http://" HUB "/o/m:t", "http://" HUB "/m.gguf",
                                        "hf:o/m@r:*.gguf"};
    const char *home = make_home();
    if (size == 0) {
        return 0;
    }
    rest = data + 1;
    rest_size = size - 1;
    const size_t which = data[0] % (sizeof names / sizeof *names + 1);
    if (which < sizeof names / sizeof *names) {
        fetch(names[which]);
    } else {
        find_on_disk(home, rest, rest_size);
    }
    check_requests();
    check_and_clear(home);
    return 0;
}
