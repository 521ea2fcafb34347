/* Files: mapped, read whole, replaced whole, found in the folders that XDG names. */
#define _GNU_SOURCE
#include "platform/file.h"

#include "base/fault.h"
#include "base/memory.h"
#include "platform/embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Opens a regular file for reading; a folder or a device gives an error that says so. */
static hearth_status open_regular(const char *path, int *ret_descriptor, uint64_t *ret_size, hearth_error *error)
{
    /* O_NONBLOCK: opening a named pipe must not hang; it changes nothing for a regular file. */
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    struct stat info;
    if (fstat(descriptor, &info) != 0) {
        const int reason = errno;
        close(descriptor);
        return error_errno(error, path, "read", reason);
    }
    if (!S_ISREG(info.st_mode)) {
        close(descriptor);
        error_set(error, HEARTH_E_ARGUMENT, NULL, "a file", "%s",
                  S_ISDIR(info.st_mode) ? "a folder" : "a device or a pipe");
        error_in_file(error, path);
        return HEARTH_E_ARGUMENT;
    }
    *ret_descriptor = descriptor;
    *ret_size = (uint64_t)info.st_size;
    return HEARTH_OK;
}

/* A file of the program's own: nothing to map. */
static hearth_status map_embedded(const embedded_file *file, const char *path, file_map *ret, hearth_error *error)
{
    char *copy = mem_strdup(path);
    if (copy == NULL) {
        return error_memory(error, strlen(path));
    }
    *ret = (file_map){.data = file->bytes, .size = (size_t)(file->end - file->bytes), .path = copy};
    return HEARTH_OK;
}

hearth_status file_map_open(const char *path, file_map *ret, hearth_error *error)
{
    int descriptor = -1;
    uint64_t size = 0;
    const embedded_file *embedded = embedded_find(path);
    if (embedded != NULL) {
        return map_embedded(embedded, path, ret, error);
    }
    TRY(open_regular(path, &descriptor, &size, error));
    file_map map = {.size = (size_t)size, .path = mem_strdup(path)};
    if (map.path == NULL) {
        close(descriptor);
        return error_memory(error, strlen(path));
    }
    if (map.size > 0) {
        void *mapped = MAP_FAILED;
        if (fault_here(FAULT_MAP)) {
            errno = ENOMEM;
        } else {
            mapped = mmap(NULL, map.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        }
        if (mapped == MAP_FAILED) {
            const int reason = errno;
            close(descriptor);
            mem_free(map.path);
            return error_errno(error, path, "map", reason);
        }
        map.data = mapped;
    }
    close(descriptor);
    *ret = map;
    return HEARTH_OK;
}

void file_map_close(file_map *map)
{
    if (map == NULL) {
        return;
    }
    if (map->data != NULL && !embedded_owns(map->data)) {
        /* munmap takes the address as it gave it: const is ours. */
        munmap((void *)(uintptr_t)map->data, map->size);
    }
    mem_free(map->path);
    *map = (file_map){0};
}

void file_map_release(const file_map *map, size_t offset, size_t length)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t start = size_round_up(offset, page);
    const size_t end = (offset + length) / page * page;
    if (map->data != NULL && end > start && end <= map->size && !embedded_owns(map->data)) {
        (void)madvise((void *)(uintptr_t)(map->data + start), end - start, MADV_DONTNEED);
    }
}

void file_fetch(const uint8_t *bytes, size_t length)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t before = (uintptr_t)bytes % page;
    (void)madvise((void *)(uintptr_t)(bytes - before), length + before, MADV_WILLNEED);
}

void file_map_random(const file_map *map)
{
    if (map->size > 0 && !embedded_owns(map->data)) {
        (void)madvise((void *)(uintptr_t)map->data, map->size, MADV_RANDOM);
    }
}

hearth_status file_read_descriptor(int descriptor, const char *name, size_t limit_bytes, buffer *out,
                                   hearth_error *error)
{
    const size_t start = out->length;
    for (;;) {
        char piece[65536];
        ssize_t got = -1;
        if (fault_here(FAULT_READ)) {
            errno = EIO;
        } else {
            got = read(descriptor, piece, sizeof piece);
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_errno(error, name, "read", errno);
        }
        if (got == 0) {
            return HEARTH_OK;
        }
        if (out->length - start + (size_t)got > limit_bytes) {
            error_set(error, HEARTH_E_LIMIT, NULL, NULL, "more than %zu bytes", limit_bytes);
            error_in_file(error, name);
            return HEARTH_E_LIMIT;
        }
        TRY(buffer_append(out, piece, (size_t)got, error));
    }
}

hearth_status file_read(const char *path, size_t limit_bytes, buffer *out, hearth_error *error)
{
    int descriptor = -1;
    uint64_t size = 0;
    const embedded_file *embedded = embedded_find(path);
    if (embedded != NULL && (size_t)(embedded->end - embedded->bytes) <= limit_bytes) {
        return buffer_append(out, embedded->bytes, (size_t)(embedded->end - embedded->bytes), error);
    }
    TRY(open_regular(path, &descriptor, &size, error));
    const hearth_status status = file_read_descriptor(descriptor, path, limit_bytes, out, error);
    close(descriptor);
    return status;
}

hearth_status file_read_stream(const char *path, size_t limit_bytes, buffer *out, hearth_error *error)
{
    if (file_is_folder(path)) {
        return file_read(path, limit_bytes, out, error); /* which says so */
    }
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return error_errno(error, path, "open", errno);
    }
    const hearth_status status = file_read_descriptor(descriptor, path, limit_bytes, out, error);
    close(descriptor);
    return status;
}

/* Writes all bytes and syncs; returns 0 or an errno value. */
static int write_all(int descriptor, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return errno;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return fsync(descriptor) == 0 ? 0 : errno;
}

/* What is written, and how it comes to its place. */
typedef struct writing {
    const char *path; /* as the caller named it */
    const void *bytes;
    size_t length;
    bool replaces;
    bool secret; /* nobody but this user may read it */
} writing;

/* renameat2's; musl's headers have neither it nor this. */
#define NO_REPLACE 1u

int file_rename_new(const char *from, const char *to)
{
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, NO_REPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    /* A file system that cannot do that: a second name for the file, made only where none is. */
    if (link(from, to) == 0) {
        (void)unlink(from);
        return 0;
    }
    if (errno == EEXIST || file_exists(to)) {
        return EEXIST;
    }
    return rename(from, to) == 0 ? 0 : errno; /* a folder, or a file system without links */
}

/* The temporary file takes the place of `target`; 0 or an errno value, EEXIST where it must not replace one. */
static int move_into_place(const char *temporary, const char *target, bool replaces)
{
    if (!replaces) {
        return file_rename_new(temporary, target);
    }
    return rename(temporary, target) == 0 ? 0 : errno;
}

/* 0 or an errno value. The file's mode stays when there was one. */
static int write_beside(const writing *w, const char *temporary, const char *target, const struct stat *old)
{
    /* Never through a link that somebody planted, never over a file that somebody else is writing. */
    const int descriptor =
        open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, w->secret ? 0600 : 0666);
    if (descriptor < 0) {
        return errno;
    }
    int reason = write_all(descriptor, w->bytes, w->length);
    if (reason == 0 && old != NULL && fchmod(descriptor, old->st_mode & 07777) != 0) {
        reason = errno;
    }
    if (close(descriptor) != 0 && reason == 0) {
        reason = errno;
    }
    if (reason == 0) {
        reason = move_into_place(temporary, target, w->replaces);
    }
    if (reason != 0) {
        (void)unlink(temporary);
    }
    return reason;
}

static const char *kind_name(mode_t mode)
{
    return S_ISREG(mode) ? "one that is there" : S_ISDIR(mode) ? "a folder" : "a device or a pipe";
}

static hearth_status in_the_way(const writing *w, const char *what, hearth_error *error)
{
    error_set(error, HEARTH_E_ARGUMENT, NULL, w->replaces ? "a file" : "a new file", "%s", what);
    error_in_file(error, w->path);
    return HEARTH_E_ARGUMENT;
}

static hearth_status write_file(const writing *w, hearth_error *error)
{
    /* A link is followed: what it points to is replaced, the link stays. */
    char resolved[PATH_MAX];
    const char *target = realpath(w->path, resolved) != NULL ? resolved : w->path;
    struct stat old;
    const bool there = lstat(target, &old) == 0;
    if (there && S_ISLNK(old.st_mode)) {
        return in_the_way(w, "a link to nothing", error);
    }
    if (there && !(w->replaces && S_ISREG(old.st_mode))) {
        return in_the_way(w, kind_name(old.st_mode), error);
    }
    buffer temporary;
    buffer_init(&temporary, 0);
    TRY(buffer_printf(&temporary, error, "%s.tmp-%ld", target, (long)getpid()));
    const int reason = write_beside(w, temporary.data, target, there ? &old : NULL);
    buffer_free(&temporary);
    if (reason == EEXIST && !w->replaces && lstat(target, &old) == 0) {
        return in_the_way(w, "one that is there", error);
    }
    return reason == 0 ? HEARTH_OK : error_errno(error, w->path, "write", reason);
}

hearth_status file_replace(const char *path, const void *bytes, size_t length, hearth_error *error)
{
    return write_file(&(writing){path, bytes, length, .replaces = true}, error);
}

hearth_status file_create(const char *path, const void *bytes, size_t length, hearth_error *error)
{
    return write_file(&(writing){path, bytes, length, .replaces = false}, error);
}

hearth_status file_create_secret(const char *path, const void *bytes, size_t length, hearth_error *error)
{
    return write_file(&(writing){path, bytes, length, .replaces = false, .secret = true}, error);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0 || embedded_find(path) != NULL || embedded_is_folder(path);
}

bool file_is_folder(const char *path)
{
    struct stat info;
    return embedded_is_folder(path) || (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

/* Makes one folder; 0, or what went wrong. One that is there is good. */
static int make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

hearth_status file_make_folders(const char *path, hearth_error *error)
{
    if (make_folder(path) == 0) { /* what it lies in is there, too, mostly */
        return HEARTH_OK;
    }
    char *copy = mem_strdup(path);
    if (copy == NULL) {
        return error_memory(error, strlen(path));
    }
    hearth_status status = HEARTH_OK;
    for (char *at = copy + 1; status == HEARTH_OK; at++) {
        const char here = *at;
        if (here != '/' && here != '\0') {
            continue;
        }
        *at = '\0';
        const int reason = make_folder(copy);
        if (reason != 0) {
            status = error_errno(error, copy, "make the folder", reason);
        }
        *at = here;
        if (here == '\0') {
            break;
        }
    }
    mem_free(copy);
    return status;
}

hearth_status file_make_place(const char *path, hearth_error *error)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path) {
        return HEARTH_OK;
    }
    char *folder = mem_strdup(path);
    if (folder == NULL) {
        return error_memory(error, strlen(path));
    }
    folder[slash - path] = '\0';
    const hearth_status status = file_make_folders(folder, error);
    mem_free(folder);
    return status;
}

hearth_status file_make_new_folder(const char *path, hearth_error *error)
{
    TRY(file_make_place(path, error));
    return mkdir(path, 0777) == 0 ? HEARTH_OK : error_errno(error, path, "make the folder", errno);
}

char *file_trimmed(const char *path)
{
    char *copy = mem_strdup(path);
    for (size_t end = copy != NULL ? strlen(copy) : 0; end > 1 && copy[end - 1] == '/'; end--) {
        copy[end - 1] = '\0';
    }
    return copy;
}

char *file_join(const char *folder, const char *name)
{
    const size_t left = strlen(folder);
    const size_t right = strlen(name);
    char *path = mem_alloc(left + right + 2);
    if (path != NULL) {
        const bool slash = left > 0 && folder[left - 1] != '/';
        (void)snprintf(path, left + right + 2, "%s%s%s", folder, slash ? "/" : "", name);
    }
    return path;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

hearth_status file_list_folder(const char *path, file_list *ret, hearth_error *error)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return error_errno(error, path, "list", errno);
    }
    file_list list = {0};
    hearth_status status = HEARTH_OK;
    const struct dirent *entry = NULL;
    while (status == HEARTH_OK && (entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        char **grown = mem_realloc(list.names, (list.count + 1) * sizeof *list.names);
        char *name = grown != NULL ? mem_strdup(entry->d_name) : NULL;
        if (grown != NULL) {
            list.names = grown;
        }
        if (name == NULL) {
            status = error_memory(error, sizeof *list.names);
        } else {
            list.names[list.count++] = name;
        }
    }
    closedir(folder);
    if (status != HEARTH_OK) {
        file_list_free(&list);
        return status;
    }
    if (list.count > 0) {
        qsort(list.names, list.count, sizeof *list.names, compare_names);
    }
    *ret = list;
    return HEARTH_OK;
}

hearth_status file_list_add(file_list *list, const char *name, hearth_error *error)
{
    char **grown = mem_realloc(list->names, (list->count + 1) * sizeof *grown);
    list->names = grown != NULL ? grown : list->names;
    char *copy = grown != NULL ? mem_strdup(name) : NULL;
    if (copy == NULL) {
        return error_memory(error, strlen(name));
    }
    list->names[list->count++] = copy;
    return HEARTH_OK;
}

void file_list_free(file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->names[i]);
    }
    mem_free(list->names);
    *list = (file_list){0};
}

/* The variable's folder with *ret_below "", or HOME with what stands below it; NULL where neither is set. */
static const char *user_base(const char *kind, const char **ret_below)
{
    static const struct {
        const char *kind, *variable, *fallback;
    } folders[] = {
        {"cache", "XDG_CACHE_HOME", ".cache"},
        {"data", "XDG_DATA_HOME", ".local/share"},
        {"config", "XDG_CONFIG_HOME", ".config"},
        {"state", "XDG_STATE_HOME", ".local/state"},
    };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        if (strcmp(folders[i].kind, kind) != 0) {
            continue;
        }
        const char *set = getenv(folders[i].variable);
        const char *home = getenv("HOME");
        const bool named = set != NULL && set[0] == '/';
        *ret_below = named ? "" : folders[i].fallback;
        return named ? set : home != NULL && home[0] != '\0' ? home : NULL;
    }
    return NULL;
}

bool file_has_user_folder(const char *kind)
{
    const char *below = "";
    return user_base(kind, &below) != NULL;
}

char *file_user_folder(const char *kind)
{
    const char *below = "";
    const char *top = user_base(kind, &below);
    char *base = top != NULL && below[0] != '\0' ? file_join(top, below) : NULL;
    top = below[0] != '\0' ? base : top;
    char *folder = top != NULL ? file_join(top, "openhearth") : NULL;
    mem_free(base);
    return folder;
}
