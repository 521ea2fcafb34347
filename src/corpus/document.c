/* Documents: filled, sealed, dropped. */
#include "corpus/document.h"

#include "base/limits.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIELD_LIMIT ((size_t)1 << 20) /* places, licences, reasons */

void document_fields(document *d, buffer *ret[DOCUMENT_FIELDS])
{
    ret[0] = &d->text;
    ret[1] = &d->place;
    ret[2] = &d->licence;
    ret[3] = &d->evidence;
    ret[4] = &d->language;
    ret[5] = &d->created;
    ret[6] = &d->reason;
    ret[7] = &d->scratch;
    ret[8] = &d->group;
}

void document_init(document *d)
{
    buffer *fields[DOCUMENT_FIELDS];
    memset(d, 0, sizeof *d);
    document_fields(d, fields);
    for (size_t i = 0; i < DOCUMENT_FIELDS; i++) {
        buffer_init(fields[i], FIELD_LIMIT);
    }
    d->text.limit = LIMIT_DOCUMENT_BYTES * 4u; /* rules may lengthen it: U+FFFD for a byte */
    d->most = LIMIT_DOCUMENT_BYTES;
}

static void drop_rest(document *d)
{
    if (d->rest != NULL) {
        uint8_t unused[32];
        hash_finish(d->rest, unused);
        d->rest = NULL;
    }
}

void document_clear(document *d)
{
    buffer *fields[DOCUMENT_FIELDS];
    document_fields(d, fields);
    for (size_t i = 0; i < DOCUMENT_FIELDS; i++) {
        buffer_clear(fields[i]);
    }
    drop_rest(d);
    d->id[0] = d->kept[0] = '\0';
    d->bytes = d->like = d->row = 0;
    d->source = 0;
    d->fate = NULL;
    d->rule = -1;
    d->held_out = d->too_large = d->valid = false;
    d->status = HEARTH_OK;
}

void document_free(document *d)
{
    buffer *fields[DOCUMENT_FIELDS];
    document_fields(d, fields);
    for (size_t i = 0; i < DOCUMENT_FIELDS; i++) {
        buffer_free(fields[i]);
    }
    drop_rest(d);
}

void document_swap(document *a, document *b)
{
    const document c = *a;
    *a = *b;
    *b = c;
}

hearth_status document_add(document *d, const void *bytes, size_t length, hearth_error *error)
{
    d->bytes += length;
    if (d->rest == NULL && length <= d->most - d->text.length) {
        return buffer_append(&d->text, bytes, length, error);
    }
    if (d->rest == NULL) {
        d->rest = hash_create();
        if (d->rest == NULL) {
            return error_memory(error, sizeof(void *));
        }
        d->too_large = true;
        hash_update(d->rest, buffer_text(&d->text), d->text.length);
    }
    hash_update(d->rest, bytes, length);
    return HEARTH_OK;
}

hearth_status document_seal(document *d, hearth_error *error)
{
    if (d->rest == NULL) {
        return hash_bytes_hex(buffer_text(&d->text), d->text.length, d->id, error);
    }
    uint8_t digest[32];
    hash_finish(d->rest, digest);
    d->rest = NULL;
    hash_hex(digest, d->id);
    return document_drop(d, FATE_TOO_LARGE, -1, error, "%llu bytes, the limit is %zu", (unsigned long long)d->bytes,
                         d->most);
}

hearth_status document_drop(document *d, const char *fate, int rule, hearth_error *error, const char *format, ...)
{
    if (d->fate != NULL) {
        return HEARTH_OK;
    }
    char reason[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    d->fate = fate;
    d->rule = rule;
    return document_set(&d->reason, reason, error);
}

hearth_status document_want_utf8(document *d, hearth_error *error)
{
    d->valid = d->valid || utf8_valid(buffer_text(&d->text), d->text.length);
    return d->valid ? HEARTH_OK : document_drop(d, FATE_INVALID_UTF8, -1, error, "bytes that are no UTF-8");
}

hearth_status document_set(buffer *field, const char *text, hearth_error *error)
{
    buffer_clear(field);
    return text == NULL ? HEARTH_OK : buffer_append_text(field, text, error);
}

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void document_hash_bytes(const char *hex, uint8_t ret[32])
{
    for (size_t i = 0; i < 32; i++) {
        ret[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    }
}
