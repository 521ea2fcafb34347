/* DSSE (github.com/secure-systems-lab/dsse, version 1): bytes, what kind they are, and a signature over both. What is
 * signed is "DSSEv1 LENGTH TYPE LENGTH BYTES", so that a signature of one kind is none of another. */
#ifndef OPENNESS_SIGN_ENVELOPE_H
#define OPENNESS_SIGN_ENVELOPE_H

#include "base/json.h"
#include "openness/sign_key.h"

typedef struct sign_envelope {
    buffer payload, signature;
    char type[128];
    char keyid[HASH_HEX_SIZE]; /* "" where there is none */
} sign_envelope;

/* {"payload": …, "payloadType": …, "signatures": [{"sig": …, "keyid": …}]} and nothing else; one signature. `name` is
 * for the error. Free with sign_envelope_free, also after a failure. */
hearth_status sign_envelope_read(const json_t *value, const char *name, sign_envelope *ret, hearth_error *error);
void sign_envelope_free(sign_envelope *e); /* zeroed ones are allowed */
/* HEARTH_E_FORMAT where the type is another, or the signature is not the key's. */
hearth_status sign_envelope_check(const sign_envelope *e, const char *type, const sign_key *key, const char *name,
                                  hearth_error *error);
/* The envelope's JSON, the key named by its hint where `names_key`. */
hearth_status sign_envelope_make(const buffer *payload, const char *type, const sign_key *key, bool names_key,
                                 json_t **ret, hearth_error *error);

/* For readers of what is signed: an error about `key` in the file `name`; `found` may be NULL. */
hearth_status sign_wrong(const char *name, const char *key, const char *expected, const json_t *found,
                         hearth_error *error);
/* Every key of an object is among `known` (ended by NULL). */
hearth_status sign_only_keys(const json_t *object, const char *const *known, const char *name, hearth_error *error);
/* A string of no other type, without NUL bytes, at most `most` bytes. */
hearth_status sign_text(const json_t *object, const char *key, size_t most, const char *name, const char **ret,
                        hearth_error *error);
/* Base64 as a string, decoded and appended. */
hearth_status sign_bytes(const json_t *object, const char *key, const char *name, buffer *out, hearth_error *error);
/* A base64 string of bytes; NULL when memory is out. */
json_t *sign_base64(const void *bytes, size_t length);

#endif
