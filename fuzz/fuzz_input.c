/* Inputs as files: an anonymous file behind /proc/self/fd, or a folder in /tmp. */
#define _GNU_SOURCE
#include "fuzz_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

volatile uint64_t fuzz_sink;

static void must(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

const char *fuzz_file(unsigned slot, const uint8_t *data, size_t size)
{
    static int files[4];
    static char paths[4][32];
    if (files[slot] == 0) {
        files[slot] = memfd_create("fuzz", MFD_CLOEXEC);
        must(files[slot] > 0, "memfd_create");
        snprintf(paths[slot], sizeof paths[slot], "/proc/self/fd/%d", files[slot]);
    }
    must(ftruncate(files[slot], (off_t)size) == 0, "ftruncate");
    must(pwrite(files[slot], data, size, 0) == (ssize_t)size, "pwrite");
    return paths[slot];
}

static char folder[] = "/tmp/hearth-fuzz-XXXXXX";

static void remove_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
}

const char *fuzz_folder(void)
{
    static int made;
    if (!made) {
        must(mkdtemp(folder) != NULL, "mkdtemp");
        atexit(remove_folder);
        made = 1;
    }
    return folder;
}

void fuzz_folder_put(const char *name, const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    if (data == NULL) {
        (void)unlink(path);
        return;
    }
    FILE *out = fopen(path, "wb");
    must(out != NULL, path);
    must(size == 0 || fwrite(data, 1, size, out) == size, path);
    fclose(out);
}
