/* Files that are part of the program, found by their path. */
#include "platform/embedded.h"

#include <string.h>

#define SCHEME "embedded:"

/* What stands behind the scheme; NULL: a path of the file system. */
static const char *inner_name(const char *path)
{
    return strncmp(path, SCHEME, strlen(SCHEME)) == 0 ? path + strlen(SCHEME) : NULL;
}

const embedded_file *embedded_find(const char *path)
{
    const char *name = inner_name(path);
    for (const embedded_file *f = embedded_files; name != NULL && f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

bool embedded_is_folder(const char *path)
{
    const char *name = inner_name(path);
    const size_t length = name != NULL ? strlen(name) : 0;
    for (const embedded_file *f = embedded_files; length > 0 && f->name != NULL; f++) {
        if (strncmp(f->name, name, length) == 0 && f->name[length] == '/') {
            return true;
        }
    }
    return false;
}

bool embedded_owns(const uint8_t *bytes)
{
    for (const embedded_file *f = embedded_files; f->name != NULL; f++) {
        if (bytes >= f->bytes && bytes <= f->end) {
            return true;
        }
    }
    return false;
}
