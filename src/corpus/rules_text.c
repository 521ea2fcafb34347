/* Rules on the characters of a text. */
#include "corpus/rule_functions.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

hearth_status rule_utf8_repair(rule *r, document *d, int part, hearth_error *error)
{
    (void)r;
    (void)part;
    const char *text = buffer_text(&d->text);
    const size_t length = d->text.length;
    d->valid = d->valid || utf8_valid(text, length);
    if (d->valid) {
        return HEARTH_OK;
    }
    buffer out;
    buffer_init(&out, d->text.limit);
    hearth_status status = buffer_reserve(&out, length, error);
    status = status != HEARTH_OK ? status : utf8_repair(text, length, &out, error);
    if (status != HEARTH_OK) {
        buffer_free(&out);
        return status;
    }
    buffer_free(&d->text);
    d->text = out;
    d->valid = true;
    return HEARTH_OK;
}

static bool ascii(const buffer *b)
{
    for (size_t i = 0; i < b->length; i++) {
        if ((unsigned char)b->data[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

hearth_status rule_nfc(rule *r, document *d, int part, hearth_error *error)
{
    (void)r;
    (void)part;
    if (ascii(&d->text)) {
        return HEARTH_OK;
    }
    utf8proc_uint8_t *made = NULL;
    const utf8proc_ssize_t length =
        utf8proc_map((const utf8proc_uint8_t *)d->text.data, (utf8proc_ssize_t)d->text.length, &made,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (length < 0) {
        free(made);
        return length == UTF8PROC_ERROR_NOMEM
                   ? error_memory(error, d->text.length)
                   : error_set(error, HEARTH_E_FORMAT, "nfc", NULL, "%s", utf8proc_errmsg(length));
    }
    buffer_clear(&d->text);
    const hearth_status status = buffer_append(&d->text, made, (size_t)length, error);
    free(made);
    return status;
}

hearth_status rule_length(rule *r, document *d, int part, hearth_error *error)
{
    (void)part;
    size_t characters = 0;
    for (size_t i = 0; i < d->text.length; i++) {
        characters += ((unsigned char)d->text.data[i] & 0xC0) != 0x80;
    }
    if ((double)characters < r->values[0].number) {
        return RULE_DROP(r, d, error, "%zu characters, fewer than %.0f", characters, r->values[0].number);
    }
    if ((double)characters > r->values[1].number) {
        return RULE_DROP(r, d, error, "%zu characters, more than %.0f", characters, r->values[1].number);
    }
    return HEARTH_OK;
}
