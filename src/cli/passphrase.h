/* The passphrase of a key: from a file, the environment, or the terminal. */
#ifndef CLI_PASSPHRASE_H
#define CLI_PASSPHRASE_H

#include "cli/cli.h"
#include "openness/sign_key.h"

#define PASSPHRASE_VARIABLE "HEARTH_PASSPHRASE"
#define PASSPHRASE_HELP                                                                                                \
    "The key's passphrase is the first line of FILE. Default: the environment's HEARTH_PASSPHRASE, else the terminal " \
    "is asked."

typedef struct passphrase_source {
    const char *file; /* NULL: none */
    bool is_new;      /* asked for twice at a terminal */
    bool replaces;    /* the variable is the old one's: --new-passphrase-file or the terminal */
} passphrase_source;

/* A sign_passphrase_fn over a passphrase_source. HEARTH_E_ARGUMENT where nobody says one. */
hearth_status passphrase_get(void *source, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length, hearth_error *error);

#endif
