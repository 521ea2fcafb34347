/* URLs: origins and escapes. Taking apart and joining is libcurl's. */
#include "net/url.h"

#include "base/memory.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* One part of a URL; NULL where there is none or the URL is no URL. Freed with curl_free. */
static char *part_of(const char *url, CURLUPart which)
{
    char *part = NULL;
    CURLU *parsed = curl_url();
    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        (void)curl_url_get(parsed, which, &part, CURLU_DEFAULT_PORT);
    }
    curl_url_cleanup(parsed);
    return part;
}

bool url_same_origin(const char *a, const char *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    bool same = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && same; i++) {
        char *one = part_of(a, parts[i]);
        char *other = part_of(b, parts[i]);
        same = one != NULL && other != NULL && strcasecmp(one, other) == 0;
        curl_free(one);
        curl_free(other);
    }
    return same;
}

bool url_is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

bool url_is_web(const char *url)
{
    return url_is_https(url) || strncasecmp(url, "http://", 7) == 0;
}

bool url_is_own_machine(const char *url)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    char *host = part_of(url, CURLUPART_HOST);
    bool own = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && host != NULL; i++) {
        own = own || strcasecmp(host, names[i]) == 0;
    }
    curl_free(host);
    return own;
}

const char *url_shown(const char *url, char *ret, size_t size)
{
    const char *host = strstr(url, "://");
    const size_t scheme = host != NULL ? (size_t)(host - url) + 3 : 0;
    const char *rest = url + scheme;
    const size_t length = strcspn(rest, "?#");
    size_t begin = 0;
    for (size_t i = 0; i < length && rest[i] != '/'; i++) {
        begin = rest[i] == '@' ? i + 1 : begin;
    }
    (void)snprintf(ret, size, "%.*s%.*s", (int)scheme, url, (int)(length - begin), rest + begin);
    return ret;
}

char *url_escape(const char *text, const char *keep)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    const size_t length = strlen(text);
    char *made = mem_alloc(3 * length + 1);
    size_t at = 0;
    for (size_t i = 0; made != NULL && i < length; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (strchr(plain, c) != NULL || strchr(keep, c) != NULL) {
            made[at++] = text[i];
        } else {
            made[at++] = '%';
            made[at++] = digits[c >> 4];
            made[at++] = digits[c & 15];
        }
    }
    if (made != NULL) {
        made[at] = '\0';
    }
    return made;
}
