/* SHA-256 and SHA-1 by OpenSSL. */
#include "base/hash.h"

#include "base/memory.h"

#include <openssl/evp.h>

struct hash_state {
    EVP_MD_CTX *context;
};

static hash_state *create(const EVP_MD *kind)
{
    hash_state *h = mem_calloc(1, sizeof *h);
    if (h == NULL) {
        return NULL;
    }
    h->context = EVP_MD_CTX_new();
    if (h->context == NULL || EVP_DigestInit_ex(h->context, kind, NULL) != 1) {
        EVP_MD_CTX_free(h->context);
        mem_free(h);
        return NULL;
    }
    return h;
}

hash_state *hash_create(void)
{
    return create(EVP_sha256());
}

hash_state *hash_create_sha1(void)
{
    return create(EVP_sha1());
}

void hash_update(hash_state *h, const void *bytes, size_t length)
{
    (void)EVP_DigestUpdate(h->context, bytes, length);
}

void hash_finish(hash_state *h, uint8_t ret_digest[32])
{
    (void)EVP_DigestFinal_ex(h->context, ret_digest, NULL);
    EVP_MD_CTX_free(h->context);
    mem_free(h);
}

void hash_hex_bytes(const uint8_t *bytes, size_t count, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * count] = '\0';
}

void hash_hex(const uint8_t digest[32], char ret_text[HASH_HEX_SIZE])
{
    hash_hex_bytes(digest, 32, ret_text);
}

hearth_status hash_bytes_hex(const void *bytes, size_t length, char ret_text[HASH_HEX_SIZE], hearth_error *error)
{
    hash_state *h = hash_create();
    uint8_t digest[32];
    if (h == NULL) {
        return error_memory(error, sizeof *h);
    }
    hash_update(h, bytes, length);
    hash_finish(h, digest);
    hash_hex(digest, ret_text);
    return HEARTH_OK;
}
