/* A model's signature as a file: OpenSSF Model Signing 1.0, which is a Sigstore bundle (0.3) around an in-toto
 * statement. docs/signing.md, "The file". */
#ifndef OPENNESS_BUNDLE_H
#define OPENNESS_BUNDLE_H

#include "openness/sign_chain.h"
#include "openness/sign_envelope.h"
#include "openness/sign_tree.h"

#define BUNDLE_STATEMENT "application/vnd.in-toto+json"

typedef struct bundle {
    char hint[HASH_HEX_SIZE]; /* of the key that it says; "" where it says none, or has certificates */
    sign_chain *chain;        /* NULL: signed by a key alone */
    sign_envelope envelope;
} bundle;

/* Reads the frame and nothing of what is signed: keys that the format has not are errors. HEARTH_E_UNSUPPORTED for
 * signatures without keys (Sigstore's own certificates and logs). Free with bundle_free, also after a failure. */
hearth_status bundle_parse(const char *text, size_t length, const char *name, bundle *ret, hearth_error *error);
hearth_status bundle_read(const char *path, bundle *ret, hearth_error *error);
void bundle_free(bundle *b); /* zeroed ones are allowed */

/* What is signed, once the signature is known to be good: entries sorted, no name twice, root checked. Of it only the
 * hash SHA-256 is known here. */
hearth_status bundle_tree(const bundle *b, const char *name, sign_tree *ret, hearth_error *error);

/* The file's text. `chain` (NULL: none) begins with the key's own certificate. */
hearth_status bundle_write(const sign_tree *tree, const sign_key *key, const sign_chain *chain, buffer *out,
                           hearth_error *error);

#endif
