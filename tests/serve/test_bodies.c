/* The bodies of all requests have a bound together. */
#include "net/http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY_BYTES 60000

static bool admit(void *context, http_call *c)
{
    (void)context;
    (void)c;
    return true;
}

static void handle(void *context, http_call *c)
{
    char text[32];
    (void)context;
    snprintf(text, sizeof text, "%zu", http_call_body(c)->length);
    http_call_answer(c, 200, "text/plain", text, strlen(text));
}

static void refuse(void *context, http_call *c, unsigned status, const char *why)
{
    (void)context;
    http_call_answer(c, status, "text/plain", why, strlen(why));
}

static int reach(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(s, (struct sockaddr *)&address, sizeof address), 0);
    return s;
}

static void put(int s, const char *bytes, size_t length)
{
    while (length > 0) {
        const ssize_t sent = send(s, bytes, length, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void put_head(int s)
{
    char head[128];
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
             BODY_BYTES);
    put(s, head, strlen(head));
}

/* Its status; closes. */
static int answer_of(int s)
{
    char text[1024] = "";
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length<sizeof text - 1; length += got> 0 ? (size_t)got : 0) {
        got = recv(s, text + length, sizeof text - 1 - length, 0);
    }
    (void)close(s);
    assert_true(strncmp(text, "HTTP/1.1 ", 9) == 0);
    return (int)strtol(text + 9, NULL, 10);
}

static int ask(unsigned port)
{
    static const char body[BODY_BYTES];
    const int s = reach(port);
    put_head(s);
    put(s, body, sizeof body);
    return answer_of(s);
}

static void bodies_together_are_bounded(void **state)
{
    static const char body[BODY_BYTES];
    const http_server_options options = {
        .host = "127.0.0.1", .most_bodies = 100000, .admit = admit, .handle = handle, .refuse = refuse};
    http_server *server = NULL;
    (void)state;
    assert_int_equal(http_server_start(&options, &server, NULL), HEARTH_OK);
    const unsigned port = http_server_port(server);
    for (int i = 0; i < 4; i++) { /* one behind the other */
        assert_int_equal(ask(port), 200);
    }
    const int slow = reach(port);
    put_head(slow);
    put(slow, body, sizeof body - 1);
    int status = 200; /* until the server has read it */
    for (int i = 0; i < 2000 && status == 200; i++) {
        status = ask(port);
    }
    assert_int_equal(status, 503);
    put(slow, body, 1);
    assert_int_equal(answer_of(slow), 200);
    for (int i = 0; i < 2000 && status != 200; i++) { /* it is let go a moment later */
        status = ask(port);
    }
    assert_int_equal(status, 200);
    http_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies_together_are_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
