/* Locks between processes: flock on a file that stays, as Hugging Face's own tools do it. */
#ifndef PLATFORM_FILE_LOCK_H
#define PLATFORM_FILE_LOCK_H

#include "base/error.h"
#include "base/progress.h"

typedef struct file_lock {
    int descriptor; /* -1: none */
} file_lock;

typedef enum file_lock_kind { FILE_LOCK_ALONE, FILE_LOCK_SHARED } file_lock_kind;

/* Makes the file and its folders where they are missing, and waits until the lock is free; `progress` (may be NULL) is
 * asked meanwhile whether to go on. */
hearth_status file_lock_take(const char *path, file_lock_kind kind, progress_fn progress, void *context, file_lock *ret,
                             hearth_error *error);
/* HEARTH_E_ARGUMENT where another process has it. */
hearth_status file_lock_try(const char *path, file_lock *ret, hearth_error *error);
/* One that was not taken is allowed. */
void file_lock_free(file_lock *lock);

#endif
