/* What hubs and registries answer. The input's first byte says what is fetched (a repository of a hub, a model of a
 * registry, a file by URL; or that nothing is fetched and what the answers hold lies on the disk as refs and
 * manifests), then come answers, separated by zero bytes: each is what the next connection reads, header and body.
 * Every 64th input, by the sum of its bytes, goes through libcurl itself and begins with an empty home; the others go
 * past it (answers_direct.c), into a home whose folders stand. All the while: nothing is written outside of the home,
 * no link leads out of it, and the token goes nowhere but to the hub. */
#define _GNU_SOURCE
#include "answers.h"
#include "fuzz_input.h"
#include "watch.h"

#include "base/memory.h"
#include "hub/pull.h"
#include "model/locate.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

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

/* Makes HOME/PATH, folders that end in "/" or an empty file, and what they lie in. */
static void stand(const char *home, const char *path)
{
    char whole[320];
    snprintf(whole, sizeof whole, "%s/%s", home, path);
    for (char *slash = whole + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = whole[strlen(whole) - 1] != '/' ? fopen(whole, "wb") : NULL;
    answers_must(whole[strlen(whole) - 1] == '/' || (file != NULL && fclose(file) == 0), whole);
}

/* What is on the disk: refs/main, a manifest, and the model's names. */
#define DISK_REPOSITORY ".cache/huggingface/hub/models--o--m"
#define DISK_SNAPSHOT DISK_REPOSITORY "/snapshots/0123456789abcdef0123456789abcdef01234567/"
#define DISK_MANIFESTS ".ollama/models/manifests/registry.ollama.ai/library/m/"

static void put_on_disk(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "disk/" DISK_REPOSITORY "/refs/main",
        "disk/" DISK_MANIFESTS "latest",
        "disk/" DISK_SNAPSHOT "m.gguf",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        const size_t length = end != NULL ? (size_t)(end - data) : size;
        fuzz_folder_put(names[i], size > 0 ? data : NULL, length);
        data += end != NULL ? length + 1 : length;
        size -= end != NULL ? length + 1 : length;
    }
}

static void find_on_disk(void)
{
    locate("o/m");
    locate("hf:o/m@main");
    locate("o/m:m.gguf");
    locate("ollama:m");
}

typedef enum home_kind { HOME_EMPTY, HOME_STANDING, HOME_DISK, HOMES } home_kind;

static char homes[HOMES][96];

static void make_homes(void)
{
    static const char *const names[HOMES] = {"empty", "standing", "disk"};
    static const char *const standing[] = {
        DISK_REPOSITORY "/blobs/",
        DISK_REPOSITORY "/snapshots/",
        DISK_REPOSITORY "/refs/",
        ".cache/huggingface/hub/.locks/models--o--m/hearth.lock",
        ".ollama/models/blobs/",
        ".ollama/models/.locks/hearth.lock",
        ".ollama/models/manifests/127.0.0.1:1/o/m/",
        ".local/share/openhearth/models/.partial/",
        ".local/share/openhearth/models/.sources/",
        ".local/share/openhearth/models/.locks/m.gguf.lock",
    };
    for (int i = 0; i < HOMES; i++) {
        snprintf(homes[i], sizeof homes[i], "%s/%s", fuzz_folder(), names[i]);
        stand(homes[i], "");
    }
    for (size_t i = 0; i < sizeof standing / sizeof *standing; i++) {
        stand(homes[HOME_STANDING], standing[i]);
    }
    stand(homes[HOME_DISK], DISK_SNAPSHOT);
    stand(homes[HOME_DISK], DISK_REPOSITORY "/refs/");
    stand(homes[HOME_DISK], DISK_MANIFESTS);
    /* what an answer says of a file's size is taken on the disk, which is memory here */
    (void)signal(SIGXFSZ, SIG_IGN);
    answers_must(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, 1 << 20}) == 0, "setrlimit");
    answers_must(clearenv() == 0 && setenv("HF_ENDPOINT", "http://" ANSWERS_HUB, 1) == 0 &&
                     setenv("HF_TOKEN", ANSWERS_TOKEN, 1) == 0 && setenv("CURL_CA_BUNDLE", "/dev/null", 1) == 0,
                 "setenv");
}

static size_t entries;

static int count_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)path;
    (void)info;
    (void)type;
    (void)where;
    entries++;
    return 0;
}

/* Now and then: is there more in the folder than what stands there? */
static void look_around(void)
{
    static unsigned inputs;
    static size_t standing;
    if (inputs++ % 1024 == 0) {
        entries = 0;
        answers_must(nftw(homes[HOME_STANDING], count_one, 8, FTW_PHYS) == 0, "nftw");
        standing = standing == 0 ? entries : standing;
        answers_must(entries == standing, "something was made that nobody saw");
    }
}

static bool goes_through_libcurl(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++) {
        sum += data[i];
    }
    return sum % 64 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"hf:o/m", "ollama:http://" ANSWERS_HUB "/o/m:t",
                                        "http://" ANSWERS_HUB "/m.gguf", "hf:o/m@r:*.gguf"};
    if (homes[0][0] == '\0') {
        make_homes();
    }
    /* An answer that says the token itself tells nothing of where it goes. */
    if (size == 0 || memmem(data, size, ANSWERS_TOKEN, sizeof ANSWERS_TOKEN - 1) != NULL) {
        return 0;
    }
    const size_t which = data[0] % (sizeof names / sizeof *names + 1);
    const bool on_disk = which == sizeof names / sizeof *names;
    const bool real = !on_disk && goes_through_libcurl(data, size);
    const char *home = homes[on_disk ? HOME_DISK : real ? HOME_EMPTY : HOME_STANDING];
    answers_must(setenv("HOME", home, 1) == 0, "setenv");
    if (on_disk) {
        put_on_disk(data + 1, size - 1);
        watch_begin("/nowhere");
        find_on_disk();
    } else {
        watch_begin(home);
        answers_begin(!real, data + 1, size - 1);
        fetch(names[which]);
        answers_end();
    }
    watch_end(real);
    look_around();
    return 0;
}
