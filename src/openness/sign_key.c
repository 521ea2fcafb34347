/* Keys by libcrypto's EVP. */
#include "openness/sign_key.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"
#include "platform/file.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SCRYPT_N 16384u /* OpenSSL reads no more than 32 MiB of scrypt's memory */
#define SCRYPT_R 8u
#define SCRYPT_P 5u
#define SALT_BYTES 16

const char *const sign_curves[] = {"P-256", "P-384", "P-521", NULL};

static const struct {
    const char *group;
    const EVP_MD *(*hash)(void);
} kinds[] = {{"prime256v1", EVP_sha256}, {"secp384r1", EVP_sha384}, {"secp521r1", EVP_sha512}};

struct sign_key {
    EVP_PKEY *pkey;
    int curve;
    char hint[HASH_HEX_SIZE];
};

static hearth_status wrong(const char *name, const char *expected, const char *found, hearth_error *error)
{
    ERR_clear_error();
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, "key", expected, "%s", found);
    error_in_file(error, name);
    return status;
}

/* ---- what a key is ---- */

static int curve_of(const EVP_PKEY *pkey)
{
    char group[64] = "";
    if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1) {
        return -1;
    }
    for (int i = 0; i < (int)(sizeof kinds / sizeof *kinds); i++) {
        if (strcmp(group, kinds[i].group) == 0) {
            return i;
        }
    }
    return -1;
}

static hearth_status find_hint(sign_key *key, hearth_error *error)
{
    buffer pem;
    buffer_init(&pem, 0);
    hearth_status status = sign_key_public_pem(key, &pem, error);
    status = status == HEARTH_OK ? hash_bytes_hex(buffer_text(&pem), pem.length, key->hint, error) : status;
    buffer_free(&pem);
    return status;
}

hearth_status sign_key_take(void *pkey, const char *name, sign_key **ret, hearth_error *error)
{
    const int curve = curve_of(pkey);
    if (curve < 0) {
        const hearth_status status =
            error_set(error, HEARTH_E_UNSUPPORTED, "key", "an elliptic key on P-256, P-384 or P-521",
                      "another kind (%s)", EVP_PKEY_is_a(pkey, "EC") ? "another curve" : EVP_PKEY_get0_type_name(pkey));
        error_in_file(error, name);
        EVP_PKEY_free(pkey);
        return status;
    }
    sign_key *key = mem_calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return error_memory(error, sizeof *key);
    }
    key->pkey = pkey;
    key->curve = curve;
    /* One text for one key: its point in full. */
    (void)EVP_PKEY_set_utf8_string_param(pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed");
    const hearth_status status = find_hint(key, error);
    if (status != HEARTH_OK) {
        sign_key_free(key);
        return status;
    }
    *ret = key;
    return HEARTH_OK;
}

void sign_key_free(sign_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey);
        mem_free(key);
    }
}

const char *sign_key_hint(const sign_key *key)
{
    return key->hint;
}

const char *sign_key_curve(const sign_key *key)
{
    return sign_curves[key->curve];
}

hearth_status sign_key_make(int curve, sign_key **ret, hearth_error *error)
{
    EVP_PKEY *pkey = EVP_EC_gen(sign_curves[curve]);
    return pkey != NULL ? sign_key_take(pkey, "", ret, error) : error_memory(error, sizeof(void *));
}

/* ---- reading ---- */

typedef struct asking {
    sign_passphrase_fn ask;
    void *context;
    hearth_error *error;
    hearth_status status;
    bool asked;
} asking;

/* A pem_password_cb: the length of what was written to `text`, or -1. */
static int give_passphrase(char *text, int size, int writes, void *context)
{
    asking *a = context;
    char passphrase[SIGN_PASSPHRASE_SIZE] = "";
    size_t length = 0;
    (void)writes;
    a->asked = true;
    a->status = a->ask(a->context, passphrase, &length, a->error);
    const bool good = a->status == HEARTH_OK && length < (size_t)size;
    if (good) {
        memcpy(text, passphrase, length + 1);
    }
    secret_wipe(passphrase, sizeof passphrase);
    return good ? (int)length : -1;
}

hearth_status sign_key_read_private(const char *path, sign_passphrase_fn ask, void *context, sign_key **ret,
                                    hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_KEY_FILE_BYTES);
    hearth_status status = file_read_stream(path, LIMIT_KEY_FILE_BYTES, &text, error);
    BIO *bio = status == HEARTH_OK ? BIO_new_mem_buf(buffer_text(&text), (int)text.length) : NULL;
    asking a = {.ask = ask, .context = context, .error = error};
    if (status == HEARTH_OK) {
        EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &a) : NULL;
        status = pkey != NULL            ? sign_key_take(pkey, path, ret, error)
                 : a.status != HEARTH_OK ? a.status
                 : a.asked               ? wrong(path, "its passphrase", "another one", error)
                                         : wrong(path, "a private key in PEM", "none", error);
    }
    BIO_free(bio);
    if (text.data != NULL) {
        secret_wipe(text.data, text.length);
    }
    buffer_free(&text);
    return status;
}

hearth_status sign_key_parse_public(const char *text, size_t length, const char *name, sign_key **ret,
                                    hearth_error *error)
{
    BIO *bio = length <= LIMIT_KEY_FILE_BYTES ? BIO_new_mem_buf(text, (int)length) : NULL;
    EVP_PKEY *pkey = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    return pkey != NULL ? sign_key_take(pkey, name, ret, error) : wrong(name, "a public key in PEM", "none", error);
}

hearth_status sign_key_read_public(const char *path, sign_key **ret, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_KEY_FILE_BYTES);
    hearth_status status = file_read_stream(path, LIMIT_KEY_FILE_BYTES, &text, error);
    status = status == HEARTH_OK ? sign_key_parse_public(buffer_text(&text), text.length, path, ret, error) : status;
    buffer_free(&text);
    return status;
}

/* ---- writing ---- */

/* What a memory BIO holds, appended. */
static hearth_status append_bio(BIO *bio, buffer *out, hearth_error *error)
{
    char *data = NULL;
    const long length = BIO_get_mem_data(bio, &data);
    return length > 0 ? buffer_append(out, data, (size_t)length, error) : error_memory(error, sizeof(void *));
}

hearth_status sign_key_public_pem(const sign_key *key, buffer *out, hearth_error *error)
{
    BIO *bio = BIO_new(BIO_s_mem());
    const bool good = bio != NULL && PEM_write_bio_PUBKEY(bio, key->pkey) == 1;
    const hearth_status status = good ? append_bio(bio, out, error) : error_memory(error, sizeof(void *));
    BIO_free(bio);
    return status;
}

/* EncryptedPrivateKeyInfo by PBES2 with scrypt. */
static bool write_encrypted(BIO *bio, PKCS8_PRIV_KEY_INFO *info, const char *passphrase)
{
    uint8_t salt[SALT_BYTES];
    bool good = RAND_bytes(salt, sizeof salt) == 1;
    X509_ALGOR *how =
        good ? PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL, SCRYPT_N, SCRYPT_R, SCRYPT_P) : NULL;
    X509_SIG *sealed = how != NULL ? PKCS8_set0_pbe(passphrase, (int)strlen(passphrase), info, how) : NULL;
    if (how != NULL && sealed == NULL) {
        X509_ALGOR_free(how);
    }
    good = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
    X509_SIG_free(sealed);
    return good;
}

hearth_status sign_key_write_private(const sign_key *key, const char *passphrase, const char *path, hearth_error *error)
{
    buffer text;
    buffer_init(&text, 0);
    BIO *bio = BIO_new(BIO_s_secmem());
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    const bool good = bio != NULL && info != NULL &&
                      (passphrase != NULL ? write_encrypted(bio, info, passphrase)
                                          : PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1);
    hearth_status status = good ? append_bio(bio, &text, error) : error_memory(error, sizeof(void *));
    status = status == HEARTH_OK ? file_create_secret(path, buffer_text(&text), text.length, error) : status;
    if (text.data != NULL) {
        secret_wipe(text.data, text.length);
    }
    PKCS8_PRIV_KEY_INFO_free(info);
    BIO_free(bio);
    buffer_free(&text);
    ERR_clear_error();
    return status;
}

/* ---- signing ---- */

hearth_status sign_key_sign(const sign_key *key, const void *bytes, size_t length, buffer *out, hearth_error *error)
{
    uint8_t signature[LIMIT_SIGNATURE_BYTES];
    size_t size = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context != NULL &&
                      EVP_DigestSignInit(context, NULL, kinds[key->curve].hash(), NULL, key->pkey) == 1 &&
                      EVP_DigestSign(context, signature, &size, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good ? buffer_append(out, signature, size, error)
                : error_set(error, HEARTH_E_ARGUMENT, "key", "a private key", "one that does not sign");
}

bool sign_key_made(const sign_key *key, const void *bytes, size_t length, const void *signature, size_t size)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context != NULL && size > 0 && size <= LIMIT_SIGNATURE_BYTES &&
                      EVP_DigestVerifyInit(context, NULL, kinds[key->curve].hash(), NULL, key->pkey) == 1 &&
                      EVP_DigestVerify(context, signature, size, bytes, length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return good;
}
