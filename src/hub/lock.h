/* Locks between processes: flock on a file that stays, as Hugging Face's own tools do it. */
#ifndef HUB_LOCK_H
#define HUB_LOCK_H

#include "base/error.h"
#include "base/progress.h"

typedef struct hub_lock {
    int descriptor; /* -1: none */
} hub_lock;

typedef enum hub_lock_kind { HUB_LOCK_ALONE, HUB_LOCK_SHARED } hub_lock_kind;

/* Makes the file and its folders where they are missing, and waits until the lock is free; `progress` (may be NULL) is
 * asked meanwhile whether to go on. */
hearth_status hub_lock_take(const char *path, hub_lock_kind kind, progress_fn progress, void *context, hub_lock *ret,
                            hearth_error *error);
/* HEARTH_E_ARGUMENT where another process has it. */
hearth_status hub_lock_try(const char *path, hub_lock *ret, hearth_error *error);
/* One that was not taken is allowed. */
void hub_lock_free(hub_lock *lock);

#endif
