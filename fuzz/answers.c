/* The answers in their order, and libcurl itself over pairs of sockets: no name is looked up, nothing leads out. */
#define _GNU_SOURCE
#include "answers.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS_MOST 32

CURL *__real_curl_easy_init(void); /* NOLINT: the linker's --wrap names it so */
CURL *answers_easy_init(void);

bool answers_are_direct;
static const uint8_t *rest; /* answers that are still to come */
static size_t rest_size;
static int ours[SOCKETS_MOST]; /* the other ends of the sockets that were opened */
static size_t opened;

void answers_must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "fuzz_hub_reply: %s\n", what);
        abort();
    }
}

void answers_begin(bool direct, const uint8_t *data, size_t size)
{
    answers_are_direct = direct;
    rest = data;
    rest_size = size;
}

const uint8_t *answers_next(size_t *ret_size)
{
    const uint8_t *answer = rest;
    const uint8_t *end = rest_size > 0 ? memchr(rest, 0, rest_size) : NULL;
    const size_t length = end != NULL ? (size_t)(end - rest) : rest_size;
    rest += end != NULL ? length + 1 : length;
    rest_size -= end != NULL ? length + 1 : length;
    *ret_size = length;
    return answer;
}

/* The whole answer lies in the socket; then the connection ends. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    int pair[2];
    size_t length = 0;
    (void)context;
    (void)purpose;
    (void)address;
    if (opened == SOCKETS_MOST || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return CURL_SOCKET_BAD;
    }
    const uint8_t *answer = answers_next(&length);
    (void)!write(pair[1], answer, length);
    (void)shutdown(pair[1], SHUT_WR);
    ours[opened++] = pair[1];
    return pair[0];
}

/* libcurl's, before libc's own: both ends are there. */
__attribute__((visibility("default"))) int connect(int socket, const struct sockaddr *address, socklen_t length)
{
    (void)socket;
    (void)address;
    (void)length;
    return 0;
}

CURL *answers_easy_init(void)
{
    static struct curl_slist *here;
    CURL *easy = __real_curl_easy_init();
    here = here != NULL ? here : curl_slist_append(NULL, "::" ANSWERS_HUB);
    answers_must(easy != NULL && here != NULL, "curl_easy_init");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECT_TO, here);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    return easy;
}

void answers_end(void)
{
    for (size_t i = 0; i < opened; i++) {
        char request[8192];
        const ssize_t got = read(ours[i], request, sizeof request - 1);
        (void)close(ours[i]);
        if (got > 0) {
            request[got] = '\0';
            answers_must(strstr(request, ANSWERS_TOKEN) == NULL ||
                             strstr(request, "\r\nHost: " ANSWERS_HUB "\r\n") != NULL,
                         "the token went to another host");
        }
    }
    opened = 0;
}
