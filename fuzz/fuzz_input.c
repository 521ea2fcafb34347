/* Inputs as files: an anonymous file behind /proc/self/fd, or a folder in memory. */
#define _GNU_SOURCE
#include "fuzz_input.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    return fuzz_file_with_zeros(slot, data, size, 0);
}

const char *fuzz_file_with_zeros(unsigned slot, const uint8_t *data, size_t size, size_t zeros)
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
    must(zeros == 0 || ftruncate(files[slot], (off_t)(size + zeros)) == 0, "ftruncate");
    return paths[slot];
}

static char folder[64];

static void remove_folder(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    (void)!system(command);
}

const char *fuzz_folder(void)
{
    if (folder[0] == '\0') {
        /* In memory where there is such a place: a disk makes a folder's fuzzer ten times slower. */
        const int in_memory = access("/dev/shm", W_OK | X_OK) == 0;
        snprintf(folder, sizeof folder, "%s/hearth-fuzz-XXXXXX", in_memory ? "/dev/shm" : "/tmp");
        must(mkdtemp(folder) != NULL, "mkdtemp");
        atexit(remove_folder);
    }
    return folder;
}

/* What a file of the folder holds: an input mostly changes one of them, and the others need not be written again. */
typedef struct folder_file {
    char path[160];
    uint8_t *data;
    size_t size;
    int exists;
} folder_file;

static folder_file *find_file(const char *name)
{
    static folder_file files[16];
    char path[sizeof files[0].path];
    snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (files[i].path[0] == '\0') {
            memcpy(files[i].path, path, sizeof path);
        }
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    must(0, "more than 16 files in the folder");
    return NULL;
}

void fuzz_folder_put(const char *name, const uint8_t *data, size_t size)
{
    folder_file *file = find_file(name);
    if (data == NULL) {
        must(!file->exists || unlink(file->path) == 0, file->path);
        file->exists = 0;
        return;
    }
    if (file->exists && file->size == size && (size == 0 || memcmp(file->data, data, size) == 0)) {
        return;
    }
    const int out = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(out >= 0 && write(out, data, size) == (ssize_t)size && close(out) == 0, file->path);
    file->data = realloc(file->data, size + 1);
    must(file->data != NULL, "realloc");
    memcpy(file->data, data, size);
    file->size = size;
    file->exists = 1;
}
