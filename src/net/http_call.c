/* A request and its answer. The server's thread reads, suspends and writes; whoever answers leaves bytes here and lets
 * the connection go on. */
#include "net/http_server_part.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "platform/cpu.h"

#include <stdio.h>
#include <string.h>

#define STREAM_BLOCK ((size_t)32 << 10)

/* Of all bodies in this process: a call may outlive its server. */
static atomic_size_t bodies_bytes;

/* ---- the request ---- */

http_call *http_call_create(http_server *s, const char *target)
{
    http_call *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->s = s;
    c->references = 1;
    c->since = time_seconds();
    c->path = mem_strdup(target);
    buffer_init(&c->body, s->o.most_body);
    buffer_init(&c->unsent, 0);
    buffer_init(&c->copy, 0);
    pthread_mutex_init(&c->gone_lock, NULL);
    pthread_mutex_init(&c->lock, NULL);
    if (c->path == NULL) {
        http_call_release(c);
        return NULL;
    }
    return c;
}

http_call *http_call_retain(http_call *c)
{
    atomic_fetch_add(&c->references, 1);
    return c;
}

void http_call_release(http_call *c)
{
    if (c == NULL || atomic_fetch_sub(&c->references, 1) > 1) {
        return;
    }
    if (c->drop != NULL) {
        c->drop(c->kept);
    }
    if (c->response != NULL) {
        MHD_destroy_response(c->response);
    }
    buffer_free(&c->body);
    atomic_fetch_sub(&bodies_bytes, c->body_bytes);
    buffer_free(&c->unsent);
    buffer_free(&c->copy);
    mem_free(c->path);
    mem_free(c->arguments);
    pthread_mutex_destroy(&c->gone_lock);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

bool http_call_reserve_body(http_call *c, size_t length)
{
    const size_t before = atomic_fetch_add(&bodies_bytes, length);
    c->body_bytes += length;
    return before <= c->s->o.most_bodies && length <= c->s->o.most_bodies - before;
}

/* In place. %00, half an escape and what is no UTF-8 are wrong. */
static bool decode(char *text, bool plus)
{
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        char c = plus && *in == '+' ? ' ' : *in;
        if (*in == '%') {
            const int high = text_hex_digit(in[1]);
            const int low = high < 0 ? -1 : text_hex_digit(in[2]);
            if (low < 0 || high * 16 + low == 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            in += 2;
        }
        *out++ = c;
    }
    *out = '\0';
    return utf8_valid(text, (size_t)(out - text));
}

bool http_call_decode(http_call *c)
{
    char *query = strchr(c->path, '?');
    if (query != NULL) {
        *query = '\0';
        c->arguments = mem_strdup(query + 1);
        if (c->arguments == NULL) {
            return false;
        }
    }
    size_t count = 0;
    for (char *at = c->arguments, *next = NULL; at != NULL && *at != '\0'; at = next) {
        next = strchr(at, '&');
        if (next != NULL) {
            *next++ = '\0';
        }
        char *value = strchr(at, '=');
        if (value != NULL) {
            *value++ = '\0';
        } else {
            value = at + strlen(at);
        }
        if (count++ == HTTP_ARGUMENTS || !decode(at, true) || !decode(value, true)) {
            return false;
        }
    }
    return c->path[0] == '/' && decode(c->path, false);
}

const char *http_call_method(const http_call *c)
{
    return c->method;
}

const char *http_call_path(const http_call *c)
{
    return c->path;
}

const char *http_call_header(const http_call *c, const char *name)
{
    return c->connection == NULL ? NULL : MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

const char *http_call_peer(const http_call *c)
{
    return c->peer;
}

const buffer *http_call_body(const http_call *c)
{
    return &c->body;
}

void http_call_keep(http_call *c, void *kept, void (*drop)(void *kept))
{
    c->kept = kept;
    c->drop = drop;
}

void *http_call_kept(const http_call *c)
{
    return c->kept;
}

/* ---- who has left ---- */

void http_call_tell_gone(http_call *c)
{
    pthread_mutex_lock(&c->gone_lock);
    pthread_mutex_lock(&c->lock);
    const bool tell = !c->complete;
    c->gone = c->gone || tell;
    pthread_mutex_unlock(&c->lock);
    if (tell && c->gone_fn != NULL) {
        const http_gone_fn fn = c->gone_fn;
        c->gone_fn = NULL;
        fn(c->gone_context);
    }
    pthread_mutex_unlock(&c->gone_lock);
}

void http_call_on_gone(http_call *c, http_gone_fn fn, void *context)
{
    pthread_mutex_lock(&c->gone_lock);
    c->gone_fn = fn;
    c->gone_context = context;
    if (fn != NULL && http_call_is_gone(c)) {
        c->gone_fn = NULL;
        fn(context);
    }
    pthread_mutex_unlock(&c->gone_lock);
}

bool http_call_is_gone(http_call *c)
{
    pthread_mutex_lock(&c->lock);
    const bool gone = c->gone;
    pthread_mutex_unlock(&c->lock);
    return gone;
}

/* ---- the answer ---- */

unsigned http_call_status(http_call *c)
{
    pthread_mutex_lock(&c->lock);
    const unsigned status = c->status;
    pthread_mutex_unlock(&c->lock);
    return status;
}

void http_call_copy_answer(http_call *c, size_t most)
{
    c->most_copied = most;
}

const buffer *http_call_answer_copy(const http_call *c)
{
    return &c->copy;
}

/* With the lock. A copy that memory has no room for is shorter. */
static void copy_bytes(http_call *c, const void *bytes, size_t length)
{
    const size_t room = c->most_copied > c->copy.length ? c->most_copied - c->copy.length : 0;
    if (room > 0) {
        (void)buffer_append(&c->copy, bytes, length < room ? length : room, NULL);
    }
}

void http_call_set_header(http_call *c, const char *name, const char *value)
{
    pthread_mutex_lock(&c->lock);
    const size_t most = sizeof c->header / sizeof *c->header;
    bool good = c->header_count < most && strlen(name) < sizeof c->header->name;
    good = good && strlen(value) < sizeof c->header->value;
    for (const char *at = value; good && *at != '\0'; at++) {
        good = (unsigned char)*at >= 0x20 && *at != 0x7F;
    }
    if (good) {
        memcpy(c->header[c->header_count].name, name, strlen(name) + 1);
        memcpy(c->header[c->header_count++].value, value, strlen(value) + 1);
    }
    pthread_mutex_unlock(&c->lock);
}

/* With the lock. The server's thread goes on with a connection that waits. */
static void go_on(http_call *c)
{
    if (c->suspended && c->connection != NULL) {
        c->suspended = false;
        MHD_resume_connection(c->connection);
    }
}

/* With the lock. Takes `response` over. */
static void set_answer(http_call *c, http_answer kind, unsigned status, const char *type, struct MHD_Response *response)
{
    c->answer = kind;
    c->status = status;
    c->response = response;
    c->complete = kind == HTTP_WHOLE;
    if (response != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
        for (size_t i = 0; i < c->header_count; i++) {
            (void)MHD_add_response_header(response, c->header[i].name, c->header[i].value);
        }
        if (atomic_load(&c->s->quiet)) {
            (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
        }
    }
    go_on(c);
}

static void answer_whole(http_call *c, unsigned status, const char *type, const void *bytes, size_t length,
                         enum MHD_ResponseMemoryMode mode)
{
    pthread_mutex_lock(&c->lock);
    if (c->answer == HTTP_NONE) {
        copy_bytes(c, bytes, length);
        set_answer(c, HTTP_WHOLE, status, type, MHD_create_response_from_buffer(length, (void *)bytes, mode));
    }
    pthread_mutex_unlock(&c->lock);
}

void http_call_answer(http_call *c, unsigned status, const char *type, const void *bytes, size_t length)
{
    answer_whole(c, status, type, bytes, length, MHD_RESPMEM_MUST_COPY);
}

void http_call_answer_static(http_call *c, unsigned status, const char *type, const void *bytes, size_t length)
{
    answer_whole(c, status, type, bytes, length, MHD_RESPMEM_PERSISTENT);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t most)
{
    (void)position;
    http_call *c = context;
    ssize_t made = 0;
    pthread_mutex_lock(&c->lock);
    const size_t left = c->unsent.length - c->sent;
    if (left > 0) {
        made = (ssize_t)(left < most ? left : most);
        memcpy(out, c->unsent.data + c->sent, (size_t)made);
        c->sent += (size_t)made;
        if (c->sent == c->unsent.length) {
            c->sent = 0;
            buffer_clear(&c->unsent);
        }
    } else if (c->complete) {
        made = c->broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        c->suspended = true;
        MHD_suspend_connection(c->connection);
    }
    pthread_mutex_unlock(&c->lock);
    return made;
}

static void free_stream(void *context)
{
    http_call_release(context);
}

void http_call_begin_stream(http_call *c, unsigned status, const char *type)
{
    pthread_mutex_lock(&c->lock);
    if (c->answer == HTTP_NONE) {
        struct MHD_Response *response =
            MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, c, free_stream);
        if (response != NULL) {
            (void)http_call_retain(c);
        }
        set_answer(c, HTTP_STREAM, status, type, response);
    }
    pthread_mutex_unlock(&c->lock);
}

/* With the lock: makes the room of what was sent free before the buffer grows. */
static bool append(http_call *c, const void *bytes, size_t length)
{
    if (c->sent > 0) {
        memmove(c->unsent.data, c->unsent.data + c->sent, c->unsent.length - c->sent);
        c->unsent.length -= c->sent;
        c->sent = 0;
    }
    return c->unsent.length <= c->s->o.most_unsent && buffer_append(&c->unsent, bytes, length, NULL) == HEARTH_OK;
}

bool http_call_write(http_call *c, const void *bytes, size_t length)
{
    pthread_mutex_lock(&c->lock);
    bool good = !c->gone && !c->complete && c->answer == HTTP_STREAM;
    if (good && !append(c, bytes, length)) {
        good = false;
        c->gone = c->broken = true; /* it reads too slowly */
    }
    if (good) {
        copy_bytes(c, bytes, length);
    }
    go_on(c);
    pthread_mutex_unlock(&c->lock);
    return good;
}

void http_call_end_stream(http_call *c)
{
    pthread_mutex_lock(&c->lock);
    if (c->answer == HTTP_STREAM) {
        c->complete = true;
        go_on(c);
    }
    pthread_mutex_unlock(&c->lock);
}

enum MHD_Result http_call_queue(http_call *c)
{
    pthread_mutex_lock(&c->lock);
    struct MHD_Response *response = c->response;
    struct MHD_Connection *connection = c->connection;
    const unsigned status = c->status;
    c->response = NULL;
    pthread_mutex_unlock(&c->lock);
    if (response == NULL) { /* memory was out */
        return MHD_NO;
    }
    c->queued = true;
    const enum MHD_Result made = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return made;
}
