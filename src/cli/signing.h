/* What sign, verify-signature, publish and advise share: which files, and whose keys. */
#ifndef CLI_SIGNING_H
#define CLI_SIGNING_H

#include "cli/cli.h"
#include "openness/sign_chain.h"

/* The path of what a user calls a model: what is there under that name, folder or file, or else model_locate's answer.
 * Freed with mem_free. */
hearth_status signing_locate(const char *name, char **ret_path, hearth_error *error);
/* From here on this process reads the model at `path` (of links, what they point to) and `also`, and writes where `out`
 * is to lie (NULL: nowhere). */
hearth_status signing_confine(const char *path, const char *const *also, const char *out, hearth_error *error);
/* A private key, its passphrase from `passphrase_file`, the environment or the terminal. */
hearth_status signing_read_key(const char *path, const char *passphrase_file, sign_key **ret, hearth_error *error);
/* All certificates of some files, in their order. */
hearth_status signing_read_chain(const char *first, const option_list *rest, sign_chain **ret, hearth_error *error);

#endif
