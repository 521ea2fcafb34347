/* Files: mapping, whole reads, atomic replacement, folders. Paths are UTF-8 as the system has them. */
#ifndef PLATFORM_FILE_H
#define PLATFORM_FILE_H

#include "base/buffer.h"
#include "base/error.h"

typedef struct file_map {
    const uint8_t *data; /* NULL for an empty file */
    size_t size;
    char *path;
} file_map;

/* Maps a regular file read-only. A folder, a pipe or a device is HEARTH_E_ARGUMENT. The file is also
 * checked to be as long as fstat said. Unmap with file_map_close (zeroed maps are allowed). */
hearth_status file_map_open(const char *path, file_map *ret, hearth_error *error);
void file_map_close(file_map *map);
/* The system may drop these pages from memory; they come back from the file when touched. */
void file_map_release(const file_map *map, size_t offset, size_t length);
/* Tells the system that mapped bytes will be wanted soon: it begins to read them. */
void file_fetch(const uint8_t *bytes, size_t length);
/* Tells the system that the file is read here and there: nothing is read ahead. */
void file_map_random(const file_map *map);

/* The whole of a regular file, at most limit_bytes. */
hearth_status file_read(const char *path, size_t limit_bytes, buffer *out, hearth_error *error);
/* The same, also from a named pipe or a device: it waits for what comes. */
hearth_status file_read_stream(const char *path, size_t limit_bytes, buffer *out, hearth_error *error);
/* The whole of an open descriptor (stdin, a pipe), at most limit_bytes; `name` is for the error. */
hearth_status file_read_descriptor(int descriptor, const char *name, size_t limit_bytes, buffer *out,
                                   hearth_error *error);
/* Writes PATH.tmp-PID, syncs and renames it over `path`; nothing half written is ever seen there. */
hearth_status file_replace(const char *path, const void *bytes, size_t length, hearth_error *error);
/* The same where nothing is at `path`; else, also when something comes there meanwhile, HEARTH_E_ARGUMENT. */
hearth_status file_create(const char *path, const void *bytes, size_t length, hearth_error *error);
/* The same, readable to this user alone: a key. */
hearth_status file_create_secret(const char *path, const void *bytes, size_t length, hearth_error *error);

/* Renames a file or folder where nothing is at `to`; 0 or an errno value: EEXIST where something is. */
int file_rename_new(const char *from, const char *to);
bool file_exists(const char *path);
bool file_is_folder(const char *path);
/* mkdir -p. */
hearth_status file_make_folders(const char *path, hearth_error *error);
/* The same where nothing is at `path`; else HEARTH_E_IO: what lies in the folder is the caller's alone. */
hearth_status file_make_new_folder(const char *path, hearth_error *error);
/* The same of the folder that `path` is in. */
hearth_status file_make_place(const char *path, hearth_error *error);
/* "a/b" from "a" and "b"; freed with mem_free; NULL when memory is out. */
char *file_join(const char *folder, const char *name);
/* A copy without the slashes at its end; "/" stays. Freed with mem_free; NULL when memory is out. */
char *file_trimmed(const char *path);
/* Reads a folder's names, sorted by byte value, without "." and "..". Free with file_list_free. */
typedef struct file_list {
    char **names;
    size_t count;
} file_list;
hearth_status file_list_folder(const char *path, file_list *ret, hearth_error *error);
/* Adds a copy of `name` at the end. */
hearth_status file_list_add(file_list *list, const char *name, hearth_error *error);
void file_list_free(file_list *list);

/* XDG folders of this user with "/openhearth" behind; "cache", "data", "config" or "state". Freed with
 * mem_free. NULL when memory is out or neither the variable nor HOME is set. */
char *file_user_folder(const char *kind);
/* Is one of them set? Then NULL means that memory is out. */
bool file_has_user_folder(const char *kind);

#endif
