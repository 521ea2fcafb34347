/* Envelopes: read strictly, checked before anything of the payload is looked at. */
#include "openness/sign_envelope.h"

#include "base/base64.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "base/text.h"
#include "formats/json_file.h"

#include <stdio.h>
#include <string.h>

hearth_status sign_wrong(const char *name, const char *key, const char *expected, const json_t *found,
                         hearth_error *error)
{
    char shown[64];
    const char *text = json_string_value(found);
    (void)snprintf(shown, sizeof shown, "\"%.60s\"", text != NULL ? text : "");
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, key, expected, "%s",
                                           found == NULL  ? "none"
                                           : text != NULL ? shown
                                                          : json_type_name(found));
    error_in_file(error, name);
    return status;
}

hearth_status sign_only_keys(const json_t *object, const char *const *known, const char *name, hearth_error *error)
{
    const char *key = NULL;
    const json_t *value = NULL;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0) {
            i++;
        }
        if (known[i] == NULL) {
            const hearth_status status =
                error_set(error, HEARTH_E_FORMAT, NULL, "keys that the format has", "\"%.80s\"", key);
            error_in_file(error, name);
            return status;
        }
    }
    return HEARTH_OK;
}

hearth_status sign_text(const json_t *object, const char *key, size_t most, const char *name, const char **ret,
                        hearth_error *error)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (text == NULL) {
        return sign_wrong(name, key, "a string", value, error);
    }
    if (json_string_length(value) != strlen(text) || strlen(text) > most) {
        const hearth_status status = error_set(error, HEARTH_E_FORMAT, key, "a shorter string without NUL", "%zu bytes",
                                               json_string_length(value));
        error_in_file(error, name);
        return status;
    }
    *ret = text;
    return HEARTH_OK;
}

hearth_status sign_bytes(const json_t *object, const char *key, const char *name, buffer *out, hearth_error *error)
{
    const char *text = NULL;
    TRY(sign_text(object, key, LIMIT_BUNDLE_BYTES, name, &text, error));
    const hearth_status status = base64_decode(text, strlen(text), out, error);
    if (status != HEARTH_OK) {
        error_in_file(error, name);
    }
    return status;
}

json_t *sign_base64(const void *bytes, size_t length)
{
    buffer text;
    buffer_init(&text, 0);
    json_t *value = base64_encode(bytes, length, &text, NULL) == HEARTH_OK ? json_string(buffer_text(&text)) : NULL;
    buffer_free(&text);
    return value;
}

/* ---- reading ---- */

static hearth_status read_signature(const json_t *signatures, const char *name, sign_envelope *ret, hearth_error *error)
{
    static const char *const known[] = {"sig", "keyid", NULL};
    const char *keyid = "";
    if (!json_is_array(signatures) || json_array_size(signatures) != 1) {
        return sign_wrong(name, "signatures", "an array of one signature", signatures, error);
    }
    const json_t *one = json_array_get(signatures, 0);
    if (!json_is_object(one)) {
        return sign_wrong(name, "signatures", "an array of one object", one, error);
    }
    TRY(sign_only_keys(one, known, name, error));
    TRY(sign_bytes(one, "sig", name, &ret->signature, error));
    const json_t *id = json_object_get(one, "keyid");
    if (id != NULL && !json_is_null(id)) {
        TRY(sign_text(one, "keyid", sizeof ret->keyid - 1, name, &keyid, error));
    }
    (void)snprintf(ret->keyid, sizeof ret->keyid, "%s", keyid);
    return HEARTH_OK;
}

hearth_status sign_envelope_read(const json_t *value, const char *name, sign_envelope *ret, hearth_error *error)
{
    static const char *const known[] = {"payload", "payloadType", "signatures", NULL};
    const char *type = NULL;
    *ret = (sign_envelope){.type = ""};
    buffer_init(&ret->payload, LIMIT_BUNDLE_BYTES);
    buffer_init(&ret->signature, LIMIT_SIGNATURE_BYTES);
    if (!json_is_object(value)) {
        return sign_wrong(name, "envelope", "an object", value, error);
    }
    TRY(sign_only_keys(value, known, name, error));
    TRY(sign_text(value, "payloadType", sizeof ret->type - 1, name, &type, error));
    (void)snprintf(ret->type, sizeof ret->type, "%s", type);
    TRY(sign_bytes(value, "payload", name, &ret->payload, error));
    return read_signature(json_object_get(value, "signatures"), name, ret, error);
}

void sign_envelope_free(sign_envelope *e)
{
    buffer_free(&e->payload);
    buffer_free(&e->signature);
}

/* ---- signing and checking ---- */

static hearth_status encode(const char *type, const buffer *payload, buffer *out, hearth_error *error)
{
    buffer_init(out, (size_t)LIMIT_BUNDLE_BYTES + 512);
    TRY(buffer_printf(out, error, "DSSEv1 %zu %s %zu ", strlen(type), type, payload->length));
    return buffer_append(out, buffer_text(payload), payload->length, error);
}

hearth_status sign_envelope_check(const sign_envelope *e, const char *type, const sign_key *key, const char *name,
                                  hearth_error *error)
{
    buffer bytes;
    if (strcmp(e->type, type) != 0) {
        const hearth_status status = error_set(error, HEARTH_E_FORMAT, "payloadType", type, "\"%.100s\"", e->type);
        error_in_file(error, name);
        return status;
    }
    hearth_status status = encode(type, &e->payload, &bytes, error);
    if (status == HEARTH_OK &&
        !sign_key_made(key, buffer_text(&bytes), bytes.length, buffer_text(&e->signature), e->signature.length)) {
        status = error_set(error, HEARTH_E_FORMAT, "signature", "one by the key", "another one");
        error_in_file(error, name);
    }
    buffer_free(&bytes);
    return status;
}

hearth_status sign_envelope_make(const buffer *payload, const char *type, const sign_key *key, bool names_key,
                                 json_t **ret, hearth_error *error)
{
    buffer bytes, signature;
    buffer_init(&signature, LIMIT_SIGNATURE_BYTES);
    hearth_status status = encode(type, payload, &bytes, error);
    status = status == HEARTH_OK ? sign_key_sign(key, buffer_text(&bytes), bytes.length, &signature, error) : status;
    if (status == HEARTH_OK) {
        json_t *one = json_door_put(json_object(), "sig", sign_base64(buffer_text(&signature), signature.length));
        one = json_door_put(one, "keyid", json_string(names_key ? sign_key_hint(key) : ""));
        json_t *envelope = json_door_put(json_object(), "payload", sign_base64(buffer_text(payload), payload->length));
        envelope = json_door_put(envelope, "payloadType", json_string(type));
        *ret = json_door_put(envelope, "signatures", json_door_append(json_array(), one));
        status = *ret != NULL ? HEARTH_OK : error_memory(error, payload->length);
    }
    buffer_free(&bytes);
    buffer_free(&signature);
    return status;
}
