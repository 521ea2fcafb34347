/* HTTP by libcurl's multi interface. */
#define _GNU_SOURCE
#include "net/http.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/url.h"
#include "platform/cpu.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_DELAY_MS 250u
#define LAST_DELAY_MS 32000u
#define SLICE_MS 100
#define DROPPED_MOST ((size_t)16 << 20)

struct http_client {
    CURLM *multi;
    http_settings settings;
    const char *certificates; /* a file that the user named, or NULL */
};

struct http_exchange {
    CURL *easy;
    struct curl_slist *sent;
    char *url;    /* where it is now */
    char *origin; /* where the token may go */
    http_request request;
    buffer headers; /* lines "Name: value\n" of the last answer */
    unsigned redirects;
    uint64_t sent_bytes; /* of the body */
    size_t dropped;      /* bytes of bodies that nobody wants */
    long code;
    bool done;
    bool retryable;
    bool unknown_host;    /* its name led nowhere */
    hearth_status status; /* of the exchange, or of the sink */
    hearth_error error;
};

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- client ---- */

hearth_status http_client_create(const http_settings *settings, http_client **ret, hearth_error *error)
{
    static const char *const named[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE"};
    (void)pthread_once(&started, start_curl);
    http_client *client = mem_calloc(1, sizeof *client);
    if (client == NULL || (client->multi = curl_multi_init()) == NULL) {
        mem_free(client);
        return error_memory(error, sizeof *client);
    }
    client->settings = *settings;
    for (size_t i = 0; i < sizeof named / sizeof *named && client->certificates == NULL; i++) {
        const char *file = getenv(named[i]);
        client->certificates = file != NULL && file[0] != '\0' ? file : NULL;
    }
    *ret = client;
    return HEARTH_OK;
}

void http_client_free(http_client *client)
{
    if (client != NULL) {
        (void)curl_multi_cleanup(client->multi);
        mem_free(client);
    }
}

const char *http_library_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

static bool cancelled(const http_client *client)
{
    return client->settings.go_on != NULL && !client->settings.go_on(client->settings.go_on_context);
}

hearth_status http_wait_ms(const http_client *client, uint64_t delay_ms, hearth_error *error)
{
    const uint64_t end = time_now_ns() + delay_ms * 1000000;
    for (;;) {
        if (cancelled(client)) {
            return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
        }
        const uint64_t now = time_now_ns();
        if (now >= end) {
            return HEARTH_OK;
        }
        const uint64_t left = (end - now) / 1000000 + 1;
        (void)curl_multi_poll(client->multi, NULL, 0, left < SLICE_MS ? (int)left : SLICE_MS, NULL);
    }
}

/* ---- what comes in ---- */

/* A header line, with its end; an interim answer's or a redirect's are forgotten when the next one begins. */
static size_t on_header(char *line, size_t one, size_t length, void *context)
{
    (void)one;
    http_exchange *x = context;
    if (length >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        buffer_clear(&x->headers);
        return length;
    }
    if (memchr(line, '\0', length) != NULL || buffer_append(&x->headers, line, length, &x->error) != HEARTH_OK) {
        x->status = x->error.status != HEARTH_OK
                        ? x->error.status
                        : error_set(&x->error, HEARTH_E_FORMAT, "header", "text", "a NUL byte");
        return 0;
    }
    return length;
}

static bool is_redirect(long code)
{
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
}

/* "identity" was asked for, and nothing is unpacked here: what comes packed all the same is no answer, and what a small
 * answer would unpack to costs nothing. */
static hearth_status check_encoding(http_exchange *x)
{
    const char *encoding = http_header(x, "Content-Encoding");
    const size_t length = encoding != NULL ? strcspn(encoding, "\r\n") : 0;
    if (length == 0 || (length == 8 && strncasecmp(encoding, "identity", 8) == 0)) {
        return HEARTH_OK;
    }
    return error_set(&x->error, HEARTH_E_FORMAT, "Content-Encoding", "identity", "%.*s",
                     (int)(length < 40 ? length : 40), encoding);
}

static size_t on_body(char *bytes, size_t one, size_t length, void *context)
{
    (void)one;
    http_exchange *x = context;
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->code);
    if (x->code < 200 || x->code >= 300 || x->request.sink == NULL || length == 0) {
        x->dropped += length;
        return x->dropped <= DROPPED_MOST ? length : 0; /* an error's page */
    }
    x->status = check_encoding(x);
    if (x->status != HEARTH_OK) {
        return 0;
    }
    x->status = x->request.sink(x->request.sink_context, x, bytes, length, &x->error);
    return x->status == HEARTH_OK ? length : 0;
}

const char *http_header(const http_exchange *x, const char *name)
{
    /* Values are terminated in place when the exchange is done (finish_headers): "Name: value\0". */
    const size_t length = strlen(name);
    if (x->headers.data == NULL) {
        return NULL; /* an answer without a line */
    }
    const char *end = x->headers.data + x->headers.length;
    for (const char *line = x->headers.data; line < end;) {
        const size_t span = strcspn(line, "\r\n");
        if (span > length && strncasecmp(line, name, length) == 0 && line[length] == ':') {
            return line + length + 1 + strspn(line + length + 1, " \t");
        }
        line += span + 1;
    }
    return NULL;
}

bool http_header_number(const http_exchange *x, const char *name, uint64_t *ret)
{
    const char *text = http_header(x, name);
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    char *end = NULL;
    const unsigned long long number = strtoull(text, &end, 10);
    const bool whole = *end == '\0' || *end == '\r' || *end == '\n' || *end == ' ';
    if (whole && number <= LIMIT_DOWNLOAD_BYTES) {
        *ret = number;
    }
    return whole && number <= LIMIT_DOWNLOAD_BYTES;
}

bool http_content_range(const http_exchange *x, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total)
{
    unsigned long long first = 0, last = 0, total = 0;
    const char *text = http_header(x, "Content-Range");
    if (text == NULL || sscanf(text, "bytes %llu-%llu/%llu", &first, &last, &total) != 3 || first > last ||
        last >= total || total > LIMIT_DOWNLOAD_BYTES) {
        return false;
    }
    *ret_first = first;
    *ret_last = last;
    *ret_total = total;
    return true;
}

long http_code(const http_exchange *x)
{
    return x->code;
}

const char *http_url(const http_exchange *x)
{
    return x->url;
}

/* ---- begin and end ---- */

static bool add_plain(http_exchange *x, const char *line)
{
    struct curl_slist *grown = line != NULL ? curl_slist_append(x->sent, line) : NULL;
    x->sent = grown != NULL ? grown : x->sent;
    return grown != NULL;
}

static bool add_line(http_exchange *x, const char *name, const char *before, const char *value)
{
    char *line = text_format("%s: %s%s", name, before, value);
    const bool good = add_plain(x, line);
    mem_free(line);
    return good;
}

/* The request's lines, for the place where the exchange is now. */
static bool set_lines(http_exchange *x)
{
    const http_request *r = &x->request;
    curl_slist_free_all(x->sent);
    x->sent = NULL;
    bool good = add_line(x, "Accept-Encoding", "", "identity"); /* lengths and ranges are the file's own */
    if (r->accept != NULL) {
        good = good && add_line(x, "Accept", "", r->accept);
    }
    if (r->token != NULL && url_same_origin(x->url, x->origin)) {
        good = good && add_line(x, "Authorization", "Bearer ", r->token);
    }
    if (r->post || r->put) {
        good = good && add_plain(x, "Expect:"); /* nobody waits for "100 Continue" */
        good = good && (r->content_type == NULL || add_line(x, "Content-Type", "", r->content_type));
    }
    for (size_t i = 0; r->lines != NULL && r->lines[i] != NULL && url_same_origin(x->url, x->origin); i++) {
        good = good && add_plain(x, r->lines[i]);
    }
    if (r->ranged) {
        char range[64];
        (void)snprintf(range, sizeof range, "bytes=%llu-%llu", (unsigned long long)r->first,
                       (unsigned long long)r->last);
        good = good && add_line(x, "Range", "", range);
        good = good && (r->if_range == NULL || add_line(x, "If-Range", "", r->if_range));
    }
    return good && curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->sent) == CURLE_OK &&
           curl_easy_setopt(x->easy, CURLOPT_URL, x->url) == CURLE_OK;
}

static size_t on_send(char *out, size_t one, size_t most, void *context)
{
    http_exchange *x = context;
    const uint64_t left = x->request.body_bytes - x->sent_bytes;
    const size_t room = one * most < left ? one * most : (size_t)left;
    size_t length = 0;
    if (room == 0) {
        return 0;
    }
    if (!x->request.source(x->request.source_context, x->sent_bytes, out, room, &length) || length == 0) {
        return CURL_READFUNC_ABORT;
    }
    x->sent_bytes += length;
    return length;
}

/* A connection that was closed before it took the body: from the beginning, over another. */
static int on_rewind(void *context, curl_off_t offset, int from)
{
    http_exchange *x = context;
    if (from != SEEK_SET || offset < 0 || (uint64_t)offset > x->request.body_bytes) {
        return CURL_SEEKFUNC_FAIL;
    }
    x->sent_bytes = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static void set_body(http_exchange *x)
{
    const http_request *r = &x->request;
    x->sent_bytes = 0;
    if (r->post) {
        (void)curl_easy_setopt(x->easy, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes);
    } else if (r->put) {
        (void)curl_easy_setopt(x->easy, CURLOPT_UPLOAD, 1L);
        (void)curl_easy_setopt(x->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_bytes);
    }
    if (r->post || r->put) {
        (void)curl_easy_setopt(x->easy, CURLOPT_READFUNCTION, on_send);
        (void)curl_easy_setopt(x->easy, CURLOPT_READDATA, (void *)x);
        (void)curl_easy_setopt(x->easy, CURLOPT_SEEKFUNCTION, on_rewind);
        (void)curl_easy_setopt(x->easy, CURLOPT_SEEKDATA, (void *)x);
        (void)curl_easy_setopt(x->easy, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    }
}

static void set_options(const http_client *client, http_exchange *x)
{
    const http_settings *s = &client->settings;
    CURL *easy = x->easy;
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)x);
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* we follow: rules of our own */
    (void)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOBODY, x->request.head ? 1L : 0L);
    set_body(x);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "hearth/" HEARTH_VERSION);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, (void *)x);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)x);
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a range a connection */
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, s->connect_timeout_s > 0 ? s->connect_timeout_s : 10L);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, s->stall_timeout_s > 0 ? s->stall_timeout_s : 30L);
    if (client->certificates != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, client->certificates);
    }
}

hearth_status http_begin(http_client *client, const http_request *request, http_exchange **ret, hearth_error *error)
{
    if (!url_is_web(request->url)) {
        return error_set(error, HEARTH_E_ARGUMENT, "URL", "http:// or https://", "\"%.160s\"", request->url);
    }
    http_exchange *x = mem_calloc(1, sizeof *x);
    if (x == NULL) {
        return error_memory(error, sizeof *x);
    }
    x->request = *request;
    buffer_init(&x->headers, LIMIT_HTTP_HEADER_BYTES);
    x->easy = curl_easy_init();
    x->url = mem_strdup(request->url);
    x->origin = mem_strdup(request->url);
    bool good = x->easy != NULL && x->url != NULL && x->origin != NULL;
    if (good) {
        set_options(client, x);
        good = set_lines(x) && curl_multi_add_handle(client->multi, x->easy) == CURLM_OK;
    }
    if (!good) {
        http_end(client, x);
        return error_memory(error, sizeof *x);
    }
    *ret = x;
    return HEARTH_OK;
}

void http_end(http_client *client, http_exchange *x)
{
    if (x == NULL) {
        return;
    }
    if (x->easy != NULL) {
        (void)curl_multi_remove_handle(client->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    curl_slist_free_all(x->sent);
    buffer_free(&x->headers);
    mem_free(x->url);
    mem_free(x->origin);
    mem_free(x);
}

/* ---- going on ---- */

static hearth_status fail(http_exchange *x, hearth_status status, const char *expected, const char *found)
{
    char shown[200];
    x->status = error_set(&x->error, status, NULL, expected, "%.300s", found);
    error_in_file(&x->error, url_shown(x->url, shown, sizeof shown));
    return status;
}

/* "/path" and "path" are relative; "//host/path" and "scheme:" are not. */
static bool is_relative(const char *location)
{
    const size_t scheme = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return strncmp(location, "//", 2) != 0 && location[scheme] != ':';
}

/* Takes a redirect; *ret_again: the exchange goes on at another place. */
static hearth_status redirect(const http_client *client, http_exchange *x, bool *ret_again)
{
    const char *location = http_header(x, "Location");
    char *target = NULL;
    (void)curl_easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &target);
    if (location == NULL || target == NULL) {
        return fail(x, HEARTH_E_FORMAT, "a redirect that says where", "none in it");
    }
    if (x->request.stay && !is_relative(location) &&
        (http_header(x, "X-Linked-Etag") != NULL || http_header(x, "ETag") != NULL)) {
        return HEARTH_OK;
    }
    if ((x->request.post || x->request.put) && (x->code < 307 || !url_same_origin(target, x->origin))) {
        return fail(x, HEARTH_E_FORMAT, "an answer to what was sent", "a redirect");
    }
    if (!url_is_web(target)) {
        return fail(x, HEARTH_E_FORMAT, "a redirect to http or https", "another scheme");
    }
    if (url_is_https(x->url) && !url_is_https(target)) {
        return fail(x, HEARTH_E_FORMAT, "a redirect that stays encrypted", "one from https to http");
    }
    if (++x->redirects > LIMIT_REDIRECTS) {
        char found[64];
        (void)snprintf(found, sizeof found, "more than %u redirects", LIMIT_REDIRECTS);
        return fail(x, HEARTH_E_LIMIT, NULL, found);
    }
    char *copy = mem_strdup(target);
    if (copy == NULL) {
        return fail(x, HEARTH_E_MEMORY, NULL, "out of memory");
    }
    mem_free(x->url);
    x->url = copy;
    /* A handle for each answer: libcurl 7.88 keeps a pointer to the last header of the answer before, and reads it when
     * the next one begins with a folded line. */
    (void)curl_multi_remove_handle(client->multi, x->easy);
    curl_easy_cleanup(x->easy);
    x->easy = curl_easy_init();
    if (x->easy == NULL) {
        return fail(x, HEARTH_E_MEMORY, NULL, "out of memory");
    }
    set_options(client, x);
    if (!set_lines(x) || curl_multi_add_handle(client->multi, x->easy) != CURLM_OK) {
        return fail(x, HEARTH_E_MEMORY, NULL, "out of memory");
    }
    *ret_again = true;
    return HEARTH_OK;
}

static bool is_broken_connection(CURLcode result)
{
    static const CURLcode codes[] = {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
                                     CURLE_OPERATION_TIMEDOUT,   CURLE_GOT_NOTHING,           CURLE_RECV_ERROR,
                                     CURLE_SEND_ERROR,           CURLE_PARTIAL_FILE,          CURLE_SSL_CONNECT_ERROR,
                                     CURLE_WEIRD_SERVER_REPLY};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == result) {
            return true;
        }
    }
    return false;
}

static bool is_passing_code(long code)
{
    return code == 408 || code == 429 || code == 500 || code == 502 || code == 503 || code == 504;
}

/* The transfer ended; is the exchange done with that? */
static bool is_done(const http_client *client, http_exchange *x, CURLcode result)
{
    (void)curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &x->code);
    bool again = false;
    if (x->status != HEARTH_OK) { /* the sink's word goes first */
        char shown[200];
        error_in_file(&x->error, url_shown(x->url, shown, sizeof shown));
    } else if (result != CURLE_OK) {
        (void)fail(x, HEARTH_E_IO, NULL, curl_easy_strerror(result));
        x->retryable = is_broken_connection(result);
        x->unknown_host = result == CURLE_COULDNT_RESOLVE_HOST;
    } else if (is_redirect(x->code)) {
        (void)redirect(client, x, &again);
    } else {
        x->retryable = is_passing_code(x->code);
    }
    return !again;
}

/* Lines become terminated values. */
static void finish_headers(http_exchange *x)
{
    for (size_t i = 0; i < x->headers.length; i++) {
        if (x->headers.data[i] == '\r' || x->headers.data[i] == '\n') {
            x->headers.data[i] = '\0';
        }
    }
}

static http_exchange *next_done(const http_client *client)
{
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        http_exchange *x = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
        if (message->msg == CURLMSG_DONE && is_done(client, x, message->data.result)) {
            x->done = true;
            finish_headers(x);
            return x;
        }
    }
    return NULL;
}

hearth_status http_step(http_client *client, int timeout_ms, http_exchange **ret, hearth_error *error)
{
    int running = 0;
    *ret = next_done(client);
    if (*ret != NULL) {
        return HEARTH_OK;
    }
    if (cancelled(client)) {
        return error_set(error, HEARTH_E_CANCELLED, NULL, NULL, "stopped");
    }
    CURLMcode code = curl_multi_perform(client->multi, &running);
    *ret = next_done(client);
    if (*ret == NULL && code == CURLM_OK) {
        code = curl_multi_poll(client->multi, NULL, 0, timeout_ms, NULL);
    }
    if (code != CURLM_OK) {
        return error_set(error, code == CURLM_OUT_OF_MEMORY ? HEARTH_E_MEMORY : HEARTH_E_IO, NULL, NULL, "%s",
                         curl_multi_strerror(code));
    }
    return HEARTH_OK;
}

hearth_status http_outcome(const http_exchange *x, hearth_error *error)
{
    if (x->status != HEARTH_OK && error != NULL) {
        *error = x->error;
    }
    return x->status;
}

/* ---- what it came to ---- */

bool http_may_retry(const http_exchange *x)
{
    return x->retryable;
}

uint64_t http_retry_delay_ms(const http_exchange *x, unsigned attempt)
{
    uint64_t seconds = 0;
    if (is_passing_code(x->code) && http_header_number(x, "Retry-After", &seconds)) {
        return 1000 * (seconds < LIMIT_RETRY_AFTER_S ? seconds : LIMIT_RETRY_AFTER_S);
    }
    const unsigned doubled = attempt > 1 ? (attempt - 1 < 7 ? attempt - 1 : 7) : 0;
    const uint64_t delay = (uint64_t)FIRST_DELAY_MS << doubled;
    return delay < LAST_DELAY_MS ? delay : LAST_DELAY_MS;
}

hearth_status http_refused(const http_exchange *x, hearth_error *error)
{
    static const struct {
        const char *word, *says;
    } words[] = {
        {"RepoNotFound", "no such repository, or a private one (HF_TOKEN)"},
        {"RevisionNotFound", "no such revision"},
        {"EntryNotFound", "no such file"},
        {"GatedRepo", "its owner asks for agreement first: agree on its page, then set HF_TOKEN"},
    };
    char shown[200];
    const char *word = http_header(x, "X-Error-Code");
    const char *says = x->code == 401 || x->code == 403 ? "not allowed: it is private or asks for a token (HF_TOKEN)"
                       : x->code == 404                 ? "nothing there"
                       : x->code == 429                 ? "too many requests"
                                                        : "refused";
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++) {
        says = strcmp(word, words[i].word) == 0 ? words[i].says : says;
    }
    const hearth_status status =
        error_set(error, x->code == 404 ? HEARTH_E_NOT_FOUND : HEARTH_E_IO, NULL, NULL, "HTTP %ld, %s", x->code, says);
    error_in_file(error, url_shown(x->url, shown, sizeof shown));
    return status;
}

/* ---- one, with retries ---- */

static hearth_status append(void *context, const http_exchange *x, const void *bytes, size_t length,
                            hearth_error *error)
{
    (void)x;
    return buffer_append(context, bytes, length, error);
}

/* A host that nobody knows is most often a mistyped one, or there is no network: who waits wants to be told soon. */
static unsigned tries_again(const http_client *client, const http_exchange *x)
{
    return x->unknown_host && client->settings.retries > 2 ? 2 : client->settings.retries;
}

hearth_status http_fetch(http_client *client, const http_request *request, buffer *body, http_exchange **ret,
                         hearth_error *error)
{
    http_request own = *request;
    if (body != NULL) {
        own.sink = append;
        own.sink_context = body;
    }
    for (unsigned attempt = 1;; attempt++) {
        http_exchange *x = NULL;
        http_exchange *done = NULL;
        TRY(http_begin(client, &own, &x, error));
        hearth_status status = HEARTH_OK;
        while (status == HEARTH_OK && done == NULL) {
            status = http_step(client, SLICE_MS, &done, error);
        }
        const bool again = status == HEARTH_OK && http_may_retry(x) && attempt <= tries_again(client, x);
        const uint64_t delay = again ? http_retry_delay_ms(x, attempt) : 0;
        status = status == HEARTH_OK && !again ? http_outcome(x, error) : status;
        if (status == HEARTH_OK && !again) {
            *ret = x;
            return HEARTH_OK;
        }
        http_end(client, x);
        TRY(status);
        TRY(http_wait_ms(client, delay, error));
        if (body != NULL) {
            buffer_clear(body);
        }
    }
}
