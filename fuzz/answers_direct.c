/* What net/http.c calls of libcurl, twice: libcurl's own functions, or a stand-in that reads an answer where it lies.
 * libcurl makes a handle, two sockets and a poll of each request, which takes ten times as long as what is looked at
 * here. The stand-in gives the caller what libcurl gives it, in the same order, and is less strict: https is answered
 * as http is, and bodies come in two pieces. The linker's --wrap leads here. NOLINTBEGIN: it names the functions, too
 */
#include "answers.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HANDLES_MOST 8

CURL *answers_easy_init(void);
CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __real_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);
void __real_curl_easy_cleanup(CURL *easy);
CURLM *__real_curl_multi_init(void);
CURLMcode __real_curl_multi_cleanup(CURLM *multi);
CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __real_curl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode __real_curl_multi_perform(CURLM *multi, int *running);
CURLMcode __real_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned count, int timeout, int *ready);
CURLMsg *__real_curl_multi_info_read(CURLM *multi, int *left);

typedef struct handle {
    curl_write_callback on_header, on_body;
    void *header_context, *body_context;
    char *private;
    const struct curl_slist *lines;
    char *url, *redirect;
    bool head, done, told;
    long code;
    CURLMsg message;
} handle;

/* What an answer's header says of its body. */
typedef struct head {
    bool chunked, sized;
    uint64_t length;
    char *location;
} head;

typedef struct text {
    const uint8_t *at, *end;
} text;

static handle *added[HANDLES_MOST];
static int the_multi;

/* ---- requests ---- */

static char *part(CURLU *url, CURLUPart which)
{
    char *value = NULL;
    (void)curl_url_get(url, which, &value, CURLU_DEFAULT_PORT);
    return value;
}

static bool leads_to_hub(CURLU *url)
{
    char *scheme = part(url, CURLUPART_SCHEME);
    char *host = part(url, CURLUPART_HOST);
    char *port = part(url, CURLUPART_PORT);
    char place[300];
    snprintf(place, sizeof place, "%s:%s", host != NULL ? host : "", port != NULL ? port : "");
    const bool hub = scheme != NULL && strcmp(scheme, "http") == 0 && strcmp(place, ANSWERS_HUB) == 0;
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return hub;
}

static void check_request(const handle *h, CURLU *url)
{
    answers_must(strstr(h->url, ANSWERS_TOKEN) == NULL, "the token is in a URL");
    for (const struct curl_slist *line = h->lines; line != NULL; line = line->next) {
        answers_must(strpbrk(line->data, "\r\n") == NULL, "a request's line has an end in it");
        answers_must(strstr(line->data, ANSWERS_TOKEN) == NULL || leads_to_hub(url), "the token went to another host");
    }
}

/* ---- answers ---- */

static bool take_line(text *t, text *ret)
{
    const uint8_t *end = t->at < t->end ? memchr(t->at, '\n', (size_t)(t->end - t->at)) : NULL;
    if (end == NULL) {
        return false;
    }
    *ret = (text){t->at, end + 1};
    t->at = end + 1;
    return true;
}

static bool hand(curl_write_callback to, void *context, const uint8_t *bytes, size_t length)
{
    static char copy[CURL_MAX_WRITE_SIZE];
    for (size_t some; length > 0; bytes += some, length -= some) {
        some = length < sizeof copy ? length : sizeof copy;
        memcpy(copy, bytes, some); /* whoever writes into it writes into ours */
        if (to(copy, 1, some, context) != some) {
            return false;
        }
    }
    return true;
}

static CURLcode hand_body(const handle *h, const uint8_t *bytes, size_t length)
{
    const size_t first = (length + 1) / 2;
    return hand(h->on_body, h->body_context, bytes, first) &&
                   hand(h->on_body, h->body_context, bytes + first, length - first)
               ? CURLE_OK
               : CURLE_WRITE_ERROR;
}

static CURLcode chunked_body(const handle *h, text t)
{
    text line;
    while (take_line(&t, &line)) {
        char *end = NULL;
        char digits[20];
        snprintf(digits, sizeof digits, "%.*s", (int)(line.end - line.at < 19 ? line.end - line.at : 19),
                 (const char *)line.at);
        const unsigned long long size = strtoull(digits, &end, 16);
        if (end == digits || digits[0] == '-') {
            return CURLE_RECV_ERROR;
        }
        if (size == 0) {
            return CURLE_OK;
        }
        const size_t there = (size_t)(t.end - t.at);
        const CURLcode code = hand_body(h, t.at, size < there ? (size_t)size : there);
        if (code != CURLE_OK || size > there) {
            return code != CURLE_OK ? code : CURLE_PARTIAL_FILE;
        }
        t.at += size;
        t.at += t.end - t.at >= 2 && memcmp(t.at, "\r\n", 2) == 0 ? 2 : 0;
    }
    return CURLE_PARTIAL_FILE;
}

static CURLcode body(const handle *h, const head *of, text t)
{
    if (h->head || h->code == 204 || h->code == 304) {
        return CURLE_OK;
    }
    if (of->chunked) {
        return chunked_body(h, t);
    }
    const size_t there = (size_t)(t.end - t.at);
    const bool some = of->sized && of->length < there;
    const CURLcode code = hand_body(h, t.at, some ? (size_t)of->length : there);
    return code == CURLE_OK && of->sized && of->length > there ? CURLE_PARTIAL_FILE : code;
}

/* The value of a header line of this name, without what is around it; NULL. */
static const char *value_of(text line, const char *name, size_t *ret_length)
{
    const char *at = (const char *)line.at;
    const char *end = (const char *)line.end;
    const size_t length = strlen(name);
    if ((size_t)(end - at) <= length || strncasecmp(at, name, length) != 0) {
        return NULL;
    }
    at += length;
    for (; at < end && (*at == ' ' || *at == '\t'); at++) {
    }
    for (; end > at && (end[-1] == '\n' || end[-1] == '\r' || end[-1] == ' '); end--) {
    }
    *ret_length = (size_t)(end - at);
    return at;
}

static bool read_line(const handle *h, text line, head *ret)
{
    size_t length = 0;
    const char *value = value_of(line, "Content-Length:", &length);
    if (value != NULL) {
        char digits[24];
        char *end = NULL;
        snprintf(digits, sizeof digits, "%.*s", (int)(length < 23 ? length : 23), value);
        ret->length = strtoull(digits, &end, 10);
        ret->sized = end != digits;
        return ret->sized && digits[0] != '-';
    }
    value = value_of(line, "Transfer-Encoding:", &length);
    ret->chunked = ret->chunked || (value != NULL && length >= 7 && strncasecmp(value, "chunked", 7) == 0);
    value = value_of(line, "Location:", &length);
    if (value != NULL && length > 0 && ret->location == NULL && h->code >= 300 && h->code < 400) {
        ret->location = strndup(value, length);
    }
    return true;
}

static bool read_status(handle *h, text line)
{
    const char *at = (const char *)line.at;
    if (line.end - line.at < 13 || strncmp(at, "HTTP/", 5) != 0 || at[8] != ' ') {
        return false;
    }
    h->code = 0;
    for (int i = 9; i < 12; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        h->code = 10 * h->code + at[i] - '0';
    }
    return true;
}

/* A header and its end; interim answers before it. */
static CURLcode read_head(handle *h, text *t, head *ret)
{
    text line;
    while (take_line(t, &line)) {
        if (!read_status(h, line)) {
            return CURLE_WEIRD_SERVER_REPLY;
        }
        *ret = (head){.location = ret->location};
        do {
            if (!hand(h->on_header, h->header_context, line.at, (size_t)(line.end - line.at))) {
                return CURLE_WRITE_ERROR;
            }
            if (line.end - line.at <= 2 && (line.at[0] == '\n' || line.at[0] == '\r')) {
                if (h->code / 100 != 1) {
                    return CURLE_OK;
                }
                break;
            }
            if (!read_line(h, line, ret)) {
                return CURLE_WEIRD_SERVER_REPLY;
            }
        } while (take_line(t, &line));
    }
    t->at = t->end; /* cut off within the header */
    return h->code != 0 ? CURLE_OK : CURLE_WEIRD_SERVER_REPLY;
}

/* As CURLINFO_REDIRECT_URL. */
static void follow(handle *h, CURLU *url, char *location)
{
    if (location != NULL &&
        curl_url_set(url, CURLUPART_URL, location, CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) == CURLUE_OK) {
        (void)curl_url_get(url, CURLUPART_URL, &h->redirect, 0);
    } else if (location != NULL) {
        h->redirect = strdup(location);
    }
    free(location);
}

static CURLcode transfer(handle *h, CURLU *url)
{
    if (curl_url_set(url, CURLUPART_URL, h->url, 0) != CURLUE_OK) {
        return CURLE_URL_MALFORMAT;
    }
    if (strncasecmp(h->url, "http://", 7) != 0 && strncasecmp(h->url, "https://", 8) != 0) {
        return CURLE_UNSUPPORTED_PROTOCOL;
    }
    check_request(h, url);
    size_t size = 0;
    head of = {0};
    const uint8_t *answer = answers_next(&size);
    if (size == 0) {
        return CURLE_GOT_NOTHING;
    }
    text t = {answer, answer + size};
    CURLcode code = read_head(h, &t, &of);
    code = code == CURLE_OK ? body(h, &of, t) : code;
    follow(h, url, of.location);
    return code;
}

/* ---- libcurl's functions ---- */

CURL *__wrap_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void)
{
    return answers_are_direct ? calloc(1, sizeof(handle)) : answers_easy_init();
}

static void set(handle *h, CURLoption option, void *value)
{
    switch (option) {
    case CURLOPT_PRIVATE:
        h->private = value;
        break;
    case CURLOPT_HEADERFUNCTION:
        h->on_header = (curl_write_callback)value;
        break;
    case CURLOPT_HEADERDATA:
        h->header_context = value;
        break;
    case CURLOPT_WRITEFUNCTION:
        h->on_body = (curl_write_callback)value;
        break;
    case CURLOPT_WRITEDATA:
        h->body_context = value;
        break;
    case CURLOPT_HTTPHEADER:
        h->lines = value;
        break;
    case CURLOPT_URL:
        free(h->url);
        h->url = strdup(value);
        break;
    case CURLOPT_NOBODY:
        h->head = value != NULL;
        break;
    default: /* times, sizes, certificates */
        break;
    }
}

/* A value is a pointer or a long, which are passed alike here. */
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list list;
    va_start(list, option);
    void *value = va_arg(list, void *);
    va_end(list);
    if (!answers_are_direct) {
        return __real_curl_easy_setopt(easy, option, value);
    }
    set(easy, option, value);
    return CURLE_OK;
}

CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...);
CURLcode __wrap_curl_easy_getinfo(CURL *easy, CURLINFO info, ...)
{
    va_list list;
    va_start(list, info);
    void *value = va_arg(list, void *);
    va_end(list);
    if (!answers_are_direct) {
        return __real_curl_easy_getinfo(easy, info, value);
    }
    const handle *h = easy;
    switch (info) {
    case CURLINFO_RESPONSE_CODE:
        *(long *)value = h->code;
        break;
    case CURLINFO_PRIVATE:
        *(char **)value = h->private;
        break;
    case CURLINFO_REDIRECT_URL:
        *(char **)value = h->redirect;
        break;
    default:
        answers_must(false, "a question that the stand-in does not know");
    }
    return CURLE_OK;
}

void __wrap_curl_easy_cleanup(CURL *easy);
void __wrap_curl_easy_cleanup(CURL *easy)
{
    handle *h = easy;
    if (!answers_are_direct) {
        __real_curl_easy_cleanup(easy);
        return;
    }
    free(h->url);
    curl_free(h->redirect);
    free(h);
}

CURLM *__wrap_curl_multi_init(void);
CURLM *__wrap_curl_multi_init(void)
{
    return answers_are_direct ? (CURLM *)&the_multi : __real_curl_multi_init();
}

CURLMcode __wrap_curl_multi_cleanup(CURLM *multi);
CURLMcode __wrap_curl_multi_cleanup(CURLM *multi)
{
    return answers_are_direct ? CURLM_OK : __real_curl_multi_cleanup(multi);
}

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    if (!answers_are_direct) {
        return __real_curl_multi_add_handle(multi, easy);
    }
    handle *h = easy;
    size_t at = 0;
    while (at < HANDLES_MOST && added[at] != NULL) {
        at++;
    }
    answers_must(at < HANDLES_MOST, "too many requests at once");
    added[at] = h;
    h->done = h->told = false;
    h->code = 0;
    curl_free(h->redirect);
    h->redirect = NULL;
    return CURLM_OK;
}

CURLMcode __wrap_curl_multi_remove_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_remove_handle(CURLM *multi, CURL *easy)
{
    for (size_t i = 0; i < HANDLES_MOST && answers_are_direct; i++) {
        added[i] = added[i] == easy ? NULL : added[i];
    }
    return answers_are_direct ? CURLM_OK : __real_curl_multi_remove_handle(multi, easy);
}

/* One request a call: others wait, as they do for a slow server. */
CURLMcode __wrap_curl_multi_perform(CURLM *multi, int *running);
CURLMcode __wrap_curl_multi_perform(CURLM *multi, int *running)
{
    if (!answers_are_direct) {
        return __real_curl_multi_perform(multi, running);
    }
    for (size_t i = 0; i < HANDLES_MOST; i++) {
        handle *h = added[i];
        if (h != NULL && !h->done) {
            CURLU *url = curl_url();
            h->message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = h, .data.result = transfer(h, url)};
            h->done = true;
            curl_url_cleanup(url);
            break;
        }
    }
    *running = 0;
    for (size_t i = 0; i < HANDLES_MOST; i++) {
        *running += added[i] != NULL && !added[i]->done;
    }
    return CURLM_OK;
}

CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned count, int timeout, int *ready);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *more, unsigned count, int timeout, int *ready)
{
    return answers_are_direct ? CURLM_OK : __real_curl_multi_poll(multi, more, count, timeout, ready);
}

CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left);
CURLMsg *__wrap_curl_multi_info_read(CURLM *multi, int *left)
{
    for (size_t i = 0; i < HANDLES_MOST && answers_are_direct; i++) {
        if (added[i] != NULL && added[i]->done && !added[i]->told) {
            added[i]->told = true;
            return &added[i]->message;
        }
    }
    return answers_are_direct ? NULL : __real_curl_multi_info_read(multi, left);
}
/* NOLINTEND */
