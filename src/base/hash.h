/* SHA-256 and, for what git names by it, SHA-1 (FIPS 180-4), over OpenSSL's libcrypto. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/error.h"

#define HASH_HEX_SIZE 65 /* 64 hexadecimal digits and NUL */
#define HASH_SHA1_BYTES 20

typedef struct hash_state hash_state;

hash_state *hash_create(void); /* NULL when memory is out */
void hash_update(hash_state *h, const void *bytes, size_t length);
/* SHA-1, for names that git gave; never for trust of its own. hash_finish then sets the first HASH_SHA1_BYTES alone. */
hash_state *hash_create_sha1(void);
/* Finishes and frees the state. */
void hash_finish(hash_state *h, uint8_t ret_digest[32]);
void hash_hex(const uint8_t digest[32], char ret_text[HASH_HEX_SIZE]);
/* 2 * count digits and NUL. */
void hash_hex_bytes(const uint8_t *bytes, size_t count, char *ret_text);
/* All at once; HEARTH_E_MEMORY is the only failure. */
hearth_status hash_bytes_hex(const void *bytes, size_t length, char ret_text[HASH_HEX_SIZE], hearth_error *error);

#endif
