/* The server's certificate and key: files in PEM that may be replaced while it runs. New connections get what is there
 * now, those that are open keep what they began with. */
#ifndef NET_HTTP_TLS_H
#define NET_HTTP_TLS_H

#include "base/error.h"

typedef struct http_tls http_tls;

typedef void (*http_tls_told_fn)(void *context, const char *line);

/* One at a time in a process: GnuTLS asks for a certificate without saying for whom. `told` hears of files that were
 * replaced, on the server's thread. */
hearth_status http_tls_open(const char *certificate, const char *key, http_tls_told_fn told, void *context,
                            http_tls **ret, hearth_error *error);
/* Reads the files again, now; a change is also seen by itself, at a connection. Where they are not good the old ones
 * stay. */
hearth_status http_tls_reload(http_tls *t, hearth_error *error);
/* When no server uses it any more. NULL is allowed. */
void http_tls_close(http_tls *t);

/* What GnuTLS is asked for: no protocol before TLS 1.2. */
#define HTTP_TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

/* For the daemon: a gnutls_certificate_retrieve_function3. */
struct gnutls_cert_retr_st;
struct gnutls_pcert_st;
struct gnutls_ocsp_data_st;
struct gnutls_session_int;
struct gnutls_privkey_st;
int http_tls_retrieve(struct gnutls_session_int *session, const struct gnutls_cert_retr_st *info,
                      struct gnutls_pcert_st **ret_certificates, unsigned *ret_count,
                      struct gnutls_ocsp_data_st **ret_ocsp, unsigned *ret_ocsp_count,
                      struct gnutls_privkey_st **ret_key, unsigned *ret_flags);

typedef int (*http_tls_retrieve_fn)(struct gnutls_session_int *, const struct gnutls_cert_retr_st *,
                                    struct gnutls_pcert_st **, unsigned *, struct gnutls_ocsp_data_st **, unsigned *,
                                    struct gnutls_privkey_st **, unsigned *);

#endif
