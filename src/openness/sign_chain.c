/* Chains of certificates by libcrypto's X.509. */
#include "openness/sign_chain.h"
#include "base/text.h"

#include "base/limits.h"
#include "base/memory.h"
#include "platform/file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MOST_CERTIFICATE_BYTES (64u << 10)

struct sign_chain {
    STACK_OF(X509) * all;
};

static hearth_status wrong(const char *name, const char *expected, const char *found, hearth_error *error)
{
    ERR_clear_error();
    const hearth_status status = error_set(error, HEARTH_E_FORMAT, "certificate", expected, "%s", found);
    error_in_file(error, name);
    return status;
}

hearth_status sign_chain_create(sign_chain **ret, hearth_error *error)
{
    sign_chain *chain = mem_calloc(1, sizeof *chain);
    if (chain == NULL || (chain->all = sk_X509_new_null()) == NULL) {
        mem_free(chain);
        return error_memory(error, sizeof *chain);
    }
    *ret = chain;
    return HEARTH_OK;
}

void sign_chain_free(sign_chain *chain)
{
    if (chain != NULL) {
        sk_X509_pop_free(chain->all, X509_free);
        mem_free(chain);
    }
}

size_t sign_chain_count(const sign_chain *chain)
{
    return (size_t)sk_X509_num(chain->all);
}

/* Takes `one` over. */
static hearth_status push(sign_chain *chain, X509 *one, const char *name, hearth_error *error)
{
    if (sign_chain_count(chain) >= LIMIT_CERTIFICATES) {
        X509_free(one);
        return wrong(name, "at most 16 certificates", "more", error);
    }
    if (sk_X509_push(chain->all, one) <= 0) {
        X509_free(one);
        return error_memory(error, sizeof(void *));
    }
    return HEARTH_OK;
}

hearth_status sign_chain_read(sign_chain *chain, const char *path, hearth_error *error)
{
    buffer text;
    buffer_init(&text, LIMIT_CERTIFICATES * MOST_CERTIFICATE_BYTES);
    hearth_status status = file_read_stream(path, LIMIT_CERTIFICATES * MOST_CERTIFICATE_BYTES, &text, error);
    BIO *bio = status == HEARTH_OK ? BIO_new_mem_buf(buffer_text(&text), (int)text.length) : NULL;
    X509 *one = NULL;
    size_t count = 0;
    while (status == HEARTH_OK && bio != NULL && (one = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        status = push(chain, one, path, error);
        count++;
    }
    const unsigned long reason = ERR_peek_last_error();
    if (status == HEARTH_OK && count > 0 && ERR_GET_REASON(reason) != PEM_R_NO_START_LINE) {
        status = wrong(path, "certificates in PEM", "one that is damaged", error);
    }
    if (status == HEARTH_OK && count == 0) {
        status = wrong(path, "certificates in PEM", "none", error);
    }
    ERR_clear_error();
    BIO_free(bio);
    buffer_free(&text);
    return status;
}

hearth_status sign_chain_add(sign_chain *chain, const void *der, size_t length, const char *name, hearth_error *error)
{
    const unsigned char *at = der;
    X509 *one = length <= MOST_CERTIFICATE_BYTES ? d2i_X509(NULL, &at, (long)length) : NULL;
    if (one == NULL || at != (const unsigned char *)der + length) {
        X509_free(one);
        return wrong(name, "a certificate in DER", one != NULL ? "more bytes" : "none", error);
    }
    return push(chain, one, name, error);
}

hearth_status sign_chain_der(const sign_chain *chain, size_t index, buffer *out, hearth_error *error)
{
    unsigned char *der = NULL;
    const int length = i2d_X509(sk_X509_value(chain->all, (int)index), &der);
    const hearth_status status =
        length > 0 ? buffer_append(out, der, (size_t)length, error) : error_memory(error, sizeof(void *));
    OPENSSL_free(der);
    return status;
}

hearth_status sign_chain_key(const sign_chain *chain, const char *name, sign_key **ret, hearth_error *error)
{
    EVP_PKEY *pkey = X509_get_pubkey(sk_X509_value(chain->all, 0));
    return pkey != NULL ? sign_key_take(pkey, name, ret, error)
                        : wrong(name, "a key on P-256, P-384 or P-521", "one that cannot be read", error);
}

/* ---- checking ---- */

static void print_name(const X509_NAME *name, char *ret, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        const long length = BIO_get_mem_data(bio, &data);
        (void)snprintf(ret, size, "%.*s", (int)(length > 0 ? length : 0), length > 0 ? data : "");
    }
    BIO_free(bio);
}

static bool time_of(const ASN1_TIME *when, time_t *ret)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(when, &parts) != 1) {
        return false;
    }
    *ret = timegm(&parts);
    return true;
}

/* Its KeyUsage lets it make digital signatures, or its ExtendedKeyUsage sign code: one that says neither may not. */
static bool may_sign(X509 *one)
{
    const uint32_t usage = X509_get_key_usage(one);
    const uint32_t extended = X509_get_extended_key_usage(one);
    return (usage != UINT32_MAX && (usage & KU_DIGITAL_SIGNATURE) != 0) ||
           (extended != UINT32_MAX && (extended & XKU_CODE_SIGN) != 0);
}

static hearth_status walk(const sign_chain *chain, const sign_chain *anchors, time_t when, const char *name,
                          hearth_error *error)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_dup(chain->all);
    bool good = store != NULL && context != NULL && between != NULL;
    for (int i = 0; good && i < sk_X509_num(anchors->all); i++) {
        good = X509_STORE_add_cert(store, sk_X509_value(anchors->all, i)) == 1;
    }
    hearth_status status = HEARTH_OK;
    X509 *leaf = sk_X509_value(chain->all, 0);
    if (!good || (sk_X509_shift(between), X509_STORE_CTX_init(context, store, leaf, between)) != 1) {
        status = error_memory(error, sizeof(void *));
    } else {
        X509_STORE_CTX_set_time(context, 0, when);
        X509_STORE_CTX_set_depth(context, (int)LIMIT_CERTIFICATES);
        if (X509_verify_cert(context) != 1) {
            status = wrong(name, "a chain to a certificate that is trusted (--chain)",
                           X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)), error);
        }
    }
    sk_X509_free(between);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return status;
}

hearth_status sign_chain_check(const sign_chain *chain, const sign_chain *anchors, const char *name, sign_signer *ret,
                               hearth_error *error)
{
    X509 *leaf = sk_X509_value(chain->all, 0);
    time_t from = 0, until = 0;
    *ret = (sign_signer){.subject = ""};
    if (leaf == NULL || !time_of(X509_get0_notBefore(leaf), &from) || !time_of(X509_get0_notAfter(leaf), &until)) {
        return wrong(name, "a time from which it is valid", "none", error);
    }
    TRY(walk(chain, anchors, from, name, error));
    if (!may_sign(leaf)) {
        return wrong(name, "one for digital signatures or for code", "one for other things", error);
    }
    print_name(X509_get_subject_name(leaf), ret->subject, sizeof ret->subject);
    print_name(X509_get_issuer_name(leaf), ret->issuer, sizeof ret->issuer);
    (void)text_time((int64_t)from, ret->from);
    (void)text_time((int64_t)until, ret->until);
    ret->expired = until < time(NULL);
    return HEARTH_OK;
}
