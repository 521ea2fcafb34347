/* Certificates that say whose a key is: a chain from the signer's up to one that the verifier trusts. No network: no
 * revocation lists are asked for. docs/signing.md, "Certificates". */
#ifndef OPENNESS_SIGN_CHAIN_H
#define OPENNESS_SIGN_CHAIN_H

#include "openness/sign_key.h"

typedef struct sign_chain sign_chain; /* certificates, the signer's first */

hearth_status sign_chain_create(sign_chain **ret, hearth_error *error);
void sign_chain_free(sign_chain *chain); /* NULL is allowed */
/* Adds all certificates of a PEM file, at least one, at most LIMIT_CERTIFICATES altogether. */
hearth_status sign_chain_read(sign_chain *chain, const char *path, hearth_error *error);
/* Adds one in DER, which must be all of the bytes; `name` is for the error. */
hearth_status sign_chain_add(sign_chain *chain, const void *der, size_t length, const char *name, hearth_error *error);
size_t sign_chain_count(const sign_chain *chain);
/* One in DER, appended. */
hearth_status sign_chain_der(const sign_chain *chain, size_t index, buffer *out, hearth_error *error);
/* The public key of the first; `name` is for the error. */
hearth_status sign_chain_key(const sign_chain *chain, const char *name, sign_key **ret, hearth_error *error);

typedef struct sign_signer {
    char subject[256], issuer[256]; /* of the first certificate, "CN=…, O=…" */
    char from[32], until[32];       /* "2026-11-27T00:00:00Z" */
    bool expired;                   /* now */
} sign_signer;
/* Does the first lead to one of `anchors`, and may it sign? As of the time from which it is valid, as the format's
 * other programs have it. */
hearth_status sign_chain_check(const sign_chain *chain, const sign_chain *anchors, const char *name, sign_signer *ret,
                               hearth_error *error);

#endif
