/* Does a path lie in a folder? */
#include "platform/file_below.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *file_below(const char *folder, const char *path, char ret[PATH_MAX])
{
    char top[PATH_MAX], place[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const int length = slash != NULL ? (int)(slash - path) + 1 : 1;
    (void)snprintf(place, sizeof place, "%.*s", length, slash != NULL ? path : ".");
    if (realpath(folder, top) == NULL || realpath(place, ret) == NULL) {
        return NULL;
    }
    const size_t used = strlen(ret);
    const int written =
        snprintf(place, sizeof place, "%.3000s/%.255s", used > 1 ? ret : "", slash != NULL ? slash + 1 : path);
    if (written < 0 || (size_t)written >= sizeof place) {
        return NULL;
    }
    memcpy(ret, place, (size_t)written + 1);
    const size_t span = strlen(top);
    return strncmp(ret, top, span) == 0 && ret[span] == '/' ? ret + span + 1 : NULL;
}
