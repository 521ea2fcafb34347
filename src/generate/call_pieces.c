/* The head of a call, then its arguments byte by byte. */
#include "generate/call_pieces.h"

#include <stdio.h>
#include <string.h>

typedef enum match { MATCH_YES, MATCH_MORE, MATCH_NEVER } match;

/* A place in a text that is still being written. */
typedef struct place {
    const char *text;
    size_t length, at;
} place;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(place *p)
{
    while (p->at < p->length && is_blank(p->text[p->at])) {
        p->at++;
    }
}

/* Blanks, then this. */
static match expect(place *p, const char *wanted)
{
    skip_blanks(p);
    const size_t length = strlen(wanted), left = p->length - p->at;
    if (memcmp(p->text + p->at, wanted, left < length ? left : length) != 0) {
        return MATCH_NEVER;
    }
    p->at += left < length ? 0 : length;
    return left < length ? MATCH_MORE : MATCH_YES;
}

static match expect_all(place *p, const char *const *wanted)
{
    match found = MATCH_YES;
    for (size_t i = 0; wanted[i] != NULL && found == MATCH_YES; i++) {
        found = expect(p, wanted[i]);
    }
    return found;
}

/* Up to `end`, which is passed. */
static match read_name(place *p, char end, char *ret, size_t size)
{
    const char *begin = p->text + p->at;
    const char *found = memchr(begin, end, p->length - p->at);
    const size_t length = found != NULL ? (size_t)(found - begin) : p->length - p->at;
    if (length >= size || memchr(begin, '\\', length) != NULL) {
        return MATCH_NEVER;
    }
    if (found == NULL) {
        return MATCH_MORE;
    }
    (void)snprintf(ret, size, "%.*s", (int)length, begin);
    p->at += length + 1;
    return MATCH_YES;
}

static match read_json_head(place *p, char *name, size_t size)
{
    static const char *const before[] = {"{", "\"name\"", ":", "\"", NULL};
    match found = expect_all(p, before);
    found = found == MATCH_YES ? read_name(p, '"', name, size) : found;
    found = found == MATCH_YES ? expect(p, ",") : found;
    if (found != MATCH_YES) {
        return found;
    }
    found = expect(p, "\"arguments\"");
    found = found == MATCH_NEVER ? expect(p, "\"parameters\"") : found;
    return found == MATCH_YES ? expect(p, ":") : found;
}

static match read_head(const call_source *source, place *p, char *name, size_t size)
{
    static const char space[] = "functions.";
    match found = MATCH_YES;
    switch (source->form) {
    case CALL_JSON:
    case CALL_LLAMA:
        found = read_json_head(p, name, size);
        break;
    case CALL_FUNCTION:
        skip_blanks(p);
        found = read_name(p, '>', name, size);
        break;
    case CALL_HARMONY:
        (void)snprintf(name, size, "%s",
                       source->name + (strncmp(source->name, space, sizeof space - 1) == 0 ? sizeof space - 1 : 0));
        break;
    default:
        return MATCH_NEVER;
    }
    if (found == MATCH_YES) { /* the object itself is the first piece */
        found = expect(p, "{");
        p->at -= found == MATCH_YES ? 1 : 0;
    }
    return found;
}

void call_pieces_init(call_pieces *p)
{
    *p = (call_pieces){.begun = false};
    text_stream_init(&p->text, NULL, 0);
}

void call_pieces_free(call_pieces *p)
{
    text_stream_free(&p->text);
}

void call_pieces_clear(call_pieces *p)
{
    call_pieces_free(p);
    call_pieces_init(p);
}

/* Whether a byte is part of the arguments: blanks between values are not, nor is what follows them. */
static bool take(call_pieces *p, char c)
{
    if (p->in_string) {
        p->in_string = c != '"' || p->escaped;
        p->escaped = c == '\\' && !p->escaped;
        return true;
    }
    if (is_blank(c)) {
        return false;
    }
    p->in_string = c == '"';
    p->depth += c == '{' || c == '[' ? 1 : 0;
    p->depth -= (c == '}' || c == ']') && p->depth > 0 ? 1 : 0;
    p->closed = p->depth == 0;
    return true;
}

hearth_status call_pieces_read(call_pieces *p, const call_source *source, hearth_error *error)
{
    const buffer *body = &source->body->text;
    buffer_clear(&p->text.shown);
    if (p->hopeless || source->body->count > 0) {
        return HEARTH_OK;
    }
    if (!p->begun) {
        place at = {.text = buffer_text(body), .length = body->length};
        const match found = read_head(source, &at, p->name, sizeof p->name);
        p->hopeless = found == MATCH_NEVER || (found == MATCH_YES && !tool_calls_offered(source->tools, p->name));
        if (found != MATCH_YES || p->hopeless) {
            return HEARTH_OK;
        }
        p->begun = true;
        p->at = at.at;
    }
    buffer piece;
    buffer_init(&piece, 0);
    hearth_status status = HEARTH_OK;
    for (; p->at < body->length && !p->closed && status == HEARTH_OK; p->at++) {
        const char c = buffer_text(body)[p->at];
        status = take(p, c) ? buffer_append_char(&piece, c, error) : HEARTH_OK;
    }
    if (status == HEARTH_OK) {
        status = text_stream_push(&p->text, buffer_text(&piece), piece.length, error);
    }
    buffer_free(&piece);
    return status;
}
