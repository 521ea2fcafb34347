/* Files that are part of the program: "embedded:FOLDER/NAME" is a path to one, "embedded:FOLDER" to its folder, for
 * every function of platform/file.h that reads. The build makes the table (scripts/embed). */
#ifndef PLATFORM_EMBEDDED_H
#define PLATFORM_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct embedded_file {
    const char *name;           /* "FOLDER/NAME" */
    const uint8_t *bytes, *end; /* one byte after another in the program's image, at a page's begin */
    const char *sha256;         /* of them: 64 hexadecimal digits */
} embedded_file;
extern const embedded_file embedded_files[]; /* the last has no name */

/* NULL where `path` names none. */
const embedded_file *embedded_find(const char *path);
bool embedded_is_folder(const char *path);
/* Whether these are an embedded file's bytes. */
bool embedded_owns(const uint8_t *bytes);

#endif
