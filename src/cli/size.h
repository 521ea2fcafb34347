/* Sizes of memory as people write them. */
#ifndef CLI_SIZE_H
#define CLI_SIZE_H

#include "base/error.h"

#include <stdint.h>

#define SIZE_HELP "a number with KB, MB, GB, TB, KiB, MiB, GiB or TiB behind it, or of bytes"

/* "1.5GB", "512 MiB", "1000000"; HEARTH_E_ARGUMENT carries `name` ("--memory"). */
hearth_status size_read(const char *name, const char *text, uint64_t *ret, hearth_error *error);

#endif
