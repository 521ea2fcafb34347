/* Keys that sign: ECDSA on P-256 (with SHA-256), P-384 (SHA-384) and P-521 (SHA-512), which are those that OpenSSF's
 * Model Signing takes. Over OpenSSL's libcrypto. docs/signing.md. */
#ifndef OPENNESS_SIGN_KEY_H
#define OPENNESS_SIGN_KEY_H

#include "base/buffer.h"
#include "base/hash.h"

typedef struct sign_key sign_key;

#define SIGN_PASSPHRASE_SIZE 1024

/* Asked where a private key is encrypted: a terminated text, whose length is set. */
typedef hearth_status (*sign_passphrase_fn)(void *context, char ret[SIGN_PASSPHRASE_SIZE], size_t *ret_length,
                                            hearth_error *error);

/* "P-256", "P-384", "P-521". */
extern const char *const sign_curves[];

/* A new one on sign_curves[curve]. */
hearth_status sign_key_make(int curve, sign_key **ret, hearth_error *error);
/* A private key in PEM: PKCS#8, encrypted or not, or OpenSSL's older "EC PRIVATE KEY". */
hearth_status sign_key_read_private(const char *path, sign_passphrase_fn ask, void *context, sign_key **ret,
                                    hearth_error *error);
/* A public key in PEM (SubjectPublicKeyInfo). */
hearth_status sign_key_read_public(const char *path, sign_key **ret, hearth_error *error);
/* The same of bytes in memory; `name` is for the error. */
hearth_status sign_key_parse_public(const char *text, size_t length, const char *name, sign_key **ret,
                                    hearth_error *error);
/* Takes an EVP_PKEY of OpenSSL over; `name` is for the error. HEARTH_E_UNSUPPORTED for other kinds of keys. */
hearth_status sign_key_take(void *pkey, const char *name, sign_key **ret, hearth_error *error);
void sign_key_free(sign_key *key); /* NULL is allowed */

/* PKCS#8 in PEM into a new file of this user's: encrypted by scrypt (N 16384, r 8, p 5) and AES-256 where there is a
 * passphrase, else as it is. */
hearth_status sign_key_write_private(const sign_key *key, const char *passphrase, const char *path,
                                     hearth_error *error);
/* SubjectPublicKeyInfo in PEM, as OpenSSL writes it. */
hearth_status sign_key_public_pem(const sign_key *key, buffer *out, hearth_error *error);
/* The SHA-256 of that text: what a signature names its key by. */
const char *sign_key_hint(const sign_key *key);
const char *sign_key_curve(const sign_key *key);

/* ECDSA over bytes, in DER. */
hearth_status sign_key_sign(const sign_key *key, const void *bytes, size_t length, buffer *out, hearth_error *error);
/* Any signature that is not the key's over these bytes is false. */
bool sign_key_made(const sign_key *key, const void *bytes, size_t length, const void *signature, size_t size);

#endif
