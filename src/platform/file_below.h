/* Does a path lie in a folder? */
#ifndef PLATFORM_FILE_BELOW_H
#define PLATFORM_FILE_BELOW_H

#include <limits.h>

/* "a/b" where `path`, which need not be there (the folder that it is in must be), lies below `folder` as that; NULL
 * where it does not. Links to folders are followed. */
const char *file_below(const char *folder, const char *path, char ret[PATH_MAX]);

#endif
