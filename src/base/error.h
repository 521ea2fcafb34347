/* Filling in a hearth_error. Every function takes a NULL error and then only returns the status, so a
 * caller writes `return error_set(err, HEARTH_E_FORMAT, "version", "2 or 3", "%u", version);`. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "hearth/status.h"

#include <stdarg.h>

/* Replaces the whole error. `place` and `expected` may be NULL; `found_format` is printf's. */
hearth_status error_set(hearth_error *error, hearth_status status, const char *place, const char *expected,
                        const char *found_format, ...) __attribute__((format(printf, 5, 6)));

/* HEARTH_E_MEMORY for an allocation of `size_bytes`. */
hearth_status error_memory(hearth_error *error, size_t size_bytes);

/* HEARTH_E_IO or HEARTH_E_NOT_FOUND from an errno value. `doing` is "open", "read", "map", … */
hearth_status error_errno(hearth_error *error, const char *file, const char *doing, int errno_value);

/* Adds the file or the offset to an error on its way up; NULL is allowed. A file that is already named stays. The
 * status is the caller's to return: with NULL there is nobody to ask for it. */
void error_in_file(hearth_error *error, const char *file);
void error_at_offset(hearth_error *error, uint64_t offset);

/* A failure of the machine (memory, a disk, a wish to stop), which says nothing of what was read; every other one is
 * damage, or what somebody made so. */
bool error_is_machine(hearth_status status);

/* Propagates a failure: `TRY(cursor_u32(&c, &n, err));` */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        const hearth_status try_status_ = (expression);                                                                \
        if (try_status_ != HEARTH_OK) {                                                                                \
            return try_status_;                                                                                        \
        }                                                                                                              \
    } while (0)

#endif
