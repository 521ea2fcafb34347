/* Certificates over GnuTLS, which libmicrohttpd has its TLS from. */
#include "net/http_tls.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/secret.h"
#include "platform/cpu.h"
#include "platform/file.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES ((size_t)1 << 20)
#define MOST_CERTIFICATES 16u
#define LOOK_S 1.0

/* Which file it was. */
typedef struct stamp {
    struct timespec changed;
    off_t size;
    ino_t inode;
} stamp;

struct http_tls {
    char *certificate_path, *key_path;
    http_tls_told_fn told;
    void *told_context;
    pthread_mutex_t lock;    /* of all below */
    buffer certificate, key; /* PEM */
    stamp seen[2];
    double looked;
};

static _Atomic(http_tls *) current;

static bool stamp_of(const char *path, stamp *ret)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        return false;
    }
    *ret = (stamp){info.st_mtim, info.st_size, info.st_ino};
    return true;
}

static bool same_stamp(const stamp *a, const stamp *b)
{
    return a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec && a->size == b->size &&
           a->inode == b->inode;
}

/* ---- reading and checking ---- */

static gnutls_datum_t datum_of(const buffer *b)
{
    return (gnutls_datum_t){(unsigned char *)b->data, (unsigned)b->length};
}

static hearth_status wrong_file(const char *path, const char *expected, int code, hearth_error *error)
{
    (void)error_set(error, HEARTH_E_FORMAT, NULL, expected, "%s", gnutls_strerror(code));
    error_in_file(error, path);
    return HEARTH_E_FORMAT;
}

static int id_of_certificate(const buffer *pem, unsigned char *ret, size_t *size)
{
    const gnutls_datum_t text = datum_of(pem);
    gnutls_x509_crt_t list[MOST_CERTIFICATES];
    unsigned count = MOST_CERTIFICATES;
    int code = gnutls_x509_crt_list_import(list, &count, &text, GNUTLS_X509_FMT_PEM,
                                           GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
    if (code < 0) {
        return code;
    }
    code = gnutls_x509_crt_get_key_id(list[0], GNUTLS_KEYID_USE_SHA256, ret, size);
    for (unsigned i = 0; i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    return code;
}

static int id_of_key(const buffer *pem, unsigned char *ret, size_t *size)
{
    const gnutls_datum_t text = datum_of(pem);
    gnutls_x509_privkey_t key = NULL;
    int code = gnutls_x509_privkey_init(&key);
    if (code < 0) {
        return code;
    }
    code = gnutls_x509_privkey_import2(key, &text, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (code >= 0) {
        code = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ret, size);
    }
    gnutls_x509_privkey_deinit(key);
    return code;
}

static hearth_status check_pair(const http_tls *t, const buffer *certificate, const buffer *key, hearth_error *error)
{
    unsigned char ids[2][64];
    size_t sizes[2] = {sizeof ids[0], sizeof ids[1]};
    int code = id_of_certificate(certificate, ids[0], &sizes[0]);
    if (code < 0) {
        return wrong_file(t->certificate_path, "certificates in PEM, the server's own first", code, error);
    }
    code = id_of_key(key, ids[1], &sizes[1]);
    if (code < 0) {
        return wrong_file(t->key_path, "a private key in PEM, without a passphrase", code, error);
    }
    if (sizes[0] != sizes[1] || memcmp(ids[0], ids[1], sizes[0]) != 0) {
        (void)error_set(error, HEARTH_E_FORMAT, NULL, "the key of the certificate", "another one");
        error_in_file(error, t->key_path);
        return HEARTH_E_FORMAT;
    }
    return HEARTH_OK;
}

static void free_secret(buffer *b)
{
    if (b->data != NULL) {
        secret_wipe(b->data, b->capacity);
    }
    buffer_free(b);
}

/* With the lock. */
static hearth_status read_pair(http_tls *t, hearth_error *error)
{
    buffer certificate, key;
    buffer_init(&certificate, 0);
    buffer_init(&key, 0);
    hearth_status status = file_read(t->certificate_path, FILE_BYTES, &certificate, error);
    status = status == HEARTH_OK ? file_read(t->key_path, FILE_BYTES, &key, error) : status;
    status = status == HEARTH_OK ? check_pair(t, &certificate, &key, error) : status;
    if (status == HEARTH_OK) {
        const buffer old[2] = {t->certificate, t->key};
        t->certificate = certificate;
        t->key = key;
        certificate = old[0];
        key = old[1];
    }
    buffer_free(&certificate);
    free_secret(&key);
    return status;
}

/* With the lock. A pair that is half replaced is looked at again when the other half comes. */
static hearth_status load(http_tls *t, hearth_error *error)
{
    (void)stamp_of(t->certificate_path, &t->seen[0]);
    (void)stamp_of(t->key_path, &t->seen[1]);
    return read_pair(t, error);
}

static void tell(const http_tls *t, hearth_status status, const hearth_error *error)
{
    char line[1024], text[900];
    if (t->told != NULL) {
        (void)snprintf(line, sizeof line, "certificate %s: %s",
                       status == HEARTH_OK ? "replaced" : "not replaced, the old one stays",
                       status == HEARTH_OK ? t->certificate_path : hearth_error_line(error, text, sizeof text));
        t->told(t->told_context, line);
    }
}

/* With the lock. */
static void look(http_tls *t)
{
    stamp now[2];
    hearth_error error = {0};
    if (time_seconds() - t->looked < LOOK_S) {
        return;
    }
    t->looked = time_seconds();
    if (stamp_of(t->certificate_path, &now[0]) && stamp_of(t->key_path, &now[1]) &&
        (!same_stamp(&now[0], &t->seen[0]) || !same_stamp(&now[1], &t->seen[1]))) {
        const hearth_status status = load(t, &error);
        tell(t, status, &error);
    }
}

hearth_status http_tls_reload(http_tls *t, hearth_error *error)
{
    pthread_mutex_lock(&t->lock);
    const hearth_status status = load(t, error);
    pthread_mutex_unlock(&t->lock);
    return status;
}

hearth_status http_tls_open(const char *certificate, const char *key, http_tls_told_fn told, void *context,
                            http_tls **ret, hearth_error *error)
{
    http_tls *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return error_memory(error, sizeof *t);
    }
    pthread_mutex_init(&t->lock, NULL);
    buffer_init(&t->certificate, 0);
    buffer_init(&t->key, 0);
    t->told = told;
    t->told_context = context;
    t->certificate_path = mem_strdup(certificate);
    t->key_path = mem_strdup(key);
    const bool made = t->certificate_path != NULL && t->key_path != NULL;
    const hearth_status status = made ? http_tls_reload(t, error) : error_memory(error, strlen(certificate));
    if (status != HEARTH_OK) {
        http_tls_close(t);
        return status;
    }
    atomic_store(&current, t);
    *ret = t;
    return HEARTH_OK;
}

void http_tls_close(http_tls *t)
{
    if (t == NULL) {
        return;
    }
    http_tls *own = t;
    (void)atomic_compare_exchange_strong(&current, &own, NULL);
    buffer_free(&t->certificate);
    free_secret(&t->key);
    mem_free(t->certificate_path);
    mem_free(t->key_path);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

/* ---- for a connection ---- */

/* With the lock. What is made here GnuTLS frees with the connection. */
static int import(const http_tls *t, gnutls_pcert_st **ret_certificates, unsigned *ret_count, gnutls_privkey_t *ret_key)
{
    const gnutls_datum_t certificate = datum_of(&t->certificate), key = datum_of(&t->key);
    unsigned count = MOST_CERTIFICATES;
    gnutls_pcert_st *list = gnutls_calloc(count, sizeof *list);
    if (list == NULL) {
        return GNUTLS_E_MEMORY_ERROR;
    }
    int code = gnutls_pcert_list_import_x509_raw(list, &count, &certificate, GNUTLS_X509_FMT_PEM, 0);
    gnutls_privkey_t made = NULL;
    code = code >= 0 ? gnutls_privkey_init(&made) : code;
    const int imported = code >= 0 ? gnutls_privkey_import_x509_raw(made, &key, GNUTLS_X509_FMT_PEM, NULL, 0) : code;
    if (imported < 0) {
        for (unsigned i = 0; code >= 0 && i < count; i++) {
            gnutls_pcert_deinit(&list[i]);
        }
        gnutls_privkey_deinit(made);
        gnutls_free(list);
        return imported;
    }
    *ret_certificates = list;
    *ret_count = count;
    *ret_key = made;
    return 0;
}

int http_tls_retrieve(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                      gnutls_pcert_st **ret_certificates, unsigned *ret_count, gnutls_ocsp_data_st **ret_ocsp,
                      unsigned *ret_ocsp_count, gnutls_privkey_t *ret_key, unsigned *ret_flags)
{
    (void)session;
    (void)info;
    http_tls *t = atomic_load(&current);
    if (t == NULL) {
        return -1;
    }
    pthread_mutex_lock(&t->lock);
    look(t);
    const int code = import(t, ret_certificates, ret_count, ret_key);
    pthread_mutex_unlock(&t->lock);
    *ret_ocsp = NULL;
    *ret_ocsp_count = 0;
    *ret_flags = GNUTLS_CERT_RETR_DEINIT_ALL;
    return code < 0 ? -1 : 0;
}
