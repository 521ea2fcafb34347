#define _GNU_SOURCE
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MADE_MOST 4096

/* NOLINTBEGIN: the linker names them so */
int __real_open64(const char *path, int flags, ...);
int __real_mkdir(const char *path, mode_t mode);
int __real_symlink(const char *text, const char *path);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_symlink(const char *text, const char *path);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
/* NOLINTEND */

static const char *watched; /* NULL: nothing */
static struct {
    char *path;
    bool folder;
} made[MADE_MOST];
static size_t made_count;

static void must(bool good, const char *what, const char *path)
{
    if (!good) {
        fprintf(stderr, "fuzz: %s: %s\n", what, path);
        abort();
    }
}

/* By its letters: no part of it is "..". */
static bool lies_within(const char *path)
{
    const size_t length = strlen(watched);
    bool within = strncmp(path, watched, length) == 0 && path[length] == '/';
    for (const char *at = path; within && (at = strstr(at, "/..")) != NULL; at += 3) {
        within = at[3] != '/' && at[3] != '\0';
    }
    return within;
}

static void made_one(const char *path, bool folder)
{
    must(lies_within(path), "made outside of the home", path);
    must(made_count < MADE_MOST, "too much was made", path);
    made[made_count].path = strdup(path);
    made[made_count].folder = folder;
    must(made[made_count].path != NULL, "strdup", path);
    made_count++;
}

int __wrap_open64(const char *path, int flags, ...) /* NOLINT */
{
    va_list list;
    va_start(list, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    const bool writes = watched != NULL && (flags & (O_CREAT | O_ACCMODE)) != 0;
    must(!writes || lies_within(path), "opened for writing outside of the home", path);
    const bool is_new = writes && (flags & O_CREAT) != 0 && faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    const int file = __real_open64(path, flags, mode);
    if (file >= 0 && is_new) {
        made_one(path, false);
    }
    return file;
}

int __wrap_mkdir(const char *path, mode_t mode) /* NOLINT */
{
    const int result = __real_mkdir(path, mode);
    if (watched != NULL && result == 0) {
        made_one(path, true);
    }
    return result;
}

/* The link's text, from the folder that the link is in, leads to a place in the home. */
static bool leads_within(const char *text, const char *path)
{
    char target[2 * PATH_MAX];
    const char *slash = strrchr(path, '/');
    int depth = 0; /* of the place, in folders below the home */
    if (text[0] == '/' || slash == NULL) {
        return false;
    }
    snprintf(target, sizeof target, "%.*s/%s", (int)(slash - path), path, text);
    const size_t length = strlen(watched);
    for (char *at = strtok(target + length, "/"); at != NULL; at = strtok(NULL, "/")) {
        depth += strcmp(at, "..") == 0 ? -1 : strcmp(at, ".") != 0;
        if (depth < 0) {
            return false;
        }
    }
    return depth > 0;
}

int __wrap_symlink(const char *text, const char *path) /* NOLINT */
{
    if (watched != NULL) {
        must(lies_within(path), "linked outside of the home", path);
        must(leads_within(text, path), "a link that leads out of the home", text);
    }
    const int result = __real_symlink(text, path);
    if (watched != NULL && result == 0) {
        made_one(path, false);
    }
    return result;
}

int __wrap_rename(const char *from, const char *to) /* NOLINT */
{
    if (watched != NULL) {
        must(lies_within(from) && lies_within(to), "moved outside of the home", to);
    }
    const int result = __real_rename(from, to);
    if (watched != NULL && result == 0) {
        made_one(to, false);
    }
    return result;
}

int __wrap_unlink(const char *path) /* NOLINT */
{
    must(watched == NULL || lies_within(path), "removed outside of the home", path);
    return __real_unlink(path);
}

void watch_begin(const char *folder)
{
    watched = folder;
}

void watch_end(bool was_empty)
{
    const char *folder = watched;
    watched = NULL;
    while (made_count > 0) { /* from the last: folders after what is in them */
        char *path = made[--made_count].path;
        must((made[made_count].folder ? rmdir(path) : unlink(path)) == 0 || errno == ENOENT, "cannot remove", path);
        free(path);
    }
    must(!was_empty || (rmdir(folder) == 0 && mkdir(folder, 0700) == 0), "what nobody is known to have made lies in",
         folder);
}
