/* Sources that are web archives (ISO 28500): records one behind the other, mostly gzip each. */
#include "corpus/html_text.h"
#include "corpus/source_part.h"
#include "corpus/stream.h"

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct warc_record {
    char type[24], media[128], date[32];
    buffer uri;
    uint64_t length; /* of the block */
    bool has_length;
} warc_record;

typedef struct warc_reader {
    source_reader *reader;
    line_reader lines;
    document line;
    warc_record record;
} warc_reader;

static hearth_status malformed(const warc_reader *w, const char *expected, const char *found, hearth_error *error)
{
    char place[48];
    (void)snprintf(place, sizeof place, "line %llu", (unsigned long long)w->lines.number);
    (void)error_set(error, HEARTH_E_FORMAT, place, expected, "%.60s", found);
    error_in_file(error, w->reader->path);
    return HEARTH_E_FORMAT;
}

/* ---- headers ---- */

/* "Name: value", without regard to the name's case; NULL: another name. */
static const char *value_of(const char *line, const char *name)
{
    const size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0 || line[length] != ':') {
        return NULL;
    }
    line += length + 1;
    return line + strspn(line, " \t");
}

static void copy(char *ret, size_t size, const char *value)
{
    if (value != NULL) {
        (void)snprintf(ret, size, "%s", value);
    }
}

static bool read_length(const char *text, uint64_t *ret)
{
    *ret = 0;
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits + strspn(text + digits, " \t")] != '\0') {
        return false;
    }
    for (size_t i = 0; i < digits; i++) {
        *ret = *ret * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

static hearth_status next_line(warc_reader *w, bool *ret_there, hearth_error *error)
{
    document_clear(&w->line);
    return line_next(&w->lines, &w->line, ret_there, error);
}

static hearth_status read_field(warc_reader *w, const char *line, hearth_error *error)
{
    warc_record *r = &w->record;
    const char *length = value_of(line, "Content-Length"), *uri = value_of(line, "WARC-Target-URI");
    copy(r->type, sizeof r->type, value_of(line, "WARC-Type"));
    copy(r->media, sizeof r->media, value_of(line, "Content-Type"));
    copy(r->date, sizeof r->date, value_of(line, "WARC-Date"));
    if (uri != NULL) {
        TRY(document_set(&r->uri, uri, error));
    }
    if (length != NULL) {
        r->has_length = read_length(length, &r->length);
        return r->has_length ? HEARTH_OK : malformed(w, "Content-Length: a whole number", line, error);
    }
    return HEARTH_OK;
}

/* The header of the next record; *ret_there false at the end. */
static hearth_status read_header(warc_reader *w, bool *ret_there, hearth_error *error)
{
    warc_record *r = &w->record;
    r->type[0] = r->media[0] = r->date[0] = '\0';
    r->has_length = false;
    buffer_clear(&r->uri);
    do {
        TRY(next_line(w, ret_there, error));
    } while (*ret_there && w->line.bytes == 0);
    if (!*ret_there) {
        return HEARTH_OK;
    }
    if (!text_starts(buffer_text(&w->line.text), "WARC/")) {
        return malformed(w, "WARC/1.0 or 1.1", buffer_text(&w->line.text), error);
    }
    for (bool there = true;;) {
        TRY(next_line(w, &there, error));
        if (!there || w->line.too_large) {
            return malformed(w, "an empty line after the header", there ? "a line without end" : "the end", error);
        }
        if (w->line.bytes == 0) {
            return r->has_length ? HEARTH_OK : malformed(w, "Content-Length", "none", error);
        }
        TRY(read_field(w, buffer_text(&w->line.text), error));
    }
}

/* ---- HTTP ---- */

typedef struct http_answer {
    unsigned status;
    char media[128], encoding[32];
    bool chunked;
    size_t body; /* where it begins */
} http_answer;

static bool media_is(const char *media, const char *name)
{
    const size_t length = strlen(name);
    return strncasecmp(media, name, length) == 0 && strchr("; \t", media[length]) != NULL;
}

static bool read_answer(const buffer *block, http_answer *ret)
{
    char line[1024];
    size_t at = 0;
    *ret = (http_answer){0};
    for (bool first = true; at < block->length; first = false) {
        const char *end = memchr(block->data + at, '\n', block->length - at);
        if (end == NULL) {
            return false;
        }
        size_t length = (size_t)(end - block->data) - at;
        const size_t shown = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, block->data + at, shown);
        line[shown - (shown > 0 && line[shown - 1] == '\r')] = '\0';
        at += length + 1;
        if (first) {
            if (sscanf(line, "HTTP/%*15s %3u", &ret->status) != 1) { /* NOLINT(cert-err34-c): a status */
                return false;
            }
        } else if (line[0] == '\0') {
            ret->body = at;
            return true;
        }
        const char *transfer = value_of(line, "Transfer-Encoding");
        copy(ret->media, sizeof ret->media, value_of(line, "Content-Type"));
        copy(ret->encoding, sizeof ret->encoding, value_of(line, "Content-Encoding"));
        ret->chunked = ret->chunked || (transfer != NULL && strncasecmp(transfer, "chunked", 7) == 0);
    }
    return false;
}

/* Takes the chunks' lengths out, in place; false where they do not fit: it stays as it is (archives often hold the
 * body without them, under the old header). */
static bool join_chunks(buffer *body)
{
    size_t from = 0, to = 0;
    for (int pass = 0; pass < 2; pass++) { /* whether it fits, then the moves */
        from = to = 0;
        for (;;) {
            size_t length = 0, digits = 0;
            for (; from < body->length && digits < 9; from++, digits++) {
                const char c = body->data[from];
                const int v = c >= '0' && c <= '9'                 ? c - '0'
                              : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                   : -1;
                if (v < 0) {
                    break;
                }
                length = length * 16 + (size_t)v;
            }
            const char *end =
                digits > 0 && from < body->length ? memchr(body->data + from, '\n', body->length - from) : NULL;
            if (end == NULL) {
                return false;
            }
            from = (size_t)(end - body->data) + 1;
            if (length == 0) {
                break;
            }
            if (length > body->length - from) {
                return false;
            }
            if (pass == 1) {
                memmove(body->data + to, body->data + from, length);
            }
            to += length;
            from += length;
            from += from < body->length && body->data[from] == '\r';
            from += from < body->length && body->data[from] == '\n';
        }
    }
    body->length = to;
    body->data[to] = '\0';
    return true;
}

/* ---- characters ---- */

static hearth_status convert(iconv_t how, const buffer *in, buffer *out, hearth_error *error)
{
    char *from = in->data;
    size_t left = in->length;
    while (left > 0) {
        char piece[4096];
        char *to = piece;
        size_t room = sizeof piece;
        const size_t made = iconv(how, &from, &left, &to, &room);
        TRY(buffer_append(out, piece, sizeof piece - room, error));
        if (made == (size_t)-1 && errno != E2BIG) { /* a byte that means nothing there */
            TRY(buffer_append(out, "\xEF\xBF\xBD", 3, error));
            from++;
            left--;
        }
    }
    return HEARTH_OK;
}

/* To UTF-8; *ret_known false where nobody knows the charset. */
static hearth_status to_utf8(const char *charset, buffer *text, bool *ret_known, hearth_error *error)
{
    *ret_known = true;
    if (*charset == '\0' || strcasecmp(charset, "utf-8") == 0 || strcasecmp(charset, "utf8") == 0) {
        return HEARTH_OK;
    }
    buffer out;
    const iconv_t how = iconv_open("UTF-8", strcasecmp(charset, "iso-8859-1") == 0 ? "windows-1252" : charset);
    if (how == (iconv_t)-1) {
        *ret_known = false;
        return HEARTH_OK;
    }
    buffer_init(&out, text->limit);
    const hearth_status status = convert(how, text, &out, error);
    (void)iconv_close(how);
    if (status != HEARTH_OK) {
        buffer_free(&out);
        return status;
    }
    buffer_free(text);
    *text = out;
    return HEARTH_OK;
}

/* "text/html; charset=x" */
static void charset_of(const char *media, char *ret, size_t size)
{
    html_charset(media, strlen(media), ret, size);
}

/* ---- records ---- */

/* The document's text becomes that of the body, which is the rest of it from `body` on. */
static hearth_status take_body(document *d, const http_answer *answer, hearth_error *error)
{
    char charset[40];
    bool known = true;
    buffer *text = &d->text;
    memmove(text->data, text->data + answer->body, text->length - answer->body + 1);
    text->length -= answer->body;
    if (answer->chunked) {
        (void)join_chunks(text);
    }
    if (text->length >= 2 && memcmp(text->data, "\x1f\x8b", 2) == 0) {
        return document_drop(d, FATE_UNREADABLE, -1, error, "the body is compressed: %.20s", answer->encoding);
    }
    const bool html = media_is(answer->media, "text/html");
    charset_of(answer->media, charset, sizeof charset);
    if (charset[0] == '\0' && html) {
        html_charset(buffer_text(text), text->length, charset, sizeof charset);
    }
    TRY(to_utf8(charset, text, &known, error));
    if (!known) {
        return document_drop(d, FATE_UNREADABLE, -1, error, "characters of a set that nobody knows: %s", charset);
    }
    if (html) {
        buffer out;
        buffer_init(&out, text->limit);
        const hearth_status status = html_text(buffer_text(text), text->length, &out, error);
        if (status != HEARTH_OK) {
            buffer_free(&out);
            return status;
        }
        buffer_free(text);
        *text = out;
    }
    d->bytes = text->length;
    return HEARTH_OK;
}

static hearth_status put_record(warc_reader *w, hearth_error *error)
{
    source_reader *reader = w->reader;
    const warc_record *r = &w->record;
    document *d = &reader->d;
    TRY(document_set(&d->place, buffer_text(&r->uri), error));
    TRY(document_set(&d->created, r->date, error));
    if (d->too_large || media_is(r->media, "text/plain")) {
        return source_put(reader, error);
    }
    http_answer answer;
    if (!read_answer(&d->text, &answer)) {
        TRY(document_drop(d, FATE_UNREADABLE, -1, error, "no HTTP answer in the record"));
        return source_put(reader, error);
    }
    if (answer.status != 200 || (!media_is(answer.media, "text/html") && !media_is(answer.media, "text/plain"))) {
        return HEARTH_OK; /* no text: a picture, a redirection */
    }
    TRY(take_body(d, &answer, error));
    return source_put(reader, error);
}

static hearth_status read_record(warc_reader *w, hearth_error *error)
{
    const warc_record *r = &w->record;
    const bool plain = media_is(r->media, "text/plain");
    const bool wanted = (strcmp(r->type, "response") == 0 && media_is(r->media, "application/http")) ||
                        (plain && (strcmp(r->type, "conversion") == 0 || strcmp(r->type, "resource") == 0));
    bool whole = false;
    TRY(source_begin(w->reader, error));
    TRY(line_take(&w->lines, r->length, wanted ? &w->reader->d : NULL, &whole, error));
    if (!whole) {
        return malformed(w, "as many bytes as Content-Length says", "the end", error);
    }
    return wanted ? put_record(w, error) : HEARTH_OK;
}

static hearth_status read_records(warc_reader *w, hearth_error *error)
{
    for (bool there = true; !w->reader->full;) {
        TRY(read_header(w, &there, error));
        if (!there) {
            return HEARTH_OK;
        }
        TRY(read_record(w, error));
    }
    return HEARTH_OK;
}

hearth_status source_read_warc(source_reader *reader, hearth_error *error)
{
    warc_reader w = {.reader = reader};
    TRY(byte_stream_open(reader->path, &w.lines.stream, error));
    byte_stream_watch(w.lines.stream, reader->sink->go_on, reader->sink->context);
    document_init(&w.line);
    w.line.most = LIMIT_HTTP_HEADER_BYTES;
    buffer_init(&w.record.uri, LIMIT_HTTP_HEADER_BYTES);
    const hearth_status status = read_records(&w, error);
    buffer_free(&w.record.uri);
    document_free(&w.line);
    byte_stream_close(w.lines.stream);
    return status;
}
