/* OpenSSL's scrypt, HMAC and random numbers. */
#include "base/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <limits.h>

#define SCRYPT_N ((uint64_t)1 << 14)
#define SCRYPT_R 8u
#define SCRYPT_P 1u
#define MOST_N ((uint64_t)1 << 20)
#define MOST_R 32u
#define MOST_P 16u

hearth_status secret_random(void *bytes, size_t length, hearth_error *error)
{
    return length <= INT_MAX && RAND_priv_bytes(bytes, (int)length) == 1
               ? HEARTH_OK
               : error_set(error, HEARTH_E_IO, "random numbers", "some of the system", "none");
}

static hearth_status scrypt(const secret_hash *h, const void *secret, size_t length, uint8_t ret[SECRET_HASH_BYTES],
                            hearth_error *error)
{
    const bool whole = h->n >= 2 && h->n <= MOST_N && (h->n & (h->n - 1)) == 0 && h->r >= 1 && h->r <= MOST_R &&
                       h->p >= 1 && h->p <= MOST_P;
    if (!whole || 128 * h->r * (h->n + h->p) > SECRET_MOST_BYTES) {
        return error_set(error, HEARTH_E_FORMAT, "scrypt", "parameters within 256 MiB", "n %llu, r %llu, p %llu",
                         (unsigned long long)h->n, (unsigned long long)h->r, (unsigned long long)h->p);
    }
    const uint64_t most = 128 * h->r * (h->n + h->p + 2);
    if (EVP_PBE_scrypt(secret, length, h->salt, sizeof h->salt, h->n, h->r, h->p, most, ret, SECRET_HASH_BYTES) != 1) {
        return error_memory(error, (size_t)most);
    }
    return HEARTH_OK;
}

hearth_status secret_hash_make(const void *secret, size_t length, secret_hash *ret, hearth_error *error)
{
    *ret = (secret_hash){.n = SCRYPT_N, .r = SCRYPT_R, .p = SCRYPT_P};
    TRY(secret_random(ret->salt, sizeof ret->salt, error));
    return scrypt(ret, secret, length, ret->hash, error);
}

hearth_status secret_hash_check(const secret_hash *h, const void *secret, size_t length, bool *ret_same,
                                hearth_error *error)
{
    uint8_t made[SECRET_HASH_BYTES];
    TRY(scrypt(h, secret, length, made, error));
    *ret_same = secret_equal(made, h->hash, sizeof made);
    secret_wipe(made, sizeof made);
    return HEARTH_OK;
}

hearth_status secret_mark(const uint8_t key[32], const void *secret, size_t length, uint8_t ret[32],
                          hearth_error *error)
{
    unsigned made = 0;
    return HMAC(EVP_sha256(), key, 32, secret, length, ret, &made) != NULL && made == 32 ? HEARTH_OK
                                                                                         : error_memory(error, 32);
}

bool secret_equal(const void *a, const void *b, size_t length)
{
    return CRYPTO_memcmp(a, b, length) == 0;
}

void secret_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}
