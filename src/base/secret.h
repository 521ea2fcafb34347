/* Secrets, over OpenSSL's libcrypto: random ones, hashes that are slow to guess by, and comparing without telling where
 * two differ. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/error.h"

#define SECRET_HASH_BYTES 32
#define SECRET_SALT_BYTES 16

/* scrypt (RFC 7914): what a hash was made with is kept beside it. */
typedef struct secret_hash {
    uint64_t n; /* a power of 2 */
    uint64_t r, p;
    uint8_t salt[SECRET_SALT_BYTES];
    uint8_t hash[SECRET_HASH_BYTES];
} secret_hash;

/* Of the system's generator, for keys. */
hearth_status secret_random(void *bytes, size_t length, hearth_error *error);
/* With a new salt, and 16 MiB of memory at work. */
hearth_status secret_hash_make(const void *secret, size_t length, secret_hash *ret, hearth_error *error);
/* HEARTH_E_FORMAT where the hash's parameters are none, or would take more than SECRET_MOST_BYTES. */
#define SECRET_MOST_BYTES ((uint64_t)256 << 20)
hearth_status secret_hash_check(const secret_hash *h, const void *secret, size_t length, bool *ret_same,
                                hearth_error *error);
/* HMAC-SHA-256: fast, for what only a process that knows `key` can make. */
hearth_status secret_mark(const uint8_t key[32], const void *secret, size_t length, uint8_t ret[32],
                          hearth_error *error);
/* In a time that depends on the length alone. */
bool secret_equal(const void *a, const void *b, size_t length);
/* Overwrites what is not needed any more; the compiler does not leave it out. */
void secret_wipe(void *bytes, size_t length);

#endif
