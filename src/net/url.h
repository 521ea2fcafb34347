/* The little that has to be known of URLs: where they lead, and what of them may be shown. */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Scheme, host and port are the same: a token for one may go to the other. */
bool url_same_origin(const char *a, const char *b);
bool url_is_https(const char *url);
/* http or https, whatever the letters' case. */
bool url_is_web(const char *url);
/* Its host is localhost, 127.0.0.1 or [::1]: what goes there leaves no machine. */
bool url_is_own_machine(const char *url);
/* Without user, query and fragment, which may be secrets, and cut to `size`; for errors. Returns ret. */
const char *url_shown(const char *url, char *ret, size_t size);
/* A segment of a path, %XX for everything but letters, digits and "-._~"; `keep` are let through, too. Freed with
 * mem_free; NULL when memory is out. */
char *url_escape(const char *text, const char *keep);

#endif
